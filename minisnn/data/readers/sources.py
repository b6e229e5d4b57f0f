"""Recordings that a script holds, one after the other: pairs as tonic's data sets give them,
subsets and loaders of PyTorch, and frames. Nothing of these packages is imported; what counts is
what an object can do.

    data set      items (events, label), or events alone with labels beside them; `sensor_size` (columns, rows, polarities),
                  its own or that of the data set within it
    Subset        a data set with `dataset` and `indices`
    DataLoader    its data set, those items that its sampler names, each once and in their own order: a loader shuffles,
                  joins items to batches and may draw one twice, which would be the same recording in support and query
    frames        (T, 2, H, W) as tonic's ToFrame makes them, or (T, H, W, 2); channel 0 = OFF, 1 = ON
"""

import math
from collections.abc import Iterator, Sequence
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
    if labels is None:
        for number, one in enumerate(_each(source)):
            if not (isinstance(one, (tuple, list)) and len(one) == 2):
                found = (
                    f"{len(one)} parts"
                    if isinstance(one, (tuple, list))
                    else f"a {type(one).__name__} alone"
                )
                raise ValueError(
                    "labels are missing; expected one for each recording, or pairs (events, "
                    f"label), and item {number} is {found}"
                )
            yield one[0], one[1]
        return
    number = 0
    for number, one in enumerate(_each(source), 1):
        if number <= len(labels):
            yield one, labels[number - 1]
    if number != len(labels):
        raise ValueError(
            f"found {number} recordings and {len(labels)} labels; expected some, and one label for "
            "each recording"
        )


def _each(source: Any) -> Iterator[Any]:
    if hasattr(source, "collate_fn") and hasattr(source, "dataset"):  # a loader
        source, chosen = source.dataset, _sampled(source)
        if chosen is not None:
            yield from (source[k] for k in chosen)
            return
    if (
        hasattr(source, "__getitem__")
        and hasattr(source, "__len__")
        and not hasattr(source, "__iter__")
    ):
        yield from (source[k] for k in range(len(source)))
        return
    yield from source


def _sampled(loader: Any) -> list[int] | None:
    """The places that a loader draws from; None where it goes through a stream."""
    if not hasattr(loader.dataset, "__getitem__"):
        return None
    drawn = getattr(loader, "sampler", None)
    places: set[int] = set()
    for one in drawn if drawn is not None else loader.batch_sampler:
        places.update(map(int, one) if isinstance(one, (list, tuple)) else [int(one)])
    return sorted(places)


def sensor_in(source: Any) -> tuple[int, int] | None:
    """Rows and columns that a data set, or one within it, says its sensor has."""
    for _ in range(_DEEP):
        told = getattr(source, "sensor_size", None)
        if told is not None:
            return int(told[1]), int(told[0])
        source = getattr(source, "dataset", None)
    return None


def label_of(label: Any) -> str:
    """The name of a class: of a text, a number, or an array or tensor of one number. ValueError
    where it is a fraction, or none."""
    wrong = ValueError(f"a label is {label!r}; expected texts or whole numbers")
    if label is np.ma.masked:
        raise wrong
    if hasattr(label, "__array__") and np.size(np.asarray(label)) == 1:
        label = np.asarray(label).item()
    if isinstance(label, float) and math.isfinite(label) and label == int(label):
        label = int(label)
    if not isinstance(label, (str, bytes, int)):
        raise wrong
    return label.decode() if isinstance(label, bytes) else str(label)


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
    last = frames.shape[3] == 2
    if first == last:
        found = f"frames have shape {frames.shape}"
        both = "both may be that of the polarities" if first else "none is that of two polarities"
        raise ValueError(f"{found}, {both}; expected (T, 2, H, W) or (T, H, W, 2)")
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
    if (
        frames.dtype.kind not in "biuf"
        or frames.size
        and not np.all(np.isfinite(frames) & (frames == np.rint(frames)))
    ):
        raise ValueError(
            "frames hold values that are not whole numbers; expected counts of events, without "
            "scaling or weights"
        )
    if frames.size and not (frames.min() >= 0 and frames.max() <= SATURATION):
        raise ValueError(
            f"frames reach from {frames.min()} to {frames.max()}; expected counts from 0 to "
            f"{SATURATION}"
        )
    where = np.nonzero(frames)
    many = frames[where].astype(np.int64)
    events = np.empty(int(many.sum()), EVENT)
    step, row, column, polarity = (np.repeat(place, many) for place in where)
    events["x"] = column
    events["y"] = row
    events["t"] = step * round(bin_ms * 1000)
    events["p"] = polarity
    return events
