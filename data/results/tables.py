"""What pages ask for by name: tables and plots of records, and how each row was measured.

    made: table NAME       records of a table of tables.json, a row each
    made: plot NAME        their accuracies, as a picture
    made: commands NAME    how each of them was measured
    made: rows RECORD      a record's own table
    made: grid RECORD T    a table T that its command found, `more["tables"]`
    made: map RECORD T     such a table of differences, as a picture
    made: curves RECORD    its seconds and megabytes against one quantity after the other, as a
                           picture
    made: lines RECORD     its `more["lines"]`, panels of lines, as a picture
    made: told RECORD …    how these were measured
    made: output RECORD N  the first lines that its command printed

Each is a line `<!-- made: … -->` of the page, and all down to `<!-- end -->` is made again.
"""

import os
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import pictures
from figures import shown
from measure import shown as as_typed
from pages import Maker, in_markdown
from record import FOLDER, TABLES, Record

from minisnn.files import read_json
from minisnn.plots.canvas import COLOURS, figure, style
from minisnn.plots.curve import plot_lines

MARKS = {"accuracy": "o", "own": "s", "pretrained": "D", "random": "v", "frames": "^"}


def makers(
    records: Mapping[str, Record], page: Path, changed: Container[str] = (), folder: Path = FOLDER
) -> dict[str, Maker]:
    """What makes the regions of a page; links lead from the page to the files. A picture is drawn
    where it is missing, and where a record that it shows has `changed`."""
    tables = read_json(folder / TABLES)
    there = Path(os.path.relpath(folder, page.parent)).as_posix()

    def of(name: str) -> tuple[dict, dict[str, Record]]:
        rows = {key: one for key, one in records.items() if one.table == name}
        return tables[name], dict(sorted(rows.items(), key=lambda row: (row[1].place, row[0])))

    def table(name: str) -> str:
        return _table(*of(name), there)

    def told(names: str) -> str:
        return _commands({name: records[name] for name in names.split()}, there)

    def picture(names: Iterable[str], title: str, draw: Callable[..., Any], *numbers: Any) -> str:
        first, *shown = names
        path = folder / "pictures" / f"{first}.svg"
        if not path.exists() or any(name in changed for name in (first, *shown)):
            pictures.keep(path, draw(title, *numbers))
        return f"![{title}]({there}/pictures/{path.name})"

    def plot(name: str) -> str:
        layout, rows = of(name)
        return picture([name, *rows], layout["title"], _dots, *_accuracies(rows))

    def differences(words: str) -> str:
        name, which = words.split()
        table = _found(records[name], which)
        drawn = pictures.differences, table["header"], table["rows"]
        return picture([name], table["title"], *drawn)

    def drawn(draw: Callable[..., Any], which: str) -> Maker:
        return lambda name: picture([name], records[name].title, draw, records[name].more[which])

    def grid(words: str) -> str:
        name, which = words.split()
        return _grid(_found(records[name], which), f"{there}/{name}.json")

    return dict(
        table=table,
        commands=lambda name: _commands(of(name)[1], there),
        told=told,
        plot=plot,
        curves=drawn(pictures.curves, "curves"),
        lines=drawn(plot_lines, "lines"),
        rows=lambda name: _rows(records[name], f"{there}/{name}.json"),
        output=lambda words: _output(records, *words.split()),
        grid=grid,
        map=differences,
    )


def _table(layout: Mapping[str, Any], rows: Mapping[str, Record], there: str) -> str:
    """A Markdown table: a row a record, a cell a figure, or a text of the record's own."""
    heads, (first, *others) = zip(*layout["columns"])
    cells = [
        [f"[{_cell(record, first)}]({there}/{name}.json)", *(_cell(record, key) for key in others)]
        for name, record in rows.items()
    ]
    note = layout.get("note")
    return in_markdown(heads, cells) + (f"\n\n{note}" if note else "")


