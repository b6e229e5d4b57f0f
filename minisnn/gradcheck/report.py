"""What a check found: one `Result` a row, and a `Report` that names the pass to blame."""

import math
from dataclasses import dataclass, field

# what is built from what: the lowest level that fails is to blame
LAYER, BLOCK, NETWORK, META = range(4)


@dataclass(frozen=True)
class Result:
    """One comparison of a hand-written derivative.

    what       the pass or derivative, "LIF.backward", "gradient"
    where      layer or parameter array, "conv1"
    how        how it was checked, "differences", "adjoint", ...
    error      relative, see `differences`
    tolerance  largest error that is accepted
    note       step size, slope, reason to skip
    excused    it differentiates, or is compared with, a pass that is wrong itself
    skipped    the check does not apply here; `note` says why
    """

    what: str
    where: str
    how: str
    error: float
    tolerance: float
    level: int = LAYER
    note: str = ""
    excused: bool = False
    skipped: bool = False

    @property
    def ok(self) -> bool:
        return self.skipped or self.error <= self.tolerance  # NaN is a failure

    @property
    def verdict(self) -> str:
        return (
            "skipped"
            if self.skipped
            else "ok"
            if self.ok
            else "excused"
            if self.excused
            else "WRONG"
        )

    def __str__(self) -> str:
        return _table([self])


@dataclass(frozen=True)
class Report:
    """All results of `check`. `ok`: every one holds; `guilty`: the passes to blame; `str()`: an
    aligned table."""

    title: str
    results: list[Result] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(r.ok for r in self.results)

    @property
    def failures(self) -> list[Result]:
        return [r for r in self.results if not r.ok]

    @property
    def guilty(self) -> list[Result]:
        """Failures that follow from no other: of the lowest level that fails, without the excused
        ones."""
        failures = self.failures
        level = min((r.level for r in failures), default=None)
        lowest = [r for r in failures if r.level == level]
        return [r for r in lowest if not r.excused] or lowest

    def worst(self, what: str, how: str = "") -> float:
        """Largest error of the rows whose `what` and `how` start with these words; 0 where there is
        none."""
        rows = [
            r
            for r in self.results
            if not r.skipped and r.what.startswith(what) and r.how.startswith(how)
        ]
        return max((r.error for r in rows), default=0.0)

    def table(self, every: bool = True) -> str:
        """Every row, or one a pass (its largest error, and each failure)."""
        if every:
            return _table(self.results)
        rows: dict[tuple, Result] = {}
        for r in self.results:
            key = (r.what, r.how) if r.ok else (r.what, r.how, r.where)
            if key not in rows or r.error > rows[key].error:
                rows[key] = r
        return _table(list(rows.values()))

    def __str__(self) -> str:
        return f"{self.title}\n{self.table(every=False)}\n{self.summary()}"

    def summary(self) -> str:
        skipped = sum(r.skipped for r in self.results)
        done = f"{len(self.results) - skipped} checks" + (
            f" ({skipped} skipped)" if skipped else ""
        )
        if self.ok:
            return f"All {done} hold."
        places: dict[str, list[Result]] = {}
        for r in self.guilty:
            places.setdefault(r.what, []).append(r)
        blame = []
        for what, rows in places.items():
            where = ", ".join(dict.fromkeys(r.where for r in rows))
            blame.append(
                f"{what} in {where}, off by {max(r.error for r in rows):.2g} ({rows[0].how})"
            )
        return f"{len(self.failures)} of {done} FAILED. To blame: {'; '.join(blame)}."


def _number(x: float) -> str:
    return f"{x:.1e}" if math.isfinite(x) else str(x)


def _table(results: list[Result]) -> str:
    rows = [("what", "worst at", "checked by", "error", "allowed", "", "")]
    for r in results:
        error = "-" if r.skipped else _number(r.error)
        rows.append((r.what, r.where, r.how, error, _number(r.tolerance), r.verdict, r.note))
    # numbers to the right
    sides = [f"{'<<<>><<'[n]}{max(map(len, column))}" for n, column in enumerate(zip(*rows))]
    return "\n".join("  ".join(map(format, row, sides)).rstrip() for row in rows)
