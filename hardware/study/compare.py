"""Float against fixed point: the shipped network learns test episodes in integers, and in its float twins on the same episodes.

An episode goes through the conv layers once for every word length of theirs; every way for the readout to learn starts there.
"""

from collections import Counter
from copy import copy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from minisnn.training.evaluation import accuracy
from minisnn.experiments.findings import Findings, Table
from minisnn.experiments.statistics import difference, estimate
from minisnn.experiments.study import Settings, Study
from minisnn.meta.inner import InnerLoop, body

from ..chip.errors import ERRORS
from ..chip.formats import ROUNDINGS
from .floats import FloatReadout
from ..chip.learner import RULES, Learner, learn, readout_exponent, steps_of
from ..chip.network import IntegerNet, Words
from .operations import cost

TITLE = "One-shot learning in integers, against floating point on the same episodes"
ROLE = "double-nmnist/maml-snn"
BITS = (8, 4, 3, 2)
THRESHOLDS = (0, 1, 2, 5, 10, 25, 50, 75)  # % of the largest update
DEFAULT = ("membrane", "softmax", "stochastic", 0, False)


@dataclass(frozen=True)
class Choice:
    """Word length of the readout and how it learns: rule, error, rounding, Theta in %, online."""

    bits: int
    how: tuple = DEFAULT

    def learner(self, steps: dict, seed: int) -> Learner:
        rule, error, rounding, percent, online = self.how
        return Learner(rule, error, rounding, round(2.56 * percent), online, seed=seed, **steps)


def choices() -> list[Choice]:
    """All that is compared, without repetitions."""
    found = [Choice(bits, ("membrane", "softmax", rounding, 0, False)) for bits in BITS for rounding in ROUNDINGS]
    found += [Choice(bits, ("membrane", "softmax", "nearest", percent, False)) for bits in (8, 4) for percent in THRESHOLDS]
    found += [Choice(8, ("membrane", error, "stochastic", 0, False)) for error in ("target", "ternary")]
    found += [Choice(8, ("three-factor", error, "nearest", 0, False)) for error in ("softmax", "target", "ternary")]
    found += [Choice(8, ("membrane", "softmax", "stochastic", 0, True))]
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
            raise ValueError(f"there is no network for {ROLE}; give --networks a folder that holds it")
        self.study, self.words, self.bits, self.net, self.theta = study, words, bits, found.net, found.theta
        self.inner = found.inner or InnerLoop()
        self.steps, self.tasks = steps_of(self.net, self.inner, self.net.ways), study.tasks("double-nmnist")
        self.choices = choices()
        self.saturations: dict[int, dict[str, int]] = {}

    def task(self, index: int):
        s = self.study.settings
        return self.tasks.episode(s.seed, index, self.net.ways, 1, s.queries)

    def floats(self) -> np.ndarray:
        """Accuracies (episodes, TWINS)."""
        one = partial(_float_episode, self.tasks, self.net, self.theta, self.inner, self.steps, self.study.settings)
        return np.array(self._each("float", one, list(TWINS)))

    def chip(self, bits: int, choice: Choice) -> IntegerNet:
        words = replace(self.words, weight_bits=bits, readout_bits=choice.bits)
        return IntegerNet(self.net, self.theta, words, readout_exponent(self.steps["log2_weight"], choice.bits))

    def fixed(self, bits: int) -> np.ndarray:
        """(episodes, choices, 5) of accuracy, the shares of synapses written, gated and clipped, and of clipped membranes."""
        chips = {choice.bits: self.chip(bits, choice) for choice in self.choices}
        trunk = chips[self.choices[0].bits]

        one = partial(_fixed_episode, self.tasks, chips, self.choices, self.steps, self.study.settings)
        items = self._each(f"conv{bits}", one, [repr(choice) for choice in self.choices])
        clipped = Counter({place: n for place, n in trunk.saturations.items() if not place.startswith("readout")})
        for counts in (item[len(self.choices)] for item in items if len(item) > len(self.choices)):
            clipped.update(counts)
        self.saturations[bits] = dict(clipped)
        return np.array([item[: len(self.choices)] for item in items])

    def _each(self, key: str, one, made_from: list) -> list:
        words = repr(replace(self.words, weight_bits=8, readout_bits=8))
        return self.study.each(
            f"hardware-{key}",
            "double-nmnist",
            self.study.settings.episodes,
            one,
            (self.net.configuration(), self.theta, self.inner, words, made_from),
            f"hardware, {key}",
        )


def _float_episode(tasks, net, theta: np.ndarray, inner: InnerLoop, steps: dict, settings: Settings, index: int) -> list[float]:
    """Accuracy of each of TWINS on an episode."""
    task, found, readout = tasks.episode(settings.seed, index, net.ways, 1, settings.queries), [], FloatReadout(net, theta)
    p = readout.traces(np.concatenate([task.x_support, task.x_query]))
    n = len(task.y_support)
    for way in TWINS.values():
        if isinstance(way, Learner):
            weight, bias = readout.learn(replace(way, **steps), p[:n], task.y_support)
            logits = readout.membranes(p[n:], weight, bias)[:, -1]
        else:
            loop = replace(inner, freeze=way(net) if way else inner.freeze)
            logits = loop.logits(net, theta, task)
        found.append(accuracy(logits, task.y_query))
    return found


