"""Class means with counts, as a device stores them: each shot is learned as it arrives, in any
order; classes can be added, corrected and removed.

A class has the mean c of its taught traces x = p / 16, p in Q1.12 clipped at 4080, and their number
n. c has 8 bits, 0 .. 255; with residuals it has 8 more after the point, and answers use the nearest
256th. In c's last place,

    taught        n += 1,  c += floor((x - c) / n + 1/2)
    taken back n -= 1,  c -= floor((x - c) / n + 1/2), between 0 and 255;  without a shot c is 0
    stochastic    a random number in [0, 1), one for every synapse, in place of 1/2

`slack` is the sum of all values that n has had. A rounding error is at most half a place (one place
if stochastic), so n c differs from the exact sum by at most half of `slack` when rounding is to
nearest. Then |c - exact mean| <= slack / (2 n), which is (n + 1) / 4 places if no shot was taken
back.

    distance of p and a class = (sum p^2 - 32 sum m p + 256 sum m^2) >> 8,   m: the nearest 256th of c

in 65536ths. The prediction is the nearest class (the oldest of equally near ones). A recording is
rejected if even the nearest class is farther than refuse (1 + 1 / n), because the squared distance
to a mean of n shots grows by the factor 1 + 1 / n. It is also rejected if a mean in `nothing` is
nearer than every class and not farther than refuse (if refuse is 0, at any distance). `nothing`
contains the means for dots, filled squares and an empty picture: a dot is near a character of few
strokes, and no threshold separates the two, but the dot's own mean does.
"""

from dataclasses import dataclass, field

import numpy as np

from .formats import NEAREST, numbers, rounding, seed_state, whole

MOST_SHOTS = 65_535
NONE = -1  # returned instead of a class's id
UNTAUGHT = 2**32 - 1  # the distance to a class that has no shot
UNBOUNDED = 2**32 - 1  # the slack's saturation value, from which no bound follows
_LAST, _MOST = 16, 255  # units of p in a 256th; largest value of a mean


@dataclass(eq=False)
class ClassMean:
    """A class: its id, its mean in 256ths (65536ths with residuals), the number of its shots, and
    its slack."""

    id: int
    mean: np.ndarray
    shots: int = 0
    slack: int = 0

    @property
    def bound(self) -> float:
        """Return the largest possible distance between the stored mean and the exact mean, in the
        stored mean's last place, for updates rounded to nearest."""
        return self.slack / (2 * self.shots) if self.slack < UNBOUNDED and self.shots else np.inf


