"""A network of CubaLIF on Loihi next to the float network, on the same episodes; and its words, for
Lava."""

import io
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.experiments.findings import Table, figure
from minisnn.files import write_whole
from minisnn.meta.online import OnlineReadout
from minisnn.meta.prototypes import ClassMeans, class_means, distance_logits, with_prototypes
from minisnn.parallel.executor import Executor
from minisnn.terminal import bar
from minisnn.training.baselines import Answers, Row, correct, drawn_by, rows_of
from minisnn.training.intervals import POPULATIONS

from ..chip.learner import one_look, one_shot, samples_of
from .cuba import FRACTION, CubaNet, axon_words

LEARNERS: dict[str, dict[str, Any]] = {  # name -> options of the chip's learner
    "class means": dict(rule="class-mean", rounding="nearest"),
    "membrane": dict(),
    "membrane, one sample at a time": dict(online=True),
}
FLOAT = "class means, float"
ONLINE = "from zero, one sample at a time"  # with a separate step size, in float and on the chip


def online_of(found, step: float) -> CubaNet:
    """Return the checkpoint's chip with a readout that starts from zero weights and learns online
    with this step size. Raises ValueError if the network itself learns that way."""
    net = found.net
    nothing = np.zeros_like(net.views(found.theta)["readout.weight"].T)
    theta = with_prototypes(net, found.theta, nothing)
    chip = CubaNet.of(replace(found, theta=theta, inner=OnlineReadout(step)))
    own = found.inner
    step = 2.0 ** chip.steps["log2_weight"]
    if isinstance(own, OnlineReadout) and own.steps == 1 and np.all(own.step_size == step):
        raise ValueError(
            f"step size {step:g}: the network adapts from zero, one sample after the other, by this "
            "step anyway; expected another one, or none"
        )
    return chip


def run(
    found,
    chip: CubaNet,
    tasks,
    episodes: int,
    seed: int,
    queries: int,
    executor: Executor,
    online: CubaNet | None = None,
    show: bool = False,
) -> dict[str, Row]:
    """Return {learning rule: its predictions in the episodes} for a checkpoint's float network and
    its chip; `online`, if given, adds ONLINE (see `online_of`). If `show`, show a progress bar in a
    terminal."""
    names = ["as the network adapts, float", FLOAT, *(f"{name}, Loihi" for name in LEARNERS)]
    if online is not None:
        names += [f"{ONLINE}, float", f"{ONLINE}, Loihi"]
    one = partial(_episode, found, chip, online, tasks, seed, queries)
    answered: list[Answers] = []
    with bar(None, episodes, "episodes on Loihi", show) as shown:

        def collect(answers: Answers) -> None:
            answered.append(answers)
            shown.update()

        executor.in_order(one, range(episodes), collect)
    return rows_of(names, answered)


def _episode(found, chip, online, tasks, seed, queries, index) -> Answers:
    net = found.net
    theta = found.theta
    inner = found.inner
    task = tasks.episode(seed, index, net.ways, 1, queries)
    x = samples_of(task)
    n = len(task.y_support)
    p_float = net.features(theta, x)
    by_means = distance_logits(p_float[n:], class_means(p_float[:n], task.y_support, net.ways))
    same = isinstance(inner, ClassMeans) and inner.steps == 0
    logits = [by_means if same else one_look(inner).logits(net, theta, task), by_means]
    p = chip.traces_of(x, 1 + index)

    def learned(one: CubaNet, **how) -> np.ndarray:
        return one_shot(one, one.learner(seed=1 + index, **how), task, p).u[:, -1]

    logits += [learned(chip, **how) for how in LEARNERS.values()]
    if online is not None:
        exact = OnlineReadout(2.0 ** online.steps["log2_weight"])
        logits.append(exact.answers(net, p_float[:n], task.y_support, p_float[n:], x.shape[1]))
        logits.append(learned(online, online=True))
    return Answers(np.concatenate([correct(answer, task) for answer in logits]), drawn_by(task))


def table(values: dict[str, Row], aligned: str) -> Table:
    """Format accuracies in per cent, and differences from the float network's class means;
    `aligned` says how tasks are aligned."""
    base = values[FLOAT]
    rows = [
        [name, row.percent(), None if name == FLOAT else row.less(base).percent()]
        for name, row in values.items()
    ]
    return Table(
        "loihi",
        "A network of CubaLIF, in float and in a Loihi-style fixed-point model",
        ["how it learns", "accuracy (%)", "less class means in float (points)"],
        rows,
        f"{len(base.per_episode)} episodes, {aligned}. ± is half a 95 % interval, for "
        f"{POPULATIONS[base.shared.population]}.",
    )


def figures(values: dict[str, Row]) -> dict[str, dict]:
    """Return the table's numbers by name, as shares; each has a value, a unit and half of its
    interval."""
    found = {}
    for name, row in values.items():
        key = re.sub(r"[^a-z]+", "-", name.lower())
        found[key] = figure(row.mean, "%", row.interval and row.interval.half)
        if name != FLOAT:
            apart = row.less(values[FLOAT])
            half = apart.interval and apart.interval.half
            found[f"less-{key}"] = figure(apart.mean, "points", half)
    return found


def write_words(path: Path, chip: CubaNet) -> None:
    """Write the chip's integers for Lava, an .npz without pickle: of every conv layer weight
    (C_out, C_in, k, k) and axons (C_out, axons) in steps of 2, weight_exp, vth, and the period of
    each axon; du, dv."""
    words: dict[str, Any] = dict(du=chip.du, dv=chip.dv, pool="mean" if chip.mean else "or")
    for layer, exponent, vth in zip(chip.layers, chip.weight_exps, chip.vth):
        axons = chip.axons[layer.name]
        carried = axon_words(layer.bias.astype(np.int64), axons)
        own = dict(
            weight=2 * layer.weight.astype(np.int16).transpose(3, 2, 0, 1),
            axons=2 * carried.astype(np.int16),
            periods=[1] * axons + [2 << k for k in range(FRACTION)],
            weight_exp=exponent,
            vth=vth.astype(np.int32),
        )
        words |= {f"{layer.name}.{name}": value for name, value in own.items()}
    words["readout.weight"] = 2 * chip.readout.weight[0, 0].T.astype(np.int16)
    arrays = {name: np.array(value) for name, value in words.items()}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write_whole(path, file.getvalue())
