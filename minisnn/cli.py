"""The command `minisnn`: its parser, and the one place where errors become a sentence and an exit code.

Exit codes: 0 done, 1 a check failed or a defect of minisnn, 2 something given was wrong, 130 stopped by Ctrl-C, 143 by
SIGTERM. MINISNN_DEBUG=1 shows tracebacks.
"""

import argparse
import importlib
import importlib.util
import os
import signal
import sys
import warnings

from . import __version__

COMMANDS = (
    "train",
    "evaluate",
    "show",
    "fetch",
    "record",
    "info",
    "check",
    "table",
    "figure",
    "relearn",
    "explore",
    "report",
    "nir",
    "reference",
    "lessons",
)
BESIDE = ("hardware",)  # packages beside this one; where they are, their module `command` is one of the commands
DESCRIPTION = """\
Meta-learning of spiking neural networks: a network that learns new classes from one
event recording of each, after having learned how to learn (MAML), with every
derivative written by hand."""
EPILOG = """\
a first session:
  minisnn train                                meta-train on simulated recordings, then test
  minisnn evaluate --checkpoint runs/quick-1   test again, on other tasks (--seed 1)
  minisnn show --out task                      see a task: pictures, a raster, an animation
  minisnn check                                prove the derivatives
  minisnn lessons                              learn how all of it works

Each command has its own help with examples: minisnn train --help"""


def parser() -> argparse.ArgumentParser:
    """The whole parser; `args.run(args)` carries a command out."""
    top = argparse.ArgumentParser(
        "minisnn",
        description=DESCRIPTION,
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"minisnn {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    modules = {name: f"{__package__}.commands.{name}" for name in COMMANDS}
    modules.update({name: f"{name}.command" for name in BESIDE if importlib.util.find_spec(name)})
    for name, place in modules.items():
        module = importlib.import_module(place)
        sub = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.arguments(sub)
        sub.set_defaults(run=module.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Carry out a command line; the exit code."""
    top = parser()
    for word in sys.argv[1:] if argv is None else argv:
        if word.startswith("--") and word.endswith("=--"):  # argparse would make an empty list of it
            top.error(f"argument {word.removesuffix('=--')}: expected a value, not '--'")
    args = top.parse_args(argv)
    if args.command is None:
        top.print_help()
        return 2
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks ± or → shall show a question mark, not fail
            stream.reconfigure(errors="replace")
    debug = bool(os.environ.get("MINISNN_DEBUG"))
    if not debug:
        warnings.showwarning = lambda message, *_, **__: _tell(f"note: {message}")
    try:
        signal.signal(signal.SIGTERM, _terminate)
    except ValueError:  # not in the main thread: whoever embeds us has handlers of their own
        pass
    try:
        return args.run(args) or 0
    except BaseException as error:
        if debug or isinstance(error, (SystemExit, GeneratorExit)):
            raise
        return _explain(error)


class _Terminated(KeyboardInterrupt):
    """SIGTERM: a run saves as for Ctrl-C."""


def _terminate(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated


def _explain(error: BaseException) -> int:
    """Say what is wrong in a sentence; the exit code."""
    if isinstance(error, BrokenPipeError):  # `minisnn info … | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, KeyboardInterrupt):
        _tell(str(error) or "stopped")
        terminated = isinstance(error, _Terminated) or isinstance(error.__cause__, _Terminated)
        return 143 if terminated else 130
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        _tell(f"{where}{error.strerror[0].lower()}{error.strerror[1:]}")
        return 2
    if isinstance(error, MemoryError):
        _tell("there is not enough memory for this; smaller tasks (--queries, --shots) need less")
        return 2
    if isinstance(error, (ValueError, OSError)):
        _tell(" ".join(str(error).split()))
        return 2
    _tell(f"a defect of minisnn: {type(error).__name__}: {' '.join(str(error).split())} (MINISNN_DEBUG=1 shows where)")
    return 1


def _tell(text: str) -> None:
    print(f"minisnn: {text}", file=sys.stderr, flush=True)
