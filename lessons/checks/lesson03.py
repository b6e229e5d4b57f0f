"""Lesson 3: backward through time by hand."""

import numpy as np

import minisnn as ms
from minisnn.layers import surrogate

from . import answer, right, same

NEURONS = (ms.LIF(), ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0))


def _membrane(u, dy, lif, sign=1.0, share=None, rho=None, shift=0.0, order=-1, kappa=None, keep=None, above=False):
    dI, dr = np.zeros(len(u)), 0.0
    for t in range(len(u))[::order]:
        slope = surrogate.sigma_prime(u[t] - lif.threshold + shift, lif.slope if kappa is None else kappa)
        dI[t] = dy[t] * (slope if above else 1) + (1 - lif.gamma if share is None else share) * dr * slope
        dr = (lif.gamma if keep is None else keep) * dr - sign * (lif.rho if rho is None else rho) * dI[t]
    return dI


def membrane_backward(function):
    """3.1: the membrane with its reset."""
    for seed, lif in enumerate(NEURONS):
        u, dy = np.random.default_rng(seed).standard_normal((2, 20)) * 0.3
        expected = _membrane(u, dy, lif)
        same(
            "3.1",
            "dI",
            answer("3.1", function, u, dy, lif),
            expected,
            (
                (
                    dy,
                    "a membrane also changes its own future: a spike now pulls down what comes. "
                    "du has a second term, through ds",
                ),
                (
                    _membrane(u, dy, lif, order=1),
                    "walk from the last step to the first: what comes later hands blame to what was earlier",
                ),
                (_membrane(u, dy, lif, sign=-1.0), "the reset enters u with a minus, so du enters dr with a minus"),
                (
                    _membrane(u, dy, lif, kappa=0),
                    "ds enters du through the spike, so it is multiplied by sigma'(u - threshold); yours leaves that out",
                ),
                (
                    _membrane(u, dy, lif, above=True),
                    "dy is the adjoint of u, not of s: it enters du as it is, and only ds is multiplied by sigma'",
                ),
                (
                    _membrane(u, dy, lif, keep=1.0),
                    "r keeps the share gamma of itself, so dr of the step after enters dr with lif.gamma",
                ),
                (
                    _membrane(u, dy, lif, keep=0.0),
                    "r feeds two, u and the r of the next step: dr has the term gamma dr of the step after",
                ),
                (_membrane(u, dy, lif, kappa=1.0), "kappa is lif.slope: sigma_prime(u - threshold, lif.slope)"),
                (
                    _membrane(u, dy, lif, share=lif.gamma),
                    "s enters r with the share 1 - gamma, so dr enters ds with that share; yours takes gamma",
                ),
                (_membrane(u, dy, lif, share=1.0), "s enters r with the share 1 - gamma, so dr enters ds with that share"),
                (_membrane(u, dy, lif, rho=1.0), "du enters dr with the strength lif.rho, which need not be 1"),
                (_membrane(u, dy, lif, shift=lif.threshold), "the slope is taken at u - threshold; yours takes it at u"),
            ),
        )
    right("3.1", "Blame for a spike comes back through the reset.")


def _filter(dI, lif, order=-1, early=False, shares=(1, 1), enters=None):
    dV, dP, dQ = np.zeros(len(dI)), 0.0, 0.0
    for t in range(len(dI))[::order]:
        dV[t] = (1 - lif.beta if enters is None else enters) ** shares[1] * dQ
        new = dI[t] + lif.alpha * dP
        dQ, dP = lif.beta * dQ + (1 - lif.alpha) ** shares[0] * (new if early else dP), new
    return dV


def filter_backward(function):
    """3.2: the two traces."""
    for seed, lif in enumerate(NEURONS):
        dI = np.random.default_rng(seed).standard_normal(20)
        expected = _filter(dI, lif)
        same(
            "3.2",
            "dV",
            answer("3.2", function, dI, lif),
            expected,
            (
                (
                    _filter(dI, lif, early=True),
                    "your credit arrives one step too early: dQ of step t uses dP of step t + 1, but yours was renewed before",
                ),
                (_filter(dI, lif, 1), "the direction of time: go from the last step to the first, as credit goes to the past"),
                (_filter(dI, lif, shares=(0, 1)), "the share 1 - alpha, with which Q enters P, is missing"),
                (_filter(dI, lif, shares=(1, 0)), "the share 1 - beta, with which V enters Q, is missing"),
                (
                    _filter(dI, lif, enters=1 - lif.alpha),
                    "V enters Q with the share 1 - beta, so dV takes that share of dQ; yours takes 1 - alpha",
                ),
                (np.append(expected[1:], 0), "dV is shifted by a step: dV[t] takes dQ before the step renews it"),
                (np.append(0, expected[:-1]), "dV is shifted by a step: dV[t] takes dQ before the step renews it"),
            ),
        )
    right("3.2", "The last two steps get nothing: a synapse delays by two steps, backward too.")


def neuron_backward(function):
    """3.3: weight and bias."""
    for seed, lif in enumerate(NEURONS):
        rng = np.random.default_rng(seed)
        x, u, dy = (rng.random(30) < 0.4).astype(float), rng.standard_normal(30) * 0.3, rng.standard_normal(30)
        dw, db = answer("3.3", function, x, u, dy, lif, returns=2)
        dI = _membrane(u, dy, lif)
        dV = _filter(dI, lif)
        same(
            "3.3",
            "dw",
            dw,
            x @ dV,
            (
                (
                    x @ _filter(dy, lif),
                    "dy must go back through the reset first, then through the traces; yours skips the membrane",
                ),
                (x @ dI, "dI must go back through the traces first: w acts on x, and dw = sum of x[t] dV[t]"),
                (dV.sum(), "w occurs as w x[t]: the contribution of a step is x[t] dV[t], not dV[t]"),
            ),
        )
        same(
            "3.3",
            "db",
            db,
            dI.sum(),
            (
                (dV.sum(), "db: the bias is added behind the traces, so it meets dI and not dV"),
                (dI[-1], "b occurs at every step; db sums dI over all of them"),
                (dy.sum(), "db: dy must go back through the reset first"),
            ),
        )
    right("3.3", "One contribution for every occurrence.")
