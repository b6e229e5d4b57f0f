"""The command `minisnn`: its parser, and the one place where errors become a sentence and an exit
code.

Exit codes: 0 done, 1 a check failed or a defect of minisnn, 2 something given was wrong, 130
stopped by Ctrl-C, 143 by SIGTERM, 129 by the end of its terminal (SIGHUP). MINISNN_DEBUG=1 shows
tracebacks.
"""

import argparse
import importlib
import importlib.util
import os
import shlex
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from . import __version__, stopping, terminal
from .commands.options import Help, check_outputs, only_given

COMMANDS = (
    *(
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
    ),
    *("results", "nir", "convert", "site", "lessons"),
)
# packages beside this one; where they are, their module `command` is one of the commands
BESIDE = ("hardware",)
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
    """The whole parser: what it parses holds what was given, `run`, and `otherwise`, the defaults
    of what was not."""
    layout: dict = dict(formatter_class=Help, allow_abbrev=False)
    top = argparse.ArgumentParser("minisnn", description=DESCRIPTION, epilog=EPILOG, **layout)
    top.add_argument("--version", action="version", version=f"minisnn {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    modules = {name: f"{__package__}.commands.{name}" for name in COMMANDS}
    modules.update({name: f"{name}.command" for name in BESIDE if _is_beside(name)})
    for name, place in modules.items():
        module = importlib.import_module(place)
        texts = dict(help=module.SUMMARY, description=module.__doc__, epilog=module.EXAMPLES)
        sub = commands.add_parser(name, **texts, **layout)
        module.arguments(sub)
        sub.set_defaults(run=module.run, otherwise=only_given(sub))
    return top


def _is_beside(name: str) -> bool:
    """Whether a package of this name is the one beside this package, not a file or folder of
    somebody's that comes first."""
    found = importlib.util.find_spec(name)
    ours = Path(__file__).resolve().parents[1] / name
    places = (
        [Path(place).resolve() for place in found.submodule_search_locations or ()] if found else []
    )
    return ours in places and (ours / "command.py").is_file()


def main(argv: list[str] | None = None) -> int:
    """Carry out a command line, that of this process without `argv`; the exit code."""
    line = sys.argv[1:] if argv is None else argv
    with terminal.streams():
        try:
            with stopping.heeded(*stopping.SIGNALS, process=argv is None):
                code = _carry_out(line)
                sys.stdout.flush()
                return code
        except BaseException as error:
            if os.environ.get("MINISNN_DEBUG") or isinstance(error, (SystemExit, GeneratorExit)):
                raise
            return _explain(error, line)


def _carry_out(line: list[str]) -> int:
    top = parser()
    args = parsed(line, top)
    if args.command is None:
        top.print_help()
        return 2
    check_outputs(top, args)
    if not os.environ.get("MINISNN_DEBUG"):
        warnings.showwarning = lambda message, *_, **__: _tell(f"note: {message}")
    return args.run(args) or 0


def parsed(line: list[str], top: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """A command line: its options, `given`, the names of those that it names itself, `run`, and
    `parser`, which parsed it."""
    top = top or parser()
    for before, word in zip(["", *line], line):
        # argparse would make an empty list of it
        if word.startswith("--") and word.endswith("=--"):
            top.error(f"argument {word.removesuffix('=--')}: expected a value, not '--'")
        if word == "" or word.startswith("--") and word.endswith("="):
            name = word.removesuffix("=") or before
            top.error(f"argument {name}: expected a value, found none; is a shell variable unset?")
    found = vars(top.parse_args(line))
    given = frozenset(found) - {"command", "run", "otherwise"}
    return argparse.Namespace(**{**found.get("otherwise", {}), **found}, given=given, parser=top)


def _explain(error: BaseException, line: list[str]) -> int:
    """Say what is wrong in a sentence; the exit code."""
    text = " ".join(str(error).split())
    if isinstance(error, BrokenPipeError):  # `minisnn info … | head`: nobody reads on
        return 0
    if isinstance(error, KeyboardInterrupt):
        _tell(str(error) or "stopped")
        return stopping.exit_code(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        text = f"{where}{error.strerror[0].lower()}{error.strerror[1:]}"
    elif isinstance(error, MemoryError):
        text = (
            "there is not enough memory for this; smaller tasks (--queries, --shots) need less of "
            "it"
        )
    elif isinstance(error, ImportError):
        text = f"{text}; a package that minisnn needs is missing or damaged; reinstall it"
    elif not isinstance(error, (ValueError, OSError)):
        how = (
            "please report it, with what this shows: MINISNN_DEBUG=1 "
            f"{shlex.join(['minisnn', *line])}"
        )
        _tell(f"a defect of minisnn: {type(error).__name__}: {text}; {how}")
        return 1
    _tell(text)
    return 2


def _tell(text: str) -> None:
    with suppress(OSError):  # a full disk, nobody who reads
        print(f"minisnn: {text}", file=sys.stderr, flush=True)
