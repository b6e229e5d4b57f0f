"""What users hold: arrays and text without names, files of other tools and sensors, frames, subsets
and loaders."""

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import minisnn as ms
from minisnn.data.readers.anything import SUFFIXES, holds_events, read_events, sensor_of
from minisnn.data.readers.columns import NAMES, microseconds
from minisnn.data.readers.events import EVENT, as_events, bin_events, event_array
from minisnn.data.readers.nmnist import read_nmnist
from minisnn.data.readers.sources import events_of_frames, label_of
from minisnn.files import check_archive
from sweeps import SENSOR, in_unit, sweep


def table(events: np.ndarray, order: str = "txyp") -> np.ndarray:
    """(N, columns) of events, their columns in this order; - is a column of nines."""
    return np.stack(
        [np.full(len(events), 9) if one == "-" else events[one] for one in order], 1
    ).astype(np.int64)


def bytes_of_nmnist(events: np.ndarray) -> bytes:
    rows = [
        events["x"],
        events["y"],
        events["p"].astype(int) << 7 | events["t"] >> 16,
        events["t"] >> 8 & 255,
        events["t"] & 255,
    ]
    return np.stack(rows, 1).astype(np.uint8).tobytes()


# ---- columns without names


@pytest.mark.parametrize("columns", ["t,x,y", "t,x,x,p", "t,x,y,p,p", "a,b,c,d", "t,x,y,p,-", ""])
def test_orders_that_do_not_fit(columns):
    with pytest.raises(ValueError, match="mine: .*columns"):
        as_events(table(sweep()), None, "mine", None, columns)


