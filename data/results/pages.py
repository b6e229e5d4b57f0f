"""Markdown pages, held to the records by lines that a reader does not see.

    <!-- made: table NAME --> … <!-- end -->       a maker of that name writes all text between again
    <!-- says: NAME:FIGURE,FIGURE.plain NAME:FIGURE -->   the paragraph below has these figures, in
                                                   this order, as `figures.shown` shows them

Where a record is measured again, the figures of a paragraph are replaced by the new ones.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from figures import shown
from record import FOLDER, LITERATURE, Record

from minisnn.files import read_json

_SAYS = re.compile(r"^ *<!-- says: (?P<names>[^>]+?) -->\n(?P<text>.+?)(?=\n\s*\n|\Z)", re.M | re.S)
_REGION = re.compile(r"^<!-- made: (?P<what>[\w -]+) -->\n(?P<body>.*?)^<!-- end -->$", re.M | re.S)
Maker = Callable[[str], str]
Records = Mapping[str, Record]


def in_markdown(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    first, *others = (f"| {' | '.join(row)} |" for row in (heads, *rows))
    return "\n".join([first, f"|{'---|' * len(heads)}", *others])


def renewed(
    text: str, before: Records, now: Records, makers: Mapping[str, Maker], page: str
) -> str:
    """Return a page's text with every region and every figure of a paragraph updated from the records.

    before   the records from which its paragraphs were written
    makers   {first word of a region: function of the other words that writes its lines}
    Raises ValueError, naming the page, for a figure that its paragraph does not have.
    """

    def region(found: re.Match) -> str:
        kind, _, rest = found["what"].partition(" ")
        return f"<!-- made: {found['what']} -->\n{makers[kind](rest).rstrip()}\n<!-- end -->"

    def paragraph(found: re.Match) -> str:
        head, left = found[0].split("-->", 1)
        done = f"{head}-->"
        listed = (one.partition(":") for one in found["names"].split())
        for name in (f"{record}:{key}" for record, _, keys in listed for key in keys.split(",")):
            words = re.escape(value_of(before, name)).replace(r"\ ", r"\s+")
            place = re.search(rf"(?<![\d.,]){words}(?!\d)", left)
            if place is None:
                raise ValueError(f"{page}: the paragraph lacks {value_of(before, name)} ({name})")
            same = before is now or value_of(before, name) == value_of(now, name)
            done += left[: place.start()] + (place[0] if same else value_of(now, name))
            left = left[place.end() :]
        return done + left

    return _SAYS.sub(paragraph, _REGION.sub(region, text))


def value_of(records: Records, name: str) -> str:
    """A figure by its name in a paragraph, RECORD:FIGURE or RECORD:FIGURE.PART, as it is shown."""
    record, _, key = name.partition(":")
    if record == "literature":
        return read_json(FOLDER / LITERATURE)[key]["value"]
    key, _, part = key.partition(".")
    if key not in records[record].figures:
        raise ValueError(f"{name}: the record {record} has no figure {key}; measure it first")
    return shown(records[record].figures[key], part)
