"""Beyond the paper: how many spikes one-shot learning needs. The conv layers' biases are lowered or
raised, and accuracy is measured against activity: the mean of a layer's output spikes, after
pooling, over time and sites."""

from typing import NamedTuple

import numpy as np

from ..meta.inner import InnerLoop
from ..training.baselines import Adapted, answers_of, rows_of
from .drawing import TWO, drawn, errorbars
from .findings import Findings
from .statistics import Estimate, estimate, some_of
from .study import Settings, Study, recalled, recorded

TITLE = "Activity against accuracy: conv biases shifted"
SHIFTS = (-0.4, -0.2, -0.1, 0.0, 0.1, 0.2)


class Point(NamedTuple):
    """Accuracy where the biases are shifted, and the mean activity of the layers (%)."""

    shift: float
    rate: float
    accuracy: Estimate


def shifted(net, theta: np.ndarray, shift: float) -> np.ndarray:
    """theta with `shift` added to every bias but the readout's."""
    theta = theta.copy()
    for p in (p for p in net.layout if p.part == "bias" and p.layer != "readout"):
        theta[p.slice] += shift
    return theta


def _one(
    tasks, settings: Settings, net, theta: np.ndarray, inner: InnerLoop, index: int
) -> list[list]:
    """The answers after adaptation, and the activity of each layer before it."""
    task = tasks.episode(settings.seed, index, net.ways, 1, settings.queries)
    return [
        recorded(answers_of(task, [Adapted(net, theta, inner)])),
        list(net.activity(theta, task.x_support).values()),
    ]


def run(study: Study, found: Findings) -> None:
    rows = []
    curves: dict[str, list[Point]] = {}
    episodes = some_of(study.settings.episodes)
    for dataset, name, role in study.meta_trained(found):
        trained = study.network(role)
        curves[name] = []
        net = trained.net
        for shift in SHIFTS:
            theta = shifted(net, trained.theta, shift)
            items = study.items(
                f"{dataset}-bias{shift:+g}", dataset, _one, net, theta, trained.loop, count=episodes
            )
            rates = np.mean([active for _, active in items], 0)
            e = estimate(rows_of([""], [recalled(*answered) for answered, _ in items])[""])
            curves[name].append(Point(shift, float(100 * rates.mean()), e))
            shares = [f"{100 * rate:.2f}" for rate in rates]
            rows.append([name, f"{shift:+g}", *shares, *e.columns()])
    layers = [f"layer {n + 1}" for n in range(max((len(row) - 4 for row in rows), default=0))]
    header = " | ".join(["data", "bias shift", *layers, "accuracy ± 95 % CI", "over episodes"])
    found.table(
        "activity",
        "Activity of each layer (%), and accuracy on unseen classes (%)",
        header,
        rows,
        f"{episodes} episodes; biases of the spiking layers below the readout are shifted, nothing "
        "is retrained.",
    )
    if curves:
        found.figures["activity"] = (
            _draw(curves),
            "Each point: all conv biases shifted by the number beside it.",
        )
        found.summary = (
            "; ".join(f"{name}: {_least(curve)}" for name, curve in curves.items()) + "."
        )


def _least(curve: list[Point]) -> str:
    """The fewest spikes that are enough."""
    enough = max(one.accuracy.mean for one in curve) - 0.02
    rate, shift = min((one.rate, one.shift) for one in curve if one.accuracy.mean > enough)
    return f"within 2 points of the best at {rate:.1f} % mean activity (biases {shift:+g})"


def _draw(curves: dict[str, list[Point]]):
    with drawn(6.0, 3.6) as (fig, (axes,)):
        for (name, curve), colour in zip(curves.items(), TWO):
            _, rates, accuracies = zip(*curve)
            errorbars(axes, rates, accuracies, colour, label=name)
            for shift, rate, accuracy in curve:
                axes.annotate(
                    f"{shift:+g}",
                    (rate, 100 * accuracy.mean),
                    xytext=(3, -11),
                    textcoords="offset points",
                    fontsize=7,
                    color=colour,
                )
        axes.set(
            title="Spikes that one-shot learning needs",
            xlabel="mean activity of the spiking layers (%)",
            ylabel="one-shot accuracy (%)",
            ylim=(0, 102),
        )
        axes.legend()
    return fig
