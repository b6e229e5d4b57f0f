"""Class means with counts, as a device keeps them: every shot is taken in at once, at any time and in
any order; classes come, are corrected, and go.

A class has the mean c of the traces x = p / 16 that were taught to it, p in Q1.12 clipped at 4080,
and how many there were. c has 8 bits, 0 .. 255; with residuals it has 8 more behind the point, and
answers are given by the nearest 256th. In c's last place,

    taught        n += 1,  c += floor((x - c) / n + 1/2)
    taken back    n -= 1,  c -= floor((x - c) / n + 1/2), between 0 and 255;  without a shot c is 0
    stochastic    a number in [0, 1), one for every synapse, in place of 1/2

`slack` is the sum of all n so far. Rounding is off by half a place at most (stochastic: by one), so
n c is off the exact sum by half of `slack` at most, and |c - exact mean| <= slack / (2 n); shots
that were only taught leave (n + 1) / 4 places.

    distance of p and a class = (sum p^2 - 32 sum m p + 256 sum m^2) >> 8,   m: the nearest 256th of c

in 65536ths. The nearest class answers, the oldest of equal ones; or none, where even the nearest is
beyond refuse (1 + 1 / n): the square of a distance to a mean of n shots has such a factor in it.
Nor does one answer where one of the means `nothing`, which are no class, is nearer still, and within
refuse (any distance, where refuse is 0): those of a dot, of a filled square, of an empty picture. A
dot lies near a character of few strokes, and no threshold tells the two apart; a dot's own mean does.
"""

from dataclasses import dataclass, field

import numpy as np

from .formats import NEAREST, numbers, rounding, seed_state, whole

MOST_SHOTS = 65_535
NONE = -1  # in place of a class's id
UNTAUGHT = 2**32 - 1  # the distance of a class without a shot
UNBOUNDED = 2**32 - 1  # a slack that says nothing
_LAST, _MOST = 16, 255  # of p's 4096ths, a 256th; the largest mean


@dataclass(eq=False)
class ClassMean:
    """A class: its id, the number of its shots, its slack, its mean in 256ths (65536ths with
    residuals)."""

    id: int
    mean: np.ndarray
    shots: int = 0
    slack: int = 0

    @property
    def bound(self) -> float:
        """How far the mean lies from the exact one at most, in its last place, if updates were
        rounded to nearest."""
        return self.slack / (2 * self.shots) if self.slack < UNBOUNDED and self.shots else np.inf


@dataclass(eq=False)
class CountedMeans:
    """The classes of a device that learns by means; `traces` are p (inputs,) at the last step.

    inputs      of the readout                residuals   whether means have 8 bits more
    rounding    "nearest" or "stochastic"     seed        of the noise
    refuse      see above; 0: the nearest always answers
    nothing     see above, uint8 (n, inputs); None: none

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
        # another rounding would draw means to one side
        self._mode = rounding(self.rounding, ("nearest", "stochastic"))
        whole(1, 65_535, inputs=self.inputs)
        whole(0, 2**31 - 1, refuse=self.refuse)
        self.noise = seed_state(self.seed)
        self.next = 0

    def add(self) -> int:
        """A class without a shot; its id, which no other class will have."""
        self.known.append(ClassMean(self.next, np.zeros(self.inputs, np.int64)))
        self.next += 1
        return self.next - 1

    def remove(self, id: int) -> None:
        """A class goes, the others stay as they are. KeyError where there is none of this id."""
        self.known.remove(self._class(id))

    def learn(self, id: int, traces: np.ndarray) -> None:
        """A shot of a class. KeyError for an id that is none, ValueError for traces that are none,
        or a class that has MOST_SHOTS."""
        one = self._class(id)
        self._shot(one, self._check(traces), self._with_room(one))

    def correct(self, old: int, new: int, traces: np.ndarray) -> None:
        """A shot that was taught as class `old` is taken back, and taught as `new`, or as NONE.

        Raises as `learn`, and ValueError where the old class has no shot.
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
        """Squared distances in 65536ths, int64 (..., classes), in the order of `known`, of the traces
        of one recording, or of several (n, inputs)."""
        m = np.array([self.answering(one) for one in self.known]).reshape(-1, self.inputs)
        far = distances_to(m, self._check(traces))
        return np.where([one.shots > 0 for one in self.known], far, UNTAUGHT)

    def nearest(self, traces: np.ndarray) -> int:
        """The id of the nearest class, or NONE."""
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
        """Minus half the squared distances, in 1024ths of 16 bits, as `edge_scores` gives them."""
        far = self.distances(traces)
        return np.where(far == UNTAUGHT, -32_768, -np.minimum(far >> 7, 32_767))

    def answering(self, one: ClassMean) -> np.ndarray:
        """The mean of a class to the nearest 256th, which answers are given by; int64 (inputs,)."""
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
        """The mean of so many shots, one more or one less than there are."""
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
        """What is added before `// by`: half of it, or a number of the noise for every synapse."""
        if self._mode == NEAREST:
            return by // 2
        noise, self.noise = numbers(self.noise, self.inputs)
        return noise * by >> 32


def distances_to(m: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Squared distances of traces p (..., inputs) and means m (k, inputs), (..., k) in 65536ths; sums
    of products stay below 2^53, so that float64 holds them exactly."""
    m = m.astype(np.float64)
    p = p.astype(np.float64)
    squares = (p * p).sum(-1, keepdims=True) + 256 * (m * m).sum(1)
    return (squares - 32 * (p @ m.T)).astype(np.int64) >> 8


def is_refused(far: np.ndarray, refuse: int, shots: int) -> np.ndarray:
    """Which a device refuses of distances (..., 2) of the nearest class, and of the nearest mean that
    is no class, which counts at any distance where refuse is 0."""
    nearest, blank = far[..., 0], far[..., 1]
    alike = (blank < nearest) & ((blank <= refuse) | (refuse == 0))
    return alike | (nearest > refuse + refuse // shots)
