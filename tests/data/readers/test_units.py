"""Recordings of (time, unit) in every reader that has columns, and in Python."""

import h5py
import numpy as np
import pytest

import minisnn as ms

T = [30_000, 1_000, 2_000, 2_000, 90_000]  # us
UNIT = [3, 0, 39, 7, 12]
SORTED = [(1_000, 0), (2_000, 39), (2_000, 7), (30_000, 3), (90_000, 12)]


def table(names):
    return np.rec.fromarrays([T, UNIT], names=names)


def h5(path, place, t, unit):
    with h5py.File(path, "w") as file:
        file[f"{place}/{t}"] = T
        file[f"{place}/{unit}"] = UNIT


WRITTEN = {
    "named.npy": lambda path: np.save(path, table("time,channel")),
    "columns.npz": lambda path: np.savez(path, times=T, units=UNIT),
    "blanks.txt": lambda path: np.savetxt(path, np.c_[T, UNIT], header="times units", fmt="%d"),
    "spikes.h5": lambda path: h5(path, "spikes", "times", "units"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_reader_of_columns_takes_units(tmp_path, name):
    WRITTEN[name](tmp_path / name)
    for sensor in (None, (40,)):
        events = ms.read_events(tmp_path / name, sensor=sensor)
        assert list(zip(events["t"].tolist(), events["x"].tolist())) == SORTED
    for sensor, words in (((39,), "0 to 38 on a sensor of 39 units"), ((40, 40), "units")):
        with pytest.raises(ValueError, match=f"{name}: .*{words}"):
            ms.read_events(tmp_path / name, sensor=sensor)


def recordings(names="t,unit", *more):
    """(events, label) of 36 recordings, each with a range of units that is its label's."""
    rng = np.random.default_rng(1)
    made = []
    for k in range(36):
        t = np.sort(rng.integers(0, 99_000, 60))
        unit = 6 * (k % 6) + rng.integers(0, 6, 60)
        made.append((np.rec.fromarrays([t, unit, *more], names=names), k % 6))
    return made


class Stated(list):
    """A set that states its sensor, as tonic's SHD does: columns, rows, polarities."""

    sensor_size = 40, 1, 1


def test_sets_of_units_have_samples_of_units():
    how = dict(bin_ms=5, duration_ms=100)
    tasks = ms.Recordings(recordings(), sensor=40, **how)
    assert tasks.input_shape == (40,) and tasks.pool.shape == (20, 40)
    assert tasks.episode(0, 0, 3, 1, 2).x_query.shape == (6, 20, 40)
    first, _ = recordings()[0]
    counts = np.zeros((20, 40), int)
    np.add.at(counts, ((first["t"] - first["t"][0]) // 5000, first["unit"]), 1)
    assert np.array_equal(tasks.pool.dense([0])[0], counts)
    one = np.ones(60, int)
    none = np.zeros(60, int)
    for like in (recordings("t,x,p", one), recordings("t,x,y,p", none, one)):  # as tonic's SHD
        again = ms.Recordings(like, sensor=40, **how)
        assert np.array_equal(again.pool.counts, tasks.pool.counts)
    stated = ms.Recordings(Stated(recordings("t,x,p", one)), **how)
    assert stated.input_shape == (40,) and np.array_equal(stated.pool.counts, tasks.pool.counts)
    for y, p in ((one * (np.arange(60) > 5), one), (none, np.arange(60) % 2)):
        with pytest.raises(ValueError, match="rows or polarities"):
            ms.Recordings(recordings("t,x,y,p", y, p), sensor=40, **how)


@pytest.mark.parametrize(
    "how, words",
    [
        (dict(sensor=(1, 40)), "recording 0: .* units"),
        (dict(sensor=35), "recording 5: .* 35 units"),
        (dict(), "sensor is None"),
        (dict(sensor=40, size=(2, 2)), "size is"),
        (dict(sensor=40, size=41), "size is"),
        (dict(sensor=0), "sensor is"),
        (dict(sensor=(4, 4, 2)), "sensor is"),
        (dict(sensor=True), "sensor"),
    ],
)
def test_sets_of_units_tell_what_does_not_fit(how, words):
    with pytest.raises(ValueError, match=words):
        ms.Recordings(recordings(), bin_ms=5, **how)
