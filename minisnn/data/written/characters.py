"""Few-shot tasks over characters written by pens: which character, or which order of strokes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...arguments import must, one_of, wholes
from ..readers.events import EVENT, SATURATION, bin_events
from ..sets.counting import one_or_two
from ..sets.omniglot import Part, Turned, alone, in_turns, turns_of
from ..sets.pool import Pieces, Pool
from ..sets.samples import SPLITS
from .orders import alphabets_of, of_drawings, of_orders, replayed
from .strokes import WHERE, Strokes, path_of, pen_events, placed, read_strokes
from .words import KINDS

SIZE = (20, 20)
BIN_MS = 20.0
DURATION_MS = 400.0
# share of a recording; then the pen rests, so that the last strokes reach a network's last layer
WRITING = 0.5
HELD_OUT = 5  # with new-drawers, every fifth drawer is never used to meta-train
VARIED = 0.1  # strength of changes in each of several draws of a drawing


class Seen(NamedTuple):
    """Settings that turn drawings into counts: the size of the sensor, whether drawings are fitted
    to it, the length of a step and of a recording in ms, the control, and the seed."""

    size: tuple[int, int]
    fitted: bool
    bin_ms: float
    duration_ms: float
    control: str
    seed: int

    def binned(self, events: np.ndarray) -> np.ndarray:
        """Count events, uint8 (T, H, W, 2)."""
        return bin_events(events, self.duration_ms, self.bin_ms, shape=self.size, start="zero")

    def counts(self, lines: list[np.ndarray], number: int, turn: int, draw: int) -> np.ndarray:
        """Count the events of one drawing, uint8 (T, H, W, 2). With draw 0 it is the drawing
        itself; with any other it is changed a little at random."""
        path = path_of(lines, WRITING * self.duration_ms)
        rng = np.random.default_rng((self.seed, number, turn, draw))
        lie = placed(path.xy, self.size, self.fitted, turn, VARIED * (draw > 0), rng)
        events = pen_events(lie, path, self.size)
        if self.control == "shuffled":
            events["t"] = rng.permutation(events["t"])
        found = self.binned(events)
        if self.control == "summed":
            found[:] = np.minimum(found.sum(0, np.uint32), SATURATION)
        return found


class Written(Turned):
    """Characters as they were written: samples are uint8 (T, *size, 2), one drawing each.

        counts[t, i, j, p] = events at  time // bin_ms = t,  row i, column j,  polarity p      time from the first point on

    The drawings are those of a file of pen strokes (`ms.read_strokes`). A pen makes an event of
    polarity 1 for every pixel that it draws, and one of polarity 0 before and after each stroke,
    where it is lifted. Three alphabets are for meta-training: Japanese (katakana), Latin and
    Sanskrit. Greek is for validation, and all others in the file are for testing. All classes of a
    task are from one alphabet. The pen has one speed, and a lift is as long as 8 pixels;
    writing takes half of a recording, then the pen rests, so that the last strokes also reach a
    network's last layer.

    split        "train", "val" or "test"
    root         a file of strokes, or the folder of them
    over         what is classified. "characters": which character was drawn. "new-drawers": the
                 same, but the query is drawn by other people than the support, and the test by
                 people left out of training with this option; numbers identify people only within
                 an alphabet. "order": the order and directions of one character's strokes, written
                 in up to 8 ways, by replaying real strokes
    alphabets    names of the alphabets for testing; None: all that neither train nor validate
    size         rows and columns of the sensor
    fitted       whether each drawing is centred and as large as fits with a margin; otherwise the
                 whole picture of 105 x 105 pixels is mapped onto the sensor
    bin_ms, duration_ms   length of a step, and of a recording
    control      "shuffled": the times of each recording's events are permuted, and the pixels kept.
                 "summed": every step shows the sum over all steps. A network can then only
                 learn from shapes
    turns        whether characters turned by 90, 180 and 270 degrees, and mirrored, are classes
                 too; None: in meta-training
    draws        recordings of each drawing: the drawing itself, and others that are turned,
                 stretched, sheared and shifted a little; 0 means 1
    classes      "train": the unturned characters that meta-train, to train a classifier of them.
                 With split "train" they have the drawings by four in five people, otherwise those
                 by the other people
    seed         seed of all random draws: changes, shuffled times, ways to write
    progress     accepted for uniformity; making recordings is quick

    Classes are named as in the file, and by turn: "Latin/07", "Latin/07+90", mirrored "Latin/07+m";
    orders are named as in "Korean/07 2+1-": the second stroke first, then the first from its other
    end. Raises ValueError if the file lacks requested drawings.

    >>> from minisnn.data.written.strokes import Stroke, strokes_of, write_strokes
    >>> line = [Stroke(np.array([[10, 20], [90, 60]]), np.array([0, 400]))]
    >>> drawings = [line] * 8
    >>> names = ["Made/01", "Made/02"]
    >>> path = write_strokes("s.npz", strokes_of(drawings, [0, 1] * 4, [1, 1, 2, 2, 3, 3, 4, 4], names))
    >>> tasks = ms.Written("test", path)
    >>> tasks.classes, tasks.input_shape
    (('Made/01', 'Made/02'), (20, 20, 2))
    """

    def __init__(
        self,
        split: str = "train",
        root: str | Path | None = None,
        *,
        over: str = "characters",
        alphabets: Sequence[str] | None = None,
        size: int | Sequence[int] = SIZE,
        fitted: bool = True,
        bin_ms: float = BIN_MS,
        duration_ms: float = DURATION_MS,
        control: str = "none",
        turns: bool | None = None,
        draws: int = 0,
        classes: str | None = None,
        seed: int = 0,
        progress: bool = True,
    ):
        one_of("split", split, SPLITS)
        for name, given in dict(over=over, control=control).items():
            one_of(name, given, KINDS[name])
        known = classes == "train" and over == "characters"
        wants = "'train' of tasks over characters, which are classified together, or None"
        must("classes", classes is None or known, wants, classes)
        wants = (
            f"Omniglot's pen strokes: get python/strokes_background.zip of {WHERE}, unpack it, and "
            "name its folder (--root strokes_background), or a file that write_strokes made of it"
        )
        must("root of written characters", root is not None, wants, root)
        sides = wholes("size", one_or_two(size))
        good = len(sides) in (1, 2) and min(sides) >= 1
        must("size", good, "rows and columns of the sensor, such as 20,20", size)
        strokes = read_strokes(str(root))
        chosen = alphabets_of(strokes, "train" if known else split, alphabets)
        trains = split == "train"
        seen = Seen((sides[0], sides[-1]), fitted, bin_ms, duration_ms, control, seed)
        shape = seen.binned(np.zeros(0, EVENT)).shape
        usable = np.ones(len(strokes), bool)
        if over == "new-drawers" or known:
            usable = (strokes.drawer % HELD_OUT != 0) == trains
        if over == "order":
            parts = of_orders(strokes, chosen, usable, seed)
        else:
            parts = of_drawings(strokes, chosen, usable)
        if not parts:
            raise ValueError(
                f"{strokes.path}: no character of {', '.join(chosen)} can be written in several "
                "orders; expected 2 to 4 strokes, the same in 4 drawings or more"
            )
        kinds = turns_of(not known and (trains if turns is None else turns))
        pieces = list(product(range(max(int(draws), 1)), kinds, parts))
        alike, labels, start = in_turns(pieces, kinds, parts)
        who = np.array([number for *_, part in pieces for number, _ in part.rows])
        make = partial(_recorded, strokes, pieces, seen, shape)
        pool = Pieces(shape, labels, who, start, make, [strokes.identity(), pieces, seen])
        groups = {}
        if over == "new-drawers":
            groups["drawer"] = strokes.drawer[who]
        elif over == "order" or draws > 1 and not trains:
            groups["drawing"] = who
        source = f"{strokes.path}, {', '.join(chosen)}"
        super().__init__(pool, made_of=alone(alike), groups=groups, source=source, kind="character")
        self.alike = alike


def _recorded(
    strokes: Strokes,
    pieces: list[tuple[int, int, Part]],
    seen: Seen,
    shape: tuple[int, ...],
    piece: int,
) -> Pool:
    """Make all recordings of one part in one turn, for one draw."""
    draw, turn, part = pieces[piece]
    batches = []
    for (number, replay), label in zip(part.rows, part.labels.tolist()):
        drawn = [stroke.xy for stroke in strokes.of(number)]
        if replay is not None:
            drawn = replayed(drawn, *replay)
        batches.append((seen.counts(drawn, number, turn, draw)[None], [label], [number]))
    return Pool.collect(shape, batches)
