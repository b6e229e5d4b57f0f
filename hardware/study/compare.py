"""Float against fixed point: the shipped network learns in integers, and its float twins on the
same test episodes."""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np

from minisnn.experiments.findings import Findings
from minisnn.experiments.study import Study
from minisnn.training.evaluation import ALIGNED, alignment

from ..chip.calibrate import calibrate
from ..chip.formats import ROUNDINGS, real
from ..chip.network import IntegerNet
from ..chip.neuron import U
from ..chip.words import Words, trained_for
from .floats import FloatReadout
from .ways import BITS, THRESHOLDS, Choice, Comparison, Found, by_readout, speaks

TITLE = "One-shot learning in integers, against floating point on the same episodes"
TWIN = Choice().twin
MODES = {mode: mode for mode in ROUNDINGS} | {"zero": "toward zero"}
FEW = 100  # the most episodes in comparisons where every way needs its own inference
FRACTIONS = 0, 2, 4, 8
TRACE_BITS = 2, 3, 4, 5, 6, 7, 8, 12
ROUNDED = 2, 3  # bits to which conv weights are rounded for the least membrane error
ROUNDED_ON = 8  # number of meta-training tasks on whose support samples they are calibrated
SAMPLES = 2  # samples whose membranes are compared
MEMBRANE_FRACTIONS = 0, 2, 4, 8, 12
PICOJOULE = 0.1, 3.1  # 32-bit addition and multiplication at 45 nm and 0.9 V (Horowitz 2014)
TRAINED = "double-nmnist/chip-snn"


def run(
    study: Study,
    words: Words = Words(),
    bits: tuple[int, ...] = BITS,
) -> Findings:
    """Run the comparison, and return its tables, figures and a summary sentence."""
    c = Comparison(study, words, bits)
    found = Findings(study.name, TITLE)
    episodes = study.settings.episodes
    twins, _ = c.measure("float", c.in_float())
    chips: dict[tuple[int, Choice], Found] = {}
    clipped = []
    for b in bits:
        measured, counts = c.measure(f"conv{b}", c.in_integers(b))
        chips |= {(b, choice): one for choice, one in measured.items()}
        total = c.chip(b).saturations
        for place in (place for place in total if not place.startswith("readout")):
            clipped.append([b, place, f"{total[place] + counts[place]:,}"])
    rows = [[name, twin.row.percent()] for name, twin in twins.items()]
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
    _membranes(c, found)
    _traces(c, found)
    _others(c, found)
    _cost(c, found)
    shown = (f"{b} bits {chips[b, Choice(b)].row.percent()} %" for b in bits)
    found.summary = (
        f"Float twin {twins[TWIN].row.percent()} %; all layers in integers: "
        f"{'; '.join(shown)} (stochastic rounding, {episodes} episodes)."
    )
    return found


def _less(one: Found, twin: Found) -> str:
    return one.row.less(twin.row).percent()


def _roundings(found: Findings, chips: dict, twins: dict, bits: tuple, aligned: str) -> None:
    """Tabulate accuracy: a row for each word length, a column for each rounding of the update."""
    words = {str(b): (b, b) for b in bits}
    if len(bits) > 1:
        most = max(bits)
        least = min(bits)
        words[f"{least} in the readout, {most} below"] = most, least
        words[f"{most} in the readout, {least} below"] = least, most
    rows = []
    for name, (b, readout_bits) in words.items():
        several = [chips[b, Choice(readout_bits, rounding=mode)] for mode in MODES]
        written = sorted({f"{100 * way.shares[0]:.1f}" for way in several}, key=float)
        shown = [way.row.percent() for way in several]
        less = _less(chips[b, Choice(readout_bits)], twins[TWIN])
        rows.append([name, *shown, less, " to ".join(dict.fromkeys((written[0], written[-1])))])
    header = ["weight bits", *MODES.values(), "stochastic, less its float twin (points)"]
    header.append("synapses written (%)")
    title = "Accuracy (%) by weight bits and rounding of the update"
    note = aligned + speaks(several[0].row)
    found.table("roundings", title, " | ".join(header), rows, note)


