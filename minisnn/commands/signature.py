"""Commands as functions: parameters are options, and their annotations are the help.

    def show(
        task: Annotated[Path, "FILE", "what is shown"],
        /,
        index: Annotated[int, "which of them"] = 0,
        out: Annotated[Path, "folder to write to", outputs.FOLDER] = Path("task"),
    ) -> None:

A parameter before the slash is an argument without a flag. Annotated has the type, the help (the
last text), and optionally the value's name (a text before the help), a function that parses the
value, its kind if it is an output (`outputs.Kind`; other paths are inputs), and its `Group`. A
Literal is a choice, a bool a flag, and a dataclass stands for its fields, as a group under its
docstring. A whole number without a parser is at least 1, or 0 if that is its default. A dictionary
of functions is a command with parts.
"""

import argparse
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from .. import outputs

METAVARS = {int: "N", float: "X", str: "NAME", Path: "PATH"}
FIELDS = "__dataclass_fields__"  # attribute of dataclasses
WORDS = {int: "whole number", float: "number"}


class Group(NamedTuple):
    """A heading of the help, and the text below it."""

    title: str
    description: str | None = None


def options(function: Callable) -> Iterator[tuple[Group | None, inspect.Parameter]]:
    """Yield (group, parameter) for every option of a function."""
    for parameter in inspect.signature(function).parameters.values():
        kind: Any = parameter.annotation
        if not hasattr(kind, FIELDS):
            yield extra(parameter, Group), parameter
            continue
        group = Group(*(inspect.getdoc(kind) or "").split("\n\n", 1))
        for field in inspect.signature(kind).parameters.values():
            yield group, field


def extra(option: inspect.Parameter, kind: Any) -> Any:
    """Return what an option's annotation has of a type, or None."""
    found = [one for one in option.annotation.__metadata__ if isinstance(one, kind)]
    return found[0] if found else None


def declare(parser: argparse.ArgumentParser, command: Any) -> None:
    """Add a command's options to a parser, and a default `run` that calls the command with them."""
    if isinstance(command, dict):
        parser.usage = "%(prog)s PART [options]"
        how: Any = dict(title="what to do", metavar="PART", required=True, prog=parser.prog)
        parts: Any = parser.add_subparsers(**how)
        for name, function in command.items():
            summary = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
            declare(parts.add_parser(name, help=summary), function)
        return
    parser.description = inspect.getdoc(command)
    parser.set_defaults(run=partial(run, command))
    groups: dict[Group | None, Any] = {None: parser}
    names = []
    for group, option in options(command):
        if group is not None and group not in groups:
            groups[group] = parser.add_argument_group(*group)
        _add(groups[group], option)
        if option.kind is option.POSITIONAL_ONLY:
            names.append(option.name if option.default is option.empty else f"[{option.name}]")
    parser.usage = " ".join(["%(prog)s", *names, "[options]"])


def _add(parser: Any, option: inspect.Parameter) -> None:
    default = option.default
    needed = default is option.empty
    kind = option.annotation.__origin__
    optional = NoneType in get_args(kind)
    kind = get_args(kind)[0] if optional else kind
    *metavar, text = [one for one in option.annotation.__metadata__ if isinstance(one, str)]
    if not (needed or default is None or default is False or "default" in text):
        words = ",".join(map(str, default)) or "none" if isinstance(default, tuple) else default
        text = f"{text} (default: {'yes' if default is True else words})"
    how: dict[str, Any] = dict(help=text.replace("%", "%%"), default=argparse.SUPPRESS)
    if kind is bool:
        how["action"] = "store_true" if default is False else argparse.BooleanOptionalAction
    elif get_origin(kind) is Literal:
        how.update(choices=get_args(kind), type=type(get_args(kind)[0]))
    else:
        read = next(filter(callable, option.annotation.__metadata__), None)
        least = int(default != 0) if read is None and kind is int else None
        how["type"] = partial(_value, read or kind, optional, least)
        how["type"].__name__ = WORDS.get(kind, "list")
        how["metavar"] = metavar[0] if metavar else METAVARS.get(kind, "A,B,…")
    if option.kind is option.POSITIONAL_ONLY:
        parser.add_argument(
            option.name, **how | ({} if needed else dict(nargs="?", default=default))
        )
    else:
        flag = f"--{option.name.rstrip('_').replace('_', '-')}"
        parser.add_argument(flag, dest=option.name, required=needed, **how)


def _value(read: Any, optional: bool, least: int | None, text: str) -> Any:
    """Parse a text from the command line; "none" is None, or an empty list."""
    several = get_origin(read) is tuple
    if not text:
        raise argparse.ArgumentTypeError("expected a value, found none; is a shell variable unset?")
    if text == "none" and (optional or several):
        return () if several else None
    if several:
        return tuple(map(get_args(read)[0], text.split(",")))
    value: Any = Path(text).expanduser() if read is Path else read(text)
    if least is not None and value < least:
        raise argparse.ArgumentTypeError(f"{text} is too small; expected at least {least}")
    return value


def run(function: Callable[..., int | None], given: dict[str, Any]) -> int | None:
    """Call a function with the given options, after checking the paths that it would write."""
    found = [(given.get(one.name, one.default), one) for _, one in options(function)]
    paths = [(path, extra(one, outputs.Kind)) for path, one in found if isinstance(path, Path)]
    outputs.check_all(paths, given.get("force", False))
    signature = inspect.signature(function)
    for name, parameter in signature.parameters.items():
        kind: Any = parameter.annotation
        if hasattr(kind, FIELDS):
            own = inspect.signature(kind).parameters.keys() & given.keys()
            given[name] = kind(**{field: given.pop(field) for field in own})
    bound = inspect.BoundArguments(signature, given)
    return function(*bound.args, **bound.kwargs)
