"""A stream of events with timestamps that is cut into recordings, in plain integers: what
`minisnn_edge_stream.c` is held to.

While nothing happens, the events of the last `window` microseconds are kept, and the number n of a
window is averaged in 256ths: noise += (256 n - noise) // k, k being the number of windows so far,
16 at most. A recording begins with the oldest event kept as soon as there are `least` of them and
256 n >= factor noise, not within the first 8 windows, unless factor is 0. It lasts `steps` times
`bin`. Another can begin when a window has had fewer than that.

Time is a clock of 32 bits: a step of 2^31 microseconds or more is one back, and refused. After
`REFUSALS` of a window or more, none taken between them, the clock has changed, and time goes on
from what it says now.
"""

from typing import NamedTuple

import numpy as np

from minisnn.hardware.chip.recording import Recording

_IDLE, _SEEING, _RESTING = range(3)
_WINDOWS = 256  # that are looked at, of a long silence
_HEARD, _LEAST_HEARD = 16, 8
REFUSALS = 64  # after which the clock is believed


class Onset(NamedTuple):
    """Where a recording begins: `least` events in `window` microseconds, and `factor` times as many
    as in those before; factor 0: whatever was before."""

    window: int = 20_000
    least: int = 30
    factor: int = 3


class Stream:
    """Recordings of a stream. `event` and `time` return the counts (steps, *shape) of a recording
    that is over, or None.

    shape       rows, columns and channels of the network's picture
    steps       of a recording          recording, onset   what it must be, where it begins
    room        events that are held; `lost` counts those of a recording beyond
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        steps: int,
        recording: Recording,
        onset: Onset,
        room: int,
    ):
        self.shape, self.steps, self.room = shape, steps, room
        self.recording, self.onset = recording, onset
        self.lost = self.noise = self.heard = self._count = self._begin = self._step = 0
        self._last: int | None = None  # what the clock said
        self._now = self._mark = self._refused = 0  # microseconds since the first call
        self._state = _IDLE
        self.moved = 0, 0  # right and down, pixels of the last recording that is over
        self._held: list[tuple[int, int, int, int]] = []
        self._counts = np.zeros((self.steps, *self.shape), np.uint8)

    def event(self, t: int, x: int, y: int, polarity: int) -> np.ndarray | None:
        """An event at t microseconds, of a pixel.

        Raises ValueError for one outside the picture, or before the last (`time`).
        """
        cell = self.recording.cell
        height, width, channels = self.shape
        if not (0 <= x < width * cell and 0 <= y < height * cell and 0 <= polarity < channels):
            raise ValueError(f"the event ({x}, {y}, {polarity}) lies outside the picture")
        found = self.time(t)
        t = self._now
        self._count += 1
        if self._state == _RESTING:
            return found
        if self._state == _IDLE:
            self._held = [one for one in self._held if t - one[0] < self.onset.window]
            if len(self._held) == self.room:
                del self._held[0]
        elif len(self._held) == self.room:
            self.lost += 1
            return found
        self._held.append((t, x, y, polarity))
        if self._state == _IDLE and self._loud(len(self._held)):
            self._state = _SEEING
            self._begin = self._held[0][0]
            self._step = self.lost = 0
            self._counts = np.zeros((self.steps, *self.shape), np.uint8)
        return found

    def time(self, t: int) -> np.ndarray | None:
        """It is t now; ValueError where that is before the last event, but for the call after
        `REFUSALS` of them, with which time begins again."""
        step = 0 if self._last is None else (t - self._last) % 2**32
        if step >= 2**31:
            late = 2**32 - step < self.onset.window  # out of order: time is soon there again
            if late or self._refused < REFUSALS:
                self._refused += not late
                raise ValueError(f"time goes back, from {self._last} to {t} microseconds")
            step = 0
            self._state, self._mark, self._count, self._held = _IDLE, self._now, 0, []
        self._refused = 0
        self._last = t
        self._now += step
        t = self._now
        if self._state != _SEEING:
            self._windows(t)
            return None
        over = t - self._begin >= self.recording.bin * self.steps
        if over or not self.recording.centred:
            self._bin(self.steps if over else (t - self._begin) // self.recording.bin)
        if not over:
            return None
        self._state, self._mark, self._count, self._held = _RESTING, t, 0, []
        return self._counts

    def _loud(self, n: int) -> bool:
        if self.onset.factor and self.heard < _LEAST_HEARD:
            return False
        return n >= self.onset.least and 256 * n >= self.onset.factor * self.noise

    def _windows(self, t: int) -> None:
        for _ in range(_WINDOWS):
            if t - self._mark < self.onset.window:
                return
            if self._state == _IDLE:
                self.heard = min(self.heard + 1, _HEARD)
                self.noise += (256 * self._count - self.noise) // self.heard
            elif not self._loud(self._count):
                self._state = _IDLE
            self._mark += self.onset.window
            self._count = 0
        self._mark = t

    def _bin(self, until: int) -> None:
        """Count the events of the steps before `until`, which are held no longer."""
        cell = self.recording.cell
        height, width, _ = self.shape
        self.moved = right, down = 0, 0
        if self.recording.centred and self._held:
            number = len(self._held)
            self.moved = right, down = (
                shift_of(width * cell, sum(one[1] for one in self._held), number),
                shift_of(height * cell, sum(one[2] for one in self._held), number),
            )
        kept = []
        for t, x, y, polarity in self._held:
            step = (t - self._begin) // self.recording.bin
            row = (y + down) // cell
            column = (x + right) // cell
            if step >= until:
                kept.append((t, x, y, polarity))
            elif 0 <= row < height and 0 <= column < width:
                at = step, row, column, polarity
                self._counts[at] = min(self._counts[at] + 1, 255)
        self._held = kept


def shift_of(size: int, total: int, number: int) -> int:
    """round((size - 1) / 2 - total / number), ties to even: the whole pixels that bring the mean of
    so many events, whose places sum to `total`, to the middle."""
    twice = (size - 1) * number - 2 * total + number
    nearest = twice // (2 * number)
    tie = twice == 2 * number * nearest
    return nearest - (tie and nearest % 2 != 0)
