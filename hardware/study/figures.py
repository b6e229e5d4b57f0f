"""Pictures of float against fixed point."""

import numpy as np

from minisnn.experiments.statistics import estimate
from minisnn.plots import COLOURS, figure, style

from ..chip.formats import ROUNDINGS

MARKS = dict(zip(ROUNDINGS, zip("osD^", ("blue", "sky", "orange", "vermillion"))))


def accuracy_against_bits(curves: dict, bits, twin):
    """A panel for the readout alone in few bits, one for all layers; a line a rounding of the update."""
    with style():
        fig = figure(8.4, 3.6)
        titles = ("readout alone, conv layers in the most bits", "all layers")
        for axes, title, pick in zip(fig.subplots(1, 2, sharey=True), titles, (lambda b: max(bits), lambda b: b)):
            for rounding, (mark, colour) in MARKS.items():
                points = {
                    b: estimate(v[:, 0])
                    for b in bits
                    for (conv, choice), v in curves.items()
                    if conv == pick(b) and choice.bits == b and choice.how == ("membrane", "softmax", rounding, 0, False)
                }
                places = [b + 0.05 * (list(MARKS).index(rounding) - 1.5) for b in points]
                axes.errorbar(
                    places,
                    [100 * e.mean for e in points.values()],
                    yerr=[100 * (e.ci95 or 0) for e in points.values()],
                    fmt=f"{mark}-",
                    color=COLOURS[colour],
                    capsize=2,
                    linewidth=1,
                    markersize=4,
                    label=rounding,
                )
            axes.axhline(100 * np.mean(twin), color="0.5", linestyle=":", label="float twin")
            axes.set(xlabel="weight bits", title=title, xticks=list(bits))
        fig.axes[0].set(ylabel="one-shot accuracy (%)", ylim=(0, 102))
        fig.axes[0].legend(title="rounding of the update")
        fig.suptitle("Few bits: what learning bears, and what the layers below bear")
    return fig


def accuracy_against_threshold(curves: dict, bits):
    """Accuracy and the share of synapses written against the threshold on updates."""
    most = max(bits)
    with style():
        fig = figure(6.4, 3.6)
        axes = fig.subplots()
        share = axes.twinx()
        share.spines["right"].set_visible(True)
        for b, colour in ((8, "blue"), (4, "vermillion")):
            points = sorted(
                (choice.how[3], v.mean(0))
                for (conv, choice), v in curves.items()
                if conv == most
                and choice.bits == b
                and choice.how[:3] == ("membrane", "softmax", "nearest")
                and not choice.how[4]
            )
            percent = [p for p, _ in points]
            axes.plot(
                percent, [100 * v[0] for _, v in points], "o-", color=COLOURS[colour], label=f"accuracy, readout of {b} bits"
            )
            share.plot(percent, [100 * v[1] for _, v in points], "s:", color=COLOURS[colour], markersize=3)
        axes.set(
            xlabel="threshold Θ (% of the largest update)",
            ylabel="one-shot accuracy (%)",
            ylim=(0, 102),
            title="Only the largest updates are written (dotted: share of synapses)",
        )
        share.set(ylabel="synapses written (%)", ylim=(0, None))
        axes.legend(loc="lower left")
    return fig
