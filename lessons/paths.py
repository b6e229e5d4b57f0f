"""Ways through the lessons: what each lesson needs, how long a way takes, and the map.

paths.json says which lessons a path has, in which order, and which of their exercises; without a
list of exercises it has all that are not optional. `minisnn lessons --path` copies them. What a
lesson needs stands in its source ("You need lessons 2 and 5"), the places on the map stand here;
`python lessons/paths.py` draws the map and writes the tables of README.md anew.
"""

import html
import json
import re
import textwrap
from dataclasses import replace

import make

MARKS = ("<!-- paths: made by paths.py -->", "<!-- end of paths -->")
MAP = make.HERE / "pictures" / "map.svg"
FAST = "fast"
# where a lesson stands on the map: (row, lane)
PLACES = {
    0: (0, 1),
    1: (1, 1),
    2: (2, 1),
    3: (3, 1),
    4: (3, 0),
    5: (4, 1),
    6: (5, 1),
    7: (5, 0),
    8: (6, 1),
    9: (8, 0),
    10: (7, 1),
    11: (8, 1),
    12: (9, 1),
    13: (6, 0),
    14: (8, 2),
    15: (10, 1),
    16: (11, 1),
    17: (12, 1),
}
# in px
LANE = 232
ROW = 68
WIDE = 204
HIGH = 46
EDGE = 10
CSS = """text{font:14px sans-serif;fill:#111}.n{font-weight:bold}.m{font-size:12px;fill:#555}
rect{fill:#fff;stroke:#777;stroke-width:1.2}.fast rect{fill:#dcebf7;stroke:#0072b2;stroke-width:2.5}
path{fill:none;stroke:#888;stroke-width:1.5}.lent{stroke-dasharray:5 4}
@media (prefers-color-scheme:dark){text{fill:#e8e8e8}.m{fill:#aaa}rect{fill:#222;stroke:#888}
.fast rect{fill:#12324a;stroke:#56b4e9}path{stroke:#999}}"""


def paths() -> dict[str, dict]:
    """The paths of paths.json by name."""
    return json.loads((make.HERE / "paths.json").read_text(encoding="utf-8"))


def lessons() -> dict[int, list[make.Cell]]:
    """Cells of every lesson by its number."""
    return {int(source.stem[:2]): make.parse(source) for source in make.sources()}


def needs(number: int, cells: list[make.Cell]) -> set[int]:
    """Lessons that one needs before this one, as its first lines say."""
    said = re.search(r"You need (.*?)\. Allow ", cells[0].text, re.S)
    if said is None:
        return set()
    if said[1].startswith("all lessons before"):
        return set(range(1, number))
    named = re.search(r"lessons? ([\d, toand]+)", said[1])
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?: to (\d+))?", named[1] if named else ""):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def arrows(wanted: dict[int, set[int]]) -> list[tuple[int, int]]:
    """(from, to) of the map: what a lesson needs, without what follows from another arrow."""
    above = {}  # all lessons before each
    for number in sorted(wanted, key=lambda one: PLACES[one]):
        above[number] = wanted[number].union(*(above[one] for one in wanted[number]))
    return [
        (one, number)
        for number, direct in wanted.items()
        for one in sorted(direct)
        if not any(one in above[other] for other in direct)
    ]


def left_out(path: dict, cells: list[make.Cell]) -> set[str]:
    """Exercises of a lesson that a path lends."""
    known = make.exercises(cells)
    if "exercises" in path:
        return known.keys() - set(path["exercises"])
    return {number for number, one in known.items() if one.optional}


def numbers(path: dict) -> list[int]:
    """The lessons of a path, each once, in the order in which it is finished."""
    steps = [one for _, part in path["parts"] for one in part]
    return [int(one) for one in steps if "." not in one]


def spent(path: dict, cells: list[make.Cell]) -> int:
    """Minutes that a lesson takes on a path; where lessons are left out, what is said in their place
    is read, too."""
    if "exercises" in path:
        cells = [replace(one, kind="text") if one.kind == make.LENT else one for one in cells]
    return make.minutes(cells, left_out(path, cells))


def minutes(path: dict, known: dict[int, list[make.Cell]]) -> int:
    """How long a path takes."""
    return sum(spent(path, known[n]) for n in numbers(path))


