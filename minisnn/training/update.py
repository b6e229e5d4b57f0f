"""An update of the outer loop: one task of it, wherever that is carried out, and what comes of all
of them.

A task depends on settings, parameters and (seed, update, k) alone.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .evaluation import measured
from .held import Held, Own
from .settings import TrainingConfig
from .state import State, optimisers
from ..meta.inner import InnerLoop
from ..meta.optim import clip, cosine
from ..meta.rules import MAML, RULES
from ..meta.stepsizes import StepSizes
from ..network.base import NotFinite
from ..network.convolutional import ConvNet
from ..network.spiking import SpikingNet

WEIGHTS, INIT_TASKS, TASKS = range(3)  # first part of the spawn keys


def network_of(
    config: TrainingConfig, input_shape: tuple[int, ...], ways: int, own: Own = Own()
) -> SpikingNet | ConvNet:
    """The network of the settings, spiking or not. A neuron or surrogate of your own runs on the
    NumPy engine."""
    settings: dict[str, Any] = {
        **config.network(input_shape),
        "ways": ways,
        "loss": own.loss or "cross_entropy",
    }
    if config.model == "snn":
        if own.neuron is not None:
            settings.update(
                neuron=own.neuron, backend="numpy" if config.backend == "numpy" else None
            )
        return SpikingNet.from_configuration(settings)
    shared = ("input_shape", "channels", "ways", "kernel", "dtype", "hidden", "loss", "backend")
    return ConvNet(**{name: settings[name] for name in shared})


def inner_loop(config: TrainingConfig, net, step_size, rule: MAML) -> InnerLoop:
    """How the network adapts to a task, with step sizes as learned so far, by a rule."""
    gates = config.gate_threshold, config.gate_fraction
    loop = InnerLoop(
        step_size, config.inner_steps, config.freeze, *gates, config.online, config.error_threshold
    )
    return rule.loop(net, loop, config)


def generator(config: TrainingConfig, *key: int) -> np.random.Generator:
    """Random numbers that depend on the seed and a key alone."""
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))


def task_of(tasks, net, config: TrainingConfig, *key: int, rule: MAML | None = None):
    """The training task of a key."""
    wide = rule is not None and rule.any_ways
    ways, queries = (config.train_ways, config.train_queries) if wide else (0, 0)
    ways = min(ways, len(getattr(tasks, "classes", range(ways))))
    return tasks.sample_task(
        generator(config, *key), ways or net.ways, config.shots, queries or config.queries
    )


class Learned(NamedTuple):
    """What a task teaches, or the sum over tasks: query loss, gradients of theta and of log(step
    size), accuracy (of real targets the mean squared error) before adaptation, NaN where a rule has
    none, and after it."""

    loss: float = 0.0
    gradient: Any = 0
    log_gradient: Any = 0
    before: float = 0.0
    after: float = 0.0


@np.errstate(over="ignore", invalid="ignore")  # where a loss is not finite, `run` says so
def task_gradient(
    tasks,
    net,
    config: TrainingConfig,
    steps: StepSizes,
    theta,
    log_step: np.ndarray,
    u: int,
    k: int,
    held=Held(),
    own=Own(),
) -> Learned:
    """Task k of update u, from parameters theta and log(step size)."""
    rule = RULES["prototypes"] if u < config.prototype_updates else own.rule_of(config)
    task = task_of(tasks, net, config, TASKS, u, k, rule=rule)
    inner = inner_loop(config, net, steps.value(log_step), rule)
    inner = held.inner(net, inner)
    (theta, slope) = held.start(net, theta)
    net = held.of(net)
    try:
        found = rule.gradient(inner, net, theta, task, config.order_of(u))
    except NotFinite:  # the inner loop diverged
        return Learned(math.nan, np.full_like(theta, math.nan), 0 * log_step, math.nan, math.nan)
    after = measured(found.query_logits, task.y_query)
    # the support is as unseen as the query before adaptation, and its logits are there already
    before = (
        math.nan if found.support_logits is None else measured(found.support_logits, task.y_support)
    )
    meta = found.gradient if slope is None else slope * found.gradient
    meta = net.without_readout(meta) if config.zero_readout else meta
    return Learned(
        found.loss, meta, steps.log_gradient(log_step, found.step_size_gradient), before, after
    )


class Updated(NamedTuple):
    """The state after an update, its row in the log, and the clipped meta-gradient; `finite` says
    whether all of them are."""

    state: State
    row: dict[str, float]
    gradient: np.ndarray
    finite: bool


def updated(
    config: TrainingConfig,
    net,
    steps: StepSizes,
    state: State,
    found: Learned,
    measure: str = "accuracy",
) -> Updated:
    """One step of the outer loop's optimisers; found: the sum over the update's tasks; measure:
    what is told of them, or "error"."""
    gradient, norm = clip(found.gradient / net.dtype.type(config.tasks), config.clip)
    shrunk = 1.0 if config.clip is None else min(1.0, config.clip / max(norm, 1e-30))
    schedule = cosine(state.update, config.updates, 1.0, config.lr_end)
    outer, step_sizes = optimisers(config, net, steps)
    outer.state = dict(state.outer)
    step_sizes.state = dict(state.step_sizes)
    theta = outer.step(state.theta, gradient, config.lr * schedule)
    log_step = state.log_step
    if steps.learned:
        log_step = step_sizes.step(
            log_step, found.log_gradient * shrunk / config.tasks, config.step_size_lr * schedule
        )
    row = dict(
        update=state.update + 1,
        tasks=(state.update + 1) * config.tasks,
        loss=found.loss / config.tasks,
    )
    row |= {
        f"{measure}_before": found.before / config.tasks,
        f"{measure}_after": found.after / config.tasks,
    }
    row |= dict(gradient_norm=norm, lr=config.lr * schedule, **steps.report(state.log_step))
    finite = all(
        np.isfinite(part).all() for part in (found.loss, norm, theta, steps.value(log_step))
    )
    return Updated(
        State(state.update + 1, theta, log_step, outer.state, step_sizes.state),
        row,
        gradient,
        finite,
    )
