"""Files of pen strokes with made characters: a few lines each, which every drawer draws a little
differently."""

from pathlib import Path

import numpy as np

from minisnn.data.written.strokes import Stroke, strokes_of, write_strokes

ALPHABETS = {
    "Japanese_(katakana)": 7,
    "Latin": 6,
    "Sanskrit": 6,
    "Greek": 6,
    "Korean": 7,
    "Ogham": 6,
}
DRAWERS = 10


def character(number: int, drawer: int) -> list[Stroke]:
    """One, two or three lines, by number; some are drawn in another order or from another end."""
    of = np.random.default_rng(number)
    lines = [of.uniform(15, 90, (2, 2)) for _ in range(1 + number % 3)]
    rng = np.random.default_rng((number, drawer))
    made = []
    clock = 0
    for line in rng.permutation(lines):
        ends = line[:: rng.choice([-1, 1])] + rng.normal(0, 2, (2, 2))
        points = int(rng.integers(5, 12))
        along = np.linspace(0, 1, points)[:, None]
        xy = np.clip(ends[0] + along * (ends[1] - ends[0]), 0, 105)
        t = clock + np.sort(rng.integers(0, 900, points))
        t[0] = clock
        made.append(Stroke(xy, t))
        clock = int(t[-1]) + int(rng.integers(100, 400))
    return made


def drawings(alphabets: dict[str, int] = ALPHABETS, drawers: int = DRAWERS):
    names = [f"{name}/{k + 1:02d}" for name, many in alphabets.items() for k in range(many)]
    pairs = [(c, d) for c in range(len(names)) for d in range(1, drawers + 1)]
    found = [character(c, d) for c, d in pairs]
    return strokes_of(found, [c for c, _ in pairs], [d for _, d in pairs], names)


def file(path: Path, alphabets: dict[str, int] = ALPHABETS, drawers: int = DRAWERS) -> Path:
    return write_strokes(path, drawings(alphabets, drawers))
