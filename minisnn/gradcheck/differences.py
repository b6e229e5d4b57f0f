"""Finite differences, and how far a derivative lies from them.

    central difference    f'(x) d ~ (f(x + h d) - f(x - h d)) / 2h       error h^2 (truncation) + 1/h (rounding)
    Taylor remainder      f(x + h d) - f(x) - h f'(x) d = O(h^2)         falls by 100 where h falls by 10

The error against h is a V on logarithmic axes: the best of several step sizes is reported. Relative
error of arrays: max |difference| / max |reference|; of inner products: relative to the product of
the norms.
"""

import numpy as np

STEPS = (
    1e-3,
    1e-4,
    1e-2,
    1e-5,
    3e-4,
    3e-5,
    3e-3,
    3e-2,
    1e-6,
    1e-1,
)  # tried in this order, in the jet form
SMOOTH_STEPS = (1e-5, 1e-4, 1e-6, 3e-5, 3e-6, 3e-7, 1e-7)  # the kink of sigma' asks for short ones
TAYLOR_STEPS = tuple(10.0 ** (-k / 2) for k in range(1, 14))  # from 0.3, in half decades
SMOOTH_TAYLOR_STEPS = tuple(10.0 ** (-4 - k / 2) for k in range(8))  # from 1e-4


def inner(a, b) -> float:
    """<a, b>, summed over pairs where both are sequences of arrays; None counts as zero."""
    if isinstance(a, np.ndarray):
        return float(np.vdot(a, b))
    return sum(float(np.vdot(x, y)) for x, y in zip(a, b) if x is not None and y is not None)


def norm(a) -> float:
    """Euclidean norm of an array or of a sequence of arrays."""
    return float(np.sqrt(inner(a, a)))


def relative(found, reference, floor: float = 0.0) -> float:
    """max |found - reference| / max |reference| (at least `floor`); 0 where both vanish."""
    found = np.asarray(found)
    reference = np.asarray(reference)
    if found.shape != reference.shape:
        return np.inf
    if found.size == 0:
        return 0.0
    difference = float(np.abs(found - reference).max())
    scale = max(float(np.abs(reference).max()), floor)
    return 0.0 if difference == 0 else difference / scale if scale > 0 else np.inf


# Far from its record the jet form grows like a polynomial of high degree: a step may be too long
# for floating point.
@np.errstate(over="ignore", invalid="ignore")
def best(error_of, steps, enough: float) -> tuple[float, float]:
    """(smallest error, its step size) of error_of(h) over the steps; ends early once an error is at
    most `enough`."""
    found, at = np.inf, steps[0]
    for h in steps:
        error = error_of(h)
        if error < found:
            found = float(error)
            at = h
        if found <= enough:
            break
    return found, at


@np.errstate(over="ignore", invalid="ignore")
def taylor_slope(remainder_of, steps, noise: float, enough: float) -> tuple[float, float, float]:
    """(slope, deviation from 2, largest step) over the two decades of half-decade steps that come
    closest to slope 2.

    Remainders below 30 times `noise`, what rounding leaves, are not used. The deviation is the
    larger of the two decades'; the search ends once it is at most `enough`. Where every remainder
    is noise the function is linear along the direction: slope 2, deviation 0.
    """
    e: list[float] = []
    slope, deviation, at = 0.0, np.inf, steps[0]
    for k, h in enumerate(steps):
        e.append(remainder_of(h))
        if k < 4 or min(e[-5:]) <= 30 * noise:
            continue
        decades = np.log10(e[-5] / e[-3]), np.log10(e[-3] / e[-1])
        off = float(max(abs(s - 2) for s in decades))
        if off < deviation:
            slope = float(np.mean(decades))
            deviation = off
            at = steps[k - 4]
        if deviation <= enough:
            break
    return (2.0, 0.0, steps[0]) if max(e) <= 30 * noise else (slope, deviation, at)
