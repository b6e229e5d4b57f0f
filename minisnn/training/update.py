"""One task of a meta-batch, wherever it is carried out. It depends on settings, parameters and (seed, update, k) alone."""

import math

import numpy as np

from ..network.convolutional import ConvNet
from .evaluation import accuracy
from ..network.base import NotFinite
from .held import Held
from ..meta.inner import InnerLoop
from ..meta.rules import RULES
from ..network.spiking import SpikingNet
from .settings import TrainingConfig
from ..meta.stepsizes import StepSizes

WEIGHTS, INIT_TASKS, TASKS = range(3)  # first part of the spawn keys


def network_of(config: TrainingConfig, input_shape: tuple[int, ...], ways: int) -> SpikingNet | ConvNet:
    """The network of the settings, spiking or not."""
    settings = {**config.network(input_shape), "ways": ways}
    if config.model == "snn":
        return SpikingNet.from_configuration(settings)
    shared = ("input_shape", "channels", "ways", "kernel", "dtype", "hidden", "backend")
    return ConvNet(**{name: settings[name] for name in shared})


def inner_loop(config: TrainingConfig, net, step_size) -> InnerLoop:
    """How the network adapts to a task, with step sizes as learned so far."""
    loop = InnerLoop(step_size, config.inner_steps, config.freeze, config.gate_threshold, config.gate_fraction)
    return RULES[config.rule].loop(net, loop)


def generator(config: TrainingConfig, *key: int) -> np.random.Generator:
    """Random numbers that depend on the seed and a key alone."""
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))


def task_of(tasks, net, config: TrainingConfig, *key: int):
    """The training task of a key."""
    return tasks.sample_task(generator(config, *key), net.ways, config.shots, config.queries)


@np.errstate(over="ignore", invalid="ignore")  # where a loss is not finite, `training` says so
def task_gradient(
    tasks,
    net,
    config: TrainingConfig,
    steps: StepSizes,
    theta: np.ndarray,
    log_step: np.ndarray,
    u: int,
    k: int,
    held: Held = Held(),
):
    """(query loss, meta-gradient, gradient of the log step sizes, accuracy before, after) of task k of update u."""
    task, inner = task_of(tasks, net, config, TASKS, u, k), held.inner(net, inner_loop(config, net, steps.value(log_step)))
    (theta, slope), net = held.start(net, theta), held.of(net)
    try:
        found = RULES[config.rule].gradient(inner, net, theta, task, config.order_of(u))
    except NotFinite:  # the inner loop diverged
        return math.nan, np.full_like(theta, math.nan), 0 * log_step, math.nan, math.nan
    after = accuracy(found.query_logits, task.y_query)
    # the support is as unseen as the query before adaptation, and its logits are there already
    before = after if found.support_logits is None else accuracy(found.support_logits, task.y_support)
    meta = found.gradient if slope is None else slope * found.gradient
    return found.loss, meta, steps.log_gradient(log_step, found.step_size_gradient), before, after
