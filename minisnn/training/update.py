"""An update of the outer loop: its state, the gradient of one task (in any process), and the
optimiser's step from all tasks.

A task depends only on settings, parameters and (seed, update, k).
"""

import math
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

import numpy as np

from ..arguments import NotFinite, must
from ..core.architecture import loss_of
from ..core.bases import Loss
from ..data.camera.distorted import distorted
from ..meta.discriminants import Scatter
from ..meta.inner import InnerLoop
from ..meta.optim import Adam, clip, cosine
from ..meta.rules import MAML, RULES
from ..meta.stepsizes import StepSizes
from ..network.convolutional import ConvNet
from ..network.spiking import SpikingNet
from ..parallel.executor import Executor
from .baselines import with_ways
from .checkpoint import Checkpoint, Kept, read
from .evaluation import measured
from .origin import TRAIN
from .settings import NEURON, TrainingConfig

WEIGHTS, INIT_TASKS, TASKS = range(3)  # first part of the spawn keys
AXES = 4  # 3 is that of minisnn.hardware.training
AXES_TASKS = 60  # training tasks to which the axes of class means are fitted


class Held:
    """The weights that inner loops start from: theta itself, for a float network. A device
    overrides what differs (`minisnn.hardware.training.straight.OnChip`).

    The outer loop updates theta. Inner loops, in training and tests, start at the phi of `start`
    and use the losses and derivatives of the network `of`.
    """

    command = TRAIN  # continues a run, given --resume DIR

    def of(self, net):
        """Return the network that inner loops use."""
        return net

    def start(self, net, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return (phi, slope): the weights that inner loops start from, and the factor from a
        gradient at phi to one at theta (None: 1)."""
        return theta, None

    def inner(self, net, inner: InnerLoop) -> InnerLoop:
        """Return the inner loop that is used."""
        return inner


class Own(NamedTuple):
    """Parts of a model given in Python, in place of those in the settings: a neuron (also a shipped
    one with another surrogate), a `minisnn.Loss`, and a learning rule, a `minisnn.MAML` whose
    `loop` returns the inner loop."""

    neuron: Any = None
    loss: Loss | None = None
    rule: MAML | None = None

    def rule_of(self, config: TrainingConfig) -> MAML:
        """Return the run's rule."""
        return self.rule or RULES[config.rule]

    def rule_at(self, config: TrainingConfig, u: int) -> MAML:
        """Return the rule of update u."""
        return RULES["prototypes"] if u < config.prototype_updates else self.rule_of(config)

    def words(self) -> str | None:
        """Describe the custom parts as text for a file; a rule by its numbers and texts."""
        words = {name: repr(part) for name, part in self._asdict().items() if part is not None}
        if self.rule is not None:
            plain = (bool, int, float, str, NoneType)
            values = [
                f"{n}={v!r}" for n, v in sorted(vars(self.rule).items()) if isinstance(v, plain)
            ]
            words["rule"] = f"{type(self.rule).__name__}({', '.join(values)})"
        return ", ".join(f"{name}={text}" for name, text in words.items()) or None

    def check(self, config: TrainingConfig) -> None:
        """Raise ValueError for parts of the wrong kind, and for settings that they would
        override."""
        loss_of(self.loss or "cross_entropy")
        given: dict[str, str] = {}
        if self.neuron is not None:
            must("model", config.model == "snn", "snn where a neuron is given", config.model)
            given |= dict.fromkeys(NEURON, "neuron")
        if self.rule is not None:
            learns = isinstance(self.rule, MAML) and not self.rule.whole_set
            must("rule", learns, "a minisnn.MAML that learns from tasks", self.rule)
            self.rule.check(config)
            given["rule"] = "rule"
        for name, part in given.items():
            found = getattr(config, name)
            usual = getattr(TrainingConfig, name)
            must(name, found == usual, f"{usual} where {part} is given", found)


FLOAT = Held()  # the settings, unchanged
MODEL = Own()


class State(NamedTuple):
    """The state between updates, replaced as a whole, so that an interruption leaves either the old
    or the new state."""

    update: int
    theta: np.ndarray
    log_step: np.ndarray
    outer: dict[str, np.ndarray]
    step_sizes: dict[str, np.ndarray]

    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """Return the arrays of a checkpoint besides theta; `restored` reads them back."""
        return {
            "outer": self.outer,
            "step_sizes": {**self.step_sizes, "log_step_size": self.log_step},
        }


def optimisers(net: Kept, steps: StepSizes) -> tuple[Adam, Adam]:
    """Return new optimisers of theta and of log(step size)."""
    return Adam(net.size, dtype=net.dtype), Adam(len(steps.starts), dtype=np.float64)


def begun(config: TrainingConfig, net: Kept, steps: StepSizes, tasks: Any) -> State:
    """Return the state before the first update: the weights of config.start, or random ones scaled
    to the support sets of the first training tasks. Step sizes that are not learned, in either run,
    are as configured."""
    log_step = steps.start
    if config.start is not None:
        found = start_of(config, net)
        theta = found.theta
        start_learns = found.config is None or found.config.learn_step_size != "no"
        if steps.learned and start_learns and found.inner is not None:
            log_step = steps.log_of(found.inner.step_size)
    else:
        x = None
        if config.init == "lsuv":
            first = (task_of(tasks, net, config, INIT_TASKS, k) for k in range(config.init_tasks))
            x = np.concatenate([task.x_support for task in first])
        how = config.init_rate, config.init_readout, config.init_variance
        rounds = config.init_rounds if config.model == "snn" else None
        theta = net.init(generator(config, WEIGHTS), x, *how, rounds)
    theta = net.with_silent_readout(theta) if config.zero_readout else theta
    outer, step_sizes = optimisers(net, steps)
    return State(0, theta, log_step, outer.state, step_sizes.state)


def start_of(config: TrainingConfig, net: Kept) -> Checkpoint:
    """Read the checkpoint config.start as one of the network `net`, adapted to its number of
    classes (`with_ways`). Raises ValueError if anything else differs."""
    found = read(str(config.start))
    old, new = (dict(one.configuration(), ways=None) for one in (found.net, net))
    if old != new:
        raise ValueError(
            f"{config.start}: the checkpoint's network, {found.net!r}, differs from that of "
            f"the settings, {net!r}"
        )
    if found.net.ways == net.ways:
        return replace(found, net=net)
    _, theta, loop = with_ways(found.net, found.theta, found.loop, net.ways)
    return replace(found, net=net, theta=theta, inner=found.inner and loop)


def restored(net: Kept, found: Checkpoint, folder: Path) -> State:
    """Return the state in the checkpoint of a run in `folder`. Raises ValueError if it is from
    another run."""
    if found.net.configuration() != net.configuration():
        raise ValueError(
            f"{folder / 'checkpoint.h5'}: the checkpoint's network takes samples of "
            f"{found.net.input_shape}; the data has {net.input_shape}"
        )
    held = dict(found.optimiser["step_sizes"])
    log_step = held.pop("log_step_size")
    return State(found.progress["update"], found.theta, log_step, found.optimiser["outer"], held)


def network_of(
    config: TrainingConfig, input_shape: tuple[int, ...], ways: int, own: Own = MODEL
) -> SpikingNet | ConvNet:
    """Make the network of the settings, spiking or not. A given neuron or surrogate that cannot be
    compiled runs on the NumPy engine."""
    settings = dict(config.network(input_shape, own.neuron), ways=ways)
    settings["loss"] = own.loss or config.loss
    if config.model == "cnn":
        names = ("input_shape", "channels", "ways", "kernel", "dtype", "hidden", "loss", "backend")
        return ConvNet(**{name: settings[name] for name in names})
    if own.neuron is not None and config.backend != "numpy":
        settings["backend"] = None
    return SpikingNet.from_configuration(settings)


def inner_loop(config: TrainingConfig, net, step_size, rule: MAML) -> InnerLoop:
    """Return how the network adapts to a task by a rule, with the step sizes learned so far."""
    loop = InnerLoop(
        step_size, config.inner_steps, config.freeze, adapt_constants=config.adapt_constants
    )
    return rule.loop(net, loop, config)


def generator(config: TrainingConfig, *key: int) -> np.random.Generator:
    """Return a random generator that depends on the seed and a key only."""
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))


