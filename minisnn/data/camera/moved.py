"""Recordings as another camera would have made them: shifted, enlarged, with more or fewer events.
To measure, not to train.

An event at (x, y) goes to (round(cx + scale (x - cx) + dx), …) with (cx, cy) the sensor's middle. A
seeded draw for each event and axis rounds a fraction of a pixel, up with that fraction's
probability. So half a pixel gives each event to one of its two neighbours. Events that leave the
sensor are lost. With `rate` events for each event, the whole part repeats it, later by a jitter of
up to 1 ms, and the fraction is the probability of one more (below one: of staying).
"""

from dataclasses import dataclass

import numpy as np

from ...arguments import need
from ..readers.events import check_events

JITTER_US = 1000


@dataclass(frozen=True)
class Move:
    """offset_px (x, y), right and down; scale about the sensor's middle; rate, events an event;
    seed of the draws."""

    offset_px: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    rate: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        good = np.isfinite(self.offset_px).all() and 0 < min(self.scale, self.rate)
        need("a move", self, good, "pixels (x, y), and a scale and a rate above 0")

    def of(self, events: np.ndarray, number: int, sensor: tuple[int, int] = (34, 34)) -> np.ndarray:
        """The events of recording `number`, whose draws are its own, as they are moved; sorted by
        time."""
        check_events(events, sensor)
        rng = np.random.default_rng((self.seed, int(number)))
        if self.rate != 1:
            copies = int(self.rate) + (rng.random(len(events)) < self.rate % 1)
            first = np.repeat(np.cumsum(copies) - copies, copies)
            again = np.arange(copies.sum()) > first
            events = np.repeat(events, copies)
            events["t"] += np.where(again, rng.integers(0, JITTER_US, len(events)), 0)
        events = events.copy()
        inside = np.ones(len(events), bool)
        (dx, dy), (height, width) = self.offset_px, sensor
        for name, size, offset in (("x", width, dx), ("y", height, dy)):
            middle = (size - 1) / 2
            place = middle + self.scale * (events[name] - middle) + offset
            if np.any(place != np.rint(place)):
                place = np.floor(place + rng.random(len(events)))
            inside &= (place >= 0) & (place < size)
            events[name] = np.clip(place, -1, size)
        events = events[inside]
        return events[np.argsort(events["t"], kind="stable")]
