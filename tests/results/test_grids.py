"""How a page shows a table that one command measured whole, and what the records of hardware rest
on."""

import json
from pathlib import Path

import pytest

from minisnn.commands.results import _code
from minisnn.results.kinds import KINDS
from minisnn.results.pages import renewed
from minisnn.results.record import Record, folder, read_all
from minisnn.results.tables import makers

ROOT = Path(__file__).resolve().parents[2]
TABLE = {
    "name": "b",
    "title": "",
    "header": ["bits", "accuracy (%)"],
    "rows": [[8, "98.8 ± 0.3"], [4, None]],
    "note": "Of 6.",
}
FIGURES = {"a": {"value": 1.0, "unit": ""}}


def grid(record, which="b"):
    page = ROOT / "hardware" / "README.md"
    known = makers({"hardware-a": record}, folder(), page)
    return renewed(
        f"<!-- made: grid hardware-a {which} -->\n<!-- end -->\n", {}, {}, known, "page.md"
    )


def test_a_measured_table_is_shown_with_its_note_and_its_record():
    record = Record("a", "study", ["minisnn hardware"], figures=FIGURES, more={"tables": [TABLE]})
    lines = [
        "<!-- made: grid hardware-a b -->",
        "| bits | accuracy (%) |",
        "|---|---|",
        "| 8 | 98.8 ± 0.3 |",
        "| 4 |  |",
        "",
    ]
    lines += ["Of 6. ([record](../data/results/hardware-a.json))", "<!-- end -->", ""]
    assert grid(record) == "\n".join(lines)
    assert "(not measured yet)" in grid(Record("a", "study", ["minisnn hardware"]))
    with pytest.raises(ValueError, match="hardware-a has no table 'c'; expected one of b"):
        grid(record, "c")
    with pytest.raises(ValueError, match="there is no result 'hardware-b'"):
        makers({}, folder(), ROOT / "README.md")["grid"]("hardware-b b")


def test_a_table_of_differences_is_drawn_as_a_map(tmp_path):
    rows = [["late", "+1.20 ± 0.80*", None], ["dead", "-3.00 ± 3.50", "-1.00 ± 0.50*"]]
    worth = dict(name="worth", title="Gains", header=["new", "MAML", "FOMAML"], rows=rows)
    figures, more = KINDS["study"]([study_of(tmp_path, worth)])
    assert {name: (one["value"], one["unit"]) for name, one in figures.items()} == {
        "worth-1-maml": (0.012, "points"),
        "worth-2-maml": (-0.03, "points"),
        "worth-2-fomaml": (-0.01, "points"),
    }
    record = Record("gains", "study", ["minisnn explore nuisance"], figures=figures, more=more)
    (tmp_path / "tables.json").write_text("{}")
    known = makers({"gains": record}, tmp_path, tmp_path / "page.md")
    assert known["map"]("gains worth") == "![Gains](./pictures/gains.svg)"
    drawn = (tmp_path / "pictures" / "gains.svg").read_text(encoding="utf-8")
    assert all(text in drawn for text in (">+1.2*<", ">-3.0<", ">-1.0*<", ">late<", ">FOMAML<"))
    with pytest.raises(ValueError, match="gains has no table 'b'; expected one of worth"):
        known["map"]("gains b")
    missing = makers({"gains": Record("gains", "study", ["a"])}, tmp_path, tmp_path / "page.md")
    assert missing["map"]("gains worth") == "(not measured yet)"


def test_a_claim_is_a_figure_with_half_its_interval(tmp_path):
    claims = [
        dict(value=4.0, unit="points", low=1.0, high=7.0),
        dict(value=12.0, unit="times", low=None, high=None),
        dict(value=12.0, unit="times", low=10.0, high=15.0),
    ]
    figures, more = KINDS["study"]([study_of(tmp_path, claims=claims)])
    assert figures == {
        "claim-1": {"value": 0.04, "unit": "points", "half": pytest.approx(0.03)},
        "claim-2": {"value": 12.0, "unit": ""},
        "claim-3": {"value": 12.0, "unit": "", "half": 2.5},
    }
    assert more["claims"] == claims


def test_a_cell_is_a_figure_where_its_unit_is_told(tmp_path):
    """And its half is that of an interval: no standard deviation, and nothing of the paper's."""
    header = ["method", "mean ± 95 % CI", "mean ± SD of 10 trials", "paper", "MAML less it"]
    row = ["MAML", "98.6 ± 1.1", "98.64 ± 1.22", "98.23 ± 1.12", "-0.2 ± 0.6"]
    two = dict(name="two", title="Accuracy (%)", header=header, rows=[row])
    three = dict(two, name="three", title="Magnitude, mean ± SD over updates", rows=[row[:2]])
    four = dict(name="four", title="Differences (points)", header=header[:2], rows=[row[:2]])
    five = dict(two, name="five", title="What is left", rows=[row[:2]])
    figures, _ = KINDS["study"]([study_of(tmp_path, two, three, four, five)])
    assert figures == {
        "two-1-mean": {"value": 0.986, "unit": "%", "half": 0.011000000000000001},
        "two-1-maml-less-it": {"value": -0.002, "unit": "points", "half": 0.006},
        "four-1-mean": {"value": 0.986, "unit": "points", "half": 0.011000000000000001},
    }


def study_of(folder, *tables, claims=()):
    """The folder of a study that found these."""
    out = folder / "out" / "nuisance"
    out.mkdir(parents=True)
    found = {"tables": tables, "claims": claims}
    (out / "findings.json").write_text(json.dumps(found))
    return out.parent


def test_records_of_hardware_depend_on_its_code_too():
    assert len({_code("hardware"), _code("speed"), _code("paper")}) == 2
    assert _code("speed") == _code("paper")


def test_tables_that_were_taken_over_have_the_columns_that_the_command_writes():
    """Markers of pages name figures by row and column, so that both must stay where they are."""
    records = read_all(folder())
    tables = {
        name: {one["name"]: one for one in records[f"hardware-{name}"].more["tables"]}
        for name in ("simulated", "real")
    }
    for name in ("roundings", "thresholds", "others"):
        one, other = tables["simulated"][name], tables["real"][name]
        assert one["header"] == other["header"]
        assert [row[0] for row in one["rows"]][: len(other["rows"])] == [
            row[0] for row in other["rows"]
        ]
