"""What an event camera is given, where it would record something else in silence: its settings and
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
    expected = f"{least:g} to {most:g}{', the lower one first' * (low is not high)}"
    need(name, value, least <= low <= high <= most, expected)


def check(camera: Any) -> None:
    """ValueError for a setting of an `EventCamera` that cannot be."""
    for name, limits in LIMITS.items():
        value = getattr(camera, name)
        within(name, value, value, value, limits)
    pair = np.shape(camera.offset_px) == (2,) and np.all(np.isfinite(camera.offset_px))
    need("offset_px", camera.offset_px, pair, "two numbers, (x, y)")
    good = np.shape(camera.sensor) == (2,) and min(camera.sensor) >= 1
    need("sensor", camera.sensor, good, "rows and columns")
    if camera.trajectory is not None:
        rows = np.array(camera.trajectory, float)
        good = rows.ndim == 2 and rows.shape[1] == 3 and len(rows) > 1 and np.isfinite(rows).all()
        good = good and (np.diff(rows[:, 0]) > 0).all()
        need("trajectory", camera.trajectory, good, "two rows (ms, x, y) or more, as time goes on")


def grey_values(pictures: np.ndarray) -> np.ndarray:
    """Grey values (N, H, W), float64 in [0, 1], checked."""
    good = pictures.ndim == 3 and all(pictures.shape[1:])
    need("the shape of pictures", pictures.shape, good, "grey values (N, H, W)")
    if pictures.dtype == np.uint8:
        return pictures / 255.0
    need("dtype of pictures", pictures.dtype, pictures.dtype.kind == "f", "uint8, or float")
    low, high = pictures.min(initial=1), pictures.max(initial=0)
    need("pictures", f"from {low} to {high}", low >= 0 and high <= 1, "values in [0, 1], or uint8")
    return pictures.astype(np.float64)
