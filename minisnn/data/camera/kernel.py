"""The event camera's hot loops in numba; reference.py has their readable twins and describes their
arguments."""

import math

import numpy as np

from ...parallel.compilation import njit


@njit(nogil=True, inner=True)
def banded(matrix, x):
    """Return matrix @ x, skipping the zeros of the matrix."""
    out = np.zeros((matrix.shape[0], x.shape[1]))
    for i in range(matrix.shape[0]):
        for u in range(matrix.shape[1]):
            weight = matrix[i, u]
            if weight != 0.0:
                for v in range(x.shape[1]):
                    out[i, v] += weight * x[u, v]
    return out


@njit(cache=True, nogil=True)
def log_luminance(picture, rows, columns, floor):
    """Return log(rows @ picture @ columns.T + floor)."""
    half = np.ascontiguousarray(banded(rows, picture).T)
    return np.log(np.ascontiguousarray(banded(columns, half).T) + floor)


@njit(nogil=True, inner=True)
def look(view, fine, top, left, shape, out):
    """Sample the fine map bilinearly at the sensor's pixels; (top, left) is the first pixel's
    position on the map."""
    i = math.floor(top)
    j = math.floor(left)
    a = top - i
    b = left - j
    for y in range(shape[0]):
        above = view[i + y * fine]
        below = view[i + 1 + y * fine]
        for x in range(shape[1]):
            c = j + x * fine
            upper = (1 - a) * ((1 - b) * above[c] + b * above[c + 1])
            out[y * shape[1] + x] = upper + a * ((1 - b) * below[c] + b * below[c + 1])


@njit(cache=True, nogil=True)
def pixel_events(view, scene, pixels, residual, stop_after):
    """Return the events of one recording as numbers: time (us) * 2 pixels + 2 pixel + polarity.

    stop_after: microseconds from the first event to the end of the recording.
    """
    places = scene.places
    number = scene.shape[0] * scene.shape[1]
    light = np.empty(number)
    now = np.empty(number)
    look(view, scene.fine, places[0, 0], places[0, 1], scene.shape, now)
    reference = now - residual
    free = np.full(number, -1.0)  # ms at which the pixel's refractory time ends
    found = np.empty(4 * number, np.int64)
    count = 0
    first = np.int64(-1)
    for step in range(1, places.shape[0]):
        start_ms = step - 1.0
        if first >= 0 and start_ms * 1000 >= first + stop_after:
            break
        look(view, scene.fine, places[step, 0], places[step, 1], scene.shape, light)
        for k in range(number):
            old = now[k]
            now[k] = old + pixels.keep * (light[k] - old)
            rise = now[k] - old
            begin = max(free[k] - start_ms, 0.0)
            if begin >= 1.0:
                continue
            if free[k] >= start_ms:
                reference[k] = old + rise * begin
            slope = rise + pixels.leak[k]  # the reference leaks downwards: the difference rises
            while True:
                difference = old + rise * begin - reference[k]
                ahead = pixels.on[k] - difference if slope > 0.0 else -pixels.off[k] - difference
                crossing = begin + max(ahead / slope, 0.0) if slope != 0.0 else 1.0
                if not crossing < 1.0:
                    reference[k] -= pixels.leak[k] * (1.0 - begin)
                    break
                if count == found.size:
                    found = np.concatenate((found, np.empty_like(found)))
                time = np.int64((start_ms + crossing) * 1000.0)
                found[count] = (time * number + k) * 2 + (1 if slope > 0.0 else 0)
                count += 1
                if first < 0 or time < first:
                    first = time
                begin = crossing + pixels.refractory
                free[k] = start_ms + begin
                if begin >= 1.0:
                    break
                reference[k] = old + rise * begin
    return found[:count]


@njit(cache=True, nogil=True)
def add_counts(found, sensor, scale, counts):
    """Count events from `pixel_events`, from the first one on, in cells of counts (T, H, W, 2)."""
    steps, height, width = counts.shape[:3]
    addresses = 2 * sensor[0] * sensor[1]
    first = found.min() // addresses if found.size else 0
    for event in found:
        step = (event // addresses - first) // 1000
        pixel = event % addresses // 2
        row = pixel // sensor[1] // scale
        column = pixel % sensor[1] // scale
        if step < steps and row < height and column < width:
            counts[step, row, column, event % 2] += counts[step, row, column, event % 2] < 255
