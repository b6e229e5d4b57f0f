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

import warnings
from collections.abc import Mapping, Sequence
from statistics import fmean, median_high

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
        self.warned: set[str] = set()

    def update(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Look at the rows of the log so far: loss, gradient_norm."""
        if len(rows) < SPAN:
            return
        norms, usual = (
            median_high(row["gradient_norm"] for row in part)
            for part in (rows[-SPAN:], rows[:SPAN])
        )
        when = f"update {rows[-1]['update']:.0f}: the"
        if norms > LARGEST or norms > GROWTH * usual > 0:
            self._warn(
                "exploding",
                f"{when} meta-gradients explode, their median norm is {norms:.3g} over the last "
                f"{SPAN} and was {usual:.3g} at the beginning; {remedy(self.config)}",
            )
        still = not any(row["gradient_norm"] for row in rows[-SPAN:])
        if still and median_high(row["loss"] for row in rows[-SPAN:]) > 0.01:
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
            if state:
                self._warn(
                    f"{name} {state}",
                    f"after update {update} layer {name} is {state}: it fires in "
                    f"{100 * fmean(rates):.3g} % of its sites and steps in {len(rates)} validation "
                    f"tasks, whatever it sees; try {REMEDIES[state]}",
                )

    def _warn(self, what: str, text: str) -> None:
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
