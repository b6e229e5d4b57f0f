"""Mistakes that people make with recordings of their own: each is refused or warned of by a sentence
that has the word, in Python and in folders."""

import warnings

import h5py
import numpy as np
import pytest
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms
from minisnn.data.readers.nmnist import write_nmnist
from minisnn.data.sets.named import open_set

EACH = 4
LABELS = [letter for letter in "abcdef" for _ in range(EACH)]
EVENTS = [sweep(k) for k in range(len(LABELS))]


def given(events=None, labels=LABELS, **how):
    """Recordings in Python."""
    ms.Recordings(EVENTS if events is None else events, labels, **{"sensor": SENSOR, **how})


def changed(**columns):
    """All recordings, with columns changed by functions of a recording."""
    made = []
    for events in EVENTS:
        one = {name: events[name].astype(np.int64) for name in "xytp"}
        one |= {name: change(events) for name, change in columns.items()}
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
    open_set("recordings", "train", place, False, cache=False, **how)


def text(columns):
    def write(path, events):
        rows = zip(*(events[name] for name in columns))
        lines = [",".join(map(str, row)) for row in rows]
        path.write_text("\n".join([",".join(columns), *lines, ""]))

    return write


def written(content):
    return lambda path, events: path.write_bytes(content)


def table(names):
    def write(path, events):
        with h5py.File(path, "w") as file:
            for name, column in names.items():
                file[f"events/{name}"] = events[column]

    return write


def index(place, text):
    np.save(place / "0.npy", EVENTS[0])
    (place / "index.csv").write_text(text)
    open_set("recordings", "train", place, False, sensor=SENSOR, cache=False)