def _thresholds(found: Findings, chips: dict, b: int, episodes: int) -> None:
    """Tabulate accuracy and the shares of synapses: a column for each threshold of the update."""
    several = [chips[b, Choice(rounding="nearest", percent=percent)] for percent in THRESHOLDS]
    rows = [["accuracy (%)", *(way.row.percent() for way in several)]]
    for k, name in ((1, "synapses gated (%)"), (0, "synapses written (%)")):
        rows.append([name, *(f"{100 * way.shares[k]:.1f}" for way in several)])
    header = " | ".join(["threshold Θ (% of the largest update)", *map(str, THRESHOLDS)])
    note = (
        f"{episodes} episodes; conv layers of {b} bits, a readout of 8, updates rounded to nearest."
    )
    title = "Accuracy (%) where only updates beyond a threshold are written"
    found.table("thresholds", title, header, rows, note + speaks(several[0].row))


def _rules(found: Findings, chips: dict, twins: dict, b: int) -> None:
    """Tabulate every other learning rule, error and order of samples with 8 bits, each next to its
    float twin."""
    rows = []
    for (conv, choice), one in chips.items():
        if (conv, choice.bits, choice.percent) == (b, 8, 0) and choice.twin != TWIN:
            how = ", one sample after the other" * choice.online
            twin = twins[choice.twin]
            shown = [each.row.percent() for each in (one, twin)]
            name = f"{choice.rule}, {choice.error}{how}"
            rows.append([name, *shown, _less(one, twin), f"{100 * one.shares[0]:.1f}"])
    header = "rule, error | accuracy (%) | float twin (%) | less its twin (points) | "
    title = "Other rules and errors in 8 bits"
    found.table("rules", title, header + "synapses written (%)", rows)


def _traces(c: Comparison, found: Findings) -> None:
    """Tabulate accuracy by the number of bits in the traces, in two tables.

    With F fraction bits a conv layer filters V << F; with n of them the readout's p and q are
    uQ1.n, in inference and in the learning rule alike.
    """
    b = max(c.bits)
    plain = c.chip(b)
    post = list(itertools.product(("floor", "nearest"), FRACTIONS))
    pre = list(itertools.product(("floor", "nearest", "stochastic"), TRACE_BITS))
    ways: dict = {}
    for mode, F in post:
        chip = c.chip(b, fraction=F, traces=mode, membrane=mode)
        ways["F", mode, F] = partial(by_readout, chip, {}, None, (mode, F))
    for mode, n in pre:
        ways["n", mode, n] = partial(by_readout, plain, {}, (n, mode), "plain")
    measured, _ = c.measure("traces", ways, FEW)
    for name, letter, lengths, of in (
        ("postsynaptic", "F", FRACTIONS, "conv layers"),
        ("presynaptic", "n", TRACE_BITS, "readout"),
    ):
        cells: dict[str, list] = {}
        for (part, mode, _), one in measured.items():
            if part == letter:
                cells.setdefault(mode, [mode]).append(one.row.percent())
        note = f"{len(one.row.per_episode)} episodes, weights of {b} bits." + speaks(one.row)
        title = f"Fraction bits {letter} of the {name} traces of the {of}: accuracy (%)"
        header = " | ".join(["rounding", *map(str, lengths)])
        found.table(name, title, header, list(cells.values()), note)


def _others(c: Comparison, found: Findings) -> None:
    """Tabulate other chips on the same episodes: one with conv layers rounded for the least
    membrane error, and a network trained for the chip."""
    trained = c.study.network(TRAINED)
    chips = {"readout only": c.chip(8), **_rounded(c), **_trained(c, trained)}
    ways = {name: partial(by_readout, chip, {}, None, name) for name, chip in chips.items()}
    measured, _ = c.measure("others", ways, FEW)
    plain = measured["readout only"]
    rows = []
    for name, one in measured.items():
        less = None if one is plain else _less(one, plain)
        rows.append([name, one.row.percent(), less])
    header = "what learns | accuracy (%) | less readout only (points)"
    note = (
        f"{len(plain.row.per_episode)} episodes; weights of 8 bits where none are named, "
        f"stochastic rounding.{speaks(plain.row)}"
    )
    found.table("others", "Other chips", header, rows, note)


