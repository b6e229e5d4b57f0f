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
reference leaks downwards, which causes the ON noise of pixels without input (Lichtsteiner, Posch
& Delbruck 2008, IEEE JSSC 43:566; Hu, Liu & Delbruck 2021, "v2e", CVPR workshops). Thresholds
differ between pixels, but not between recordings.

The default settings are fitted to N-MNIST. They show the digits dark on a bright screen, because
only then do polarities, and the growth of the number of events with the size of the digit, match the
recordings.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ...arguments import array, need, one_of, whole, wholes
from ...parallel.threads import in_order
from ..readers.events import EVENT, crop_cells
from ..store.shipped import shipped
from . import reference
from .reference import NEVER, Pixels, Scene
from .variation import Variation

FINE = 4  # samples of the blurred picture per pixel and axis; light is interpolated between them
_REACH = 4.0  # standard deviations at which the blur is cut off
NEVER_FIRES = 1e9  # threshold of a dead pixel, in log luminance
MOST_MS = 3_600_000  # longest recording: an hour
RECORDING_MS = 312  # length of a recording in N-MNIST

TINY, HUGE = 1e-300, 1e300
LEAST = {
    **dict.fromkeys("picture_px gamma floor threshold_on threshold_off".split(), TINY),
    **dict.fromkeys("time_constant_ms leak_hz hot_hz mismatch leak_spread hot dead".split(), 0),
    "blur": 0.25,  # the spacing of the picture's samples, which show no smaller blur
    "refractory_ms": 0.01,
    "amplitude": -HUGE,
}


@cache
def _saccades() -> np.ndarray:
    return np.loadtxt(shipped("camera_trajectory.csv"), delimiter=",")


def grey_values(pictures: Any) -> np.ndarray:
    """Return grey values (N, H, W), float64 in [0, 1]. Raises ValueError unless these are
    pictures."""
    pictures = array("pictures", pictures)
    good = pictures.ndim == 3 and all(pictures.shape[1:])
    need("the shape of pictures", pictures.shape, good, "grey values (N, H, W)")
    if pictures.dtype == np.uint8:
        return pictures / 255.0
    need("dtype of pictures", pictures.dtype, pictures.dtype.kind == "f", "uint8, or float")
    low = pictures.min(initial=1)
    high = pictures.max(initial=0)
    need("pictures", f"from {low} to {high}", low >= 0 and high <= 1, "values in [0, 1], or uint8")
    return pictures.astype(np.float64)


