"""Copies of a recording are one recording, wherever they come from; and what is lost in counting is
told."""

from pathlib import Path

import numpy as np
import pytest
from sweeps import noise

import minisnn as ms
from minisnn import Recordings
from minisnn.data.sets.samples import shared

SENSOR = (9, 9)


def take(rng) -> np.ndarray:
    return noise(rng, SENSOR, 100, 20)


def later(events: np.ndarray) -> np.ndarray:
    events = events.copy()
    events["t"] += 5_000_000
    return events


WIDE = [("x", "u2"), ("y", "u2"), ("t", "u8"), ("p", "?")]


@pytest.mark.parametrize("size", [None, (5, 4)])
@pytest.mark.parametrize("copied", [np.copy, later, lambda events: events.astype(WIDE)])
def test_copies_in_python_are_not_on_both_sides(copied, size, rng):
    once = [(take(rng), label) for label in range(6) for _ in range(2)]
    both = [*once, *((copied(events), label) for events, label in once)]
    data = Recordings(both, sensor=SENSOR, size=size, duration_ms=20)
    for index in range(20):
        task = data.episode(0, index, 3, 1, 2)
        asked = {one.tobytes() for one in task.x_query}
        assert not any(one.tobytes() in asked for one in task.x_support)
        support, query = (set(side.ravel().tolist()) for side in task.recordings)
        assert not support & query
    assert len(np.unique(data.takes)) == 12


def test_copies_are_in_one_split_and_found_in_two_sets():
    rng = np.random.default_rng(1)
    once = [(take(rng), label) for label in range(2) for _ in range(8)]
    data = Recordings([*once, *once], sensor=SENSOR, duration_ms=20)
    for one in data.split_recordings().values():
        places = np.concatenate(list(one.symbols.values()))
        assert set(places % 16) == set(places[places < 16]) == set(places[places >= 16] - 16)
    how = dict(sensor=SENSOR, size=(5, 4), duration_ms=20)
    first = Recordings(once, **how)
    other = Recordings(once[::-1], **how)
    assert shared(first, other).startswith("share 16 of 16 recordings")


def opened():
    return ms.open_set("recordings", "test", "data", False, sensor=SENSOR, duration_ms=20)


def written(*parts: str, each: int) -> None:
    rng = np.random.default_rng(3)
    for part in parts:
        Path("data", part).mkdir(parents=True)
        for number in range(each):
            np.save(Path("data", part, f"{number}.npy"), take(rng))


def test_files_that_change_while_they_are_read_are_kept_under_no_name(monkeypatch):
    written(*"abcdef", each=2)
    plain = np.load

    def changing(path, **how):
        np.save(Path("data/f/1.npy"), take(np.random.default_rng(5)))
        return plain(path, **how)

    monkeypatch.setattr(np, "load", changing)
    with pytest.raises(ValueError, match="changed"):
        opened()
    assert not list(Path("cache").glob("*.npz"))
