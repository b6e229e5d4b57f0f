"""What pages show: no interval shrinks to nothing, tables and pictures are of a record's numbers,
and all pages are true."""

import json
import re
from pathlib import Path

import pytest

from minisnn import cli
from minisnn.commands.results import PAGES
from minisnn.results import flags, pages, pictures
from minisnn.results.figures import figure, shown
from minisnn.results.record import Record, folder, read_all
from minisnn.results.tables import makers
from unmarked import unmarked

ROOT = Path(__file__).resolve().parents[2]
FOUND = sorted(page for pattern in PAGES for page in ROOT.glob(pattern))
RECORDS = read_all(folder())


@pytest.mark.parametrize(
    "value, unit, half, text",
    [
        (0.987, "%", 0.003, "98.7 ± 0.3 %"),
        (0.5052, "%", 0.0, "50.5 ± 0.0 %"),  # exactly
        (0.5052, "%", 1e-17, "50.5 ± 0.0 %"),  # what rounding leaves
        (0.50523, "%", 0.0004, "50.52 ± 0.04 %"),
        (0.50523, "%", 0.0005, "50.5 ± 0.1 %"),
        (0.5, "%", 0.00000096, "50.0000 ± 0.0001 %"),
        (0.004, "points", 0.0001, "+0.40 ± 0.01 points"),
        (-0.0025, "points", 0.00151, "-0.25 ± 0.15 points"),  # 0 lies outside
        (0.0022, "points", 0.0023, "+0.2 ± 0.2 points"),  # inside
        (-0.0002, "points", 0.003, "+0.0 ± 0.3 points"),
        (8.31, "x", None, "8.3 ×"),
        (8.31, "x", 0.04, "8.31 ± 0.04 ×"),
        (1.25, "x", None, "1.25 ×"),
        (1.25, "x", 0.5, "1.2 ± 0.5 ×"),
        (0.103, "s", 0.00002, "0.10300 ± 0.00002 s"),
        (18.04, "s", 7.45, "18 ± 7 s"),
        (2122.0, "s", 40.0, "2,122 ± 40 s"),
        (1.1, "", 0.226, "1.1 ± 0.2"),
        (11773.0, "", 1234.0, "11,773 ± 1,234"),
        (0.3, "s", 0.96, "0.3 ± 1.0 s"),
        (0.0000123, "s", None, "0.0000123 s"),
        (999.6, "MB", None, "1000 MB"),
        (2122.0, "MB", None, "2,122 MB"),
    ],
)
def test_half_an_interval_is_0_only_where_it_is(value, unit, half, text):
    one = figure(value, unit, half)
    assert shown(one) == text
    if half is not None:
        assert shown(one, "half") == text.split(" ± ")[1].split()[0]
    assert shown(one, "value") == text.split()[0]
    record = Record("a", "figures", ["python a"], figures={"b": one})
    page = f"has {text}<!--=a:b--> here"
    assert pages.renewed(page, {"a": record}, {}, {}, "page") == page


def test_what_is_lost_has_no_plus_sign():
    one = figure(0.066, "points", 0.019)
    record = Record("a", "figures", ["python a"], figures={"b": one})
    made = pages.renewed("loses +1.0 points<!--=a:b.plain-->", {"a": record}, {}, {}, "page")
    assert made == "loses 6.6 ± 1.9 points<!--=a:b.plain-->"
    assert shown(figure(-0.066, "points", 0.019), "plain") == "-6.6 ± 1.9 points"


def test_what_a_page_shows_of_any_figure_is_found_again():
    """A number whose form the markers do not know would be written beside itself."""
    halves = (None, 0.0, 1e-20, 3e-9, 4.9e-4, 0.05, 0.3, 12.0)
    values = (0.0, -1e-7, 2e-5, 0.0499, 0.3, 0.9996, 1.0, 1.999, 99.96, 999.7, 12345.6)
    for unit in ("%", "points", "x", "s", "ms", "MB", "kB", ""):
        for value in values:
            for half in halves:
                one = figure(value, unit, half)
                text = shown(one)
                record = Record("a", "figures", ["python a"], figures={"b": one})
                page = f"has {text}<!--=a:b--> here"
                assert pages.renewed(page, {"a": record}, {}, {}, "page") == page, text
                assert not (half and half > 1e-12 and re.search(r"± 0[0.]*(?![\d.])", text)), (
                    unit,
                    value,
                    half,
                    text,
                )


