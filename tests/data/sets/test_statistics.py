"""Statistics by hand; and what the event camera must have in common with real N-MNIST
recordings."""

import sys
from pathlib import Path

import numpy as np

import minisnn as ms
from minisnn import EventCamera

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "data"))

from compare_camera import SACCADES_MS, nmnist_statistics  # noqa: E402

# N-MNIST, measured on 1,000 training recordings, 100 of each digit
REAL = {
    "events, mean": 4133,
    "events, sd": 1154,
    "events, least": 1112,
    "events, median": 4180,
    "events, most": 7152,
    "ON share": 0.498,
    "last event, mean ms": 307.7,
    "saccade 1, share": 0.362,
    "saccade 2, share": 0.331,
    "saccade 3, share": 0.307,
    "saccade 1, 10 % by ms": 25,
    "saccade 1, 50 % by ms": 49,
    "saccade 1, 90 % by ms": 71,
    "saccade 2, 10 % by ms": 126,
    "saccade 2, 50 % by ms": 152,
    "saccade 2, 90 % by ms": 180,
    "saccade 3, 10 % by ms": 236,
    "saccade 3, 50 % by ms": 258,
    "saccade 3, 90 % by ms": 283,
    "active pixels, share": 0.388,
    "events an active pixel": 9.2,
    "interval of a pixel, 1 % ms": 1.75,
    "interval of a pixel, 50 % ms": 5.2,
}


# by how much simulated recordings may differ: of the value, or absolutely
RELATIVE = {"events, mean": 0.05, "events, median": 0.05, "events an active pixel": 0.05}
ABSOLUTE = {"ON share": 0.01, "active pixels, share": 0.01, "last event, mean ms": 5}


def differs(name, real, found):
    """Whether a statistic leaves the bounds around the real one."""
    if name in ABSOLUTE or name.startswith("saccade") and name.endswith("share"):
        return abs(found - real) > ABSOLUTE.get(name, 0.02)
    begin = SACCADES_MS[int(name[8]) - 1][0] if name.startswith("saccade") else 0
    return abs((found - begin) / (real - begin) - 1) > RELATIVE.get(name, 0.2)


def test_the_camera_matches_nmnist():
    digits = ms.load_digits()
    camera = EventCamera()
    chosen = np.concatenate([np.flatnonzero(digits.labels == digit)[:100:4] for digit in range(10)])
    table = nmnist_statistics(
        [camera.record(digits.images[n], 0, int(digits.numbers[n])) for n in chosen]
    )
    found = {name: (real, table[name]) for name, real in REAL.items()}
    assert {name: pair for name, pair in found.items() if differs(name, *pair)} == {}
