"""Time of a simulated recording, and how many times as long the camera's readable twin takes:

    python tests/benchmarks/camera.py [--repeat 5] [--json OUT]

Per recording, one thread: the events of 312 ms by the kernels and by the twin in plain NumPy, by
turns; the counts of 100 ms, as data sets have them, of many pictures at once; and the same where
each recording has a scene and a sensor of its own. Medians of CPU time, in a process that has its
kernels. A digit is 28, a drawing 105 pixels wide.
"""

import statistics
import time

import findings
import numpy as np

import minisnn as ms
from minisnn.data.camera.variation import Variation

RECORDINGS = 50
PICTURES = {"digit": 28, "drawing": 105}


def main() -> None:
    options = findings.command_line(__doc__, repeat=5).parse_args()
    ms.set_threads(1)
    found = findings.Findings("picture", "events", "twin", "counts", "a camera each")
    camera = ms.EventCamera()
    drawn = ms.EventCamera(variation=Variation())
    for name, side in PICTURES.items():
        y, x = np.mgrid[:side, :side] / side - 0.5
        ring = ((np.hypot(x, y) < 0.35) & (np.hypot(x, y) > 0.2)).astype(float)
        many = np.repeat(ring[None], RECORDINGS, 0)
        numbers = range(RECORDINGS)
        calls = {
            "events": lambda _: lambda: camera.record(ring, 0),
            "twin": lambda _: lambda: camera.record(ring, 0, backend="numpy"),
            "counts": lambda _: lambda: camera.record_counts(many, numbers, 0),
            "drawn": lambda _: lambda: drawn.record_counts(many, numbers, 0),
        }
        spent = findings.by_turns(calls, options.repeat, clock=time.process_time)
        median = {what: 1000 * statistics.median(seconds) for what, seconds in spent.items()}
        names = [
            found.add(f"{name}-events", median["events"], "ms"),
            found.add(f"{name}-twin", median["twin"] / median["events"], "x"),
            found.add(f"{name}-counts", median["counts"] / RECORDINGS, "ms"),
            found.add(f"{name}-drawn", median["drawn"] / RECORDINGS, "ms"),
        ]
        found.row(f"{name}, {side} pixels", *names)
    found.write(options.json)


if __name__ == "__main__":
    main()