def drawing(known: dict[int, list[make.Cell]]) -> str:
    """The map as SVG."""
    wanted = {number: needs(number, cells) for number, cells in known.items()}
    fast = set(numbers(paths()[FAST]))
    parts = []
    for one, other in arrows(wanted):
        lent = ' class="lent"' if other in fast and one not in fast else ""
        parts.append(f'<path{lent} marker-end="url(#a)" d="{_line(one, other)}"/>')
    for number, cells in known.items():
        x, y = _corner(number)
        title = cells[0].text.splitlines()[0].partition(" · ")[2]
        lines = textwrap.wrap(re.split("[:,]", title)[0], 22)
        kind = ' class="fast"' if number in fast else ""
        said = [html.escape(line) for line in lines]
        parts.append(
            f'<g{kind}><rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6"/>'
            f'<text class="n" x="{x + 8}" y="{y + 19}">{number}</text>'
            + "".join(
                f'<text x="{x + 32}" y="{y + 19 + 18 * k}">{line}</text>'
                for k, line in enumerate(said)
            )
            + f'<text class="m" x="{x + WIDE - 8}" y="{y + 37}" text-anchor="end">'
            f"{make.minutes(cells)} min</text></g>"
        )
    key = _corner(1)[1]
    parts += [
        f'<g class="fast"><rect x="{2 * LANE + EDGE}" y="{key}" width="24" height="16" rx="3"/></g>',
        f'<text x="{2 * LANE + 44}" y="{key + 13}">on the fast track</text>',
        f'<path class="lent" d="M{2 * LANE + EDGE} {key + 34}h24"/>',
        f'<text x="{2 * LANE + 44}" y="{key + 39}">needed, but lent there</text>',
    ]
    width = 3 * LANE - (LANE - WIDE) + 2 * EDGE
    height = (1 + max(row for row, _ in PLACES.values())) * ROW
    title = "Lessons, and which one needs which; those of the fast track are marked"
    arrow = (
        '<marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M1 1L7 4L1 7"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'style="max-width:100%;height:auto" role="img"><title>{title}</title><style>{CSS}</style>'
        f"<defs>{arrow}</defs>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _corner(number: int) -> tuple[int, int]:
    row, lane = PLACES[number]
    return lane * LANE + EDGE, row * ROW + EDGE


def _line(one: int, other: int) -> str:
    """An arrow from the lower edge of a box to the upper edge of another; where boxes lie between,
    along the gap beside the lanes."""
    (row, lane), (end, target) = PLACES[one], PLACES[other]
    x, y = _corner(one)
    u, v = _corner(other)
    x += WIDE // 2
    u += WIDE // 2
    y += HIGH
    if row == end:
        return f"M{x + (WIDE // 2) * (1 if target > lane else -1)} {y - HIGH // 2}H{u}"
    taken = set(PLACES.values())
    free = [to for to in (target, lane) if not any((r, to) in taken for r in range(row + 1, end))]
    if not free:
        gap = max(lane, target) * LANE + EDGE - (LANE - WIDE) // 2
        return f"M{x} {y}C{x} {y + 20} {gap} {y + 8} {gap} {y + 40}V{v - 40}C{gap} {v - 8} {u} {v - 24} {u} {v}"
    along = free[0] * LANE + EDGE + WIDE // 2
    if along == u:
        return (
            f"M{x} {y}C{x} {y + 24} {u} {y - 4} {u} {y + 40}V{v}"
            if end - row > 1
            else (f"M{x} {y}C{x} {y + 16} {u} {v - 16} {u} {v}")
        )
    return f"M{x} {y}V{v - 40}C{x} {v - 8} {u} {v - 28} {u} {v}"


def table(known: dict[int, list[make.Cell]]) -> str:
    """The paths for README.md."""
    lines = []
    for name, path in paths().items():
        hours = f"{minutes(path, known) / 60:.1f} hours"
        lines += [
            f"**{path['title'][0].upper()}{path['title'][1:]}**: `minisnn lessons --path {name}`, {hours}.",
            "",
        ]
        lines += ["| | lessons | minutes |", "|---|---|---|"]
        for what, part in path["parts"]:
            lines.append(
                f"| {what} | {', '.join(map(_step, part))} | {_spent(path, part, known)} |"
            )
        lines.append("")
    return "\n".join(lines).strip()


def _step(one: str) -> str:
    lesson, _, exercise = one.partition(".")
    return f"{lesson}, as far as exercise {one}" if exercise else lesson


def _spent(path: dict, part: list[str], known: dict[int, list[make.Cell]]) -> str:
    whole = [int(one) for one in part if "." not in one]
    found = sum(spent(path, known[n]) for n in whole)
    return str(found) if whole else "counted below"


def main() -> None:
    """Draw the map, and write the tables of README.md."""
    known = lessons()
    MAP.write_text(drawing(known), encoding="utf-8")
    place = make.HERE / "README.md"
    place.write_text(readme(place.read_text(encoding="utf-8"), known), encoding="utf-8")


def readme(text: str, known: dict[int, list[make.Cell]]) -> str:
    """README.md with the tables of the paths made anew."""
    before, after = text.index(MARKS[0]) + len(MARKS[0]), text.index(MARKS[1])
    return f"{text[:before]}\n{table(known)}\n{text[after:]}"


if __name__ == "__main__":
    main()
