"""A network of CubaLIF on Loihi beside the float network, on the same episodes; and its words, for Lava."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from minisnn.files import write_whole
from minisnn.outputs import archive
from minisnn.meta.online import OnlineReadout
from minisnn.meta.prototypes import ClassMeans, class_means, distance_logits, with_prototypes
from minisnn.parallel.executor import Executor
from minisnn.training.evaluation import accuracy
from minisnn.training.intervals import ci95

from ..chip.learner import one_shot, samples_of
from .cuba import FRACTION, CubaNet, axon_words

RULES = {  # name -> options of the chip's learner
    "class means": dict(rule="class-mean", rounding="nearest"),
    "membrane": dict(),
    "membrane, one sample at a time": dict(online=True),
}
ONLINE = "from zero, one sample at a time"  # with a step size of its own, in float and on the chip


def run(
    found, tasks, episodes: int, seed: int, queries: int, executor: Executor, step: float | None = None
) -> dict[str, np.ndarray]:
    """{way to learn: accuracies over the episodes}, of the float network and of the chip of a checkpoint; with ONLINE where a
    step is given, for which the readout's words get an exponent of their own."""
    chip, online = CubaNet.of(found), None
    names = ["as the network adapts, float", "class means, float", *(f"{name}, Loihi" for name in RULES)]
    if step is not None:
        theta = with_prototypes(found.net, found.theta, np.zeros(chip.weight.T.shape, found.net.dtype))
        online = CubaNet.of(replace(found, theta=theta, inner=OnlineReadout(step)))
        names += [f"{ONLINE}, float", f"{ONLINE}, Loihi"]
    one = partial(_episode, found, chip, online, tasks, seed, queries)
    values: list[list[float]] = []
    executor.in_order(one, range(episodes), values.append)
    return dict(zip(names, np.array(values).T))


def _episode(found, chip, online, tasks, seed, queries, index) -> list[float]:
    net, theta, task = found.net, found.theta, tasks.episode(seed, index, found.net.ways, 1, queries)
    x, n = samples_of(task), len(task.y_support)
    p_float = net.features(theta, x)
    by_means = accuracy(distance_logits(p_float[n:], class_means(p_float[:n], task.y_support, net.ways)), task.y_query)
    same = isinstance(found.inner, ClassMeans) and found.inner.steps == 0
    right = [by_means if same else accuracy(found.inner.logits(net, theta, task), task.y_query), by_means]
    p = chip.traces_of(x, 1 + index)
    right += [one_shot(chip, chip.learner(seed=1 + index, **how), task, p).accuracy for how in RULES.values()]
    if online is None:
        return right
    exact = OnlineReadout(2.0 ** online.steps["log2_weight"])
    right.append(accuracy(exact.answers(net, p_float[:n], task.y_support, p_float[n:], x.shape[1]), task.y_query))
    return [*right, one_shot(online, online.learner(seed=1 + index, online=True), task, p).accuracy]


def table(values: dict[str, np.ndarray]) -> str:
    """Accuracies in per cent, and what each is less than the float network's class means."""
    base, lines = values["class means, float"], []
    for name, right in values.items():
        margin, less = ci95(right) or 0.0, right - base
        apart = f"{100 * less.mean():+6.1f} ± {100 * (ci95(less) or 0.0):.1f}" if name != "class means, float" else ""
        lines.append(f"{name:42}{100 * right.mean():6.1f} ± {100 * margin:.1f}   {apart}")
    return "\n".join(lines)


def write_words(path: Path, chip: CubaNet) -> None:
    """The chip's integers as Lava takes them, an .npz without pickle: of every conv layer weight (C_out, C_in, k, k) and
    axons (C_out, axons) in steps of 2, weight_exp, vth, and the period of each axon; du, dv."""
    pool = "mean" if chip.mean else "or"
    words = {name: np.array(value) for name, value in dict(du=chip.du, dv=chip.dv, pool=pool).items()}
    for n, layer in enumerate(chip.layers[:-1]):
        axons = chip.axons[layer.name]
        words |= {
            f"{layer.name}.weight": 2 * layer.weight.astype(np.int16).transpose(3, 2, 0, 1),
            f"{layer.name}.axons": 2 * axon_words(layer.bias.astype(np.int64), axons).astype(np.int16),
            f"{layer.name}.periods": np.array([1] * axons + [2 << k for k in range(FRACTION)]),
            f"{layer.name}.weight_exp": np.array(chip.weight_exps[n]),
            f"{layer.name}.vth": chip.vth[n].astype(np.int32),
        }
    words["readout.weight"] = 2 * chip.readout.weight[0, 0].T.astype(np.int16)
    write_whole(path, archive("Loihi's words", words))
