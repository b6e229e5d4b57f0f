"""Recordings of (time, unit) in every reader that has columns, and in Python."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import minisnn as ms
from minisnn.data.readers.anything import read_events
from minisnn.data.readers.columns import order_of
from minisnn.data.readers.events import event_array
from minisnn.data.readers.plausible import Pace
from minisnn.data.readers.units import as_recording, bin_units
from minisnn.data.sets.named import open_set

T = [30_000, 1_000, 2_000, 2_000, 90_000]  # us
UNIT = [3, 0, 39, 7, 12]
SORTED = [(1_000, 0), (2_000, 39), (2_000, 7), (30_000, 3), (90_000, 12)]


def as_units(recording, units=None, name="events"):
    return as_recording(recording, (units,) if units else None, name)[0]


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


def test_columns_without_names_are_asked_for(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([T, UNIT], 1))
    text(tmp_path / "a.csv", "", ",")
    for name in ("a.npy", "a.csv"):
        with pytest.raises(ValueError, match="columns t,x,y,p|t and unit"):
            read_events(tmp_path / name, sensor=(40,))
        assert pairs(read_events(tmp_path / name, columns="t,unit")) == SORTED
        assert pairs(read_events(tmp_path / name, columns="t,unit", sensor=(40,))) == SORTED
        with pytest.raises(ValueError, match="reaches from 1000 to 90000"):
            read_events(tmp_path / name, columns="unit,t")
    assert order_of("t_ms,-,unit") == ["t_ms", "-", "unit"]
    for wrong in ("t,unit,x", "t", "unit,unit", "t,y"):
        with pytest.raises(ValueError, match="expected x, y, t and p, each once, .* or t and unit"):
            order_of(wrong)


def busy(scale=1.0, number=4000, units=700, seconds=0.8):
    rng = np.random.default_rng(0)
    t = np.sort(rng.random(number) * seconds * 1e6 * scale)
    return {"t": np.rint(t).astype(np.int64), "unit": rng.integers(0, units, number)}


def test_times_that_no_units_have_are_refused(tmp_path):
    np.savez(tmp_path / "ms.npz", **busy(1e-3))
    np.savez(tmp_path / "us.npz", **busy())
    with pytest.raises(ValueError, match="ms.npz: taken for microseconds .* say --time ms"):
        read_events(tmp_path / "ms.npz", sensor=(700,))
    assert len(read_events(tmp_path / "us.npz", sensor=(700,))) == 4000
    events = as_units(busy(1e-2))
    assert Pace.of(events, (700,)).fault() is None
    assert "more than a sensor can read out" in Pace.of(events, (70,)).fault()


def test_events_of_one_row_are_units():
    zero = np.zeros(len(T), int)
    assert pairs(as_units(event_array(UNIT, zero, T, zero))) == SORTED
    tonic = np.rec.fromarrays([T, UNIT, zero + 1], names="t,x,p")
    assert pairs(as_units(tonic, 40)) == SORTED
    for y, p in (([0, 1, 0, 0, 0], zero), (zero, [0, 1, 0, 0, 0])):
        with pytest.raises(ValueError, match="have rows or polarities; expected those of one row"):
            as_units(event_array(UNIT, y, T, p), 40)


@pytest.mark.parametrize(
    "events, words",
    [
        ({"t": [1, 2], "unit": [1]}, "length"),
        ({"t": [1, 2], "unit": [-1, 3]}, "reaches from -1 to 3; expected 0 to 39"),
        ({"t": [1, 2], "unit": [1, 40]}, "they look counted from 1"),
        ({"t": [1, 2], "unit": [0.5, 4]}, "whole number"),
        ({"t": [1, 2], "unit": [np.nan, 4]}, "nan"),
        ({"t": [np.nan, 2], "unit": [1, 4]}, "finite"),
        ({"t": [1, 2], "unit": [1, 10**9]}, "1000000000"),
        ({"t": [1, 2], "place": [1, 4]}, "columns"),
        (np.zeros((4, 2)), "names"),
        (7, "expected"),
    ],
)
def test_what_is_no_recording_of_units_is_told(events, words):
    given = events
    if isinstance(events, dict):
        given = {name: np.array(column) for name, column in events.items()}
    with pytest.raises(ValueError, match=f"^mine: .*{words}"):
        as_units(given, 40, "mine")


def test_counts_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    events = as_units({"t": rng.integers(500, 90_000, 600), "unit": rng.integers(0, 9, 600)}, 9)
    expected = np.zeros((20, 9), int)
    for t, unit in zip(events["t"], events["x"]):
        if t // 4000 < 20:
            expected[t // 4000, unit] += 1
    assert np.array_equal(bin_units(events, 9, 80, 4, "zero"), expected)


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


def test_units_are_summed_and_stand_side_by_side():
    events, labels = recordings()
    how = dict(sensor=(40,), bin_ms=5, duration_ms=100)
    whole, half = (
        ms.Recordings(events, labels, **how),
        ms.Recordings(events, labels, size=20, **how),
    )
    dense = whole.pool.dense(np.arange(36)).reshape(36, 20, 20, 2).sum(3)
    assert np.array_equal(half.pool.dense(np.arange(36)), dense)
    pairs_of = ms.Recordings(whole.pool, made_of={"01": (0, 1), "23": (2, 3), "45": (4, 5)})
    assert pairs_of.input_shape == (80,)
    sample = pairs_of.pool.side_by_side(np.array([[0, 1]]))
    assert np.array_equal(sample, np.concatenate(list(whole.pool.dense([0, 1])), 1)[None])


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
        (dict(sensor=True), "sensor is True|sensor must hold whole numbers, not True"),
    ],
)
def test_sets_of_units_tell_what_does_not_fit(how, words):
    events, labels = recordings()
    with pytest.raises(ValueError, match=words):
        ms.Recordings(events, labels, bin_ms=5, duration_ms=100, **how)


def test_pictures_are_no_units():
    rng = np.random.default_rng(0)
    events = [event_array(*rng.integers(0, 9, (3, 50)), rng.integers(0, 2, 50)) for _ in range(8)]
    with pytest.raises(ValueError, match="events have rows or polarities"):
        ms.Recordings(events, list("ab") * 4, sensor=9)


def test_a_folder_of_units_is_a_data_set(tmp_path):
    for k, one in enumerate(recordings()[0]):
        place = tmp_path / f"c{k % 6}"
        place.mkdir(exist_ok=True)
        np.savez(place / f"{k}.npz", t=one["t"], unit=one["unit"], sensor=[40])
    sets = [open_set("recordings", split, tmp_path, False) for split in ("train", "val", "test")]
    assert {one.input_shape for one in sets} == {(40,)}
    assert sum(len(one.classes) for one in sets) == 6
    with pytest.raises(ValueError, match="flip_y turns pictures over; units have no rows"):
        open_set("recordings", "train", tmp_path, False, flip_y=True)
    np.savez(tmp_path / "c0" / "0.npz", t=[1, 2], unit=[3, 4], sensor=[41])
    with pytest.raises(
        ValueError, match="has a sensor of 40 units, .* one of 41 units; expected one"
    ):
        open_set("recordings", "train", tmp_path, False)


def test_columns_that_are_said_count_only_where_none_are_named():
    """Of pictures and of units alike: names of columns that are known say more."""
    names = "x,y,t,p,extra"
    many = np.rec.fromarrays([UNIT, UNIT, T, np.arange(5) % 2, UNIT], names=names)
    events, said = as_recording(many, (40, 40), "mine", None, "t,x,y,p", inside=True)
    assert events["y"].tolist() == [0, 39, 7, 3, 12] and not said
    spikes = np.rec.fromarrays([T, UNIT, UNIT], names="t_us,unit,extra")
    events, said = as_recording(spikes, (40,), "mine", None, "t,unit")
    assert pairs(events) == SORTED and said
    unnamed = np.rec.fromarrays([UNIT, T], names="f0,f1")
    assert pairs(as_recording(unnamed, (40,), "mine", None, "unit,t")[0]) == SORTED
    for wrong in (True, 3):
        with pytest.raises(ValueError, match="columns"):
            as_recording(np.zeros((4, 2)), (40,), "mine", None, wrong)
