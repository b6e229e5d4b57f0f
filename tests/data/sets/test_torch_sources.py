"""Data sets of tonic, subsets and loaders of PyTorch, with the packages themselves where they are
installed."""

import numpy as np
import pytest
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms

torch = pytest.importorskip("torch")
tonic = pytest.importorskip("tonic")
data = pytest.importorskip("torch.utils.data")


class Made(tonic.dataset.Dataset):
    """A data set of tonic's own class, whose items its transform changes."""

    sensor_size = (16, 12, 2)

    def __init__(self, transform=None, number: int = 12):
        super().__init__(".", transform=transform)
        self.data, self.targets = (
            [in_unit(sweep(k), "us") for k in range(number)],
            [k % 3 for k in range(number)],
        )

    def __getitem__(self, k):
        events = self.data[k]
        return (self.transform(events) if self.transform else events), self.targets[k]

    def __len__(self):
        return len(self.data)


def same(one: ms.Recordings, other: ms.Recordings) -> None:
    assert one.classes == other.classes and one.input_shape == other.input_shape
    assert np.array_equal(one.pool.cells, other.pool.cells) and np.array_equal(
        one.pool.counts, other.pool.counts
    )


def test_a_data_set_and_its_subsets():
    plain = ms.Recordings(
        [in_unit(sweep(k), "us") for k in range(12)], [k % 3 for k in range(12)], sensor=SENSOR
    )
    same(ms.Recordings(Made()), plain)
    subset = data.Subset(data.Subset(Made(), range(12)), [0, 3, 1, 4])
    assert len(ms.Recordings(subset).pool) == 4
    one, other = data.random_split(Made(), [6, 6], torch.Generator().manual_seed(0))
    assert len(one) == len(other) == 6


@pytest.mark.parametrize("shuffle", (False, True))
def test_loaders(shuffle):
    torch.manual_seed(0)
    transform = tonic.transforms.ToFrame(
        sensor_size=(16, 12, 2), time_window=2000, include_incomplete=True
    )
    frames = ms.Recordings(Made(transform), bin_ms=2)
    pad = tonic.collation.PadTensors(batch_first=True)
    same(
        ms.Recordings(
            data.DataLoader(Made(transform), batch_size=5, shuffle=shuffle, collate_fn=pad),
            bin_ms=2,
        ),
        frames,
    )
    same(
        ms.Recordings(data.DataLoader(Made(), batch_size=None, shuffle=shuffle)),
        ms.Recordings(Made()),
    )
    again = data.WeightedRandomSampler([1.0] * 12, 60, replacement=True)
    drawn = ms.Recordings(data.DataLoader(Made(), batch_size=None, sampler=again))
    same(drawn, ms.Recordings(Made()))  # each once: no recording is on both sides of a task
    batches = data.BatchSampler(data.SequentialSampler(range(12)), 5, drop_last=False)
    same(ms.Recordings(data.DataLoader(Made(), batch_sampler=batches)), ms.Recordings(Made()))
    labels = [torch.tensor(k % 3) for k in range(12)]
    same(
        ms.Recordings([in_unit(sweep(k), "us") for k in range(12)], labels, sensor=SENSOR),
        ms.Recordings(Made()),
    )
    bare = [
        (torch.tensor(np.stack([sweep(k)[n].astype(np.int64) for n in "txyp"], 1)), k % 3)
        for k in range(12)
    ]
    same(ms.Recordings(bare, sensor=SENSOR, columns="t,x,y,p"), ms.Recordings(Made()))
