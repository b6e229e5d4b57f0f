"""What a training run shows of itself while it goes on."""

import math
import sys
from collections import deque

from .. import terminal
from ..network.base import Network
from ..meta.rules import RULES
from .folder import RunFolder
from .settings import TrainingConfig


class Bar:
    """Progress: a bar in a terminal, twenty lines in a file."""

    def __init__(
        self,
        config: TrainingConfig,
        rows: list[dict[str, float]],
        progress: bool,
        measure: str = "accuracy",
    ):
        self.config, self.progress = config, progress
        form = (
            "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
        )
        self.bar = terminal.bar(
            None,
            config.updates,
            "training",
            progress,
            initial=len(rows),
            bar_format=form,
            leave=True,
        )
        span = max(1, 100 // config.tasks)
        self.measure, shown = measure, ("loss", f"{measure}_before", f"{measure}_after", "seconds")
        self.recent = {
            name: deque((row.get(name, math.nan) for row in rows[-span:]), maxlen=span)
            for name in shown
        }
        self.every = max(1, config.updates // 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def show(self, row: dict[str, float]) -> None:
        for name, values in self.recent.items():
            values.append(row[name])
        loss, before, after = (
            sum(values) / len(values) for name, values in self.recent.items() if name != "seconds"
        )
        form = ".0%" if self.measure == "accuracy" else ".3g"
        adapted = (
            "" if math.isnan(before) else f"{before:{form}} → "
        )  # of a rule that does not tell
        text = f"loss {loss:.2f}, {self.measure} {adapted}{after:{form}}"
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.update()
        done, total, times = row["update"], self.config.updates, self.recent["seconds"]
        if self.progress and self.bar.disable and done % self.every == 0:
            rate = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else times[-1]
            clock = f"{_clock(times[-1])}, {_clock(rate * (total - done))} left"
            print(f"update {done} of {total}: {text}; {clock}", file=sys.stderr, flush=True)


def tells_before(config: TrainingConfig) -> bool:
    """Whether a rule tells in training how a network does before it adapts: it has a readout then,
    and adapts once to all."""
    rule = RULES[config.rule]
    return not (rule.whole_set or rule.any_ways or rule.class_means or config.online)


def opening(
    config: TrainingConfig, net: Network, folder: RunFolder, workers: int, measure: str = "accuracy"
) -> str:
    """What is said of a run before it begins, or goes on."""
    kind = {"snn": "spiking", "cnn": "convolutional"}[config.model]
    tasks = (
        f"{net.ways} classes"
        if RULES[config.rule].whole_set
        else f"{config.ways}-way {config.shots}-shot tasks"
    )
    text = f"{tasks} of {folder.origin.words()}; a {kind} network of {net.size:,} parameters\n"
    text += f"with {net.own}, on backend {net.backend}\n" if net.own else ""
    text += f"run folder {folder.path}; Ctrl-C saves"
    if tells_before(config):
        text += f"; {measure} is shown before → after adaptation"
    if workers > 1 and config.tasks == 1:
        text += (
            "\nan update has one task (--tasks 1), which this process carries out alone; the "
            "workers share validation and "
        )
        text += "test episodes"
    return text


def duration(seconds: float) -> str:
    """In the words of somebody who has only guessed."""
    if seconds < 90:
        return f"{max(round(seconds, -1), 5):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
