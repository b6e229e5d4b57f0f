"""The event camera's loops in plain NumPy, all pixels together; the kernels of kernel.py must
reproduce them."""

from typing import NamedTuple

import numpy as np

NEVER = 1 << 60  # microseconds


class Scene(NamedTuple):
    """The map of the blurred picture, over which the sensor moves.

    rows, columns   map[i, j] = log(sum_uv rows[i, u] columns[j, v] luminance[u, v] + floor)
    fine            samples of the map per pixel, in each direction
    places          (T + 1, 2), position of pixel (0, 0) on the map at every ms
    shape           rows and columns of the sensor
    """

    rows: np.ndarray
    columns: np.ndarray
    floor: float
    fine: int
    places: np.ndarray
    shape: tuple[int, int]


class Pixels(NamedTuple):
    """Properties of every pixel: its ON and OFF thresholds, its leak (change of log luminance per
    ms), its refractory time in ms, and the fraction of the difference between light and signal by
    which the signal changes in each ms."""

    on: np.ndarray
    off: np.ndarray
    leak: np.ndarray
    refractory: float
    keep: float


def log_luminance(
    picture: np.ndarray, rows: np.ndarray, columns: np.ndarray, floor: float
) -> np.ndarray:
    """Return log(blurred picture + floor) on a fine map, (samples of y, samples of x)."""
    return np.log(rows @ picture @ columns.T + floor)


def look(
    view: np.ndarray, fine: int, top: float, left: float, shape: tuple[int, int]
) -> np.ndarray:
    """Return the light at the sensor's pixels, (H * W,), interpolated bilinearly from the map, with
    pixel (0, 0) at row `top` and column `left`."""
    i = int(np.floor(top))
    j = int(np.floor(left))
    a = top - i
    b = left - j

    def grid(r, c):
        return view[r : r + fine * shape[0] : fine, c : c + fine * shape[1] : fine]

    return (
        (1 - a) * ((1 - b) * grid(i, j) + b * grid(i, j + 1))
        + a * ((1 - b) * grid(i + 1, j) + b * grid(i + 1, j + 1))
    ).ravel()


def pixel_events(
    view: np.ndarray, scene: Scene, pixels: Pixels, residual: np.ndarray, stop_after: int
) -> np.ndarray:
    """Return the events of one recording as integers, (time * pixels + index) * 2 + polarity, with
    the time in us, the number of pixels, and the pixel's index.

    residual: signal - reference at the start. stop_after: microseconds from the first event to the
    end of the recording.
    """
    places = scene.places
    leak = pixels.leak
    now = look(view, scene.fine, places[0, 0], places[0, 1], scene.shape)
    reference = now - residual
    free = np.full(now.size, -1.0)  # ms at which the pixel's refractory time ends
    found, first = [np.zeros(0, np.int64)], NEVER
    for step, (top, left) in enumerate(places[1:]):  # the millisecond before
        if 1000 * step >= first + stop_after:
            break
        old = now
        now = now + pixels.keep * (look(view, scene.fine, top, left, scene.shape) - now)
        rise = now - old
        slope = rise + leak  # the reference leaks downwards: a rise of the difference
        begin = free - step  # when the pixel sees again, within this millisecond
        reference = np.where((begin >= 0) & (begin < 1), old + rise * begin, reference)
        awake = begin < 1
        begin = np.maximum(begin, 0)
        while awake.any():
            difference = old + rise * begin - reference
            target = np.where(slope > 0, pixels.on, -pixels.off)
            rate = np.where(slope == 0, np.inf, slope)
            wait = np.maximum((target - difference) / rate, 0)
            crossing = np.where(slope == 0, 1.0, begin + wait)
            quiet = awake & ~(crossing < 1)
            reference = np.where(quiet, reference - leak * (1 - begin), reference)
            fires = np.flatnonzero(awake & (crossing < 1))
            time = ((step + crossing[fires]) * 1000).astype(np.int64)
            found.append((time * now.size + fires) * 2 + (slope[fires] > 0))
            first = time.min(initial=first)
            begin[fires] = crossing[fires] + pixels.refractory
            free[fires] = step + begin[fires]
            awake = np.zeros_like(awake)
            awake[fires] = begin[fires] < 1
            reference = np.where(awake, old + rise * begin, reference)
    return np.concatenate(found)