def _cell(record: Record, key: str) -> str:
    if key == "title":
        return record.title
    if key in record.figures:
        return shown(record.figures[key]).removesuffix(" %")
    return record.cells.get(key, "")


def _rows(record: Record, link: str) -> str:
    """A record's own table, `more["rows"]`: {"heads": [text, …], "cells": [[text, name of a figure,
    …], …]}."""
    layout = record.more["rows"]
    heads = [f"[{layout['heads'][0]}]({link})", *layout["heads"][1:]]
    known = record.figures
    cells = [
        [label, *(shown(known[name]) if name in known else "" for name in names)]
        for label, *names in layout["cells"]
    ]
    return in_markdown(heads, cells)


def _grid(grid: Mapping[str, Any], link: str) -> str:
    """A table that a measurement found, with its note and a link to the record."""
    rows = [["" if cell is None else str(cell) for cell in row] for row in grid["rows"]]
    note = f"{grid['note']} " if grid.get("note") else ""
    return f"{in_markdown(grid['header'], rows)}\n\n{note}([record]({link}))"


def _found(record: Record, which: str) -> Mapping[str, Any]:
    """The table of this name that a measurement found."""
    return {one["name"]: one for one in record.more["tables"]}[which]


def _output(records: Mapping[str, Record], name: str, lines: str = "0") -> str:
    """What the first command of a measurement printed, the first so many lines of it, or all."""
    printed = records[name].more["printed"].rstrip().split("\n")
    kept = printed[: int(lines) or None]
    return "\n".join(["```text", *kept, *["…"] * (len(kept) < len(printed)), "```"])


def _commands(rows: Mapping[str, Record], there: str) -> str:
    """How each row was measured, and what is to be said of it."""
    parts = []
    for name, record in rows.items():
        by = record.measured
        how = f"minisnn {by['minisnn']}, {by['date']}, {by['seconds']:,.0f} s, {by['processor']}"
        typed = "\n".join(f"    {as_typed(command)}" for command in record.commands)
        detail = f"\n\n{record.detail}" if record.detail else ""
        parts.append(f"**[{record.title}]({there}/{name}.json)** ({how}):\n\n{typed}{detail}")
    return "\n\n".join(parts)


def _accuracies(rows: Mapping[str, Record]) -> tuple[dict, dict]:
    """What a plot of a table shows: the accuracies of each row, and the rows' labels."""
    shares = {
        name: {
            key: one for key, one in record.figures.items() if key in MARKS and one["unit"] == "%"
        }
        for name, record in rows.items()
    }
    return shares, {name: rows[name].cells.get("label", rows[name].title) for name in rows}


def _dots(title: str, shares: Mapping[str, Mapping], labels: Mapping[str, str]) -> Any:
    """Accuracies as dots with their leading intervals, baselines beside, a line a record."""
    words = dict(
        accuracy="by its own rule",
        own="nearest class mean, same features",
        pretrained="of a classifier's features",
        random="of a random network's",
        frames="of summed frames",
    )
    with style():
        fig = figure(7.5, 1.4 + 0.42 * len(shares))
        axes = fig.subplots()
        colours = dict(zip(MARKS, COLOURS.values()))
        for line, of in enumerate(shares.values()):
            for kind, one in of.items():
                half = 100 * one.get("half", 0)
                axes.errorbar(
                    100 * one["value"],
                    -line,
                    xerr=half,
                    fmt=MARKS[kind],
                    color=colours[kind],
                    markersize=5,
                    capsize=2,
                    label=words.pop(kind, None),
                )
        axes.set(
            xlabel="accuracy (%)",
            yticks=[-n for n in range(len(shares))],
            yticklabels=list(labels.values()),
        )
        axes.set_xlim(right=101)
        axes.grid(axis="x", color="0.9")
        fig.suptitle(title)
        fig.legend(loc="outside lower center", ncols=3, fontsize=8)
    return fig
