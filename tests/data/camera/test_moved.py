"""Recordings as another camera would have made them, and tasks aligned by their support."""

from pathlib import Path

import numpy as np
from sweeps import noise

import minisnn as ms
from minisnn.data.camera.variation import Move


def test_whole_pixels_and_what_leaves_the_sensor():
    events = ms.event_array([0, 5, 33], [0, 6, 33], [1, 2, 3], [1, 0, 1])
    moved = Move((2, -1)).of(events, 1)
    assert moved.tolist() == [(7, 5, 2, 0)]
    assert Move().of(events, 1).tolist() == events.tolist()
    assert events["x"].tolist() == [0, 5, 33]  # not changed


def test_half_pixels_go_to_either_neighbour():
    events = ms.event_array([10] * 2000, [20] * 2000, range(2000), [1] * 2000)
    moved = Move((0.5, -0.25)).of(events, 1)
    assert set(moved["x"]) == {10, 11} and abs(np.mean(moved["x"]) - 10.5) < 0.05
    assert set(moved["y"]) == {19, 20} and abs(np.mean(moved["y"]) - 19.75) < 0.05
    np.testing.assert_array_equal(moved, Move((0.5, -0.25)).of(events, 1))
    assert not np.array_equal(moved, Move((0.5, -0.25)).of(events, 2))
    assert not np.array_equal(moved, Move((0.5, -0.25), seed=1).of(events, 1))


def tasks_of(root: Path, moved: dict[tuple[int, int], tuple[int, int]]) -> ms.DoubleNMnist:
    """Of ten recordings of every digit, noise in the middle of the sensor; some are moved."""
    for digit, number in np.ndindex(10, 10):
        events = noise(np.random.default_rng((digit, number)), (12, 12), 300, 100)
        right, down = moved.get((digit, number + 1), (0, 0))
        events["x"] += 11 + right
        events["y"] += 11 + down
        path = root / "Test" / str(digit) / f"{number + 1:05d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        ms.write_nmnist(path, events)
    return ms.DoubleNMnist("test", root, progress=False)


def test_tasks_are_moved_by_their_support_only():
    """A support that was moved is moved back, and the query with it; where the query alone was
    moved, it stays moved."""
    data = tasks_of(Path("a"), {})
    size = (2, 1, 1)
    task = data.episode(0, 5, *size)
    support, query = (
        [*zip(data.pool.labels[side.ravel()], data.pool.numbers[side.ravel()])]
        for side in task.recordings
    )
    both = tasks_of(Path("b"), dict.fromkeys(support + query, (3, -2))).episode(0, 5, *size)
    np.testing.assert_array_equal(both.x_support, task.x_support)
    np.testing.assert_array_equal(both.x_query, task.x_query)
    asked = tasks_of(Path("c"), dict.fromkeys(query, (4, -2))).episode(0, 5, *size)
    np.testing.assert_array_equal(asked.x_support, task.x_support)
    digits = task.x_query.reshape(2, 100, 16, 2, 16, 2)  # two beside each other, cells of 2 x 2
    expected = np.roll(digits, (-1, 2), (2, 4)).reshape(task.x_query.shape)
    np.testing.assert_array_equal(asked.x_query, expected)
    assert task.x_query.sum() == 4 * 300