def test_every_page_is_what_the_records_say(capsys):
    assert cli.main(["results", "--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("page", FOUND, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_changed_digit_is_set_right(page):
    """Every digit that stands before a marker or in a region is changed; all come back."""
    text = page.read_text(encoding="utf-8")

    def other(numbers: str) -> str:
        return re.sub(r"\d", lambda digit: str(9 - int(digit[0])), numbers)

    wrong = pages._REGION.sub(
        lambda found: found[0].replace(found["body"], other(found["body"])), text
    )
    wrong = re.sub(rf"{pages._NUMBER}(?=<!--=)", lambda found: other(found[0]), wrong)
    known = {**makers(RECORDS, folder(), page, drawing=False), **flags.makers(cli.parser())}
    assert wrong != text or not re.search(r"\d<!--=|<!-- made: (?!output)", text)
    assert pages.renewed(wrong, RECORDS, pages.literature(folder()), known, page.name) == text


def test_seconds_are_a_measurement_too():
    assert unmarked("takes 0.103 s, 5 seeds and 3 steps, 12 ms, 1.9 ×, `3 s`, 4 s<!--=a:b-->") == [
        "0.103 s",
        "12 ms",
        "1.9 ×",
    ]


def the_makers(tmp_path, records, drawing=True):
    (tmp_path / "tables.json").write_text("{}")
    return makers(records, tmp_path, tmp_path / "page.md", drawing)


def test_a_record_has_a_table_of_its_own(tmp_path):
    layout = {
        "heads": ["workers", "an update", "ratio"],
        "cells": [["none", "a", ""], ["2", "b", "c"]],
    }
    figures = {"a": figure(6.5, "s"), "b": figure(3.3, "s")}
    records = {
        "full": Record("Workers", "figures", ["python a"], figures=figures, more={"rows": layout}),
        "empty": Record("Memory", "figures", ["python b"]),
    }
    known = the_makers(tmp_path, records)
    assert known["rows"]("full").splitlines() == [
        "| [workers](./full.json) | an update | ratio |",
        "|---|---|---|",
        "| none | 6.5 s |  |",
        "| 2 | 3.3 s |  |",
    ]
    assert known["rows"]("empty") == "([Memory](./empty.json): not measured yet)"
    assert known["curves"]("empty") == known["lines"]("empty") == "(not measured yet)"
    assert "python a" in known["told"]("empty full") and "python b" in known["told"]("empty full")
    for kind in ("rows", "curves", "lines", "told", "output"):
        with pytest.raises(ValueError, match="there is no result 'none'"):
            known[kind]("none")


def test_a_row_says_once_that_it_is_not_measured_yet(tmp_path):
    layout = {"columns": [["command", "label"], ["a", "a"], ["by", "by"], ["b", "b"]]}
    (tmp_path / "tables.json").write_text(json.dumps({"runs": dict(layout, title="Runs")}))
    cells = {"label": "x", "by": "hand"}
    records = {
        "made": Record(
            "M", "figures", ["m"], table="runs", cells=cells, figures={"a": figure(0.5, "%")}
        ),
        "owed": Record("O", "figures", ["o"], table="runs", cells=cells),
    }
    rows = makers(records, tmp_path, tmp_path / "page.md", False)["table"]("runs").splitlines()
    assert rows[2:] == [
        "| [x](./made.json) | 50.0 | hand |  |",
        "| [x](./owed.json) | not measured yet | hand |  |",
    ]


def test_a_page_tells_on_which_processor_a_record_was_measured(tmp_path):
    measured = dict(minisnn="1", date="2026-01-01", seconds=60.4, processor="A processor")
    records = {"full": Record("Workers", "figures", ["python a"], measured=measured)}
    told = the_makers(tmp_path, records)["told"]("full")
    assert "(minisnn 1, 2026-01-01, 60 s, A processor):" in told


def test_curves_are_drawn_again_only_where_their_numbers_changed(tmp_path):
    def records(last):
        sweep = {"label": "steps", "x": [1, 2], "seconds": [0.1, last], "MB": [10, 20]}
        return {
            "grown": Record("Growth", "figures", ["python a"], more={"curves": {"steps": sweep}})
        }

    picture = tmp_path / "pictures" / "grown.svg"
    assert (
        the_makers(tmp_path, records(0.2))["curves"]("grown") == "![Growth](./pictures/grown.svg)"
    )
    assert "steps</text>" in picture.read_text() and "seconds</text>" in picture.read_text()
    before = picture.stat().st_mtime_ns
    assert (
        the_makers(tmp_path, records(0.2))["curves"]("grown") == "![Growth](./pictures/grown.svg)"
    )
    assert picture.stat().st_mtime_ns == before
    told = the_makers(tmp_path, records(0.3), drawing=False)["curves"]("grown")
    assert "out of date" in told and picture.stat().st_mtime_ns == before  # a check draws nothing
    the_makers(tmp_path, records(0.3))["curves"]("grown")
    assert picture.stat().st_mtime_ns != before


def test_lines_are_drawn_a_panel_beside_another(tmp_path):
    def maker(last, **options):
        series = [
            dict(label="one shot", x=[5, 250], y=[96.0, last], half=[1.0, 2.0]),
            dict(label="a chip", x=[250], y=[82.2]),
        ]
        panels = [
            dict(title=title, xlabel="classes", ylabel="%", log=log, series=series)
            for title, log in (("at once", True), ("one by one", False))
        ]
        record = Record("Classes", "figures", ["python a"], more={"lines": panels})
        return the_makers(tmp_path, {"many": record}, **options)["lines"]

    picture = tmp_path / "pictures" / "many.svg"
    assert maker(63.0)("many") == "![Classes](./pictures/many.svg)"
    text = picture.read_text()
    for words in ("at once", "one by one", "one shot", "a chip", "250"):
        assert f">{words}</text>" in text or f"{words}</text>" in text, words
    assert "out of date" in maker(64.0, drawing=False)("many") and picture.read_text() == text


def test_the_pictures_that_ship_are_of_the_numbers_that_ship():
    found = RECORDS["speed-scaling"]
    assert pictures.is_of(
        folder() / "pictures" / "speed-scaling.svg", [found.title, found.more["curves"]]
    )
    changed = json.loads(json.dumps(found.more["curves"]))
    changed["steps"]["MB"][0] += 1
    assert not pictures.is_of(folder() / "pictures" / "speed-scaling.svg", [found.title, changed])
