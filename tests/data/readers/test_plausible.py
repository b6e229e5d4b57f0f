"""The unit of times is judged by what sensors and scenes can do, in files and in Python alike, and
asked where it is wrong."""

import numpy as np
import pytest
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms
from minisnn import cli
from minisnn.data.readers.anything import read_events
from minisnn.data.readers.events import event_array


def given(recordings, **how):
    return ms.Recordings(recordings, [0, 0, 1, 1], sensor=SENSOR, **how)


@pytest.mark.parametrize("unit, words", dict(ms="time ms", ns="time ns", s="moment").items())
def test_a_unit_is_asked_where_it_is_wrong_and_believed_where_it_is_given(tmp_path, unit, words):
    events = [sweep(k) for k in range(4)]
    np.save(tmp_path / "a.npy", in_unit(events[0], unit))
    for call in (
        lambda: read_events(tmp_path / "a.npy"),
        lambda: given([in_unit(one, unit) for one in events]),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    assert len(read_events(tmp_path / "a.npy", "us")) == len(events[0])
    if unit != "s":
        found = read_events(tmp_path / "a.npy", unit)
        assert np.abs(found["t"] - events[0]["t"]).max() < 1000
        np.save(tmp_path / "b.npy", in_unit(events[0], unit, f"t_{unit}"))
        assert np.array_equal(read_events(tmp_path / "b.npy"), found)
        named = given([in_unit(one, unit, f"t_{unit}") for one in events])
        said = given([in_unit(one, unit) for one in events], time=unit)
        assert np.array_equal(named.pool.counts, said.pool.counts)
        with pytest.raises(ValueError, match="recording 3: .* plausible"):
            given([*events[:3], in_unit(events[3], unit)], time="us")


def test_info_tells_it_and_the_flag_that_mends_it(tmp_path, capsys):
    for k in range(12):
        (tmp_path / f"c{k // 2}").mkdir(exist_ok=True)
        np.save(tmp_path / f"c{k // 2}" / f"{k}.npy", in_unit(sweep(k), "ms"))
    line = ["info", str(tmp_path), "--sensor", "12,16"]
    assert cli.main(line) == 0 and "say --time ms" in capsys.readouterr().out
    assert cli.main([*line, "--time", "ms"]) == 0
    assert "looks wrong" not in capsys.readouterr().out


def test_a_hot_pixel_is_left_out():
    events = sweep()
    hot = event_array(np.full(300, 3), np.full(300, 3), np.arange(300), np.arange(300) % 2)
    joined = np.concatenate([hot, events])
    given([np.sort(joined[k:], order="t") for k in range(4)])
    with pytest.raises(ValueError, match="recording 0: .* its times make"):
        given([hot[k:] for k in range(4)])
