"""What an event camera is told, where it would record something else in silence: its settings and
pictures; each error names what was found."""

from typing import Any

import numpy as np

from ...arguments import need

POSITIVE = 1e-300
MOST = 1e300
LIMITS = {
    **dict.fromkeys("picture_px gamma floor threshold_on threshold_off".split(), (POSITIVE, MOST)),
    **dict.fromkeys("time_constant_ms leak_hz hot_hz sensor_seed".split(), (0, MOST)),
    **dict.fromkeys(("mismatch", "leak_spread"), (0, 100)),
    **dict.fromkeys(("hot", "dead"), (0, 1)),
    "blur": (0.25, 100),  # the distance of the samples of the picture
    "refractory_ms": (0.01, MOST),
    "amplitude": (-1000, 1000),
}


def within(name: str, value: Any, low: Any, high: Any, limits: tuple[float, float]) -> None:
    """ValueError unless a number, or a range of numbers, is within limits."""
    least, most = limits
    begin = "above 0" if least == POSITIVE else f"from {least:g} on"
    end = "" if most == MOST else f", up to {most:g}"
    order = ", the lower one first" * (low is not high)
    need(name, value, least <= low <= high <= most, f"{begin}{end}{order}")


def check(camera: Any) -> None:
    """ValueError for a setting of an `EventCamera` that cannot be."""
    for name, limits in LIMITS.items():
        value = getattr(camera, name)
        within(name, value, value, value, limits)
    pair = np.shape(camera.offset_px) == (2,) and np.all(np.isfinite(camera.offset_px))
    need("offset_px", camera.offset_px, pair, "two numbers, (x, y)")
    sides = np.asarray(camera.sensor)
    good = sides.shape == (2,) and sides.min() >= 1 and sides.dtype.kind in "iu"
    need("sensor", camera.sensor, good, "rows and columns")
    if camera.trajectory is not None:
        rows = np.asarray(camera.trajectory, float)
        good = rows.ndim == 2 and rows.shape[1] == 3 and len(rows) >= 2
        good = good and np.isfinite(rows).all() and np.diff(rows[:, 0]).min() > 0
        expected = "two or more rows (ms, x, y) of finite numbers, times rising"
        need("trajectory", f"of shape {rows.shape}", good, expected)


def grey_values(pictures: np.ndarray) -> np.ndarray:
    """Grey values (N, H, W), float64 in [0, 1], checked."""
    good = pictures.ndim == 3 and all(pictures.shape[1:])
    need("the shape of pictures", pictures.shape, good, "grey values (N, H, W)")
    if pictures.dtype == np.uint8:
        return pictures / 255.0
    need("dtype of pictures", pictures.dtype, pictures.dtype.kind == "f", "uint8, or float")
    if pictures.size:
        low, high = pictures.min(), pictures.max()
        good = low >= 0 and high <= 1
        need("pictures", f"from {low} to {high}", good, "values in [0, 1], or uint8")
    return pictures.astype(np.float64)
