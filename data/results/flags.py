"""The page of all commands, made of their parsers: each command and sub-command with every argument
and its help."""

import argparse
import re
from collections.abc import Iterator

from pages import Maker, in_markdown

HIDDEN = argparse.SUPPRESS


def makers(parser: argparse.ArgumentParser) -> dict[str, Maker]:
    """Regions `made: help` (a table of all commands) and `made: help NAME` (one command with its
    sub-commands)."""

    def helped(name: str) -> str:
        known = dict(children(parser))
        if not name:
            return _overview(parser)
        if name not in known:
            raise ValueError(f"there is no command {name!r}; expected one of {', '.join(known)}")
        return "\n\n".join(_entry(known[name], 3))

    return {"help": helped}


def children(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Commands below a parser by name, in the order of its help; each once, whatever its
    aliases."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                yield listed.dest, action.choices[listed.dest]


def shown(action: argparse.Action) -> str:
    """An argument as its help begins: --size H,W or DIR; HIDDEN for one that is not told."""
    if action.help == HIDDEN:
        return HIDDEN
    value = _value(action)
    if not action.option_strings:
        return value
    return f"{', '.join(action.option_strings)} {value}".rstrip()


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.metavar is not None:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def _overview(parser: argparse.ArgumentParser) -> str:
    rows = (
        (f"[`{parser.prog} {listed.dest}`](#{listed.dest})", _plain(listed.help or ""))
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for listed in action._choices_actions
    )
    return in_markdown(("command", "what it is for"), rows)


def _entry(parser: argparse.ArgumentParser, level: int, above: str | None = None) -> Iterator[str]:
    """Heading, description, examples (but those of the command above) and arguments; then the same
    of its sub-commands."""
    yield f"{'#' * level} {parser.prog.split(maxsplit=1)[1]}"
    if parser.description:
        yield from _paragraphs(parser.description)
    if parser.epilog and parser.epilog != above:
        yield f"```text\n{parser.epilog}\n```"
    for group in parser._action_groups:
        told = [action for action in group._group_actions if _is_told(action)]
        if not told:
            continue
        if group.title:
            yield f"*{group.title}*"
        if group.description:
            yield _plain(" ".join(group.description.split()))
        yield "\n".join(f"- `{shown(action)}`: {_words(parser, action)}" for action in told)
    for _, one in children(parser):
        yield from _entry(one, level + 1, parser.epilog)


def _is_told(action: argparse.Action) -> bool:
    return (
        not isinstance(action, (argparse._HelpAction, argparse._SubParsersAction))
        and action.help != HIDDEN
    )


def _words(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return _plain(" ".join(((action.help or "") % {**vars(action), "prog": parser.prog}).split()))


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of a description; lines in two columns, and indented ones, stay as they are."""
    for part in text.strip().split("\n\n"):
        if re.search(r"\S {2,}\S|^ ", part, re.M):
            yield f"```text\n{part}\n```"
        else:
            yield _plain(" ".join(part.split()))


def _plain(text: str) -> str:
    """Text in which Markdown and HTML find nothing to read; what stands between backticks stays."""
    pieces = re.split(r"(`[^`]+`)", text)
    pieces[::2] = [
        re.sub(r"([*_|\[\]])", r"\\\1", piece).replace("<", "&lt;") for piece in pieces[::2]
    ]
    return "".join(pieces)
