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
        calls: dict[str, tuple[Callable[[], object], int]] = {
            "events": (lambda: camera.record(picture, 0), 1),
            "twin": (lambda: camera.record(picture, 0, backend="numpy"), 1),
            "counts": (lambda: camera.record_counts(many, numbers, 0), RECORDINGS),
            "drawn": (lambda: drawn.record_counts(many, numbers, 0), RECORDINGS),
        }
        taken: dict[str, list[float]] = {what: [] for what in calls}
        for turn in range(options.repeat + 1):
            for what, (call, times) in calls.items():
                one = seconds(call, times)
                if turn:  # the first compiles, or reads what was compiled
                    taken[what].append(one)
        medians = {what: statistics.median(all_of) for what, all_of in taken.items()}
        ratio = medians["twin"] / medians["events"]
        print(
            f"{name}: events {1000 * medians['events']:.2f} ms, the twin {ratio:.1f} x; counts "
            f"{1000 * medians['counts']:.2f} ms, a camera each {1000 * medians['drawn']:.2f} ms"
        )
        found.row(
            f"{name}, {side} pixels",
            found.add(f"{name}-events", 1000 * medians["events"], "ms"),
            found.add(f"{name}-twin", ratio, "x"),
            found.add(f"{name}-counts", 1000 * medians["counts"], "ms"),
            found.add(f"{name}-drawn", 1000 * medians["drawn"], "ms"),
        )
    found.write(options.json)


if __name__ == "__main__":
    main()
