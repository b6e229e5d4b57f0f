"""HDF5 files of many recordings. Torchneuromorphic's (Neftci's group; n_mnist.hdf5, dvssign.hdf5):

    data/<key>/times    uint32 (N,), microseconds
    data/<key>/addrs    uint8 (N, 3): polarity, x, y
    data/<key>/labels   one whole number, the class
    extra/train_keys, extra/test_keys                       the keys of a split, in the order of recording
    extra/train_keys_by_label, extra/test_keys_by_label     (labels, n): a row of keys a class, filled up by -1; may be missing

And those of the Heidelberg spiking data sets, SHD and SSC, recordings of (time, unit), and files of
this form. Cramer, Stradmann, Schemmel & Zenke 2022, "The Heidelberg spiking data sets for the
systematic evaluation of spiking neural networks", IEEE TNNLS 33:2744. A row of each data set is a
recording:

    spikes/times    arrays of any length, seconds from the recording's beginning (float16 or
                    float32)
    spikes/units    whole numbers, the same number of them, 0 to 699: channels of an artificial
                    cochlea, low to high
    labels          whole numbers, one for each word
    extra/keys      the words, in the order of their labels; otherwise words are named by number
    extra/speaker   numbers or texts, who speaks; may be missing

Such a file does not state its unit of time. Words whose times, read as seconds, are implausible
(`times`) raise ValueError, and the message names the unit that would fit.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...arguments import need
from .columns import Sensor
from .events import as_recording, check_events, check_row, event_array
from .hdf5 import dataset, naming, values
from .times import check_unit

SENSORS = {"n_mnist.hdf5": (34, 34), "dvssign.hdf5": (180, 240)}  # rows, columns
UNITS = 700
LONGEST_S = 10.0  # no word is longer
WHAT = "recordings of (time, unit) as SHD has them: spikes/times, spikes/units and labels"


class Row(NamedTuple):
    """A recording of a file: its key in the file, its class, who was recorded, and its split; None
    for each that the file does not name."""

    key: int
    label: str
    subject: str | None
    split: str | None


def listed(path: Path) -> list[Row]:
    """List the recordings of a file of many; those of torchneuromorphic's form begin with the
    training recordings. Raises ValueError, naming the file, if it is of neither form."""
    import h5py

    with naming(path, "a file of torchneuromorphic or SHD"), h5py.File(path) as file:
        if not is_spoken(file):
            return _keys(file)
        found = words_of(file)
        who: Any = found.speakers or [None] * len(found.labels)
        return [Row(k, found.words[n], who[k], None) for k, n in enumerate(found.labels)]


def read_one(path: Path, key: int, sensor: Sensor = None, time: str | None = None) -> np.ndarray:
    """Read the events (dtype EVENT) of one recording in a file of many, sorted by time;
    simultaneous events keep their order.

    sensor, time   of words: the number of units, (n,), None for 700; and the unit of time, None
                   for seconds

    Raises ValueError, naming file and recording, for anything that cannot be events.
    """
    import h5py

    with naming(f"{path}: recording {key}"), h5py.File(path) as file:
        if is_spoken(file):
            check_row(sensor)
            return read_word(file, key, sensor[0] if sensor else UNITS, time)
        p, x, y = values(file, f"data/{key}/addrs").T
        events = event_array(x, y, values(file, f"data/{key}/times"), p)
        check_events(events, SENSORS.get(path.name))
        need("time", time, time is None, "None: such a file has microseconds")
        return events


def sensor_of_set(path: Path) -> Sensor:
    """Return the sensor of an HDF5 file: by its name of torchneuromorphic's, and the 700 units of
    words; None if it is not known."""
    import h5py

    with h5py.File(path) as file:
        return SENSORS.get(path.name) or ((UNITS,) if is_spoken(file) else None)


def is_spoken(file: Any) -> bool:
    """Return whether an open h5py.File has SHD's form."""
    return {"labels", "spikes"} <= set(file)


# ---- torchneuromorphic


def _keys(file: Any) -> list[Row]:
    found = []
    for split in ("train", "test"):
        label_of: dict[int, int] = {}
        # reading each recording's label takes far longer
        if dataset(file, table := f"extra/{split}_keys_by_label"):
            rows = enumerate(values(file, table).tolist())
            label_of = {key: label for label, row in rows for key in row}
        for key in values(file, f"extra/{split}_keys").ravel().tolist():
            if key not in label_of:
                labels = np.unique(values(file, f"data/{key}/labels")).tolist()
                need(f"data/{key}/labels", labels[:5], len(labels) == 1, "one label")
                label_of[key] = labels[0]
            found.append(Row(key, str(label_of[key]), None, split))
    if len({row.key for row in found}) != len(found):
        raise ValueError("extra names a recording twice; expected each in one split, once")
    return found


# ---- spoken words


class Words(NamedTuple):
    """What the recordings of a file of words are: labels (N,), each a place in `words`, and the
    speakers, (N,) texts, None if the file does not name them."""

    labels: list[int]
    words: list[str]
    speakers: list[str] | None


def words_of(file: Any) -> Words:
    """Read the labels of an open h5py.File of words. Raises ValueError if they do not fit the
    recordings, or each other."""
    labels = np.ravel(values(file, "labels"))
    good = labels.dtype.kind in "iu" and labels.min() >= 0
    need("labels", labels[:5].tolist(), good, "whole numbers from 0 on")
    most = int(labels.max())
    words = _texts(file, "extra/keys") or [str(k) for k in range(most + 1)]
    need("the largest label", most, most < len(set(words)), f"one below {len(set(words))} words")
    speakers = _texts(file, "extra/speaker")
    found = [dataset(file, f"spikes/{name}") for name in ("times", "units")]
    need("spikes", [*file["spikes"]], None not in found, "times and units")
    rows = [len(part) for part in (*found, speakers or labels)]
    each = f"of {len(labels)} recordings, as labels"
    need("the length of times, units and speakers", rows, set(rows) == {len(labels)}, each)
    return Words(labels.tolist(), words, speakers)


def _texts(file: Any, name: str) -> list[str] | None:
    """Read texts, or numbers as texts; None if there is no such data set."""
    item = dataset(file, name)
    if item is None:
        return None
    found = np.ravel(item[()]).tolist()
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in found]


def read_word(file: Any, row: int, units: int = UNITS, time: str | None = None) -> np.ndarray:
    """Read one recording of an open h5py.File of words: events in one row, where x is the unit, in
    microseconds from its beginning.

    time   unit of the times, "ns", "us", "ms", or "s" for recordings of any length; None: seconds

    Raises ValueError if units and times differ in number, a time is negative or not finite, a unit
    does not exist, or the times cannot be in their unit.
    """
    t = values(file, "spikes/times", row).astype(np.float64)
    held = {"t": t, "unit": values(file, "spikes/units", row)}
    events = as_recording(held, (units,), time or "s")
    need("the first time", t.min(initial=0), (t >= 0).all(), "0, its beginning, or later")
    if time != "s":
        check_unit(events, (units,), time or "s")
    good = time is not None or t.max(initial=0) <= LONGEST_S
    hint = f"at most {LONGEST_S:g} s; give --time ms, or another unit, or s if they are right"
    need("the last time", f"{t.max(initial=0):,.6g} s", good, hint)
    return events
