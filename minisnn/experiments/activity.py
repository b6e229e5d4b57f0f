"""Beyond the paper: how many spikes one-shot learning needs. The conv layers' biases are lowered or raised, and accuracy is
measured against activity: the mean of a layer's output spikes, after pooling, over time and sites."""

from functools import partial

import numpy as np

from ..training.evaluation import accuracy
from ..meta.inner import InnerLoop, predict
from .findings import Findings, Table
from .statistics import estimate, some_of
from .study import Settings, Study

TITLE = "Activity against accuracy: conv biases shifted"
SHIFTS = (-0.4, -0.2, -0.1, 0.0, 0.1, 0.2)


def shifted(net, theta: np.ndarray, shift: float) -> np.ndarray:
    """theta with `shift` added to every bias but the readout's."""
    theta = theta.copy()
    for p in net.layout[1:-2:2]:
        theta[p.slice] += shift
    return theta


def _one(tasks, net, theta: np.ndarray, inner: InnerLoop, settings: Settings, index: int) -> list[float]:
    """Accuracy after adaptation, then the activity of each layer before it."""
    task = tasks.episode(settings.seed, index, net.ways, 1, settings.queries)
    theta_n = inner.adapt(net, theta, task.x_support, task.y_support)
    rates = net.activity(theta, task.x_support)
    return [accuracy(predict(net, theta_n, task.x_query), task.y_query), *rates.values()]


def run(study: Study) -> Findings:
    found, rows, curves, s = Findings(study.name, TITLE), [], {}, study.settings
    episodes = some_of(s.episodes)
    for dataset, name, role in study.meta_trained(found):
        checkpoint, tasks, points = study.network(role), study.tasks(dataset), []
        net, inner = checkpoint.net, checkpoint.inner or InnerLoop()
        for shift in SHIFTS:
            theta = shifted(net, checkpoint.theta, shift)
            one = partial(_one, tasks, net, theta, inner, s)
            values = np.array(
                study.each(
                    f"{dataset}-bias{shift:+g}",
                    dataset,
                    episodes,
                    one,
                    (net.configuration(), theta, inner),
                    f"{name}, biases {shift:+g}",
                )
            )
            rates = values[:, 1:].mean(0)
            points.append((rates.mean(), estimate(values[:, 0]), shift))
            rows.append([name, f"{shift:+g}", *(f"{100 * r:.2f}" for r in rates), estimate(values[:, 0]).percent()])
        curves[name] = points
    width = max((len(row) - 3 for row in rows), default=0)
    found.tables.append(
        Table(
            "activity",
            "Activity of each layer (%), and accuracy on unseen classes (%)",
            ["data", "bias shift", *(f"layer {n + 1}" for n in range(width)), "accuracy ± 95 % CI"],
            rows,
            f"{episodes} episodes; biases of the spiking layers below the readout are shifted, nothing is retrained.",
        )
    )
    if curves:
        found.figures["activity"] = (_draw(curves), "Each point: all conv biases shifted by the number beside it.")
        least = {
            name: min((p for p in points if p[1].mean > max(q[1].mean for q in points) - 0.02), key=lambda p: p[0])
            for name, points in curves.items()
        }
        found.summary = (
            "; ".join(
                f"{name}: within 2 points of the best at {100 * p[0]:.1f} % mean activity (biases {p[2]:+g})"
                for name, p in least.items()
            )
            + "."
        )
    return found


def _draw(curves: dict):
    from ..plots import COLOURS, figure, style

    with style():
        fig = figure(6.0, 3.6)
        axes = fig.subplots()
        for (name, points), colour in zip(curves.items(), (COLOURS["blue"], COLOURS["vermillion"])):
            axes.errorbar(
                [100 * p[0] for p in points],
                [100 * p[1].mean for p in points],
                yerr=[100 * (p[1].ci95 or 0) for p in points],
                fmt="o-",
                color=colour,
                capsize=2,
                label=name,
                linewidth=1,
            )
            for rate, e, shift in points:
                axes.annotate(
                    f"{shift:+g}", (100 * rate, 100 * e.mean), (3, -11), textcoords="offset points", fontsize=7, color=colour
                )
        axes.set(
            xlabel="mean activity of the spiking layers (%)",
            ylabel="one-shot accuracy (%)",
            ylim=(0, 102),
            title="Spikes that one-shot learning needs",
        )
        axes.legend()
    return fig
