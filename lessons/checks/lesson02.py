"""Lesson 2: the step that has no slope."""

import numpy as np

import minisnn as ms

from . import answer, close, kept, mine, number, right, same, surrogate, wrong

mine.prepare(__name__)

AWAY = np.array([-2.0, -0.4, -0.07, 0.03, 0.2, 1.5])  # from the kink at 0
SLOPES = (10.0, 3.0)


def sigma(function):
    """2.1: the primitive of the surrogate derivative."""
    for slope in SLOPES:
        start = answer("2.1", function, np.zeros(1), slope)
        if not close(np.ravel(start), np.zeros(1)):
            raise wrong(
                "2.1",
                f"sigma(0) must be 0, yours is {number('2.1', 'sigma(0)', start):.3g}; choose the "
                "constant of "
                "integration so that it is",
            )
        found, expected = answer("2.1", function, AWAY, slope), surrogate.sigma(AWAY, slope)
        same(
            "2.1",
            "sigma",
            found,
            expected,
            (
                (
                    np.abs(expected),
                    "sigma is odd, sigma(-a) = -sigma(a), for its slope is the same on both sides; "
                    "yours is even",
                ),
                (
                    AWAY / (1 + slope * AWAY),
                    "it holds for a >= 0; for negative a the denominator must have |a|",
                ),
                (
                    AWAY / (1 + slope * np.abs(AWAY)) ** 2,
                    "the integral of the power -2 has the power -1: the denominator stands without "
                    "a square",
                ),
                (
                    AWAY / (slope + np.abs(AWAY)),
                    "slope belongs to |a|: the denominator is 1 + slope |a|, so that the slope at "
                    "0 is 1",
                ),
                (
                    np.arctan(slope * AWAY) / slope,
                    "that has the slope 1 / (1 + (slope a)^2), another surrogate; integrate 1 / "
                    "(slope |a| + 1)^2",
                ),
                (expected * slope, "it is `slope` times too steep: its slope at 0 must be 1"),
                (
                    surrogate.sigma_prime(AWAY, slope),
                    "this is sigma' itself; asked for is the function whose derivative it is",
                ),
            ),
        )
    right("2.1", "A soft step, of height 2 / slope, with slope 1 at the threshold.")


def gradient(function):
    """2.2: the surrogate gradient of one spike."""
    for threshold, y in ((0.0, 1.0), (0.3, 0.0), (0.5, 1.0)):
        lif = ms.LIF(threshold=threshold, slope=4.0)
        at_threshold = (2.0, threshold - 1.0, 0.5)
        for w, b, p in ((1.3, -0.4, 0.7), (0.5, -0.6, 0.2), (2.0, 0.1, 0.6), at_threshold):
            u = w * p + b
            a = u - threshold
            s, slope = float(a >= 0), surrogate.sigma_prime(a, 4.0)
            slopes = answer("2.2", function, w, b, p, y, lif, returns=2)
            dw, db = (number("2.2", "each of dL/dw and dL/db", one) for one in slopes)
            found, expected = np.array([dw, db]), (s - y) * slope * np.array([p, 1.0])
            soft = (surrogate.sigma(a, 4.0) - y) * slope * np.array([p, 1.0])
            added = (
                (float(u + threshold >= 0) - y)
                * surrogate.sigma_prime(u + threshold, 4.0)
                * np.array([p, 1.0])
            )
            same(
                "2.2",
                "(dL/dw, dL/db)",
                found,
                expected,
                (
                    (
                        (float(a > 0) - y) * slope * np.array([p, 1.0]),
                        "the neuron fires at the threshold itself too, where a is 0: s is 1 for "
                        "a >= 0",
                    ),
                    (
                        soft,
                        "only the slope is borrowed; the spike itself is hard, s = 1 or 0, also in "
                        "s - y",
                    ),
                    (expected / [p, 1], "dL/dw is dL/du times p, for u = w p + b"),
                    (
                        expected / [p, 1] * [w, 1],
                        "dL/dw is dL/du times du/dw, and du/dw is p, for u = w p + b; yours takes "
                        "w",
                    ),
                    (expected[::-1], "the order: dL/dw comes first, then dL/db"),
                    (-expected, "the sign: L falls when s comes nearer to y, dL/ds = s - y"),
                    (
                        (s - y) * surrogate.sigma_prime(u, 4.0) * np.array([p, 1.0]),
                        "the slope is taken at a = u - threshold, the distance to the threshold; "
                        "yours takes it at u",
                    ),
                    (added, "the sign: a = w p + b minus the threshold; yours adds it"),
                    (
                        (s - y) * np.array([p, 1.0]),
                        "the slope of the spike, sigma_prime(a, lif.slope), is missing",
                    ),
                ),
            )
    right("2.2", "Where the spike is as it should be, nothing is left to learn: the gradient is 0.")


