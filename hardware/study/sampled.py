"""What stands beside the accuracy of many classes: some episodes again by the compiled C library,
the bytes that a device needs, instructions, and what others publish."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minisnn.data.sets.recordings import Recordings
from minisnn.data.store.shipped import shipped
from minisnn.experiments.findings import Table, figure
from minisnn.files import read_json

from ..c import answers, export
from ..chip.learner import Learner
from ..chip.network import IntegerNet
from . import classes
from .classes import How
from .drawings import Traces, numbered, places

ASKED = 50  # recordings of an episode that the C library is asked about
_CHAMELEON = "chameleon2025"  # of literature.json, then classes and shots


class Played(NamedTuple):
    """What the C library answered: episodes (classes, shots), recordings, numbers compared, and how
    many differ; `why` it did not."""

    episodes: Sequence[tuple[int, int]]
    recordings: int
    compared: int
    wrong: int
    why: str = ""

    def text(self) -> str:
        if self.why:
            return f"The C library was not asked: {self.why}."
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
    if not most:
        return Played([], 0, 0, 0, "--compiled is 0")
    if answers.compiler() is None:
        return Played([], 0, 0, 0, f"there is no C compiler ({', '.join(answers.COMPILERS)})")
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
        return Played([], 0, 0, 0, f"no episode has as few as {most} recordings (--compiled)")
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
    far = classes.distances(means, p[1])
    nearest = [means.nearest(one.astype(np.int64)) for one in p[1]]
    return found, np.column_stack([nearest, far])


def counted(chip: IntegerNet, learner: Learner, tasks: Recordings) -> int:
    """Instructions a recording on a Cortex-M4 in QEMU, of the first two of the set."""
    symbols = len(next(iter(tasks.made_of.values())))
    first = np.concatenate([tasks.symbols[one] for one in tasks.made_of[tasks.classes[0]]])[:2]
    x = tasks.pool.side_by_side(np.repeat(first[:, None], symbols, 1))
    with tempfile.TemporaryDirectory() as folder:
        return answers.instructions(Path(folder) / "board", chip, learner, x)


def _bytes(chip: IntegerNet, learner: Learner, tasks: Recordings, number: int) -> int:
    return export.memory(chip, learner, tasks.pool.shape[0], number)["small"]


def table(
    chip: IntegerNet, learner: Learner, tasks: Recordings, how: How, instructions: int | None
) -> Table:
    """What a device needs, by the number of its classes."""
    flash = sum(layer.weight.size for layer in chip.layers)
    each = _bytes(chip, learner, tasks, 1004) - _bytes(chip, learner, tasks, 1000) >> 2
    cells = [[str(n), f"{_bytes(chip, learner, tasks, n):,}"] for n in how.ways]
    told = f"A class takes {each:,} bytes, whatever its shots; weights {flash:,} bytes of flash."
    if instructions is not None:
        told += (
            f" A recording takes {instructions / 1e6:,.0f} million instructions of a Cortex-M4, "
            "counted by QEMU."
        )
    header = ["classes", "RAM of the small build (bytes)"]
    return Table("cost", "What a device needs, no energy claimed", header, cells, told)


def figures(
    chip: IntegerNet,
    learner: Learner,
    tasks: Recordings,
    how: How,
    played: Played,
    instructions: int | None,
) -> dict[str, dict]:
    """Of the C library's answers, of bytes and instructions."""
    found = {f"ram-{n}": figure(_bytes(chip, learner, tasks, n), "") for n in how.ways}
    each = _bytes(chip, learner, tasks, 1004) - _bytes(chip, learner, tasks, 1000) >> 2
    found["class-bytes"] = figure(each, "")
    if not played.why:
        for name in ("recordings", "compared", "wrong"):
            found[name] = figure(getattr(played, name), "")
    if instructions is not None:
        found["instructions"] = figure(instructions, "")
    return found


def published() -> list[tuple[int, int, float]]:
    """(classes, shots, %) of Chameleon, a chip that learns so (den Blanken & Frenkel 2025)."""
    known = read_json(shipped("results") / "literature.json")
    found = []
    for name, one in known.items():
        of, _, rest = name.partition("-")
        if of == _CHAMELEON:
            ways, shots = map(int, rest.split("-"))
            found.append((ways, shots, float(one["value"].removesuffix(" %"))))
    return found
