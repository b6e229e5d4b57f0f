"""Pages are what the files of results say, and one digit that is not is found; how a page shows a table that was measured."""

import random
import re
import shutil
from pathlib import Path

import pytest

from minisnn import cli
from minisnn.commands.results import PAGES, _code
from minisnn.results.pages import renewed, unmarked
from minisnn.results.record import Record, folder, read_all
from minisnn.results.tables import makers

ROOT = Path(__file__).resolve().parents[1]
HELD = re.compile(r"^<!-- made: (?:table|grid|commands) .+?^<!-- end -->$|[\d., ±]+(?: \S+)?(?=<!--=)", re.M | re.S)
TABLE = {"name": "b", "title": "", "header": ["bits", "accuracy (%)"], "rows": [[8, "98.8 ± 0.3"], [4, None]], "note": "Of 6."}
FIGURES = {"a": {"value": 1.0, "unit": ""}}


@pytest.fixture
def copied(tmp_path):
    """The pages and the files that they are made of, elsewhere."""
    shutil.copytree(folder(), tmp_path / "data" / "results")
    for page in {page for pattern in PAGES for page in ROOT.glob(pattern)}:
        there = tmp_path / page.relative_to(ROOT)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, there)
    return tmp_path


def test_pages_are_what_the_results_say(capsys):
    assert cli.main(["results", "--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", ["README.md", "hardware/README.md", "data/results/README.md", "data/results/claims.md"])
def test_one_changed_digit_is_found(copied, name, capsys):
    page = copied / name
    text = page.read_text(encoding="utf-8")
    places = [held.start() + digit.start() for held in HELD.finditer(text) for digit in re.finditer(r"\d", held[0])]
    assert places
    for place in random.Random(0).sample(places, 4):
        page.write_text(f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}", encoding="utf-8")
        assert cli.main(["results", "--check", "--folder", str(copied / "data" / "results")]) == 1, text[place - 40 : place + 1]
        assert f"{name}: is not what the results say" in capsys.readouterr().out
    page.write_text(text + "\nIt has 97.3 ± 0.4 %.\n", encoding="utf-8")
    assert unmarked(page.read_text(encoding="utf-8"))[-1] == "97.3 ± 0.4 %"


def grid(record, which="b"):
    page = ROOT / "hardware" / "README.md"
    known = makers({"hardware-a": record}, folder(), page)
    return renewed(f"<!-- made: grid hardware-a {which} -->\n<!-- end -->\n", {}, {}, known, "page.md")


def test_a_measured_table_is_shown_with_its_note_and_its_record():
    record = Record("a", "study", ["minisnn hardware"], figures=FIGURES, more={"tables": [TABLE]})
    lines = ["<!-- made: grid hardware-a b -->", "| bits | accuracy (%) |", "|---|---|", "| 8 | 98.8 ± 0.3 |", "| 4 |  |", ""]
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
    tables = {name: {one["name"]: one for one in records[f"hardware-{name}"].more["tables"]} for name in ("simulated", "real")}
    for name in ("roundings", "thresholds", "others"):
        one, other = tables["simulated"][name], tables["real"][name]
        assert one["header"] == other["header"]
        assert [row[0] for row in one["rows"]][: len(other["rows"])] == [row[0] for row in other["rows"]]
