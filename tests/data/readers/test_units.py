"""Recordings of (time, unit) in every reader that has columns, and in Python."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import minisnn as ms
from minisnn.data.readers.anything import read_events
from minisnn.data.readers.events import as_recording, event_array

T = [30_000, 1_000, 2_000, 2_000, 90_000]  # us
UNIT = [3, 0, 39, 7, 12]
SORTED = [(1_000, 0), (2_000, 39), (2_000, 7), (30_000, 3), (90_000, 12)]


def as_units(recording, units=None):
    return as_recording(recording, (units,) if units else None)[0]


def pairs(events) -> list:
    assert not events["y"].any()
    return list(zip(events["t"].tolist(), events["x"].tolist()))


def table(t="t", unit="unit", scale=1.0):
    made = np.empty(len(T), [(t, "f8"), (unit, "i4")])
    made[t] = np.array(T) * scale
    made[unit] = UNIT
    return made


def text(path, first, mark):
    lines = [mark.join(map(str, row)) for row in zip(T, UNIT)]
    Path(path).write_text("\n".join([first] * bool(first) + lines) + "\n")


def h5(path, place, names):
    with h5py.File(path, "w") as file:
        file[f"{place}/{names[0]}"] = T
        file[f"{place}/{names[1]}"] = UNIT


WRITTEN = {
    "named.npy": lambda path: np.save(path, table("time", "channel")),
    "columns.npz": lambda path: np.savez(path, times=T, units=UNIT),
    "one.npz": lambda path: np.savez(path, events=table("timestamp", "neuron")),
    "commas.csv": lambda path: text(path, "t,unit", ","),
    "blanks.txt": lambda path: text(path, "times units", " "),
    "spikes.h5": lambda path: h5(path, "spikes", ("times", "units")),
    "events.hdf5": lambda path: h5(path, "events", ("t", "channel")),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_reader_of_columns_takes_units(tmp_path, name):
    WRITTEN[name](tmp_path / name)
    for sensor in (None, (40,)):
        assert pairs(read_events(tmp_path / name, sensor=sensor)) == SORTED
    with pytest.raises(ValueError, match=f"{name}: .* expected 0 to 38 on a sensor of 39 units"):
        read_events(tmp_path / name, sensor=(39,))
    with pytest.raises(ValueError, match="holds times of units; expected their number, such as"):
        read_events(tmp_path / name, sensor=(40, 40))


def test_events_of_one_row_are_units():
    zero = np.zeros(len(T), int)
    assert pairs(as_units(event_array(UNIT, zero, T, zero))) == SORTED
    tonic = np.rec.fromarrays([T, UNIT, zero + 1], names="t,x,p")
    assert pairs(as_units(tonic, 40)) == SORTED
    for y, p in (([0, 1, 0, 0, 0], zero), (zero, [0, 1, 0, 0, 0])):
        with pytest.raises(ValueError, match="have rows or polarities; expected those of one row"):
            as_units(event_array(UNIT, y, T, p), 40)


def recordings(n=36, classes=6):
    rng = np.random.default_rng(1)
    made = []
    for k in range(n):
        unit = 6 * (k % classes) + rng.integers(0, 6, 60)
        made.append(np.rec.fromarrays([np.sort(rng.integers(0, 99_000, 60)), unit], names="t,unit"))
    return made, [k % classes for k in range(n)]


class Tonic:
    """As tonic's SHD: events of x, t and p, and a sensor of one row and polarity."""

    sensor_size = (40, 1, 1)

    def __len__(self):
        return 36

    def __getitem__(self, k):
        events, labels = recordings()
        t, unit = events[k]["t"], events[k]["unit"]
        return np.rec.fromarrays([t, unit, np.ones(60, int)], names="t,x,p"), labels[k]


def test_sets_of_units_have_samples_of_units():
    events, labels = recordings()
    how = dict(bin_ms=5, duration_ms=100)
    tasks = ms.Recordings(events, labels, sensor=40, **how)
    assert tasks.input_shape == (40,) and tasks.pool.shape == (20, 40)
    task = tasks.episode(0, 0, 3, 1, 2)
    assert task.x_query.shape == (6, 20, 40) and task.x_query[0].sum() == 60
    first = events[0]
    at = (first["t"] - first["t"][0]) // 5000
    counts = np.zeros((20, 40), int)
    np.add.at(counts, (at, first["unit"]), 1)
    assert np.array_equal(tasks.pool.dense([0])[0], counts)
    again = ms.Recordings(Tonic(), **how)
    assert again.input_shape == (40,)
    assert np.array_equal(again.pool.dense(np.arange(36)), tasks.pool.dense(np.arange(36)))


@pytest.mark.parametrize(
    "how, words",
    [
        (dict(sensor=(1, 40)), "recording 0: holds times of units; expected their number"),
        (dict(sensor=35), "recording 5: .* expected 0 to 34 .* 35 units"),
        (dict(), "sensor is None; expected rows and columns of its pixels, .* number of its units"),
        (dict(sensor=40, size=(2, 2)), "size is .2, 2."),
        (dict(sensor=40, size=41), r"size is \(1, 41\); expected rows and columns from 1"),
        (dict(sensor=0), r"sensor is \(0,\)"),
        (dict(sensor=(4, 4, 2)), r"sensor is \(4, 4, 2\)"),
        (dict(sensor=True), "sensor is True|sensor"),
    ],
)
def test_sets_of_units_tell_what_does_not_fit(how, words):
    events, labels = recordings()
    with pytest.raises(ValueError, match=words):
        ms.Recordings(events, labels, bin_ms=5, duration_ms=100, **how)
