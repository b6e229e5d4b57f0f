"""The files of N-Omniglot, as they are published and as converters leave them.

    dvs_background/ALPHABET/character01/0001.aedat4   a character by 20 people, one after the other
                                        0001.csv      a heading; then a row for each: its number,
                                                      the times of its first event and of the first
                                                      event behind it, microseconds
    dvs_evaluation/…
    events_np/background/ALPHABET/character01/0001_01.npz   t, x, y and p of one sample
    events_np/evaluation/…

The large folder is also met in two parts, dvs_background_1 and dvs_background_2. A sample has the
events from the first one of its first time up to, not including, the first one of its last. What
the authors' loader leaves, events_npy, are pickled dictionaries: files of strangers in this form
are refused.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...files import read_whole
from ..foreign.process import read_camera
from ..readers.anything import MOST_EVENTS, read_events
from ..readers.events import as_events, in_order

SENSOR = (260, 346)  # rows and columns of a DAVIS346
PEOPLE = 20  # samples of a character
PARTS = {"background": "dvs_background", "evaluation": "dvs_evaluation"}
CONVERTED, PICKLED = "events_np", "events_npy"
WHERE = "https://doi.org/10.6084/m9.figshare.16821427"
_CHARACTER = re.compile(r"character(\d{2,3})")
_MOST_TABLE = 1 << 20  # bytes
_LARGEST = 1 << 62


class Character(NamedTuple):
    """A character: its alphabet, its number in it, from 1 on, and the files of its samples: a
    recording and its table, or one file each."""

    alphabet: str
    number: int
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """As tasks call it: Greek-07."""
        return f"{self.alphabet}-{self.number:02d}"


def characters(root: Path, part: str) -> list[Character]:
    """The characters of "background" or "evaluation", by alphabet and number.

    Raises ValueError where `root` has neither form, where a character lacks files or has too many,
    and where two have the same name.
    """
    folders = sorted(one for one in root.glob(f"{PARTS[part]}*") if one.is_dir())
    converted = root / CONVERTED / part
    if not folders and converted.is_dir():
        folders = [converted]
    if not folders:
        if (root / PICKLED).is_dir():
            raise ValueError(
                f"{root}: {PICKLED} holds pickled dictionaries, which may run code when they are "
                f"read; expected {PARTS[part]}, or t, x, y and p of each sample, saved by "
                f"numpy.savez, under {CONVERTED}/{part}"
            )
        raise ValueError(
            f"{root}: has no folder {PARTS[part]}, nor {CONVERTED}/{part}; expected the folder that "
            f"holds it, unpacked ({WHERE})"
        )
    found = [
        _character(place, int(number[1]))
        for folder in folders
        for place in sorted(folder.glob("*/*"))
        if place.is_dir() and (number := _CHARACTER.fullmatch(place.name))
    ]
    if not found:
        raise ValueError(
            f"{folders[0]}: holds no folder ALPHABET/character01; expected one for each character"
        )
    found.sort(key=lambda one: (one.alphabet, one.number))
    for one, other in zip(found, found[1:]):
        if one[:2] == other[:2]:
            raise ValueError(f"{other.files[0]}: {one.name} is at {one.files[0]}, too")
    return found


def _character(place: Path, number: int) -> Character:
    recordings = sorted(place.glob("*.aedat4"))
    samples = sorted(place.glob("*.npz"))
    if recordings:
        tables = [one.with_suffix(".csv") for one in recordings]
        whole = [(one, table) for one, table in zip(recordings, tables) if table.is_file()]
        if len(whole) != 1:
            raise ValueError(
                f"{place}: {len(whole)} of its {len(recordings)} recordings have a table of the same "
                "name; expected one recording, 0001.aedat4, and its table, 0001.csv"
            )
        return Character(place.parent.name, number, whole[0])
    if len(samples) != PEOPLE:
        raise ValueError(
            f"{place}: holds {len(samples)} samples; expected {PEOPLE} .npz files, or one .aedat4 "
            "and its .csv"
        )
    return Character(place.parent.name, number, tuple(samples))


def samples(character: Character) -> Iterator[np.ndarray]:
    """Events (dtype EVENT) of the 20 samples of a character, in their order.

    Raises ValueError, naming the file, where it is damaged, was not made by a DAVIS346, or has no
    event at a time of its table.
    """
    first, *others = character.files
    if first.suffix == ".npz":
        for path in character.files:
            yield read_events(path, "us", sensor=SENSOR)
        return
    events = recording(first)
    times = table(others[0])
    places = np.searchsorted(events["t"], times)
    for number, (place, told) in enumerate(zip(places, times), 1):
        for at, time in zip(place, told):
            if at == len(events) or events["t"][at] != time:
                raise ValueError(
                    f"{first}: has no event at {time}, where sample {number} of {others[0]} begins "
                    f"or ends; its events are from {events['t'][0]} to {events['t'][-1]}, expected "
                    "the recording of this table, whole"
                )
        yield events[slice(*place)]


def recording(path: Path) -> np.ndarray:
    """All events of an .aedat4 file of a DAVIS346, by time."""
    with open(path, "rb"):  # where it is missing the system's own error says so best
        pass
    sensor, columns = read_camera(path, MOST_EVENTS, "a recording of a DAVIS346")
    if tuple(sensor) != SENSOR:
        raise ValueError(
            f"{path}: is of {sensor[0]} x {sensor[1]} pixels; expected a DAVIS346's, {SENSOR[0]} x "
            f"{SENSOR[1]}"
        )
    if not columns["x"].size:
        raise ValueError(f"{path}: the recording has no events; expected at least one")
    try:
        return in_order(as_events(columns, SENSOR, str(path), "us"))
    except ValueError as error:
        raise ValueError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None


def table(path: Path) -> np.ndarray:
    """The times of a table, (20, 2): of the first event of each sample, and of the first behind it.

    Raises ValueError, naming file and line, where a row is none, and where samples overlap or are
    not 20.
    """
    what = "a table of samples"
    try:
        text = read_whole(path, what, _MOST_TABLE).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text)) if any(map(str.strip, row))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: is not text of rows ({error}); expected {what}") from None
    found = []
    for line, row in enumerate(rows[1:], 2):
        given = [_whole(cell) for cell in row[1:3]]
        if len(given) < 2 or None in given:
            raise ValueError(
                f"{path}: line {line} has {','.join(row)[:80]!r}; expected the number of a sample "
                "and the times of its first event and of the first behind it"
            )
        found.append(given)
    if len(found) != PEOPLE:
        raise ValueError(
            f"{path}: has {len(found)} rows below its heading; expected {PEOPLE}, one a sample"
        )
    times = np.array(found, np.int64)
    order = times[np.argsort(times[:, 0], kind="stable")].ravel()
    if (np.diff(order) < 0).any() or (times[:, 0] >= times[:, 1]).any():
        raise ValueError(
            f"{path}: has samples that overlap or end before they begin; expected one after the other"
        )
    return times


def _whole(cell: str) -> int | None:
    """A whole number that a time may be; 1650000000000000.0 is one."""
    if not re.fullmatch(r"\s*\d{1,19}(\.0*)?\s*", cell):
        return None
    number = int(cell.strip().partition(".")[0])
    return number if number < _LARGEST else None
