"""The event camera's hot loops in numba; their readable twins are in reference.py, where what they
are given is described. Few pixels have an event in a millisecond: `follow` marks which, without a
division, and only these are gone through one by one. What is done to all pixels are short loops of
their own, of which LLVM makes vectors."""

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


@njit(nogil=True, inner=True)
def apart(view, fine):
    """Every `fine`-th row and column of the map, from each of the first on: (fine, fine, rows,
    columns). What neighbouring pixels see lies side by side there."""
    planes = np.zeros((fine, fine, -(-view.shape[0] // fine), -(-view.shape[1] // fine)))
    for r in range(view.shape[0]):
        for j in range(fine):
            row = planes[r % fine, j, r // fine]
            for c in range((view.shape[1] - j + fine - 1) // fine):
                row[c] = view[r, j + c * fine]
    return planes


@njit(nogil=True, inner=True)
def look(planes, top, left, shape, out):
    """Sample the fine map, taken `apart`, at the sensor's pixels, bilinearly; (top, left) is the
    first pixel's place on the map."""
    fine = planes.shape[0]
    height, width = shape
    i = math.floor(top)
    j = math.floor(left)
    a = top - i
    b = left - j
    c, d = j // fine, (j + 1) // fine
    for y in range(height):
        above, below = i + y * fine, i + 1 + y * fine
        nw = planes[above % fine, j % fine, above // fine, c : c + width]
        ne = planes[above % fine, (j + 1) % fine, above // fine, d : d + width]
        sw = planes[below % fine, j % fine, below // fine, c : c + width]
        se = planes[below % fine, (j + 1) % fine, below // fine, d : d + width]
        seen = out[y * width : (y + 1) * width]
        for x in range(width):
            seen[x] = (1 - a) * ((1 - b) * nw[x] + b * ne[x]) + a * ((1 - b) * sw[x] + b * se[x])


@njit(nogil=True, inner=True)
def follow(light, before, reference, free, start_ms, pixels, now, due):
    """The signal after a millisecond; mark each pixel that is blind in it, or has an event in it:
    (threshold - difference) / slope < 1. The references of the others leak."""
    on, off, leak, keep = pixels.on, pixels.off, pixels.leak, pixels.keep
    for k in range(now.size):
        now[k] = before[k] + keep * (light[k] - before[k])
        slope = now[k] - before[k] + leak[k]
        difference = before[k] - reference[k]
        rises = (slope > 0.0) & (on[k] - difference < slope)
        falls = (slope < 0.0) & (-off[k] - difference > slope)
        due[k] = rises | falls | (free[k] >= start_ms)
        reference[k] -= 0.0 if due[k] else leak[k]


@njit(cache=True, nogil=True)
def pixel_events(view, scene, pixels, residual, stop_after, time, address):
    """Fill time (us) and address (2 pixel + polarity) with the events of one recording; returns
    their number.

    stop_after: end the recording so many microseconds after its first event. Returns -1 where the
    events do not fit.
    """
    places, shape, leak = scene.places, scene.shape, pixels.leak
    number = shape[0] * shape[1]
    planes = apart(view, scene.fine)
    light = np.empty(number)
    before = np.empty(number)
    now = np.empty(number)
    look(planes, places[0, 0], places[0, 1], shape, now)
    reference = now - residual
    free = np.full(number, -1.0)  # ms at which the pixel's refractory time ends
    due = np.zeros(number, np.uint8)
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


@njit(nogil=True, inner=True)
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
    first = time[:count].min() if count else 0
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
