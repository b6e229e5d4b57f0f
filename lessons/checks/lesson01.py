"""Lesson 1: one leaky neuron."""

import numpy as np

import minisnn as ms

from . import prepare, table

prepare(__name__)

SPIKES = np.arange(9.0) % 2
DRIVE = np.abs(np.sin(np.arange(20.0)))


@table(
    "1.1",
    "y",
    "A spike that is n steps older counts decay**n times as much.",
    wide=([SPIKES], (0.8,), True),
)
def trace():
    """Exercise 1.1: a leaky memory."""
    for seed, decay in ((0, 0.9), (1, 0.3)):
        yield np.random.default_rng(seed).integers(0, 2, 12).astype(float), decay
    yield np.array([1, 0, 2, 0, 1, 1]), 0.8  # counted in whole numbers


@table(
    "1.3",
    "u s",
    "A neuron that has fired is pulled down, and recovers.",
    wide=([DRIVE], (3.0, -0.5, ms.LIF()), True),
)
def fire():
    """Exercise 1.3: membrane, spike and reset."""
    p = np.abs(np.random.default_rng(0).standard_normal(40)).cumsum() / 40
    yield p, 3.0, -0.5, ms.LIF()
    yield p, 2.0, 0.1, ms.LIF(gamma=0.8, rho=1.7, threshold=0.4)
    yield np.zeros(1), 1.0, 0.0, ms.LIF()  # at the threshold itself
