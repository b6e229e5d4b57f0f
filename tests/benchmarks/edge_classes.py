"""Some episodes of `minisnn hardware classes` again by the C library, compiled on this computer, and
the instructions of a recording: python tests/benchmarks/edge_classes.py [--checkpoint FILE] [--most N]
[--instructions] [--json FILE]

The first episode of each number of classes and shots is played, the smallest first, as long as there
are no more recordings than --most. --instructions counts those of a recording on a Cortex-M4 in QEMU
(gcc-arm-none-eabi, qemu-system-arm).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import minisnn as ms
from minisnn.data.sets.named import open_set
from minisnn.data.sets.recordings import Recordings
from minisnn.data.store.shipped import find_checkpoint
from minisnn.experiments.findings import figure
from minisnn.hardware.chip.learner import Learner
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.loihi.cuba import CubaNet
from minisnn.hardware.options import SYMBOLS
from minisnn.hardware.study import classes, drawings
from minisnn.hardware.study.classes import How
from minisnn.hardware.study.drawings import Traces, numbered, places
from minisnn.parallel.executor import Executor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hardware"))
import answers  # noqa: E402

ASKED = 50  # recordings of an episode that the C library is asked about


class Played(NamedTuple):
    """What the C library answered: episodes (classes, shots), recordings, numbers compared, and how
    many differ."""

    episodes: Sequence[tuple[int, int]]
    recordings: int
    compared: int
    wrong: int

    def text(self) -> str:
        cells = ", ".join(f"{ways} classes x {shots}" for ways, shots in self.episodes)
        return (
            f"The C library, compiled here, played {self.recordings:,} recordings again ({cells}): "
            f"{self.wrong:,} of {self.compared:,} answers and distances differ."
        )


def played(
    chip: IntegerNet, learner: Learner, tasks: Recordings, traces: Traces, how: How, most: int
) -> Played:
    """The first episode of each number of classes and shots, the smallest first, as long as there
    are no more than `most` recordings in all."""
    chosen = []
    left = most
    for ways, shots in sorted(
        ((n, k) for n in how.ways for k in how.shots), key=lambda one: one[0] * one[1]
    ):
        number = ways * shots + min(ASKED, ways * how.queries)
        if number <= left:
            chosen.append((ways, shots))
            left -= number
    if not chosen:
        raise ValueError(f"--most is {most}; no episode has as few recordings")
    compared = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        program = answers.program(Path(folder), chip, learner, tasks.pool.shape[0])
        for ways, shots in chosen:
            found, expected = _episode(program, chip, learner, tasks, traces, how, ways, shots)
            compared += expected.size
            wrong += int((found != expected).sum())
    return Played(chosen, most - left, compared, wrong)


def _episode(program, chip, learner, tasks, traces, how, ways, shots):
    """Labels and distances, (n, 1 + classes), of the library and of Python."""
    one = traces.of(numbered(tasks).episode(how.seed, 0, ways, shots, how.queries))
    labels = one.task.y_support
    rng = classes.shuffled(how.seed, 0)
    order = rng.permutation(len(labels))
    asked = rng.permutation(len(one.query))[:ASKED]
    taught = places(one.task.x_support)[order]
    query = places(one.task.x_query)[asked]

    def counts(which):
        return (tasks.pool.side_by_side(place[None])[0] for place in which)

    given = program, ways, counts(taught), labels[order].tolist(), list(counts(query))
    found = np.column_stack(answers.answers(*given))
    p = traces.integers[one.support[order]], traces.integers[one.query[asked]]
    if chip.kind == "cuba":  # its noise goes on from one recording to the next
        x = tasks.pool.side_by_side(np.concatenate([taught, query]))
        p = np.split(chip.counted_alone().traces_of(x, learner.seed)[:, -1], [len(taught)])
    means = classes.taught(p[0], labels[order], range(len(order)))
    far = means.distances(p[1])
    nearest = [means.nearest(one.astype(np.int64)) for one in p[1]]
    return found, np.column_stack([nearest, far])


def counted(chip: IntegerNet, learner: Learner, tasks: Recordings) -> int:
    """Instructions a recording on a Cortex-M4 in QEMU, of the first two of the set."""
    symbols = len(next(iter(tasks.made_of.values())))
    first = np.concatenate([tasks.symbols[one] for one in tasks.made_of[tasks.classes[0]]])[:2]
    x = tasks.pool.side_by_side(np.repeat(first[:, None], symbols, 1))
    with tempfile.TemporaryDirectory() as folder:
        return answers.instructions(Path(folder) / "board", chip, learner, x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default=SYMBOLS)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = ms.read(find_checkpoint(args.checkpoint))
    cuba = isinstance(found.net.neuron, ms.CubaLIF)
    chip = (CubaNet if cuba else IntegerNet).of(found)
    dataset, root = found.to_open(args.checkpoint, None, None)
    tasks = open_set(dataset, "test", root, progress=False, **found.origin.options(dataset))
    ways = classes.how_many(classes.WAYS, tasks, False)
    how = How(ways, classes.SHOTS, 10, 1, 0, 0)
    rows = drawings.rows(tasks, how.deals())
    traces = drawings.traces(chip, found, tasks, rows, Executor(), False)
    learner = chip.learner(rule="class-mean", rounding="nearest")
    seen = played(chip, learner, tasks, traces, how, args.most)
    print(seen.text())
    names = "recordings", "compared", "wrong"
    figures = {name: figure(getattr(seen, name), "") for name in names}
    if args.instructions:
        number = counted(chip, learner, tasks)
        figures["instructions"] = figure(number, "")
        print(f"{number:,} instructions a recording")
    if args.json:
        args.json.write_text(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
