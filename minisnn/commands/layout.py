"""How help is laid out, and what a parser tells: all that is needed before a command is known."""

import argparse
import re
import textwrap


class Help(argparse.HelpFormatter):
    """Texts are filled to the terminal's width; lines that are indented or in two columns stay, as
    far as there is room."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            "\n".join(_filled(part.split("\n"), width)) for part in text.split("\n\n")
        )


def _filled(lines: list[str], width: int) -> list[str]:
    made, plain = [], []
    for line in [*lines, None]:
        columns = None if line is None else re.match(r"(\s*\S.*?\s{2,})(?=\S)|\s+", line)
        if line is not None and columns is None and not line.endswith(":"):
            plain.append(line)
            continue
        made += textwrap.wrap(" ".join(plain), width) if plain else []
        plain = []
        if line is not None:
            hang = " " * (columns.end() if columns else 0)
            made += textwrap.wrap(
                line, width, subsequent_indent=hang, break_on_hyphens=False, drop_whitespace=True
            )
    return made


def only_given(parser: argparse.ArgumentParser) -> dict:
    """The defaults of a parser's options, of which it tells from now on those alone that were
    given."""
    defaults = {}
    for action in parser._actions:
        if action.option_strings and action.default is not argparse.SUPPRESS:
            defaults[action.dest], action.default = action.default, argparse.SUPPRESS
    return defaults


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """All options that a parser knows, those of its sub-commands too."""
    found: list[str] = []
    for action in parser._actions:
        found += action.option_strings
        if isinstance(action.choices, dict):  # sub-commands by name
            found += [one for sub in action.choices.values() for one in options_of(sub)]
    return found
