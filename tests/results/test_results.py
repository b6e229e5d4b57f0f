"""Records are measured, and pages are what they say."""

import pytest
from figures import shown
from measure import measure
from pages import renewed
from processes import ROOT, python
from record import Record, read, write


@pytest.mark.parametrize(
    "value, unit, half, text",
    [
        (0.987, "%", 0.003, "98.7 ± 0.3 %"),
        (0.5052, "%", 1e-17, "50.5 ± 0.0 %"),  # what rounding leaves
        (0.50523, "%", 0.0004, "50.52 ± 0.04 %"),
        (-0.0025, "points", 0.00151, "-0.25 ± 0.15 points"),  # 0 lies outside
        (0.0022, "points", 0.0023, "+0.2 ± 0.2 points"),  # inside
        (8.31, "x", None, "8.3 ×"),
        (18.04, "s", 7.45, "18 ± 7 s"),
        (11773.0, "", 1234.0, "11,773 ± 1,234"),
    ],
)
def test_a_figure_is_shown_with_the_places_of_its_interval(value, unit, half, text):
    one = dict(value=value, unit=unit, half=half)
    assert shown(one) == text and shown(one, "value") == text.split()[0]


def test_every_page_is_what_the_records_say():
    done = python(ROOT / "data" / "results" / "make.py", "--check")
    assert done.returncode == 0, done.stdout


def test_figures_of_a_paragraph_follow_the_record():
    """Where a record is measured again; what the paragraph does not have is named."""

    def measured(value):
        figures = {"b": dict(value=value, unit="%", half=0.01), "c": dict(value=3.0, unit="s")}
        return {"a": Record("a", "figures", ["python a"], figures=figures)}

    page = "<!-- says: a:b.value,c\na:b -->\nIt has 97.0 in 3 s, by 97.0 ±\n1.0 %.\n\n97.0"
    before = measured(0.97)
    now = measured(0.98)
    assert renewed(page, before, before, {}, "page") == page
    new = renewed(page, before, now, {}, "page")
    assert new.endswith("It has 98.0 in 3 s, by 98.0 ± 1.0 %.\n\n97.0")
    with pytest.raises(ValueError):
        renewed(page, now, now, {}, "page")


SCRIPT = """\
import json, pathlib, sys
name, out = sys.argv[1], pathlib.Path(sys.argv[2])
here = pathlib.Path(__file__).parent
with open(here / "log", "a") as file:
    file.write(name)
if (here / f"{name} fails").exists():
    sys.exit("this went wrong")
out.write_text(json.dumps({"figures": {name: {"value": 1, "unit": "s"}}, "more": {name: "more"}}))
"""


def test_a_measurement_that_broke_off_goes_on_and_then_begins_from_nothing(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    commands = [f"python {tmp_path / 'script.py'} {name} {{out}}" for name in "xy"]
    one = Record("a", "figures", commands)
    (tmp_path / "y fails").touch()
    with pytest.raises(ValueError):
        measure(one, tmp_path / "work", {})
    (tmp_path / "y fails").unlink()
    made = measure(one, tmp_path / "work", {})
    assert (tmp_path / "log").read_text() == "xyy"
    assert set(made.figures) == {"x", "y"} and made.more == {"x": "more", "y": "more"}
    assert made.state == "measured" and made.measured["date"]
    measure(one, tmp_path / "work", {})
    assert (tmp_path / "log").read_text() == "xyyxy"
    write(tmp_path / "a.json", made)
    assert read(tmp_path / "a.json") == made
