"""Lesson 7: the tangent pass."""

import numpy as np

import minisnn as ms

from . import paper, prepare, table, tested

prepare(__name__)

NEURONS = (ms.LIF(), ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0))
WAVES = [np.sin(np.arange(12.0) * k) for k in (1, 2, 3, 4)]


@table(
    "7.1",
    "u_dot",
    "The same lines, the same order, each with a dot.",
    wide=(WAVES[:2], (NEURONS[1],), False),
)
def membrane_tangent():
    """Exercise 7.1: the membrane's forward lines, dotted."""
    for seed, lif in enumerate(NEURONS):
        u, I_dot = np.random.default_rng(seed).standard_normal((2, 20)) * 0.3
        yield u, I_dot, lif


@table(
    "7.2",
    "dI_dot",
    "Both factors of a product move: here the second derivative of the spike comes in.",
    wide=(WAVES, (NEURONS[1],), False),
)
def membrane_backward_tangent():
    """Exercise 7.2: the membrane's backward lines, dotted."""
    for seed, lif in enumerate(NEURONS):
        yield *np.random.default_rng(seed).standard_normal((4, 20)) * 0.3, lif


def dots_on_paper(lines):
    """Judge the dotted lines of the membrane, exercise 7.1."""
    draw = np.random.default_rng(71)
    I, r, I_dot, r_dot = draw.uniform(0.2, 1.5, (4, 3)) * draw.choice((-1, 1), (4, 3))
    paper.tangents(
        lines,
        """
        u = I - rho * r
        s = spike(u - threshold)
        r_next = gamma * r + (1 - gamma) * s
        """,
        {"rho": 0.7, "gamma": 0.6, "threshold": 0.2, "I": I, "r": r},
        {"I": I_dot, "r": r_dot},
    )


def blame_on_paper(lines):
    """Judge the dotted lines of the membrane's blame, exercise 7.2."""
    draw = np.random.default_rng(72)
    one = draw.uniform(0.2, 1.5, (6, 3)) * draw.choice((-1, 1), (6, 3))
    paper.tangents(
        lines,
        """
        dI = dy + (1 - gamma) * sigma_prime(u - threshold) * dr_next
        dr = gamma * dr_next - rho * dI
        """,
        {"rho": 0.7, "gamma": 0.6, "threshold": 0.1, "u": one[0], "dy": one[1], "dr_next": one[2]},
        {"u": one[3], "dy": one[4], "dr_next": one[5]},
    )


membrane_backward_tangent_tested = tested.judge("7.2t")
