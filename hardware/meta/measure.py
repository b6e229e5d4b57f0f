"""What a run of `run` found: accuracies with their intervals, differences from float on the same
answers, and the memory that a device would need for it.
"""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.experiments.findings import Table, figure
from minisnn.experiments.statistics import difference, estimate
from minisnn.files import read_json
from minisnn.training.baselines import Answers, Row, correct, drawn_by, frames, rows_of
from minisnn.training.intervals import POPULATIONS

from .arms import WINDOW
from .run import Settings, arm_name, episode, testing

FLOAT, FRAMES, UNTRAINED = "float", "summed frames", "untrained integers"


def rows(
    folder: Path, settings: Settings, arms: Sequence[tuple[int | None, int]], split: str
) -> dict:
    """{name: Row} of summed frames, untrained integers, float and every word; answers are means over
    seeds."""
    right: dict[str, list[Any]] = {}
    for bits, seed in arms:
        found = read_json(folder / f"{arm_name(bits)}-{seed}.json")
        right.setdefault(told(bits), []).append(found["right"])
        if bits == 16:
            right.setdefault(UNTRAINED, []).append(found["untrained"])
    means = {name: np.mean(np.array(several, float), 0) for name, several in right.items()}
    tests = testing(settings, split, False)
    answered = []
    for index in range(settings.episodes):
        task = episode(tests, settings, index)
        each = [correct(frames(task), task)[0].astype(float)]
        each += [means[name][index] for name in means]
        answered.append(Answers(np.array(each), drawn_by(task)))
    order = [name for name in (FRAMES, UNTRAINED, FLOAT) if name == FRAMES or name in means]
    found = rows_of([FRAMES, *means], answered)
    return {name: found[name] for name in (*order, *(n for n in found if n not in order))}


def told(bits: int | None) -> str:
    return FLOAT if bits is None else f"{bits} bits"


def by_seed(folder: Path, arms: Sequence[tuple[int | None, int]]) -> dict[str, dict[int, float]]:
    """{name: {seed: accuracy}}."""
    found: dict[str, dict[int, float]] = {}
    for bits, seed in arms:
        right = read_json(folder / f"{arm_name(bits)}-{seed}.json")["right"]
        found.setdefault(told(bits), {})[seed] = float(np.mean(right))
    return found


def table(
    values: Mapping[str, Row],
    seeds: Mapping[str, Mapping[int, float]],
    settings: Settings,
    split: str,
) -> Table:
    """Accuracies in per cent, and what each is more than float's on the same answers; `split` is
    whose characters test."""
    base = values[FLOAT]
    lines = []
    for name, row in values.items():
        each = seeds.get(name, {})
        told_each = ", ".join(f"{100 * value:.1f}" for _, value in sorted(each.items()))
        same = name == FLOAT or set(each) != set(seeds[FLOAT])
        lines.append(
            [
                name,
                estimate(row).percent(),
                told_each,
                None if same else difference(row, base).percent(),
            ]
        )
    plan = settings.plan
    few = settings.alphabets
    of = f" of the characters of {few} alphabet{'s' * (few > 1)}" if few else ""
    kind = {"val": "validation", "test": "test"}[split]
    return Table(
        "metatrain",
        "Class-means meta-training in integers and in float, from the same weights, on the same tasks",
        ["stored words", "accuracy (%)", "of every seed", "less float (points)"],
        lines,
        f"{plan.updates} updates of a {settings.ways}-way task; {settings.episodes} {kind} episodes, "
        f"{settings.test_ways}-way 1-shot{of}. ± is half a 95 % interval, for "
        f"{POPULATIONS[base.shared.population]}.",
    )


def figures(values: Mapping[str, Row], seeds: Mapping[str, Mapping[int, float]]) -> dict[str, dict]:
    """The same as numbers by name."""
    found = {}
    for name, row in values.items():
        key = name.replace(" ", "-")
        found[key] = figure(row.mean, "%", row.interval and row.interval.half)
        if name != FLOAT and seeds.get(name, {}).keys() == seeds[FLOAT].keys():
            less, apart = row.less(values[FLOAT])
            found[f"less-{key}"] = figure(less, "points", apart.lead and apart.lead.half)
        for seed, value in seeds.get(name, {}).items():
            found[f"{key}-seed-{seed}"] = figure(value, "%")
    return found


def memory(shape, settings: Settings, bits: int, steps: int, kernel: int = 5) -> dict[str, int]:
    """Bytes that a device needs for an update of samples (steps, *shape), one sample after the other:
    passes are repeated where what they gave is asked for again, so one sample's tape is kept.
    """
    word = (bits + 7) // 8
    sites, outs, inputs, weights, heights = [], [], [], [], []
    biases = sum(settings.plan.channels)
    for C in settings.plan.channels:
        H, W, C_in = shape
        weights.append(kernel * kernel * C_in * C)
        inputs.append(H * W * C_in)
        sites.append(H * W * C)
        heights.append(H)
        shape = H // 2, W // 2, C
        outs.append(prod(shape))
    counts = -(-3 * inputs[0] // 8) + sum(-(-n // 8) for n in inputs[1:])
    slopes = sum(n + -(-2 * out // 8) for n, out in zip(sites, outs))
    samples = settings.ways * (1 + settings.queries)
    asked = settings.ways * settings.queries
    found = {
        "weights and momenta": 2 * word * (sum(weights) + biases),
        "sums of gradients, 32 bits": 4 * (sum(weights) + biases + max(weights)),
        "tape of a sample": steps * counts + WINDOW * slopes,
        "states of a layer, sums of 32 bits": max((4 * word + 4) * n for n in sites),
        "adjoints of two layers' spikes": 2 * WINDOW * word * max(outs),
        "features and their adjoints": 2 * word * samples * outs[-1],
        "class means, distances, errors": settings.ways * (word * outs[-1] + (4 + word) * asked),
        "random states of a row": 4 * max(n // H for n, H in zip(sites, heights)),
    }
    return found | {"together": sum(found.values())}


def memory_table(shape, settings: Settings, several: Sequence[int], steps: int) -> Table:
    """`memory` of every word, in bytes."""
    of = {bits: memory(shape, settings, bits, steps) for bits in several}
    what = next(iter(of.values()))
    samples = settings.ways * (1 + settings.queries)
    return Table(
        "memory",
        "Memory of an update in integers, in bytes",
        ["what", *(f"{bits} bits" for bits in several)],
        [[name, *(f"{of[bits][name]:,}" for bits in several)] for name in what],
        f"Tasks of {samples} recordings of {steps} steps and {' x '.join(map(str, shape))} counts; one "
        "sample at a time.",
    )
