"""Figure 5: histograms of the readout's update magnitudes, and what is lost where small updates are
not made (Eq. 6)."""

from dataclasses import replace
from functools import partial

import numpy as np

from ..plots import COLOURS
from .drawing import drawn
from .findings import Findings
from .statistics import difference, estimate
from .study import Study
from .updates import EDGES, STATISTICS, inner_updates, made, outer_updates, plain_updates

TITLE = "Figure 5: few, large updates: histograms, and the threshold of Eq. 6"
FRACTION = 0.05  # of the range of magnitudes in a layer
FRACTIONS = (0.05, 0.25, 0.5)
DATASET, ROLE = "double-nmnist", "double-nmnist/maml-snn"


def run(study: Study, found: Findings) -> None:
    if study.network(ROLE) is None:
        found.missing.append("no network meta-trained by MAML")
        return
    whole = study.accuracies(ROLE, DATASET)
    rows = [["none", *estimate(whole).columns(), None, made(inner_updates(study))]]

    for fraction in FRACTIONS:
        gated = study.accuracies(
            ROLE,
            DATASET,
            inner=partial(replace, threshold_fraction=fraction),
            key=f"gate-{fraction:g}",
        )
        loss = difference(whole, gated)
        right = estimate(gated)
        number = made(inner_updates(study, fraction))
        rows.append([f"{fraction:.0%} of the range", *right.columns(), loss.points(), number])
        if fraction == FRACTION:
            found.claim(
                "updates below 5 % of the range can be left out at adaptation",
                "no loss shown",
                loss,
                most=1,
                rule="accuracy without minus with the gate, paired, below 1 point",
            )
            found.summary = (
                f"With the gate of Eq. 6 at {fraction:.0%}, {number} updates of the readout are "
                "made and "
                f"{right.percent()} % are right (all of them: {estimate(whole).percent()} %)."
            )
    found.table(
        "figure-5",
        "Accuracy on unseen classes of Double N-MNIST with a threshold on the updates (%)",
        "threshold | accuracy ± 95 % CI | over episodes | loss, paired (points) | updates of the "
        "readout made",
        rows,
        "The threshold is a fraction of the range of update magnitudes in each layer.",
    )
    parts = {"inner loop": inner_updates(study), "outer loop": outer_updates(study)}
    if study.network("double-nmnist/pretrained-snn") is not None:
        parts["non-meta training"] = plain_updates(study)
    found.figures["figure-5"] = (
        _draw(parts, inner_updates(study, FRACTION)),
        "Magnitudes of single updates of the readout; the gate leaves the large ones.",
    )


def _draw(parts: dict[str, np.ndarray], gated: np.ndarray):
    middle = 10 ** ((EDGES[1:] + EDGES[:-1]) / 2)
    counts = {
        name: values[:, len(STATISTICS) :].mean(0)
        for name, values in {**parts, "gated": gated}.items()
    }
    with drawn(8.4, 3.6, 2, sharex=True) as (fig, (left, right)):
        for name, colour in zip(parts, (COLOURS["vermillion"], COLOURS["blue"], COLOURS["green"])):
            share = counts[name] / parts[name][0, 5] * 100
            left.fill_between(middle, share, step="mid", alpha=0.35, color=colour)
            left.step(middle, share, where="mid", color=colour, label=name, linewidth=1.2)
        labels = {
            "inner loop": ("0.7", "all"),
            "gated": (COLOURS["vermillion"], f"above {FRACTION:.0%} of the range"),
        }
        for name, (colour, label) in labels.items():
            right.fill_between(
                middle, counts[name], step="mid", color=colour, alpha=0.8, label=label
            )
        left.set(
            ylabel="share of the readout's values (%)",
            title="Inner-loop updates are the large ones",
        )
        right.set(ylabel="values an update", title="Inner loop with the gate of Eq. 6")
        for axes in (left, right):
            axes.set(xscale="log", xlabel="magnitude of an update", xlim=(1e-7, 10))
            axes.set_ylim(top=1.25 * axes.get_ylim()[1])
            axes.legend(fontsize=8, loc="upper left")
    return fig
