"""Honest 95 % intervals: each names its population, and contains the true mean in 19 of 20 studies.

Episodes draw repeatedly from one set of recordings, so they are not independent: an interval over
episodes, 1.96 s / sqrt(E), shows how well the mean over *these* recordings is known. The question is
what new recordings would give, or new classes. A recording contributes to an answer as the query, in
the support of its class, or in that of a rival; a class as the right one or as a rival. So the
variance of the mean accuracy of E episodes with N answers is a sum,

    V = V_E + V_R + V_C,        V_E = s^2 / E,   s the standard deviation of the episodes' accuracies A_e

**V_R, recordings.** Answers of different episodes agree more where they share a recording than
where they rest on different recordings of the same symbol. With r an answer's deviation from the
mean, x_ue the sum of r over the answers of episode e to which recording u contributes (all of them,
if it is in the support), and pairs of different episodes e, f,

    V_R = 1/N^2 sum over u of sum over e, f of (x_ue x_uf - m),        m the mean product of pairs that do not share

separately for query with query, support with support and query with support. Given the classes of
episodes, it is chance whether two of them share a recording. So V_R is unbiased for any classes,
effects and numbers of recordings, and counts no noise twice. It is the part that pairs add to a
dyadic-robust variance (Fafchamps & Gubert 2007, J Dev Econ 83:326; Aronow, Samii & Assenova 2015,
Political Analysis 23:564). Squares summed over recordings, as bootstraps of them have (Owen 2007,
Annals of Applied Statistics 1:386), count an episode's noise once for each of its recordings.

**V_C, classes.** Cov(A) = sigma^2 Z Z' + tau^2 I, where Z (E, K) marks the classes of each episode.
Both follow from sum (A_e - mean)^2 and |Z'(A - mean)|^2 by the method of moments (Henderson 1953,
Biometrics 9:226). V_C is the excess of this Var(mean A) over V_E + V_R.

Quantiles are Student's for 2 V^2 / Var(V) degrees of freedom (Satterthwaite 1946, Biometrics
Bulletin 2:110), Var(V) from the spread of the recordings' terms. For new classes V_C has the
quantile for K - 1, V_E + V_R the normal one, and V_C is increased by CAUTION standard errors, since
it may be hidden in noise. An accuracy's ends are Wilson's (1927, JASA 22:209), for the number of
independent answers that has this V, and so within 0 and 1. A difference of two rules on the same
episodes is treated like answers. These intervals do not speak for other writers, other sensors or
other training seeds; windows of one continuous recording count as separate recordings.

If all episodes have the same accuracy, for example because all answers are right, an error rate up
to 3 / n cannot be excluded at 95 %, with n the number of recordings (the rule of three: Hanley &
Lippman-Hand 1983, JAMA 249:1743). The same holds for two rules with the same answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arguments import need
from ..parallel.once import once

LEVEL = 0.95
LEAST = 3.0  # least degrees of freedom of V_E + V_R: fewer are an artefact of its estimate
CAUTION = 0.6  # standard errors; tests/benchmarks/interval_coverage.py shows its effect
ANSWERS, DIFFERENCES = (0.0, 1.0), (-1.0, 1.0)
ERRORS = (0.0, np.inf)
ANYTHING = (-np.inf, np.inf)
HALVES = "ci95", "ci95_recordings", "ci95_classes"
POPULATIONS = {
    "classes": "new classes and new recordings",
    "recordings": "new recordings of the same classes",
    "episodes": "more episodes of the same kind",
}


def ci95(values: Sequence[float]) -> float | None:
    """Return half the interval over episodes, 1.96 s / sqrt(n) with the sample standard deviation
    s; None for a single value."""
    return 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else None


def rule_of_three(n: int) -> float:
    """Return the rate that cannot be excluded at 95 % after n cases without an exception: 3 / n, at
    most 1."""
    return min(3 / n, 1.0)


def over_trials(values: Sequence[float]) -> float | None:
    """Return half the 95 % interval of the mean of a few independent values, such as training
    seeds: t s / sqrt(n), Student's t with n - 1 degrees of freedom (2.26 for 10 values, 4.30 for
    3). None for a single value."""
    n = len(values)
    return None if n < 2 else _t(n - 1) * float(np.std(values, ddof=1)) / n**0.5


class Interval(NamedTuple):
    """A 95 % interval, low to high; half, the longer distance from the mean to an end, so that mean
    ± half contains it; and its population, one of POPULATIONS."""

    half: float
    low: float
    high: float
    population: str

    def as_json(self) -> dict[str, float | str]:
        """Return the interval in JSON's types, its population in words."""
        return dict(self._asdict(), population=POPULATIONS[self.population])


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % intervals.

    interval                              the one to quote; None for a single episode
    ci95, ci95_recordings, ci95_classes   half of those over episodes, which does not hold for new
                                          recordings, over recordings and over classes; None where
                                          not known
    """

    mean: float
    interval: Interval | None = None
    ci95: float | None = None
    ci95_recordings: float | None = None
    ci95_classes: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the intervals in JSON's types."""
        halves = {name: getattr(self, name) for name in HALVES}
        return dict(interval=self.interval and self.interval.as_json(), **halves)

    @property
    def half(self) -> float:
        """Half the interval to quote, or else the one over episodes; used in displays and
        verdicts."""
        if self.interval is not None:
            return self.interval.half
        return np.inf if self.ci95 is None else self.ci95

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    def percent(self) -> str:
        """Format for a table: 98.7 ± 0.8."""
        margin = f" ± {100 * self.half:.1f}" if self.half < np.inf else ""
        return f"{100 * self.mean:.1f}{margin}"

    def points(self) -> str:
        """Format a difference for a table: +0.31 ± 0.35."""
        return f"{100 * self.mean:+.2f} ± {100 * (self.half if self.half < np.inf else 0):.2f}"

    def columns(self) -> tuple[str, str | None]:
        """Format both columns of a table: `percent`, and half the interval over episodes if another
        one is quoted."""
        if self.interval is None or self.ci95 is None:
            return self.percent(), None
        return self.percent(), f"± {100 * self.ci95:.1f}"


