"""What was begun is continued only where it is still what is asked; what stops, is killed or is
edited meanwhile loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from minisnn import cli
from minisnn.commands import results
from minisnn.results import record
from minisnn.results.kinds import KINDS
from minisnn.results.measure import measure
from minisnn.results.record import CLASSIFIER, Record

ADDS = """\
import json, pathlib, sys
*given, out = sys.argv[1:]
places = [pathlib.Path(one) for one in given]
total = sum(json.loads(one.read_text())["figures"]["n"]["value"] if one.exists() else float(one.name) for one in places)
pathlib.Path(out).write_text(json.dumps({"figures": {"n": {"value": total, "unit": "s"}}}))
with open(pathlib.Path(__file__).with_name("log"), "a") as file:
    file.write(f"{total:g} ")
"""


@pytest.fixture
def adds(tmp_path):
    (tmp_path / "adds.py").write_text(ADDS)
    (tmp_path / "log").touch()

    def command(*given):
        return f"python {tmp_path / 'adds.py'} {' '.join(given)} {{out}}"

    command.log = tmp_path / "log"
    return command


@pytest.fixture
def records(tmp_path):
    """A folder of records by name and script, and how they are measured."""
    place = tmp_path / "records"
    place.mkdir()

    def add(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        one = Record(name, "figures", [f"python {tmp_path / f'{name}.py'} {{out}}"])
        record.write(place / f"{name}.json", one)

    def words(*more, work=None):
        return ["results", *more, "--folder", str(place), "--work", work or str(tmp_path / "work")]

    add.place, add.words = place, words
    return add


def test_what_rests_on_a_command_that_changed_is_carried_out_again(tmp_path, adds):
    lacking = "python {} {{out}}".format(tmp_path / "lacking.py")
    for first in ("1", "2"):
        with pytest.raises(ValueError, match="exit code"):
            one = Record("a", "figures", [adds(first), adds("{0}", "10"), lacking])
            measure(one, tmp_path / "work", {}, "code", lambda text: None)
    assert adds.log.read_text() == "1 11 2 12 "


def test_folders_that_a_command_does_not_name_are_nothing_to_it(tmp_path, adds):
    one = Record("a", "figures", [adds("1"), "python {} {{out}}".format(tmp_path / "lacking.py")])
    for roots in ({}, {"other": "/"}):
        with pytest.raises(ValueError, match="exit code"):
            measure(one, tmp_path / "work", roots, "code", lambda text: None)
    assert adds.log.read_text() == "1 "


WRITES = "import json, sys; open(sys.argv[1], 'w').write(json.dumps({'figures': {'n': {'value': 1, 'unit': 's'}}}))"


def test_a_working_folder_lies_where_the_command_was_called(tmp_path, records, monkeypatch):
    records("first", WRITES)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli.main(records.words("--only", "first", work="here")) == 0
    assert (tmp_path / "elsewhere" / "here" / "first" / "0.json").exists()


def test_a_command_that_is_killed_is_a_failure_and_does_not_stop_the_others(records, capsys):
    records("first", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    records("second", WRITES)
    assert cli.main(records.words("--missing")) == 1
    said = capsys.readouterr()
    assert "second: 1 figures" in said.out
    assert "first was not measured" in said.err and "ended by SIGKILL" in said.err


def test_what_failed_is_told_when_the_rest_is_stopped(records, capsys):
    records("first", "raise SystemExit('this went wrong')")
    records("second", "raise SystemExit(130)")
    assert cli.main(records.words("--missing")) == 130
    assert "first was not measured" in capsys.readouterr().err


SAVES = """\
import pathlib, signal, sys, time
beside = pathlib.Path(__file__)
def save(*_):
    time.sleep(2.6)  # longer than `stopping.PATIENCE`
    beside.with_name("saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
beside.with_name("begun").touch()
time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a process without asking it to save")
def test_a_command_has_time_to_save_when_the_measurement_is_stopped(tmp_path, records):
    records("first", SAVES)
    line = [sys.executable, "-m", "minisnn", *records.words("--only", "first")]
    parent = subprocess.Popen(line, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "begun").exists():
            assert parent.poll() is None
            time.sleep(0.02)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(30) == 143 and (tmp_path / "saved").exists()
    finally:
        parent.kill()


def test_texts_that_were_edited_meanwhile_are_kept(tmp_path, records, capsys):
    path = records.place / "first.json"
    edits = (
        "import json, pathlib; path = pathlib.Path({!r}); one = json.loads(path.read_text()); "
        "one[{!r}] = {!r}; path.write_text(json.dumps(one)); "
    )
    records("first", edits.format(str(path), "detail", "seen later") + WRITES)
    assert cli.main(records.words("--only", "first")) == 0
    now = record.read(path)
    assert now.detail == "seen later" and now.figures
    records("first", edits.format(str(path), "commands", ["python b"]) + WRITES)
    assert cli.main(records.words("--only", "first")) == 1
    assert "its commands changed as they were measured" in capsys.readouterr().err
    assert record.read(path).commands == ["python b"]


def test_folders_of_recordings_that_nothing_needs_are_refused(tmp_path, records, capsys):
    records("first", WRITES)
    assert cli.main(records.words("--only", "first", "--data", f"asl={tmp_path}")) == 2
    assert "--data asl: needed by none of first; leave it out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change, told",
    [
        ({"kind": "figurez"}, "kind is 'figurez', expected one of"),
        ({"commands": []}, "commands is empty, expected one or more"),
        ({"commands": ["python a", " "]}, "command 1 is empty"),
        ({"commands": ["python a {out}", "python {1}"]}, "command 1 has {1}, expected the number"),
        ({"commands": ["python a {out}", "python {0}", "python {5}"]}, "command 2 has {5}"),
    ],
)
def test_a_record_that_cannot_be_carried_out_is_refused_as_it_is_read(tmp_path, change, told):
    record.write(tmp_path / "a.json", Record("a", "figures", ["python a"]))
    given = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps(given | change))
    with pytest.raises(ValueError) as error:
        record.read(tmp_path / "a.json")
    assert told in str(error.value) and "a.json" in str(error.value)