@kept("2.3")
def sigma_second(function):
    """2.3: the curvature."""
    for slope in SLOPES:
        found, expected = answer("2.3", function, AWAY, slope), surrogate.sigma_second(AWAY, slope)
        size = np.abs(expected)
        same(
            "2.3",
            "sigma_second",
            found,
            expected,
            (
                (
                    expected / slope,
                    "the factor `slope` is missing: the inner derivative of slope |a| + 1",
                ),
                (
                    -size,
                    "sigma' rises below the threshold and falls above it, so sigma'' changes its "
                    "sign at 0; yours does not",
                ),
                (
                    size,
                    "sigma' rises below the threshold and falls above it, so sigma'' changes its "
                    "sign at 0; yours does not",
                ),
                (
                    -expected,
                    "the sign: above the threshold sigma' falls, so sigma'' is negative there",
                ),
                (expected / 2, "the factor 2, from the power -2, is missing"),
                (
                    expected * (slope * np.abs(AWAY) + 1),
                    "the power: the derivative of (...)^-2 has (...)^-3",
                ),
            ),
        )
    at_kink = answer("2.3", function, np.zeros(1), 10.0)
    if not close(at_kink, np.zeros(1)):
        raise wrong("2.3", "at a = 0 it must be 0, the convention for the kink; np.sign(0) is 0")
    right("2.3", "At the threshold it jumps by 4 slope, from +2 slope to -2 slope.")


@kept("2.4")
def jet(function):
    """2.4: the parabola with the spike's 2-jet."""
    rng = np.random.default_rng(0)
    a0 = np.append(rng.uniform(0.05, 0.5, 8) * rng.choice([-1, 1], 8), 0.0)
    a, slope = a0 + rng.uniform(-0.1, 0.1, 9), 10.0
    d, first, second = a - a0, surrogate.sigma_prime(a0, slope), surrogate.sigma_second(a0, slope)
    expected = surrogate.step(a0) + first * d + 0.5 * second * d**2
    same(
        "2.4",
        "jet",
        answer("2.4", function, a, a0, slope),
        expected,
        (
            (
                expected + 0.5 * second * d**2,
                "the curvature comes with one half: the second derivative of d^2 / 2 is 1",
            ),
            (
                expected - 0.5 * second * d**2,
                "the curvature is missing: add sigma_second(a0) d^2 / 2",
            ),
            (
                expected - surrogate.step(a0) + surrogate.sigma(a0, slope),
                "the parabola goes through the spike's own value, step(a0); yours goes through the "
                "soft sigma(a0)",
            ),
            (
                expected - surrogate.step(a0) + surrogate.step(a),
                "the value is taken at a0, a constant; yours jumps with a",
            ),
            (
                expected - 0.5 * (second - surrogate.sigma_second(a, slope)) * d**2,
                "the curvature is a constant, taken at a0; yours changes with a",
            ),
            (
                expected - (first - surrogate.sigma_prime(a, slope)) * d,
                "the slope is a constant, taken at a0; yours changes with a",
            ),
            (
                surrogate.step(a0) + first * a + 0.5 * second * a**2,
                "the parabola lies around a0: its powers are those of d = a - a0, not of a",
            ),
            *(
                (
                    expected - part * power,
                    f"{name} is taken at a0, where the membrane was; yours at a - a0",
                )
                for part, power, name in (
                    (first - surrogate.sigma_prime(d, slope), d, "the slope"),
                    (second - surrogate.sigma_second(d, slope), d**2 / 2, "the curvature"),
                )
            ),
            (
                expected - (a0 == 0),
                "the spike's value is 1 at the threshold itself too, where a0 is 0",
            ),
            (
                expected - 2 * first * d,
                "the sign of d: it is a - a0, positive where a lies above a0",
            ),
            (
                surrogate.step(a0)
                + surrogate.sigma_prime(a, slope) * d
                + 0.5 * surrogate.sigma_second(a, slope) * d**2,
                "slope and curvature are constants, taken at a0; yours change with a",
            ),
        ),
    )
    right("2.4", "Smooth, and at a0 not to be told from the spike with its borrowed derivatives.")
