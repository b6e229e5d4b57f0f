"""Recordings for tests: of a bar that sweeps over a sensor, each pixel firing a few times in a row,
as a real scene makes them; and of noise."""

import numpy as np

import minisnn as ms

SENSOR = (12, 16)  # rows, columns


def sweep(
    seed: int = 0, sensor: tuple[int, int] = SENSOR, lasting_ms: int = 110, burst: int = 4
) -> np.ndarray:
    """Events (dtype EVENT) of a bar that crosses the sensor once: `burst` of every pixel, some 3 ms
    apart."""
    rng = np.random.default_rng(seed)
    y, x = (axis.ravel() for axis in np.mgrid[: sensor[0], : sensor[1]])
    along = (x, y, sensor[1] - x, sensor[0] - y)[seed % 4] / max(sensor)
    begin = 1000 * (lasting_ms - 20) * along + rng.integers(0, 500, len(x))
    t = begin + np.cumsum(rng.integers(1500, 4500, (burst, len(x))), 0)
    p = np.broadcast_to(np.arange(burst)[:, None] % 2, t.shape)
    return ms.event_array(
        np.tile(x, burst), np.tile(y, burst), t.astype(np.int64).ravel(), p.ravel()
    )


def noise(
    rng: np.random.Generator, sensor: tuple[int, int], number: int, lasting_ms: float
) -> np.ndarray:
    """So many events (dtype EVENT) anywhere on a sensor, at any time."""
    y, x = (rng.integers(0, side, number) for side in sensor)
    t = np.sort(rng.integers(0, int(1000 * lasting_ms), number))
    return ms.event_array(x, y, t, rng.integers(0, 2, number))


def in_unit(events: np.ndarray, unit: str, column: str = "t", kind: str = "i8") -> np.ndarray:
    """A structured array with times in another unit, in whole numbers, whose column does not say
    it."""
    of = {
        "us": lambda t: t,
        "ms": lambda t: t // 1000,
        "ns": lambda t: t * 1000,
        "s": lambda t: t // 1_000_000,
    }[unit]
    made = np.zeros(len(events), [("x", "i2"), ("y", "i2"), (column, kind), ("p", "i1")])
    made["x"] = events["x"]
    made["y"] = events["y"]
    made[column] = of(events["t"])
    made["p"] = events["p"]
    return made