def of_values(values: Sequence[float]) -> Estimate:
    """Estimate the mean of values, one for each episode."""
    return Estimate(float(np.mean(values)), ci95=ci95(values))


def of_trials(values: Sequence[float]) -> Estimate:
    """Estimate the mean of a few independent values, such as training seeds (`over_trials`)."""
    return Estimate(float(np.mean(values)), ci95=over_trials(values))


class Drawn(NamedTuple):
    """The recordings and labels behind the answers of an episode.

    query     (Q, S) the recordings of each query sample, S = 0 if unknown
    of        (Q,) the labels
    support   (m, S) the recordings that were learned, m = 0 if they do not count
    learned   (m,) their labels
    classes   the names of the labels
    """

    query: np.ndarray
    of: np.ndarray
    support: np.ndarray
    learned: np.ndarray
    classes: tuple[str, ...]


class Shared:
    """The recordings and classes that episodes share, and the intervals that follow for any answers
    to them.

    drawn   one per episode, with the same number of answers in each. Raises ValueError if the
            numbers of answers differ.
    """

    def __init__(self, drawn: Sequence[Drawn]):
        sizes = {len(episode.of) for episode in drawn}
        if len(sizes) != 1 or any(len(episode.query) != len(episode.of) for episode in drawn):
            raise ValueError(
                f"episodes have {sorted(sizes)} answers; expected one episode or more, with as "
                "many in each"
            )
        self.episodes = len(drawn)
        self.each = sizes.pop()
        self.answers = self.episodes * self.each
        self.sides = drawn[0].query.shape[1]
        names = sorted({name for episode in drawn for name in episode.classes})
        number = {name: k for k, name in enumerate(names)}
        self.classes = np.zeros((self.episodes, len(names)))
        query, support = [], []
        for episode, one in enumerate(drawn):
            label = np.array([number[name] for name in one.classes], np.int64)
            self.classes[episode, label] = 1
            query.append(self._occurrences(episode, one.query, label[one.of]))
            support.append(self._occurrences(episode, one.support, label[one.learned]))
        self.query = np.concatenate(query, 1)
        self.support = np.concatenate(support, 1)
        if not self.sides:
            return
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        # recordings numbered from 0 on; their symbols, which share places in samples; and their
        # cells, one per episode
        both = np.concatenate([self.query, self.support], 1)
        known, recording = np.unique(both[0], return_inverse=True)
        n = len(known)
        size = n + len(names) * self.sides
        edges = coo_matrix((np.ones(len(recording)), (recording, n + both[2])), (size, size))
        component = connected_components(edges, directed=False)[1][:n]
        self.symbol = np.unique(component, return_inverse=True)[1]
        cell, place = np.unique(recording * self.episodes + both[1], return_inverse=True)
        self.cell_recording, self.cell_episode = np.divmod(cell, self.episodes)
        self.query_cell, self.support_cell = np.split(place, [self.query.shape[1]])

    def _occurrences(self, episode: int, recordings: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Return (4, n): recording, episode, place in a class (class and side), and sample."""
        samples = np.arange(len(recordings)) + episode * self.each
        places = label[:, None] * self.sides + np.arange(self.sides)
        which = np.asarray(recordings, np.int64).ravel()
        parts = which, np.full_like(which, episode), places.ravel(), np.repeat(samples, self.sides)
        return np.stack(parts)

    @property
    def population(self) -> str:
        """The population of the interval to quote. The classes are a sample of others if each is a
        symbol and episodes have only some of them; pairs of ten digits are no such sample."""
        if not self.sides:
            return "episodes"
        return "recordings" if self._moments is None else "classes"

    def same(self, other: "Shared") -> bool:
        """Return whether both have the same episodes."""
        mine, others = ((side.query, side.support, side.classes) for side in (self, other))
        return all(np.array_equal(a, b) for a, b in zip(mine, others))

    def estimate(self, right: np.ndarray, within: tuple[float, float] = ANSWERS) -> Estimate:
        """Estimate the mean of the answers (n,), or of their differences or errors.

        within   range of the mean: ANSWERS, right or wrong, whose ends are Wilson's; DIFFERENCES
                 of two; ERRORS; or ANYTHING, differences of errors

        Raises ValueError if their number is not that of the episodes' answers."""
        right = np.asarray(right, float)
        need(
            "right", right.shape, right.shape == (self.answers,), f"({self.answers},), all answers"
        )
        mean = float(right.mean())
        accuracy = right.reshape(self.episodes, -1).mean(1)
        alike = bool(np.ptp(accuracy) < 1e-12)  # all episodes have the same accuracy
        # the rule of three is for right and wrong
        if self.episodes == 1 or alike and np.isinf(within).any():
            return Estimate(mean)
        halves = self._alike() if alike else self._halves(right - mean)
        centre = mean
        half = halves[self.population]
        if within == ANSWERS and not alike:  # Wilson's, for as many answers as have this half
            excess = half**2 / (mean * (1 - mean))  # z^2 / n
            centre = (mean + excess / 2) / (1 + excess)
            half = (half**2 + excess**2 / 4) ** 0.5 / (1 + excess)
        low = max(centre - half, within[0])
        high = min(centre + half, within[1])
        lead = Interval(max(mean - low, high - mean), low, high, self.population)
        over_episodes = halves["episodes"] if np.ptp(right) == 0 else ci95(accuracy.tolist())
        others = halves.get("recordings"), halves.get("classes")
        return Estimate(mean, lead, over_episodes, *others)

    def _alike(self) -> dict[str, float]:
        """Return half the intervals if all episodes have the same accuracy."""
        halves = {"episodes": rule_of_three(self.answers)}
        if self.sides:
            of_these = ["recordings"] + ["classes"] * (self._moments is not None)
            halves |= dict.fromkeys(of_these, rule_of_three(len(self.symbol)))
        return halves

    def _halves(self, rest: np.ndarray) -> dict[str, float]:
        """Return half the symmetric interval for each population, from deviations from the mean."""
        accuracy = rest.reshape(self.episodes, self.each).mean(1)
        variance = float(accuracy.var(ddof=1)) / self.episodes
        noise = 2 * variance**2 / (self.episodes - 1)  # Var(V)
        halves = {"episodes": _t(self.episodes - 1) * variance**0.5}
        if not self.sides:
            return halves
        terms = self._of_recordings(rest, accuracy)
        mean = np.bincount(self.symbol, terms) / np.bincount(self.symbol)
        # noise may bring it below V_E
        variance = max(variance + float(terms.sum()), variance / 2)
        noise += float(((terms - mean[self.symbol]) ** 2).sum())
        free = max(2 * variance**2 / noise, LEAST) if noise else LEAST
        halves["recordings"] = _t(free) * variance**0.5 if noise else 0.0
        if self._moments is not None:
            whole, error = self._of_classes(accuracy)
            more = max(whole - variance + CAUTION * error, 0.0)
            quantiles = _t(np.inf), _t(self.classes.shape[1] - 1)
            halves["classes"] = (quantiles[0] ** 2 * variance + quantiles[1] ** 2 * more) ** 0.5
        return halves

    def _of_recordings(self, rest: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
        """Return every recording's part of V_R, (recordings,)."""
        cells = len(self.cell_episode)
        asked = np.bincount(self.query_cell, rest[self.query[3]], cells)
        often = np.bincount(self.support_cell, minlength=cells)
        learned = often * (self.each * accuracy)[self.cell_episode]
        found = np.zeros(len(self.symbol))
        pairs = ((asked, asked, 1), (learned, learned, 1), (asked, learned, 2))
        for (one, other, times), (how_many, how_many_apart) in zip(pairs, self._counted):
            shared, apart = self._pairs(one, other)
            mean = apart / np.maximum(how_many_apart, 1)
            found += times * (shared - how_many * mean[self.symbol])
        return found / self.answers**2

    @once
    def _counted(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Count the pairs of `_pairs` for queries, for support recordings, and for both."""
        cells = len(self.cell_episode)
        asked, learned = (
            np.bincount(of, minlength=cells).astype(float)
            for of in (self.query_cell, self.support_cell)
        )
        return [
            self._pairs(asked, asked),
            self._pairs(learned, learned),
            self._pairs(asked, learned),
        ]

    def _pairs(self, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sum products of values of cells (recording, episode) over pairs of different episodes:
        for each recording, pairs that share it; for each symbol, pairs with different recordings of
        it."""
        size = int(self.symbol.max()) + 1, self.episodes
        place = self.symbol[self.cell_recording] * self.episodes + self.cell_episode
        products = np.bincount(self.cell_recording, one * other, len(self.symbol))
        (a, a_symbol), (b, b_symbol) = (
            (
                np.bincount(self.cell_recording, cells, len(self.symbol)),
                np.bincount(place, cells, size[0] * size[1]).reshape(size),
            )
            for cells in (one, other)
        )
        shared = a * b - products
        whole = a_symbol.sum(1) * b_symbol.sum(1) - (a_symbol * b_symbol).sum(1)
        return shared, whole - np.bincount(self.symbol, shared)

    @once
    def _moments(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the eigenvalues of H Z Z' H, where H subtracts the mean, and the weights of sum (A
        - mean)^2 and |Z'(A - mean)|^2 in Var(mean A). None where classes are made of several
        symbols, or episodes do not share some of their classes."""
        Z = self.classes
        episodes = self.episodes
        if self.sides != 1 or episodes < 3:
            return None
        centred = Z - Z.mean(0)
        # the same up to zeros
        gram = centred.T @ centred if Z.shape[1] < episodes else centred @ centred.T
        values = np.clip(np.linalg.eigvalsh(gram)[::-1][: episodes - 1], 0.0, None)
        first, second = _sums(values)
        system = np.array([[first, second], [episodes - 1, first]])  # rows: of sigma^2, of tau^2
        if second * (episodes - 1) - first**2 <= 1e-9 * max(second * episodes, 1.0):
            return None
        wanted = np.array([(Z.sum(0) ** 2).sum(), episodes]) / episodes**2
        return values, np.linalg.solve(system, wanted)

    def _of_classes(self, accuracy: np.ndarray) -> tuple[float, float]:
        """Return Var(mean A) for classes as a sample, and its standard error."""
        values, weights = self._moments
        rest = accuracy - accuracy.mean()
        squares = np.array([rest @ rest, ((self.classes.T @ rest) ** 2).sum()])
        first, second = _sums(values)
        free = self.episodes - 1
        sigma2, tau2 = np.linalg.solve(np.array([[first, free], [second, first]]), squares)
        if sigma2 < 0 or tau2 < 0:
            sigma2, tau2 = 0.0, squares[0] / free
        of_values = (weights[0] + weights[1] * values) * (sigma2 * values + tau2)
        others = max(free - len(values), 0) * (weights[0] * tau2) ** 2
        return float(weights @ squares), float(2 * ((of_values**2).sum() + others)) ** 0.5


def _sums(values: np.ndarray) -> tuple[float, float]:
    """Return the sum, and the sum of squares."""
    return float(values.sum()), float((values**2).sum())


def _t(free: float) -> float:
    """Return Student's quantile."""
    from scipy.special import stdtrit

    return float(stdtrit(free, (1 + LEVEL) / 2))
