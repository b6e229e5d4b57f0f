"""The event camera's hot loops in numba; reference.py has their readable twins and describes their
arguments. Few pixels have an event in a millisecond: `follow` marks these pixels without a
division, and only they are visited one by one. Work on all pixels is done in short loops that LLVM
vectorises."""

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
    out = np.ascontiguousarray(banded(columns, half).T)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = math.log(out[i, j] + floor)
    return out


@njit(nogil=True, inner=True)
def apart(view, fine):
    """Split the map into fine x fine sub-maps, each with every `fine`-th row and column, in an
    array (fine, fine, rows, columns), so that values for neighbouring pixels are adjacent in
    memory."""
    rows = -(-view.shape[0] // fine)
    columns = -(-view.shape[1] // fine)
    padded = np.zeros((rows * fine, columns * fine))
    padded[: view.shape[0], : view.shape[1]] = view
    return padded.reshape(rows, fine, columns, fine).transpose(1, 3, 0, 2).copy()


@njit(nogil=True, inner=True)
def look(planes, top, left, shape, out):
    """Interpolate the fine map, split by `apart`, bilinearly at the sensor's pixels; (top, left) is
    the position of the first pixel on the map."""
    fine = planes.shape[0]
    height, width = shape
    i = math.floor(top)
    j = math.floor(left)
    a = top - i
    b = left - j
    c = j // fine
    d = (j + 1) // fine
    for y in range(height):
        above = i + y * fine
        below = i + 1 + y * fine
        nw = planes[above % fine, j % fine, above // fine, c : c + width]
        ne = planes[above % fine, (j + 1) % fine, above // fine, d : d + width]
        sw = planes[below % fine, j % fine, below // fine, c : c + width]
        se = planes[below % fine, (j + 1) % fine, below // fine, d : d + width]
        line = out[y * width : (y + 1) * width]
        for x in range(width):
            line[x] = (1 - a) * ((1 - b) * nw[x] + b * ne[x]) + a * ((1 - b) * sw[x] + b * se[x])


@njit(nogil=True, inner=True)
def follow(light, before, reference, free, start_ms, pixels, now, due):
    """Update the signal by a millisecond, and mark each pixel that is blind or has an event in this
    millisecond: (threshold - difference) / slope < 1. The references of the other pixels leak."""
    on = pixels.on
    off = pixels.off
    leak = pixels.leak
    keep = pixels.keep
    for k in range(now.size):
        now[k] = before[k] + keep * (light[k] - before[k])
        slope = now[k] - before[k] + leak[k]
        difference = before[k] - reference[k]
        rises = (slope > 0.0) & (on[k] - difference < slope)
        falls = (slope < 0.0) & (-off[k] - difference > slope)
        due[k] = rises | falls | (free[k] >= start_ms)
        reference[k] -= 0.0 if due[k] else leak[k]


@njit(cache=True, nogil=True)
def pixel_events(view, scene, pixels, residual, stop_after):
    """Return the events of one recording as numbers: time (us) * 2 pixels + 2 pixel + polarity.

    stop_after: the microseconds between the first event and the end of the recording.
    """
    places = scene.places
    shape = scene.shape
    leak = pixels.leak
    number = shape[0] * shape[1]
    planes = apart(view, scene.fine)
    light = np.empty(number)
    before = np.empty(number)
    now = np.empty(number)
    look(planes, places[0, 0], places[0, 1], shape, now)
    reference = now - residual
    free = np.full(number, -1.0)  # ms at which the pixel's refractory time ends
    due = np.zeros(number, np.uint8)
    found = np.empty(4 * number, np.int64)
    count = 0
    first = np.int64(-1)
    for step in range(1, places.shape[0]):
        if first >= 0 and (step - 1) * 1000 >= first + stop_after:
            break
        before, now = now, before
        look(planes, places[step, 0], places[step, 1], shape, light)
        start_ms = step - 1.0
        follow(light, before, reference, free, start_ms, pixels, now, due)
        for k in range(number):
            begin = free[k] - start_ms
            if due[k] == 0 or begin >= 1.0:
                continue
            old = before[k]
            rise = now[k] - old
            if begin >= 0.0:
                reference[k] = old + rise * begin
            else:
                begin = 0.0
            slope = rise + leak[k]  # the reference leaks downwards: a rise of the difference
            while True:
                difference = old + rise * begin - reference[k]
                target = pixels.on[k] if slope > 0.0 else -pixels.off[k]
                crossing = begin + max((target - difference) / slope, 0.0) if slope != 0.0 else 1.0
                if not crossing < 1.0:
                    reference[k] -= leak[k] * (1.0 - begin)
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
