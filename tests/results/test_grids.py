"""How a page shows a table that one command measured whole, and what the records of hardware rest
on."""

from pathlib import Path

import pytest

from minisnn.commands.results import _code
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
