"""Calls of a student's function beside the same calls of the course's solution: those that the
check made, and others like them, so that nothing fits by chance."""

import contextlib
import copy
import dataclasses
import time
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """Arguments, the arrays of the student's answer, and those of the right one."""

    arguments: tuple
    found: list
    wanted: list


def parts(answer) -> list[np.ndarray]:
    """The arrays of an answer, out of its tuples and lists. Raises ValueError where it holds
    something else."""
    if isinstance(answer, tuple) or (
        isinstance(answer, list) and any(isinstance(one, tuple) for one in answer)
    ):
        return [one for part in answer for one in parts(part)]
    array = np.asarray(answer)
    if array.dtype == object and all(isinstance(one, int) for one in array.flat):
        array = array.astype(float)  # whole numbers beyond 64 bits
    if array.dtype.kind not in "buif":
        raise ValueError("no numbers")
    return [array.astype(float)]


def like(one, rng):
    """An argument of the same kind and shape, with other numbers where they are real."""
    if isinstance(one, float):
        if one == 0:
            return 0.3 * rng.random()
        return one * (0.6 + 0.35 * rng.random()) if 0 < one < 1 else one * (1 + 0.3 * rng.random())
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        if np.isin(one, (0.0, 1.0)).all():
            return np.where(rng.random(one.shape) < 0.3, 1 - one, one)
        return one * (1 + 0.3 * rng.standard_normal(one.shape))
    if isinstance(one, np.ndarray) and one.dtype.kind in "iu" and one.size > 3:
        if (np.diff(one.ravel().astype(float)) >= 0).all():
            return one  # times, which stay in order
        return rng.permutation(one.ravel()).reshape(one.shape)
    if isinstance(one, list) and len(one) > 3 and all(isinstance(part, int) for part in one):
        return [one[k] for k in rng.permutation(len(one))]
    if isinstance(one, tuple | list):
        made = [like(part, rng) for part in one]
        return type(one)(*made) if hasattr(one, "_fields") else type(one)(made)
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        real = [f.name for f in dataclasses.fields(one) if isinstance(getattr(one, f.name), float)]
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            return dataclasses.replace(one, **{n: _constant(getattr(one, n), rng) for n in real})
    return one


def _constant(value: float, rng) -> float:
    """Another constant of a neuron: a decay stays one, and a threshold of 0 becomes another."""
    if 0 < value < 1:
        return 0.3 + 0.6 * rng.random()
    return value * (1 + 0.5 * rng.random()) + (value == 0) * 0.2 * rng.random()


def cases(right, calls, seconds: float, more: int = 4) -> list[Case]:
    """The calls (exercise, function, arguments, answer) that were noted, and a few like the last,
    until the time is spent; those in which the answer is wrong stand first."""
    end, rng, made = time.process_time() + seconds, np.random.default_rng(0), []
    arguments = [call[2] for call in calls[::-1]]
    arguments[1:1] = [[like(one, rng) for one in calls[-1][2]] for _ in range(more)]
    for given in arguments:
        if time.process_time() > end and made:
            break
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            wanted, found = (parts(f(*copy.deepcopy(list(given)))) for f in (right, calls[-1][1]))
            if len(found) == len(wanted):
                made.append(Case(tuple(given), found, wanted))
    wrong = lambda case: all(map(np.array_equal, case.found, case.wanted))
    return sorted(made, key=wrong)
