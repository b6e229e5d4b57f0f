"""Sensors that are no pictures: a row of units, such as an artificial cochlea, electrodes or other
neurons, whose events are (time, unit).

In memory these are events (dtype EVENT) in one row: x is the unit, y and p say nothing. A sensor of
one number, (700,), is a row of so many units, and samples are counts (T, units).
"""

from collections.abc import Sequence


def is_row(sensor: Sequence[int] | None) -> bool:
    """Whether a sensor is a row of units, (n,), and no picture's rows and columns."""
    return sensor is not None and len(sensor) == 1


def as_picture(sensor: Sequence[int]) -> tuple[int, int]:
    """Rows and columns, of a row of units (1, n). ValueError where it is neither."""
    if len(sensor) not in (1, 2) or min(sensor) < 1:
        found = ",".join(map(str, sensor))
        raise ValueError(
            f"sensor is {found}; expected rows and columns, such as 128,128, or the number of units"
        )
    return (1, int(sensor[0])) if is_row(sensor) else (int(sensor[0]), int(sensor[1]))


def in_words(sensor: Sequence[int]) -> str:
    """ "128 x 96 pixels", or "700 units"."""
    rows, columns = as_picture(sensor)
    one = f"{columns} unit{'s' * (columns != 1)}"
    return one if is_row(sensor) else f"{columns} x {rows} pixels"


def check_row(sensor: Sequence[int] | None) -> None:
    """ValueError where a sensor that recorded units has rows and columns."""
    if sensor is not None and not is_row(sensor):
        raise ValueError(
            "holds times of units; expected their number, such as --sensor 700 (in Python "
            f"sensor=700), not {in_words(sensor)}"
        )