@dataclass(frozen=True)
class EventCamera:
    """Settings of the screen, the motion and the sensor. The defaults record MNIST's digits as they
    were recorded for N-MNIST.

    sensor          rows and columns of pixels
    picture_px      sensor pixels covered by the longer side of the picture, whose border is
                    extended outwards
    offset_px       (x, y) of the picture's centre relative to the sensor's
    inverted        the screen shows 1 - picture: bright ink (MNIST's) appears dark on a bright
                    ground
    gamma           luminance = shown ** gamma, between 0 and 1
    trajectory      rows (ms, x, y): the picture's motion over the sensor in pixels. A natural cubic
                    spline joins them; the picture is at rest before and after. None: N-MNIST's
                    three saccades (312 ms)
    amplitude       factor on the trajectory
    blur            standard deviation, in sensor pixels
    floor           added to the luminance before the logarithm
    threshold_on, threshold_off    changes of log luminance (natural logarithm) that make an event
    mismatch        standard deviation of the logarithm of the pixels' thresholds
    refractory_ms   time after an event during which the pixel is blind
    time_constant_ms    time constant of the photoreceptor; 0: the signal follows the light at once
    leak_hz         ON noise events per second and pixel
    leak_spread     standard deviation of the logarithm of the pixels' leaks
    hot, dead       share of pixels that make `hot_hz` more ON noise events per second, and share of
                    pixels that never fire
    sensor_seed     seed of the pixels' thresholds and leaks: another seed, another sensor
    moving          whether the picture also moved before the recording starts, so that each pixel's
                    signal starts anywhere between its thresholds
    variation       ranges from which a scene and a sensor are drawn for every recording; None: one
                    sensor for all

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
        for name, least in LEAST.items():
            value = getattr(self, name)
            most = 1 if name in ("hot", "dead") else HUGE
            need(name, value, least <= value <= most, f"{least:g} to {most:g}")
        pair = np.shape(self.offset_px) == (2,) and np.isfinite(self.offset_px).all()
        need("offset_px", self.offset_px, pair, "two numbers, (x, y)")
        good = np.shape(self.sensor) == (2,) and min(self.sensor) >= 1
        need("sensor", self.sensor, good, "rows and columns")
        rows = self.rows()
        good = rows.shape[1:] == (3,) and len(rows) > 1 and bool((np.diff(rows[:, 0]) > 0).all())
        need("trajectory", self.trajectory, good, "two rows (ms, x, y) or more, in order of time")

    def record(
        self,
        picture: np.ndarray,
        seed: int,
        number: int = 0,
        duration_ms: int = RECORDING_MS,
        backend: str = "numba",
        draw: int = 0,
    ) -> np.ndarray:
        """Record `picture`: return its events (dtype EVENT, sorted by time, then pixel).

        picture        (H, W) of any size, uint8 or float in [0, 1]
        seed, number   whole numbers from 0 on, which together seed the noise of this recording
        backend        "numba", or "numpy", its readable twin
        draw           with a variation, the number of the scene and sensor drawn for this picture

        Raises ValueError if an argument is anything else.

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
        camera, shown = self._drawn(shown, seed, number, draw)
        sight = camera._scene(shown.shape, duration_ms), camera._pixels()
        found = np.sort(camera._found(shown, *sight, (seed, number), NEVER, backend))
        events = np.empty(len(found), EVENT)
        events["t"], address = np.divmod(found, 2 * math.prod(self.sensor))
        events["p"] = address % 2
        events["y"], events["x"] = np.divmod(address // 2, self.sensor[1])
        return events

    def _drawn(
        self, shown: np.ndarray, seed: int, number: int, draw: int
    ) -> tuple["EventCamera", np.ndarray]:
        """Return the camera and the picture for a recording, both varied if the camera has a
        variation."""
        if self.variation is None:
            return self, shown
        return self.variation.draw(self, shown, (seed, number, *[draw] * (draw > 0)))

    def _found(
        self,
        shown: np.ndarray,
        scene: Scene,
        pixels: Pixels,
        key: tuple[int, int],
        stop_after: int,
        backend: str = "numba",
    ) -> np.ndarray:
        """Return a picture's events in the form of `reference.pixel_events`, with noise seeded by
        `key`."""
        loops: Any = reference
        if backend == "numba":
            from . import kernel

            loops = kernel
        view = loops.log_luminance(self._luminance(shown), scene.rows, scene.columns, scene.floor)
        # each pixel's signal minus its reference, after leaking for some time
        share = np.random.default_rng(key).random(pixels.on.size)
        residual = share * pixels.on
        if self.moving:
            residual = share * (pixels.on + pixels.off) - pixels.off
        return loops.pixel_events(view, scene, pixels, residual, stop_after)

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
        """Record many pictures, and count events in each millisecond from the first event on: uint8
        (N, duration_ms, H, W, 2).

        pictures   (N, H, W), uint8 or float in [0, 1]
        numbers    one for each picture; together with the seed it draws the noise
        duration_ms   length of a recording, up to 312
        draw       as in `record`

        Equals bin_events(record(picture, seed, number), duration_ms, shape=sensor, crop=crop,
        scale=scale) of each, but is many times faster: it runs in parallel over the pictures, with
        the same result for any number of threads and any batches.

        >>> camera = ms.EventCamera(sensor=(16, 16), picture_px=14)
        >>> camera.record_counts(np.stack([np.eye(14)] * 2), [1, 2], seed=0, duration_ms=50, crop=None).shape
        (2, 50, 8, 8, 2)
        """
        from .kernel import add_counts

        shown = grey_values(pictures)
        numbers = wholes("numbers", numbers)
        need("numbers", numbers, len(numbers) == len(shown), f"{len(shown)}, one of each picture")
        whole("seed", seed, 0)
        whole("duration_ms", duration_ms, 1, RECORDING_MS)
        shape = (int(duration_ms), *crop_cells(self.sensor, crop, scale), 2)
        counts = np.zeros((len(shown), *shape), np.uint8)
        usual = self._scene(shown.shape[1:], RECORDING_MS), self._pixels()

        def one(n: int) -> None:
            camera, picture = self._drawn(shown[n], seed, numbers[n], draw)
            sight = usual
            if camera is not self:
                sight = camera._scene(picture.shape, RECORDING_MS), camera._pixels()
            found = camera._found(picture, *sight, (seed, numbers[n]), 1000 * shape[0])
            add_counts(found, self.sensor, int(scale), counts[n])

        in_order(one, range(len(shown)), lambda _: None)
        return counts

    def path(self, duration_ms: int = RECORDING_MS) -> np.ndarray:
        """Return the picture's motion, (duration_ms + 1, 2): (x, y) in pixels at every millisecond
        from 0 on.

        >>> camera = ms.EventCamera(trajectory=((0, 0, 0), (10, 5, 0)))
        >>> camera.path(duration_ms=10)[[0, 5, 10]].round(3).tolist()
        [[0.0, 0.0], [2.5, 0.0], [5.0, 0.0]]
        """
        from scipy.interpolate import CubicSpline

        rows = self.rows()
        time = np.clip(np.arange(duration_ms + 1.0), rows[0, 0], rows[-1, 0])
        return CubicSpline(rows[:, 0], rows[:, 1:], bc_type="natural")(time) * self.amplitude

    def rows(self) -> np.ndarray:
        """Return the rows (ms, x, y) of the trajectory.

        >>> ms.EventCamera(trajectory=((0, 0, 0), (10, 5, 0))).rows().tolist()
        [[0.0, 0.0, 0.0], [10.0, 5.0, 0.0]]
        """
        return np.array(_saccades() if self.trajectory is None else self.trajectory, float)

    def _luminance(self, shown: np.ndarray) -> np.ndarray:
        """Return the luminance of a screen that shows grey values, float64 in [0, 1]."""
        return (1.0 - shown if self.inverted else shown) ** float(self.gamma)

    def _scene(self, shape: tuple[int, ...], duration_ms: int) -> Scene:
        """Return the scene for pictures with this shape."""
        path = self.path(int(duration_ms))
        margin = math.ceil(np.abs(path).max()) + 1
        axes = zip(shape, self.sensor, self.offset_px[::-1])
        pitch = self.picture_px / max(shape)
        rows, columns = (self._blur(*axis, pitch, margin) for axis in axes)
        places = np.ascontiguousarray((margin - path[:, ::-1]) * FINE)
        return Scene(rows, columns, float(self.floor), FINE, places, self.sensor)

    def _blur(self, side: int, sensor: int, offset: float, pitch: float, margin: int) -> np.ndarray:
        """Return the weights (samples, side) of the picture's pixels along an axis: a Gaussian,
        integrated over each pixel.

        The picture's border is extended outwards.
        """
        from scipy.special import erf

        number = (sensor + 2 * margin) * FINE + 2
        sample = np.arange(number) / FINE - margin - (sensor - 1) / 2 - offset
        reach = math.ceil((np.abs(sample).max() + _REACH * self.blur) / pitch)
        # side of the picture's square pixels
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
        """Draw the pixels of this sensor."""
        draw = np.random.default_rng(int(self.sensor_seed)).standard_normal(
            (3, self.sensor[0] * self.sensor[1])
        )
        on = float(self.threshold_on) * np.exp(self.mismatch * draw[0])
        off = float(self.threshold_off) * np.exp(self.mismatch * draw[1])
        # so that the mean is kept
        leak_hz = float(self.leak_hz) * np.exp(self.leak_spread * draw[2] - self.leak_spread**2 / 2)
        leak = 1e-3 * leak_hz * on
        if self.hot or self.dead:
            chance = np.random.default_rng((int(self.sensor_seed), 1)).random(on.size)
            leak += 1e-3 * np.where(chance < self.hot, self.hot_hz, 0) * on
            on, off = (np.where(chance > 1 - self.dead, NEVER_FIRES, limit) for limit in (on, off))
        keep = 1.0 - math.exp(-1.0 / self.time_constant_ms) if self.time_constant_ms > 0 else 1.0
        return Pixels(on, off, leak, float(self.refractory_ms), keep)
