"""What users hold: arrays and text without names, files of other tools and sensors, frames, subsets
and loaders."""

from pathlib import Path

import numpy as np
import pytest
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms
from minisnn.data.readers.anything import SUFFIXES
from minisnn.data.readers.columns import NAMES, microseconds

# ---- columns without names


def test_the_guide_on_recordings_names_all_columns():
    page = (Path(__file__).parents[3] / "lessons" / "guides" / "recordings.md").read_text()
    assert not [name for names in NAMES.values() for name in names if f"`{name}`" not in page]
    assert not [suffix for suffix in SUFFIXES if f"`{suffix}`" not in page]


def told(call) -> str:
    with pytest.raises(ValueError) as error:
        call()
    return str(error.value)


# ---- files of other forms


# ---- in memory


def test_sources_are_read_one_at_a_time():
    """A stream, of which a few recordings are held at a time."""
    alive: list[int] = []
    most = 0

    class Held(np.ndarray):
        def __del__(self):
            if self.base is not None and getattr(self, "own", False):
                alive.pop()

    def items():
        nonlocal most
        for k in range(30):
            one = sweep(k, (6, 8)).view(Held)
            one.own = True
            alive.append(k)
            most = max(most, len(alive))
            yield one, k % 3
            del one

    data = ms.Recordings(items(), sensor=(6, 8))
    assert data.classes == ("0", "1", "2") and len(data.pool) == 30 and most <= 5, most


class Tonic:
    """A data set that is no list: items by place, no iterator."""

    sensor_size = (16, 12, 2)

    def __init__(self, number: int = 12):
        self.number = number

    def __len__(self):
        return self.number

    def __getitem__(self, k):
        return in_unit(sweep(k), "us"), k % 3


class Subset:
    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, indices

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, k):
        return self.dataset[self.indices[k]]


class Loader:
    collate_fn = None

    def __init__(self, dataset, sampler):
        self.dataset, self.sampler = dataset, sampler

    def __iter__(self):
        raise AssertionError("batches are not asked for")


def test_subsets_and_loaders_that_look_so():
    subset = ms.Recordings(Subset(Tonic(), [0, 3, 1, 4]))
    assert (
        len(subset.pool) == 4 and subset.classes == ("0", "1") and subset.input_shape == (12, 16, 2)
    )
    drawn = [5, 4, 4, 3, 2, 1, 0, 5]
    loader = ms.Recordings(Loader(Tonic(), drawn))
    assert len(loader.pool) == 6 and np.array_equal(
        loader.pool.counts, ms.Recordings(Tonic(6)).pool.counts
    )
    batches = Loader(Tonic(), None)
    batches.batch_sampler = [[5, 4], [3, 2], [1, 0]]
    assert len(ms.Recordings(batches).pool) == 6
    assert len(ms.Recordings(Loader(Subset(Tonic(), [0, 3, 1, 4]), range(4))).pool) == 4
    # a stream in a loader
    assert (
        len(ms.Recordings(Loader((Tonic(6)[k] for k in range(6)), None), sensor=SENSOR).pool) == 6
    )


def test_within_is_one_each():
    events, labels = [sweep(k) for k in range(8)], [0, 0, 0, 0, 1, 1, 1, 1]
    data = ms.Recordings(events, labels, sensor=SENSOR, within=[0, 0, 1, 1, 0, 0, 1, 1])
    for k in range(10):
        task = data.episode(0, k, 2, 1, 1)
        assert len({int(n) % 4 // 2 for side in task.recordings for n in side.ravel()}) == 1
    for wrong in ([0] * 7, [0] * 9, []):
        assert "within must be a list of 8" in told(
            lambda: ms.Recordings(events, labels, sensor=SENSOR, within=wrong)
        )
    lone = [0, 0, 0, 1, 0, 0, 1, 1]
    assert "within 1, class 0 has 1 recording, expected at least 2, one for support" in told(
        lambda: ms.Recordings(events, labels, sensor=SENSOR, within=lone)
    )
    takes = ms.Recordings(
        [sweep(k, lasting_ms=300) for k in range(8)],
        labels,
        sensor=SENSOR,
        within=[0, 1] * 4,
        hop_ms=80,
    )
    assert len(takes.within) == len(takes.pool) > 8
    pool = data.pool
    assert "within must be a list of 8" in told(lambda: ms.Recordings(pool, within=[0, 0, 0]))


# ---- what else could be taken in silence


def test_times_that_their_type_is_too_coarse_for():
    now = 1_700_000_000.0 + np.arange(100) * 0.001
    assert len(np.unique(microseconds(now, "s", None))) == 100
    same = np.full(100, 1_700_000_000.0, np.float32)
    with pytest.raises(ValueError, match="are 128000 ms apart at least"):
        microseconds(same, "s", None)
    with pytest.raises(
        ValueError,
        match="times of type float32 near 1.7e.09 s are 128000 ms apart at least; expected float64",
    ):
        microseconds(np.append(now, 1_700_000_500.0).astype(np.float32), "s", None)
    assert len(np.unique(microseconds((now - now[0]).astype(np.float32), "s", None))) == 100


def test_a_few_frames_too_long_are_named():
    frames = [np.ones((100 if k != 4 else 300, 2, 5, 5), np.uint8) for k in range(6)]
    frames = [one * (k + 1) for k, one in enumerate(frames)]
    with pytest.warns(UserWarning, match="recording 4, which has 300"):
        ms.Recordings(frames, list("aabbcc"))


@pytest.mark.parametrize(
    "steps, words",
    [
        (20, "the last 80 steps of most are empty"),
        (100, None),
        (300, "6 of 6 recordings are cut, such as recording 0"),
    ],
)
def test_frames_that_do_not_fill_the_steps_are_told(recwarn, steps, words):
    frames = np.zeros((6, steps, 2, 5, 5), np.uint8)
    frames[..., 1, 2] = 3
    frames[:, 0, 0, 0, 0] = range(6)
    tasks = ms.Recordings(list(frames), list("aabbcc"))
    said = [str(one.message) for one in recwarn if "frames" in str(one.message)]
    assert (words is None) == (not said)
    if words is not None:
        assert (
            words in said[0]
            and "counts 100 steps" in said[0]
            and f"duration_ms={steps}*bin_ms" in said[0]
        )
    assert repr(tasks.only(["a", "b"])).startswith("Recordings: 2 classes, 4 recordings in all")
