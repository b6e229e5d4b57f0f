"""Make a folder of gestures as a DVS128 would record them: shapes that move before the simulated
event camera.

    python data/make_gestures.py gestures [TAKES [SUBJECTS]]

Twelve gestures (circles, waves, pushes, a zigzag, …) by SUBJECTS (default 6) people, TAKES (default
3) each, 250 ms on 128 x 128 pixels, as gestures/takes/<gesture>-<subject>-<take>.npz and
gestures/index.csv with path, label, subject and split. A subject has a hand (shape and size), a
place and a speed of its own; a take varies all of them a little.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from minisnn.data.camera.event_camera import EventCamera

SENSOR, MS = (128, 128), 250
PATHS = {  # (x, y) in units of the gesture's size, for phase u from 0 to 1
    "circle-left": lambda u: (np.cos(2 * np.pi * u), -np.sin(2 * np.pi * u)),
    "circle-right": lambda u: (np.cos(2 * np.pi * u), np.sin(2 * np.pi * u)),
    "wave-across": lambda u: (np.sin(4 * np.pi * u), 0 * u),
    "wave-up-down": lambda u: (0 * u, np.sin(4 * np.pi * u)),
    "push-right": lambda u: (2 * u - 1, 0 * u),
    "push-left": lambda u: (1 - 2 * u, 0 * u),
    "push-up": lambda u: (0 * u, 1 - 2 * u),
    "push-down": lambda u: (0 * u, 2 * u - 1),
    "zigzag": lambda u: (2 * u - 1, np.abs((6 * u) % 2 - 1) - 0.5),
    "diagonal": lambda u: (2 * u - 1, 2 * u - 1),
    "eight": lambda u: (np.sin(2 * np.pi * u), np.sin(4 * np.pi * u)),
    "hook": lambda u: (np.where(u < 0.5, 4 * u - 1, 1), np.where(u < 0.5, -0.5, 4 * u - 2.5)),
}

SPLITS = dict.fromkeys(("wave-up-down", "push-left", "diagonal"), "val") | dict.fromkeys(
    ("circle-right", "push-down", "hook"), "test"
)


def hand(kind: int, size: float) -> np.ndarray:
    """A hand as a bright shape, (64, 64) in [0, 1]: a disc, a square, or a fork of fingers."""
    y, x = (np.mgrid[:64, :64] - 31.5) / (32 * size)
    shapes = (
        np.hypot(x, y) < 0.5,
        np.maximum(abs(x), abs(y)) < 0.45,
        (abs(y) < 0.55) & (abs(x) < 0.5) & ((y > 0) | (x * 4 % 1 < 0.6)),
    )
    return shapes[kind % 3].astype(float)


def make(out: Path, takes: int = 3, subjects: int = 6) -> None:
    (out / "takes").mkdir(parents=True)
    rows = [("path", "label", "subject", "split")]
    for subject in range(subjects):
        own = np.random.default_rng(subject)
        size, speed, place = own.uniform(0.5, 0.8), own.uniform(0.8, 1.2), own.uniform(-8, 8, 2)
        for k, (label, path) in enumerate(PATHS.items()):
            for take in range(takes):
                rng = np.random.default_rng((subject, k, take))
                phase = np.clip(np.linspace(0, 1, 26) * speed * rng.uniform(0.9, 1.1), 0, 1)
                x, y = (rng.uniform(14, 20) * np.asarray(one) for one in path(phase))
                motion = tuple(
                    zip(
                        np.arange(26) * 10.0,
                        (x + place[0] + rng.normal(0, 2)).tolist(),
                        (y + place[1]).tolist(),
                    )
                )
                camera = EventCamera(
                    sensor=SENSOR,
                    picture_px=80.0,
                    inverted=False,
                    trajectory=motion,
                    sensor_seed=subject,
                )
                events = camera.record(
                    hand(subject, size * rng.uniform(0.9, 1.1)), subject, take, MS
                )
                name = f"takes/{label}-{subject}-{take}.npz"
                np.savez_compressed(
                    out / name, sensor=np.array(SENSOR), **{one: events[one] for one in "xytp"}
                )
                rows.append((name, label, f"subject {subject}", SPLITS.get(label, "train")))
    with open(out / "index.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    print(f"{out}: {len(rows) - 1} recordings of {len(PATHS)} gestures, listed in {out}/index.csv")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        raise SystemExit(__doc__)
    if Path(sys.argv[1]).exists():
        raise SystemExit(f"{sys.argv[1]} exists; name a folder that does not")
    make(Path(sys.argv[1]), *map(int, sys.argv[2:]))
