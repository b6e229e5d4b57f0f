"""Recordings that a script holds, one after the other: pairs as tonic's data sets give them,
subsets and loaders of PyTorch, and frames. Nothing of these packages is imported; what counts is
what an object can do.

    data set      items (events, label), or events alone with labels next to them; `sensor_size` (columns, rows, polarities),
                  its own or that of the data set within it
    Subset        a data set with `dataset` and `indices`
    DataLoader    its data set, those items that its sampler names, each once and in their own order: a loader shuffles,
                  joins items to batches and may draw one twice, which would be the same recording in support and query
    frames        (T, 2, H, W) as tonic's ToFrame makes them, or (T, H, W, 2); channel 0 = OFF, 1 = ON
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .columns import unmasked
from .events import EVENT, SATURATION

_DEEP = 8  # data sets within data sets


def items_of(source: Any, labels: Sequence[Any] | None = None) -> Iterator[tuple[Any, Any]]:
    """(events, label) of every recording of a source, one at a time; a source that is a stream is
    read once.

    Raises ValueError where there are no labels, or another number of them than of recordings.
    """
    number = -1
    for number, one in enumerate(_each(source)):
        if labels is not None:
            if number < len(labels):
                yield one, labels[number]
        elif isinstance(one, (tuple, list)) and len(one) == 2:
            yield one[0], one[1]
        else:
            raise ValueError(
                "labels are missing; expected one for each recording, or pairs (events, label), and "
                f"item {number} is a {type(one).__name__} that is no pair"
            )
    if labels is not None and number + 1 != len(labels):
        raise ValueError(
            f"found {number + 1} recordings and {len(labels)} labels; expected some, and one label "
            "for each recording"
        )


def _each(source: Any) -> Iterable[Any]:
    if hasattr(source, "collate_fn") and hasattr(source, "dataset"):  # a loader
        data = source.dataset
        if not hasattr(data, "__getitem__"):
            return data
        drawn = getattr(source, "sampler", None)
        places = source.batch_sampler if drawn is None else drawn
        each = {int(place) for some in places for place in np.atleast_1d(some)}
        return (data[place] for place in sorted(each))
    if hasattr(source, "__getitem__") and not hasattr(source, "__iter__"):
        return (source[place] for place in range(len(source)))
    return source


def sensor_in(source: Any) -> tuple[int, int] | None:
    """Rows and columns that a data set, or one within it, says its sensor has."""
    for _ in range(_DEEP):
        size = getattr(source, "sensor_size", None)
        if size is not None:
            return int(size[1]), int(size[0])
        source = getattr(source, "dataset", None)
    return None


def label_of(label: Any) -> str:
    """The name of a class: of a text, a number, or an array or tensor of one number. ValueError
    where it is a fraction, or none."""
    value = label
    if hasattr(value, "__array__") and value is not np.ma.masked and np.size(value) == 1:
        value = np.asarray(value).item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, (str, int)):
        raise ValueError(f"a label is {label!r}; expected texts or whole numbers")
    return str(value)


def plain(events: Any) -> Any:
    """Arrays of other libraries, such as tensors, as NumPy's; all else as it is."""
    if not isinstance(events, (np.ndarray, dict)) and hasattr(events, "__array__"):
        return np.asarray(events)
    return events


def are_frames(events: Any) -> bool:
    """Whether a recording is an array of frames, and not one of events."""
    return isinstance(events, np.ndarray) and events.ndim == 4 and events.dtype.names is None


def sensor_of_frames(frames: np.ndarray) -> tuple[int, int]:
    """Rows and columns of frames; ValueError where not one axis is that of two polarities."""
    first = frames.shape[1] == 2
    if first == (frames.shape[3] == 2):
        raise ValueError(
            f"frames have shape {frames.shape}; expected (T, 2, H, W) or (T, H, W, 2), one axis "
            "that of the two polarities"
        )
    rows, columns = frames.shape[2:4] if first else frames.shape[1:3]
    return rows, columns


def events_of_frames(frames: np.ndarray, bin_ms: float) -> np.ndarray:
    """Events (dtype EVENT) of frames, each of `bin_ms`, so many of a cell and polarity as it
    counts, at the frame's beginning.

    Raises ValueError for values that are not counts from 0 to SATURATION, for masked ones, and as
    `sensor_of_frames`.
    """
    frames = unmasked(frames, "the array of frames")
    sensor_of_frames(frames)
    if frames.shape[1] == 2:
        frames = np.moveaxis(frames, 1, 3)
    whole = np.all(frames == np.rint(frames))
    if not (whole and frames.min(initial=0) >= 0 and frames.max(initial=0) <= SATURATION):
        raise ValueError(
            f"frames hold values from {frames.min()} to {frames.max()}; expected counts of events, "
            f"whole numbers from 0 to {SATURATION}, without scaling or weights"
        )
    where = np.nonzero(frames)
    step, row, column, polarity = np.repeat(where, frames[where].astype(np.int64), axis=1)
    events = np.empty(len(step), EVENT)
    for name, values in zip("xytp", (column, row, step * round(bin_ms * 1000), polarity)):
        events[name] = values
    return events
