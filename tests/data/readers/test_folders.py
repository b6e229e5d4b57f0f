"""What a folder or an index of recordings holds; what of it is not read is counted, and classes that
are one class are refused."""

import shutil
import unicodedata
import warnings

import numpy as np
import pytest
from sweeps import SENSOR, sweep

import minisnn as ms
from minisnn.data.readers.listing import entries, read_entry


def a_folder(root, classes="abc", each=4):
    for k, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for n in range(each):
            events = sweep(10 * k + n)
            np.savez(root / name / f"{n}.npz", sensor=SENSOR, **{c: events[c] for c in "xytp"})
    return root


def test_folders_of_splits_have_classes_and_nothing_next_to_them(tmp_path):
    for part, classes in (("Train", "ab"), ("validation", "c"), ("test", "d")):
        a_folder(tmp_path / part, classes, 2)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("three cameras")
    found = [(one.label, one.split) for one in entries(tmp_path)]
    expected = [("a", "train"), ("b", "train"), ("d", "test"), ("c", "val")]
    assert found == [one for one in expected for _ in range(2)]
    a_folder(tmp_path / "dev", "e", 1)
    with pytest.warns(UserWarning, match="dev"):
        assert len(entries(tmp_path)) == 8


def test_an_index_of_parts(tmp_path):
    root = a_folder(tmp_path, "a", 2)
    index = root / "index.csv"
    index.write_text(
        "path,label,start_ms,stop_ms,subject,split\na/0.npz,wave,0,40.5,ann,train\n\n"
        "a/0.npz,clap,40.5,,ann,test\na/1.npz,wave,,,bob,\n"
    )
    first, second, third = entries(root)
    assert entries(index) == [first, second, third]
    assert first == (root / "a/0.npz", "wave", 0, 40_500, "ann", "train", None)
    assert third[2:] == (None, None, "bob", None, None)
    parts = [read_entry(one) for one in (first, second)]
    np.testing.assert_array_equal(np.concatenate(parts), ms.read_events(root / "a/0.npz"))
    assert parts[0]["t"].max() < 40_500 <= parts[1]["t"].min()
    with pytest.raises(ValueError, match="no events from 500000"):
        read_entry(first._replace(start=500_000, stop=600_000))


@pytest.mark.parametrize(
    "text, word",
    [
        (b"file,class\na.npy,b\n", "file, class"),
        (b"path,label\na.npy\n", "line 2"),
        (b"path,label,start\na.npy,b,x\n", "line 2"),
        (b"path,label\n", "no recordings"),
        (b"", "path and label"),
        (b"path,label\na.npy,caf\xe9\n", "0xe9"),
        (b'path,label\na.npy,"' + b"x" * 200_000 + b'"\n', "limit"),
    ],
)
def test_a_bad_index_is_refused(tmp_path, text, word):
    np.save(tmp_path / "a.npy", sweep())
    (tmp_path / "index.csv").write_bytes(text)
    with pytest.raises(ValueError, match=word) as error:
        entries(tmp_path)
    assert str(error.value).startswith(str(tmp_path)) and "\n" not in str(error.value)


def test_what_is_left_out_is_counted(tmp_path):
    root = a_folder(tmp_path / "set")
    a_folder(root / "a" / "more", "c", 1)
    (root / "a" / "x.npy.gz").write_bytes(b"x")
    (root / "d").mkdir()
    for n in range(3):
        (root / "d" / f"{n}.aedat").write_bytes(b"x")
    shutil.copy(root / "a" / "0.npz", root / "loose.npz")
    np.save(root / "labels.npy", np.arange(12))
    with pytest.warns(UserWarning, match="3 .aedat"):
        assert len(entries(root)) == 12


def test_what_is_hidden_is_hidden_everywhere(tmp_path):
    for part in ("train", "test"):
        a_folder(tmp_path / part)
        a_folder(tmp_path / part / ".ipynb_checkpoints")
    shutil.copy(tmp_path / "train" / "a" / "0.npz", tmp_path / "train" / "a" / "._0.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = entries(tmp_path)
    assert {one.label for one in found} == set("abc") and len(found) == 24


def test_names_that_differ_in_their_encoding_only_are_refused():
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    labels = [composed, composed, apart, apart]
    with pytest.raises(ValueError, match="encoded"):
        ms.Recordings([sweep(k) for k in range(4)], labels, sensor=SENSOR)
