import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.camera.moved import Move
from minisnn.data.camera.variation import Variation
from minisnn.data.sets import digits, double_nmnist as double, pools
from minisnn.data.sets.double_nmnist import CLASSES
from minisnn.data.sets.pools import Sight
from minisnn.data.sets.recordings import Recordings
from minisnn.data.readers.events import event_array
from minisnn.data.readers.nmnist import write_nmnist
from minisnn.data.sets.pool import Pool
from slowly import slow

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


def test_class_lists():
    assert [len(CLASSES[split]) for split in ("train", "val", "test")] == [64, 16, 20]
    assert sorted(CLASSES["train"] + CLASSES["val"] + CLASSES["test"]) == [
        f"{i:02d}" for i in range(100)
    ]
    assert {"00", "33", "98"} <= set(CLASSES["train"]) and {"22", "99"} <= set(CLASSES["val"])
    assert {"02", "55", "66", "96"} <= set(CLASSES["test"])


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


@pytest.mark.parametrize("split", ["val", "test"])
def test_without_test_the_multiples_of_five_of_train_serve(tmp_path, split):
    root = root_of(tmp_path, Train=range(1, 31))
    (root / "Test" / "0").mkdir(parents=True)  # an empty folder is no Test set
    assert numbers_used(DoubleNMnist(split, root, progress=False)) == {5, 10, 15, 20, 25, 30}


def test_classes_and_recordings_chosen_apart(tmp_path):
    root = root_of(tmp_path, Train=range(1, 31))
    data = DoubleNMnist("test", root, classes="train", progress=False)
    assert data.classes == CLASSES["train"] and numbers_used(data) == {5, 10, 15, 20, 25, 30}
    data = DoubleNMnist("train", root, recordings="test", progress=False)
    assert data.classes == CLASSES["train"] and numbers_used(data) == {5, 10, 15, 20, 25, 30}
    data = DoubleNMnist("test", root, recordings="train", progress=False)
    assert data.classes == CLASSES["test"] and not any(n % 5 == 0 for n in numbers_used(data))


def test_few_recordings_are_told_with_root_digit_and_number(tmp_path):
    root = root_of(
        tmp_path, Train={digit: range(1, 12) if digit != 3 else range(1, 8) for digit in range(10)}
    )
    with pytest.raises(
        ValueError, match=r"divisible by 5\): digit 3 has 1 recording, expected at least 2"
    ) as error:
        DoubleNMnist("val", root, progress=False)
    assert str(root) in str(error.value)
    DoubleNMnist("train", root, progress=False)
    with pytest.raises(ValueError, match="digit 0 has 0 recordings"):
        root = root_of(
            tmp_path / "b", Test={digit: range(1, 5) if digit else [] for digit in range(10)}
        )
        DoubleNMnist("val", root, progress=False)


def test_bad_roots_and_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        DoubleNMnist("test", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="expected the root of N-MNIST"):
        DoubleNMnist("test", tmp_path)
    root = root_of(tmp_path, Test=range(1, 4))
    write_marked(root / "Test" / "4" / "2.bin", 4, 2)
    with pytest.raises(ValueError, match=r"00002\.bin"):
        DoubleNMnist("test", root, progress=False)
    (root / "Test" / "4" / "2.bin").unlink()
    (root / "Test" / "7" / "00003.bin").write_bytes(b"abc")
    with pytest.raises(ValueError, match=r"7.00003\.bin"):
        DoubleNMnist("test", root, progress=False)


@pytest.mark.parametrize(
    "options, word",
    [
        (dict(split="tests"), "split"),
        (dict(classes="all"), "classes"),
        (dict(recordings="Train"), "recordings"),
    ],
)
def test_bad_splits_are_named(options, word):
    with pytest.raises(ValueError, match=word):
        DoubleNMnist(**options)


def test_recordings_are_read_once_and_again_when_a_file_changes(tmp_path, monkeypatch):
    from minisnn.data.readers import nmnist

    read, paths = nmnist.read_nmnist, []
    monkeypatch.setattr(nmnist, "read_nmnist", lambda path: paths.append(path) or read(path))
    root = root_of(tmp_path, Test=range(1, 4))
    first = DoubleNMnist("test", root, progress=False)
    second = DoubleNMnist("val", root, progress=False)
    assert len(paths) == 30 and np.array_equal(first.pool.cells, second.pool.cells)
    write_marked(root / "Test" / "0" / "00001.bin", 0, 200)
    third = DoubleNMnist("test", root, progress=False)
    assert len(paths) == 60 and not np.array_equal(first.pool.cells, third.pool.cells)
    DoubleNMnist("test", root, cache=False, progress=False)
    assert len(paths) == 90
    monkeypatch.setattr(pools, "code_identity", lambda *modules: "another version")
    DoubleNMnist("test", root, progress=False)
    assert len(paths) == 120


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


def test_a_move_keeps_draws_apart_and_the_first_what_it_was():
    """Moved by nothing, recordings are those that nothing moves, in every draw."""
    picture = np.zeros((2, 28, 28), np.uint8)
    picture[:, 8:20, 12:16] = 255
    numbers = np.array([3, 4])
    plain = Sight(EventCamera(variation=Variation()), 0, (32, 32), 2, draws=2)
    moved = plain._replace(move=Move())
    found = [moved.counts(picture, numbers, draw) for draw in (0, 1)]
    assert not np.array_equal(*found)
    for draw in (0, 1):
        np.testing.assert_array_equal(found[draw], plain.counts(picture, numbers, draw))


def test_simulated_recordings_are_made_once_for_each_seed_and_camera(few_digits):
    for split, seed, setting in [
        ("train", 0, 0.5),
        ("train", 0, 0.5),
        ("test", 0, 0.5),
        ("val", 0, 0.5),
        ("train", 1, 0.5),
        ("train", 0, 0.6),
    ]:
        DoubleNMnist(split, seed=seed, camera=MarkingCamera(setting), progress=False)
    made = [
        (setting, seed, sum(n for *key, n in calls if key == [setting, seed]))
        for setting, seed in dict.fromkeys((setting, seed) for setting, seed, _ in calls)
    ]
    assert made == [(0.5, 0, 200), (0.5, 1, 160), (0.6, 0, 160)]


def test_the_event_camera_makes_recordings_like_the_real_ones(monkeypatch):
    whole = digits.load_digits()
    held_out = whole.numbers % 5 == 0
    some = np.concatenate(
        [np.flatnonzero(held_out & (whole.labels == digit))[:12] for digit in range(10)]
    )
    some = digits.Digits(whole.images[some], whole.labels[some], whole.numbers[some])
    monkeypatch.setattr(double, "load_digits", lambda: some)
    one, other = (DoubleNMnist("test", seed=seed, progress=False) for seed in (0, 1))
    assert len(one.pool) == 120 and one.pool.labels.tolist() == some.labels.tolist()
    events = np.add.reduceat(one.pool.counts.astype(int), one.pool.start[:-1])
    assert 1200 < events.mean() < 1800  # N-MNIST: 1,470 in the first 100 ms
    on = one.pool.counts[one.pool.cells % 2 == 1].sum() / events.sum()
    assert 0.4 < on < 0.6
    assert events[some.labels == 1].mean() < 0.75 * events.mean() < events[some.labels == 0].mean()
    assert not np.array_equal(one.pool.cells, other.pool.cells)  # another seed, other noise