@dataclass(eq=False)
class CountedMeans:
    """The classes of a device that learns by class means. `traces` are p (inputs,) at the last step
    of a recording.

    inputs      number of the readout's inputs
    residuals   store means with 8 more bits
    rounding    "nearest" or "stochastic", with random numbers from `seed`
    refuse      threshold, see the module's docstring; 0: no distance to a class is too large
    nothing     means that belong to no class, see there: uint8 (n, inputs), or None

    >>> means = CountedMeans(3)
    >>> cup = means.add()
    >>> means.learn(cup, np.array([4096, 0, 160]))
    >>> means.known[0].mean.tolist(), means.nearest(np.array([4000, 0, 0]))
    ([255, 0, 10], 0)
    """

    inputs: int
    residuals: bool = False
    rounding: str = "nearest"
    seed: int = 1
    refuse: int = 0
    nothing: np.ndarray | None = None
    known: list[ClassMean] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        # other roundings would bias the means
        self._mode = rounding(self.rounding, ("nearest", "stochastic"))
        whole(1, 65_535, inputs=self.inputs)
        whole(0, 2**31 - 1, refuse=self.refuse)
        self.noise = seed_state(self.seed)
        self.next = 0

    def add(self) -> int:
        """Add a class that has no shots yet; return its id, which is never reused."""
        self.known.append(ClassMean(self.next, np.zeros(self.inputs, np.int64)))
        self.next += 1
        return self.next - 1

    def remove(self, id: int) -> None:
        """Remove a class; the others stay. Raises KeyError for an unknown id."""
        self.known.remove(self._class(id))

    def learn(self, id: int, traces: np.ndarray) -> None:
        """Learn one shot of a class. Raises KeyError for an unknown id, and ValueError for invalid
        traces or for a class that already has MOST_SHOTS."""
        one = self._class(id)
        self._shot(one, self._check(traces), self._with_room(one))

    def correct(self, old: int, new: int, traces: np.ndarray) -> None:
        """Move a shot that was taught as class `old` to class `new`, or to NONE.

        Raises the errors of `learn`, and ValueError if the old class has no shot.
        """
        was = self._class(old)
        becomes = None if new == NONE else self._class(new)
        x = self._check(traces)
        if not was.shots:
            raise ValueError(f"class {old} has no shot that could be taken back")
        if becomes is was:
            return
        shots = self._with_room(becomes) if becomes else 0
        self._shot(was, x, was.shots - 1)
        if becomes:
            self._shot(becomes, x, shots)

    def distances(self, traces: np.ndarray) -> np.ndarray:
        """Return squared distances from each class, in 65536ths and in the order of `known`: int64
        (..., classes). `traces` (..., inputs) are those of one recording or of several."""
        m = np.array([self.answering(one) for one in self.known]).reshape(-1, self.inputs)
        far = distances_to(m, self._check(traces))
        return np.where([one.shots > 0 for one in self.known], far, UNTAUGHT)

    def nearest(self, traces: np.ndarray) -> int:
        """Return the id of the nearest class, or NONE if no class has a shot or the recording is
        rejected."""
        far = self.distances(traces)
        least = far.min(initial=UNTAUGHT)
        if least == UNTAUGHT:
            return NONE
        best = self.known[int(far.argmin())]
        m = np.zeros((0, self.inputs)) if self.nothing is None else self.nothing
        blank = distances_to(m, traces).min(initial=UNTAUGHT)
        both = np.array([least, blank])
        return NONE if is_refused(both, self.refuse or UNTAUGHT, best.shots) else best.id

    def scores(self, traces: np.ndarray) -> np.ndarray:
        """Return minus half the squared distances, as 16-bit integers in 1024ths, like
        `edge_scores` in C."""
        far = self.distances(traces)
        return np.where(far == UNTAUGHT, -32_768, -np.minimum(far >> 7, 32_767))

    def answering(self, one: ClassMean) -> np.ndarray:
        """Return the mean that is used to classify, rounded to the nearest 256th; int64
        (inputs,)."""
        return (one.mean + 128) >> 8 if self.residuals else one.mean

    def _class(self, id: int) -> ClassMean:
        for one in self.known:
            if one.id == id:
                return one
        raise KeyError(f"no class has the id {id}; known are {[one.id for one in self.known]}")

    def _with_room(self, one: ClassMean) -> int:
        if one.shots == MOST_SHOTS:
            raise ValueError(f"class {one.id} has {MOST_SHOTS:,} shots, the most that are counted")
        return one.shots + 1

    def _check(self, traces: np.ndarray) -> np.ndarray:
        p = np.asarray(traces)
        inside = 0 <= p.min(initial=0) <= p.max(initial=0) <= 4096
        if p.shape[-1:] != (self.inputs,) or p.dtype.kind not in "iu" or not inside:
            raise ValueError(
                f"traces must be {self.inputs} integers of 0 to 4096, not {p.dtype} of shape "
                f"{p.shape} of {p.min(initial=0)} to {p.max(initial=0)}"
            )
        return p.astype(np.int64)

    def _shot(self, one: ClassMean, p: np.ndarray, shots: int) -> None:
        """Update the class's mean, in place, by adding a shot or by taking one back."""
        sign = 1 if shots > one.shots else -1
        one.shots = shots
        one.slack = min(one.slack + shots, UNBOUNDED) if shots else 0
        if not shots:
            one.mean[:] = 0
            return
        unit = 256 if self.residuals else 1
        by = _LAST * shots
        away = np.minimum(p, _LAST * _MOST) * unit - _LAST * one.mean
        step = (sign * away + self._halves(by)) // by
        one.mean[:] = np.clip(one.mean + step, 0, _MOST * unit)

    def _halves(self, by: int) -> np.ndarray | int:
        """Return the addend that rounds the division `// by`: half of `by`, or a random number for
        each synapse."""
        if self._mode == NEAREST:
            return by // 2
        noise, self.noise = numbers(self.noise, self.inputs)
        return noise * by >> 32


def distances_to(m: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return squared distances (..., k), in 65536ths, between traces p (..., inputs) and means m
    (k, inputs). Sums of products stay below 2^53, so float64 holds them exactly."""
    m = m.astype(np.float64)
    p = p.astype(np.float64)
    squares = (p * p).sum(-1, keepdims=True) + 256 * (m * m).sum(1)
    return (squares - 32 * (p @ m.T)).astype(np.int64) >> 8


def is_refused(far: np.ndarray, refuse: int, shots: int) -> np.ndarray:
    """Return which recordings a device rejects. `far` (..., 2) contains their distances to the
    nearest class and to the nearest mean of `nothing`; if refuse is 0, only the latter can
    reject."""
    nearest = far[..., 0]
    blank = far[..., 1]
    alike = (blank < nearest) & ((blank <= refuse) | (refuse == 0))
    return alike | (nearest > refuse + refuse // shots)
