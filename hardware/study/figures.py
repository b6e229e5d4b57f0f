"""Pictures of float against fixed point."""

import numpy as np

from minisnn.experiments.statistics import estimate
from minisnn.plots import COLOURS, figure, style

from ..chip.formats import ROUNDINGS
from .episodes import DEFAULT

MARKS = dict(zip(ROUNDINGS, "osD^"))
COLOUR_OF = {mode: COLOURS[name] for mode, name in zip(ROUNDINGS, ("blue", "sky", "orange", "vermillion"))}


def accuracies(axes, points: dict, mark: str, colour: str, label: str) -> None:
    """A line of accuracies (%) with their intervals: {place: array over episodes}."""
    found = [estimate(values) for values in points.values()]
    axes.errorbar(
        list(points),
        [100 * e.mean for e in found],
        yerr=[100 * (e.ci95 or 0) for e in found],
        fmt=f"{mark}-",
        color=colour,
        capsize=2,
        linewidth=1,
        markersize=4,
        label=label,
    )


def accuracy_against_bits(curves: dict, bits, twin):
    """A panel for the readout alone in few bits, one for all layers; a line a rounding of the update."""
    titles = ("readout alone, conv layers in the most bits", "all layers")
    with style():
        fig = figure(8.4, 3.6)
        for axes, title, pick in zip(fig.subplots(1, 2, sharey=True), titles, (lambda b: max(bits), lambda b: b)):
            for n, (rounding, mark) in enumerate(MARKS.items()):
                how, aside = (*DEFAULT[:2], rounding, *DEFAULT[3:]), 0.05 * (n - 1.5)
                points = {
                    b + aside: v[:, 0]
                    for b in bits
                    for (conv, choice), v in curves.items()
                    if conv == pick(b) and choice.bits == b and choice.how == how
                }
                accuracies(axes, points, mark, COLOUR_OF[rounding], rounding)
            axes.axhline(100 * np.mean(twin), color="0.5", linestyle=":", label="float twin")
            axes.set(xlabel="weight bits", title=title, xticks=list(bits))
        fig.axes[0].set(ylabel="one-shot accuracy (%)", ylim=(0, 102))
        fig.axes[0].legend(title="rounding of the update")
        fig.suptitle("Few bits: what learning bears, and what the layers below bear")
    return fig


def accuracy_against_threshold(curves: dict, bits):
    """Accuracy and the share of synapses written against the threshold on updates."""
    with style():
        fig = figure(6.4, 3.6)
        axes = fig.subplots()
        share = axes.twinx()
        share.spines["right"].set_visible(True)
        for b, colour in ((8, COLOURS["blue"]), (4, COLOURS["vermillion"])):
            points = {
                choice.how[3]: 100 * v.mean(0)
                for (conv, choice), v in sorted(curves.items(), key=lambda item: item[0][1].how[3])
                if (conv, choice.bits) == (max(bits), b)
                and choice.how == ("membrane", "softmax", "nearest", choice.how[3], False)
            }
            axes.plot(list(points), [v[0] for v in points.values()], "o-", color=colour, label=f"accuracy, readout of {b} bits")
            share.plot(list(points), [v[1] for v in points.values()], "s:", color=colour, markersize=3)
        axes.set(
            xlabel="threshold Θ (% of the largest update)",
            ylabel="one-shot accuracy (%)",
            ylim=(0, 102),
            title="Only the largest updates are written (dotted: share of synapses)",
        )
        share.set(ylabel="synapses written (%)", ylim=(0, None))
        axes.legend(loc="lower left")
    return fig
