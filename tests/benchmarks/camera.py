"""Time of a simulated recording, and how many times as long the camera's readable twin takes:

    python tests/benchmarks/camera.py [--repeat 5] [--json OUT]

Per recording, one thread: the events of 312 ms by the kernels and by the twin in plain NumPy, by
turns; the counts of 100 ms, as data sets have them, of many pictures at once; and the same where
each recording has a scene and a sensor of its own. Medians of CPU time, in a process that has its
kernels. A digit is 28, a drawing 105 pixels wide.
"""

import statistics
import time
from collections.abc import Callable

import findings
import numpy as np

import minisnn as ms
from minisnn.data.camera.variation import Variation

RECORDINGS = 50
PICTURES = {"digit": 28, "drawing": 105}


def ring(side: int) -> np.ndarray:
    """A picture (side, side) of a thick ring."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    return ((np.hypot(x, y) < 0.35) & (np.hypot(x, y) > 0.2)).astype(float)


def seconds(call: Callable[[], object], times: int = 1) -> float:
    """CPU time of a call that does something so many times, for one of them."""
    began = time.process_time()
    call()
    return (time.process_time() - began) / times


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="measurements of each (default: 5)")
    options = parser.parse_args(words)
    ms.set_threads(1)
    found = findings.Findings("picture", "events", "twin", "counts", "a camera each")
    camera, drawn = ms.EventCamera(), ms.EventCamera(variation=Variation())
    for name, side in PICTURES.items():
        picture = ring(side)
        many, numbers = np.repeat(picture[None], RECORDINGS, 0), range(RECORDINGS)
        calls = {
            "events": (lambda: camera.record(picture, 0), 1),
            "twin": (lambda: camera.record(picture, 0, backend="numpy"), 1),
            "counts": (lambda: camera.record_counts(many, numbers, 0), RECORDINGS),
            "drawn": (lambda: drawn.record_counts(many, numbers, 0), RECORDINGS),
        }
        taken: dict[str, list[float]] = {what: [] for what in calls}
        for _ in range(options.repeat + 1):  # the first compiles, or reads what was compiled
            for what, (call, times) in calls.items():
                taken[what].append(1000 * seconds(call, times))
        median = {what: statistics.median(all_of[1:]) for what, all_of in taken.items()}
        median["twin"] /= median["events"]
        names = [
            found.add(f"{name}-{what}", value, "x" if what == "twin" else "ms")
            for what, value in median.items()
        ]
        found.row(f"{name}, {side} pixels", *names)
        print(name, median)
    found.write(options.json)


if __name__ == "__main__":
    main()
