"""What a folder of recordings holds and is not read is told; classes that are one class are refused."""

import shutil
import unicodedata
import warnings

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.readers.anything import entries
from minisnn.data.sets.named import own
from sweeps import SENSOR, sweep


def a_folder(root, classes="abc", each=4):
    for k, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for n in range(each):
            events = sweep(10 * k + n)
            np.savez(root / name / f"{n}.npz", sensor=SENSOR, **{c: events[c] for c in "xytp"})
    return root


def test_what_is_left_out_is_counted(tmp_path):
    root = a_folder(tmp_path / "set")
    (root / "a" / "more").mkdir()
    (root / "a" / "x.npy.gz").write_bytes(b"x")
    (root / "d").mkdir()
    for n in range(3):
        (root / "d" / f"{n}.aedat").write_bytes(b"x")
    shutil.copy(root / "a" / "0.npz", root / "loose.npz")
    np.save(root / "labels.npy", np.arange(12))
    (root / "notes.txt").write_text("three cameras")
    with pytest.warns(UserWarning) as told:
        assert len(entries(root)) == 12
    [message] = [str(one.message) for one in told]
    for words in (
        "6 files or folders in 3 folders",
        "1 .npz",
        "3 .aedat",
        "1 .npy.gz",
        "1 folders",
    ):
        assert words in message, message


def test_recordings_in_the_folder_of_a_split_are_counted(tmp_path):
    for part in ("train", "test"):
        a_folder(tmp_path / part)
    shutil.copy(tmp_path / "train" / "a" / "0.npz", tmp_path / "train" / "loose.npz")
    with pytest.warns(UserWarning, match="train/loose.npz"):
        assert len(entries(tmp_path)) == 24


def test_what_is_hidden_is_hidden_everywhere(tmp_path):
    for part in ("train", "test"):
        root = a_folder(tmp_path / part).parent
        shutil.copytree(root / part / "a", root / part / ".ipynb_checkpoints")
    shutil.copy(root / "train" / "a" / "0.npz", root / "train" / "a" / "._0.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = entries(root)
    assert {one.label for one in found} == set("abc") and len(found) == 24


def test_a_class_that_is_a_copy_of_another_is_refused(tmp_path):
    root = a_folder(tmp_path / "set")
    shutil.copytree(root / "a", root / "e")
    with pytest.raises(ValueError, match="class a and class e"):
        own("train", root, classes="train", cache=False, progress=False)
    for last in (2, 9):  # all of them, or all but one
        recordings = [sweep(k) for k in (0, 1, 2, 3, 4, 0, 1, last)]
        with pytest.raises(ValueError, match="class a and class c"):
            ms.Recordings(recordings, list("aaabbccc"), sensor=SENSOR)


def test_names_that_differ_in_their_encoding_alone_are_refused():
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    labels = [composed, composed, apart, apart]
    with pytest.raises(ValueError, match=r"'\\xe9' and 'e\\u0301'|'e\\u0301' and '\\xe9'"):
        ms.Recordings([sweep(k) for k in range(4)], labels, sensor=SENSOR)


def test_a_sensor_far_too_large_is_told(tmp_path):
    recordings = [sweep(k) for k in range(4)]
    with pytest.warns(UserWarning, match="sensor of 240 x 180 pixels"):
        ms.Recordings(recordings, list("aabb"), sensor=(180, 240))
    root = a_folder(tmp_path / "set", each=6)
    with pytest.warns(UserWarning, match="sensor of 240 x 180 pixels"):
        own("train", root, sensor=(180, 240), classes="train", progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ms.Recordings(recordings, list("aabb"), sensor=SENSOR)
