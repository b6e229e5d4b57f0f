"""The results of a check: one `Result` per row, and a `Report` that names the faulty part. A
hand-written derivative is compared with one of

    dual numbers          f(z + v eps) = f(z) + f'(z) v eps                exact
    differences           f'(z) v ~ (f(z + h v) - f(z - h v)) / 2h, corrected by that of 2h

The error of a difference grows like h^4 (truncation) and like 1/h (rounding), a V on logarithmic
axes; the best of several step sizes is reported.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from ..arguments import NotFinite

EXACT = 1e-13
STEPS = (1e-3, 1e-4, 3e-3, 3e-4, 1e-5, 3e-5, 1e-2, 1e-6)  # tried in this order
SMOOTH_STEPS = (1e-5, 1e-4, 1e-6, 3e-5, 3e-6, 3e-7, 1e-7)  # short, because of kinks of sigma'


@dataclass(frozen=True)
class Result:
    """The check of one hand-written derivative.

    what       the derivative, "LIF.backward dI", "gradient"
    where      layer or parameter array, "conv1"
    how        method of the check, "adjoint", "differences, jet", ...
    error      relative error
    tolerance  largest error that is accepted
    note       the wrong values, or the step size
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
    """All results of `check`, which stops after the first stage that fails. `ok` tells whether all
    checks passed, `guilty` lists the results that failed, and `str()` gives an aligned table."""

    title: str
    results: list[Result]

    @property
    def ok(self) -> bool:
        return not self.guilty

    @property
    def guilty(self) -> list[Result]:
        return [row for row in self.results if not row.ok]

    def worst(self, what: str) -> float:
        """The largest error among the rows whose `what` starts with this word; 0 if there are
        none."""
        return max((row.error for row in self.results if row.what.startswith(what)), default=0.0)

    def __str__(self) -> str:
        return f"{self.title}\n{self.table()}\n{self.summary()}"

    def table(self) -> str:
        """A table with all failures, and with the largest error for each pair of `what` and
        `how`."""
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
        # numbers are right-aligned
        sides = [f"{'<<<>><<'[n]}{max(map(len, words))}" for n, words in enumerate(zip(*lines))]
        return "\n".join("  ".join(map(format, line, sides)).rstrip() for line in lines)

    def summary(self) -> str:
        """Say in one sentence that all checks pass, or which part is faulty."""
        if self.ok:
            return f"All {len(self.results)} checks hold."
        blame = "; ".join(f"{row.what} in {row.where}" for row in self.guilty)
        return f"{len(self.guilty)} of {len(self.results)} checks FAILED. To blame: {blame}."


def share(difference: Any, scale: Any) -> float:
    """|difference| / scale; |difference| if scale is 0."""
    return abs(difference) / (scale or 1.0)


def relative(found: Any, wanted: Any, floor: Any = 0.0) -> float:
    """|found - wanted| / |wanted|, with |wanted| at least `floor`."""
    return share(norm(found - wanted), max(norm(wanted), floor))


def central(f: Callable, h: float) -> Any:
    """f'(0), approximated by differences of fourth order."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


# Far from the recorded point the jet form grows like a polynomial of high degree: a long step may
# overflow.
@np.errstate(over="ignore", invalid="ignore")
def differences(
    what: str,
    where: str,
    mistake: Callable[[float], float],
    tolerance: float = 1e-7,
    twin: str = "",
) -> Result:
    """Return a row with the smallest mistake(h) over all step sizes h. The search stops early at an
    error that is far below the tolerance."""
    best = np.inf, np.inf
    for h in SMOOTH_STEPS if twin == "smooth" else STEPS:
        with suppress(NotFinite):
            best = min(best, (mistake(h), h))
        if best[0] <= tolerance / 30:
            break
    how = f"differences, {twin}".rstrip(", ")
    return Result(what, where, how, best[0], tolerance, f"h = {best[1]:.0e}")
