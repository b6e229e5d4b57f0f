"""Float against fixed point: the shipped network learns in integers, and in its float twins on the
same test episodes."""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np

from minisnn.experiments.findings import Findings
from minisnn.experiments.statistics import difference, estimate
from minisnn.experiments.study import Study
from minisnn.training.evaluation import ALIGNED, alignment

from ..chip.calibrate import calibrate
from ..chip.formats import ROUNDINGS
from ..chip.network import IntegerNet
from ..chip.words import Words, trained_for
from .differences import layers
from .figures import against_bits, against_trace_bits
from .operations import PICOJOULE, cost
from .ways import BITS, THRESHOLDS, Choice, Comparison, Found, by_feedback, by_readout, speaks

TITLE = "One-shot learning in integers, against floating point on the same episodes"
TWIN = Choice().twin
MODES = {mode: mode for mode in ROUNDINGS} | {"zero": "toward zero"}
FEW = 100  # episodes at most, where every way has an inference of its own
FRACTIONS = 0, 2, 4, 8
TRACE_BITS = 2, 3, 4, 5, 6, 7, 8, 12
STEPS = -10, -8, -6  # log2 of the conv layers' step by random feedback
ROUNDED = 2, 3  # bits of the conv layers that are rounded by their membranes
ROUNDED_ON = 8  # meta-training tasks whose support they are rounded on
TRAINED = "double-nmnist/chip-snn"


def run(
    study: Study,
    words: Words = Words(),
    bits: tuple[int, ...] = BITS,
    joules: tuple[float, float] | None = None,
) -> Findings:
    """Measure, and put into tables, figures and a sentence."""
    c = Comparison(study, words, bits)
    found = Findings(study.name, TITLE)
    episodes = study.settings.episodes
    twins, _ = c.measure("float", c.in_float())
    chips: dict[tuple[int, Choice], Found] = {}
    clipped = []
    for b in bits:
        measured, counts = c.measure(f"conv{b}", c.in_integers(b), made_from=(b,))
        chips |= {(b, choice): one for choice, one in measured.items()}
        counts.update(c.chip(b).saturations)
        clipped += [[b, *one] for one in counts.items() if not one[0].startswith("readout")]
    rows = [[name, estimate(one.row).percent()] for name, one in twins.items()]
    note = (
        "The twins freeze the conv layers and learn with the power of two nearest to the step size."
    )
    found.table("float", "Float: accuracy (%)", "what learns | accuracy ± 95 % CI", rows, note)
    aligned = f"{episodes} episodes, {ALIGNED[alignment(c.tasks)]}; membrane rule, softmax errors."
    _roundings(found, chips, twins, bits, aligned)
    _thresholds(found, chips, max(bits), episodes)
    _rules(found, chips, twins, max(bits))
    note = f"{episodes} episodes; theta: of weights and biases, when quantised."
    header = "bits | where | how often"
    title = "Numbers that were clipped, the readout's apart"
    found.table("saturations", title, header, clipped, note)
    layers(c, found)
    traces = _traces(c, found)
    _others(c, found)
    cost(c, found, joules or PICOJOULE)
    text = "One-shot accuracy against the bits of the traces."
    found.figures["traces"] = against_trace_bits(traces), text
    text = "One-shot accuracy against weight bits."
    found.figures["bits"] = against_bits(chips, bits, twins[TWIN].row.mean), text
    shown = (f"{b} bits {estimate(chips[b, Choice(b)].row).percent()} %" for b in bits)
    found.summary = (
        f"Float twin {estimate(twins[TWIN].row).percent()} %; all layers in integers: "
        f"{'; '.join(shown)} (stochastic rounding, {episodes} episodes)."
    )
    return found


def _less(one: Found, twin: Found) -> str:
    return difference(one.row, twin.row).percent()


def _roundings(found: Findings, chips: dict, twins: dict, bits: tuple, aligned: str) -> None:
    """Accuracy by word length, a column a rounding of the update."""
    words = {str(b): (b, b) for b in bits}
    if len(bits) > 1:
        most, least = max(bits), min(bits)
        words[f"{least} in the readout, {most} below"] = most, least
        words[f"{most} in the readout, {least} below"] = least, most
    rows = []
    for name, (b, readout_bits) in words.items():
        several = [chips[b, Choice(readout_bits, rounding=mode)] for mode in MODES]
        written = sorted({f"{100 * one.shares[0]:.1f}" for one in several}, key=float)
        shown = [estimate(one.row).percent() for one in several]
        less = _less(chips[b, Choice(readout_bits)], twins[TWIN])
        rows.append([name, *shown, less, " to ".join(dict.fromkeys((written[0], written[-1])))])
    header = ["weight bits", *MODES.values(), "stochastic, less its float twin (points)"]
    header.append("synapses written (%)")
    title = "Accuracy (%) by weight bits and rounding of the update"
    note = aligned + speaks(several[0].row)
    found.table("roundings", title, " | ".join(header), rows, note)


def _thresholds(found: Findings, chips: dict, b: int, episodes: int) -> None:
    """Accuracy and shares of synapses, a column a threshold of the update."""
    several = [chips[b, Choice(rounding="nearest", percent=percent)] for percent in THRESHOLDS]
    rows = [["accuracy (%)", *(estimate(one.row).percent() for one in several)]]
    for k, name in ((1, "synapses gated (%)"), (0, "synapses written (%)")):
        rows.append([name, *(f"{100 * one.shares[k]:.1f}" for one in several)])
    header = " | ".join(["threshold Θ (% of the largest update)", *map(str, THRESHOLDS)])
    note = (
        f"{episodes} episodes; conv layers of {b} bits, a readout of 8, updates rounded to nearest."
    )
    title = "Accuracy (%) where only updates beyond a threshold are written"
    found.table("thresholds", title, header, rows, note + speaks(several[0].row))


