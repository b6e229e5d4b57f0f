"""Sizes of the readout's updates in the inner loop, in the outer loop, and in training without
meta-learning: Table 3; and Figure 5, with the loss from leaving out small updates (Eq. 6).

    inner loop          |a g| of one update on the support set of a test task                       one item a test episode
    outer loop          |theta' - theta| of meta-updates that continue from the meta-trained network   Adam at LR, warmed up
    non-meta training   likewise of classification updates that continue from the pretrained network   Adam at LR, warmed up

Adam's updates are proportional to its learning rate; LR is the mean of the outer loop's schedule,
and the same for both.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np

from ..meta.inner import InnerLoop, meta_gradient
from ..meta.optim import Adam, clip
from ..plots import COLOURS
from ..terminal import bar
from ..training.baselines import Adapted
from .drawing import drawn
from .findings import Findings
from .study import Settings, Study
from .sweep import Case, Curve, Sweep

# the paper's magnitudes of the readout's updates: mean, sum, largest
TABLE_3 = {
    "outer loop": ("7.72e-5 ± 2e-4", "0.296 ± 0.599", "2e-3 ± 1.7e-3"),
    "inner loop": ("4.4e-3 ± 7e-4", "17.03 ± 2.69", "0.1548 ± 0.16"),
    "non-meta training": ("5e-4 ± 2e-4", "0.5499 ± 0.2412", "1.1e-3 ± 2e-4"),
}
LR, WARM_UP, UPDATES, BATCH = 1e-3, 10, 60, 32
EDGES = np.linspace(-10, 1, 111)  # bins of the histograms: decades of the magnitude
STATISTICS = ("mean", "mean of the non-zero", "sum", "largest", "non-zero", "values")


def summary(update: np.ndarray) -> list[float]:
    """Return STATISTICS of |update|, then its histogram over EDGES (zeros are in no bin)."""
    size = np.abs(np.asarray(update, float))
    some = size[size > 0]
    counts = np.histogram(np.log10(np.maximum(some, 10 ** EDGES[0])), EDGES)[0].tolist()
    total = size.sum()
    mean = total / max(len(some), 1)
    return [size.mean(), mean, total, size.max(), len(some), len(size), *counts]


def made(summaries: np.ndarray) -> str:
    """Return the number of values that an update changes, and of all values."""
    return f"{summaries[:, 4].mean():,.0f} of {summaries[0, 5]:,.0f}"


def readout(net) -> slice:
    """Return the positions of the readout's weights and bias in theta."""
    return slice(net.layout[-2].slice.start, net.layout[-1].slice.stop)


@cache
def inner_updates(study: Study, fraction: float | None = None) -> np.ndarray:
    """Return the summaries of inner updates, one row an episode; with `fraction` of those only that
    pass the gate of Eq. 6."""
    network = study.network("double-nmnist/maml-snn")
    loop = InnerLoop(network.loop.step_size, 1, network.loop.freeze, threshold_fraction=fraction)
    parts = network.net, network.theta, loop
    return np.array(study.items("double-nmnist", _inner_update, *parts))


def _inner_update(
    tasks, settings: Settings, net, theta: np.ndarray, loop: InnerLoop, index: int
) -> list[float]:
    task = tasks.episode(settings.seed, index, net.ways, 1, 1)
    g = net.loss_and_gradient(theta, task.x_support, task.y_support)[1]
    return summary((loop.step_size * loop.gate(net, g) * g)[readout(net)])


def outer_updates(study: Study) -> np.ndarray:
    """Return the summaries of UPDATES meta-updates, one row each, made of one task as in the
    network's training, but with another learning rate."""
    found = study.network("double-nmnist/maml-snn")
    net = found.net
    loop = found.loop
    tasks = study.tasks("double-nmnist", "train")
    queries, norm = (found.config.queries, found.config.clip) if found.config else (10, None)

    def gradient(theta: np.ndarray, n: int) -> np.ndarray:
        task = tasks.episode(study.settings.seed, n, net.ways, 1, queries)
        return clip(meta_gradient(net, theta, task, loop.step_size, loop.steps)[1], norm)[0]

    return _by_adam(study, "outer updates", net, found.theta, gradient)


