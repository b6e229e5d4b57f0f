"""Ways to learn an episode, on a chip and in float, and their answers to the same test episodes.

A way is a function of a task, a seed and the spikes and traces that earlier ways computed, so that
those which several ways share are computed once per episode. It returns logits for the query
samples, and the shares of synapses that were written, gated and clipped.
"""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minisnn.experiments.study import Study
from minisnn.meta.rules import body
from minisnn.training.baselines import Answers, Row, correct, drawn_by, rows_of
from minisnn.training.intervals import POPULATIONS

from ..chip.errors import ERRORS
from ..chip.formats import ROUNDINGS
from ..chip.learner import RULES, Learner, one_look, one_shot, samples_of, steps_of
from ..chip.network import IntegerNet
from ..chip.words import Words
from .floats import FloatReadout

ROLE = "double-nmnist/maml-snn"
BITS = 8, 4, 3, 2
THRESHOLDS = 0, 1, 2, 5, 10, 25, 50, 75  # % of the largest update
NONE = 0.0, 0.0, 0.0  # shares written, gated and clipped, where they are not counted


class Choice(NamedTuple):
    """A word length for the readout, and how the readout learns. Theta is in per cent of the
    largest update."""

    bits: int = 8
    rule: str = "membrane"
    error: str = "softmax"
    rounding: str = "stochastic"
    percent: int = 0
    online: bool = False

    @property
    def twin(self) -> str:
        """The name of its float twin."""
        return f"{self.rule}, {self.error}{', online' * self.online}"

    def options(self) -> dict[str, Any]:
        """Return the options for a `Learner`."""
        kept = {name: getattr(self, name) for name in ("rule", "error", "rounding", "online")}
        return kept | dict(threshold=round(2.56 * self.percent))


def choices(asked: tuple[int, ...] = BITS) -> list[Choice]:
    """List all choices that are compared, for readouts with the word lengths in BITS and those
    asked for."""
    found = [Choice(bits, rounding=mode) for bits in (*BITS, *asked) for mode in ROUNDINGS]
    for bits in (8, 4):
        found += [Choice(bits, rounding="nearest", percent=percent) for percent in THRESHOLDS]
    found += [Choice(error=error) for error in ("target", "ternary")]
    found += [Choice(rule="three-factor", error=error, rounding="nearest") for error in ERRORS]
    return list(dict.fromkeys([*found, Choice(online=True)]))


class Found(NamedTuple):
    """The answers that a learning rule gives, and the shares of synapses written, gated and
    clipped."""

    row: Row
    shares: np.ndarray


class Comparison:
    """A network, its chips, and the test episodes of a study."""

    def __init__(self, study: Study, words: Words, bits: tuple[int, ...]):
        found: Any = study.network(ROLE)
        if found is None:
            raise ValueError(
                f"there is no network for {ROLE}; give --networks a folder that holds it"
            )
        self.study, self.found, self.words, self.bits = study, found, words, bits
        self.net = found.net
        self.theta = found.theta
        self.inner = one_look(found.loop)
        self.chip(bits[0])  # raises for an unsuitable network, before anything is measured
        self.tasks = study.tasks("double-nmnist")

    def chip(self, bits: int, readout_bits: int | None = None, **words: Any) -> IntegerNet:
        """Return the network quantised to words of this many bits; `words` are other options of
        `Words`."""
        words |= dict(weight_bits=bits, readout_bits=readout_bits or bits)
        return IntegerNet.of(self.found, replace(self.words, **words))

    def support(self, samples: int | None = None) -> np.ndarray:
        """Return the counts of the first episode's support samples."""
        return _task(self.tasks, self.study.settings, self.net.ways, 0).x_support[:samples]

    def in_float(self) -> dict[str, Any]:
        """Return MAML's inner loop in float, for the whole network and for its readout only, and
        the float twins of all rules."""
        readout = FloatReadout(self.net, self.theta)
        steps = steps_of(self.net, self.inner, self.net.ways)
        rules = [Choice(rule=rule, error=error) for rule in RULES for error in ERRORS]
        loops = {
            "all layers (MAML's inner loop)": self.inner,
            "readout alone": replace(self.inner, freeze=body(self.net)),
        }
        ways: dict[str, Any] = {
            name: partial(by_loop, self.net, self.theta, inner) for name, inner in loops.items()
        }
        for choice in (*rules, Choice(online=True)):
            learner = Learner(choice.rule, choice.error, online=choice.online, **steps)
            ways[choice.twin] = partial(by_twin, readout, learner)
        return ways

    def in_integers(self, bits: int) -> dict[Choice, Any]:
        """Return {choice: way} for every choice of readout, on conv layers with this many bits."""
        several = choices(self.bits)
        chips = {n: self.chip(bits, n) for n in dict.fromkeys(choice.bits for choice in several)}
        return {
            choice: partial(by_readout, chips[choice.bits], choice.options(), None, "all")
            for choice in several
        }

    def measure(
        self, label: str, ways: dict[Any, Any], most: int | None = None
    ) -> tuple[dict[Any, Found], Counter]:
        """Return ({name: answers of its rule in at most this number of episodes}, numbers
        clipped)."""
        settings = self.study.settings
        one = partial(_episode, self.tasks, settings, self.net.ways, list(ways.values()))
        episodes = min(settings.episodes, most or settings.episodes)
        answered, shares, clipped = zip(*self.study.each(f"hardware, {label}", episodes, one))
        rows = rows_of(list(ways), list(answered))
        found = map(Found, rows.values(), np.mean(shares, 0))
        return dict(zip(ways, found)), sum(map(Counter, clipped), Counter())


def speaks(row: Row) -> str:
    """Say in a sentence what a table's intervals are for; "" for one episode."""
    if row.interval is None:
        return ""
    return f" ± is half a 95 % interval, for {POPULATIONS[row.interval.population]}."


def _task(tasks: Any, settings: Any, ways: int, index: int) -> Any:
    return tasks.episode(settings.seed, index, ways, 1, settings.queries)


def _episode(tasks: Any, settings: Any, ways: int, several: list, index: int) -> list:
    """Return every way's answers and shares in one episode, and what was clipped."""
    task = _task(tasks, settings, ways, index)
    seen: dict[Any, Any] = {"clipped": Counter()}
    logits, shares = zip(*(way(task, 1 + index, seen) for way in several))
    right = np.concatenate([correct(answer, task) for answer in logits])
    return [Answers(right, drawn_by(task)), shares, seen["clipped"]]


# ---- the ways


def by_loop(net, theta, inner, task, seed, seen):
    """Classify the task's queries with the float network after an inner loop."""
    return inner.logits(net, theta, task), NONE


def by_twin(readout, learner, task, seed, seen):
    """Classify the task's queries with a `FloatReadout`."""
    if "float" not in seen:
        seen["float"] = readout.traces(samples_of(task))
    return one_shot(readout, learner, task, seen["float"]).u[:, -1], NONE


def by_readout(chip, options, trace, below, task, seed, seen):
    """Classify the task's queries with a chip's readout, using these `Learner` options.

    trace   (bits, rounding) of its traces; None: its own
    below   chips with the same `below` share conv layers
    """
    chip = chip.counted_alone()
    if (below, trace) not in seen:
        if below not in seen:
            seen[below] = chip.spikes(samples_of(task))
        seen[below, trace] = chip.traces(seen[below], *trace or (), seed=seed)
    new, u, _ = one_shot(chip, chip.learner(**{"seed": seed, **options}), task, seen[below, trace])
    seen["clipped"].update(chip.saturations)
    return u[:, -1], [n / new.synapses for n in (new.written, new.gated, new.clipped)]
