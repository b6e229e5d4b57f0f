"""Lesson 4: convolution three ways."""
import numpy as np

from minisnn.layers import synapse

from . import answer, right, same, wrong


def _case(seed, shape, k, O, values=False):
    rng = np.random.default_rng(seed)
    x = (rng.random(shape) < 0.3) * (rng.integers(1, 4, shape) if values else 1.0)
    return x, rng.standard_normal((k, k, shape[2], O))


CASES = ((0, (5, 7, 2), 3, 4, False), (1, (6, 4, 3), 5, 2, True))


def _mistakes(x, w):
    k = len(w)
    one_end = np.pad(x, [(0, k - 1), (0, k - 1), (0, 0)])
    H, W, _ = x.shape
    ends = sum(one_end[i:i + H, j:j + W] @ w[i, j] for i in range(k) for j in range(k))
    wrapped = sum(np.roll(x, (k // 2 - i, k // 2 - j), (0, 1)) @ w[i, j] for i in range(k) for j in range(k))
    return ends, wrapped


def by_strides(function):
    """4.1: k * k shifted matrix products."""
    for case in CASES:
        x, w = _case(*case)
        ends, wrapped = _mistakes(x, w)
        same("4.1", "V", answer("4.1", function, x, w), synapse.correlate(x, w), (
            (synapse.correlate(x, w[::-1, ::-1]), "your kernel is mirrored: the place i, j of the kernel goes with the slice "
                                                  "that begins at i, j"),
            (ends, "pad by k // 2 sites all around; yours pads at one end only"),
            (wrapped, "outside of the picture there is nothing; yours wraps around to the far side")))
    right("4.1", "Equal to the definition, at the speed of matrix products.")


def by_events(function):
    """4.2: spike by spike."""
    for case in CASES:
        x, w = _case(*case)
        same("4.2", "V", answer("4.2", function, x, w), synapse.correlate(x, w), (
            (synapse.correlate(x, w[::-1, ::-1]), "the minus: a spike at y reaches the row h = y - i + m, not y + i - m"),
            (_mistakes(x, w)[1], "a spike near the border appears on the far side of the picture: leave out h and v that are "
                                 "not inside"),
            (synapse.correlate(np.sign(x), w), "an entry of x need not be 1, as events are counted: add its value times the "
                                               "weights")))
    right("4.2", "Nothing is done where nothing happens.")


def reach(function):
    """4.3: the part of the kernel that stays inside."""
    for H, k in ((8, 5), (3, 7), (4, 1)):
        for y in range(H):
            first, end = (int(n) for n in answer("4.3", function, y, H, k, returns=2))
            inside = [i for i in range(k) if 0 <= y - i + k // 2 < H]
            case = f"for y = {y}, H = {H}, k = {k}"
            if first < 0 or end > k:
                raise wrong("4.3", f"{case} yours goes from {first} to {end - 1}, but the kernel has the places 0 .. k - 1")
            if list(range(first, end)) == inside[:-1]:
                raise wrong("4.3", f"{case} one place too few: range(first, end) stops before its end")
            if list(range(first, end)) != inside:
                raise wrong("4.3", f"{case} the places inside are {inside[0]} to {inside[-1]}; yours are {first} to {end - 1}")
    right("4.3", "With such bounds the inner loop has no question to ask, and runs at full speed.")
