"""Recordings of any camera: every format gives back what was written, and what is wrong is told in
a sentence."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from minisnn.data.readers.anything import Entry, entries, read_entry, read_events
from minisnn.data.readers.events import EVENT, event_array
from minisnn.data.readers.nmnist import write_nmnist


def some(n: int = 500, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return event_array(
        rng.integers(0, 34, n),
        rng.integers(0, 34, n),
        np.sort(rng.integers(1, 90_000, n)),
        rng.integers(0, 2, n),
    )


def structured(events: np.ndarray, names: str, types: str) -> np.ndarray:
    columns = dict(zip("xytp", (events[name] for name in "xytp")))
    fields = names.split()
    order = {"x": "x", "y": "y", "p": "p", "t": "t"}
    made = np.zeros(len(events), list(zip(fields, types.split())))
    for field in fields:
        made[field] = columns[order[field[0] if field[0] in "xytp" else "p"]]
    return made


def write(path: Path, events: np.ndarray) -> Path:
    columns = {name: events[name] for name in "xytp"}
    if path.suffix == ".npy":
        np.save(path, structured(events, "timestamp x y polarity", "u8 u2 u2 ?"))
    elif path.suffix == ".npz":
        np.savez(path, **columns)
    elif path.suffix in (".csv", ".txt"):
        mark = {".csv": ",", ".txt": " "}[path.suffix]
        rows = [mark.join(str(int(one[name])) for name in "txyp") for one in events]
        path.write_text("\n".join([mark.join(("ts", "x", "y", "pol")), *rows]) + "\n")
    elif path.suffix == ".bin":
        write_nmnist(path, events)
    elif path.name.endswith("v7.mat"):
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, column in zip(("ts", "x", "y", "pol"), "txyp"):
                file[name] = columns[column][None]
    elif path.suffix == ".mat":
        savemat(path, dict(ts=columns["t"], x=columns["x"], y=columns["y"], pol=columns["p"]))
    else:
        import faery

        made = np.zeros(len(events), faery.EVENTS_DTYPE)
        made["t"], made["x"], made["y"], made["on"] = (columns[name] for name in "txyp")
        faery.events_stream_from_array(made, (34, 34)).to_file(path)
    return path


@pytest.mark.parametrize("name", ["a.raw", "a.dat", "a.aedat4"])
def test_files_of_cameras_are_read(tmp_path, name):
    pytest.importorskip(
        "faery", reason="the library that reads and writes files of cameras: extra cameras"
    )
    events = some()
    found = read_events(write(tmp_path / name, events))
    assert (
        found.dtype == EVENT
        and len(found) == len(events)
        and np.array_equal(found["t"], events["t"])
    )
    assert np.array_equal(
        np.sort(found, order=["t", "x", "y", "p"]), np.sort(events, order=["t", "x", "y", "p"])
    )
    whole = (tmp_path / name).read_bytes()
    for number, damaged in enumerate(
        (whole[: len(whole) // 3], b"", os.urandom(2000), whole[:40] + os.urandom(500))
    ):
        path = tmp_path / f"{number}{name}"
        path.write_bytes(damaged)
        try:
            read_events(path)
        except ValueError as error:
            assert str(error).startswith(str(path)), error


def test_y_that_grows_upwards(tmp_path):
    events = some()
    found = read_events(write(tmp_path / "a.npy", events), flip_y=34)
    assert np.array_equal(found["y"], 33 - events["y"]) and np.array_equal(found["x"], events["x"])


def tree(root: Path, *places: str) -> Path:
    for number, place in enumerate(places):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        write(root / place, some(seed=number))
    return root


def test_a_folder_a_class_and_folders_of_splits(tmp_path):
    root = tree(tmp_path / "a", "wave/1.npy", "wave/2.csv", "clap/1.npy")
    (root / "wave" / "notes.md").write_text("")
    (root / ".git").mkdir()
    assert entries(root) == [
        Entry(root / "clap" / "1.npy", "clap"),
        Entry(root / "wave" / "1.npy", "wave"),
        Entry(root / "wave" / "2.csv", "wave"),
    ]
    root = tree(tmp_path / "b", "Train/wave/1.npy", "Test/clap/1.npy", "validation/nod/1.npy")
    assert [(one.label, one.split) for one in entries(root)] == [
        ("clap", "test"),
        ("wave", "train"),
        ("nod", "val"),
    ]


def test_folders_beside_those_of_splits_are_refused_and_not_left_out(tmp_path):
    root = tree(tmp_path, "train/wave/1.npy", "valid/nod/1.npy", "test/clap/1.npy", "notes/a.txt")
    (root / "runs" / "first").mkdir(parents=True)
    (root / "runs" / "first" / "checkpoint.h5").write_text("minisnn")
    assert [(one.label, one.split) for one in entries(root)] == [
        ("clap", "test"),
        ("wave", "train"),
        ("nod", "val"),
    ]
    for place in ("dev/bow/1.npy", "bow/1.npy"):
        tree(root, place)
        beside = place.split("/")[0]
        with pytest.raises(
            ValueError,
            match=f"recordings in {beside} would not be read",
        ):
            entries(root)
        (root / place).unlink()


def test_an_index_of_parts(tmp_path):
    root = tree(tmp_path, "takes/a.npy", "takes/b.npy")
    index = root / "index.csv"
    index.write_text(
        "path,label,start_ms,stop_ms,subject,split\ntakes/a.npy,wave,0,40.5,ann,train\n\ntakes/a.npy,clap,40.5,,ann,test\n"
        "takes/b.npy,wave,,,bob,\n"
    )
    first, second, third = entries(root)
    assert entries(index) == [first, second, third]
    assert first == Entry(root / "takes/a.npy", "wave", 0, 40_500, "ann", "train") and third[
        2:
    ] == (
        None,
        None,
        "bob",
        None,
        None,
    )
    whole = read_events(root / "takes/a.npy")
    parts = [read_entry(one) for one in (first, second)]
    assert (
        np.array_equal(np.concatenate(parts), whole)
        and parts[0]["t"].max() < 40_500 <= parts[1]["t"].min()
    )
    with pytest.raises(
        ValueError,
        match=r"a\.npy: no events from 500000 to 600000 us; the recording has those from",
    ):
        read_entry(first._replace(start=500_000, stop=600_000))


@pytest.mark.parametrize(
    "text, word",
    [
        (b"file,class\na.npy,b\n", "file, class"),
        (b"path,label\na.npy\n", "line 2"),
        (b'"path\n",file\na.npy,b\n', "path, file"),
        (b"path,label,start\na.npy,b,x\n", "line 2"),
        (b"path,label,start,stop\na.npy,b,5,2\n", "line 2"),
        (b"path,label\nb.npy,b\n", "b.npy"),
        (b"path,label\na.npy,\n", "no label"),
        (b"path,label,split\na.npy,b,dev\n", "dev"),
        (b"path,label\na.npy,b\na.npy,c\n", "twice"),
        (b"path,label\n", "no recordings"),
        (b"", "none"),
        (b"path,label\na.npy,caf\xe9\n", "0xe9"),
        (b'path,label\na.npy,"' + b"x" * 200_000 + b'"\n', "limit"),
    ],
)
def test_a_bad_index_is_refused(tmp_path, text, word):
    write(tmp_path / "a.npy", some())
    (tmp_path / "index.csv").write_bytes(text)
    with pytest.raises(ValueError, match=word) as error:
        entries(tmp_path)
    assert str(error.value).startswith(str(tmp_path)) and "\n" not in str(error.value)


def test_empty_places(tmp_path):
    with pytest.raises(ValueError, match="no recordings; expected <class>/<recording>"):
        entries(tmp_path)
    with pytest.raises(ValueError, match="nowhere: no such folder or index"):
        entries(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        read_events(tmp_path / "a.npy")
