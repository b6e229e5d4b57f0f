"""Beyond the paper: more classes than the network was meta-trained for.

Meta-training makes the readout's columns alike, for its classes come in any order. So a readout of N columns that are all
their mean is a start for N classes; with the learned step sizes it adapts as the network does.
"""

from functools import partial

import numpy as np

from ..meta.inner import InnerLoop
from .findings import Findings, Table
from .shots import draw
from .statistics import estimate, some_of
from .study import Study, one_accuracy

TITLE = "N ways: accuracy against the number of classes"
WAYS = (2, 5, 10, 20)


def with_ways(net, theta: np.ndarray, inner: InnerLoop, ways: int):
    """(network, theta, inner loop) for `ways` classes; every column of the new readout is the mean of the old ones."""
    wide = type(net).from_configuration(net.configuration(), ways=ways)

    def widened(flat: np.ndarray) -> np.ndarray:
        weight, bias = (flat[p.slice].reshape(p.shape) for p in net.layout[-2:])
        parts = [
            flat[: net.layout[-2].slice.start],
            np.repeat(weight.mean(1, keepdims=True), ways, 1).ravel(),
            np.full(ways, bias.mean(), flat.dtype),
        ]
        return np.concatenate(parts).astype(flat.dtype)

    step = inner.step_size if np.ndim(inner.step_size) == 0 else widened(inner.step_size)
    # the loss is a mean over classes too: a class's share of the gradient shrinks as classes are added
    return wide, widened(theta), InnerLoop(step * (ways / net.ways), inner.steps, inner.freeze)


def run(study: Study) -> Findings:
    found, rows, curves, s = Findings(study.name, TITLE), [], {}, study.settings
    episodes = some_of(s.episodes)
    for dataset, name, role in study.meta_trained(found):
        checkpoint, tasks, curves[name] = study.network(role), study.tasks(dataset), {}
        for ways in WAYS:
            net, theta, inner = with_ways(checkpoint.net, checkpoint.theta, checkpoint.inner or InnerLoop(), ways)
            one = partial(one_accuracy, tasks, net, theta, inner, s, 1)
            e = curves[name][ways] = estimate(
                study.each(
                    f"{dataset}-{ways}-way", dataset, episodes, one, (net.configuration(), theta, inner), f"{name}, {ways}-way"
                )
            )
            rows.append([name, ways, e.percent(), f"{100 / ways:.0f}"])
        found.summary += f"{name}: {curves[name][WAYS[-1]].percent()} % among {WAYS[-1]} classes. "
    found.tables.append(
        Table(
            "ways",
            "One-shot accuracy on unseen classes (%)",
            ["data", "classes", "accuracy ± 95 % CI", "chance"],
            rows,
            f"{episodes} episodes; the network of 5 ways with a readout whose columns are the mean of the trained ones, "
            "step sizes in proportion to the classes.",
        )
    )
    if curves:
        found.figures["ways"] = (
            draw(curves, "classes of a task (ways)", "One shot, more classes than in meta-training"),
            "The 5-way network, asked to tell more classes apart.",
        )
    return found
