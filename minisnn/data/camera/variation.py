"""Domain randomisation for the simulated event camera: a random camera and scene for every
recording.

A network that saw one camera in meta-training is tuned to its geometry and noise; a real camera,
for example, sits a pixel higher and fires a sixth less often. Here each recording has a random
camera, so that the real one is one among many (Tobin et al. 2017, IROS; for event cameras
Stoffregen et al. 2020, ECCV, and v2e, Hu, Liu & Delbruck 2021). These are random:

    picture   ink = (1 - |w|) ink + |w| (widest ink around, or least), w the stroke;  then moved by
              seen(v) = ink(A^-1 (v - offset)),  A = rotation · shear · scale, about the middle of the picture
    motion    path(t) = turn · diag(amplitude_x, amplitude_y) · path_0(speed (t + latency))
    sensor    thresholds, refractory time, time constant and leak, each times a factor; thresholds of ON and OFF
              separately; pixels that fire spontaneously (hot) or never (dead); the mismatch of all pixels

A draw is an `EventCamera` with all its settings, and a picture.

`Move` changes recordings as if by another camera, for measurements rather than training.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...arguments import need
from ..readers.events import check_events

Range = tuple[float, float]
JITTER_US = 1000  # delay of a repeated event, at most
FACTORS = "scale amplitude speed threshold balance hot_hz refractory time_constant leak".split()


@dataclass(frozen=True)
class Variation:
    """Ranges (low, high) of properties that vary from recording to recording; factors are drawn
    uniformly in their logarithm.

    offset_px       shift of the picture in sensor pixels, in each direction
    scale           factor on its size
    rotation_deg    rotation of the picture
    shear           shear of the picture's columns, pixels per pixel
    stroke          -1: the thinnest ink within a picture pixel, 1: the widest
    amplitude       factor on the saccade in each direction
    direction_deg   angle by which the saccade is turned
    speed           factor on the saccade's speed
    latency_ms      time from its start to the recording's
    threshold       factor on both thresholds
    balance         factor on the ON threshold; the OFF threshold is divided by it
    refractory, time_constant, leak   factors
    hot, dead       largest share of pixels; hot_hz events per second of a hot one
    """

    offset_px: Range = (-3.5, 3.5)
    scale: Range = (0.8, 1.2)
    rotation_deg: Range = (-12.0, 12.0)
    shear: Range = (-0.15, 0.15)
    stroke: Range = (-0.4, 0.7)
    amplitude: Range = (0.75, 1.3)
    direction_deg: Range = (-20.0, 20.0)
    speed: Range = (0.8, 1.25)
    latency_ms: Range = (-4.0, 6.0)
    threshold: Range = (0.6, 1.7)
    balance: Range = (0.87, 1.15)
    refractory: Range = (1.0, 30.0)
    time_constant: Range = (0.5, 3.0)
    leak: Range = (0.3, 5.0)
    hot: Range = (0.0, 0.004)
    hot_hz: Range = (20.0, 300.0)
    dead: Range = (0.0, 0.02)

    def __post_init__(self) -> None:
        for name, (low, high) in vars(self).items():
            good = low <= high and (low > 0 or name not in FACTORS)
            need(name, (low, high), good, "(low, high)" + ", above 0" * (name in FACTORS))

    def draw(self, camera: Any, picture: np.ndarray, key: Sequence[int]) -> tuple[Any, np.ndarray]:
        """Return the EventCamera and the picture for the recording `key`: the settings of `camera`,
        varied at random, and the picture (H, W), grey values in [0, 1], moved and turned."""
        rng = np.random.default_rng((*map(int, key), 1))

        def even(name: str) -> float:
            return float(rng.uniform(*getattr(self, name)))

        def factor(name: str) -> float:
            low, high = getattr(self, name)
            return math.exp(rng.uniform(math.log(low), math.log(high)))

        rotation = _turned(even("rotation_deg"))
        matrix = rotation @ np.array([[1.0, 0.0], [even("shear"), 1.0]]) * factor("scale")
        offset = np.array([even("offset_px"), even("offset_px")])
        stroke = even("stroke")
        turn = _turned(even("direction_deg")) * [factor("amplitude"), factor("amplitude")]
        speed = factor("speed")
        latency = even("latency_ms")
        common = factor("threshold")
        apart = factor("balance")
        path = camera.rows()
        path[:, 0] = path[:, 0] / speed - latency
        path[:, 1:] = path[:, 1:] @ turn.T
        pitch = camera.picture_px / max(picture.shape)
        around = seen(picture, matrix, offset / pitch, stroke)
        return replace(
            camera,
            variation=None,
            picture_px=pitch * max(around.shape),
            trajectory=tuple(map(tuple, path.tolist())),
            threshold_on=camera.threshold_on * common * apart,
            threshold_off=camera.threshold_off * common / apart,
            refractory_ms=camera.refractory_ms * factor("refractory"),
            time_constant_ms=camera.time_constant_ms * factor("time_constant"),
            leak_hz=camera.leak_hz * factor("leak"),
            hot=even("hot"),
            hot_hz=factor("hot_hz"),
            dead=even("dead"),
            sensor_seed=int(rng.integers(1 << 31)),
        ), around


def _turned(degrees: float) -> np.ndarray:
    cos = math.cos(math.radians(degrees))
    sin = math.sin(math.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def margin_of(shape: tuple[int, ...]) -> int:
    """Return the number of picture pixels to add on each side, so that the picture still fits when
    it is moved, turned and enlarged."""
    return math.ceil(0.25 * max(shape))


def seen(picture: np.ndarray, matrix: np.ndarray, offset: np.ndarray, stroke: float) -> np.ndarray:
    """Transform the picture (H, W) by `matrix` of (y, x), then move it by `offset` (y, x) pixels,
    with `margin_of` pixels more on each side.

    The border is extended outwards. Uses cubic splines (scipy.ndimage), with values clipped to [0,
    1].
    """
    from scipy import ndimage

    if stroke:
        widest = ndimage.maximum_filter if stroke > 0 else ndimage.minimum_filter
        picture = picture + abs(stroke) * (widest(picture, 3, mode="nearest") - picture)
    back = np.linalg.inv(matrix)
    size = np.array(picture.shape)
    shape = size + 2 * margin_of(picture.shape)
    start = (size - 1) / 2 - back @ ((shape - 1) / 2 + offset)
    moved = ndimage.affine_transform(picture, back, start, tuple(shape), order=3, mode="nearest")
    return np.clip(moved, 0.0, 1.0)


@dataclass(frozen=True)
class Move:
    """A shift of events by offset_px (x, y), right and down, an enlargement by `scale` about the
    sensor's middle, and a factor `rate` on their number. `seed` is the seed of its random draws.

    An event at (x, y) goes to (round(cx + scale (x - cx) + dx), …) with (cx, cy) the sensor's
    middle. Fractions of a pixel are rounded at random for each event and axis, up with that
    fraction's probability, so half a pixel sends each event to one of two neighbours. Events that
    leave the sensor are lost. The whole part of `rate` repeats an event, with a delay of up to 1
    ms; its fraction is the probability of one more repetition (for rates below one, of keeping the
    event).
    """

    offset_px: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    rate: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        good = np.isfinite(self.offset_px).all() and 0 < min(self.scale, self.rate)
        need("a move", self, good, "pixels (x, y), and a scale and a rate above 0")

    def of(self, events: np.ndarray, number: int, sensor: tuple[int, int] = (34, 34)) -> np.ndarray:
        """Return the moved events of recording `number`, sorted by time. Each recording has its own
        random draws."""
        check_events(events, sensor)
        rng = np.random.default_rng((self.seed, int(number)))
        if self.rate != 1:
            copies = int(self.rate) + (rng.random(len(events)) < self.rate % 1)
            first = np.repeat(np.cumsum(copies) - copies, copies)
            again = np.arange(copies.sum()) > first
            events = np.repeat(events, copies)
            events["t"] += np.where(again, rng.integers(0, JITTER_US, len(events)), 0)
        events = events.copy()
        inside = np.ones(len(events), bool)
        (dx, dy), (height, width) = self.offset_px, sensor
        for name, size, offset in (("x", width, dx), ("y", height, dy)):
            middle = (size - 1) / 2
            place = middle + self.scale * (events[name] - middle) + offset
            if np.any(place != np.rint(place)):
                place = np.floor(place + rng.random(len(events)))
            inside &= (place >= 0) & (place < size)
            events[name] = np.clip(place, -1, size)
        events = events[inside]
        return events[np.argsort(events["t"], kind="stable")]
