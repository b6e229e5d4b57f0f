"""HDF5 files of torchneuromorphic: splits, classes, events, and files that are damaged or lead
elsewhere."""

import h5py
import numpy as np
import pytest

from minisnn.data.readers.listing import entries, read_entry

LABELS = [0, 0, 1, 1, 0, 1]  # recordings 0 to 3 train, 4 and 5 test
TABLES = {"train": [[0, 1], [2, 3]], "test": [[4, -1], [5, -1]]}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "n_mnist.hdf5"
    with h5py.File(path, "w") as file:
        for key, label in enumerate(LABELS):
            file[f"data/{key}/times"] = np.array([100, 200, 200 + key], np.uint32)
            addresses = [[1, 3, 7], [0, 33, 0], [1, key, 33]]
            file[f"data/{key}/addrs"] = np.array(addresses, np.uint8)
            file[f"data/{key}/labels"] = np.uint8(label)
        for split, table in TABLES.items():
            file[f"extra/{split}_keys"] = [key for row in table for key in row if key >= 0]
            file[f"extra/{split}_keys_by_label"] = table
    return path


def change(path, name, **made):
    """Put another data set in the place of `name`, or a link, or nothing."""
    with h5py.File(path, "r+") as file:
        del file[name]
        if "link" in made:
            file[name] = made["link"]
        elif made:
            file.create_dataset(name, **made)


def test_events_and_classes_by_split(path):
    change(path, "data/1/times", data=np.array([200, 100, 200], np.uint32))
    found = {one.key: read_entry(one) for one in entries(path)}
    assert found[4].tolist() == [(3, 7, 100, 1), (33, 0, 200, 0), (4, 33, 204, 1)]
    assert found[1].tolist() == [(33, 0, 100, 0), (3, 7, 200, 1), (1, 33, 200, 1)]
    expected = [(k, str(label), "train test".split()[k > 3]) for k, label in enumerate(LABELS)]
    assert [(one.key, one.label, one.split) for one in entries(path)] == expected
    for split in TABLES:  # then labels say it, one or one of every step
        change(path, f"extra/{split}_keys_by_label")
    change(path, "data/2/labels", data=np.full(5, 1, np.uint8))
    assert [(one.key, one.label, one.split) for one in entries(path)] == expected


U8, U32 = np.uint8, np.uint32


@pytest.mark.parametrize(
    "name, made, words",
    [
        ("data/0/times", {}, "data/0/times"),
        ("data/0/addrs", dict(data=np.zeros((2, 3), U8)), "recording 0: .*length"),
        ("data/0/addrs", dict(data=np.zeros(9, U8)), "recording 0"),
        ("data/0/times", dict(data=np.array([0, 1, np.nan])), "recording 0"),
        ("data/0/times", dict(data=np.array([0, 1, 2**64 - 1], np.uint64)), "18446744073709551615"),
        ("data/0/times", dict(data=[b"a", b"b", b"c"]), "recording 0"),
        ("data/0/addrs", dict(data=np.array([[2, 1, 1]] * 3, U8)), "recording 0: .*polarities"),
        ("data/0/addrs", dict(data=np.array([[1, 1, 34]] * 3, U8)), "recording 0: .*y reaches"),
        ("data/0/times", dict(shape=(1 << 40,), dtype=U32, chunks=(64,)), "shape"),
        ("data/0", dict(link=h5py.ExternalLink("a.hdf5", "/data/0")), "another file"),
        (
            "data/0/times",
            dict(shape=(3,), dtype=U32, external=[("/etc/hostname", 0, 12)]),
            "another file",
        ),
        ("data/0/times", dict(data=np.zeros(0, U32)), "recording 0"),
        ("extra/train_keys", {}, "train_keys"),
        ("extra/test_keys", dict(data=[4, 6]), "data/6|recording 6"),
        ("extra/test_keys", dict(data=[4, 0]), "twice"),
        ("extra/test_keys", dict(data=[4.5, 5]), "4.5"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(path, name, made, words):
    (path.parent / "a.hdf5").write_bytes(path.read_bytes())
    change(path, name, **made)
    with pytest.raises(ValueError, match=words) as error:
        for one in entries(path):
            read_entry(one)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
