"""Findings of an experiment, on disk as findings.json, a CSV file per table and a picture per
figure; and verdicts on claims."""

import csv
import math
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path

from ..files import write_json
from ..plots import save
from ..training.intervals import Estimate

KINDS = ("png", "svg")


def figure(value: float, unit: str, half: float | None = None) -> dict:
    """Return a measured number, and half of its 95 % interval, in the form of JSON result files.

    unit   % for a share between 0 and 1, points for a difference of two shares; s, ms, MB, kB; x
           for a ratio; or nothing
    """
    return {"value": value, "unit": unit} | ({} if half is None else {"half": half})


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, the number measured here, and whether the two agree.

    text       the claim                     paper      the paper's value
    value      our number, with low and high the ends of its interval, all in `unit`
    verdict    "agrees", "differs" or "inconclusive"
    rule       the criterion for the verdict, in words
    """

    text: str
    paper: str
    value: float
    low: float
    high: float
    unit: str
    verdict: str
    rule: str


def judge(
    text: str,
    paper: str,
    found: Estimate | float,
    least=-math.inf,
    most=math.inf,
    *,
    rule: str,
    unit="points",
    scale: float = 100.0,
) -> Claim:
    """Judge a claim: it agrees if the whole interval is in [least, most], and differs if none of it
    is. A number without an interval is judged by itself.

    least, most are in the unit of the claim, `scale` times that of `found`: points (hundredths) of
    accuracy as a rule.
    """
    known = isinstance(found, Estimate)
    value = scale * (found.mean if known else found)
    low, high = (scale * found.low, scale * found.high) if known else (-math.inf, math.inf)
    first, last = (low, high) if known else (value, value)
    apart = last < least or first > most
    verdict = "differs" if apart else "inconclusive"
    if least <= first and last <= most:
        verdict = "agrees"
    return Claim(text, paper, value, low, high, unit, verdict, rule)


@dataclass
class Table:
    """Rows under a header; cells are texts or numbers. `note` says what to see, or how it was
    measured."""

    name: str
    title: str
    header: list[str]
    rows: list[list]
    note: str = ""

    def text(self) -> str:
        """Format the table for a terminal, columns aligned."""
        cells = [self.header, *([cell(value) for value in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells)]
        cells.insert(1, ["-" * width for width in widths])
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        return "\n".join([self.title, "", *lines, self.note]).rstrip("\n")


@dataclass
class Findings:
    """The findings of one experiment.

    name, title      of the experiment
    summary          the result, in a sentence or two
    tables, claims   one after the other
    figures          {name: (matplotlib figure, caption)}; after `read` {name: caption}
    missing          experiments that could not run, and what they need
    settings         episodes, seeds, networks, data: everything that the numbers depend on
    """

    name: str
    title: str
    summary: str = ""
    tables: list[Table] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    settings: dict = field(default_factory=dict)

    def table(self, name: str, title: str, header: str, rows: list[list], note: str = "") -> None:
        """Add a `Table`; `header` separates the names of its columns by bars: "data | shots"."""
        self.tables.append(Table(name, title, header.split(" | "), rows, note))

    def claim(self, *what, **options) -> None:
        """Add a claim, judged by the arguments of `judge`."""
        self.claims.append(judge(*what, **options))

    def write(self, folder: Path) -> list[Path]:
        """Write the findings, and return their files. findings.json is written last: if it exists,
        the rest is complete."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for table in self.tables:
            written.append(folder / f"{table.name}.csv")
            with open(written[-1], "w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows([table.header, *table.rows])
        for name, (figure, _) in self.figures.items():
            written += [save(figure, folder / f"{name}.{kind}") for kind in KINDS]
        captions = {name: caption for name, (_, caption) in self.figures.items()}
        content = {**vars(self), "figures": captions}
        write_json(folder / "findings.json", _plain(content))
        return [folder / "findings.json", *written]

    def text(self) -> str:
        """Format everything that a terminal can show."""
        parts = [self.title, self.summary, *(table.text() for table in self.tables)]
        parts += [
            f"{c.verdict.upper()}: {c.text}\n  paper: {c.paper}\n  here: {quantity(c)} ({c.rule})"
            for c in self.claims
        ]
        parts += [f"not run: {line}" for line in self.missing]
        return "\n\n".join(filter(None, parts))


def quantity(claim: Claim) -> str:
    """Format a claim's number with its interval: 1.2 points [0.8, 1.6]; 12,200 times for large
    numbers."""
    numbers = (round(n, 9) + 0.0 for n in (claim.value, claim.low, claim.high))
    value, low, high = (f"{n:,.0f}" if abs(n) >= 1000 else f"{n:.3g}" for n in numbers)
    if not (math.isfinite(claim.low) and math.isfinite(claim.high)):
        return f"{value} {claim.unit} (no interval)"
    return f"{value} {claim.unit}" + (
        f" [{low}, {high}]" if claim.low != claim.high else " (the same every time)"
    )


def cell(value) -> str:
    """Format a cell of a table."""
    if value is None or isinstance(value, float) and not math.isfinite(value):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value):
    """Convert to JSON's types; infinity and NaN become None."""
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
