"""The event camera's hot loops in numba; their readable twins are in reference.py, where what they
are given is described."""

import math

import numpy as np

from ...parallel.compilation import njit


@njit(cache=True, nogil=True)
def log_luminance(picture, rows, columns, floor):
    """log(rows @ picture @ columns.T + floor), skipping the zeros of the two banded matrices."""
    height, width = picture.shape
    half = np.zeros((rows.shape[0], width))
    for i in range(rows.shape[0]):
        for u in range(height):
            weight = rows[i, u]
            if weight != 0.0:
                for v in range(width):
                    half[i, v] += weight * picture[u, v]
    out = np.zeros((rows.shape[0], columns.shape[0]))
    for j in range(columns.shape[0]):
        for v in range(width):
            weight = columns[j, v]
            if weight != 0.0:
                for i in range(rows.shape[0]):
                    out[i, j] += half[i, v] * weight
    for i in range(rows.shape[0]):
        for j in range(columns.shape[0]):
            out[i, j] = math.log(out[i, j] + floor)
    return out


@njit(cache=True, nogil=True)
def look(view, fine, top, left, shape, out):
    """Sample the fine map at the sensor's pixels, bilinearly; (top, left) is the first pixel's
    place on the map."""
    i = math.floor(top)
    j = math.floor(left)
    a = top - i
    b = left - j
    for y in range(shape[0]):
        for x in range(shape[1]):
            r = i + y * fine
            c = j + x * fine
            out[y * shape[1] + x] = (1 - a) * ((1 - b) * view[r, c] + b * view[r, c + 1]) + a * (
                (1 - b) * view[r + 1, c] + b * view[r + 1, c + 1]
            )


@njit(cache=True, nogil=True)
def pixel_events(view, scene, pixels, residual, stop_after, time, address):
    """Fill time (us) and address (2 pixel + polarity) with the events of one recording; returns
    their number.

    stop_after: end the recording so many microseconds after its first event. Returns -1 where the
    events do not fit.
    """
    fine, places, shape, leak, keep = (
        scene.fine,
        scene.places,
        scene.shape,
        pixels.leak,
        pixels.keep,
    )
    number = shape[0] * shape[1]
    light = np.empty(number)
    before = np.empty(number)
    now = np.empty(number)
    look(view, fine, places[0, 0], places[0, 1], shape, now)
    reference = now - residual
    free = np.full(number, -1.0)  # ms at which the pixel's refractory time ends
    count = 0
    first = np.int64(-1)
    for step in range(1, places.shape[0]):
        if first >= 0 and (step - 1) * 1000 >= first + stop_after:
            break
        before, now = now, before
        look(view, fine, places[step, 0], places[step, 1], shape, light)
        start_ms = step - 1.0
        for k in range(number):
            old = before[k]
            now[k] = old + keep * (light[k] - old)
            begin = free[k] - start_ms
            if begin >= 1.0:
                continue
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
                if count >= time.shape[0]:
                    return -1
                time[count] = np.int64((start_ms + crossing) * 1000.0)
                address[count] = 2 * k + (1 if slope > 0.0 else 0)
                if first < 0 or time[count] < first:
                    first = time[count]
                count += 1
                begin = crossing + pixels.refractory
                free[k] = start_ms + begin
                if begin >= 1.0:
                    break
                reference[k] = old + rise * begin
    return count


@njit(cache=True, nogil=True)
def count_one(picture, scene, pixels, residual, scale, counts):
    """Add the events of one picture to its counts (T, H, W, 2), time from the picture's first event
    on."""
    steps, height, width = counts.shape[:3]
    view = log_luminance(picture, scene.rows, scene.columns, scene.floor)
    columns = scene.shape[1]
    capacity = 8 * scene.shape[0] * columns
    while True:
        time = np.empty(capacity, np.int64)
        address = np.empty(capacity, np.int64)
        count = pixel_events(view, scene, pixels, residual, steps * 1000, time, address)
        if count >= 0:
            break
        capacity *= 4
    first = time[0] if count else 0
    for k in range(count):
        first = min(first, time[k])
    for k in range(count):
        step = (time[k] - first) // 1000
        pixel = address[k] // 2
        polarity = address[k] % 2
        y = pixel // columns // scale
        x = pixel % columns // scale
        if step < steps and y < height and x < width and counts[step, y, x, polarity] < 255:
            counts[step, y, x, polarity] += 1


@njit(cache=True, nogil=True)
def count_all(start, stop, pictures, scene, pixels, residual, scale, counts):
    """count_one for pictures start..stop-1: pictures (N, H, W), residual (N, pixels), counts (N, T,
    H, W, 2)."""
    for n in range(start, stop):
        count_one(pictures[n], scene, pixels, residual[n], scale, counts[n])
