"""Measurements are carried out, continued, and begun again; one that fails does not stop the
others."""

import json

import numpy as np
import pytest

import minisnn as ms
from minisnn import cli
from minisnn.data.store import sealed
from minisnn.results import measure as measuring
from minisnn.results import record
from minisnn.results.kinds import KINDS
from minisnn.results.measure import as_options, complete, hash_of, measure, needed, shown
from minisnn.results.record import Record

SCRIPT = """\
import json, pathlib, sys
log, name, out = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
with open(log, "a") as file:
    file.write(name)
if (log.parent / f"{name} fails").exists():
    sys.exit("this went wrong")
times = log.read_text().count(name)
out.write_text(json.dumps({"figures": {name: {"value": times, "unit": "s"}}, "more": {name: "more"}}))
"""


@pytest.fixture
def script(tmp_path):
    """A command by its name, and what has been run so far."""
    (tmp_path / "script.py").write_text(SCRIPT)

    def command(name):
        return f"python {tmp_path / 'script.py'} {tmp_path / 'log'} {name} {{out}}"

    command.log = tmp_path / "log"
    command.log.touch()
    return command


def carried_out(one, tmp_path, code="code"):
    made = measure(one, tmp_path / "work", {}, code, lambda text: None)
    complete(tmp_path / "work")
    return made


def test_a_measurement_is_filled_and_begins_from_nothing_the_next_time(tmp_path, script):
    one = Record("a", "figures", [script("x"), script("y")])
    made = carried_out(one, tmp_path)
    assert made.figures == {"x": {"value": 1, "unit": "s"}, "y": {"value": 1, "unit": "s"}}
    assert made.more == {"x": "more", "y": "more"} and made.measured["commands"] == one.commands
    assert carried_out(one, tmp_path).figures["y"]["value"] == 2
    assert script.log.read_text() == "xyxy"


def test_a_measurement_that_broke_off_goes_on_where_it_was(tmp_path, script):
    one = Record("a", "figures", [script("x"), script("y")])
    carried_out(one, tmp_path)
    (tmp_path / "y fails").touch()
    for _ in range(2):
        with pytest.raises(ValueError, match="ended with exit code 1: this went wrong"):
            carried_out(one, tmp_path)
    (tmp_path / "y fails").unlink()
    assert carried_out(one, tmp_path).figures["x"]["value"] == 2
    assert script.log.read_text() == "xyxyyy"


def test_what_other_code_began_is_not_gone_on_with(tmp_path, script):
    one = Record("a", "figures", [script("x"), script("y")])
    (tmp_path / "y fails").touch()
    with pytest.raises(ValueError):
        carried_out(one, tmp_path)
    kept = tmp_path / "work" / "1.json.runs"
    kept.mkdir()
    (kept / "half").touch()
    (tmp_path / "y fails").unlink()
    carried_out(one, tmp_path, code="other")
    assert script.log.read_text() == "xyxy" and not kept.exists()


def test_what_a_command_keeps_beside_its_output_is_no_part_of_it():
    assert (
        shown("python a.py --out {out}.runs --root {asl} --json {out}") == "python a.py --root DIR"
    )
    assert needed(["python a.py --root {asl} --json {out}.lines"]) == {"asl"}
    assert as_options({"b", "a"}) == "--data a=DIR --data b=DIR"


@pytest.fixture
def measured(tmp_path, script):
    """A folder of three records, and the command that measures them."""
    place = tmp_path / "records"
    place.mkdir()
    for name in ("first", "second", "third"):
        record.write(place / f"{name}.json", Record(name, "figures", [script(name)]))

    def command(*words):
        return cli.main(
            ["results", *words, "--folder", str(place), "--work", str(tmp_path / "work")]
        )

    command.place = place
    return command


