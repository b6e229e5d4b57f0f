"""Lesson 1: one leaky neuron."""

import numpy as np

import minisnn as ms

from . import answer, close, kept, many, right, same, wrong


def _trace(x, keep, take):
    y = np.zeros(len(x))
    for t in range(len(x) - 1):
        y[t + 1] = keep * y[t] + take * x[t]
    return y


@kept("1.1")
def trace(function):
    """1.1: a leaky memory."""
    for seed, decay in ((0, 0.9), (1, 0.3)):
        x = np.random.default_rng(seed).integers(0, 2, 12).astype(float)
        early = _trace(np.append(x, 0), decay, 1 - decay)[1:]
        same(
            "1.1",
            "y",
            answer("1.1", function, x, decay),
            _trace(x, decay, 1 - decay),
            (
                (
                    np.append(_trace(x, decay, 1 - decay)[:-1], 0),
                    "the last value is still 0: y[T-1] comes from x[T-2], so the loop has T - 1 "
                    "turns",
                ),
                (
                    early,
                    "your trace is one step too early: x[t] enters y[t+1], not y[t], and y[0] is 0",
                ),
                (
                    _trace(x, decay, 1),
                    "x[t] enters with the share 1 - decay; yours is added whole, and would grow to "
                    "1 / (1 - decay)",
                ),
                (
                    _trace(x, 1 - decay, decay),
                    "the memory keeps the share `decay` of itself and takes in 1 - decay of x; "
                    "yours has them exchanged",
                ),
            ),
        )
    counts = np.array([1, 0, 2, 0, 1, 1])
    found, expected = answer("1.1", function, counts, 0.8), _trace(counts, 0.8, 0.2)
    if not close(found, expected) and found.dtype.kind in "iu":
        raise wrong(
            "1.1",
            "spikes may be counted in whole numbers, and an array made like x then holds no "
            "fractions: np.zeros(x.shape) does",
        )
    same("1.1", "y of whole numbers", found, expected)
    many("1.1", function, [np.arange(9.0) % 2], 0.8)
    right("1.1", "A spike that is n steps older counts decay**n times as much.")


def response(function):
    """1.2: what one spike does to the membrane's trace."""
    one, t = np.eye(1, 30)[0], np.arange(1, 30)
    for alpha, beta in ((0.95, 0.9), (0.4, 0.8)):
        expected = _trace(_trace(one, beta, 1 - beta), alpha, 1 - alpha)[1:]
        found = answer("1.2", function, t, alpha, beta)
        bare = expected / ((1 - alpha) * (1 - beta))
        if found.shape == expected.shape:
            if close(found[1:], expected[:-1]):
                raise wrong(
                    "1.2",
                    "the spike arrives one step too late: p must differ from 0 at t = 2 already; "
                    "the sum has "
                    "t - 1 terms, so n = t - 1",
                )
            # a message's place is a time
            found, expected, bare = (np.append(0, one) for one in (found, expected, bare))
        same(
            "1.2",
            "p",
            found,
            expected,
            (
                (
                    np.append(0, np.append(expected[2:], found.ravel()[-1:])),
                    "the spike arrives one step too early: p first differs from 0 two steps late, "
                    "at t = 2; "
                    "the sum has t - 1 terms",
                ),
                (
                    bare * (1 - alpha),
                    "p has the factors of both 1 - alpha and 1 - beta; yours lacks 1 - beta",
                ),
                (
                    bare * (1 - beta),
                    "p has the factors of both 1 - alpha and 1 - beta; yours lacks 1 - alpha",
                ),
                (
                    (1 - alpha)
                    * (1 - beta)
                    * np.append(0, (alpha - beta) ** (np.arange(len(bare) - 1.0)) / (alpha - beta)),
                    "a**n - b**n is no power of a difference: raise first, subtract then",
                ),
                (
                    (1 - alpha) * (1 - beta) * np.append(0, np.arange(len(bare) - 1.0)),
                    "the powers: a spike fades by a factor in each step, alpha ** n, not by alpha "
                    "* n",
                ),
                (bare, "p has the factors of both 1 - alpha and 1 - beta; yours lacks them"),
                (
                    -expected,
                    "the sign: the sum is (alpha**n - beta**n) / (alpha - beta), with the same "
                    "order above and below",
                ),
            ),
        )
    right("1.2", "The effect of a spike rises, then falls.")


