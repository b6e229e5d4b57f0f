"""One recording in a NumPy or HDF5 file, as arrays: nothing in it is executed, nor unpacked beyond
measure.

.npy, .npz    one array, or several by name
.h5, .hdf5    a group `events`, CD/events or `spikes`, or the file itself, with a data set for each column, by
              a name that `columns` knows; or a table, a data set `events`: with named columns, or
              (N, 4) without, whose order `columns` gives
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...files import called, check_archive, size_of
from .columns import ACCEPTED, chosen, columns_of, name_of
from .hdf5 import Hdf5, naming
from .spoken import holds_spoken

SETS = (".hdf5", ".h5")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_BYTES = 1 << 31  # of a file, and of what it unpacks to: 60 million events
EVENTS = "events"  # name of an array of events among others
Held = np.ndarray | Mapping[str, np.ndarray]
MOST_EVENTS = 4_000_000  # of a recording
PLACES = ("events", "CD/events", "spikes", "")
WHAT = "a recording in HDF5"
ARRAYS = "a NumPy file of plain arrays"


def read_arrays(path: Path, also: str = "") -> Held:
    """An array of events, or columns by name and the array `also`, of an .npy or .npz file.

    Of several arrays `events` counts where the file has it, else those with names of columns.
    ValueError, naming the file, where it is damaged, holds objects, or unpacks to more than events
    would.
    """
    with naming(path, ARRAYS):
        held = _opened(path)
        if isinstance(held, np.ndarray):
            return held
        with held:
            names = [name for name in held.files if name_of(name) or name == also] or held.files
            if EVENTS in held.files and also != EVENTS:
                names = [EVENTS] + [also] * (also in held.files)
            arrays = {name: held[name] for name in names[:8]}
        if not all(isinstance(one, np.ndarray) for one in arrays.values()):
            raise ValueError("a member is not an array")
    events = [one for name, one in arrays.items() if name != also or len(arrays) == 1]
    return events[0] if len(events) == 1 and not also else arrays


def read_sensor(path: Path) -> np.ndarray | None:
    """The array `sensor` of an .npz file, of which nothing else is unpacked; None where it has
    none. Errors as in `read_arrays`."""
    with naming(path, ARRAYS):
        held = _opened(path)
        if isinstance(held, np.ndarray):
            return None
        with held:
            return held["sensor"] if "sensor" in held.files else None


def holds_events(path: str | Path, ordered: bool = False) -> bool:
    """Whether a NumPy file has columns of events, with names or, (N, 4), without, or more where
    their order is said (`ordered`); of an .npy file only the head is read. Of a file in HDF5
    whether it is one, and no checkpoint."""
    path = Path(path)
    if path.suffix.lower() in SETS:
        with called(path), open(path, "rb") as file:
            if file.read(len(SIGNATURE)) != SIGNATURE:
                return False
        try:
            with Hdf5(path, "recordings") as hdf5:
                return "network" not in hdf5.file.attrs
        except ValueError:  # damaged: whoever reads it says so
            return True
    plain = path.suffix.lower() == ".npy"
    try:
        held = np.load(path, mmap_mode="r", allow_pickle=False) if plain else read_arrays(path)
    except (ValueError, OSError, EOFError):  # numpy's word for an empty file
        return False
    if not isinstance(held, np.ndarray):
        return columns_of(held) is not None
    if held.dtype.names is None:
        return held.ndim == 2 and (held.shape[1] == 4 or ordered and held.shape[1] > 1)
    known = columns_of(held.dtype.names) is not None
    return held.ndim == 1 and (known or len(held.dtype.names) >= 4)


def _opened(path: Path) -> Any:
    """What `np.load` makes of a file: an array, or an archive of which nothing is unpacked yet."""
    size_of(path, "a recording", MOST_BYTES)
    check_archive(path, "a recording", MOST_BYTES)
    with called(path):
        return np.load(path, allow_pickle=False)


def read_hdf5(path: str | Path) -> Held:
    """An array of events, or columns by name, of the file's one recording.

    Raises ValueError, naming the file, where it holds none, several (a set of torchneuromorphic),
    or is damaged.
    """
    path = Path(path)
    with Hdf5(path, WHAT) as file:
        inside = file.names() or []
        if holds_spoken(inside):
            raise ValueError(
                f"{path}: holds many recordings, as SHD has them; name the file itself as the data "
                "set"
            )
        for place in PLACES:
            if file.has(place):
                return file.array(place, 4 * MOST_EVENTS)
            names = file.names(place) or ()
            if wanted := columns_of(names):
                chosen_names = [chosen(names)[name] for name in wanted]
                return {
                    name: file.array(f"{place}/{name}", MOST_EVENTS).reshape(-1)
                    for name in chosen_names
                }
        many = len(inside) > 1 and file.names(inside[-1]) is not None
    if {"data", "extra"} <= set(inside):
        raise ValueError(
            f"{path}: holds many recordings, as torchneuromorphic writes them; name the file "
            "itself as the data set"
        )
    whole = (
        "; a whole set in one file is read in torchneuromorphic's form alone, else write a file a "
        "recording" * many
    )
    raise ValueError(
        f"{path}: holds {', '.join(inside)[:200] or 'nothing'}; expected events with x, y, t and "
        f"p, as data sets of a group or columns of a table ({ACCEPTED}){whole}"
    )
