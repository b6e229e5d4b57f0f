"""Continuous recordings ("takes") of drawn hands: a subject holds a letter in front of the camera
for some seconds, waving.

ASL-DVS (Bi et al. 2019, ICCV) does not contain 4,200 separate gestures for each letter. Each of
five subjects held each letter in one continuous recording of more than a minute, which was cut into
samples of 100 ms. Within a continuous recording the hand is the same. From sample to sample, its
phase of waving changes and, slowly, its pose and its position:

    place(t) = wander(t) + swing(t) (cos d, sin d) sin(2 pi f t + phase)                        pixels
    joints(t) = sqrt(share) subject's habit + sqrt(share) take's pose + sqrt(share) drift(t)    standard normal draws

wander, the logarithm of swing, and drift are sums of slow sinusoids with Gaussian coefficients, so
any moment can be drawn by itself. The hand is skin, with creases, in front of a dark background,
and its forearm is in a sleeve. Constants are fitted to two real continuous recordings of letters a
and g (data/compare_takes.py): a was waved about the picture, g was held in its place, and every
other letter is held somewhere between them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ...parallel.threads import in_order
from ..camera.event_camera import EventCamera
from ..readers.asl import LETTERS, SHAPE
from .hands import Look, draw_hand
from .pool import BATCH, STEPS, Keep, Pool, Sight, pool_of, trains, which

MOMENT_MS = 100  # length of a sample
PICTURE = (120, 160)  # rows and columns of a picture of a hand
SHARES = {"subject": 0.55, "take": 0.37, "drift": 0.08}  # shares of a joint's variance
# periods in seconds of the drift, and of the motion that carries the hand
SLOW_S, CARRIED_S = (3.0, 15.0), (2.0, 12.0)


class Held(NamedTuple):
    """Constants that describe how a letter is held: the median waving in pixels, how far the hand
    is carried in x and in y in pixels, the standard deviation of the logarithm of the waving, the
    hand's size, the position in palms where the sleeve begins, and the depth of creases
    (`Look`)."""

    swing: float
    carried_x: float
    carried_y: float
    spread: float
    size: float
    sleeve: float
    creases: float


MEASURED = {
    "a": Held(16.5, 17.0, 15.5, 1.0, 0.85, 0.1, 0.08),
    "g": Held(16.0, 1.0, 1.0, 0.5, 0.46, 1.5, 1.1),
}


def held(letter: int) -> Held:
    """Return how a letter is held: as measured, or with constants between those measured for a and
    for g."""
    if LETTERS[letter] in MEASURED:
        return MEASURED[LETTERS[letter]]
    share = np.random.default_rng(letter).random()
    return Held(*(a**share * g ** (1 - share) for a, g in zip(*MEASURED.values())))


class Slow:
    """A smooth Gaussian function of time with mean 0 and variance 1: the sum over terms k of a_k
    cos(2 pi t / T_k) + b_k sin(2 pi t / T_k)."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple = (),
        terms: int = 4,
        periods: tuple[float, float] = SLOW_S,
    ):
        logs = rng.uniform(math.log(periods[0]), math.log(periods[1]), terms)
        self._rate = 2 * math.pi / np.exp(logs)
        self._a, self._b = rng.standard_normal((2, terms, *shape)) / math.sqrt(terms)

    def __call__(self, t: Any) -> Any:
        angle = np.multiply.outer(t, self._rate)
        return np.tensordot(np.cos(angle), self._a, 1) + np.tensordot(np.sin(angle), self._b, 1)


class Joints(np.random.Generator):
    """A generator for `draw_hand` at one moment. It mixes random draws that belong to the subject,
    to the take and to the moment."""

    def __init__(self, subject: np.random.Generator, take: np.random.Generator, t: float):
        super().__init__(np.random.PCG64(0))
        self._subject, self._take, self._t = subject, take, t

    def standard_normal(self, size: Any = None, *_: Any, **__: Any) -> Any:
        """Draw values of variance 1, which is divided between the subject, the take and the moment
        by `SHARES`."""
        shape = () if size is None else size if isinstance(size, tuple) else (size,)
        own = self._subject.standard_normal(shape)
        taken = self._take.standard_normal(shape)
        parts = own, taken, Slow(self._take, shape)(self._t)
        return sum(math.sqrt(share) * part for share, part in zip(SHARES.values(), parts))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Draw from the subject's generator."""
        return self._subject.uniform(low, high, size)


