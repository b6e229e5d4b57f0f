"""Events: construction, checks and binning, against hand-counted cells and a plain loop."""

import numpy as np
import pytest
from sweeps import noise

import minisnn as ms


SENSOR = (34, 34)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"crop": (35, 34)}, "crop is"),
        ({"crop": (0, 34)}, "crop is"),
        ({"scale": 3}, "scale is 3"),
        ({"scale": 0}, "scale is 0"),
        (
            {"crop": (33, 34), "scale": 2},
            "scale is 2; expected a whole number that divides 33 rows",
        ),
        (
            {"crop": (34, 33), "scale": 2},
            "scale is 2; expected a whole number that divides 34 rows and 33",
        ),
        ({"step_ms": 0}, "step_ms"),
        ({"step_ms": 0.0015}, "step_ms"),
        ({"duration_ms": 1.5}, "duration_ms"),
        ({"duration_ms": 0}, "duration_ms"),
        ({"duration_ms": float("nan")}, "duration_ms"),
        ({"start": "last"}, "start is"),
        ({"start": 1.5}, "start is"),
        ({"shape": (34, 20)}, "x reaches"),
    ],
)
def test_bin_events_refuses(arguments, words, rng):
    with pytest.raises(ValueError, match=words):
        ms.bin_events(noise(rng, SENSOR, 4000, 150), **arguments)


def test_a_clock_that_jumps_ahead_makes_no_empty_parts(rng):
    take = noise(rng, SENSOR, 4000, 1000)
    take["t"][2000:] += 3_000_000

    def opened():
        other = take.copy()  # of the same class, no copy
        other["x"] = 33 - take["x"]
        how = dict(sensor=SENSOR, duration_ms=50, hop_ms=20, time="us")
        return ms.Recordings([take, other], [0, 0], **how)

    pool = opened().pool
    assert len(pool) < 2 * 60 and pool.dense(np.arange(len(pool))).any((1, 2, 3, 4)).all()
    take["t"][3000:] += 3600_000_000
    with pytest.raises(ValueError, match="none for 3600"):
        opened()