def test_missing_says_how_many_and_one_that_fails_does_not_stop_the_others(
    tmp_path, measured, capsys
):
    (tmp_path / "second fails").touch()
    assert measured("--missing") == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[:2] == ["3 measurements", "1 of 3: first"]
    assert (
        "first: 1 figures" in said.out
        and "third: 1 figures" in said.out
        and "second" not in said.out
    )
    assert said.err.splitlines()[-1].startswith("second was not measured: python ")
    assert said.err.splitlines()[-1].endswith("ended with exit code 1: this went wrong")
    (tmp_path / "second fails").unlink()
    assert measured("--missing") == 0
    assert capsys.readouterr().err.startswith("1 measurement\n1 of 1: second\n")
    assert all(one.figures for one in record.read_all(measured.place).values())
    assert measured("--missing") == 0
    assert capsys.readouterr().err == "0 measurements\n"


def test_a_record_that_cannot_be_written_is_not_measured_twice(
    measured, script, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        patch.setattr(
            record,
            "write",
            lambda path, one: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        assert measured("--only", "first,second") == 1
    assert "second was not measured: [Errno 28] No space left on device" in capsys.readouterr().err
    assert measured("--only", "first,second") == 0
    assert script.log.read_text() == "firstsecond"
    assert measured("--only", "first") == 0
    assert script.log.read_text() == "firstsecondfirst"


def test_output_that_cannot_be_read_is_a_failure_like_others(tmp_path, measured, script, capsys):
    text = script("second").replace("script.py", "other.py")
    (tmp_path / "other.py").write_text(
        "import sys; open(sys.argv[3], 'w').write('{\"figures\": {\"a\": 1}}')"
    )
    record.write(measured.place / "second.json", Record("second", "figures", [text]))
    assert measured("--only", "second,third") == 1
    said = capsys.readouterr()
    assert "third: 1 figures" in said.out and said.err.splitlines()[-1].startswith(
        "second was not measured: "
    )


def test_recordings_that_lack_are_told_before_anything_is_measured(
    tmp_path, measured, script, capsys
):
    lacking = Record("a", "figures", ["python a --root {nmnist} --out {out}"])
    record.write(measured.place / "real.json", lacking)
    record.write(
        measured.place / "signed.json", Record("b", "figures", ["python a {asl} --out {out}"])
    )
    assert measured("--missing") == 2
    said = capsys.readouterr()
    assert (
        "recordings are needed for real, signed; give --data asl=DIR --data nmnist=DIR, or choose "
        "others with --only" in said.err
    )
    assert script.log.read_text() == "" and not said.out
    assert measured("--missing", "--data", f"asl={tmp_path}") == 2
    assert "recordings are needed for real; give --data nmnist=DIR" in capsys.readouterr().err
    assert measured("--only", "first,third") == 0


def test_help_says_that_missing_takes_hours(capsys):
    with pytest.raises(SystemExit):
        cli.main(["results", "--help"])
    assert "takes hours" in capsys.readouterr().out


def test_a_record_of_figures_is_written_and_read(tmp_path):
    one = Record(
        "a", "figures", ["python a"], more={"curves": {"steps": {"label": "T", "x": [1, 2.5]}}}
    )
    record.write(tmp_path / "a.json", one)
    assert record.read(tmp_path / "a.json") == one
    assert json.loads((tmp_path / "a.json").read_text())["more"]["curves"]["steps"]["x"] == [1, 2.5]


def test_a_baseline_that_no_seed_changes_has_the_interval_of_its_recordings(tmp_path):
    def run(name, accuracy, own):
        rules = {
            rule: dict(
                mean=mean, interval=dict(half=0.02), less=[0.0, None, None], less_interval=None
            )
            for rule, mean in (("own", own), ("frames", 0.58))
        }
        (tmp_path / name).mkdir()
        test = dict(
            accuracy_after=accuracy, accuracy_before=0.2, interval=dict(half=0.01), rules=rules
        )
        (tmp_path / name / "result.json").write_text(json.dumps({"test": test}))
        (tmp_path / name / "log.csv").write_text("update,seconds\n1,2.0\n")
        return tmp_path / name

    runs = [run("a", 0.98, 0.97), run("b", 0.99, 0.98), run("c", 0.985, 0.99)]
    figures, _ = KINDS["train"](runs)
    assert figures["frames"] == {"value": pytest.approx(0.58), "unit": "%", "half": 0.02}
    assert figures["own"]["half"] == pytest.approx(4.303 * 0.01 / 3**0.5, rel=1e-3)  # Student's t
    assert KINDS["train"](runs[:1])[0]["own"]["half"] == 0.02


TRAINS = """
import json, pathlib, sys
out = pathlib.Path(sys.argv[1])
out.mkdir(exist_ok=True)
if (out.parents[1] / "stopped").exists():
    sys.exit("stopped")
test = dict(accuracy_after=0.5, accuracy_before=0.2, interval=dict(half=0.1), rules={})
(out / "result.json").write_text(json.dumps({"test": test}))
(out / "log.csv").write_text("update,seconds\\n1,2.0\\n")
"""


def test_of_a_run_that_was_stopped_no_whole_time_is_told(tmp_path):
    (tmp_path / "script.py").write_text(TRAINS)
    one = Record("a", "train", [f"python {tmp_path / 'script.py'} {{out}}"])
    assert carried_out(one, tmp_path).figures["whole"]["unit"] == "s"
    (tmp_path / "stopped").touch()
    with pytest.raises(ValueError, match="stopped"):
        carried_out(one, tmp_path)
    (tmp_path / "stopped").unlink()
    for _ in range(2):  # the second time from what is complete, as where a record was not written
        assert "whole" not in measure(one, tmp_path / "work", {}, "code", lambda text: None).figures


SEEDS = """
import json, pathlib, sys
out = pathlib.Path(sys.argv[-1])
if out.suffix == ".json":
    accuracy = float((pathlib.Path(sys.argv[1]) / "learned").read_text())
    test = dict(accuracy_after=accuracy, accuracy_before=0.2, interval=dict(half=0.1), rules={})
    test |= dict(ways=5, shots=1, queries=2, per_episode=[accuracy])
    out.write_text(json.dumps(test))
else:
    out.mkdir()
    (out / "learned").write_text(sys.argv[1])
"""


def test_runs_of_several_seeds_are_judged_by_the_evaluations_that_name_them(tmp_path, monkeypatch):
    (tmp_path / "script.py").write_text(SEEDS)
    script = f"python {tmp_path / 'script.py'}"
    trains = [f"minisnn train {share} {{out}}" for share in (0.7, 0.9)]
    asks = [f"{script} {{{number}}} {{out}}" for number in (0, 1)]
    ran = measuring._run

    def run(command, out, places):
        return ran(command.replace("minisnn train", script), out, places)

    monkeypatch.setattr(measuring, "_run", run)
    one = Record("a", "seeds", [*trains, *asks])
    assert needed(one.commands) == set() and shown(asks[0]) == f"{script} RUN DIR"
    found = carried_out(one, tmp_path)
    assert found.more["accuracies"] == [0.7, 0.9] and found.more["right_per_episode"] == [7]
    assert found.figures["accuracy"]["value"] == pytest.approx(0.8)
    assert found.figures["accuracy"]["half"] == pytest.approx(12.706 * 0.1, rel=1e-3)  # Student's t
    assert found.figures["run-1-accuracy"]["value"] == 0.9
    with pytest.raises(ValueError, match="seeds takes the evaluation of two networks or more"):
        carried_out(Record("a", "seeds", [trains[0], asks[0]]), tmp_path)


def test_a_network_is_known_by_all_but_its_training_curve(tmp_path, monkeypatch):
    net = ms.SpikingNet((6,), (), ways=3)
    theta = net.init(np.random.default_rng(0))
    known = dict(curve={"loss": np.ones(4)}, provenance={"made": "then"})

    def told(theta=theta, **changes) -> str:
        ms.save(tmp_path / "net.h5", net, theta, **{**known, **changes})
        return hash_of(tmp_path / "net.h5")

    moved = theta.copy()
    moved[0] = np.nextafter(moved[0], np.float32(9))
    first = told()
    assert told(curve={"loss": np.zeros(4)}) == first
    others = told(theta=moved), told(inner=ms.InnerLoop(0.5)), told(inner=ms.InnerLoop(0.25))
    assert len({first, *others}) == 4
    plain = told(provenance={"made": 9999 * "."})
    monkeypatch.setattr(sealed, "LONG", 99_999)  # nothing is packed
    assert told(provenance={"made": 9999 * "."}) == plain
