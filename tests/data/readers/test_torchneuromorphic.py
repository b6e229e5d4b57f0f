"""HDF5 files of torchneuromorphic: splits, classes, events, and files that are damaged or lead
elsewhere."""

import h5py
import numpy as np
import pytest

from minisnn.data.readers.events import EVENT
from minisnn.data.readers.torchneuromorphic import TorchNeuromorphic

LABELS = [0, 0, 1, 1, 0, 1]  # recordings 0 to 3 train, 4 and 5 test


def make(path, by_label="table", attributes=True):
    with h5py.File(path, "w") as file:
        for key, label in enumerate(LABELS):
            group = file.create_group(f"data/{key}")
            group.create_dataset("times", data=[100, 200, 200 + key], dtype=np.uint32)
            group.create_dataset(
                "addrs", data=[[1, 3, 7], [0, 33, 0], [1, key, 33]], dtype=np.uint8
            )
            group.create_dataset("labels", data=label, dtype=np.uint8)
        extra = file.create_group("extra")
        for split, keys, table in (
            ("train", [0, 1, 2, 3], [[0, 1], [2, 3]]),
            ("test", [4, 5], [[4, -1], [5, -1]]),
        ):
            extra.create_dataset(f"{split}_keys", data=keys)
            if by_label == "table":
                extra.create_dataset(f"{split}_keys_by_label", data=table)
            elif by_label == "group":
                for label, row in enumerate(table):
                    extra.create_dataset(
                        f"{split}_keys_by_label/{label}", data=[key for key in row if key >= 0]
                    )
            if attributes:
                extra.attrs[f"N{split}"] = len(keys)
    return path


@pytest.fixture
def path(tmp_path):
    return make(tmp_path / "n_mnist.hdf5")


def change(path, name, **made):
    """Put another data set in the place of `name`; without `made`, or with a link, nothing or the
    link."""
    with h5py.File(path, "r+") as file:
        if name in file or file.get(name, getlink=True):
            del file[name]
        if "link" in made:
            file[name] = made["link"]
        elif made:
            file.create_dataset(name, **made)
    return path


def test_events_of_a_recording(path):
    with TorchNeuromorphic(path) as file:
        events = file.read(4)
        assert events.dtype == EVENT
        assert events.tolist() == [(3, 7, 100, 1), (33, 0, 200, 0), (4, 33, 204, 1)]
        assert file.read(np.int64(0)).tolist()[2] == (0, 33, 200, 1)


def test_times_are_sorted_and_equal_ones_keep_their_order(path):
    change(path, "data/1/times", data=np.array([200, 100, 200], np.uint32))
    with TorchNeuromorphic(str(path)) as file:
        assert file.read(1)["x"].tolist() == [33, 3, 1] and file.read(1)["t"].tolist() == [
            100,
            200,
            200,
        ]


@pytest.mark.parametrize("by_label", ["table", "group", "absent"])
@pytest.mark.parametrize("attributes", [True, False])
def test_classes_by_split(tmp_path, by_label, attributes):
    with TorchNeuromorphic(make(tmp_path / "a.hdf5", by_label, attributes)) as file:
        assert len(file) == 6 and file.keys("train").tolist() == [0, 1, 2, 3]
        assert file.labelled("train") == [(0, 0), (1, 0), (2, 1), (3, 1)]
        assert file.labelled("test") == [(4, 0), (5, 1)]
        assert [file.label(key) for key in range(6)] == LABELS


def test_a_split_without_recordings(path):
    change(path, "extra/test_keys", data=[])
    change(path, "extra/test_keys_by_label")
    with TorchNeuromorphic(path) as file:
        assert file.labelled("test") == [] and len(file) == 4


def test_labels_repeated_for_every_step(path):
    change(path, "data/2/labels", data=np.full(5, 7, np.uint8))
    with TorchNeuromorphic(path) as file:
        assert file.label(2) == 7


def refused(path, words, use=lambda file: None):
    with pytest.raises(ValueError, match=words) as error, TorchNeuromorphic(path) as file:
        use(file)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


U8, U32 = np.uint8, np.uint32


