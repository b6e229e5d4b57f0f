"""Where a pen is at every moment, from the strokes of a drawing: at what pace it moves, how the
drawing lies on a sensor, and the events that it makes there.

A pen sends an event for every stretch of the way that it draws (p = 1) and two where it is not yet
or no longer down (p = 0), as a tablet does.
"""

from typing import NamedTuple

import numpy as np

from ..readers.events import EVENT
from ..sets.omniglot import MIRRORED
from .strokes import PICTURE, Stroke

SPACING = 1.0  # pixels of the picture between points of a path, at most
LIFT = 8.0  # pixels that a lifted pen could have drawn meanwhile, at an even pace
FILL = 0.8  # of the sensor's side, which the longer side of a fitted drawing takes
LEAST = 20.0  # pixels of the longer side, that a fitted drawing is taken to have at least


class Path(NamedTuple):
    """xy (n, 2), pixels of the picture, x right and y down; t (n,), ms from the first point on,
    rising; down (n,), whether the pen draws here, or is about to, or has just been lifted."""

    xy: np.ndarray
    t: np.ndarray
    down: np.ndarray


def path_of(strokes: list[Stroke], pace: str, duration_ms: float) -> Path:
    """The path of a pen along strokes, a point every SPACING pixels and, lifted, one before and
    one behind each stroke.

    pace   "even": at one speed, a lift as long as LIFT pixels; "scaled": as it was written, faster
           or slower as a whole; both last `duration_ms`. "written": as it was written
    """
    places, times, downs = [], [], []
    clock = 0.0
    for xy, t in strokes:
        way = np.append(0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T)))
        number = max(int(np.ceil(way[-1] / SPACING)), 1)
        along = np.linspace(0.0, way[-1], number + 1)
        moves = np.append(True, np.diff(way) > 0)  # of points of one place the first
        rests = np.append(np.diff(way) > 0, True)  # and the last
        place = [np.interp(along, way[moves], xy[moves, side]) for side in (0, 1)]
        if pace == "even":
            time = clock + along
            clock = time[-1] + LIFT
        else:
            time = np.interp(along, way[rests], t[rests].astype(float))
            time[0] = t[0]
        # as seen from either end, so that directions do not show in the sum of all
        with_ends = [0, *range(number + 1), number]
        places.append(np.stack(place, 1)[with_ends])
        times.append(time[with_ends])
        downs.append(np.isin(np.arange(number + 3), (0, number + 2), invert=True))
    time = np.concatenate(times)
    time = time - time[0]
    if pace != "written":
        time *= duration_ms * (1 - 1e-9) / max(time[-1], 1e-9)
    return Path(np.concatenate(places), time, np.concatenate(downs))


class Lie(NamedTuple):
    """How a drawing lies on a sensor of so many rows and columns: whether its middle and its longer
    side are those of the sensor, but for a margin, or the picture's sides are; by how many degrees
    it is turned, MIRRORED and more: and mirrored; and how much, as standard deviations of turns in
    radians, of logarithms of sides, of shears and, a tenth, of places, a draw changes it."""

    size: tuple[int, int]
    fitted: bool = True
    turn: int = 0
    varied: float = 0.0

    def place(self, xy: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Rows and columns (n, 2) on the sensor, fractions included, of places on the picture."""
        low, high = (xy.min(0), xy.max(0)) if self.fitted else (np.zeros(2), np.full(2, PICTURE))
        side = max(float(np.max(high - low)), LEAST)
        if self.fitted:
            side /= FILL
        about = (xy - (low + high) / 2) / side
        for _ in range(self.turn % MIRRORED // 90):
            about = np.stack([-about[:, 1], about[:, 0]], 1)  # a quarter clockwise, y being down
        if self.turn >= MIRRORED:
            about = about * [-1, 1]
        if self.varied and rng is not None:
            about = about @ _drawn(rng, self.varied) + rng.normal(0, self.varied / 10, 2)
        rows, columns = self.size
        least = min(rows, columns)
        return about[:, ::-1] * least + np.array([rows, columns]) / 2


def _drawn(rng: np.random.Generator, much: float) -> np.ndarray:
    """A matrix near one."""
    angle = rng.normal(0, much)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    wide, high = np.exp(rng.normal(0, much, 2))
    return turn @ np.array([[wide, rng.normal(0, much)], [rng.normal(0, much), high]])


def pen_events(place: np.ndarray, path: Path, size: tuple[int, int]) -> np.ndarray:
    """What a pen sends (dtype EVENT), an event a point of its path, of places (n, 2) on the
    sensor. Points beyond the sensor are at its border."""
    events = np.empty(len(place), EVENT)
    cell = np.floor(place).astype(int)
    events["y"] = np.clip(cell[:, 0], 0, size[0] - 1)
    events["x"] = np.clip(cell[:, 1], 0, size[1] - 1)
    events["t"] = np.floor(path.t * 1000)
    events["p"] = path.down
    return events
