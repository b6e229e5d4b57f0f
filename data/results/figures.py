"""Texts of figures.

A figure is a mapping with `value`, `unit` and, where it has an interval, half of it, `half`
(`minisnn.experiments.findings.figure`); `shown` makes the text that a page has of it.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

ROUNDING = 1e-12  # halves below it are what sums of equal numbers leave, and count as 0
MOST_PLACES = 6


def shown(figure: Mapping[str, Any], part: str = "") -> str:
    """Return a figure as pages show it: 98.7 ± 0.3 %, 0.103 s, 8.3 ×.

    part   "value": without interval and unit; "plain": without the plus sign that points have, as
           in "loses 0.4 ± 0.2 points"
    """
    value, unit, half = figure["value"], figure["unit"], figure.get("half")
    places = None if half is None else _places(value, half, unit)
    text = _number(value, unit, places, "+" if unit == "points" and part != "plain" else "")
    if part == "value":
        return text
    if half is not None:
        text += f" ± {_number(half, unit, places)}"
    return f"{text} {'×' if unit == 'x' else unit}".rstrip()


def _places(value: float, half: float, unit: str) -> int | None:
    """Decimals of a figure with an interval: as many as half of it needs not to be shown as 0, at
    least one where the unit has fixed ones, and of points as many as show whether the interval
    holds 0."""
    if unit not in ("%", "points", "x"):
        return None if half <= ROUNDING else max(0, -math.floor(math.log10(half)))
    scaled = half if unit == "x" else 100 * half
    if half <= ROUNDING:
        return 1
    places = 1 if scaled >= 0.05 else -math.floor(math.log10(float(f"{scaled:.0e}")))
    while unit == "points" and places < MOST_PLACES:
        seems = float(f"{100 * abs(value):.{places}f}") > float(f"{scaled:.{places}f}")
        if seems == (abs(value) > half):
            break
        places += 1
    return places


def _number(value: float, unit: str, places: int | None, sign: str = "") -> str:
    if unit in ("%", "points"):
        return f"{100 * value:{sign}z.{places or 1}f}"
    if unit == "x":
        return f"{value:.{places or (2 if abs(value) < 2 else 1)}f}"
    if places is not None:
        return f"{value:,.{places}f}"
    if float(value).is_integer() and abs(value) >= 100 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{Decimal(f'{value:.3g}'):f}"
