"""The page of all commands, made of their parsers: each command and sub-command with every argument
and its help."""

import argparse
import re
from collections.abc import Iterator

from pages import Maker, in_markdown


def makers(parser: argparse.ArgumentParser) -> dict[str, Maker]:
    """Regions `made: help` (a table of all commands) and `made: help NAME` (one command with its
    sub-commands)."""

    def helped(name: str) -> str:
        if name:
            return "\n\n".join(_entry(dict(children(parser))[name], 3))
        rows = (
            (f"[`{parser.prog} {listed.dest}`](#{listed.dest})", _plain(listed.help or ""))
            for _, listed in _commands(parser)
        )
        return in_markdown(("command", "what it is for"), rows)

    return {"help": helped}


def children(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Commands below a parser by name, in the order of its help; each once, whatever its
    aliases."""
    for action, listed in _commands(parser):
        yield listed.dest, action.choices[listed.dest]


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                yield action, listed


def shown(action: argparse.Action) -> str:
    """An argument as its help begins: --size H,W or DIR."""
    value = action.dest.upper() if action.option_strings else action.dest
    if action.nargs == 0:
        value = ""
    elif action.metavar is not None:
        value = action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    elif action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    return f"{', '.join(action.option_strings)} {value}".strip()


def _entry(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    """Heading, description with examples, and arguments; then the same of its sub-commands."""
    yield f"{'#' * level} {parser.prog.split(maxsplit=1)[1]}"
    for part in (parser.description or "").strip().split("\n\n"):
        # lines in two columns, and indented ones, stay as they are
        fixed = re.search(r"\S {2,}\S|^ ", part, re.M)
        yield f"```text\n{part}\n```" if fixed else _plain(" ".join(part.split()))
    hidden = argparse._HelpAction, argparse._SubParsersAction
    for group in parser._action_groups:
        listed = [one for one in group._group_actions if not isinstance(one, hidden)]
        listed = [one for one in listed if one.help != argparse.SUPPRESS]
        if listed and group.title:
            yield f"*{group.title}*"
        if listed and group.description:
            yield _plain(" ".join(group.description.split()))
        if listed:
            yield "\n".join(f"- `{shown(one)}`: {_words(parser, one)}" for one in listed)
    for _, child in children(parser):
        yield from _entry(child, level + 1)


def _words(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return _plain(" ".join(((action.help or "") % {**vars(action), "prog": parser.prog}).split()))


def _plain(text: str) -> str:
    """Text in which Markdown and HTML find nothing to read; what stands between backticks stays."""
    pieces = re.split(r"(`[^`]+`)", text)
    pieces[::2] = [
        re.sub(r"([*_|\[\]])", r"\\\1", piece).replace("<", "&lt;") for piece in pieces[::2]
    ]
    return "".join(pieces)
