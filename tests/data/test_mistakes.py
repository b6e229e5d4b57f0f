"""Mistakes that people make with recordings of their own: each is refused or warned of by a sentence
that has the word, in Python and in folders."""

import warnings
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms

EACH = 4
LABELS = [letter for letter in "abcdef" for _ in range(EACH)]
EVENTS = [sweep(k) for k in range(len(LABELS))]


def given(**how):
    """Recordings in Python."""
    ms.Recordings(**{"events": EVENTS, "labels": LABELS, "sensor": SENSOR, **how})


def columns(events):
    return {name: events[name].astype(np.int64) for name in "xytp"}


def changed(**changes):
    """All recordings, with columns changed by functions of a recording."""
    made = []
    for events in EVENTS:
        one = columns(events) | {name: change(events) for name, change in changes.items()}
        made.append({name: column for name, column in one.items() if column is not None})
    return made


def last(wrong):
    """All recordings, the last one replaced."""
    return [*EVENTS[:-1], wrong]


def first_of(name, value):
    events = EVENTS[-1].copy()
    events[name][0] = value
    return last(events)


def folder(place, write=np.save, suffix=".npy", recordings=EVENTS, **how):
    """The recordings in folders of classes."""
    for k, (events, label) in enumerate(zip(recordings, LABELS)):
        (place / label).mkdir(exist_ok=True)
        write(place / label / f"{k}{suffix}", events)
    how = {"sensor": SENSOR, **how}
    ms.open_set("recordings", "train", place, False, cache=False, **how)


def text(columns):
    def write(path, events):
        rows = zip(*(events[name] for name in columns))
        lines = [",".join(map(str, row)) for row in rows]
        path.write_text("\n".join([",".join(columns), *lines, ""]))

    return write


def written(content):
    return lambda path, events: path.write_bytes(content)


def table(columns):
    def write(path, events):
        with h5py.File(path, "w") as file:
            for name in columns:
                file[f"events/{name}"] = events[name]

    return write


