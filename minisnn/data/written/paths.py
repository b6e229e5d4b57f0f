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


def length_of(xy: np.ndarray) -> np.ndarray:
    """Pixels of the way from the first point to each."""
    return np.append(0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T)))


def evenly(xy: np.ndarray, number: int) -> np.ndarray:
    """So many points (number, 2), evenly along a stroke."""
    way = length_of(xy)
    along = np.linspace(0.0, way[-1], number)
    moves = np.append(True, np.diff(way) > 0)  # of points of one place the first
    return np.stack([np.interp(along, way[moves], side[moves]) for side in xy.T], 1)


def path_of(strokes: list[Stroke], pace: str, duration_ms: float) -> Path:
    """The path of a pen along strokes, a point every SPACING pixels and, lifted, one before and
    one behind each stroke.

    pace   "even": at one speed, a lift as long as LIFT pixels; "scaled": as it was written, faster
           or slower as a whole; both last `duration_ms`. "written": as it was written
    """
    places, times, downs = [], [], []
    clock = 0.0
    for xy, t in strokes:
        way = length_of(xy)
        number = max(int(np.ceil(way[-1] / SPACING)), 1)
        along = np.linspace(0.0, way[-1], number + 1)
        if pace == "even":
            time = clock + along
            clock = time[-1] + LIFT
        else:
            rests = np.append(np.diff(way) > 0, True)  # of points of one place the last
            time = np.interp(along, way[rests], t[rests].astype(float))
            time[0] = t[0]
        # as seen from either end, so that directions do not show in the sum of all
        with_ends = [0, *range(number + 1), number]
        places.append(evenly(xy, number + 1)[with_ends])
        times.append(time[with_ends])
        downs += [False, *[True] * (number + 1), False]
    time = np.concatenate(times)
    time = time - time[0]
    if pace != "written":
        time *= duration_ms * (1 - 1e-9) / max(time[-1], 1e-9)
    return Path(np.concatenate(places), time, np.array(downs))


def placed(
    xy: np.ndarray,
    size: tuple[int, int],
    fitted: bool = True,
    turn: int = 0,
    varied: float = 0.0,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Rows and columns (n, 2) on a sensor of a size, fractions included, of places on the picture.

    fitted   whether the drawing's middle and its longer side are those of the sensor, but for a
             margin; else the picture's sides are
    turn     by how many degrees it is turned; MIRRORED and more: and mirrored
    varied   how much, as standard deviations of turns in radians, of logarithms of sides, of shears
             and, a tenth, of places, a draw of rng changes it
    """
    low, high = (xy.min(0), xy.max(0)) if fitted else (np.zeros(2), np.full(2, PICTURE))
    side = max(float(np.max(high - low)), LEAST)
    about = (xy - (low + high) / 2) / (side / FILL if fitted else side)
    for _ in range(turn % MIRRORED // 90):
        about = np.stack([-about[:, 1], about[:, 0]], 1)  # a quarter clockwise, y being down
    if turn >= MIRRORED:
        about = about * [-1, 1]
    if rng is not None and varied:
        angle = rng.normal(0, varied)
        turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        wide, high = np.exp(rng.normal(0, varied, 2))
        sheared = [[wide, rng.normal(0, varied)], [rng.normal(0, varied), high]]
        about = about @ (turned @ np.array(sheared)) + rng.normal(0, varied / 10, 2)
    return about[:, ::-1] * min(size) + np.array(size) / 2


def pen_events(place: np.ndarray, path: Path, size: tuple[int, int]) -> np.ndarray:
    """What a pen sends (dtype EVENT), an event a point of its path, of places (n, 2) on the
    sensor. Points beyond the sensor are at its border."""
    events = np.empty(len(place), EVENT)
    cell = np.floor(place).astype(int).clip(0, np.array(size) - 1)
    events["y"], events["x"] = cell.T
    events["t"] = np.floor(path.t * 1000)
    events["p"] = path.down
    return events