def _rounded(c: Comparison) -> dict[str, IntegerNet]:
    """Return chips whose conv layers are rounded to few bits with the least membrane error, {name:
    chip}."""
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
    """Return chips of the network that was meta-trained for the chip, {name: chip}; empty if there
    is none, or if its input shape or number of classes differs."""
    known = {} if trained is None else trained_for(trained.provenance.get("chip"))
    if not known or (trained.net.input_shape, trained.net.ways) != (c.net.input_shape, c.net.ways):
        return {}
    chips = {}
    for readout_bits in dict.fromkeys((known["readout_bits"], known["bits"])):
        words = replace(c.words, weight_bits=known["bits"], readout_bits=readout_bits)
        name = f"meta-trained for the chip: {known['bits']} bits, {readout_bits} in the readout"
        chips[name] = IntegerNet.of(trained, words)
    return chips


def signal_to_noise(signal: np.ndarray, found: np.ndarray) -> float:
    """Return 10 log10 of the signal's power divided by the power of the difference, in dB; infinite
    if there is no difference."""
    noise = np.sum((signal - found) ** 2, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.sum(np.square(signal), dtype=np.float64) / noise))


def _membranes(c: Comparison, found: Findings) -> None:
    """Add signal-to-noise rows: every word length of all layers, then fraction bits of the traces
    at the longest; on two samples of the first episode, in the conv layers' gradient window."""
    x = c.support(SAMPLES)
    twin = FloatReadout(c.net, c.theta)
    membranes = [record["u"] for record in c.net.record(c.theta, x)[:-1]]
    membranes.append(twin.membranes(twin.traces(x), twin.weight, twin.bias))
    several = [(bits, c.words.traces, c.words.fraction) for bits in c.bits]
    several += [
        (max(c.bits), mode, F)
        for mode, F in itertools.product(("floor", "nearest"), MEMBRANE_FRACTIONS)
    ]
    rows = []
    for bits, mode, fraction in several:
        chip = c.chip(bits, fraction=fraction, traces=mode, membrane=mode)
        spikes, integers = chip.spikes(x, record=len(x))
        integers.append(chip.membranes(chip.traces(spikes)))
        ratios = (
            signal_to_noise(u, real(v, U)[:, -u.shape[1] :]) for u, v in zip(membranes, integers)
        )
        rows.append([bits, mode, fraction, *(f"{ratio:.1f}" for ratio in ratios)])
    title = "Signal to noise (dB) of the membranes, before learning"
    header = ["bits", "rounding", "F", *(b.name for b in c.net.blocks)]
    found.table("fraction", title, " | ".join(header), rows)


def operations(chip, x: np.ndarray) -> dict[str, tuple[int, int]]:
    """Count the operations for the samples x. Return {part: (additions, multiplications)}.

    An event adds a weight for every tap and channel; a conv neuron takes six products per step (two
    each for P and Q, one each for r and rho r); a learned sample takes a product and an addition
    for each non-zero trace and class.
    """
    events = chip.counts(x)
    counts = {}
    for n, layer in enumerate(chip.layers[:-1]):
        k, _, _, C_out = layer.weight.shape
        products = 6 * int(np.prod(layer.input_shape[:2])) * C_out * x.shape[0] * x.shape[1]
        counts[layer.name] = np.count_nonzero(events) * k * k * C_out + products, products
        events = chip.spikes(x, n + 1)
    p = chip.traces(events)
    some = np.count_nonzero(p) * chip.ways
    counts["readout"] = some + 2 * p.size, some + 4 * p.size
    last = np.count_nonzero(p[:, -1]) * chip.ways
    counts["learning"] = last + chip.weight.size, last
    return counts


def _cost(c: Comparison, found: Findings) -> None:
    """Add a table of the operations and the energy for learning one class, on the first episode's
    support; it has one row per word length."""
    x = c.support()
    rows = []
    for bits in c.bits:
        done = np.sum(list(operations(c.chip(bits), x).values()), 0) / len(x)
        energy = 1e-6 * (done @ PICOJOULE)
        rows.append([bits, *(f"{n / 1e6:.0f}" for n in done), f"{energy:.0f}"])
    note = (
        f"Only operations, at {PICOJOULE[0]} pJ an addition and {PICOJOULE[1]} pJ a product; memory "
        "access is not counted."
    )
    header = "bits | additions (M) | products (M) | energy (µJ)"
    found.table("cost", "Operations of a learned class", header, rows, note)
