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

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

import numpy as np

from ...arguments import must, need
from .columns import unmasked
from .events import EVENT, SATURATION


def items_of(source: Any, labels: Iterable[Any] | None = None) -> Iterator[tuple[Any, Any]]:
    """(events, label) of every recording of a source, one at a time; a source that is a stream is
    read once.

    Raises ValueError where there are no labels, or another number of them than of recordings.
    """
    each = _each(source)
    for number, pair in enumerate(each if labels is None else zip_longest(each, labels)):
        good = isinstance(pair, (tuple, list)) and len(pair) == 2
        good = good and not any(one is None for one in pair)
        expected = "one for each recording: a list of as many, or pairs (events, label)"
        need("labels", f"missing, or without recordings, at number {number}", good, expected)
        yield pair[0], pair[1]


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
    while source is not None and getattr(source, "sensor_size", None) is None:
        source = getattr(source, "dataset", None)
    return None if source is None else (int(source.sensor_size[1]), int(source.sensor_size[0]))


def label_of(label: Any) -> str:
    """The name of a class: of a text, a number, or an array or tensor of one number. ValueError
    where it is a fraction, or none."""
    value = label
    if hasattr(value, "__array__") and value is not np.ma.masked:
        value = np.asarray(value)
        value = value.item() if value.size == 1 else value
    if isinstance(value, bytes):
        value = value.decode()
    good = isinstance(value, (str, int)) or isinstance(value, float) and value.is_integer()
    must("a label", good, "a text or a whole number", label)
    return str(int(value) if isinstance(value, float) else value)


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
    expected = "(T, 2, H, W) or (T, H, W, 2), one axis that of the two polarities"
    need("the shape of frames", frames.shape, first != (frames.shape[3] == 2), expected)
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
    low, high = frames.min(initial=0), frames.max(initial=0)
    good = low >= 0 and high <= SATURATION and np.all(frames == np.rint(frames))
    expected = f"counts of events, whole numbers to {SATURATION}, without scaling or weights"
    need("the reach of frames", f"from {low} to {high}", good, expected)
    where = np.nonzero(frames)
    step, row, column, polarity = np.repeat(where, frames[where].astype(np.int64), axis=1)
    events = np.empty(len(step), EVENT)
    for name, values in zip("xytp", (column, row, step * round(bin_ms * 1000), polarity)):
        events[name] = values
    return events
