"""The tables and pictures that pages ask for by name, and how each row was measured.

    made: table NAME …      records of a table of tables.json, a row each: all, or those that follow
    made: plot NAME         their accuracies, as a picture
    made: commands NAME …   how records were measured: those of a table, or single ones
    made: rows RECORD       a record's own table
    made: grid RECORD T     a table T that its command wrote, `more["tables"]`; numbers that follow
                            choose columns, from 1
    made: map RECORD T      such a table of differences, as a picture
    made: curves RECORD     its seconds and megabytes against one quantity after the other, as a
                            picture
    made: bars RECORD …     seconds of second-order meta-gradients next to PyTorch's, as a picture
    made: lines RECORD      its `more["lines"]`, panels of lines, as a picture
    made: output RECORD N   the first N lines that its command printed

Each is a line `<!-- made: … -->` of the page; all text down to `<!-- end -->` is written again.
"""

import os
import re
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import pictures
from figures import shown
from measure import shown as as_typed
from pages import Maker, in_markdown
from record import FOLDER, TABLES, Record

from minisnn.files import read_json
from minisnn.plots.curve import plot_lines


def makers(
    records: Mapping[str, Record], page: Path, changed: Container[str] = (), folder: Path = FOLDER
) -> dict[str, Maker]:
    """Makers of a page's regions; links lead from the page to the records. A picture is drawn where
    it is missing, and where a record that it shows has `changed`."""
    tables = read_json(folder / TABLES)
    there = Path(os.path.relpath(folder, page.parent)).as_posix()

    def of(name: str) -> dict[str, Record]:
        rows = {key: record for key, record in records.items() if record.table == name}
        return dict(sorted(rows.items(), key=lambda row: (row[1].place, row[0])))

    def table(words: str) -> str:
        name, *names = words.split()
        return _table(tables[name], {key: records[key] for key in names} or of(name), there)

    def commands(words: str) -> str:
        chosen: dict[str, Record] = {}
        for word in words.split():
            chosen |= of(word) if word in tables else {word: records[word]}
        return _commands(chosen, there)

    def picture(names: Iterable[str], title: str, draw: Callable[..., Any], *numbers: Any) -> str:
        first, *others = names
        path = folder / "pictures" / f"{first}.svg"
        if not path.exists() or any(name in changed for name in (first, *others)):
            pictures.keep(path, draw(title, *numbers))
        return f"![{title}]({there}/pictures/{path.name})"

    def plot(name: str) -> str:
        rows = of(name)
        labels = [record.cells["label"] for record in rows.values()]
        figures = [record.figures for record in rows.values()]
        return picture([name, *rows], tables[name]["title"], pictures.dots, labels, figures)

    def differences(words: str) -> str:
        table = _table_of(records, words)
        drawn = pictures.differences, table["header"], table["rows"]
        name = words.split()[0]
        return picture([name], records[name].cells.get("picture", table["title"]), *drawn)

    def bars(words: str) -> str:
        names = words.split()
        pairs = {
            records[name].cells["activity"]: [
                records[name].figures[key]["value"]
                for key in ("second-order", "second-order-torch")
            ]
            for name in names
        }
        title = "One second-order meta-gradient, on two cores"
        return picture(["speed-bars", *names], title, pictures.bars, pairs)

    def drawn(draw: Callable[..., Any], which: str) -> Maker:
        return lambda name: picture(
            [name],
            records[name].cells.get("picture", records[name].title),
            draw,
            records[name].more[which],
        )

    return dict(
        table=table,
        bars=bars,
        commands=commands,
        plot=plot,
        curves=drawn(pictures.curves, "curves"),
        lines=drawn(plot_lines, "lines"),
        rows=lambda name: _rows(records[name], f"{there}/{name}.json"),
        output=lambda words: _output(records, *words.split()),
        grid=lambda words: _grid(records, words, there),
        map=differences,
    )


def _table(layout: Mapping[str, Any], rows: Mapping[str, Record], there: str) -> str:
    """A row for each record, with its figures and its own texts as cells."""
    heads, (first, *others) = zip(*layout["columns"])
    known = {key for record in rows.values() for key in (*record.cells, *record.figures)}
    if unknown := {first, *others} - known:
        raise ValueError(f"no record has {', '.join(sorted(unknown))}, a column of its table")
    cells = [
        [f"[{_cell(record, first)}]({there}/{name}.json)", *(_cell(record, key) for key in others)]
        for name, record in rows.items()
    ]
    note = layout.get("note")
    return in_markdown(heads, cells) + (f"\n\n{note}" if note else "")


def _cell(record: Record, key: str) -> str:
    if key in record.cells or key not in record.figures:
        return record.cells.get(key, "")
    return shown(record.figures[key]).removesuffix(" %")


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


def _grid(records: Mapping[str, Record], words: str, there: str) -> str:
    """A table that a measurement wrote, its first head a link to the record, and its note."""
    name, _, *chosen = words.split()
    table = _table_of(records, words)
    columns = [int(number) - 1 for number in chosen] or range(len(table["header"]))
    head, *rows = (
        ["" if row[column] is None else str(row[column]) for column in columns]
        for row in (table["header"], *table["rows"])
    )
    head[0] = f"[{head[0]}]({there}/{name}.json)"
    return "\n\n".join([in_markdown(head, rows), *filter(None, [table.get("note")])])


def _table_of(records: Mapping[str, Record], words: str) -> Mapping[str, Any]:
    """The table named by "RECORD TABLE"."""
    name, which = words.split()[:2]
    return next(table for table in records[name].more["tables"] if table["name"] == which)


def _output(records: Mapping[str, Record], name: str, lines: str = "0") -> str:
    """The output of a measurement's first command, all of it or its first lines."""
    printed = records[name].more["printed"].rstrip().split("\n")
    kept = printed[: int(lines) or None]
    return "\n".join(["```text", *kept, *["…"] * (len(kept) < len(printed)), "```"])


def _commands(rows: Mapping[str, Record], there: str) -> str:
    """How records were measured, those together whose commands differ only in the network."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, record in rows.items():
        typed = [re.sub(r"(?<=--checkpoint )\S+", "NETWORK", text) for text in record.commands]
        groups.setdefault(tuple(typed), []).append(name)
    parts = []
    for typed, names in groups.items():
        commands = typed if len(names) > 1 else rows[names[0]].commands
        parts.append("\n".join(["```text", *_by_seed(map(as_typed, commands)), "```"]))
        measured = (
            f"[{name}]({there}/{name}.json) ({rows[name].measured['date']}, "
            f"{rows[name].measured['seconds']:,.0f} s)"
            for name in names
        )
        processors = sorted({rows[name].measured["processor"] for name in names})
        details = (rows[name].detail for name in names if rows[name].detail)
        parts.append(" ".join([f"{', '.join(measured)}; {' and '.join(processors)}.", *details]))
    return "\n\n".join(parts)


def _by_seed(commands: Iterable[str]) -> list[str]:
    """Commands in order; those that differ only in their seed are one."""
    seeds: dict[str, list[str]] = {}
    for command in commands:
        found = re.search(r"(?<= --seed )\d+", command)
        place = re.sub(r"(?<= --seed )\d+", "{}", command)
        seeds.setdefault(place, []).extend([found[0]] if found else [])
    return [place.replace("{}", "|".join(found)) for place, found in seeds.items()]
