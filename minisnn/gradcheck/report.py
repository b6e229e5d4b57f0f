"""What a check has found: one `Result` a row, and a `Report` that names what is to blame. A derivative
that was written by hand is compared with one of these:

    dual numbers          f(z + v eps) = f(z) + f'(z) v eps                exact
    differences           f'(z) v ~ (f(z + h v) - f(z - h v)) / 2h, and less of its error by 2h

A difference is off by h^4 (truncation) and 1/h (rounding), which makes a V on logarithmic axes: the
best of several step sizes is reported.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from ..core.checks import NotFinite

EXACT = 1e-13
STEPS = (1e-3, 1e-4, 3e-3, 3e-4, 1e-5, 3e-5, 1e-2, 1e-6)  # tried in this order
SMOOTH_STEPS = (1e-5, 1e-4, 1e-6, 3e-5, 3e-6, 3e-7, 1e-7)  # a kink of sigma' asks for short ones


@dataclass(frozen=True)
class Result:
    """One comparison of a derivative that was written by hand.

    what       the derivative, "LIF.backward dI", "gradient"
    where      layer or parameter array, "conv1"
    how        how it was checked, "adjoint", "differences, jet", ...
    error      relative
    tolerance  largest error that is accepted
    note       what was found instead, or the step size
    """

    what: str
    where: str
    how: str
    error: float
    tolerance: float = EXACT
    note: str = ""

    @property
    def ok(self) -> bool:
        return self.error <= self.tolerance  # NaN is a failure


@dataclass
class Report:
    """All results of `check`, which ends with the first stage that fails. `ok`: every one holds;
    `guilty`: those to blame; `str()`: an aligned table."""

    title: str
    results: list[Result]

    @property
    def ok(self) -> bool:
        return not self.guilty

    @property
    def guilty(self) -> list[Result]:
        return [row for row in self.results if not row.ok]

    def worst(self, what: str) -> float:
        """Largest error of the rows whose `what` starts with this word; 0 where there is none."""
        return max((row.error for row in self.results if row.what.startswith(what)), default=0.0)

    def __str__(self) -> str:
        return f"{self.title}\n{self.table()}\n{self.summary()}"

    def table(self) -> str:
        """Each failure, and the largest error of each `what` and `how`."""
        worst = {}
        for row in sorted(self.results, key=lambda row: row.error):
            worst[row.what, row.how, "" if row.ok else row.where] = row
        lines = [("what", "worst at", "checked by", "error", "allowed", "", "")]
        lines += [
            (row.what, row.where, row.how, f"{row.error:.1e}", f"{row.tolerance:.1e}")
            + ("ok" if row.ok else "WRONG", row.note)
            for row in self.results
            if row in worst.values()
        ]
        # numbers to the right
        sides = [f"{'<<<>><<'[n]}{max(map(len, words))}" for n, words in enumerate(zip(*lines))]
        return "\n".join("  ".join(map(format, line, sides)).rstrip() for line in lines)

    def summary(self) -> str:
        """One sentence: that all hold, or what is to blame."""
        if self.ok:
            return f"All {len(self.results)} checks hold."
        blame = "; ".join(f"{row.what} in {row.where}" for row in self.guilty)
        return f"{len(self.guilty)} of {len(self.results)} checks FAILED. To blame: {blame}."


def share(difference: Any, scale: Any) -> float:
    """|difference| / scale; |difference| where that is 0."""
    return abs(difference) / (scale or 1.0)


def relative(found: Any, wanted: Any, floor: Any = 0.0) -> float:
    """|found - wanted| / |wanted|, the latter at least `floor`."""
    return share(norm(found - wanted), max(norm(wanted), floor))


def central(f: Callable, h: float) -> Any:
    """f'(0), by differences of fourth order."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


# Far from its record the jet form grows like a polynomial of high degree: a step may be too long
# for floating point.
@np.errstate(over="ignore", invalid="ignore")
def differences(
    what: str,
    where: str,
    mistake: Callable[[float], float],
    tolerance: float = 1e-7,
    twin: str = "",
) -> Result:
    """A row: the smallest mistake(h) over the step sizes, up to one that is far below the tolerance."""
    best = np.inf, np.inf
    for h in SMOOTH_STEPS if twin == "smooth" else STEPS:
        with suppress(NotFinite):
            best = min(best, (mistake(h), h))
        if best[0] <= tolerance / 30:
            break
    how = f"differences, {twin}".rstrip(", ")
    return Result(what, where, how, best[0], tolerance, f"h = {best[1]:.0e}")