def task_of(tasks, net, config: TrainingConfig, *key: int, rule: MAML | None = None):
    """Return the training task of a key."""
    queries = config.train_queries if rule is not None and rule.any_ways else 0
    rng = generator(config, *key)
    ways = ways_of(tasks, net.ways, config, rule)
    task = tasks.sample_task(rng, ways, config.shots, queries or config.queries)
    if not config.distort:
        return task
    support, query = (distorted(x, rng, config.distort) for x in (task.x_support, task.x_query))
    return replace(task, x_support=support, x_query=query, recordings=None)


def ways_of(tasks, ways: int, config: TrainingConfig, rule: MAML | None) -> int:
    """Return the number of classes of a training task by a rule, for a network with `ways`
    outputs."""
    if rule is None or not rule.any_ways or not config.train_ways:
        return ways
    return min(config.train_ways, len(getattr(tasks, "classes", range(config.train_ways))))


def _unturned(tasks: Any, net: Kept) -> list:
    """List a set's training classes, without those that are rotations of others."""
    turned = set(getattr(tasks, "turned", ()))
    return [name for name in getattr(tasks, "classes", range(net.ways)) if name not in turned]


def check_axes(config: TrainingConfig, net: Kept, tasks: Any) -> None:
    """Raise ValueError for more axes than features, or than training classes minus one."""
    features = config.readings * net.layout[-2].shape[0]
    classes = len(_unturned(tasks, net))
    what = f"at most {features} features, and fewer than {classes} training classes"
    must("axes", config.axes <= min(features, classes - 1), what, config.axes)


