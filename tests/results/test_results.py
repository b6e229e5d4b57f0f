"""Records are measured, and pages are what they say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from figures import shown
from kinds import KINDS
from measure import measure, needed, shown as typed
from pages import renewed
from record import Record, read, write
from tables import makers

from minisnn.experiments.findings import figure

ROOT = Path(__file__).resolve().parents[2]
MAKE = [sys.executable, ROOT / "data" / "results" / "make.py"]


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
    one = figure(value, unit, half)
    assert shown(one) == text and shown(one, "value") == text.split()[0]


def test_every_page_is_what_the_records_say():
    done = subprocess.run([*MAKE, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_figures_of_a_paragraph_follow_the_record():
    """Where a record is measured again; what the paragraph does not have is named."""

    def measured(value):
        figures = {"b": figure(value, "%", 0.01), "c": figure(3.0, "s")}
        return {"a": Record("a", "figures", ["python a"], figures=figures)}

    page = "<!-- says: a:b.value a:c\na:b -->\nIt has 97.0 in 3 s, by 97.0 ±\n1.0 %.\n\n97.0"
    before, now = measured(0.97), measured(0.98)
    assert renewed(page, before, before, {}, "page") == page
    new = renewed(page, before, now, {}, "page")
    assert new.endswith("It has 98.0 in 3 s, by 98.0 ± 1.0 %.\n\n97.0")
    with pytest.raises(ValueError, match="page.*a:b"):
        renewed(page, now, now, {}, "page")


def test_pictures_are_drawn_where_their_record_changed(tmp_path):
    (tmp_path / "tables.json").write_text("{}")

    def made(last, changed=()):
        sweep = {"label": "steps", "x": [1, 2], "seconds": [0.1, last], "MB": [10, 20]}
        more = {"curves": {"steps": sweep}}
        records = {"grown": Record("Growth", "figures", ["python a"], more=more)}
        region = makers(records, tmp_path / "page.md", changed, tmp_path)["curves"]("grown")
        assert region == "![Growth](./pictures/grown.svg)"
        return (tmp_path / "pictures" / "grown.svg").read_text()

    first = made(0.2)
    assert "seconds</text>" in first
    assert made(0.3) == first and made(0.3, {"grown"}) != first


def test_figures_of_a_study_are_its_claims_and_the_cells_with_an_interval(tmp_path):
    header = ["method", "mean ± 95 % CI", "mean ± SD of 10 trials", "paper", "MAML less it"]
    row = ["MAML", "98.6 ± 1.1", "98.64 ± 1.22", "98.23 ± 1.12", "-0.2 ± 0.6"]
    table = dict(name="two", title="Accuracy (%)", header=header, rows=[row])
    claim = dict(value=4.0, unit="points", low=1.0, high=7.0)
    (tmp_path / "nuisance").mkdir()
    text = json.dumps({"tables": [table], "claims": [claim]})
    (tmp_path / "nuisance" / "findings.json").write_text(text)
    figures, _ = KINDS["study"]([tmp_path])
    assert figures == {
        "claim-1": {"value": 0.04, "unit": "points", "half": pytest.approx(0.03)},
        "two-1-mean": {"value": 0.986, "unit": "%", "half": pytest.approx(0.011)},
        "two-1-maml-less-it": {"value": -0.002, "unit": "points", "half": pytest.approx(0.006)},
    }


def test_figures_of_evaluations_and_of_seeds(tmp_path):
    def evaluated(name, accuracy, own):
        less = dict(less=[0.05, 0.01, 0.02], less_interval=dict(half=0.06))
        rules = {"own": dict(mean=own, interval=dict(half=0.03), **less)}
        found = dict(accuracy_after=accuracy, accuracy_before=0.2, interval=dict(half=0.01))
        found |= dict(rules=rules, ways=5, queries=1, per_episode=[0.8, 1.0])
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({**found, "dataset": "omniglot", "shots": 1}))
        return path

    outs = [evaluated("a", 0.98, 0.9), evaluated("b", 0.99, 0.9)]
    figures, _ = KINDS["evaluate"](outs[:1])
    assert figures["accuracy"] == {"value": 0.98, "unit": "%", "half": 0.01}
    assert figures["less-own"] == {"value": 0.05, "unit": "points", "half": 0.06}
    figures, more = KINDS["seeds"](outs)
    assert figures["accuracy"]["value"] == pytest.approx(0.985) and more["accuracies"] == [
        0.98,
        0.99,
    ]
    assert figures["accuracy"]["half"] == pytest.approx(12.706 * 0.005, rel=1e-3)  # Student's t
    assert figures["own"]["half"] == 0.03  # no seed changes it
    assert KINDS["entry"](outs[:1])[0]["omniglot-5way-1shot"]["value"] == 0.98


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
    with pytest.raises(ValueError, match="exit code 1"):
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


def test_recordings_that_lack_are_named_before_anything_is_measured():
    command = "python a.py --root {asl} --out {out}.runs --json {out}"
    assert needed([command]) == {"asl"} and typed(command) == "python a.py --root DIR"
    done = subprocess.run([*MAKE, "--only", "real-shift"], capture_output=True, text=True)
    assert done.returncode == 2 and "--data nmnist=DIR" in done.stderr
