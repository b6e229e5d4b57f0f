"""Numerical health of a training run, from numbers that are there anyway: what goes wrong is named
once, with what to try.

exploding    the median norm of the last SPAN meta-gradients is GROWTH times that of the first SPAN,
             or above LARGEST: single outliers are usual, where a task's inner loop leaves the
             region that it was learned in
vanished     SPAN meta-gradients are zero, and the loss is not
dead         a spiking layer makes (next to) no spikes, in a look at TASKS validation tasks
saturated    it fires (next to) always, likewise: neither tells the layers above anything of what
             was seen
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median_high

import numpy as np

from ..core.network import Network
from ..meta.rules import RULES
from .settings import TrainingConfig

SPAN, GROWTH, LARGEST = 20, 100.0, 1e4  # runs that went well reached 12 times, and a median of 70
TASKS = 8
DEAD, SATURATED = 1e-4, 0.99  # mean output; trained layers fire at 0.005 to 0.2
REMEDIES = {
    "dead": "a higher --init-rate, a lower --firing-threshold, and a smaller --lr or --step-size "
    "if it died in training",
    "saturated": "a lower --init-rate, a higher --firing-threshold or --rho, and a smaller --lr or "
    "--step-size if it came in training",
}


class Unhealthy(UserWarning):
    """A training run is about to go wrong; the message says of what and what to try."""


class Health:
    """Watches one run; it warns of every ailment once."""

    def __init__(self, config: TrainingConfig):
        self.config = config
        self.warned: set[str | tuple[str, str]] = set()

    def update(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Look at the rows of the log so far: loss, gradient_norm."""
        if len(rows) < SPAN:
            return
        norms = [row["gradient_norm"] for row in rows[-SPAN:]]
        middle = median_high(norms)
        usual = median_high(row["gradient_norm"] for row in rows[:SPAN])
        when = f"update {rows[-1]['update']:.0f}: the"
        if middle > LARGEST or middle > GROWTH * usual > 0:
            self._warn(
                "exploding",
                f"{when} meta-gradients explode, their median norm is {middle:.3g} over the last "
                f"{SPAN} and was {usual:.3g} at the beginning; {remedy(self.config)}",
            )
        if max(norms) == 0 and median_high(row["loss"] for row in rows[-SPAN:]) > 0.01:
            self._warn(
                "vanished",
                f"{when} last {SPAN} meta-gradients are zero, so nothing is learned; the layers "
                "below the readout may be dead: try a higher --init-rate, a larger --window or a "
                "lower --firing-threshold",
            )

    def look(self, update: int, tasks: Sequence[Mapping[str, float]]) -> None:
        """Judge the mean output of every spiking layer in several tasks."""
        for name in tasks[0]:
            rates = [task[name] for task in tasks]
            state = "dead" if max(rates) < DEAD else "saturated" if min(rates) > SATURATED else ""
            share = f"fires in {100 * np.mean(rates):.3g} % of its sites and steps"
            if state:
                self._warn(
                    (name, state),
                    f"after update {update} layer {name} is {state}: it "
                    f"{share if max(rates) else 'makes no spikes'} in {len(rates)} validation "
                    f"tasks, whatever it sees; try {REMEDIES[state]}",
                )

    def _warn(self, what: str | tuple[str, str], text: str) -> None:
        if what not in self.warned:
            warnings.warn(text, Unhealthy, stacklevel=4)
        self.warned.add(what)


def remedy(config: TrainingConfig) -> str:
    """What to try where numbers grow without bound."""
    parts = [f"--step-size {config.step_size / 2:g}", f"--lr {config.lr / 2:g}"]
    parts.append("--clip 5" if config.clip is None else f"--clip {config.clip / 2:g}")
    if RULES[config.rule].second_order:
        parts += [f"--inner-steps {config.inner_steps - 1}"] * (config.inner_steps > 1)
        parts += ["--order 1"] * (config.order == 2)
    return f"try {', '.join(parts[:-1])} or {parts[-1]}"


def diverged(
    config: TrainingConfig,
    net: Network,
    row: Mapping[str, float],
    gradient: np.ndarray,
    folder: Path,
) -> str:
    """What to say where an update's loss, gradient or parameters are not finite; the state before
    it is saved."""
    loss, norm = row["loss"], row["gradient_norm"]
    layers = [p.name for p in net.layout if not np.isfinite(gradient[p.slice]).all()]
    every = len(layers) == len(net.layout)
    where = f", the meta-gradient in {'every layer' if every else ', '.join(layers)}"
    kind = "loss" if not math.isfinite(loss) else "meta-gradient" if layers else "step"
    return (
        f"update {row['update']}: the query loss is {loss:.4g}, the meta-gradient's norm "
        f"{norm:.4g}: not finite; the state before it is saved in {folder}; the {kind} was the "
        f"first to go{where * bool(layers)}; {remedy(config)}, with --start {folder} to continue "
        "from there"
    )
