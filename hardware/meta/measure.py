"""Results of `run`: accuracies with their intervals, paired differences from float, and the memory
that a device would need."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.experiments.findings import Table, figure
from minisnn.files import read_json
from minisnn.training.baselines import Answers, Row, correct, drawn_by, frames, rows_of
from minisnn.training.intervals import POPULATIONS

from .run import WINDOW, Settings, episode, place_of, testing, arm_name

FLOAT, FRAMES, UNTRAINED = "float", "summed frames", "untrained integers"


def rows(
    folder: Path, settings: Settings, arms: Sequence[tuple[int | None, int]], split: str
) -> dict[str, Row]:
    """Return {name: Row} for summed frames, untrained integers, float and every word length. A
    row's answers are means over seeds."""
    right: dict[str, list[Any]] = {UNTRAINED: [], FLOAT: []}
    for bits, seed in arms:
        found = read_json(place_of(folder, bits, seed))
        right.setdefault(arm_name(bits), []).append(found["right"])
        if bits == 16:
            right[UNTRAINED].append(found["untrained"])
    means = {name: np.mean(np.array(one, float), 0) for name, one in right.items() if one}
    tests = testing(settings, split, False)
    answered = []
    for index in range(settings.episodes):
        task = episode(tests, settings, index)
        each = [
            correct(frames(task), task)[0].astype(float),
            *(one[index] for one in means.values()),
        ]
        answered.append(Answers(np.array(each), drawn_by(task)))
    return rows_of([FRAMES, *means], answered)


def by_seed(folder: Path, arms: Sequence[tuple[int | None, int]]) -> dict[str, dict[int, float]]:
    """Return {name: {seed: accuracy}}."""
    found: dict[str, dict[int, float]] = {}
    for bits, seed in arms:
        right = read_json(place_of(folder, bits, seed))["right"]
        found.setdefault(arm_name(bits), {})[seed] = float(np.mean(right))
    return found


def _compared(values: Mapping[str, Row], seeds: Mapping) -> dict[str, bool]:
    """Return, for each row, whether it can be compared with float, because it has the same
    seeds."""
    return {n: n != FLOAT and seeds.get(n, {}).keys() == seeds[FLOAT].keys() for n in values}


def table(
    values: Mapping[str, Row],
    seeds: Mapping[str, Mapping[int, float]],
    settings: Settings,
    split: str,
) -> Table:
    """Format accuracies in per cent, and their differences from the accuracy in float on the same
    queries. `split` names the split whose characters are tested."""
    base = values[FLOAT]
    lines: list[list] = []
    for name, compared in _compared(values, seeds).items():
        each = ", ".join(f"{100 * value:.1f}" for _, value in sorted(seeds.get(name, {}).items()))
        less = values[name].less(base).percent() if compared else None
        lines.append([name, values[name].percent(), each, less])
    few = settings.alphabets
    of = f" of the characters of {few} alphabet{'s' * (few > 1)}" if few else ""
    kind = {"val": "validation", "test": "test"}[split]
    return Table(
        "metatrain",
        "Class-means meta-training in integers and in float, from the same weights, on the same tasks",
        ["stored words", "accuracy (%)", "of every seed", "less float (points)"],
        lines,
        f"{settings.plan.updates} updates of a {settings.ways}-way task; {settings.episodes} {kind} "
        f"episodes, {settings.test_ways}-way 1-shot{of}. ± is half a 95 % interval, for "
        f"{POPULATIONS[base.shared.population]}.",
    )


def figures(values: Mapping[str, Row], seeds: Mapping[str, Mapping[int, float]]) -> dict[str, dict]:
    """Return the table's numbers by name."""
    found = {}
    for name, compared in _compared(values, seeds).items():
        row = values[name]
        key = name.replace(" ", "-")
        found[key] = figure(row.mean, "%", row.interval and row.interval.half)
        if compared:
            apart = row.less(values[FLOAT])
            half = apart.interval and apart.interval.half
            found[f"less-{key}"] = figure(apart.mean, "points", half)
        for seed, value in seeds.get(name, {}).items():
            found[f"{key}-seed-{seed}"] = figure(value, "%")
    return found


def memory(shape, settings: Settings, bits: int, steps: int, kernel: int = 5) -> dict[str, int]:
    """Return the bytes that a device needs for an update, {part: bytes}. Samples (steps, *shape)
    are processed one after another; forward passes are repeated when they are needed again, so that
    only one sample's tape is stored."""
    word = (bits + 7) // 8
    C = np.array(settings.plan.channels)
    C_in = np.array([shape[2], *C[:-1]])
    H, W = (side >> np.arange(len(C)) for side in shape[:2])
    weights = kernel * kernel * C_in * C
    inputs = H * W * C_in
    sites = H * W * C
    outs = (H // 2) * (W // 2) * C
    biases = sum(C)
    counts = -(-3 * inputs[0] // 8) - sum(-inputs[1:] // 8)
    slopes = sum(sites) - sum(-2 * outs // 8)
    asked = settings.ways * settings.queries
    found = {
        "weights and momenta": 2 * word * (sum(weights) + biases),
        "sums of gradients, 32 bits": 4 * (sum(weights) + biases + max(weights)),
        "tape of a sample": steps * counts + WINDOW * slopes,
        "states of a layer, sums of 32 bits": (4 * word + 4) * max(sites),
        "adjoints of two layers' spikes": 2 * WINDOW * word * max(outs),
        "features and their adjoints": 2 * word * (settings.ways + asked) * outs[-1],
        "class means, distances, errors": settings.ways * (word * outs[-1] + (4 + word) * asked),
        "random states of a row": 4 * max(W * C),
    }
    return found | {"together": sum(found.values())}


def memory_table(shape, settings: Settings, several: Sequence[int], steps: int) -> Table:
    """Format `memory` for every word length, in bytes."""
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