def _fire(p, w, b, lif, rho=None, share=None):
    u, r = np.zeros(len(p)), 0.0
    for t in range(len(p)):
        u[t] = w * p[t] + b - (lif.rho if rho is None else rho) * r
        r = lif.gamma * r + (1 - lif.gamma if share is None else share) * (u[t] >= lif.threshold)
    return u


@kept("1.3")
def fire(function):
    """1.3: membrane, spike and reset."""
    p = np.abs(np.random.default_rng(0).standard_normal(40)).cumsum() / 40
    for lif, w, b in ((ms.LIF(), 3.0, -0.5), (ms.LIF(gamma=0.8, rho=1.7, threshold=0.4), 2.0, 0.1)):
        u, s = answer("1.3", function, p, w, b, lif, returns=2)
        expected = _fire(p, w, b, lif)
        same(
            "1.3",
            "u",
            u,
            expected,
            (
                (expected >= lif.threshold, "these are the spikes: return u first, then s"),
                (
                    w * p + b,
                    "nothing pulls the membrane down after a spike: u[t] has the term -lif.rho * "
                    "r, and r takes in s[t] once that is known",
                ),
                (
                    _fire(p, w, b, lif, -lif.rho),
                    "the reset pushes the membrane up: its sign is minus",
                ),
                (
                    _fire(p, w, b, lif, 1.0),
                    "the reset has the strength lif.rho, which need not be 1",
                ),
                (
                    _fire(p, w, b, lif, share=1.0),
                    "a spike enters r with the share 1 - gamma; yours enters whole",
                ),
            ),
        )
        same(
            "1.3",
            "s",
            s,
            expected >= lif.threshold,
            ((expected >= 0, "the threshold is lif.threshold, which need not be 0"),),
        )
    u, s = answer("1.3", function, np.zeros(1), 1.0, 0.0, ms.LIF(), returns=2)
    if s[0] != 1:
        raise wrong(
            "1.3",
            "the neuron fires at the threshold itself too (u >= threshold); yours fires above it "
            "only",
        )
    many("1.3", function, [np.abs(np.sin(np.arange(20.0)))], 3.0, -0.5, ms.LIF(), returns=2)
    right("1.3", "A neuron that has fired is pulled down, and recovers.")


def by_decay(function):
    """1.4: how a trace answers another decay, against differences."""
    for seed, decay in ((0, 0.9), (1, 0.4)):
        x, h = np.random.default_rng(seed).integers(0, 2, 14).astype(float), 1e-6
        expected = (_trace(x, decay + h, 1 - decay - h) - _trace(x, decay - h, 1 - decay + h)) / (
            2 * h
        )
        y = _trace(x, decay, 1 - decay)
        fed, lost = _trace(y, decay, 1), _trace(x, decay, 1)
        same(
            "1.4",
            "dy",
            answer("1.4", function, x, decay),
            expected,
            (
                (
                    np.append(0, (y - x)[:-1]),
                    "the old dy moves with the decay too, and is kept: decay times dy[t] is "
                    "missing",
                ),
                (
                    -lost,
                    "decay y is a product: by the product rule y itself is added, beside decay "
                    "times dy",
                ),
                (
                    _trace(y, decay, 1) - _trace(x, decay, 1 - decay),
                    "the derivative of (1 - decay) x by the decay is -x, whole: the share 1 - "
                    "decay itself is gone",
                ),
                (fed, "(1 - decay) x has the decay in it too, and gives -x"),
                (fed + lost, "the sign: the derivative of (1 - decay) x by the decay is -x"),
                (-expected, "the sign: decay y gives +y, (1 - decay) x gives -x"),
                (
                    _trace(y - x, decay, 1 - decay),
                    "y[t] - x[t] enters whole: no share 1 - decay is taken of it",
                ),
                (_trace(y - x, 1.0, 1), "the old dy fades by the decay, like the trace itself"),
                (
                    np.append(expected[1:], expected[-1]),
                    "one step too early: y[t] and x[t] enter dy[t + 1]",
                ),
                (y, "this is the trace itself; asked for is its derivative by the decay"),
                *(
                    (
                        (_trace(x, decay + k, 1 - decay - k) - _trace(x, decay - b, 1 - decay + b))
                        / (k + b),
                        "a difference of two traces is off by its own step; asked for is the "
                        "derivative, which the lines of the trace give when they are differentiated",
                    )
                    for k, b in ((k, b) for k in (0.1, 0.01, 0.001, 1e-4) for b in (0, k))
                ),
            ),
            1e-7,
        )
    right("1.4", "You have differentiated a program: each line, in order.")