def plain_updates(study: Study) -> np.ndarray:
    """Return the summaries of UPDATES classification updates, one row each, on BATCH samples of random
    classes each."""
    found = study.network("double-nmnist/pretrained-snn")
    net = found.net
    tasks = study.tasks("double-nmnist", "train")
    label = {name: k for k, name in enumerate(tasks.classes)}

    def gradient(theta: np.ndarray, n: int) -> np.ndarray:
        task = tasks.episode(study.settings.seed, n, BATCH, 1, 1)
        y = np.array([label[name] for name in task.classes])[task.y_query]
        return net.loss_and_gradient(theta, task.x_query, y)[1]

    return _by_adam(study, "plain updates", net, found.theta, gradient)


def _by_adam(study: Study, label: str, net, theta: np.ndarray, gradient) -> np.ndarray:
    """Return summaries of UPDATES updates after WARM_UP others."""
    adam = Adam(net.size, dtype=net.dtype)
    summaries = []
    for n in bar(range(WARM_UP + UPDATES), None, label, study.progress):
        before, theta = theta, adam.step(theta, gradient(theta, n), LR)
        summaries.append(summary((theta - before)[readout(net)]))
    return np.array(summaries[WARM_UP:])


# ---- Figure 5

# share of the range of magnitudes in a layer
FRACTIONS = {
    "none": None,
    "5% of the range": 0.05,
    "25% of the range": 0.25,
    "50% of the range": 0.5,
}
GATED = "5% of the range"


def thresholds(study: Study, found: Findings) -> Iterable[Curve]:
    network = study.network("double-nmnist/maml-snn", found)
    if network is None:
        return
    cases = []
    for name, fraction in FRACTIONS.items():
        loop = replace(network.loop, threshold_fraction=fraction)
        cases.append(Case(name, Adapted(network.net, network.theta, loop)))
    yield Curve([], study, "double-nmnist", cases, network)


def updates_made(curve: Curve, episodes: int) -> None:
    """Count how many of the readout's values an update changes."""
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
    """Draw magnitudes of updates: of both loops and of plain training, and of those above the
    gate."""
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

# ---- Table 3

TABLE_3_TITLE = "Table 3: magnitudes of the readout's updates"
RATIOS = {
    "outer loop": (57, "4.4e-3 against 7.72e-5: 57 times"),
    "non-meta training": (9, "4.4e-3 against 5e-4: 9 times"),
}


def table_3(study: Study, found: Findings) -> None:
    if study.network("double-nmnist/maml-snn", found) is None:
        return
    measured = {"inner loop": inner_updates(study), "outer loop": outer_updates(study)}
    if study.network("double-nmnist/pretrained-snn", found) is not None:
        measured["non-meta training"] = plain_updates(study)
    rows = []
    for name, values in measured.items():
        sizes = [f"{column.mean():.3g} ± {column.std(ddof=1):.2g}" for column in values.T[:4]]
        rows.append([name, *sizes, made(values), *TABLE_3[name]])
    header = " | ".join(
        ["update", *STATISTICS[:4], "non-zero", "paper: mean", "paper: sum", "paper: largest"]
    )
    found.table(
        "table-3",
        "Magnitude of an update of the readout, mean ± SD over updates",
        header,
        rows,
        f"Inner loop: one update on each of {len(measured['inner loop'])} test tasks. The others: "
        f"{UPDATES} updates by Adam at {LR:g} from the trained network on; Adam's updates "
        "are proportional to that rate. Each of them is much like the one before it, and all are "
        "of one run, so there is no interval, and verdicts use the numbers only. The paper's "
        "sums and means imply some 3,850 of 5,125 values in both loops, so its means are taken to "
        "be of the non-zero ones.",
    )
    inner = measured["inner loop"]
    for name, (times, paper) in RATIOS.items():
        if name in measured:
            other = measured[name]
            least = times / 3
            most = 3 * times
            found.claim(
                f"inner-loop updates are some {times} times as large as those of the {name}",
                paper,
                inner[:, 1].mean() / other[:, 1].mean(),
                least,
                most,
                rule=f"ratio of the means of the non-zero magnitudes from {least:g} to {most:g}, a "
                "third to three times the paper's",
                unit="times",
                scale=1,
            )
            found.claim(
                f"fewer values are updated by the inner loop than by the {name}",
                "(Fig. 5) fewer are non-zero",
                _share(inner) - _share(other),
                most=-1e-9,
                rule="share of non-zero updates minus that of the other, below 0",
            )
    found.summary = (
        f"One inner-loop update moves {made(inner)} values of the readout by "
        f"{inner[:, 1].mean():.2g} on "
        f"average; an outer one moves them by {measured['outer loop'][:, 1].mean():.2g}."
    )


def _share(values: np.ndarray) -> float:
    """Return the mean share of the values that an update changes."""
    return (values[:, 4] / values[:, 5]).mean()
