"""Numbers and tables of Markdown pages, held to the files of results by markers that a reader does
not see.

    98.7 ± 0.3 %<!--=NAME:FIGURE-->          the text before the marker is that figure; NAME:FIGURE.value its value alone,
                                             NAME:FIGURE.plain all of it without a plus sign
    ? %<!--=NAME:FIGURE-->                   the same of a result that is not measured yet
    <!-- made: table NAME --> … <!-- end --> all between the two lines is made again by a maker of that name

A number ends where the marker stands and begins after the last space, bar, bracket or asterisk that
is not part of it: the text of a figure has a form of its own (`figures.shown`), and the longest
match of that form before the marker is taken.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from figures import shown
from record import FOLDER, LITERATURE, Record

from minisnn.files import read_json

_UNIT = r"(?: (?:%|points|s|ms|MB|kB|×))?"
_NUMBER = rf"[+-]?[\d.,]+(?: ± [\d.,]+)?{_UNIT}"
_UNKNOWN = rf"\?(?P<unit>{_UNIT})"
_MARK = re.compile(
    rf"(?P<text>{_NUMBER}|{_UNKNOWN})?<!--=(?P<name>[a-z0-9-]+):(?P<key>[\w-]+)(?:\.(?P<part>value|half|plain))?-->"
)
_REGION = re.compile(
    r"^<!-- made: (?P<what>[\w -]+?) -->\n(?P<body>.*?)^<!-- end -->$", re.M | re.S
)
Maker = Callable[[str], str]


def in_markdown(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    first, *others = (f"| {' | '.join(row)} |" for row in (heads, *rows))
    return "\n".join([first, f"|{'---|' * len(heads)}", *others])


def renewed(
    text: str,
    records: Mapping[str, Record],
    literature: Mapping,
    makers: Mapping[str, Maker],
    page: str,
) -> str:
    """A page's text with every marked number and region as the files have it now.

    makers   {first word of a region: what makes its lines of the other words}
    Raises ValueError, naming the page, for a marker or a region that names nothing.
    """

    def number(found: re.Match) -> str:
        name = found["name"]
        key = found["key"]
        part = found["part"] or ""
        if name == "literature":
            if key not in literature:
                raise ValueError(f"{page}: {LITERATURE} has no value {key!r}")
            return f"{literature[key]['value']}<!--=literature:{key}-->"
        if name not in records:
            raise ValueError(f"{page}: there is no result {name!r}")
        figures = records[name].figures
        if not figures:
            kept = found["unit"] if found["unit"] is not None else _unit_of(found["text"] or "")
            return f"?{kept}{found[0][len(found['text'] or '') :]}"
        if key not in figures:
            raise ValueError(
                f"{page}: the result {name} has no figure {key!r}; expected one of "
                f"{', '.join(figures)}"
            )
        mark = f"{name}:{key}" + (f".{part}" if part else "")
        return f"{shown(figures[key], part)}<!--={mark}-->"

    def region(found: re.Match) -> str:
        kind, _, rest = found["what"].partition(" ")
        if kind not in makers:
            raise ValueError(
                f"{page}: nothing makes a region {kind!r}; expected one of {', '.join(makers)}"
            )
        return f"<!-- made: {found['what']} -->\n{makers[kind](rest).rstrip()}\n<!-- end -->"

    return _MARK.sub(number, _REGION.sub(region, text))


def _unit_of(text: str) -> str:
    """The unit behind a number, with the space before it."""
    found = re.search(rf"{_UNIT}$", text)
    return found[0] if found else ""


def literature(folder: Path = FOLDER) -> dict[str, dict]:
    """Values that others reported, by name: {"value": text, "source": text}."""
    return read_json(folder / LITERATURE)