def axes_of(
    config: TrainingConfig, net: Kept, theta: np.ndarray, tasks: Any, executor: Executor
) -> np.ndarray | None:
    """Fit the axes of class means to the samples of AXES_TASKS training tasks; None, with a
    warning, if that is impossible."""
    found = Scatter()
    one = partial(_seen, tasks, net, config, theta)
    executor.in_order(one, range(AXES_TASKS), lambda part: found.add(*part), large=True)
    try:
        return found.axes(config.axes).astype(net.dtype)
    except ValueError as error:
        warnings.warn(f"class means are compared along all features: {error}", stacklevel=2)
        return None


def _seen(tasks, net: Kept, config: TrainingConfig, theta: np.ndarray, k: int) -> tuple:
    """Return (features, names of classes) of all samples of the k-th of these tasks, without
    shifted looks."""
    rng = generator(config, AXES, k)
    known = _unturned(tasks, net)
    ways = min(config.train_ways or net.ways, len(known))
    classes = []
    if getattr(tasks, "turned", ()):
        classes = [[known[n] for n in rng.choice(len(known), ways, replace=False)]]
    task = tasks.sample_task(rng, ways, config.shots, config.queries, *classes)
    x = np.concatenate([task.x_support, task.x_query])
    y = np.concatenate([task.y_support, task.y_query])
    names = np.array(task.classes or [f"{k}/{n}" for n in range(ways)])
    return net.features(theta, x, readings=config.readings), names[y]


class Learned(NamedTuple):
    """The result of a task, or a sum over tasks: query loss, gradients of theta and of log(step
    size), and accuracy (mean squared error for real targets) before adaptation, NaN if a rule has
    none, and after it."""

    loss: float = 0.0
    gradient: Any = 0
    log_gradient: Any = 0
    before: float = 0.0
    after: float = 0.0


@np.errstate(over="ignore", invalid="ignore")  # if a loss is not finite, `run` raises
def task_gradient(
    tasks,
    net,
    config: TrainingConfig,
    steps: StepSizes,
    theta,
    log_step: np.ndarray,
    u: int,
    k: int,
    held=FLOAT,
    own=MODEL,
) -> Learned:
    """Compute the gradients of task k of update u, at theta and log(step size)."""
    rule = own.rule_at(config, u)
    task = task_of(tasks, net, config, TASKS, u, k, rule=rule)
    inner = held.inner(net, inner_loop(config, net, steps.value(log_step), rule))
    (theta, slope) = held.start(net, theta)
    net = held.of(net)
    # the first order is cheap, and sufficient at the beginning (Antoniou et al. 2019)
    order = 1 if u < config.first_order_updates else config.order
    found = rule.gradient(inner, net, theta, task, order)
    after = measured(found.query_logits, task.y_query)
    # before adaptation the support is unseen too, and its logits are already computed
    before = (
        math.nan if found.support_logits is None else measured(found.support_logits, task.y_support)
    )
    meta = found.gradient if slope is None else slope * found.gradient
    meta = net.without_readout(meta) if config.zero_readout else meta
    return Learned(
        found.loss, meta, steps.log_gradient(log_step, found.step_size_gradient), before, after
    )


def updated(
    config: TrainingConfig,
    net,
    steps: StepSizes,
    state: State,
    found: Learned,
    measure: str = "accuracy",
) -> tuple[State, dict[str, float]]:
    """Return the state after one step of the outer loop's optimisers, and its row in the log.
    found: the sum over the update's tasks. measure: "accuracy" or "error". Raises `NotFinite`."""
    gradient, norm = clip(found.gradient / net.dtype.type(config.tasks), config.clip)
    shrunk = 1.0 if config.clip is None else min(1.0, config.clip / max(norm, 1e-30))
    schedule = cosine(state.update, config.updates, 1.0, config.lr_end)
    outer, step_sizes = optimisers(net, steps)
    outer.state = dict(state.outer)
    step_sizes.state = dict(state.step_sizes)
    theta = outer.step(state.theta, gradient, config.lr * schedule)
    log_step = state.log_step
    if steps.learned:
        meta = found.log_gradient * shrunk / config.tasks
        log_step = step_sizes.step(log_step, meta, config.step_size_lr * schedule)
    row = {
        "update": state.update + 1,
        "tasks": (state.update + 1) * config.tasks,
        "loss": found.loss / config.tasks,
        f"{measure}_before": found.before / config.tasks,
        f"{measure}_after": found.after / config.tasks,
        "gradient_norm": norm,
        "lr": config.lr * schedule,
        **steps.report(state.log_step),
    }
    parts = found.loss, norm, theta, steps.value(log_step)
    if not all(np.isfinite(part).all() for part in parts):
        numbers = f"the query loss is {row['loss']:.4g}, the meta-gradient's norm {norm:.4g}"
        raise NotFinite(f"{numbers}: not finite")
    return State(state.update + 1, theta, log_step, outer.state, step_sizes.state), row
