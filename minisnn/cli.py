"""The command `minisnn`: its parser, and the conversion of errors to a sentence and an exit code.

Exit codes: 0 success, 1 a failed check or a bug in minisnn, 2 wrong input, 130 stopped by Ctrl-C,
143 by SIGTERM, 129 by closing the terminal (SIGHUP). MINISNN_DEBUG=1 shows tracebacks.
"""

import argparse
import importlib
import os
import shlex
import sys
import warnings
from typing import Any

from . import __version__, stopping, terminal

# name: (module with a function of this name, its summary); imported when called
COMMANDS = {
    "train": (".commands.train", "meta-train a network, then test it on unseen classes"),
    "evaluate": (".commands.evaluate", "few-shot accuracy of a checkpoint"),
    "show": (".commands.show", "a task as pictures, a raster and an animation"),
    "fetch": (".commands.fetch", "download N-MNIST, the real recordings"),
    "record": (".commands.record", "turn labelled pictures into event recordings"),
    "info": (".commands.info", "describe a checkpoint, a run or a folder of data"),
    "check": (".commands.check", "prove the hand-written derivatives"),
    "table": (".commands.studies", "a table of the paper, measured here"),
    "figure": (".commands.studies", "a figure of the paper, measured here"),
    "relearn": (".commands.studies", "forget a task and learn it again in one shot"),
    "explore": (
        ".commands.studies",
        "beyond the paper: shots, ways, activity, recordings, shift, rule, onset",
    ),
    "report": (".commands.studies", "all tables and figures on one page"),
    "nir": (".commands.nir", "convert networks to and from NIR, the interchange format"),
    "lessons": (
        ".commands.lessons",
        "copy the lessons, notebooks with exercises, into a folder of your own",
    ),
    "hardware": (
        ".hardware.command",
        "learn in integers: compare float and fixed point, export to C",
    ),
}
DESCRIPTION = """\
Meta-learning of spiking neural networks: a network that learns new classes
from one event recording of each, after having learned how to learn (MAML),
with every derivative written by hand."""
EPILOG = """\
a first session:
  minisnn train                               meta-train, then test
  minisnn evaluate --checkpoint runs/quick-1  test again (--seed 1)
  minisnn show --out task                     see a task: pictures and animation
  minisnn check                               prove the derivatives
  minisnn lessons                             learn how all of it works

Each command has its own help with examples: minisnn train --help"""


class Parser(argparse.ArgumentParser):
    """A parser that preserves the layout of help texts."""

    def __init__(self, **options: Any):
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(**options, formatter_class=layout, allow_abbrev=False)


def parser(called: str | None = None) -> Parser:
    """Return the parser of all commands; with `called`, only that command has its options, to save
    time."""
    top = Parser(prog="minisnn", description=DESCRIPTION, epilog=EPILOG)
    top.add_argument("--version", action="version", version=f"minisnn {__version__}")
    below = top.add_subparsers(title="commands", metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        command = below.add_parser(name, help=summary)
        if called in (None, name):
            from .commands.signature import declare

            found = importlib.import_module(module, __package__)
            command.description = found.__doc__
            declare(command, getattr(found, name))
    return top


def main(argv: list[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit code."""
    line = list(sys.argv[1:] if argv is None else argv)
    with terminal.streams():
        try:
            with stopping.heeded(*stopping.SIGNALS, process=argv is None):
                code = _carry_out(line)
                sys.stdout.flush()
                return code
        except BaseException as error:
            if os.environ.get("MINISNN_DEBUG") or isinstance(error, SystemExit):
                raise
            return _explain(error, line)


def _carry_out(line: list[str]) -> int:
    after = line[1] if len(line) > 1 else "-"
    if line[:1] == ["hardware"] and after.startswith("-") and after not in ("-h", "--help"):
        line = ["hardware", "compare", *line[1:]]
    top = parser(next((word for word in line if not word.startswith("-")), ""))
    given = vars(top.parse_args(line))
    if "run" not in given:
        top.print_help()
        return 2
    if not os.environ.get("MINISNN_DEBUG"):
        warnings.showwarning = _note
    return given.pop("run")(given) or 0


def _note(message: Any, *_: Any, **__: Any) -> None:
    """Print a warning as a note."""
    print(f"minisnn: note: {message}", file=sys.stderr, flush=True)


def _explain(error: BaseException, line: list[str]) -> int:
    """Print one sentence about an error, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # the reader has closed the pipe: `… | head`
        return 0
    text = " ".join(str(error).split())
    code = 2
    if isinstance(error, KeyboardInterrupt):
        text = text or "stopped"
        code = stopping.exit_code(error)
    elif isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        text = f"{where}{error.strerror[0].lower()}{error.strerror[1:]}"
    elif isinstance(error, MemoryError):
        text = "not enough memory; smaller tasks (--queries, --shots) need less"
    elif not isinstance(error, (ValueError, OSError, ImportError)):
        again = f"MINISNN_DEBUG=1 {shlex.join(['minisnn', *line])}"
        what = f"a defect of minisnn: {type(error).__name__}: {text}"
        text = f"{what}; please report it with the output of: {again}"
        code = 1
    print(f"minisnn: {text}", file=sys.stderr, flush=True)
    return code
