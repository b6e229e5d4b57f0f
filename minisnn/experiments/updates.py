"""How large the readout's updates are: of the inner loop, of the outer loop, and of training
without meta-learning.

    inner loop          |a g| of one update on the support set of a test task                       one item a test episode
    outer loop          |theta' - theta| of meta-updates that continue from the meta-trained network   Adam at LR, warmed up
    non-meta training   likewise of classification updates that continue from the pretrained network   Adam at LR, warmed up

Adam's updates are proportional to its learning rate; LR is the mean of the outer loop's schedule,
and the same for both.
"""

import numpy as np

from ..terminal import bar
from ..meta.inner import meta_gradient
from ..meta.inner import InnerLoop
from ..meta.optim import Adam, clip
from .study import Settings, Study

LR, WARM_UP, UPDATES, BATCH = 1e-3, 10, 60, 32
EDGES = np.linspace(-10, 1, 111)  # of the histograms: decades of the magnitude
STATISTICS = ("mean", "mean of the non-zero", "sum", "largest", "non-zero", "values")


def summary(update: np.ndarray) -> list[float]:
    """STATISTICS of |update|, then its histogram over EDGES (zeros are in no bin)."""
    size = np.abs(np.asarray(update, float))
    some = size[size > 0]
    counts = np.histogram(np.log10(np.maximum(some, 10 ** EDGES[0])), EDGES)[0].tolist()
    total = size.sum()
    mean = total / max(len(some), 1)
    return [size.mean(), mean, total, size.max(), len(some), len(size), *counts]


def made(summaries: np.ndarray) -> str:
    """How many of the values are changed by an update, of so many."""
    return f"{summaries[:, 4].mean():,.0f} of {summaries[0, 5]:,.0f}"


def readout(net) -> slice:
    """Where the readout's weights and bias lie in theta."""
    return slice(net.layout[-2].slice.start, net.layout[-1].slice.stop)


def inner_updates(study: Study, fraction: float | None = None) -> np.ndarray:
    """(episodes, len(summary)); with `fraction` only those that pass the gate of Eq. 6."""
    network = study.network("double-nmnist/maml-snn")
    loop = InnerLoop(network.loop.step_size, 1, network.loop.freeze, threshold_fraction=fraction)
    key = "updates-inner" + ("" if fraction is None else f"-gate-{fraction:g}")
    parts = network.net, network.theta, loop
    return np.array(study.items(key, "double-nmnist", _inner_update, *parts))


def _inner_update(
    tasks, settings: Settings, net, theta: np.ndarray, loop: InnerLoop, index: int
) -> list[float]:
    task = tasks.episode(settings.seed, index, net.ways, 1, 1)
    g = net.loss_and_gradient(theta, task.x_support, task.y_support)[1]
    return summary((loop.step_size * loop.gate(net, g) * g)[readout(net)])


def outer_updates(study: Study) -> np.ndarray:
    """(UPDATES, len(summary)) of meta-updates, one task each, as in the network's training but for
    the learning rate."""
    found = study.network("double-nmnist/maml-snn")
    net = found.net
    loop = found.loop
    tasks = study.tasks("double-nmnist", "train")
    queries, norm = (found.config.queries, found.config.clip) if found.config else (10, None)

    def gradient(theta: np.ndarray, n: int) -> np.ndarray:
        task = tasks.episode(study.settings.seed, n, net.ways, 1, queries)
        return clip(meta_gradient(net, theta, task, loop.step_size, loop.steps)[1], norm)[0]

    return _by_adam(study, "updates-outer", net, found.theta, gradient)


def plain_updates(study: Study) -> np.ndarray:
    """(UPDATES, len(summary)) of classification updates, BATCH samples of random classes each."""
    found = study.network("double-nmnist/pretrained-snn")
    net = found.net
    tasks = study.tasks("double-nmnist", "train")
    label = {name: k for k, name in enumerate(tasks.classes)}

    def gradient(theta: np.ndarray, n: int) -> np.ndarray:
        task = tasks.episode(study.settings.seed, n, BATCH, 1, 1)
        y = np.array([label[name] for name in task.classes])[task.y_query]
        return net.loss_and_gradient(theta, task.x_query, y)[1]

    return _by_adam(study, "updates-plain", net, found.theta, gradient)


def _by_adam(study: Study, key: str, net, start: np.ndarray, gradient) -> np.ndarray:
    """Summaries of UPDATES updates after WARM_UP others; one item, since each depends on the one
    before."""

    def one(_: int) -> list[list[float]]:
        adam = Adam(net.size, dtype=net.dtype)
        theta = start
        summaries = []
        for n in bar(range(WARM_UP + UPDATES), None, key, study.progress):
            before, theta = theta, adam.step(theta, gradient(theta, n), LR)
            summaries.append(summary((theta - before)[readout(net)]))
        return summaries[WARM_UP:]

    made_from = net.configuration(), start, LR, WARM_UP, UPDATES, BATCH
    return np.array(study.each(key, "double-nmnist", 1, one, made_from)[0])
