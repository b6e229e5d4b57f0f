"""Pictures of float against fixed point."""

import numpy as np

from minisnn.experiments.drawing import drawn, errorbars
from minisnn.experiments.statistics import estimate
from minisnn.plots import COLOURS

from ..chip.formats import ROUNDINGS
from .episodes import DEFAULT

MARKS = dict(zip(ROUNDINGS, "osD^"))
COLOUR_OF = {
    mode: COLOURS[name] for mode, name in zip(ROUNDINGS, ("blue", "sky", "orange", "vermillion"))
}
ONE_SHOT = dict(ylabel="one-shot accuracy (%)", ylim=(0, 102))


def accuracies(axes, points: dict, rounding: str, mark: str = "o") -> None:
    """A line of accuracies with their intervals: {place: values over episodes, or a `Row`}."""
    found = [estimate(values) for values in points.values()]
    errorbars(
        axes,
        points,
        found,
        COLOUR_OF[rounding],
        f"{mark}-",
        label=rounding,
        capsize=2,
        linewidth=1,
        markersize=4,
    )


def accuracy_against_bits(curves: dict, bits, twin: float):
    """A panel for the readout alone in few bits, one for all layers; a line a rounding of the
    update.

    curves   {(conv bits, Choice): compare.Found}
    """
    titles = ("readout alone, conv layers in the most bits", "all layers")
    with drawn(8.4, 3.6, 2, sharey=True) as (fig, panels):
        for axes, title, pick in zip(panels, titles, (lambda b: max(bits), lambda b: b)):
            for n, (rounding, mark) in enumerate(MARKS.items()):
                how = (*DEFAULT[:2], rounding, *DEFAULT[3:])
                aside = 0.05 * (n - 1.5)
                chosen = {
                    b: [
                        v
                        for (conv, c), v in curves.items()
                        if (conv, c.bits, c.how) == (pick(b), b, how)
                    ]
                    for b in bits
                }
                accuracies(
                    axes,
                    {b + aside: v.row for b, values in chosen.items() for v in values},
                    rounding,
                    mark,
                )
            axes.axhline(100 * twin, color="0.5", linestyle=":", label="float twin")
            axes.set(xlabel="weight bits", title=title, xticks=list(bits))
        panels[0].set(**ONE_SHOT)
        panels[0].legend(title="rounding of the update")
        fig.suptitle("Few bits: what learning bears, and what the layers below bear")
    return fig


def accuracy_against_threshold(curves: dict, bits):
    """Accuracy and the share of synapses written against the threshold on updates."""
    with drawn(6.4, 3.6) as (fig, (axes,)):
        share = axes.twinx()
        share.spines["right"].set_visible(True)
        for b, colour in ((8, COLOURS["blue"]), (4, COLOURS["vermillion"])):
            of_bits = {
                c.how: v for (conv, c), v in curves.items() if (conv, c.bits) == (max(bits), b)
            }
            nearest = {
                how[3]: v
                for how, v in of_bits.items()
                if how == (*DEFAULT[:2], "nearest", how[3], DEFAULT[4])
            }
            percent = sorted(nearest)
            right, written = (
                100 * np.array([(nearest[p].row.mean, nearest[p].shares[0]) for p in percent])
            ).T
            axes.plot(percent, right, "o-", color=colour, label=f"accuracy, readout of {b} bits")
            share.plot(percent, written, "s:", color=colour, markersize=3)
        axes.set(xlabel="threshold Θ (% of the largest update)", **ONE_SHOT)
        axes.set(title="Only the largest updates are written (dotted: share of synapses)")
        share.set(ylabel="synapses written (%)", ylim=(0, None))
        axes.legend(loc="lower left")
    return fig
