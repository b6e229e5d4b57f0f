"""Takes of letters as simulated subjects hold them, beside real ones: what a simulator must have in
common.

    python data/compare_takes.py [FILE.npz] [--letter a] [--subjects 4] [--seconds 20]

prints the table of `minisnn.data.sets.statistics.take_statistics`, the simulated figures as means
over subjects. FILE.npz holds a real take as `active`, whether each pixel had an event in each frame
of 10 ms, bool (frames, 180, 240) or packed by numpy.packbits along x, and may hold `events`, their
number in each frame. Without it the figures of the two takes of ASL-DVS (Bi et al. 2019, subject 1)
stand beside, on which the constants were fitted.
"""

import argparse

import numpy as np

from minisnn.data.readers.asl import LETTERS, SHAPE
from minisnn.data.sets.statistics import frames_of, take_statistics
from minisnn.data.sets.takes import Take, take_camera

# of 26.6 s of letter a and 10.1 s of letter g; events are known of a alone
REAL = {
    "a": {
        "events, mean": 6983.0,
        "events, 10 %": 1474.0,
        "events, 50 %": 5740.0,
        "events, 90 %": 13820.0,
        "events, sd of log": 0.8961,
        "active pixels, %": 10.7,
        "isolated, %": 24.62,
        "region, x": 85.05,
        "region, sd of x": 36.84,
        "region, y": 96.4,
        "region, sd of y": 46.6,
        "its middle, sd of x": 34.66,
        "its middle, sd of y": 25.41,
        "correlation 0.1 s apart": 0.6296,
        "correlation 0.5 s apart": 0.3583,
        "correlation 4 s apart": 0.3367,
        "activity peaks at, Hz": 2.366,
        "median speed, px/s": 105.4,
        "noise of a corner, Hz a pixel": 0.05675,
    },
    "g": {
        "active pixels, %": 7.709,
        "isolated, %": 20.31,
        "region, x": 58.73,
        "region, sd of x": 17.96,
        "region, y": 104.6,
        "region, sd of y": 28.06,
        "its middle, sd of x": 10.76,
        "its middle, sd of y": 7.558,
        "correlation 0.1 s apart": 0.7605,
        "correlation 0.5 s apart": 0.6296,
        "correlation 4 s apart": 0.6312,
        "activity peaks at, Hz": 2.97,
        "median speed, px/s": 94.28,
        "noise of a corner, Hz a pixel": 0.06547,
    },
}


def simulated(letter: str, subjects: int, seconds: float, seed: int = 0) -> dict[str, float]:
    """The table, as means over subjects."""
    found = []
    for subject in range(subjects):
        take = Take(seed, subject, LETTERS.index(letter)).record(take_camera(), seconds)
        found.append(take_statistics(*frames_of(take, SHAPE, 1000 * seconds)))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def real(path: str) -> dict[str, float]:
    """The table of a take in a file."""
    with np.load(path, allow_pickle=False) as file:
        active = file["active"]
        if active.dtype == np.uint8 and active.shape[2] < SHAPE[1]:
            active = np.unpackbits(active, axis=2)[:, :, : SHAPE[1]]
        return take_statistics(active, file["events"] if "events" in file else None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", metavar="FILE.npz")
    parser.add_argument("--letter", choices=LETTERS, default="a")
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    beside = real(args.file) if args.file else REAL.get(args.letter, {})
    print(f"{'letter ' + args.letter:<34}{'real':>10}{'simulated':>12}")
    for name, value in simulated(args.letter, args.subjects, args.seconds).items():
        print(f"{name:<34}{beside.get(name, float('nan')):>10.4g}{value:>12.4g}")


if __name__ == "__main__":
    main()
