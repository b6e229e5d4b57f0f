"""The command `minisnn`: its parser, and the conversion of errors to a sentence and an exit code.

Exit codes: 0 success, 1 a failed check or a bug in minisnn, 2 wrong input, 130 stopped by Ctrl-C,
143 by SIGTERM, 129 by closing the terminal (SIGHUP). MINISNN_DEBUG=1 shows tracebacks.
"""

import argparse
import difflib
import importlib
import os
import shlex
import sys
import warnings
from contextlib import suppress
from typing import Any

from . import __version__, stopping, terminal

# name: (module with a function of this name, its summary); imported when called
COMMANDS = {
    "train": ("train", "meta-train a network, then test it on unseen classes"),
    "evaluate": ("evaluate", "few-shot accuracy of a checkpoint"),
    "show": ("show", "a task as pictures, a raster and an animation"),
    "fetch": ("fetch", "download N-MNIST, the real recordings"),
    "record": ("record", "turn labelled pictures into event recordings"),
    "info": ("info", "describe a checkpoint, a run or a folder of data"),
    "check": ("check", "prove the hand-written derivatives"),
    "table": ("studies", "a table of the paper, measured here"),
    "figure": ("studies", "a figure of the paper, measured here"),
    "relearn": ("studies", "forget a task and learn it again in one shot"),
    "explore": (
        "studies",
        "beyond the paper: shots, ways, activity, recordings, shift, rule, onset",
    ),
    "report": ("studies", "all tables and figures on one page"),
    "nir": ("nir", "convert networks to and from NIR, the interchange format"),
    "lessons": ("lessons", "copy the lessons, notebooks with exercises, into a folder of your own"),
    "hardware": ("", "learn in integers: compare float and fixed point, export to C"),
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
    """A parser that preserves the layout of help texts, and suggests the nearest option for an
    unknown one."""

    def __init__(self, **options: Any):
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(**options, formatter_class=layout, allow_abbrev=False)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(word, self._option_string_actions, 1, 0.75)
            meant = f"; did you mean {near[0]}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return found, unknown


def parser(called: str | None = None) -> Parser:
    """Return the parser of all commands; with `called`, only that command has its options, to save
    time."""
    top = Parser(prog="minisnn", description=DESCRIPTION, epilog=EPILOG)
    top.add_argument("--version", action="version", version=f"minisnn {__version__}")
    below = top.add_subparsers(title="commands", metavar="COMMAND")
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, (module, summary) in COMMANDS.items():
        if name == "hardware" and not os.path.isdir(os.path.join(folder, name)):
            continue
        command = below.add_parser(name, help=summary)
        if called in (None, name):
            from .commands.signature import declare

            place = f".commands.{module}" if module else f".{name}.command"
            found = importlib.import_module(place, __package__)
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
            if os.environ.get("MINISNN_DEBUG") or isinstance(error, (SystemExit, GeneratorExit)):
                raise
            return _explain(error, line)


def _carry_out(line: list[str]) -> int:
    after = line[1] if len(line) > 1 else "-"
    if line[:1] == ["hardware"] and after.startswith("-") and after not in ("-h", "--help"):
        line = ["hardware", "compare", *line[1:]]
    called = next((word for word in line if not word.startswith("-")), "")
    top = parser(called)
    given = vars(top.parse_args(line))
    if "run" not in given:
        top.print_help()
        return 2
    if not os.environ.get("MINISNN_DEBUG"):
        warnings.showwarning = lambda message, *_, **__: _print(f"note: {message}")
    return given.pop("run")(given) or 0


def _explain(error: BaseException, line: list[str]) -> int:
    """Print one sentence about an error, and return the exit code."""
    text = " ".join(str(error).split())
    if isinstance(error, BrokenPipeError):  # the reader has closed the pipe: `… | head`
        return 0
    if isinstance(error, KeyboardInterrupt):
        _print(text or "stopped")
        return stopping.exit_code(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        text = f"{where}{error.strerror[0].lower()}{error.strerror[1:]}"
    elif isinstance(error, MemoryError):
        text = "not enough memory; smaller tasks (--queries, --shots) need less"
    elif isinstance(error, ImportError):
        text += (
            "; a package that minisnn needs is missing, damaged, or hidden by a file in this folder"
        )
    elif not isinstance(error, (ValueError, OSError)):
        again = f"MINISNN_DEBUG=1 {shlex.join(['minisnn', *line])}"
        what = f"a defect of minisnn: {type(error).__name__}: {text}"
        _print(f"{what}; please report it with the output of: {again}")
        return 1
    _print(text)
    return 2


def _print(text: str) -> None:
    with suppress(OSError):  # a full disk, a closed pipe
        print(f"minisnn: {text}", file=sys.stderr, flush=True)
