"""Double N-MNIST and Double ASL-DVS: samples are what their classes say, support and query share no
recording, and what meta-trains is never tested."""

import dataclasses

import numpy as np
import pytest
from scipy.io import savemat

import minisnn as ms


LETTERS = "abcdefghiklmnopqrstuvwxy"


@dataclasses.dataclass(frozen=True)
class Camera:
    """In place of the event camera: counts that are the picture's own."""

    sensor: tuple
    variation: str = "of its own"

    def record_counts(self, pictures, numbers, seed, duration_ms, crop, scale, draw=0):
        cells = [side // scale for side in crop]
        counts = np.zeros((len(pictures), duration_ms, *cells, 2), np.uint8)
        for count, number in zip(counts, numbers):
            count[number % duration_ms, number // duration_ms % cells[0], draw, 1] = 1
        return counts


def n_mnist(root, parts=("Train",)):
    """Recordings 1 to 10 of every digit."""
    for part in parts:
        for digit, number in np.ndindex(10, 10):
            path = root / part / str(digit) / f"{number + 1:05d}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            ms.write_nmnist(path, ms.event_array([number, 5], [digit, 5], [0, 9000], [1, 0]))
    return root


def asl_dvs(root):
    for letter, number in np.ndindex(24, 10):
        path = root / LETTERS[letter] / f"{LETTERS[letter]}_{number + 1:04d}.mat"
        path.parent.mkdir(exist_ok=True)
        savemat(path, dict(ts=[0, 9000], x=[number, 5], y=[letter, 5], pol=[1, 0]))
    return root


def photographs(root):
    labels = np.tile(np.arange(24), 10)
    images = np.zeros((len(labels), 180, 240), np.uint8)
    np.savez(root / "hands.npz", images=images, labels=np.array(list(LETTERS))[labels])
    return root / "hands.npz"


SETS = {
    "N-MNIST": lambda split, p: ms.DoubleNMnist(split, n_mnist(p), cache=False),
    "digits": lambda split, p: ms.DoubleNMnist(
        split, camera=Camera((34, 34)), draws=2, align="none", cache=False
    ),
    "ASL-DVS": lambda split, p: ms.DoubleASL(split, asl_dvs(p), cache=False),
    "photographs": lambda split, p: ms.DoubleASL(
        split, photographs(p), camera=Camera((180, 240)), cache=False
    ),
}


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("name", SETS)
def test_one_recording_in_five_never_meta_trains(name, split, tmp_path):
    tasks = SETS[name](split, tmp_path)
    assert {n % 5 for n in tasks.pool.numbers.tolist()} == (
        {1, 2, 3, 4} if split == "train" else {0}
    )
    for index in range(20):
        task = tasks.episode(7, index, 3, 1, 1)
        pictures = []
        for places, labels in zip(task.recordings, (task.y_support, task.y_query)):
            for pair, way in zip(tasks.pool.labels[places].tolist(), labels):
                signs = "0123456789" if tasks.kind == "digit" else LETTERS
                assert "".join(signs[k] for k in pair) == task.classes[way]
            numbers = tasks.pool.numbers[places]
            pictures.append(set(zip(tasks.pool.labels[places].ravel(), numbers.ravel())))
        assert not pictures[0] & pictures[1]


def test_all_of_test_is_tested(tmp_path):
    tasks = ms.DoubleNMnist("test", n_mnist(tmp_path, ("Train", "Test")), cache=False)
    assert set(tasks.pool.numbers.tolist()) == set(range(1, 11)) and "(Test)" in tasks.source


@pytest.mark.parametrize(
    "name, sizes, first",
    [("digits", [64, 16, 20], "03 07 10"), ("photographs", [369, 92, 115], "ae ak ap ay be bm bo")],
)
def test_no_class_is_in_two_splits(name, sizes, first, tmp_path):
    """A change of these would let classes of published results move between the splits."""
    classes = [SETS[name](split, tmp_path).classes for split in ("train", "val", "test")]
    assert [len(names) for names in classes] == sizes
    assert len(set(sum(classes, ()))) == sum(sizes)
    assert " ".join(classes[1]).startswith(first)