def test_a_folder_without_records_is_refused(tmp_path, capsys):
    for words in (["--check"], []):
        assert cli.main(["results", "--folder", str(tmp_path / "none"), *words]) == 2
        assert "holds no measurement" in capsys.readouterr().err


def test_a_record_may_begin_with_the_name_of_a_module():
    assert len(results._code("files")) == 16  # `minisnn.files`, which is no package


def test_code_is_that_of_the_command_and_of_scripts_beside_it(tmp_path):
    (tmp_path / "a.py").write_text("import b")
    (tmp_path / "b.py").write_text("1")
    script = str(tmp_path / "a.py")

    def code(*programs):
        results._code.cache_clear()
        return results._code("a", *programs)

    assert results._programs(["minisnn evaluate --x", f"python {script}"]) == ["evaluate", script]
    first = code(script)
    (tmp_path / "b.py").write_text("2")
    assert len({first, code(script), code("evaluate"), code("look"), code()}) == 5


def test_the_classifier_of_a_baseline_is_a_network_of_the_record():
    one = Record("a", "evaluate", ["minisnn evaluate --checkpoint b.h5"])
    assert one.asks == ("b.h5",)
    found = {"less-pretrained": {"value": 0.1, "unit": "points"}}
    assert replace(one, figures=found).asks == ("b.h5", CLASSIFIER)


def test_a_paired_difference_has_the_interval_that_leads(tmp_path):
    less = dict(less=[0.05, 0.01, 0.02], less_interval=dict(half=0.06))
    row = dict(mean=0.9, interval=dict(half=0.03), **less)
    found = dict(accuracy_after=0.95, accuracy_before=0.2, interval=dict(half=0.01))
    found |= dict(rules={"own": row}, ways=5, queries=1, per_episode=[0.8, 1.0])
    (tmp_path / "0.json").write_text(json.dumps(found))
    figures, _ = KINDS["evaluate"]([tmp_path / "0.json"])
    assert figures["less-own"] == {"value": 0.05, "unit": "points", "half": 0.06}
