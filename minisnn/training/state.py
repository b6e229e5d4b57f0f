"""All that an update of a training run changes: how it begins, and how it is taken from a checkpoint."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from .checkpoint import Checkpoint, Kept, read
from ..data.store.shipped import find_checkpoint
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
        return {"outer": self.outer, "step_sizes": {**self.step_sizes, "log_step_size": self.log_step}}


def optimisers(config: TrainingConfig, net: Kept, steps: StepSizes) -> tuple[Adam | SGD, Adam]:
    """The outer loop's optimiser and that of log(step size), both as they begin."""
    outer = Adam(net.size, dtype=net.dtype) if config.optimiser == "adam" else SGD(net.size, config.momentum, net.dtype)
    return outer, Adam(len(steps.starts), dtype=np.float64)


def first(config: TrainingConfig, net: Kept, steps: StepSizes, theta: np.ndarray, log_step: np.ndarray) -> State:
    """The state before the first update; log_step is log(a / a_0)."""
    outer, step_sizes = optimisers(config, net, steps)
    return State(0, theta, log_step, outer.state, step_sizes.state)


def start_of(config: TrainingConfig, net: Kept) -> Checkpoint:
    """The checkpoint config.start. Raises ValueError where its network is another."""
    found = read(find_checkpoint(str(config.start)))
    if found.net.configuration() != net.configuration():
        which = f"the checkpoint's network, {found.net!r}, is another than that of the settings"
        raise ValueError(f"{config.start}: {which}, {net!r}")
    return found


def started(config: TrainingConfig, net: Kept, steps: StepSizes) -> State:
    """`first`, from the checkpoint of `start_of`; step sizes that are not learned stay as configured."""
    found, log_step = start_of(config, net), steps.start
    if steps.learned and found.inner is not None:
        log_step = steps.log_of(found.inner.step_size)
    return first(config, net, steps, found.theta, log_step)


def restored(config: TrainingConfig, net: Kept, steps: StepSizes, found: Checkpoint, folder: Path) -> State:
    """The state that the checkpoint of a run in `folder` holds. ValueError where it is not of this run."""
    if found.net.configuration() != net.configuration():
        shapes = f"takes samples of {found.net.input_shape}; the data has {net.input_shape}"
        raise ValueError(f"{folder / 'checkpoint.h5'}: the checkpoint's network {shapes}")
    update, begun = found.progress["update"], first(config, net, steps, found.theta, steps.start)
    for of, state in begun.arrays().items():
        for name, array in state.items():
            there = found.optimiser.get(of, {}).get(name)
            if there is None or there.shape != array.shape or there.dtype != array.dtype:
                what, expected = ("nothing" if a is None else f"{a.dtype} of shape {a.shape}" for a in (there, array))
                raise ValueError(f"{folder}: the checkpoint's optimiser/{of}/{name} holds {what}; expected {expected}")
    if rows := {len(column) for column in found.curve.values()} - {update}:
        raise ValueError(f"{folder}: the checkpoint's curve has {rows.pop()} rows; expected {update}, one an update")
    held = dict(found.optimiser["step_sizes"])
    return State(update, found.theta, held.pop("log_step_size"), found.optimiser["outer"], held)
