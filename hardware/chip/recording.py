"""The properties of a recording that a network expects."""

from dataclasses import dataclass
from typing import Any

from minisnn.data.sets.omniglot import CROP, SIZE


@dataclass(frozen=True)
class Recording:
    """The properties of a recording that a network expects.

    bin       length of a step in microseconds
    cell      side of a cell, in pixels of the camera; the events within a cell are summed
    centred   whether each recording is shifted, by whole pixels, so that its mean event is as near
              as possible to the middle
    stated    whether the network's file contains these properties; otherwise they are defaults
    """

    bin: int = 1000
    cell: int = 1
    centred: bool = False
    stated: bool = False

    @classmethod
    def of(cls, checkpoint: Any) -> "Recording":
        """Return the properties of the recordings with which a `minisnn.Checkpoint` was trained."""
        origin = checkpoint.origin
        how = origin.how or {}
        size = how.get("size")
        cell = 1
        if origin.data == "omniglot":
            cell = CROP[0] // (size or SIZE)[0]
        elif origin.data == "double-nmnist":
            cell = 2
        elif size and how.get("sensor") and len(size) == len(how["sensor"]) == 2:
            parts = {a // b if a % b == 0 else 1 for a, b in zip(how["sensor"], size)}
            cell = parts.pop() if len(parts) == 1 else 1
        step = round(1000 * how.get("bin_ms", 1))
        return cls(step, cell, bool(how.get("centred")), origin.data is not None)
