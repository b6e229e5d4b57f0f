"""Numerical health of a training run, from numbers that are there anyway: what goes wrong is named
once, with what to try.

exploding    the median norm of the last SPAN meta-gradients is GROWTH times that of the first SPAN,
             or above LARGEST: single outliers are usual, where a task's inner loop leaves the
             region that it was learned in
vanished     SPAN meta-gradients are zero, and the loss is not
dead         a spiking layer makes (next to) no spikes, in a look at the validation tasks and in
             TASKS more of them
saturated    it fires (next to) always, likewise: neither tells the layers above anything of what
             was seen
"""

import math
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median_high

import numpy as np

from ..core.network import Network
from ..meta.rules import RULES
from .settings import TrainingConfig

SPAN, GROWTH, LARGEST = 20, 100.0, 1e4  # runs that went well reached 12 times, and a median of 70
TASKS = 7
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
    """Watches one run; it warns of every ailment once.

    rows   those of a run that is resumed: what was wrong with them has been said
    """

    def __init__(self, config: TrainingConfig, rows: Iterable[Mapping[str, float]] = ()):
        self.config = config
        self.warned: set[str | tuple[str, str]] = set()
        self.first: list[float] = []
        self.recent: deque[tuple[float, float]] = deque(maxlen=SPAN)
        for row in rows:
            self.update(row, quiet=True)

    def update(self, row: Mapping[str, float], quiet: bool = False) -> None:
        """Look at an update's row of the log: loss, gradient_norm."""
        self.recent.append((row["gradient_norm"], row["loss"]))
        if len(self.first) < SPAN:
            self.first.append(row["gradient_norm"])
        if len(self.recent) < SPAN:
            return
        norms, losses = zip(*self.recent)
        middle, usual = median_high(norms), median_high(self.first)
        when = f"update {row['update']:.0f}"
        if middle > LARGEST or middle > GROWTH * usual > 0:
            text = (
                f"{when}: the meta-gradients explode, their median norm is {middle:.3g} over "
                f"the last {SPAN} and was {usual:.3g} at the beginning; {remedy(self.config)}"
            )
            self._warn("exploding", text, quiet)
        if max(norms) == 0 and median_high(losses) > 0.01:
            text = (
                f"{when}: the last {SPAN} meta-gradients are zero, so nothing is learned; the "
                "layers below the readout may be dead: try a higher --init-rate, a larger "
                "--window or a lower --firing-threshold"
            )
            self._warn("vanished", text, quiet)

    def look(
        self,
        update: int,
        activity: Mapping[str, float],
        more: Callable[[], Iterable[Mapping[str, float]]],
    ) -> None:
        """Judge the mean output of every layer; `more` gives those of further tasks, and is called
        where it matters."""
        if self.config.model != "snn":  # the outputs of softplus are neither spikes nor ever zero
            return
        suspects = [
            (state, name)
            for name, rate in activity.items()
            if (state := _state(rate)) and (state, name) not in self.warned
        ]
        tasks = [activity, *more()] if suspects else []
        for state, name in suspects:
            rates = [task[name] for task in tasks]
            if all(_state(rate) == state for rate in rates):
                found = f"fires in {100 * np.mean(rates):.3g} % of its sites and steps"
                text = (
                    f"after update {update} layer {name} is {state}: it "
                    f"{found if max(rates) else 'makes no spikes'} in {len(rates)} validation "
                    f"tasks, whatever it sees; try {REMEDIES[state]}"
                )
                self._warn((state, name), text)

    def _warn(self, what: str | tuple[str, str], text: str, quiet: bool = False) -> None:
        if what not in self.warned and not quiet:
            warnings.warn(text, Unhealthy, stacklevel=4)
        self.warned.add(what)


def _state(rate: float) -> str:
    return "dead" if rate < DEAD else "saturated" if rate > SATURATED else ""


def remedy(config: TrainingConfig) -> str:
    """What to try where numbers grow without bound."""
    parts = [f"--step-size {config.step_size / 2:g}", f"--lr {config.lr / 2:g}"]
    parts.append("--clip 5" if config.clip is None else f"--clip {config.clip / 2:g}")
    second_order = RULES[config.rule].second_order
    if config.inner_steps > 1 and second_order:
        parts.append(f"--inner-steps {config.inner_steps - 1}")
    if config.order == 2 and second_order:
        parts.append("--order 1")
    return f"try {', '.join(parts[:-1])} or {parts[-1]}"


def not_finite(net: Network, vector: np.ndarray) -> str:
    """Names of the parameter arrays in which a flat vector is not finite, for a sentence; "" where
    there are none."""
    names = [p.name for p in net.layout if not np.isfinite(vector[p.slice]).all()]
    if len(names) == len(net.layout):
        return "in every layer"
    return f"in {', '.join(names)}" if names else ""


def diverged(
    config: TrainingConfig,
    net: Network,
    row: Mapping[str, float],
    gradient: np.ndarray,
    folder: Path,
) -> str:
    """What to say where an update's loss, gradient or parameters are not finite; the state before
    it is saved."""
    update, loss, norm = row["update"], row["loss"], row["gradient_norm"]
    where = not_finite(net, gradient)
    kind = "loss" if math.isnan(loss) or math.isinf(loss) else "meta-gradient" if where else "step"
    return (
        f"update {update}: the query loss is {loss:.4g}, the meta-gradient's norm {norm:.4g}: "
        f"not finite; the state before it is saved in {folder}; the {kind} was the first to "
        f"go{f', the meta-gradient {where}' if where else ''}; {remedy(config)}, with "
        f"--start {folder} to continue from there"
    )
