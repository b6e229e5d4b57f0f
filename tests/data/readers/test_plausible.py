"""The unit of times is judged by what sensors and scenes can do, in files and in Python alike, and
asked where it is wrong."""

from pathlib import Path

import numpy as np
import pytest
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms
from minisnn import cli
from minisnn.data.readers.anything import read_events
from minisnn.data.readers.events import as_events, event_array
from minisnn.data.readers.plausible import Judge, Pace, check_unit

WRONG = ("ms", "ns", "s")


def folder(
    root: Path, classes: int = 6, each: int = 2, unit=lambda k: "us", column: str = "t"
) -> Path:
    """A folder a class of structured arrays, the unit of recording k being unit(k)."""
    for k in range(classes * each):
        (root / f"c{k // each}").mkdir(parents=True, exist_ok=True)
        np.save(root / f"c{k // each}" / f"{k}.npy", in_unit(sweep(k), unit(k), column))
    return root


@pytest.mark.parametrize("unit", WRONG)
def test_other_units_are_not(unit):
    events = as_events(in_unit(sweep(), unit))
    message = "taken for microseconds its times make .*" + (
        "(?:in Python )?" if unit == "s" else rf"say --time {unit} "
    )
    for sensor in (None, SENSOR):
        with pytest.raises(ValueError, match=message):
            check_unit(events, sensor)


@pytest.mark.parametrize("unit", ("ms", "ns"))
def test_what_is_said_is_believed(tmp_path, unit):
    events = sweep()
    np.save(tmp_path / "a.npy", in_unit(events, unit))
    found = read_events(tmp_path / "a.npy", unit)
    assert np.abs(found["t"] - events["t"]).max() < 1000
    assert len(read_events(tmp_path / "a.npy", "us")) == len(events)
    np.save(tmp_path / "b.npy", in_unit(events, unit, f"t_{unit}"))
    assert np.array_equal(read_events(tmp_path / "b.npy"), found)
    data = ms.Recordings(
        [in_unit(sweep(k), unit)[k:] for k in range(4)], [0, 0, 1, 1], sensor=SENSOR, time=unit
    )
    assert len(data.pool) == 4 and data.pool.counts.sum() > 2000
    ms.Recordings(
        [in_unit(sweep(k), "ms")[k:] for k in range(4)], [0, 0, 1, 1], sensor=SENSOR, time="us"
    )
    ms.Recordings(
        [in_unit(sweep(k), unit, f"t_{unit}")[k:] for k in range(4)], [0, 0, 1, 1], sensor=SENSOR
    )


def test_info_tells_it_and_the_flag_that_mends_it(tmp_path, capsys):
    root = folder(tmp_path / "in-ms", unit=lambda k: "ms")
    assert cli.main(["info", str(root), "--sensor", "12,16"]) == 0
    said = capsys.readouterr().out
    assert "they look like ms: say --time ms" in said and "train on them with" not in said
    assert cli.main(["info", str(root), "--sensor", "12,16", "--time", "ms"]) == 0
    said = capsys.readouterr().out
    assert "looks wrong" not in said
    assert (
        cli.main(["info", str(root / "c0" / "0.npy")]) == 2
        and "say --time ms" in capsys.readouterr().err
    )
    assert cli.main(["info", str(root / "c0" / "0.npy"), "--time", "ms"]) == 0


def test_a_hot_pixel_is_left_out():
    events = sweep()
    hot = event_array(np.full(300, 3), np.full(300, 3), np.arange(300), np.arange(300) % 2)
    assert Pace.of(np.concatenate([hot, events])).fault() is None
    sparse = events[::5]
    assert (
        Pace.of(np.concatenate([hot, sparse])).fault() is None and Pace.of(hot).fault() is not None
    )


def test_a_judge_believes_who_says_that_all_are_so():
    judge = Judge("us")
    for k in range(3):
        judge.look(as_events(in_unit(sweep(k), "ms")), SENSOR, f"{k}")
    judge.finish()
    judge.look(sweep(3), SENSOR, "3")
    with pytest.raises(ValueError, match="^0: taken for us .* those of 3 are plausible"):
        judge.finish()
