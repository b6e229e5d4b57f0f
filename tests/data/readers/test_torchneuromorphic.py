"""HDF5 files of torchneuromorphic: splits, classes, events, and files that are damaged or lead
elsewhere."""

import h5py
import numpy as np
import pytest

from minisnn.data.readers.anything import entries, read_entry

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


def labels(path):
    return [(one.key, one.label, one.split) for one in entries(path)]


def test_events_of_a_recording(path):
    change(path, "data/1/times", data=np.array([200, 100, 200], np.uint32))
    found = {one.key: read_entry(one) for one in entries(path)}
    assert found[4].tolist() == [(3, 7, 100, 1), (33, 0, 200, 0), (4, 33, 204, 1)]
    assert found[1].tolist() == [(33, 0, 100, 0), (3, 7, 200, 1), (1, 33, 200, 1)]


@pytest.mark.parametrize("by_label", ["table", "group", "absent"])
@pytest.mark.parametrize("attributes", [True, False])
def test_classes_by_split(tmp_path, by_label, attributes):
    path = make(tmp_path / "a.hdf5", by_label, attributes)
    train, test = ("0011", "01")
    expected = [(key, label, "train") for key, label in enumerate(train)]
    expected += [(key, label, "test") for key, label in enumerate(test, 4)]
    assert labels(path) == expected
    change(path, "data/2/labels", data=np.full(5, 1, np.uint8))  # of every step
    assert labels(path) == expected


def refused(path, words):
    with pytest.raises(ValueError, match=words) as error:
        for one in entries(path):
            read_entry(one)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


U8, U32 = np.uint8, np.uint32


@pytest.mark.parametrize(
    "name, made, words",
    [
        ("data/0/times", {}, "data/0/times"),
        ("data/0/addrs", {}, "data/0/addrs"),
        ("data/0/addrs", dict(data=np.zeros((2, 3), U8)), "addrs"),
        ("data/0/addrs", dict(data=np.zeros((3, 4), U8)), "addrs"),
        ("data/0/addrs", dict(data=np.zeros(9, U8)), "addrs"),
        ("data/0/times", dict(data=np.zeros((3, 1), U32)), "data/0"),
        ("data/0/times", dict(data=np.array([0, 1, np.nan])), "data/0"),
        ("data/0/times", dict(data=np.array([0, 1, 2**64 - 1], np.uint64)), "18446744073709551615"),
        ("data/0/times", dict(data=[b"a", b"b", b"c"]), "data/0"),
        ("data/0/times", dict(data=h5py.Empty("u4")), "data/0"),
        ("data/0/addrs", dict(data=np.array([[2, 1, 1]] * 3, U8)), "data/0: .*polarities"),
        ("data/0/addrs", dict(data=np.array([[1, 1, 34]] * 3, U8)), "data/0: .*y reaches"),
        ("data/0/times", dict(shape=(1 << 40,), dtype=U32, chunks=(64,)), "shape"),
        ("data/0/times", dict(link=h5py.ExternalLink("other.hdf5", "/times")), "times is a link"),
        ("data/0/times", dict(link=h5py.SoftLink("/data/1/times")), "times is a link"),
        ("data/0", dict(link=h5py.ExternalLink("other.hdf5", "/data/0")), "is a link"),
        (
            "data/0/times",
            dict(shape=(3,), dtype=U32, external=[("/etc/hostname", 0, 12)]),
            "lies in other files",
        ),
        ("data/0/times", dict(data=np.zeros(0, U32)), "data/0"),
        ("extra/train_keys", {}, "train_keys"),
        ("extra/test_keys", dict(data=[4, 6]), "data/6"),
        ("extra/test_keys", dict(data=[4, 0]), "twice"),
        ("extra/test_keys", dict(data=[4, 4]), "twice"),
        ("extra/test_keys", dict(data=[4.5, 5]), "4.5"),
        ("extra/test_keys", dict(shape=(1 << 40,), dtype="i8", chunks=(64,)), "test_keys"),
        ("extra/train_keys", dict(link=h5py.ExternalLink("other.hdf5", "/extra")), "is a link"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(path, name, made, words):
    refused(change(path, name, **made), words)
