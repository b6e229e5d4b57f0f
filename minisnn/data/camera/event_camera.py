"""A simulated event camera that looks at pictures the way N-MNIST was recorded.

N-MNIST (Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience 9:437) was made by
showing each digit on a screen to an event camera that moves in three saccades. Here, for every
pixel and millisecond:

    luminance = (blur of the shown picture, moved by the trajectory)        optics and pixel area as one Gaussian
    light     = log(luminance + floor)                                      logarithmic photoreceptor
    signal   += (1 - exp(-1 ms / time_constant)) (light - signal)           its finite bandwidth
    ON  event where signal - reference reaches +threshold_on,  OFF event where it falls to -threshold_off;
    then the pixel is blind for the refractory time, and the reference is the signal at its end.

Between milliseconds the signal is a straight line, so events happen at any microsecond. The
reference leaks downwards, which makes the ON noise of pixels that see nothing (Lichtsteiner, Posch
& Delbruck 2008, IEEE JSSC 43:566; Hu, Liu & Delbruck 2021, "v2e", CVPR workshops). Thresholds
differ between pixels, but not between recordings.

The default settings are fitted to N-MNIST. They show the digits dark on a bright screen: only then
are polarities, and the growth of the number of events with the size of the digit, as in the
recordings.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ...arguments import array, need, one_of, whole
from ..readers.events import EVENT, crop_cells
from ..store.shipped import shipped
from . import reference
from .checks import check, grey_values
from .reference import Pixels, Scene
from .variation import Variation

FINE = 4  # samples of the blurred picture a pixel, each way; between them light is interpolated
_REACH = 4.0  # standard deviations at which the blur is cut off
NEVER = 1 << 60  # microseconds
NEVER_FIRES = 1e9  # threshold of a dead pixel, in log luminance
MOST_MS = 3_600_000  # of a recording: an hour
RECORDING_MS = 312  # length of a recording of N-MNIST


@cache
def _saccades() -> np.ndarray:
    return np.loadtxt(shipped("camera_trajectory.csv"), delimiter=",")


@dataclass(frozen=True)
class EventCamera:
    """Settings of screen, motion and sensor; the defaults record MNIST's digits as N-MNIST did.

    sensor          rows and columns of pixels
    picture_px      sensor pixels covered by the longer side of the picture; its border continues
                    outwards
    offset_px       (x, y) of the picture's centre relative to the sensor's
    inverted        the screen shows 1 - picture: bright ink (MNIST's) appears dark on a bright
                    ground
    gamma           luminance = shown ** gamma, between 0 and 1
    trajectory      rows (ms, x, y): motion of the picture over the sensor in pixels, joined by a
                    natural cubic spline, at rest before and after; None: N-MNIST's three saccades
                    (312 ms)
    amplitude       factor on the trajectory
    blur            standard deviation, in sensor pixels
    floor           added to the luminance before the logarithm
    threshold_on, threshold_off    changes of log luminance (natural logarithm) that make an event
    mismatch        standard deviation of the logarithm of the pixels' thresholds
    refractory_ms   time after an event during which the pixel is blind
    time_constant_ms    of the photoreceptor; 0: none
    leak_hz         ON noise events per second and pixel
    leak_spread     standard deviation of the logarithm of the pixels' leaks
    hot, dead       share of the pixels that make `hot_hz` more ON noise events per second, and of
                    those that never fire
    sensor_seed     draws thresholds and leaks of the pixels: another seed, another sensor
    moving          whether the picture moved before the recording starts, too: each pixel's signal
                    then lies anywhere between its thresholds
    variation       ranges from which every recording draws a scene and a sensor of its own; None:
                    one sensor for all

    >>> camera = ms.EventCamera(sensor=(16, 16), picture_px=14)
    >>> events = camera.record(np.eye(14), seed=0, duration_ms=50)
    >>> sorted(events.dtype.names), len(events) > 100
    (['p', 't', 'x', 'y'], True)
    """

    sensor: tuple[int, int] = (34, 34)
    picture_px: float = 28.5
    offset_px: tuple[float, float] = (0.11, 0.07)
    inverted: bool = True
    gamma: float = 0.94
    trajectory: tuple[tuple[float, float, float], ...] | None = None
    amplitude: float = 1.0
    blur: float = 0.62
    floor: float = 0.29
    threshold_on: float = 0.198
    threshold_off: float = 0.174
    mismatch: float = 0.1
    refractory_ms: float = 0.05
    time_constant_ms: float = 0.67
    leak_hz: float = 0.32
    leak_spread: float = 0.45
    hot: float = 0.0
    hot_hz: float = 100.0
    dead: float = 0.0
    sensor_seed: int = 1
    moving: bool = False
    variation: Variation | None = None

    def __post_init__(self) -> None:
        check(self)

    def record(
        self,
        picture: np.ndarray,
        seed: int,
        number: int = 0,
        duration_ms: int = RECORDING_MS,
        backend: str = "numba",
    ) -> np.ndarray:
        """Events (dtype EVENT, sorted by time, then pixel) of one recording of `picture`.

        picture        (H, W) of any size, uint8 or float in [0, 1]
        seed, number   whole numbers from 0 on, which together draw the noise of this recording
        backend        "numba", or "numpy", its readable twin

        Raises ValueError where an argument is anything else.

        >>> camera = ms.EventCamera(sensor=(16, 16), picture_px=14)
        >>> events = camera.record(np.eye(14), seed=0, number=3, duration_ms=50)
        >>> bool(events["t"].max() < 50_000), bool((np.diff(events["t"]) >= 0).all())
        (True, True)
        """
        one_of("backend", backend, ("numba", "numpy"))
        whole("duration_ms", duration_ms, 1, MOST_MS)
        whole("seed", seed, 0)
        whole("number", number, 0)
        shown = grey_values(array("picture", picture)[None])[0]
        if self.variation is not None:
            camera, shown = self.variation.draw(self, shown, (seed, number))
            return camera.record(shown, seed, number, duration_ms, backend)
        picture = self._luminance(shown)
        scene = self._scene(picture.shape, duration_ms)
        pixels = self._pixels()
        loops: Any = reference
        if backend == "numba":
            from . import kernel

            loops = kernel
        view = loops.log_luminance(picture, scene.rows, scene.columns, scene.floor)
        residual = self._residuals(pixels, seed, [number])[0]
        capacity = 16 * residual.size
        while True:
            time = np.empty(capacity, np.int64)
            address = np.empty(capacity, np.int64)
            count = loops.pixel_events(view, scene, pixels, residual, NEVER, time, address)
            if count >= 0:
                break
            capacity *= 4
        order = np.lexsort((address[:count], time[:count]))
        events = np.empty(count, EVENT)
        pixel = address[order] // 2
        events["t"] = time[order]
        events["p"] = address[order] % 2
        events["y"] = pixel // self.sensor[1]
        events["x"] = pixel % self.sensor[1]
        return events

    def record_counts(
        self,
        pictures: np.ndarray,
        numbers: Sequence[int],
        seed: int,
        duration_ms: int = 100,
        crop: tuple[int, int] | None = (32, 32),
        scale: int = 2,
        draw: int = 0,
    ) -> np.ndarray:
        """Event counts for each millisecond from the first event on, of many recordings: uint8 (N,
        duration_ms, H, W, 2).

        pictures   (N, H, W), uint8 or float in [0, 1]
        numbers    one for each picture, to draw its noise with the seed
        duration_ms   up to 312, the length of a recording
        draw       with a variation, which of the scenes and sensors that a picture can meet
                   (`record` has the first, 0)

        Equals bin_events(record(picture, seed, number), duration_ms, shape=sensor, crop=crop,
        scale=scale) of each, but is many times faster: it runs in parallel over the pictures, with
        the same result for any number of threads and any batches.

        >>> camera = ms.EventCamera(sensor=(16, 16), picture_px=14)
        >>> camera.record_counts(np.stack([np.eye(14)] * 2), [1, 2], seed=0, duration_ms=50, crop=None).shape
        (2, 50, 8, 8, 2)
        """
        from ...parallel.threads import in_order, parallel
        from .kernel import count_all

        shown = grey_values(array("pictures", pictures))
        need("numbers", numbers, len(numbers) == len(shown), f"{len(shown)}, one of each picture")
        whole("seed", seed, 0)
        whole("duration_ms", duration_ms, 1, RECORDING_MS)
        cells = crop_cells(self.sensor, crop, scale)
        counts = np.zeros((len(shown), int(duration_ms), *cells, 2), np.uint8)
        variation = self.variation
        if variation is not None:

            def one(n: int) -> np.ndarray:
                key = (seed, numbers[n], *[draw] * (draw > 0))
                camera, seen = variation.draw(self, shown[n], key)
                how = seed, duration_ms, crop, scale
                return camera.record_counts(seen[None], numbers[n : n + 1], *how)

            found: list[np.ndarray] = []
            in_order(one, range(len(shown)), found.append)
            return np.concatenate([counts[:0], *found])
        if len(shown):
            luminance = self._luminance(shown)
            scene = self._scene(luminance.shape[1:], RECORDING_MS)
            pixels = self._pixels()
            residual = self._residuals(pixels, seed, numbers)
            parallel(count_all, len(shown), luminance, scene, pixels, residual, int(scale), counts)
        return counts

    def path(self, duration_ms: int = RECORDING_MS) -> np.ndarray:
        """Motion of the picture, (duration_ms + 1, 2): (x, y) in pixels at every millisecond from 0
        on.

        >>> camera = ms.EventCamera(trajectory=((0, 0, 0), (10, 5, 0)))
        >>> camera.path(duration_ms=10)[[0, 5, 10]].round(3).tolist()
        [[0.0, 0.0], [2.5, 0.0], [5.0, 0.0]]
        """
        from scipy.interpolate import CubicSpline

        rows = self.rows()
        time = np.clip(np.arange(duration_ms + 1.0), rows[0, 0], rows[-1, 0])
        return CubicSpline(rows[:, 0], rows[:, 1:], bc_type="natural")(time) * self.amplitude

    def rows(self) -> np.ndarray:
        """The rows (ms, x, y) of the trajectory.

        >>> ms.EventCamera(trajectory=((0, 0, 0), (10, 5, 0))).rows().tolist()
        [[0.0, 0.0, 0.0], [10.0, 5.0, 0.0]]
        """
        if self.trajectory is not None:
            return np.array(self.trajectory, float)
        return _saccades().copy()

    def _luminance(self, shown: np.ndarray) -> np.ndarray:
        """Luminance of the screen that shows grey values, float64 in [0, 1]."""
        return (1.0 - shown if self.inverted else shown) ** float(self.gamma)

    def _scene(self, shape: tuple[int, ...], duration_ms: int) -> Scene:
        """The scene of pictures of this shape."""
        path = self.path(int(duration_ms))
        margin = math.ceil(np.abs(path).max()) + 1
        rows, columns = (
            self._blur(side, sensor, shape, margin, offset)
            for side, sensor, offset in zip(shape, self.sensor, self.offset_px[::-1])
        )
        places = np.ascontiguousarray((margin - path[:, ::-1]) * FINE)
        return Scene(rows, columns, float(self.floor), FINE, places, self.sensor)

    def _blur(
        self, side: int, sensor: int, shape: tuple[int, ...], margin: int, offset: float
    ) -> np.ndarray:
        """Weights (samples, side) of the picture's pixels along an axis: a Gaussian integrated over
        each pixel.

        What lies beyond the picture's border is its border.
        """
        from scipy.special import erf

        pitch = self.picture_px / max(shape)
        number = (sensor + 2 * margin) * FINE + 2
        sample = np.arange(number) / FINE - margin - (sensor - 1) / 2 - offset
        reach = math.ceil((np.abs(sample).max() + _REACH * self.blur) / pitch)
        # of the picture's square pixels
        edge = (np.arange(-reach, side + reach + 1) - side / 2) * pitch
        distance = (edge - sample[:, None]) / self.blur
        near = np.abs(distance) < _REACH  # few are
        below, above = erf(np.array([-_REACH, _REACH]) / math.sqrt(2))
        integral = np.where(distance < 0, below, above)
        integral[near] = erf(distance[near] / math.sqrt(2))
        weight = np.diff(integral, axis=1)
        weight /= weight.sum(axis=1, keepdims=True)
        inside = weight[:, reach : reach + side].copy()
        inside[:, 0] += weight[:, :reach].sum(axis=1)
        inside[:, -1] += weight[:, reach + side :].sum(axis=1)
        return inside

    def _pixels(self) -> Pixels:
        """The pixels of this sensor."""
        draw = np.random.default_rng(int(self.sensor_seed)).standard_normal(
            (3, self.sensor[0] * self.sensor[1])
        )
        on = float(self.threshold_on) * np.exp(self.mismatch * draw[0])
        off = float(self.threshold_off) * np.exp(self.mismatch * draw[1])
        # the mean stays
        leak_hz = float(self.leak_hz) * np.exp(self.leak_spread * draw[2] - self.leak_spread**2 / 2)
        leak = 1e-3 * leak_hz * on
        if self.hot or self.dead:
            chance = np.random.default_rng((int(self.sensor_seed), 1)).random(on.size)
            leak += 1e-3 * np.where(chance < self.hot, self.hot_hz, 0) * on
            on, off = (np.where(chance > 1 - self.dead, NEVER_FIRES, limit) for limit in (on, off))
        keep = 1.0 - math.exp(-1.0 / self.time_constant_ms) if self.time_constant_ms > 0 else 1.0
        return Pixels(on, off, leak, float(self.refractory_ms), keep)

    def _residuals(self, pixels: Pixels, seed: int, numbers: Sequence[int]) -> np.ndarray:
        """How far each pixel's signal is above its reference at the start, from where the leak had
        brought it."""
        on, off = pixels.on, pixels.off
        out = np.empty((len(numbers), on.size))
        for row, one in zip(out, numbers):
            share = np.random.default_rng((int(seed), int(one))).random(on.size)
            row[:] = share * (on + off) - off if self.moving else share * on
        return out
