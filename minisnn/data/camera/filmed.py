"""Recordings of a screen whose picture changes, by an event camera that does not move.

The pixels are those of `event_camera`: the film's frames lie under one another in one tall picture,
and at every millisecond the camera looks at the frame of that moment.
"""

import numpy as np

from ..readers.events import EVENT
from . import kernel
from .event_camera import NEVER, EventCamera
from .reference import Scene


def film(
    camera: EventCamera,
    frames: np.ndarray,
    frame_ms: float,
    duration_ms: float,
    seed: int,
    number: int,
) -> np.ndarray:
    """Events (dtype EVENT, sorted by time, then pixel) of a camera before a screen.

    frames      (F, H, W) of the sensor's shape, in [0, 1]: what the screen shows, blurred by the
                optics already. After the last frame the screen stays as it is
    frame_ms    how long a frame is shown
    seed, number   draw the noise of this recording

    What moves the camera, its blur and its variation are not used.
    """
    steps = int(np.ceil(duration_ms))
    count, rows, columns = frames.shape
    if (rows, columns) != tuple(camera.sensor):
        raise ValueError(
            f"frames have {rows} x {columns} pixels; expected those of the sensor, "
            f"{camera.sensor[0]} x {camera.sensor[1]}"
        )
    # a row and a column beyond the last, which `look` weighs by nothing
    view = np.pad(np.log(camera._luminance(frames) + camera.floor), ((0, 0), (0, 1), (0, 1)))
    at = np.minimum((np.arange(steps + 1) / frame_ms).astype(int), count - 1)
    places = np.stack([at * (rows + 1.0), np.zeros(steps + 1)], 1)
    nothing = np.zeros((0, 0))
    scene = Scene(nothing, nothing, camera.floor, 1, places, camera.sensor)
    view = view.reshape(-1, columns + 1)
    pixels = camera._pixels()
    residual = camera._residuals(pixels, seed, [number])[0]
    capacity = 8 * residual.size
    while True:
        time = np.empty(capacity, np.int64)
        address = np.empty(capacity, np.int64)
        found = kernel.pixel_events(view, scene, pixels, residual, NEVER, time, address)
        if found >= 0:
            break
        capacity *= 4
    order = np.lexsort((address[:found], time[:found]))
    events = np.empty(found, EVENT)
    pixel = address[order] // 2
    events["t"] = time[order]
    events["p"] = address[order] % 2
    events["y"] = pixel // columns
    events["x"] = pixel % columns
    return events
