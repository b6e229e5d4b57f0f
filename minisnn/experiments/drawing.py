"""What the figures of experiments have in common: accuracies with their intervals, in percent, one
colour a data set."""

import math
from collections.abc import Iterable, Sequence
from contextlib import contextmanager

from ..plots import COLOURS, figure, style
from .statistics import Estimate

TWO = (COLOURS["blue"], COLOURS["vermillion"])


@contextmanager
def drawn(width: float, height: float, columns: int = 1, **shared):
    """(figure, its axes side by side) in the house style."""
    with style():
        made = figure(width, height)
        yield made, made.subplots(1, columns, squeeze=False, **shared)[0]


def percents(estimates: Sequence[Estimate]) -> tuple[list[float], list[float]]:
    """Means and half intervals in percent."""
    return [100 * e.mean for e in estimates], [
        100 * e.half if math.isfinite(e.half) else 0.0 for e in estimates
    ]


def errorbars(
    axes, places: Iterable[float], estimates: Sequence[Estimate], colour, line: str = "o-", **more
) -> None:
    """Means in percent with their 95 % intervals."""
    means, halves = percents(estimates)
    axes.errorbar(
        list(places), means, yerr=halves, fmt=line, color=colour, **{"capsize": 3, **more}
    )


def curves_of(
    curves: dict[str, dict[float, Estimate]],
    size=(6.0, 3.4),
    legend=None,
    **settings,
):
    """Figure of an estimate against a number, a curve a name, with ticks where there are values,
    and `settings` of its axes."""
    with drawn(*size) as (fig, (axes,)):
        for (name, curve), colour in zip(curves.items(), TWO):
            errorbars(axes, curve, list(curve.values()), colour, label=name)
        axes.set_xticks(sorted({x for curve in curves.values() for x in curve}))
        axes.set(**{"ylabel": "accuracy (%)", **settings})
        axes.legend(loc=legend)
    return fig


def chance(axes, percent: float) -> None:
    """A dotted line where guessing lies."""
    axes.axhline(percent, color="0.4", linestyle=":", linewidth=1.2)