MISTAKES = {
    "milliseconds": (lambda _: given([in_unit(one, "ms") for one in EVENTS]), "ms"),
    "nanoseconds": (lambda _: given([in_unit(one, "ns") for one in EVENTS]), "ns"),
    "seconds": (lambda _: given([in_unit(one, "s") for one in EVENTS]), "moment"),
    "fractions": (lambda _: given(changed(t=lambda e: e["t"] / 1e6)), "time"),
    "a unit against the name": (
        lambda _: given(changed(t=lambda e: None, t_ms=lambda e: e["t"] // 1000), time="s"),
        "t_ms|named for ms",
    ),
    "an unknown unit": (lambda _: given(time="minutes"), "minutes"),
    "one recording in another unit": (
        lambda _: given(last(in_unit(EVENTS[-1], "ns")), time="us"),
        "unit",
    ),
    "swapped axes": (lambda _: given(changed(x=lambda e: e["y"], y=lambda e: e["x"])), "swapped"),
    "counted from one": (
        lambda _: given(changed(x=lambda e: e["x"] + 1, y=lambda e: e["y"] + 1)),
        "counted from 1",
    ),
    "outside": (lambda _: given(first_of("x", 200)), "x reaches"),
    "left of the sensor": (lambda _: given(first_of("x", -1)), "x reaches"),
    "a sensor too large": (lambda _: given(sensor=(120, 160)), "smaller"),
    "no sensor": (lambda _: given(sensor=None), "sensor"),
    "polarities 1 and 2": (lambda _: given(changed(p=lambda e: e["p"] + 1)), "polarities"),
    "half a pixel": (lambda _: given(changed(x=lambda e: e["x"] + 0.5)), "whole"),
    "not finite": (lambda _: given(changed(t=lambda e: e["t"] * np.nan)), "time|finite"),
    "texts": (lambda _: given(changed(x=lambda e: e["x"].astype(str))), "dtype|numbers"),
    "lengths that differ": (lambda _: given(changed(x=lambda e: e["x"][1:])), "length"),
    "no polarity": (lambda _: given(changed(p=lambda e: None)), "expected x, y, t and p"),
    "columns without names": (
        lambda _: given([np.stack([one[c] for c in "txyp"], 1) for one in EVENTS]),
        "columns",
    ),
    "three of four columns": (
        lambda _: given([np.stack([one[c] for c in "txyp"], 1) for one in EVENTS], columns="t,x,y"),
        "columns",
    ),
    "masked": (
        lambda _: given(changed(x=lambda e: np.ma.masked_array(e["x"], e["t"] == e["t"][0]))),
        "masked",
    ),
    "an empty recording": (lambda _: given(last(EVENTS[0][:0])), "no events"),
    "no recordings": (lambda _: given([], []), "0 recordings"),
    "too few labels": (lambda _: given(labels=LABELS[:-1]), "labels"),
    "no labels": (lambda _: given(labels=None), "labels"),
    "labels that are fractions": (lambda _: given(labels=[0.5] * len(LABELS)), "label"),
    "one recording of a class": (lambda _: given(labels=[*LABELS[:-1], "z"]), "at least 2"),
    "copies in a class": (lambda _: given([EVENTS[k // EACH] for k in range(24)]), "copies"),
    "two classes alike": (lambda _: given([EVENTS[k % EACH] for k in range(24)]), "same"),
    "one subject a class": (lambda _: given(groups={"subject": LABELS}), "group"),
    "too few subjects named": (lambda _: given(groups={"subject": [1, 2]}), "subject"),
    "a clock that wraps": (
        lambda _: given(last(dict(x=EVENTS[0]["x"], y=EVENTS[0]["y"], p=EVENTS[0]["p"],
                                  t=(EVENTS[0]["t"].astype(np.int64) + 40_000) % 90_000))),
        "clock",
    ),
    "a stamp far before all others": (lambda _: given(first_of("t", -(10**9))), "stamp"),
    "frames of another size": (
        lambda _: ms.Recordings([np.ones((100, 2, 8, 8 + k // 23), int) for k in range(24)], LABELS),
        "8",
    ),
    "scaled frames": (
        lambda _: ms.Recordings(np.full((24, 100, 2, 8, 8), 0.5), LABELS),
        "whole numbers",
    ),
    "frames without polarities": (
        lambda _: ms.Recordings(np.ones((24, 100, 3, 8, 8), int), LABELS),
        "polarities",
    ),
    "a step longer than a recording": (lambda _: given(bin_ms=300), "duration_ms"),
    "a size finer than the sensor": (lambda _: given(size=(99, 99)), "size"),
    "folder: no such place": (lambda p: open_set("recordings", "train", p / "nowhere"), "nowhere"),
    "folder: nothing in it": (lambda p: open_set("recordings", "train", p), "no recordings"),
    "folder: objects": (
        lambda p: folder(p, lambda path, e: np.save(path, np.array([{}]), allow_pickle=True)),
        "objects",
    ),
    "folder: cut": (lambda p: folder(p, written(b"\x93NUMPY"), ".npy"), "npy"),
    "folder: bytes of five": (lambda p: folder(p, written(b"123456"), ".bin"), "five-byte"),
    "folder: no sensor": (lambda p: folder(p, written(bytes(range(50))), ".bs2", sensor=None), "sensor"),
    "folder: text without names": (
        lambda p: folder(p, written(b"1,2,3,1\n" * 50), ".csv"),
        "columns",
    ),
    "folder: a column is missing": (lambda p: folder(p, text("xyt"), ".csv"), "columns"),
    "folder: HDF5 without time": (
        lambda p: folder(p, table(dict(x="x", y="y", p="p")), ".h5"),
        "expected events",
    ),
    "folder: no HDF5": (lambda p: folder(p, written(b"text" * 99), ".h5"), "h5"),
    "folder: no MATLAB": (lambda p: folder(p, written(b"text" * 99), ".mat"), "MATLAB"),
    "folder: milliseconds": (
        lambda p: folder(p, recordings=[in_unit(one, "ms") for one in EVENTS]),
        "--time ms",
    ),
    "folder: time of files that say it": (
        lambda p: folder(p, lambda path, e: write_nmnist(path, e), ".bin",
                         time="ms", sensor=None),
        "expected none",
    ),
    "folder: too few classes": (lambda p: folder(p, recordings=EVENTS[:8]), "class"),
    "index: no label": (lambda p: index(p, "path\n0.npy\n"), "label"),
    "index: no such file": (lambda p: index(p, "path,label\n1.npy,a\n"), "no such file"),
    "index: listed twice": (lambda p: index(p, "path,label\n0.npy,a\n0.npy,a\n"), "twice"),
    "index: an empty part": (
        lambda p: index(p, "path,label,start,stop\n0.npy,a,9,3\n"),
        "line 2",
    ),
    "index: an unknown split": (lambda p: index(p, "path,label,split\n0.npy,a,dev\n"), "dev"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(name, tmp_path):
    make, words = MISTAKES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((ValueError, UserWarning), match=words) as error:
            make(tmp_path)
    assert "\n" not in str(error.value)


def test_without_a_mistake_nothing_is_told(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given()
        folder(tmp_path)
