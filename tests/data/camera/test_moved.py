"""Recordings as another camera would have made them, and tasks aligned by their support."""

import numpy as np
from sweeps import noise

import minisnn as ms
from minisnn.data.camera.variation import Move
from minisnn.data.readers.events import bin_events, event_array
from minisnn.data.sets.double_nmnist import offset_of, side_by_side
from minisnn.data.sets.pool import Pool


def test_whole_pixels_and_what_leaves_the_sensor():
    events = event_array([0, 5, 33], [0, 6, 33], [1, 2, 3], [1, 0, 1])
    moved = Move((2, -1)).of(events, 1)
    assert moved.tolist() == [(7, 5, 2, 0)]
    assert Move().of(events, 1).tolist() == events.tolist()
    assert events["x"].tolist() == [0, 5, 33]  # not changed


def test_half_pixels_go_to_either_neighbour():
    events = event_array([10] * 2000, [20] * 2000, range(2000), [1] * 2000)
    moved = Move((0.5, -0.25)).of(events, 1)
    assert set(moved["x"]) == {10, 11} and abs(np.mean(moved["x"]) - 10.5) < 0.05
    assert set(moved["y"]) == {19, 20} and abs(np.mean(moved["y"]) - 19.75) < 0.05
    np.testing.assert_array_equal(moved, Move((0.5, -0.25)).of(events, 1))
    assert not np.array_equal(moved, Move((0.5, -0.25)).of(events, 2))
    assert not np.array_equal(moved, Move((0.5, -0.25), seed=1).of(events, 1))


def sensor_pool(offsets):
    """A pool at the sensor's resolution: recording n is the same cloud, moved."""
    base = noise(np.random.default_rng(0), (34, 34), 4000, 100)
    base = base[(abs(base["x"] - 16) < 8) & (abs(base["y"] - 16) < 8)]
    counts = [bin_events(Move(offset).of(base, 1)) for offset in offsets]
    n = len(offsets)
    return Pool.collect((100, 34, 34, 2), [(np.array(counts), np.arange(n) % 2, np.arange(n))])


def test_alignment_undoes_a_whole_pixel_move():
    """A support that was moved is moved back, and the query with it."""
    pool = sensor_pool([(0, 0), (0, 0), (3, -2), (3, -2)])
    here, there = (
        offset_of(pool, np.array([0, 1])),
        offset_of(pool, np.array([2, 3])),
    )
    assert np.subtract(here, there).tolist() == [3, -2]
    which = lambda n: np.array([[n, n + 1]])
    np.testing.assert_array_equal(
        side_by_side(pool, which(0), here, 32, 2),
        side_by_side(pool, which(2), there, 32, 2),
    )


def test_tasks_are_moved_by_their_support_only():
    """Where the query lies elsewhere, it is moved as the support asks."""
    data = ms.DoubleNMnist("val", align="support", progress=False)
    for index in (5, 6):
        task = data.episode(0, index, ways=2, shots=1, queries=1)
        support, query = task.recordings
        offset = offset_of(data.pool, support)
        assert offset != offset_of(data.pool, np.concatenate([support, query]))
        moved = side_by_side(data.pool, query, offset, 32, 2)
        np.testing.assert_array_equal(task.x_query, moved)
