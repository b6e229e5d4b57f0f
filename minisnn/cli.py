"""The command `minisnn`: its parser, and the one place where errors become a sentence and an exit
code.

Exit codes: 0 done, 1 a check failed or a defect of minisnn, 2 something given was wrong, 130
stopped by Ctrl-C, 143 by SIGTERM, 129 by the end of its terminal (SIGHUP). MINISNN_DEBUG=1 shows
tracebacks.
"""

import argparse
import difflib
import importlib
import os
import shlex
import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress

from . import __version__, stopping, terminal
from .commands.layout import Help, only_given, options_of
from .experiments import BEYOND

# What each is for. Its module has the rest, and is imported when it is called: commands/NAME.py, or
# of a package that may be missing NAME/command.py.
COMMANDS = {
    "train": "meta-train a network, then test it on unseen classes",
    "evaluate": "few-shot accuracy of a checkpoint",
    "show": "a task as pictures, a raster and an animation",
    "fetch": "download N-MNIST, the real recordings",
    "record": "turn labelled pictures into event recordings",
    "info": "describe a checkpoint, a run or a folder of data",
    "check": "prove the hand-written derivatives",
    "table": "a table of the paper, measured here",
    "figure": "a figure of the paper, measured here",
    "relearn": "forget a task and learn it again in one shot",
    "explore": f"beyond the paper: {', '.join(BEYOND)}",
    "report": "all tables and figures on one page",
    "nir": "convert networks to and from NIR, the interchange format",
    "lessons": "copy the lessons, notebooks with exercises, into a folder of your own",
    "hardware": "learn in integers: compare float and fixed point, export to C",
}
APART = ("hardware",)
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


def parser(line: list[str] | None = None) -> argparse.ArgumentParser:
    """The parser of a command line, which knows the options of its command; without a line those of
    all commands.

    What it parses holds what was given, `run`, and `otherwise`, the defaults of what was not.
    """
    layout: dict = dict(formatter_class=Help, allow_abbrev=False)
    top = argparse.ArgumentParser("minisnn", description=DESCRIPTION, epilog=EPILOG, **layout)
    top.add_argument("--version", action="version", version=f"minisnn {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    # no option that stands before a command has a value
    called = next((word for word in line or () if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        if name in APART and not _is_there(name):
            continue
        if line is not None and name != called:
            commands.add_parser(name, help=summary, **layout)
            continue
        module = importlib.import_module(_place(name), __package__)
        sub = commands.add_parser(
            name, help=summary, description=module.__doc__, epilog=module.EXAMPLES, **layout
        )
        module.arguments(sub)
        sub.set_defaults(run=module.run, otherwise=only_given(sub), known=options_of(sub))
    return top


def _place(name: str) -> str:
    return f".{name}.command" if name in APART else f".commands.{name}"


def _is_there(name: str) -> bool:
    """Whether this package has a package of this name, or a clone has it beside this one."""
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    beside = os.path.join(os.path.dirname(os.path.dirname(inside)), name)
    return any(os.path.isfile(os.path.join(one, "command.py")) for one in (inside, beside))


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
    top = parser(line)
    args = parsed(line, top)
    if args.command is None:
        top.print_help()
        return 2
    from .commands.options import check_outputs  # every command has imported it by now

    check_outputs(top, args)
    if not os.environ.get("MINISNN_DEBUG"):
        warnings.showwarning = lambda message, *_, **__: _tell(f"note: {message}")
    return args.run(args) or 0


def parsed(line: list[str], top: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """A command line: its options, `given`, the names of those that it names itself, `run`, `line`,
    its words, and `whole`, which makes the parser of all commands."""
    top = top or parser(line)
    for before, word in zip(["", *line], line):
        if word == "" or word.startswith("--") and word.endswith("="):
            name = word.removesuffix("=") or before
            top.error(f"argument {name}: expected a value, found none; is a shell variable unset?")
    if called := _meant(next((word for word in line if not word.startswith("-")), ""), COMMANDS):
        top.error(f"there is no such command; did you mean {called}?")
    namespace, unknown = top.parse_known_args(line)
    found = vars(namespace)
    known = found.pop("known", ["--help", "--version"])
    if unknown:
        near = _meant(unknown[0].partition("=")[0], known)
        asked = f"; did you mean {near}?" if near else ""
        top.error(f"unrecognized arguments: {' '.join(unknown)}{asked}")
    given = frozenset(found) - {"command", "run", "otherwise"}
    values = {**found.get("otherwise", {}), **found}
    return argparse.Namespace(**values, given=given, line=line, whole=parser)


def _meant(word: str, known: Iterable[str]) -> str | None:
    """The nearest of what is known to a word that is not; None where it is, or where none is."""
    known = list(known)
    return None if word in known else next(iter(difflib.get_close_matches(word, known, 1)), None)


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
        text = f"{text}; a package that minisnn needs is missing, damaged, or hidden by a file here"
    elif not isinstance(error, (ValueError, OSError)):
        _tell(
            f"a defect of minisnn: {type(error).__name__}: {text}; please report it, with what "
            f"this shows: MINISNN_DEBUG=1 {shlex.join(['minisnn', *line])}"
        )
        return 1
    _tell(text)
    return 2


def _tell(text: str) -> None:
    with suppress(OSError):  # a full disk, nobody who reads
        print(f"minisnn: {text}", file=sys.stderr, flush=True)
