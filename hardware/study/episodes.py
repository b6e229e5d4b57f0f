"""What is measured on an episode: every way for the chip's readout to learn, and their float twins,
on the same tasks.

An episode goes through the conv layers once for every word length of theirs; every way to learn
starts there.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from minisnn.experiments.study import Settings, Study, recalled, recorded
from minisnn.meta.inner import InnerLoop
from minisnn.meta.rules import body
from minisnn.meta.tasks import Task
from minisnn.training.baselines import Answers, Row, correct, drawn_by, rows_of
from minisnn.training.intervals import POPULATIONS

from ..chip.errors import ERRORS
from ..chip.formats import ROUNDINGS
from ..chip.learner import RULES, Learner, one_look, one_shot, samples_of, steps_of
from ..chip.network import IntegerNet
from ..chip.words import Words
from ..chip.neuron import U
from .floats import FloatReadout

ROLE = "double-nmnist/maml-snn"
BITS = (8, 4, 3, 2)
THRESHOLDS = (0, 1, 2, 5, 10, 25, 50, 75)  # % of the largest update
DEFAULT = ("membrane", "softmax", "stochastic", 0, False)


@dataclass(frozen=True)
class Choice:
    """Word length of the readout and how it learns: rule, error, rounding, Theta in %, online."""

    bits: int
    how: tuple = DEFAULT

    def learner(self, chip: IntegerNet, seed: int) -> Learner:
        rule, error, rounding, percent, online = self.how
        return chip.learner(
            rule=rule,
            error=error,
            rounding=rounding,
            threshold=round(2.56 * percent),
            online=online,
            seed=seed,
        )


def choices(asked: Sequence[int] = BITS) -> list[Choice]:
    """All that is compared, without repetitions; readouts have BITS, and what is asked for
    beside."""
    found = [
        *(
            Choice(bits, ("membrane", "softmax", rounding, 0, False))
            for bits in (*BITS, *asked)
            for rounding in ROUNDINGS
        ),
        *(
            Choice(bits, ("membrane", "softmax", "nearest", percent, False))
            for bits in (8, 4)
            for percent in THRESHOLDS
        ),
        *(
            Choice(8, ("membrane", error, "stochastic", 0, False))
            for error in ("target", "ternary")
        ),
        *(Choice(8, ("three-factor", error, "nearest", 0, False)) for error in ERRORS),
        Choice(8, ("membrane", "softmax", "stochastic", 0, True)),
    ]
    return list(dict.fromkeys(found))


TWINS = {
    "all layers (MAML's inner loop)": None,
    "readout alone": body,
    **{f"{rule}, {error}": Learner(rule, error) for rule in RULES for error in ERRORS},
    "membrane, softmax, online": Learner(online=True),
}


class Comparison:
    """What a study measures: everything an episode gives, once and kept."""

    def __init__(self, study: Study, words: Words, bits: tuple[int, ...] = BITS):
        found = study.network(ROLE)
        if found is None:
            raise ValueError(
                f"there is no network for {ROLE}; give --networks a folder that holds it"
            )
        self.study = study
        self.settings = study.settings
        self.words = words
        self.bits = bits
        self.found = found
        self.net = found.net
        self.theta = found.theta
        self.inner = one_look(found.loop)
        self.tasks = study.tasks("double-nmnist")
        self.choices = choices(bits)
        self.saturations: dict[int, dict[str, int]] = {}
        # which refuses a network that no chip holds, before anything is measured
        self.chip(bits[0])

    def task(self, index: int) -> Task:
        return task_of(self.tasks, self.settings, self.net.ways, index)

    def chip(self, bits: int, readout_bits: int | None = None, **words) -> IntegerNet:
        """The network in words of so many bits; `words` are other options of `Words`."""
        return IntegerNet.of(
            self.found,
            replace(self.words, weight_bits=bits, readout_bits=readout_bits or bits, **words),
        )

    def floats(self) -> dict[str, Row]:
        """{name of TWINS: what it answers to the episodes}."""
        given = self.tasks, self.net, self.theta, self.inner, self.settings
        names = list(TWINS)
        return rows(names, self.each("float", partial(_float_episode, *given), names))

    def fixed(self, bits: int) -> tuple[list[Row], np.ndarray]:
        """What each choice answers, and (choices, 4) of the shares of synapses written, gated and
        clipped, and of clipped membranes."""
        chips = {choice.bits: self.chip(bits, choice.bits) for choice in self.choices}
        one = partial(_fixed_episode, self.tasks, chips, self.choices, self.settings)
        names = [repr(choice) for choice in self.choices]
        items = self.each(f"conv{bits}", one, names)
        trunk = chips[self.choices[0].bits].saturations
        clipped = Counter(
            {place: n for place, n in trunk.items() if not place.startswith("readout")}
        )
        for item in items:
            clipped.update(item[2])
        self.saturations[bits] = dict(clipped)
        answered = rows(names, [item[0] for item in items])
        return [answered[name] for name in names], np.mean([item[1] for item in items], axis=0)

    def few(
        self, key: str, most: int, names: list, one, made_from: tuple, label: str
    ) -> dict[Any, Row]:
        """{name: what it answers to at most so many episodes}; `one` yields `told` of an
        episode."""
        made_from = (self.net.configuration(), self.theta, self.inner, repr(self.words), *made_from)
        return rows(
            names,
            self.study.each(
                f"hardware-{key}",
                "double-nmnist",
                min(self.settings.episodes, most),
                one,
                made_from,
                f"hardware, {label}",
            ),
        )

    def each(self, key: str, one, made_from: list) -> list:
        """What `one` yields of every episode."""
        words = repr(replace(self.words, weight_bits=8, readout_bits=8))
        made_from = (self.net.configuration(), self.theta, self.inner, words, made_from)
        return self.study.each(
            f"hardware-{key}",
            "double-nmnist",
            self.settings.episodes,
            one,
            made_from,
            f"hardware, {key}",
        )


def task_of(tasks, settings: Settings, ways: int, index: int) -> Task:
    """Test episode `index`."""
    return tasks.episode(settings.seed, index, ways, 1, settings.queries)


def told(task: Task, logits: list[np.ndarray]) -> list:
    """What several ways to learn answer to a task, by logits (Q, ways) of each, as records hold
    it."""
    return recorded(Answers(np.concatenate([correct(one, task) for one in logits]), drawn_by(task)))


def rows(names: list, items: list) -> dict[Any, Row]:
    """A row for each way to learn, of what `told` says of all episodes."""
    return rows_of(names, [recalled(*item) for item in items])


def speaks(row: Row) -> str:
    """Whom the intervals of a table speak for, as a sentence to append; nothing of one episode."""
    return (
        f" ± is half a 95 % interval, for {POPULATIONS[row.interval.population]}."
        if row.interval
        else ""
    )


def _float_episode(
    tasks, net, theta: np.ndarray, inner: InnerLoop, settings: Settings, index: int
) -> list:
    """What each of TWINS answers to an episode."""
    task = task_of(tasks, settings, net.ways, index)
    found = []
    readout = FloatReadout(net, theta)
    p = readout.traces(samples_of(task))
    steps = steps_of(net, inner, net.ways)
    for way in TWINS.values():
        if isinstance(way, Learner):
            found.append(one_shot(readout, replace(way, **steps), task, p).u[:, -1])
        else:
            loop = replace(inner, freeze=way(net) if way else inner.freeze)
            found.append(loop.logits(net, theta, task))
    return told(task, found)


def _fixed_episode(
    tasks, chips: dict[int, IntegerNet], choices: list[Choice], settings: Settings, index: int
) -> list:
    """What each choice answers; shares of synapses written, gated and clipped, and of clipped
    membranes; what was clipped."""
    trunk = chips[choices[0].bits].counted_alone()
    logits = []
    shares = []
    task = task_of(tasks, settings, trunk.ways, index)
    p = trunk.traces_of(samples_of(task))
    for choice in choices:
        chip = chips[choice.bits]
        new, u, _ = one_shot(chip, choice.learner(chip, 1 + index), task, p)
        logits.append(u[:, -1])
        clipped = float(np.isin(u, U.ends).mean())
        shares.append(
            [
                new.written / new.synapses,
                new.gated / new.synapses,
                new.clipped / new.synapses,
                clipped,
            ]
        )
    return [
        told(task, logits),
        shares,
        {place: number for place, number in trunk.saturations.items() if number},
    ]
