"""All that an update of a training run changes: how it begins, and how it is taken from a
checkpoint."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .checkpoint import Checkpoint, Kept, read
from ..data.store.shipped import find_checkpoint
from ..layers.cuba import CubaLIF
from ..layers.lif import LIF
from ..meta.optim import SGD, Adam
from .settings import TrainingConfig
from ..meta.stepsizes import StepSizes


class State(NamedTuple):
    """It is replaced as a whole, so that an interruption finds the old or the new one."""

    update: int
    theta: np.ndarray
    log_step: np.ndarray
    outer: dict[str, np.ndarray]
    step_sizes: dict[str, np.ndarray]

    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """What a checkpoint keeps of it beside theta, as `restored` takes it back."""
        return {
            "outer": self.outer,
            "step_sizes": {**self.step_sizes, "log_step_size": self.log_step},
        }


def optimisers(config: TrainingConfig, net: Kept, steps: StepSizes) -> tuple[Adam | SGD, Adam]:
    """The outer loop's optimiser and that of log(step size), both as they begin."""
    outer = (
        Adam(net.size, dtype=net.dtype)
        if config.optimiser == "adam"
        else SGD(net.size, config.momentum, net.dtype)
    )
    return outer, Adam(len(steps.starts), dtype=np.float64)


def first(
    config: TrainingConfig, net: Kept, steps: StepSizes, theta: np.ndarray, log_step: np.ndarray
) -> State:
    """The state before the first update; log_step is log(a / a_0)."""
    outer, step_sizes = optimisers(config, net, steps)
    return State(0, theta, log_step, outer.state, step_sizes.state)


def start_of(config: TrainingConfig, net: Kept) -> Checkpoint:
    """The checkpoint config.start, its theta by `nearest` where the neuron alone is another.
    ValueError where more is."""
    found = read(find_checkpoint(str(config.start)))
    known = all(isinstance(getattr(one, "neuron", None), LIF | CubaLIF) for one in (found.net, net))
    there, here = (
        {k: v for k, v in one.configuration().items() if k != "neuron" or not known}
        for one in (found.net, net)
    )
    if there != here:
        which = f"the checkpoint's network, {found.net!r}, differs from that of the settings"
        raise ValueError(f"{config.start}: {which}, {net!r}")
    return replace(found, theta=nearest(found.net, found.theta, net))


def nearest(old: Any, theta: np.ndarray, net: Any) -> np.ndarray:
    """theta of a network as that of `net`, which has other constants of the neuron or another
    neuron.

    The input is what it was, whatever the gain. A hard reset does not see the scale of a layer: of
    two `CubaLIF` with thresholds above 0, weights and biases follow the threshold. Else biases
    follow it, W p + b - threshold is what it was; filters and resets are left to the training,
    which starts from here.
    """
    before: Any = getattr(old, "neuron", None)
    after: Any = getattr(net, "neuron", None)
    if before == after:
        return theta
    theta = theta.copy()
    views = net.views(theta)
    first = net.blocks[0].name
    views[f"{first}.weight"][...] *= before.gain / after.gain
    scaled = (
        isinstance(before, CubaLIF)
        and isinstance(after, CubaLIF)
        and min(before.threshold, after.threshold) > 0
    )
    for b in net.blocks[:-1]:
        weight, bias = views[f"{b.name}.weight"], views[f"{b.name}.bias"]
        if scaled:
            weight *= after.threshold / before.threshold
            bias *= after.threshold / before.threshold
        else:
            bias += after.threshold - before.threshold
    return theta


def started(config: TrainingConfig, net: Kept, steps: StepSizes) -> State:
    """`first`, from the checkpoint of `start_of`; step sizes that are not learned, here or there,
    are as configured."""
    found = start_of(config, net)
    log_step = steps.start
    there = found.config is None or found.config.learn_step_size != "no"
    if steps.learned and there and found.inner is not None:
        log_step = steps.log_of(found.inner.step_size)
    theta = net.with_silent_readout(found.theta) if config.zero_readout else found.theta
    return first(config, net, steps, theta, log_step)


def restored(
    config: TrainingConfig, net: Kept, steps: StepSizes, found: Checkpoint, folder: Path
) -> State:
    """The state that the checkpoint of a run in `folder` holds. ValueError where it is not of this
    run."""
    if found.net.configuration() != net.configuration():
        shapes = f"takes samples of {found.net.input_shape}; the data has {net.input_shape}"
        raise ValueError(f"{folder / 'checkpoint.h5'}: the checkpoint's network {shapes}")
    update = found.progress["update"]
    begun = first(config, net, steps, found.theta, steps.start)
    for of, state in begun.arrays().items():
        for name, array in state.items():
            there = found.optimiser.get(of, {}).get(name)
            if there is None or there.shape != array.shape or there.dtype != array.dtype:
                what, expected = (
                    "nothing" if a is None else f"{a.dtype} of shape {a.shape}"
                    for a in (there, array)
                )
                raise ValueError(
                    f"{folder}: the checkpoint's optimiser/{of}/{name} holds {what}; expected "
                    f"{expected}"
                )
    if rows := {len(column) for column in found.curve.values()} - {update}:
        raise ValueError(
            f"{folder}: the checkpoint's curve has {rows.pop()} rows; expected {update}, one for "
            "each update"
        )
    held = dict(found.optimiser["step_sizes"])
    return State(update, found.theta, held.pop("log_step_size"), found.optimiser["outer"], held)
