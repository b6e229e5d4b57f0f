"""What users hold in memory: streams, subsets and loaders, frames, and times of coarse types."""

import warnings

import numpy as np
import pytest
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms


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

    def __init__(self, dataset, sampler, batch_sampler=None):
        self.dataset, self.sampler, self.batch_sampler = dataset, sampler, batch_sampler


@pytest.mark.parametrize(
    "source, number",
    [
        (Subset(Tonic(), [0, 3, 1, 4]), 4),
        (Loader(Tonic(), [5, 4, 4, 3, 2, 1, 0, 5]), 6),
        (Loader(Tonic(), None, [[5, 4], [3, 2], [1, 0]]), 6),
        (Loader(Subset(Tonic(), [0, 3, 1, 4]), range(4)), 4),
        (Loader((Tonic(6)[k] for k in range(6)), None), 6),
    ],
)
def test_subsets_and_loaders_that_look_so(source, number):
    """Each recording once, in the data set's own order."""
    found = ms.Recordings(source, sensor=SENSOR)
    assert len(found.pool) == number and found.input_shape == (12, 16, 2)
    if number == 6:
        np.testing.assert_array_equal(found.pool.counts, ms.Recordings(Tonic(6)).pool.counts)


def test_times_that_their_type_is_too_coarse_for():
    rows = [sweep(k) for k in range(4)]
    late = [{name: one[name] for name in "xyp"} | {"t": 1.7e9 + one["t"] / 1e6} for one in rows]
    assert ms.Recordings(late, [0, 0, 1, 1], sensor=SENSOR, time="s").pool.counts.sum() > 2000
    coarse = [one | {"t": one["t"].astype(np.float32)} for one in late]
    with pytest.raises(ValueError, match="float64"):
        ms.Recordings(coarse, [0, 0, 1, 1], sensor=SENSOR, time="s")


@pytest.mark.parametrize(
    "steps, words",
    [
        ([100] * 6, None),
        ([20] * 6, "length is 20 frames"),
        ([300] * 6, "6 of 6 recordings are cut"),
        ([100] * 4 + [300, 100], "recording 4"),
    ],
)
def test_frames_that_do_not_fill_the_steps_are_told(steps, words):
    frames = [np.full((number, 2, 5, 5), k + 1, np.uint8) for k, number in enumerate(steps)]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ms.Recordings(frames, list("aabbcc"))
    assert [words in str(one.message) for one in said] == [True] * (words is not None)
