"""Figure 5: histograms of the readout's update magnitudes, and what is lost where small updates are
not made (Eq. 6)."""

from collections.abc import Iterable
from dataclasses import replace

from ..plots import COLOURS
from ..training.baselines import Adapted
from .drawing import drawn
from .findings import Findings
from .study import Study
from .sweep import Case, Curve, Sweep
from .updates import EDGES, STATISTICS, inner_updates, made, outer_updates, plain_updates

# of the range of magnitudes in a layer
FRACTIONS = {
    "none": None,
    "5% of the range": 0.05,
    "25% of the range": 0.25,
    "50% of the range": 0.5,
}
GATED = "5% of the range"


def thresholds(study: Study, found: Findings) -> Iterable[Curve]:
    network = study.network("double-nmnist/maml-snn")
    if network is None:
        found.missing.append("no network meta-trained by MAML")
        return
    cases = []
    for name, fraction in FRACTIONS.items():
        loop = replace(network.loop, threshold_fraction=fraction)
        cases.append(Case(name, Adapted(network.net, network.theta, loop)))
    yield Curve([], study, "double-nmnist", cases, network)


def updates_made(curve: Curve, episodes: int) -> None:
    """How many of the readout's values an update changes."""
    for name, fraction in FRACTIONS.items():
        curve.more[name] = [made(inner_updates(curve.study, fraction))]


def little_is_lost(found: Findings, curves: list[Curve]) -> None:
    for curve in curves:
        found.claim(
            "updates below 5 % of the range can be left out at adaptation",
            "no loss shown",
            curve.compared[GATED],
            most=1,
            rule="accuracy without minus with the gate, paired, below 1 point",
        )


def histograms(curves: list[Curve]):
    """Magnitudes of updates: of both loops and of plain training, and of those above the gate."""
    [curve] = curves
    study = curve.study
    parts = {"inner loop": inner_updates(study), "outer loop": outer_updates(study)}
    if study.network("double-nmnist/pretrained-snn") is not None:
        parts["non-meta training"] = plain_updates(study)
    middle = 10 ** ((EDGES[1:] + EDGES[:-1]) / 2)
    with drawn(8.4, 3.6, 2, sharex=True) as (fig, (left, right)):
        for (name, values), colour in zip(parts.items(), COLOURS.values()):
            share = values[:, len(STATISTICS) :].mean(0) / values[0, 5] * 100
            left.step(middle, share, where="mid", color=colour, label=name)
        gated = inner_updates(study, FRACTIONS[GATED])
        for values, colour, label in (
            (parts["inner loop"], "0.7", "all"),
            (gated, COLOURS["vermillion"], f"above {GATED}"),
        ):
            counts = values[:, len(STATISTICS) :].mean(0)
            right.fill_between(middle, counts, step="mid", color=colour, label=label)
        left.set(ylabel="share of the readout's values (%)", title="Updates of the inner loop")
        right.set(ylabel="values an update", title="Inner loop with the gate of Eq. 6")
        for axes in (left, right):
            axes.set(xscale="log", xlabel="magnitude of an update", xlim=(1e-7, 10))
            axes.legend(fontsize=8, loc="upper left")
    return fig


THRESHOLDS = Sweep(
    title="Figure 5: few, large updates: histograms, and the threshold of Eq. 6",
    heading="Accuracy on unseen classes of Double N-MNIST with a threshold on the updates (%)",
    labels="threshold",
    curves=thresholds,
    against="none",
    loss=True,
    last="loss, paired (points) | updates of the readout made",
    note="The threshold is a fraction of the range of update magnitudes in each layer.",
    some=False,
    more=updates_made,
    claims=little_is_lost,
    axes={},
    caption="Magnitudes of single updates of the readout; the gate leaves the large ones.",
    draw=histograms,
)
