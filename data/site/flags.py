"""The page of all commands: each command and sub-command with its help, as the parsers print it."""

import argparse
from collections.abc import Iterator

PAGE = "lessons/guides/commands.md"
HEAD = """\
# The commands

Each command prints its part of this page with `--help`. To choose one by your question, see
[which command for my question](questions.md#which-command-for-my-question).

Exit codes: 0 done, 1 a check failed, 2 an argument or a file was wrong, 130 stopped by Ctrl-C.
`MINISNN_DEBUG=1` shows tracebacks.
"""


def page(parser: argparse.ArgumentParser) -> str:
    """The page in Markdown."""
    parts = [HEAD]
    for name, command in _commands(parser):
        level = "#" * (2 + name.count(" "))
        parts.append(f"{level} {name}\n\n```text\n{command.format_help().rstrip()}\n```\n")
    return "\n".join(parts)


def _commands(
    parser: argparse.ArgumentParser, above: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Commands below a parser in the order of its help, each once, and their sub-commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                command = action.choices[listed.dest]
                yield above + listed.dest, command
                yield from _commands(command, f"{above}{listed.dest} ")