@dataclass(frozen=True)
class Take:
    """A take in which subject `subject` holds letter `letter` (0-23): take `number` in the series
    `seed`. All numbers start at 0."""

    seed: int
    subject: int
    letter: int
    number: int = 0

    def _rngs(self, what: int) -> tuple[np.random.Generator, np.random.Generator]:
        """Return two random generators, one for the subject and one for the take."""
        take = (self.seed, self.subject, self.letter, self.number, what)
        return np.random.default_rng((self.seed, self.subject, what)), np.random.default_rng(take)

    def picture(self, t: float) -> np.ndarray:
        """Draw the hand at t seconds, float32 (H, W) in [0, 1]."""
        how = held(self.letter)
        look = Look(how.sleeve, how.creases, how.size)
        return draw_hand(self.letter, Joints(*self._rngs(1), t), PICTURE, look)

    def place(self, t: np.ndarray) -> np.ndarray:
        """Return the hand's position at t seconds, (len(t), 2): (x, y) in pixels of the sensor,
        relative to its middle."""
        subject, take = self._rngs(3)
        how = held(self.letter)
        hz = 1.4 * math.exp(0.1 * subject.standard_normal())
        swing = how.swing * math.exp(0.1 * subject.standard_normal() + 0.1 * take.standard_normal())
        turn = math.radians(15) * (subject.standard_normal() + take.standard_normal())
        phase = take.uniform(0, 2 * math.pi)
        size = swing * np.exp(how.spread * Slow(take)(t))
        wave = size * np.sin(2 * math.pi * hz * t + phase + 0.6 * Slow(take)(t))
        along = wave[:, None] * [math.cos(turn), math.sin(turn)]
        return Slow(take, (2,), periods=CARRIED_S)(t) * [how.carried_x, how.carried_y] + along

    def camera(self, camera: EventCamera, t: float) -> EventCamera:
        """Return `camera` with the hand's motion during MOMENT_MS, which begins at t seconds."""
        ms = np.arange(0.0, MOMENT_MS + 1, 10)
        path = self.place(t + 1e-3 * ms)
        start = path[len(path) // 2]
        return replace(
            camera,
            offset_px=tuple(start.tolist()),
            trajectory=tuple(map(tuple, np.column_stack([ms, path - start]).tolist())),
        )


PROTOCOLS = ("same-take", "new-subject")
# five subjects, as in ASL-DVS, and others as new subjects
SUBJECTS = {"train": range(5), "val": range(5, 8), "test": range(8, 13)}
MOMENTS, EVERY_S = 60, 1.0  # samples of a take, which lasts a minute; seconds between them


def take_camera() -> EventCamera:
    """Return the event camera for takes, whose settings were fitted to recordings made by a
    DAVIS240c."""
    return EventCamera(
        sensor=SHAPE,
        picture_px=float(SHAPE[1]),
        inverted=False,
        gamma=1.0,
        blur=0.8,
        floor=0.2,
        threshold_on=0.385,
        threshold_off=0.385,
        mismatch=0.2,
        refractory_ms=2.0,
        time_constant_ms=3.0,
        leak_hz=0.1,
        moving=True,
    )


def pool_of_takes(
    protocol: str, split: str, moments: int, sight: Sight, keep: Keep
) -> tuple[Pool, str]:
    """Return (pool, source) for every letter, held by each subject of a split in one take. There
    are up to `moments` moments, chosen by the protocol; a recording's number is subject · MOMENTS +
    moment."""
    known = protocol == "same-take" or split == "train"
    train = split == "train"
    subjects = SUBJECTS["train" if known else split]
    chosen = [k for k in range(1, moments + 1) if trains(k) == train]
    if not known:
        chosen = list(range(1, moments // 2 + 1))
    rows = list(product(range(len(LETTERS)), subjects, chosen))

    def counts(row: tuple[int, int, int]) -> tuple[np.ndarray, int, int]:
        letter, subject, k = row
        take = Take(sight.seed, subject, letter)
        t = EVERY_S * k
        number = subject * MOMENTS + k
        how = [number * len(LETTERS) + letter], sight.seed, STEPS, sight.crop, sight.scale
        camera = take.camera(sight.camera, t)
        return camera.record_counts(take.picture(t)[None], *how), letter, number

    def recorded() -> Iterator[tuple]:
        for first in range(0, len(rows), BATCH):
            found: list[tuple] = []
            in_order(counts, rows[first : first + BATCH], found.append)
            dense, letters, numbers = zip(*found)
            yield np.concatenate(dense), letters, numbers

    what = f"the event camera records {len(rows)} moments"
    how = sight.shape, recorded(), keep, what, len(rows)
    source = f"simulated continuous recordings of subjects {subjects[0] + 1} to {subjects[-1] + 1}"
    source += f" ({which(train)})" * known
    return pool_of("asl-takes", *how, **sight._asdict(), rows=rows), source