@pytest.mark.parametrize(
    "name, made, words",
    [
        ("data/0/times", {}, "there is no data/0/times"),
        ("data/0/addrs", {}, "there is no data/0/addrs"),
        (
            "data/0/addrs",
            dict(data=np.zeros((2, 3), U8)),
            r"addrs has shape \(2, 3\); expected \(3, 3\)",
        ),
        ("data/0/addrs", dict(data=np.zeros((3, 4), U8)), r"addrs has shape \(3, 4\)"),
        (
            "data/0/addrs",
            dict(data=np.zeros(9, U8)),
            r"shape \(9,\); expected whole numbers with 2 axes",
        ),
        ("data/0/times", dict(data=np.zeros((3, 1), U32)), "expected whole numbers with 1 axes"),
        ("data/0/times", dict(data=np.array([0, 1, np.nan])), "times has type float64"),
        (
            "data/0/times",
            dict(data=np.array([0, 1, 2**64 - 1], np.uint64)),
            "times reaches 18446744073709551615",
        ),
        ("data/0/times", dict(data=[b"a", b"b", b"c"]), "times is of type"),
        ("data/0/times", dict(data=h5py.Empty("u4")), "times is of type uint32"),
        (
            "data/0/addrs",
            dict(data=np.array([[2, 1, 1]] * 3, U8)),
            "data/0: .*polarities reach from 2 to 2",
        ),
        (
            "data/0/addrs",
            dict(data=np.array([[1, 1, 34]] * 3, U8)),
            "data/0: .*y reaches from 34 to 34",
        ),
        (
            "data/0/times",
            dict(shape=(1 << 40,), dtype=U32, chunks=(64,)),
            "times has shape",
        ),
        ("data/0/times", dict(link=h5py.ExternalLink("other.hdf5", "/times")), "times is a link"),
        ("data/0/times", dict(link=h5py.SoftLink("/data/1/times")), "times is a link"),
        ("data/0", dict(link=h5py.ExternalLink("other.hdf5", "/data/0")), "data/0/times is a link"),
        (
            "data/0/times",
            dict(shape=(3,), dtype=U32, external=[("/etc/hostname", 0, 12)]),
            "times lies in other files",
        ),
    ],
)
def test_recordings_that_are_not_as_they_should_be(path, name, made, words):
    refused(change(path, name, **made), words, lambda file: file.read(0))


def test_virtual_data_sets_are_refused(path):
    layout = h5py.VirtualLayout((3,), "u4")
    layout[:] = h5py.VirtualSource("other.hdf5", "times", (3,))
    change(path, "data/0/times")
    with h5py.File(path, "r+") as file:
        file.create_virtual_dataset("data/0/times", layout)
    refused(path, "times lies in other files", lambda file: file.read(0))


def test_a_recording_without_events(path):
    change(path, "data/0/times", data=np.zeros(0, U32))
    change(path, "data/0/addrs", data=np.zeros((0, 3), U8))
    refused(path, "data/0 has no events", lambda file: file.read(0))


@pytest.mark.parametrize(
    "name, made, words",
    [
        ("extra/train_keys", {}, "there is no extra/train_keys"),
        ("extra", {}, "there is no extra/train_keys"),
        ("extra/test_keys", dict(data=[4, 6]), "test_keys holds the key 6, but there is no data/6"),
        ("extra/test_keys", dict(data=[4, -1]), "test_keys holds the key -1"),
        (
            "extra/test_keys",
            dict(data=[4, 0]),
            "recording 0 is in extra/train_keys and in extra/test_keys",
        ),
        ("extra/test_keys", dict(data=[4, 4]), "test_keys names a recording twice"),
        ("extra/test_keys", dict(data=[[4], [5]]), "test_keys has type int64 and shape"),
        ("extra/test_keys", dict(data=[4.5, 5]), "test_keys has type float64"),
        ("data", {}, "there is no group data"),
        ("data", dict(data=[1, 2]), "there is no group data"),
        (
            "extra/test_keys",
            dict(shape=(1 << 40,), dtype="i8", chunks=(64,)),
            "test_keys has shape",
        ),
        (
            "extra",
            dict(link=h5py.ExternalLink("other.hdf5", "/extra")),
            "extra/train_keys is a link",
        ),
    ],
)
def test_splits_that_are_not_as_they_should_be(path, name, made, words):
    refused(change(path, name, **made), words)


def test_classes_that_are_not_as_they_should_be(path):
    for key in (4, 77):
        change(path, "extra/train_keys_by_label", data=[[0, key], [2, 3]])
        refused(path, f"by_label holds the key {key}", lambda file: file.labelled("train"))
    for labels in ([1, 2], [], [-1]):
        change(path, "data/0/labels", data=np.array(labels, np.int64))
        refused(path, "data/0/labels holds", lambda file: file.label(0))


def test_arguments(path):
    refused(path, "data/99/times", lambda file: file.read(99))
    with TorchNeuromorphic(path) as file, pytest.raises(ValueError, match="split is 'val'"):
        file.keys("val")


def test_a_closed_file_is_released(path):
    with TorchNeuromorphic(path) as file:
        pass
    with pytest.raises(ValueError, match="n_mnist"):
        file.read(0)
    with h5py.File(path, "r+"):  # nobody holds it
        pass
