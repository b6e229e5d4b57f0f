import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from slowly import slow

from minisnn.data.readers.events import event_array
from minisnn.data.readers.nmnist import write_nmnist
from minisnn.data.sets import digits
from minisnn.data.sets import double_nmnist as double
from minisnn.data.sets.double_nmnist import CLASSES
from minisnn.data.sets.pool import Pool
from minisnn.data.sets.recordings import Recordings

# marks tell which recording it is by their cell
DoubleNMnist = partial(double.DoubleNMnist, align="none")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))


def write_marked(path: Path, digit: int, number: int):
    """A recording that tells which it is: the step of its only ON event is the digit, the cell the
    number."""
    x, y = 2 * (number % 16), 2 * (number // 16)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nmnist(
        path,
        event_array([33, x, 5], [0, y + 1, 5], [5000, 15_000 + 1000 * digit, 105_000], [0, 1, 1]),
    )


def root_of(tmp_path: Path, **parts) -> Path:
    """A root with Train=numbers and Test=numbers of every digit; 'Train' or 'Test' may be a
    dictionary by digit."""
    for part, numbers in parts.items():
        for digit in range(10):
            for number in numbers[digit] if isinstance(numbers, dict) else numbers:
                write_marked(
                    tmp_path / "root" / part / str(digit) / f"{number:05d}.bin", digit, number
                )
    return tmp_path / "root"


def told(x: np.ndarray) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """((digit, number) left, right) of every sample of a task made of marked recordings."""
    sample, step, row, column = np.unravel_index(np.flatnonzero(x[..., 1] > 0), x.shape[:-1])
    order = np.lexsort((column >= 16, sample))
    assert sample[order].tolist() == np.repeat(np.arange(len(x)), 2).tolist()
    assert (column[order] // 16).tolist() == [0, 1] * len(x)
    marks = list(zip((step[order] - 10).tolist(), (16 * row + column % 16)[order].tolist()))
    return list(zip(marks[::2], marks[1::2]))


def numbers_used(data: DoubleNMnist, episodes: int = 30) -> set[int]:
    tasks = [data.episode(0, i) for i in range(episodes)]
    samples = [sides for task in tasks for x in (task.x_support, task.x_query) for sides in told(x)]
    return {number for sides in samples for _, number in sides}


def test_a_task_is_what_its_classes_say(tmp_path):
    data = DoubleNMnist("val", root_of(tmp_path, Test=range(1, 21)), progress=False)
    assert data.input_shape == (16, 32, 2) and data.classes == CLASSES["val"]
    for i in range(20):
        task = data.episode(7, i, ways=4, shots=2, queries=3)
        assert task.x_support.shape == (8, 100, 16, 32, 2) and task.x_query.shape == (
            12,
            100,
            16,
            32,
            2,
        )
        assert task.x_support.dtype == np.uint8 and task.ways == 4 and len(set(task.classes)) == 4
        assert task.y_support.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert task.y_query.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
        for x, y in ((task.x_support, task.y_support), (task.x_query, task.y_query)):
            for label, (left, right) in zip(y, told(x)):
                assert f"{left[0]}{right[0]}" == task.classes[label] in CLASSES["val"]


@pytest.mark.slow
def test_support_and_query_share_no_recording_over_thousands_of_episodes():
    numbers = 9
    # one event a recording, at (digit, number)
    dense = np.zeros((10, numbers, 1, 10, numbers, 2), np.uint8)
    digit, number = np.mgrid[:10, :numbers]
    dense[digit, number, 0, digit, number, 1] = 1
    pool = Pool.collect(
        dense.shape[2:], [(dense.reshape(-1, *dense.shape[2:]), digit.ravel(), number.ravel())]
    )
    data = Recordings(
        pool, made_of={name: (int(name[0]), int(name[1])) for name in CLASSES["train"]}
    )
    for i in range(5000):
        task = data.episode(0, i, ways=5, shots=1 + i % 3, queries=2)
        seen = []
        for x, y in ((task.x_support, task.y_support), (task.x_query, task.y_query)):
            sample, _, row, column, _ = np.nonzero(x)
            order = np.lexsort((column, sample))
            names = [f"{left}{right}" for left, right in row[order].reshape(-1, 2)]
            assert names == [task.classes[label] for label in y]
            seen.append(set(zip(row, column % numbers)))
        assert all(seen) and not seen[0] & seen[1]


@pytest.mark.slow
def test_training_pictures_divisible_by_five_never_meta_train(tmp_path):
    root = root_of(tmp_path, Train=range(1, 31), Test=range(1, 31))
    assert numbers_used(DoubleNMnist("train", root, progress=False)) == {
        n for n in range(1, 31) if n % 5
    }
    for split in ("val", "test"):
        data = DoubleNMnist(split, root, progress=False)
        assert numbers_used(data) == set(range(1, 31)) and "(Test)" in data.source


@dataclasses.dataclass(frozen=True)
class MarkingCamera:
    """In place of the event camera: marks recordings as `write_marked` does, with the label that
    the picture holds."""

    setting: float = 0.5
    sensor: tuple = (34, 34)

    def record_counts(self, pictures, numbers, seed, duration_ms, crop, scale, draw=0):
        assert (duration_ms, crop, scale) == (100, (32, 32), 2) and len(pictures) == len(numbers)
        calls.append((self.setting, seed, len(numbers)))
        counts = np.zeros((len(pictures), 100, 16, 16, 2), np.uint8)
        for count, picture, number in zip(counts, pictures, numbers):
            count[10 + picture[0, 0], number // 16, number % 16, 1] = 1
        return counts


calls = []


@pytest.fixture
def few_digits(monkeypatch):
    calls.clear()
    numbers = np.arange(1, 201)
    labels = ((numbers - 1) // 20).astype(np.uint8)  # 20 pictures a digit, 4 of them held out
    images = np.zeros((200, 28, 28), np.uint8) + labels[:, None, None]
    monkeypatch.setattr(double, "load_digits", lambda: digits.Digits(images, labels, numbers))


@pytest.mark.parametrize(
    "split, kept", [("train", {1, 2, 3, 4}), slow(("val", {0})), ("test", {0})]
)
def test_simulated_recordings_keep_to_the_rule_of_five(few_digits, split, kept):
    data = DoubleNMnist(split, camera=MarkingCamera(), progress=False)
    assert data.classes == CLASSES[split]
    for i in range(100):
        task = data.episode(0, i)
        for x, y in ((task.x_support, task.y_support), (task.x_query, task.y_query)):
            for label, sides in zip(y, told(x)):
                assert f"{sides[0][0]}{sides[1][0]}" == task.classes[label]
                assert all(
                    (number - 1) // 20 == digit and number % 5 in kept for digit, number in sides
                )


@dataclasses.dataclass(frozen=True)
class VaryingCamera(MarkingCamera):
    variation: str = "of its own"


@pytest.mark.parametrize("split", ["val", "test"])
def test_what_is_tested_never_shows_a_picture_on_both_sides(few_digits, split):
    """However often the camera has seen it."""
    data = DoubleNMnist(split, camera=VaryingCamera(), draws=3, progress=False)
    assert len(data.pool) == 3 * 40
    for index in range(100):
        task = data.episode(0, index, 3, 1, 2)
        shown = [
            {pair for sides in told(x) for pair in sides} for x in (task.x_support, task.x_query)
        ]
        assert not shown[0] & shown[1]