def _fixed_episode(
    tasks, chips: dict[int, IntegerNet], choices: list[Choice], steps: dict, settings: Settings, index: int
) -> list:
    """[accuracy, shares written, gated and clipped, share of clipped membranes] of each choice; last, what was clipped."""
    trunk, found = copy(chips[choices[0].bits]), []
    trunk.saturations = dict.fromkeys(trunk.saturations, 0)  # of this episode alone: others run beside it
    task = tasks.episode(settings.seed, index, trunk.ways, 1, settings.queries)
    p = trunk.traces(trunk.spikes(np.concatenate([task.x_support, task.x_query])))
    n = len(task.y_support)
    for choice in choices:
        chip = chips[choice.bits]
        new = learn(chip, choice.learner(steps, 1 + index), p[:n], task.y_support)
        u = chip.membranes(p[n:], new.weight, new.bias)
        shares = (v / new.synapses for v in (new.written, new.gated, new.clipped))
        found.append([accuracy(u[:, -1], task.y_query), *shares, float(np.mean((u == 32767) | (u == -32768)))])
    return [*found, {place: number for place, number in trunk.saturations.items() if number}]


def run(
    study: Study, words: Words = Words(), bits: tuple[int, ...] = BITS, joules: tuple[float, float] | None = None
) -> Findings:
    """Measure, and put into tables, figures and a sentence."""
    from . import differences, others, sweep
    from .figures import accuracy_against_bits, accuracy_against_threshold

    c, found = Comparison(study, words, bits), Findings(study.name, TITLE)
    twins = c.floats()
    at = {name: k for k, name in enumerate(TWINS)}
    like = {("membrane", "softmax", False): twins[:, at["membrane, softmax"]]}
    like.update(
        {
            (rule, error, online): twins[:, at[name]]
            for name, k in at.items()
            if isinstance(TWINS[name], Learner)
            for rule, error, online in [(TWINS[name].rule, TWINS[name].error, TWINS[name].online)]
        }
    )
    found.tables.append(
        Table(
            "float",
            "Float: accuracy (%)",
            ["what learns", "accuracy ± 95 % CI"],
            [[name, estimate(twins[:, k]).percent()] for name, k in at.items()],
            "The twins freeze the conv layers and learn with the power of two nearest to the step size.",
        )
    )
    rows, curves = [], {}
    for conv_bits in bits:
        values = c.fixed(conv_bits)
        for k, choice in enumerate(c.choices):
            rule, error, rounding, percent, online = choice.how
            loss = difference(values[:, k, 0], like[rule, error, online])
            rows.append(
                [
                    conv_bits,
                    choice.bits,
                    f"{rule}{', online' * online}",
                    error,
                    rounding,
                    percent,
                    estimate(values[:, k, 0]).percent(),
                    loss.percent(),
                    *(f"{100 * v:.2f}" for v in values[:, k, 1:4].mean(0)),
                ]
            )
            curves[conv_bits, choice] = values[:, k]
    header = [
        "conv bits",
        "readout bits",
        "rule",
        "error",
        "rounding",
        "Θ (%)",
        "accuracy (%)",
        "less twin (points)",
        "written (%)",
        "gated (%)",
        "clipped (%)",
    ]
    same = [row for row in rows if row[0] == row[1] and row[2:4] == ["membrane", "softmax"] and row[5] == 0]
    found.tables.append(Table("bits", "All layers in the same number of bits, by rounding of the update", header, same))
    found.tables.append(Table("all", "Every combination", header, rows))
    clipped = [[b, place, f"{number:,}"] for b, counts in c.saturations.items() for place, number in counts.items()]
    found.tables.append(
        Table(
            "saturations",
            "Numbers that were clipped, the readout's apart",
            ["bits", "where", "how often"],
            clipped,
            f"{study.settings.episodes} episodes; theta: of weights and biases, when quantised.",
        )
    )
    lengths = sweep.measure(c)
    found.tables += [*differences.tables(c), *sweep.tables(c, lengths), others.measure(c), cost(c, joules)]
    found.figures["traces"] = (sweep.picture(lengths), "One-shot accuracy against the bits of the traces.")
    found.figures["membrane"] = (differences.picture(c), "The same neuron's membrane over time.")
    found.figures["bits"] = (
        accuracy_against_bits(curves, bits, twins[:, at["membrane, softmax"]]),
        "One-shot accuracy against weight bits.",
    )
    found.figures["threshold"] = (accuracy_against_threshold(curves, bits), "Accuracy and synapses written against Θ.")
    twin = estimate(twins[:, at["membrane, softmax"]])
    found.summary = (
        f"Float twin {twin.percent()} %; all layers in integers: "
        + "; ".join(f"{b} bits {estimate(curves[b, Choice(b)][:, 0]).percent()} %" for b in bits)
        + f" (stochastic rounding, {study.settings.episodes} episodes)."
    )
    return found
