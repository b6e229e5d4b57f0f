"""Means, intervals and verdicts: what the numbers of an experiment say, and how surely.

Few-shot accuracy is given as mean ± half of a 95 % interval, which speaks for new recordings or for
new classes (`training.intervals`). As in the paper, it is also given as mean ± standard deviation
over trials: the episodes in equal blocks, a trial being the mean of a block. Two methods are
compared on the same episodes, by the interval of the difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..training.baselines import Row
from ..training.intervals import Interval, ci95, over_trials

Values = Sequence[float] | Row  # one an episode

TRIALS = 10


def some_of(episodes: int) -> int:
    """Episodes of a side experiment, where the main ones have so many: half of them, 2 to 200."""
    return min(max(episodes // 2, 2), 200)


@dataclass(frozen=True)
class Estimate:
    """A mean, half its 95 % interval over episodes, the standard deviation over trials (None with
    too few values), and the interval that leads, for whom it speaks (None where only episodes are
    known)."""

    mean: float
    ci95: float | None
    sd: float | None
    n: int
    interval: Interval | None = None

    @property
    def half(self) -> float:
        """Half the interval that leads, or that over episodes: what is shown, and what verdicts go
        by."""
        if self.interval is not None:
            return self.interval.half
        return math.inf if self.ci95 is None else self.ci95

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    def percent(self) -> str:
        """As the tables show it: 98.7 ± 0.8."""
        return f"{100 * self.mean:.1f}" + (
            f" ± {100 * self.half:.1f}" if self.half < math.inf else ""
        )

    def over_episodes(self) -> str | None:
        """Half the interval over episodes, as the tables show it, where another leads: ± 0.3."""
        return None if self.interval is None or self.ci95 is None else f"± {100 * self.ci95:.1f}"

    def columns(self) -> tuple[str, str | None]:
        """Both columns of the tables."""
        return self.percent(), self.over_episodes()

    def points(self) -> str:
        """A difference as the tables show it: +0.31 ± 0.35."""
        return f"{100 * self.mean:+.2f} ± {100 * (self.half if self.half < math.inf else 0):.2f}"


def estimate(values: Values, trials: int = TRIALS) -> Estimate:
    """Of values (n,), one an episode."""
    each = _each(values)
    sd = None
    if len(each) >= 2 * trials:
        sd = float(each[: len(each) // trials * trials].reshape(trials, -1).mean(1).std(ddof=1))
    over_episodes = values.ci95 if isinstance(values, Row) else ci95(each)
    lead = getattr(values, "interval", None)
    return Estimate(float(each.mean()), over_episodes, sd, len(each), lead)


def _each(values: Values) -> np.ndarray:
    return np.asarray(values.per_episode if isinstance(values, Row) else values, float)


def difference(one: Values, other: Values) -> Estimate:
    """Of one - other, on the same episodes in the same order; the interval that leads, where both
    know their answers."""
    found = estimate(_each(one) - _each(other))
    if not (isinstance(one, Row) and isinstance(other, Row)):
        return found
    _, intervals = one.less(other)
    return replace(found, ci95=intervals.episodes, interval=intervals.lead)


def over(values: Values) -> Estimate:
    """Of a few independent trials, by Student's t."""
    lead = getattr(values, "interval", None)
    values = _each(values)
    return Estimate(float(values.mean()), over_trials(values), None, len(values), lead)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, the number that it becomes here, and whether the two agree.

    text       the claim                     paper      what the paper gives for it
    value      our number, with low and high the ends of its interval, all in `unit`
    verdict    "agrees", "differs" or "inconclusive"
    rule       what was asked of the number, in words
    """

    text: str
    paper: str
    value: float
    low: float
    high: float
    unit: str
    verdict: str
    rule: str


def judge(
    text: str,
    paper: str,
    found: Estimate | float,
    least=-math.inf,
    most=math.inf,
    *,
    rule: str,
    unit="points",
    scale: float = 100.0,
) -> Claim:
    """The claim agrees where the whole interval lies in [least, most], differs where none of it
    does. A number without an interval is judged by itself.

    least, most are in the unit of the claim, `scale` times that of `found`: points (hundredths) of
    accuracy as a rule.
    """
    known = isinstance(found, Estimate)
    value = scale * (found.mean if known else found)
    low, high = (scale * found.low, scale * found.high) if known else (-math.inf, math.inf)
    first, last = (low, high) if known else (value, value)
    apart = last < least or first > most
    verdict = "differs" if apart else "inconclusive"
    if least <= first and last <= most:
        verdict = "agrees"
    return Claim(text, paper, value, low, high, unit, verdict, rule)