def test_an_order_says_the_unit_of_time():
    events = sweep()
    made = table(in_unit(events, "ms"))
    assert np.array_equal(
        as_events(made, None, "mine", None, "t_ms,x,y,p")["t"], np.sort(events["t"] // 1000 * 1000)
    )
    data = ms.Recordings(
        [made[k:] for k in range(4)], [0, 0, 1, 1], sensor=SENSOR, columns="t_ms,x,y,p"
    )
    assert data.pool.counts.sum() > 2000
    with pytest.raises(ValueError, match="recording 0: .*they look like ms"):
        ms.Recordings([made] * 4, [0, 0, 1, 1], sensor=SENSOR, columns="t,x,y,p")
    with pytest.raises(ValueError, match="said to be in us, but their column is named for ms"):
        ms.Recordings([made] * 4, [0, 0, 1, 1], sensor=SENSOR, columns="t_ms,x,y,p", time="us")


def test_arrays_with_other_names_take_the_order(tmp_path):
    events = sweep()
    other = in_unit(events, "us").view([("u", "i2"), ("v", "i2"), ("when", "i8"), ("sign", "i1")])
    np.save(tmp_path / "a.npy", other)
    assert "found the columns u, v, when, sign; expected" in told(
        lambda: read_events(tmp_path / "a.npy")
    )
    assert np.array_equal(
        read_events(tmp_path / "a.npy", columns="x,y,t,p"), events
    ) and holds_events(tmp_path / "a.npy")
    assert "columns x,y,t,p,- are 5; the array has u, v" in told(
        lambda: as_events(other, columns="x,y,t,p,-")
    )
    assert "look like ms" in told(
        lambda: ms.Recordings(
            [in_unit(events, "ms").view(other.dtype)] * 2, [0, 0], sensor=SENSOR, columns="x,y,t,p"
        )
    )
    parts = [in_unit(events, "ms").view(other.dtype)[k:] for k in range(2)]
    assert ms.Recordings(parts, [0, 0], sensor=SENSOR, columns="x,y,t_ms,p")


def test_the_guide_on_recordings_names_all_columns():
    page = (Path(__file__).parents[3] / "lessons" / "guides" / "recordings.md").read_text()
    assert not [name for names in NAMES.values() for name in names if f"`{name}`" not in page]
    assert not [suffix for suffix in SUFFIXES if f"`{suffix}`" not in page]


def told(call) -> str:
    with pytest.raises(ValueError) as error:
        call()
    return str(error.value)


# ---- files of other forms


def test_n_mnists_form_of_another_sensor(tmp_path):
    events = sweep(0, (100, 60), 300)
    for name in ("a.bin", "a.bs2"):
        (tmp_path / name).write_bytes(bytes_of_nmnist(events))
        assert np.array_equal(read_events(tmp_path / name, sensor=(100, 60)), events)
    assert "does not say how large its sensor is; give --sensor" in told(
        lambda: read_events(tmp_path / "a.bs2")
    )
    assert "y reaches" in told(lambda: read_events(tmp_path / "a.bin"))
    assert "expected 0 to 89" in told(lambda: read_events(tmp_path / "a.bin", sensor=(90, 60)))
    assert "y one below 240" in told(lambda: read_nmnist(tmp_path / "a.bin", (260, 346)))
    assert sensor_of(tmp_path / "a.bs2") is None


def test_wrong_files_in_hdf5(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.update({"events/x": [1], "events/y": [1], "events/t": [1], "labels": [2]})
    assert "holds events, labels; expected events with x, y, t and p" in told(
        lambda: read_events(path)
    )
    with h5py.File(path, "w") as file:
        file.update({"data/0/times": [1], "extra/train_keys": [0]})
    assert "holds many recordings" in told(lambda: read_events(path))
    with h5py.File(path, "w") as file:
        file["events"] = np.zeros(3, [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "S3")])
    assert "expected numbers" in told(lambda: read_events(path))
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert "cannot be read" in told(lambda: read_events(path))
    with h5py.File(path, "w") as file:
        file["events"] = table(sweep())
    assert "order as --columns" in told(lambda: read_events(path))
    with h5py.File(path, "w") as file:  # a thousand million events in a few bytes
        for name in "xytp":
            file.create_dataset(
                f"events/{name}", (1 << 30,), "i4", chunks=(1 << 20,), compression="gzip"
            )
    assert "expected at most 4000000" in told(lambda: read_events(path))
    with h5py.File(path, "w") as file:
        file.create_dataset("events", (1 << 30,), EVENT, chunks=(1 << 20,), compression="gzip")
    assert "expected at most" in told(lambda: read_events(path))


def test_archives_that_unpack_to_more_than_they_should(tmp_path):
    """Told by what they announce, before anything is unpacked."""
    path = tmp_path / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(
            member, dict(descr="<i8", fortran_order=False, shape=(1 << 22,))
        )
        for _ in range(32):
            member.write(bytes(1 << 20))
    for read in (read_events, sensor_of):
        assert "x.npy unpacks to 33554" in told(lambda: read(path)), read
    np.savez(path, **{f"w{k}": np.random.default_rng(k).integers(0, 99, 9000) for k in range(3)})
    with pytest.raises(
        ValueError,
        match=r"a.npz: unpacks to \d+ bytes and more; expected weights, of at most 100000",
    ):
        check_archive(path, "weights", 100_000)
    check_archive(Path(__file__), "weights", 1)  # no archive


# ---- in memory


def test_masks_are_not_looked_through():
    events = in_unit(sweep(), "us")
    masked = np.ma.MaskedArray(events, mask=False)
    assert np.array_equal(as_events(masked), as_events(events))
    masked.mask[3] = True
    hidden = {
        name: np.ma.MaskedArray(events[name], mask=np.arange(len(events)) == 3) for name in "xytp"
    }
    whole = np.ma.MaskedArray(sweep(), mask=np.arange(len(events)) == 3)
    for one in (
        masked,
        hidden,
        dict(hidden, x=events["x"]),
        whole,
        np.ma.MaskedArray(table(events), mask=table(events) == 5),
    ):
        assert "masked values; leave those events out" in told(
            lambda: as_events(one, None, "mine", None, "t,x,y,p")
        )
        assert "masked values" in told(
            lambda: ms.Recordings([one] * 2, [0, 0], sensor=SENSOR, columns="t,x,y,p")
        )
        assert "masked values" in told(lambda: bin_events(one, shape=SENSOR)) or one is not whole
    assert "x has 1 masked values" in told(
        lambda: event_array(np.ma.array([1, 2], mask=[1, 0]), [1, 1], [1, 2], [0, 1])
    )
    frames = np.ma.MaskedArray(np.zeros((5, 2, *SENSOR), int), mask=True)
    assert "masked values" in told(lambda: ms.Recordings([frames] * 2, [0, 0]))
    two = [sweep(0), sweep(1)]
    hidden_one = np.ma.array([0, 0], mask=[0, 1])
    assert "masked" in told(
        lambda: ms.Recordings(two, [0, 0], sensor=SENSOR, groups=dict(who=hidden_one))
    )
    assert "masked" in told(lambda: ms.Recordings(two, [0, 0], sensor=SENSOR, within=hidden_one))
    assert "a label is masked" in told(lambda: ms.Recordings(two, hidden_one, sensor=SENSOR))


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


def test_order_of_labels_does_not_matter_and_floats_are_whole():
    events = [sweep(k) for k in range(6)]
    one = ms.Recordings(events, [2, 10, 1, 10, 1, 2], sensor=SENSOR)
    other = ms.Recordings(events, np.array([2.0, 10.0, 1.0, 10.0, 1.0, 2.0]), sensor=SENSOR)
    assert one.classes == other.classes == ("1", "2", "10")
    assert [one.pool.of(k).tolist() for k in range(3)] == [[2, 4], [0, 5], [1, 3]]
    assert [
        label_of(v)
        for v in ("a", b"b", 3, 4.0, np.int8(5), np.float32(6), np.array(7), np.array([8]), True)
    ] == [
        *"ab345678",
        "True",
    ]
    for wrong in (1.5, float("nan"), float("inf"), None, np.array([1, 2]), (1, 2)):
        assert "expected texts or whole numbers" in told(lambda: label_of(wrong)), wrong
    assert "recording 1: a label is 0.5" in told(
        lambda: ms.Recordings(events[:2], [0, 0.5], sensor=SENSOR)
    )


@pytest.mark.parametrize("axes", ("tonic", "own"))
def test_frames_are_steps(axes):
    events = [sweep(k) for k in range(4)]
    frames = [bin_events(one, 100, 2, shape=SENSOR, start="zero") for one in events]
    given = [one.transpose(0, 3, 1, 2) if axes == "tonic" else one for one in frames]
    data = ms.Recordings([one.astype(np.int16) for one in given], [0, 0, 1, 1], bin_ms=2)
    assert data.pool.shape == (50, *SENSOR, 2)
    assert np.array_equal(data.pool.dense(np.arange(4)), np.array(frames))
    small = ms.Recordings(given, [0, 0, 1, 1], bin_ms=2, duration_ms=200, size=(6, 8))
    assert small.pool.shape == (100, 6, 8, 2) and small.pool.counts.sum() == sum(
        map(np.sum, frames)
    )
    assert not small.pool.dense(np.arange(4))[:, 50:].any()


@pytest.mark.parametrize(
    "frames, message",
    [
        (np.zeros((5, 3, 4, 4)), "polarities"),
        (np.zeros((5, 2, 4, 2)), "polarities"),
        (np.full((5, 2, 4, 4), 0.5), "not whole numbers; expected counts of events"),
        (np.full((5, 2, 4, 4), np.nan), "not whole numbers"),
        (np.full((5, 2, 4, 4), -1), "frames reach from -1 to -1; expected counts from 0 to 255"),
        (np.full((5, 2, 4, 4), 300), "frames reach from 300 to 300"),
        (np.zeros((5, 2, 4, 4)), "the recording has no events"),
        (np.zeros((4, 4)), "expected|labels|columns"),
    ],
)
def test_frames_that_are_none(frames, message):
    with pytest.raises(ValueError, match=message):
        ms.Recordings([frames, frames], [0, 0], sensor=None if frames.ndim == 4 else (4, 4))
    if frames.ndim == 4 and "no events" not in message:
        with pytest.raises(ValueError, match=message):
            events_of_frames(frames, 1)


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


def test_an_offset_of_the_clock_and_negative_times_change_nothing():
    events, sets = sweep(), []
    for offset in (0, -50_000, 1_700_000_000_000_000):
        moved = events.copy()
        moved["t"] += offset
        sets.append(ms.Recordings([moved, moved[1:]], [0, 0], sensor=SENSOR).pool)
    assert all(np.array_equal(one.cells, sets[0].cells) for one in sets[1:])


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
