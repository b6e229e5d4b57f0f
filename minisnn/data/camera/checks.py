"""What an event camera is told, checked: its settings, pictures and numbers; each error names what
was found."""

import math
from typing import Any

import numpy as np

from ...arguments import array, flag, is_sequence, need, number
from .variation import Variation

MOST_SPREAD = 100
MOST_TIMES = 1000


def check(camera: Any) -> None:
    """ValueError for a setting of an `EventCamera` that cannot be."""
    found = vars(camera)
    for name in ("picture_px", "gamma", "blur", "floor", "threshold_on", "threshold_off"):
        need(name, found[name], 0 < real(found[name]), "a positive number")
    for name in "mismatch time_constant_ms leak_hz leak_spread hot hot_hz dead".split():
        need(name, found[name], 0 <= real(found[name]), "zero or a positive number")
    for name in ("hot", "dead"):
        need(name, found[name], found[name] <= 1, "a share from 0 to 1")
    blind = camera.refractory_ms
    need("refractory_ms", blind, 0.01 <= real(blind), "at least 0.01 ms")
    need(
        "blur",
        camera.blur,
        camera.blur >= 0.25,
        "at least 0.25 pixels, the distance of the samples of the picture",
    )
    times = camera.amplitude
    need("amplitude", times, abs(real(times)) <= MOST_TIMES, f"a number up to {MOST_TIMES}")
    for name in ("blur", "mismatch", "leak_spread"):
        need(name, found[name], found[name] <= MOST_SPREAD, f"{MOST_SPREAD} at most")
    moved = array("offset_px", camera.offset_px)
    good = moved.shape == (2,) and moved.dtype.kind in "iuf" and bool(np.isfinite(moved).all())
    need("offset_px", camera.offset_px, good, "two numbers, (x, y)")
    sides = (
        list(camera.sensor)
        if is_sequence(camera.sensor) and not hasattr(camera.sensor, "mask")
        else []
    )
    good = len(sides) == 2 and all(1 <= real(n) <= 2048 and real(n).is_integer() for n in sides)
    need("sensor", camera.sensor, good, "rows and columns from 1 to 2048")
    if camera.trajectory is not None:
        rows = array("trajectory", camera.trajectory)
        good = rows.ndim == 2 and rows.shape[1] == 3 and len(rows) >= 2 and rows.dtype.kind in "iuf"
        good = good and bool(np.isfinite(rows).all()) and bool(np.all(np.diff(rows[:, 0]) > 0))
        need(
            "trajectory",
            f"of shape {rows.shape}",
            good,
            "two or more rows (ms, x, y) of finite numbers, times rising",
        )
    for name in ("inverted", "moving"):
        flag(name, getattr(camera, name))
    whole("sensor_seed", camera.sensor_seed, 0)
    need(
        "variation",
        camera.variation,
        camera.variation is None or isinstance(camera.variation, Variation),
        "a Variation, or None",
    )


def grey_values(pictures: np.ndarray, name: str) -> np.ndarray:
    """Grey values, float64 in [0, 1], checked."""
    if pictures.ndim != 3 or not all(pictures.shape[1:]):
        found, expected = (
            (pictures.shape[1:], "(H, W)") if name == "picture" else (pictures.shape, "(N, H, W)")
        )
        raise ValueError(
            f"{name} has shape {found}; expected grey values {expected}, without empty sides"
        )
    if pictures.dtype == np.uint8:
        shown = pictures / 255.0
    elif pictures.dtype.kind == "f":
        shown = pictures.astype(np.float64)
        if shown.size and not (shown.min() >= 0 and shown.max() <= 1):
            raise ValueError(
                f"{name} reaches from {shown.min()} to {shown.max()}; expected values in [0, "
                "1], or uint8"
            )
    else:
        raise ValueError(f"{name} has dtype {pictures.dtype}; expected uint8, or float in [0, 1]")
    return shown


def real(value: Any) -> float:
    """A finite number; nan for anything else."""
    try:
        return number("", value)
    except ValueError:
        return math.nan


def whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """ValueError for what is no whole number within the limits."""
    good = real(value).is_integer()
    limits = f"from {least} on" if most is None else f"from {least} to {most}"
    need(
        name,
        value,
        good and least <= value and (most is None or value <= most),
        f"a whole number {limits}",
    )
