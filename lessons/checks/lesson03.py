"""Lesson 3: backward through time by hand."""

from dataclasses import replace

import numpy as np

import minisnn as ms

from . import paper, prepare, table, tested

prepare(__name__)

NEURONS = (ms.LIF(), ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0))
WAVES = [np.sin(np.arange(12.0)), np.cos(np.arange(12.0))]


@table(
    "3.1",
    "dI",
    "Blame for a spike comes back through the reset.",
    wide=(WAVES, (NEURONS[1],), False),
)
def membrane_backward():
    """Exercise 3.1: the membrane with its reset."""
    for seed, lif in enumerate(NEURONS):
        u, dy = np.random.default_rng(seed).standard_normal((2, 20)) * 0.3
        yield u, dy, lif


@table(
    "3.2",
    "dV",
    "The last two steps get nothing: a synapse delays by two steps, backward too.",
    wide=(WAVES[:1], (NEURONS[1],), False),
)
def filter_backward():
    """Exercise 3.2: the two traces."""
    for seed, lif in enumerate(NEURONS):
        yield np.random.default_rng(seed).standard_normal(20), lif


@table("3.3", "dw db", "One contribution for every occurrence.")
def neuron_backward():
    """Exercise 3.3: weight and bias."""
    for seed, lif in enumerate(NEURONS):
        rng = np.random.default_rng(seed)
        x = (rng.random(30) < 0.4).astype(float)
        yield x, rng.standard_normal(30) * 0.3, rng.standard_normal(30), lif


@table("3.4", "di", "The chip's neuron, and you derived it alone.", tolerance=1e-6)
def chip_backward():
    """Exercise 3.4: a neuron with a hard reset."""
    reached = replace(NEURONS[1], threshold=0.75)  # by the membrane of the first step, exactly
    for seed, lif in enumerate((*NEURONS[::-1], reached)):
        i, dy = np.random.default_rng(seed).standard_normal((2, 25)) * 2
        if lif is reached:
            i[0] = lif.threshold / (1 - lif.alpha)
        w, v = np.zeros(len(i)), 0.0
        for t in range(len(i)):
            w[t] = lif.alpha * v + (1 - lif.alpha) * i[t]
            v = w[t] * (w[t] < lif.threshold)
        yield w, dy, lif


def on_paper(lines):
    """Judge the adjoints of the chip's neuron of exercise 3.4, line by line."""
    draw = np.random.default_rng(34)
    i, v_old, dy, dv = draw.uniform(0.2, 1.5, (4, 3)) * draw.choice((-1, 1), (4, 3))
    paper.adjoints(
        lines,
        """
        w = alpha * v_old + (1 - alpha) * i
        s = spike(w - threshold)
        v = w * (1 - s)
        """,
        {"alpha": 0.8, "threshold": 0.3, "i": i, "v_old": v_old},
        {"w": ("dy", dy), "v": ("dv", dv)},
        {"s": "ds", "w": "dw", "v_old": "dv_old", "i": "di"},
    )


membrane_backward_tested = tested.judge("3.1t")
filter_backward_tested = tested.judge("3.2t")
