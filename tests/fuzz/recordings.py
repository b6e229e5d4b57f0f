"""What is fuzzed of recordings of one's own: tables, NumPy files, indexes, and the files of
cameras."""

import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from minisnn.data.readers.anything import entries, read_entry, read_events, sensor_of
from minisnn.data.readers.events import check_events

CAMERAS = ("raw", "dat", "aedat4", "es")
RECORDINGS = ("table", "text", "events", "index", *CAMERAS)


def _check(events: np.ndarray) -> None:
    check_events(events)
    assert len(events) and (np.diff(events["t"]) >= 0).all()


def _read(path: Path) -> None:
    _check(read_events(path))
    sensor_of(path)


def _rows(events: np.ndarray, names: str, mark: str, form: str = "{}") -> bytes:
    columns = dict(t="t", timestamp="t", t_ms="t", x="x", y="y", p="p", on="p", unit="x")
    lines = [
        mark.join(
            [
                (form if columns[name] == "t" else "{}").format(one[columns[name]])
                for name in names.split()
            ]
        )
        for one in events
    ]
    return "\n".join([mark.join(names.split()), *lines, ""]).encode()


def make_recordings(folder: Path, make: Callable, some: Callable) -> dict:
    """Readers by name; `make` is `readers.Reader`, some(rng, n, rows, columns, last) makes
    events."""
    rng = np.random.default_rng(2)
    events = [some(rng, n, 34, 34, last) for n, last in ((60, 90_000), (40, 1 << 40))]
    wide = events[0].astype([("x", "u2"), ("y", "u2"), ("t", "f8"), ("p", "?")])
    npy, npz, packed, units = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(npy, wide)
    np.savez(npz, sensor=[34, 34], **{name: events[0][name] for name in "xytp"})
    np.savez_compressed(packed, data=events[1])
    np.savez(units, sensor=[34], t=events[0]["t"], unit=events[0]["x"])
    table = [
        _rows(events[0], "t x y p", ","),
        _rows(events[0], "timestamp x y on", ";"),
        _rows(events[0], "t_ms x y p", ",", "{}.5e0"),
        _rows(events[0], "t unit", ","),
    ]
    text = [_rows(events[1], "x y t p", " "), _rows(events[1], "x y t p", "\t", "{:+}")]
    index = [
        b"path,label,start,stop,subject,split\na.npy,b,0,50000,s,train\na.npy,c,50000,90000,t,test\nb.csv,b,,,s,\n",
        b"label,path,start_ms,stop_s\nb,a.npy,1.5,0.08\nc,b.csv,,\n",
    ]

    def read_index(path: Path) -> None:
        for one in entries(path):
            try:
                _check(read_entry(one))
            except ValueError as error:  # names the recording
                assert str(one.path) in str(error) and "\n" not in str(error)

    found = {
        "table": make("a.csv", table, _read),
        "text": make("a.txt", text, _read),
        "events": make(
            "a.npz", [npy.getvalue(), npz.getvalue(), packed.getvalue(), units.getvalue()], _read
        ),
        "index": make(
            "index.csv", index, read_index, beside={"a.npy": npy.getvalue(), "b.csv": table[0]}
        ),
    }
    if find_spec("faery") is not None:
        import faery

        for kind in CAMERAS:
            place, made = folder / f"seed.{kind}", np.zeros(len(events[0]), faery.EVENTS_DTYPE)
            made["t"], made["x"], made["y"], made["on"] = (events[0][name] for name in "txyp")
            faery.events_stream_from_array(made, (34, 34)).to_file(place)
            found[kind] = make(f"a.{kind}", [place.read_bytes()], _read)
            place.unlink()
    return found