def _rules(found: Findings, chips: dict, twins: dict, b: int) -> None:
    """Every other rule, error and order of samples in 8 bits, next to its float twin."""
    rows = []
    for (conv, choice), one in chips.items():
        if (conv, choice.bits, choice.percent) == (b, 8, 0) and choice.twin != TWIN:
            how = ", one sample after the other" * choice.online
            twin = twins[choice.twin]
            shown = [estimate(each.row).percent() for each in (one, twin)]
            name = f"{choice.rule}, {choice.error}{how}"
            rows.append([name, *shown, _less(one, twin), f"{100 * one.shares[0]:.1f}"])
    header = "rule, error | accuracy (%) | float twin (%) | less its twin (points) | "
    title = "Other rules and errors in 8 bits"
    found.table("rules", title, header + "synapses written (%)", rows)


def _traces(c: Comparison, found: Findings) -> dict[str, dict]:
    """Accuracy by the bits of the traces: {part: {(rounding, bits): Found}}.

    With F fraction bits a conv layer filters V << F; with n of them the readout's p and q are
    uQ1.n, in inference and in the learning rule alike.
    """
    b = max(c.bits)
    plain = c.chip(b)
    ways = {}
    for mode, F in itertools.product(("floor", "nearest"), FRACTIONS):
        chip = c.chip(b, fraction=F, traces=mode, membrane=mode)
        ways["postsynaptic", mode, F] = partial(by_readout, chip, {}, None, (mode, F))
    for mode, n in itertools.product(("floor", "nearest", "stochastic"), TRACE_BITS):
        ways["presynaptic", mode, n] = partial(by_readout, plain, {}, (n, mode), "plain")
    measured, _ = c.measure("traces", ways, FEW, (b,))
    first = next(iter(measured.values())).row
    note = f"{len(first.per_episode)} episodes, weights of {b} bits." + speaks(first)
    titles = {
        "postsynaptic": "postsynaptic traces of the conv layers, F",
        "presynaptic": "presynaptic traces of the readout, n (7: as wide as Loihi's)",
    }
    parts: dict[str, dict] = {name: {} for name in titles}
    for (name, *key), one in measured.items():
        parts[name][tuple(key)] = one
    for name, part in parts.items():
        modes, lengths = (list(dict.fromkeys(column)) for column in zip(*part))
        rows = [[m, *(estimate(part[m, n].row).percent() for n in lengths)] for m in modes]
        title = f"Fraction bits of the {titles[name]}: accuracy (%)"
        found.table(name, title, " | ".join(["rounding", *map(str, lengths)]), rows, note)
    return parts


def _others(c: Comparison, found: Findings) -> None:
    """What else learns the same episodes: all layers by random feedback, conv layers rounded by
    their membranes, and a network trained for the chip."""
    chip = c.chip(8)
    ways = {"readout alone": partial(by_readout, chip, {}, None, "alone")}
    for step in STEPS:
        name = f"random feedback, step 2^{step}"
        ways[name] = partial(by_feedback, chip, c.net, c.theta, step, False)
        ways[f"{name}, float twin"] = partial(by_feedback, chip, c.net, c.theta, step, True)
    trained = c.study.network(TRAINED)
    for name, other in (_rounded(c) | _trained(c, trained)).items():
        ways[name] = partial(by_readout, other, {}, None, name)
    made_from = ROUNDED_ON, None if trained is None else trained.theta
    measured, _ = c.measure("others", ways, FEW, made_from)
    plain = measured.pop("readout alone")
    rows: list[list] = [["readout alone", estimate(plain.row).percent(), None]]
    for name, one in measured.items():
        rows.append([name, estimate(one.row).percent(), _less(one, plain)])
    header = "what learns | accuracy (%) | less readout alone (points)"
    note = (
        f"{len(plain.row.per_episode)} episodes; weights of 8 bits where none are named, "
        "stochastic rounding. Random feedback is direct feedback alignment through fixed signs, "
        f"not backpropagation.{speaks(plain.row)}"
    )
    found.table("others", "Other ways to learn, and other chips", header, rows, note)


def _rounded(c: Comparison) -> dict[str, IntegerNet]:
    """Conv layers of few bits, rounded by what that does to their membranes."""
    tasks = c.study.tasks("double-nmnist", "train")
    seed = c.study.settings.seed
    drawn = [tasks.episode(seed, k, c.net.ways, 1, 1).x_support for k in range(ROUNDED_ON)]
    convs = [b.name for b in c.net.blocks if b.name.startswith("conv")]
    chips = {}
    for bits in ROUNDED:
        rounded = calibrate(c.net, c.theta, dict.fromkeys(convs, bits), np.concatenate(drawn))
        theta, exponents = rounded
        for readout_bits in (8, bits):
            words = replace(c.words, weight_bits=bits, readout_bits=readout_bits)
            name = f"rounded by the membrane: {bits} bits, {readout_bits} in the readout"
            chips[name] = IntegerNet.of(replace(c.found, theta=theta), words, exponents)
    return chips


def _trained(c: Comparison, trained) -> dict[str, IntegerNet]:
    """The network trained for the chip; empty where there is none, or another architecture's."""
    known = {} if trained is None else trained_for(trained.provenance.get("chip"))
    if not known or (trained.net.input_shape, trained.net.ways) != (c.net.input_shape, c.net.ways):
        return {}
    chips = {}
    for readout_bits in dict.fromkeys((known["readout_bits"], known["bits"])):
        words = replace(c.words, weight_bits=known["bits"], readout_bits=readout_bits)
        name = f"meta-trained for the chip: {known['bits']} bits, {readout_bits} in the readout"
        chips[name] = IntegerNet.of(trained, words)
    return chips
