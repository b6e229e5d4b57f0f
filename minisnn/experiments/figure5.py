"""Figure 5: histograms of the readout's update magnitudes, and what is lost where small updates are not made (Eq. 6)."""

from dataclasses import replace

import numpy as np

from .findings import Findings, Table
from .statistics import difference, estimate, judge
from .study import Study
from .updates import EDGES, STATISTICS, inner_updates, outer_updates, plain_updates

TITLE = "Figure 5: few, large updates: histograms, and the threshold of Eq. 6"
FRACTION = 0.05  # of the range of magnitudes in a layer
FRACTIONS = (0.05, 0.25, 0.5)
ROLE, GATED = "double-nmnist/maml-snn", "double-nmnist/gated-snn"


def run(study: Study) -> Findings:
    found = Findings(study.name, TITLE)
    if study.network(ROLE) is None:
        found.missing.append("no network meta-trained by MAML")
        return found
    whole = study.accuracies(ROLE, "double-nmnist")
    rows = [["none", "-", estimate(whole).percent(), None, _made(inner_updates(study))]]
    for fraction in FRACTIONS:
        gated = study.accuracies(
            ROLE, "double-nmnist", inner=lambda loop, f=fraction: replace(loop, threshold_fraction=f), key=f"gate-{fraction:g}"
        )
        loss = difference(whole, gated)
        rows.append(
            [
                f"{fraction:.0%} of the range",
                "adaptation",
                estimate(gated).percent(),
                f"{100 * loss.mean:+.2f} ± {100 * (loss.ci95 or 0):.2f}",
                _made(inner_updates(study, fraction)),
            ]
        )
        if fraction == FRACTION:
            found.claims.append(
                judge(
                    "updates below 5 % of the range can be left out at adaptation",
                    "no loss shown",
                    loss,
                    most=1,
                    rule="accuracy without minus with the gate, paired, below 1 point",
                )
            )
            found.summary = (
                f"With the gate of Eq. 6 at {fraction:.0%}, {rows[-1][-1]} updates of the readout are made and "
                f"{estimate(gated).percent()} % are right (all of them: {estimate(whole).percent()} %)."
            )
    if study.network(GATED) is None:
        found.missing.append("the gate in meta-training, too: no network meta-trained with it")
    else:
        both = study.accuracies(GATED, "double-nmnist")
        loss = difference(whole, both)
        rows.append(
            [
                f"{FRACTION:.0%} of the range",
                "adaptation and meta-training",
                estimate(both).percent(),
                f"{100 * loss.mean:+.2f} ± {100 * (loss.ci95 or 0):.2f}",
                None,
            ]
        )
        found.claims.append(
            judge(
                "meta-training with the gate loses nothing",
                "no loss shown",
                loss,
                most=1,
                rule="accuracy without minus with the gate in both loops, paired, below 1 point",
            )
        )
    found.tables.append(
        Table(
            "figure-5",
            "Accuracy on unseen classes of Double N-MNIST with a threshold on the updates (%)",
            ["threshold", "gate at", "accuracy ± 95 % CI", "loss, paired (points)", "updates of the readout made"],
            rows,
            "The threshold is a fraction of the range of update magnitudes in each layer.",
        )
    )
    parts = {"inner loop": inner_updates(study), "outer loop": outer_updates(study)}
    if study.network("double-nmnist/pretrained-snn") is not None:
        parts["non-meta training"] = plain_updates(study)
    found.figures["figure-5"] = (
        _draw(parts, inner_updates(study, FRACTION)),
        "Magnitudes of single updates of the readout; the gate leaves the large ones.",
    )
    return found


def _made(values: np.ndarray) -> str:
    return f"{values[:, 4].mean():,.0f} of {values[0, 5]:,.0f}"


def _draw(parts: dict[str, np.ndarray], gated: np.ndarray):
    from ..plots import COLOURS, figure, style

    middle = (EDGES[1:] + EDGES[:-1]) / 2
    with style():
        fig = figure(8.4, 3.6)
        left, right = fig.subplots(1, 2, sharex=True)
        for (name, values), colour in zip(parts.items(), (COLOURS["vermillion"], COLOURS["blue"], COLOURS["green"])):
            counts = values[:, len(STATISTICS) :].mean(0)
            left.fill_between(10**middle, counts / values[0, 5] * 100, step="mid", alpha=0.35, color=colour)
            left.step(10**middle, counts / values[0, 5] * 100, where="mid", color=colour, label=name, linewidth=1.2)
        inner = parts["inner loop"]
        for values, colour, name in (
            (inner, "0.7", "all"),
            (gated, COLOURS["vermillion"], f"above {FRACTION:.0%} of the range"),
        ):
            right.fill_between(
                10**middle, values[:, len(STATISTICS) :].mean(0), step="mid", color=colour, alpha=0.8, label=name
            )
        left.set(ylabel="share of the readout's values (%)", title="Inner-loop updates are the large ones")
        right.set(ylabel="values an update", title="Inner loop with the gate of Eq. 6")
        for axes in (left, right):
            axes.set(xscale="log", xlabel="magnitude of an update", xlim=(1e-7, 10))
            axes.set_ylim(top=1.25 * axes.get_ylim()[1])
            axes.legend(fontsize=8, loc="upper left")
    return fig
