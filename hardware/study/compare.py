"""Float against fixed point: the shipped network learns in integers, and in its float twins on the
same test episodes."""

from typing import NamedTuple

import numpy as np

from minisnn.experiments.findings import Findings
from minisnn.experiments.statistics import difference, estimate
from minisnn.experiments.study import Study
from minisnn.training.baselines import Row
from minisnn.training.evaluation import ALIGNED, alignment

from ..chip.formats import ROUNDINGS
from ..chip.learner import Learner
from ..chip.words import Words
from . import differences, others, sweep
from .episodes import BITS, DEFAULT, THRESHOLDS, TWINS, Choice, Comparison, speaks
from .figures import accuracy_against_bits, accuracy_against_threshold
from .operations import cost

TITLE = "One-shot learning in integers, against floating point on the same episodes"
TWIN = "membrane, softmax"
HEADER = (
    "conv bits | readout bits | rule | error | rounding | Θ (%) | accuracy (%) | less twin "
    "(points) | written (%) | "
    "gated (%) | clipped (%)"
)
MODES = {"floor": "floor", "zero": "toward zero", "nearest": "nearest", "stochastic": "stochastic"}


class Found(NamedTuple):
    """What a way to learn answers; what it is less than its float twin; shares of synapses written,
    gated and clipped."""

    row: Row
    loss: str
    shares: np.ndarray


def run(
    study: Study, words: Words = Words(), bits: tuple[int, ...] = BITS, joules: tuple | None = None
) -> Findings:
    """Measure, and put into tables, figures and a sentence."""
    c = Comparison(study, words, bits)
    found = Findings(study.name, TITLE)
    twins = c.floats()
    like = {
        (way.rule, way.error, way.online): twins[name]
        for name, way in TWINS.items()
        if isinstance(way, Learner)
    }
    rows = []
    curves = dict[tuple[int, Choice], Found]()
    for conv_bits in bits:
        answered, shares = c.fixed(conv_bits)
        for choice, row, share in zip(c.choices, answered, shares):
            rule, error, rounding, percent, online = choice.how
            loss = difference(row, like[rule, error, online]).percent()
            how = conv_bits, choice.bits, f"{rule}{', online' * online}", error, rounding, percent
            rows.append(
                [*how, estimate(row).percent(), loss, *(f"{100 * v:.2f}" for v in share[:3])]
            )
            curves[conv_bits, choice] = Found(row, loss, share)
    same = [
        row
        for row in rows
        if row[0] == row[1] and row[2:4] == ["membrane", "softmax"] and row[5] == 0
    ]
    clipped = [
        [b, place, f"{number:,}"]
        for b, counts in c.saturations.items()
        for place, number in counts.items()
    ]
    found.table(
        "float",
        "Float: accuracy (%)",
        "what learns | accuracy ± 95 % CI",
        [[name, estimate(row).percent()] for name, row in twins.items()],
        "The twins freeze the conv layers and learn with the power of two nearest to the step size.",
    )
    _roundings(found, curves, bits, study.settings.episodes, ALIGNED[alignment(c.tasks)])
    _thresholds(found, curves, max(bits), study.settings.episodes)
    _rules(found, curves, max(bits), like)
    found.table(
        "bits", "All layers in the same number of bits, by rounding of the update", HEADER, same
    )
    found.table("all", "Every combination", HEADER, rows)
    found.table(
        "saturations",
        "Numbers that were clipped, the readout's apart",
        "bits | where | how often",
        clipped,
        f"{study.settings.episodes} episodes; theta: of weights and biases, when quantised.",
    )
    differences.tables(c, found)
    lengths = sweep.measure(c)
    sweep.tables(c, found, lengths)
    others.measure(c, found)
    cost(c, found, joules)
    found.figures = {
        "traces": (sweep.picture(lengths), "One-shot accuracy against the bits of the traces."),
        "membrane": (differences.picture(c), "The same neuron's membrane over time."),
        "bits": (
            accuracy_against_bits(curves, bits, twins[TWIN].mean),
            "One-shot accuracy against weight bits.",
        ),
        "threshold": (
            accuracy_against_threshold(curves, bits),
            "Accuracy and synapses written against Θ.",
        ),
    }
    integers = "; ".join(f"{b} bits {estimate(curves[b, Choice(b)].row).percent()} %" for b in bits)
    found.summary = (
        f"Float twin {estimate(twins[TWIN]).percent()} %; all layers in integers: {integers}"
        f" (stochastic rounding, {study.settings.episodes} episodes)."
    )
    return found


