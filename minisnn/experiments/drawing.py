"""Common parts of the experiments' figures: accuracies with their intervals, in percent, one colour
for each data set."""

import math
from collections.abc import Iterable, Sequence
from contextlib import contextmanager

from ..plots import COLOURS, figure, style
from ..training.intervals import Estimate


@contextmanager
def drawn(width: float, height: float, columns: int = 1, **shared):
    """Make a figure and its axes, side by side, in the common style."""
    with style():
        fig = figure(width, height)
        yield fig, fig.subplots(1, columns, squeeze=False, **shared)[0]


def errorbars(
    axes, places: Iterable[float], estimates: Sequence[Estimate], colour, line: str = "o-", **more
) -> None:
    """Draw means in percent with their 95 % intervals."""
    halves = [100 * e.half if math.isfinite(e.half) else 0.0 for e in estimates]
    more = dict(fmt=line, color=colour, capsize=3) | more
    axes.errorbar(list(places), [100 * e.mean for e in estimates], yerr=halves, **more)


def curves_of(curves, size=(6.4, 3.6), panel: int | None = None, guess=None, **settings):
    """Draw estimates against the values of each curve (`sweep.Curve`), at their numeric positions
    if any is a number.

    panel      index of the label that names a curve's panel, if there are several
    guess      level of chance in percent
    settings of the axes
    """
    names = [""] if panel is None else list(dict.fromkeys(curve.labels[panel] for curve in curves))
    with drawn(*size, len(names), sharey=True) as (fig, panels):
        for axes, name in zip(panels, names):
            shown = [curve for curve in curves if panel is None or curve.labels[panel] == name]
            _draw(axes, shown, name)
            axes.set(**{"ylabel": "accuracy (%)", "title": name, **settings})
            axes.legend(fontsize="small")
            if guess is not None:
                axes.axhline(guess, color="0.4", linestyle=":", linewidth=1.2)
    return fig


def _draw(axes, curves, name: str) -> None:
    values = list(dict.fromkeys(value for curve in curves for value in curve.rows))
    places = {value: value for value in values if not isinstance(value, str)}
    places = places or {value: place for place, value in enumerate(values)}
    for curve, colour in zip(curves, COLOURS.values()):
        points = {places[value]: e for value, e in curve.estimates.items() if value in places}
        label = ", ".join(word for word in curve.labels if word != name)
        errorbars(axes, points, list(points.values()), colour, label=label)
    axes.set_xticks(list(places.values()), list(map(str, places)))