GIVEN = {  # in Python, and a word of what is said
    "milliseconds": (dict(events=[in_unit(one, "ms") for one in EVENTS]), "ms"),
    "nanoseconds": (dict(events=[in_unit(one, "ns") for one in EVENTS]), "ns"),
    "seconds": (dict(events=[in_unit(one, "s") for one in EVENTS]), "moment"),
    "fractions": (dict(events=changed(t=lambda e: e["t"] / 1e6)), "time"),
    "a unit against the name": (
        dict(events=changed(t=lambda e: None, t_ms=lambda e: e["t"] // 1000), time="s"),
        "t_ms|named for ms",
    ),
    "an unknown unit": (dict(time="minutes"), "minutes"),
    "one recording in another unit": (
        dict(events=last(in_unit(EVENTS[-1], "ns")), time="us"),
        "unit",
    ),
    "swapped axes": (dict(events=changed(x=lambda e: e["y"], y=lambda e: e["x"])), "swapped"),
    "counted from one": (
        dict(events=changed(x=lambda e: e["x"] + 1, y=lambda e: e["y"] + 1)),
        "counted from 1",
    ),
    "outside": (dict(events=first_of("x", 200)), "x reaches"),
    "left of the sensor": (dict(events=first_of("x", -1)), "x reaches"),
    "a sensor too large": (dict(sensor=(120, 160)), "smaller"),
    "no sensor": (dict(sensor=None), "sensor"),
    "polarities 1 and 2": (dict(events=changed(p=lambda e: e["p"] + 1)), "polarities"),
    "half a pixel": (dict(events=changed(x=lambda e: e["x"] + 0.5)), "whole"),
    "not finite": (dict(events=changed(t=lambda e: e["t"] * np.nan)), "time|finite"),
    "texts": (dict(events=changed(x=lambda e: e["x"].astype(str))), "dtype|numbers"),
    "lengths that differ": (dict(events=changed(x=lambda e: e["x"][1:])), "length"),
    "no polarity": (dict(events=changed(p=lambda e: None)), "expected x, y, t and p"),
    "columns without names": (
        dict(events=[np.stack([one[c] for c in "txyp"], 1) for one in EVENTS]),
        "columns",
    ),
    "three of four columns": (
        dict(events=[np.stack([one[c] for c in "txyp"], 1) for one in EVENTS], columns="t,x,y"),
        "columns",
    ),
    "masked": (
        dict(events=changed(x=lambda e: np.ma.masked_array(e["x"], e["t"] == e["t"][0]))),
        "masked",
    ),
    "an empty recording": (dict(events=last(EVENTS[0][:0])), "no events"),
    "no recordings": (dict(events=[], labels=[]), "0 recordings"),
    "too few labels": (dict(labels=LABELS[:-1]), "labels"),
    "no labels": (dict(labels=None), "labels"),
    "labels that are fractions": (dict(labels=[0.5] * len(LABELS)), "label"),
    "one recording of a class": (dict(labels=[*LABELS[:-1], "z"]), "at least 2"),
    "copies in a class": (dict(events=[EVENTS[k // EACH] for k in range(24)]), "copies"),
    "two classes alike": (dict(events=[EVENTS[k % EACH] for k in range(24)]), "same"),
    "one subject a class": (dict(groups={"subject": LABELS}), "group"),
    "too few subjects named": (dict(groups={"subject": [1, 2]}), "subject"),
    "a clock that wraps": (
        dict(events=last({**columns(EVENTS[0]), "t": (columns(EVENTS[0])["t"] + 40_000) % 90_000})),
        "clock",
    ),
    "a stamp far before all others": (dict(events=first_of("t", -(10**9))), "stamp"),
    "frames of another size": (
        dict(events=[np.ones((100, 2, 8, 8 + k // 23), int) for k in range(24)], sensor=None),
        "8",
    ),
    "scaled frames": (dict(events=np.full((24, 100, 2, 8, 8), 0.5), sensor=None), "whole numbers"),
    "frames without polarities": (
        dict(events=np.ones((24, 100, 3, 8, 8), int), sensor=None),
        "polarities",
    ),
    "a step longer than a recording": (dict(bin_ms=300), "duration_ms"),
    "a size finer than the sensor": (dict(size=(99, 99)), "size"),
}
FOLDERS = {  # in folders of classes
    "objects": (
        dict(write=lambda path, e: np.save(path, np.array([{}]), allow_pickle=True)),
        "objects",
    ),
    "cut": (
        dict(
            write=written(b"\x93NUMPY"),
        ),
        "npy",
    ),
    "bytes of five": (dict(write=written(b"123456"), suffix=".bin"), "five-byte"),
    "no sensor": (dict(write=written(bytes(range(50))), suffix=".bs2", sensor=None), "sensor"),
    "text without names": (dict(write=written(b"1,2,3,1\n" * 50), suffix=".csv"), "columns"),
    "a column is missing": (dict(write=text("xyt"), suffix=".csv"), "columns"),
    "HDF5 without time": (
        dict(write=table("xyp"), suffix=".h5"),
        "expected events",
    ),
    "no HDF5": (dict(write=written(b"text" * 99), suffix=".h5"), "h5"),
    "no MATLAB": (dict(write=written(b"text" * 99), suffix=".mat"), "MATLAB"),
    "milliseconds": (dict(recordings=[in_unit(one, "ms") for one in EVENTS]), "--time ms"),
    "time of files that say it": (
        dict(write=ms.write_nmnist, suffix=".bin", time="ms", sensor=None),
        "expected none",
    ),
    "too few classes": (dict(recordings=EVENTS[:8]), "class"),
}
INDEXES = {  # in an index.csv
    "no label": ("path\n0.npy\n", "label"),
    "no such file": ("path,label\n1.npy,a\n", "no such file"),
    "listed twice": ("path,label\n0.npy,a\n0.npy,a\n", "twice"),
    "an empty part": ("path,label,start,stop\n0.npy,a,9,3\n", "line 2"),
    "an unknown split": ("path,label,split\n0.npy,a,dev\n", "dev"),
}


@contextmanager
def told(words):
    """A mistake, warned of or refused in one sentence with these words."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((ValueError, UserWarning), match=words) as error:
            yield
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", GIVEN)
def test_a_mistake_in_python_is_told(name):
    how, words = GIVEN[name]
    with told(words):
        given(**how)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_mistake_in_folders_is_told(name, tmp_path):
    how, words = FOLDERS[name]
    with told(words):
        folder(tmp_path, **how)


@pytest.mark.parametrize("name", INDEXES)
def test_a_mistake_in_an_index_is_told(name, tmp_path):
    np.save(tmp_path / "0.npy", EVENTS[0])
    text, words = INDEXES[name]
    (tmp_path / "index.csv").write_text(text)
    with told(words):
        ms.open_set("recordings", "train", tmp_path, False, sensor=SENSOR, cache=False)


@pytest.mark.parametrize("place, words", [("nowhere", "nowhere"), (".", "no recordings")])
def test_a_folder_without_recordings_is_told(place, words, tmp_path):
    with told(words):
        ms.open_set("recordings", "train", tmp_path / place)


def test_without_a_mistake_nothing_is_told(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given()
        folder(tmp_path)
