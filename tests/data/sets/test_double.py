import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minisnn.data.readers.events import event_array
from minisnn.data.readers.nmnist import write_nmnist
from minisnn.data.sets import digits
from minisnn.data.sets import double_nmnist as double
from minisnn.data.sets.double_nmnist import CLASSES

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
        assert task.x_support.shape == (8, 100, 16, 32, 2) and task.x_query.dtype == np.uint8
        assert len(set(task.classes)) == 4 and set(task.classes) <= set(CLASSES["val"])
        assert task.y_support.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert task.y_query.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
        for x, y in ((task.x_support, task.y_support), (task.x_query, task.y_query)):
            for label, (left, right) in zip(y, told(x)):
                assert f"{left[0]}{right[0]}" == task.classes[label]


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

    sensor: tuple = (34, 34)

    def record_counts(self, pictures, numbers, seed, duration_ms, crop, scale, draw=0):
        assert (duration_ms, crop, scale) == (100, (32, 32), 2) and len(pictures) == len(numbers)
        counts = np.zeros((len(pictures), 100, 16, 16, 2), np.uint8)
        for count, picture, number in zip(counts, pictures, numbers):
            count[10 + picture[0, 0], number // 16, number % 16, 1] = 1
        return counts


@pytest.fixture
def few_digits(monkeypatch):
    numbers = np.arange(1, 201)
    labels = ((numbers - 1) // 20).astype(np.uint8)  # 20 pictures a digit, 4 of them held out
    images = np.zeros((200, 28, 28), np.uint8) + labels[:, None, None]
    monkeypatch.setattr(double, "load_digits", lambda: digits.Digits(images, labels, numbers))


@pytest.mark.parametrize("split, kept", [("train", {1, 2, 3, 4}), ("test", {0})])
def test_simulated_recordings_keep_to_the_rule_of_five(few_digits, split, kept):
    data = DoubleNMnist(split, camera=MarkingCamera(), progress=False)
    assert data.classes == CLASSES[split]
    assert {number % 5 for number in numbers_used(data)} == kept


@dataclasses.dataclass(frozen=True)
class VaryingCamera(MarkingCamera):
    variation: str = "of its own"


def test_what_is_tested_never_shows_a_picture_on_both_sides(few_digits):
    """However often the camera has seen it."""
    data = DoubleNMnist("test", camera=VaryingCamera(), draws=3, progress=False)
    assert len(data.pool) == 3 * 40
    for index in range(100):
        task = data.episode(0, index, 3, 1, 2)
        support, query = (
            {pair for sides in told(x) for pair in sides} for x in (task.x_support, task.x_query)
        )
        assert not support & query