def _by(curves: dict, conv_bits: int, bits: int, rounding: str, percent: int = 0) -> Found | None:
    """What the membrane rule with softmax errors finds; None where it was not asked."""
    return curves.get((conv_bits, Choice(bits, (*DEFAULT[:2], rounding, percent, DEFAULT[4]))))


def _roundings(
    found: Findings, curves: dict, bits: tuple[int, ...], episodes: int, aligned: str
) -> None:
    """Accuracy by word length, a column a rounding of the update; `aligned` tells how tasks are
    aligned."""
    words = {str(b): (b, b) for b in bits}
    if len(bits) > 1:
        most = max(bits)
        least = min(bits)
        words |= {
            f"{least} in the readout, {most} below": (most, least),
            f"{most} in the readout, {least} below": (least, most),
        }
    rows = []
    for name, (conv_bits, readout_bits) in words.items():
        several = {mode: _by(curves, conv_bits, readout_bits, mode) for mode in ROUNDINGS}
        known = {mode: one for mode, one in several.items() if one is not None}
        if not known:
            continue
        cells = [estimate(several[mode].row).percent() if mode in known else None for mode in MODES]
        written = sorted({f"{100 * one.shares[0]:.1f}" for one in known.values()}, key=float)
        last = known.get("stochastic")
        rows.append(
            [
                name,
                *cells,
                last and last.loss,
                " to ".join(dict.fromkeys((written[0], written[-1]))),
            ]
        )
    header = [
        "weight bits",
        *MODES.values(),
        "stochastic, less its float twin (points)",
        "synapses written (%)",
    ]
    note = f"{episodes} episodes, {aligned}; membrane rule, softmax errors." + speaks(
        next(iter(curves.values())).row
    )
    found.table(
        "roundings",
        "Accuracy (%) by weight bits and rounding of the update",
        " | ".join(header),
        rows,
        note,
    )


def _thresholds(found: Findings, curves: dict, conv_bits: int, episodes: int) -> None:
    """Accuracy and shares of synapses, a column a threshold of the update, of a readout of 8
    bits."""
    several = [
        one
        for percent in THRESHOLDS
        if (one := _by(curves, conv_bits, 8, "nearest", percent)) is not None
    ]
    rows = [["accuracy (%)", *(estimate(one.row).percent() for one in several)]]
    for k, name in ((1, "synapses gated (%)"), (0, "synapses written (%)")):
        rows.append([name, *(f"{100 * one.shares[k]:.1f}" for one in several)])
    header = " | ".join(["threshold Θ (% of the largest update)", *map(str, THRESHOLDS)])
    note = (
        f"{episodes} episodes; conv layers of {conv_bits} bits, a readout of 8, updates rounded to "
        "nearest." + speaks(several[0].row)
    )
    title = "Accuracy (%) where only updates beyond a threshold are written"
    found.table("thresholds", title, header, rows, note)


def _rules(found: Findings, curves: dict, conv_bits: int, like: dict) -> None:
    """Every rule, error and order of samples in 8 bits, beside its float twin."""
    rows = []
    for (conv, choice), one in curves.items():
        rule, error, rounding, percent, online = choice.how
        if (conv, choice.bits, percent) != (conv_bits, 8, 0) or (rule, error, online) == (
            "membrane",
            "softmax",
            False,
        ):
            continue
        twin = estimate(like[rule, error, online]).percent()
        rows.append(
            [
                f"{rule}, {error}{', one sample after the other' * online}",
                estimate(one.row).percent(),
                twin,
                one.loss,
                f"{100 * one.shares[0]:.1f}",
            ]
        )
    found.table(
        "rules",
        "Other rules and errors in 8 bits",
        "rule, error | accuracy (%) | float twin (%) | less its twin (points) | synapses written "
        "(%)",
        rows,
    )
