"""Lesson 4: convolution three ways."""

import numpy as np
from numba import njit
from numba.core.errors import NumbaError

from minisnn.core import linear

from . import Wrong, answer, differs, kept, mine, number, right, same, wrong

mine.prepare(__name__)


def _case(seed, shape, k, O, values=False):
    rng = np.random.default_rng(seed)
    x = (rng.random(shape) < 0.3) * (rng.integers(1, 4, shape) if values else 1.0)
    return x, rng.standard_normal((k, k, shape[2], O))


CASES = ((0, (5, 7, 2), 3, 4, False), (1, (6, 4, 3), 5, 2, True))


def _conv(x, w):
    return linear.conv(np.asarray(x, float), w)


def _mistakes(x, w):
    k = len(w)
    one_end = np.pad(x, [(0, k - 1), (0, k - 1), (0, 0)])
    H, W, _ = x.shape
    ends = sum(one_end[i : i + H, j : j + W] @ w[i, j] for i in range(k) for j in range(k))
    wrapped = sum(
        np.roll(x, (k // 2 - i, k // 2 - j), (0, 1)) @ w[i, j] for i in range(k) for j in range(k)
    )
    return ends, wrapped


def _events(x, w, low=(0, 0), add=True):
    """The sum, event by event; rows and columns from `low` on are let through, and negative ones
    wrap around."""
    (H, W, _), k = x.shape, len(w)
    V = np.zeros((H, W, w.shape[3]))
    for y, z, c in np.argwhere(x):
        for i, j in np.ndindex(k, k):
            h, v = y - i + k // 2, z - j + k // 2
            if low[0] <= h < H and low[1] <= v < W:
                V[h, v] = x[y, z, c] * w[i, j, c] + V[h, v] * add
    return V


def _framed(V, first, last):
    """V without what lies in the first, or the last, row and column."""
    held = np.zeros(V.shape)
    inside = slice(first, len(V) - last), slice(first, V.shape[1] - last)
    held[inside] = V[inside]
    return held


def _asked(exercise, function, x, w, kind, text, part=""):
    """`answer`, with `text` where the function stops with an error of this kind that has `part` in
    it."""
    try:
        return answer(exercise, function, x, w)
    except Wrong as error:
        if isinstance(error.__cause__, kind) and part in str(error):
            raise wrong(exercise, text) from error
        raise


@kept("4.1")
def by_strides(function):
    """4.1: k * k shifted matrix products."""
    for case in CASES:
        x, w = _case(*case)
        ends, wrapped = _mistakes(x, w)
        found = _asked(
            "4.1",
            function,
            x,
            w,
            ValueError,
            "the slices differ in size: pad x first by k // 2 sites all around, "
            "then cut H rows and W columns, padded[i:i + H, j:j + W]",
            "broadcast",
        )
        if found.shape == (len(x) - len(w) + 1, x.shape[1] - len(w) + 1, w.shape[3]):
            raise wrong(
                "4.1",
                "V must have as many rows and columns as x, yours has fewer: pad x first, by k // "
                "2 sites all around",
            )
        same(
            "4.1",
            "V",
            found,
            _conv(x, w),
            (
                (
                    _conv(x, w[::-1, ::-1]),
                    "your kernel is mirrored: the place i, j of the kernel goes with the slice "
                    "that begins at i, j",
                ),
                (
                    _conv(
                        x,
                        w
                        * (np.arange(len(w)) < len(w) - 1)[:, None, None, None]
                        * (np.arange(len(w)) < len(w) - 1)[:, None, None],
                    ),
                    "the last row and column of the kernel are left out: i and j run over all k "
                    "places",
                ),
                (
                    _conv(x, w * np.tri(len(w))[:, :, None, None]),
                    "i and j run over all k * k places, each by itself; yours leaves out those "
                    "with j > i",
                ),
                (ends, "pad by k // 2 sites all around; yours pads at one end only"),
                (
                    wrapped,
                    "outside of the picture there is nothing; yours wraps around to the far side",
                ),
            ),
        )
    right("4.1", "Equal to the definition, at the speed of matrix products.")


def by_events(function):
    """4.2: spike by spike."""
    for case in CASES:
        x, w = _case(*case)
        found = _asked(
            "4.2",
            function,
            x,
            w,
            IndexError,
            "you reach outside of the picture: h is a row, 0 <= h < H, and v is a column, 0 <= v < "
            "W",
        )
        same(
            "4.2",
            "V",
            found,
            _conv(x, w),
            (
                (
                    _conv(x, w[::-1, ::-1]),
                    "the minus: a spike at y reaches the row h = y - i + m, not y + i - m",
                ),
                (
                    _mistakes(x, w)[1],
                    "a spike near the border appears on the far side of the picture: leave out h "
                    "and v that are not inside",
                ),
                *(
                    (
                        _events(x, w, low),
                        "a negative index does not fail in NumPy, it counts from the end, and the "
                        "spike appears on "
                        "the far side: ask for 0 <= h and 0 <= v too",
                    )
                    for low in ((-len(x), -x.shape[1]), (0, -x.shape[1]), (-len(x), 0))
                ),
                *(
                    (
                        _conv(x, turned),
                        "the minus, in rows and columns: h = y - i + m and v = z - j + m",
                    )
                    for turned in (w[:, ::-1], w[::-1])
                ),
                *(
                    (
                        _framed(_conv(x, w), *sites),
                        "sites at the border belong to the picture: 0 <= h < H, 0 <= v < W",
                    )
                    for sites in ((1, 0), (0, 1), (1, 1))
                ),
                (
                    _conv(x, np.repeat(w[:, :, :1], w.shape[2], 2)),
                    "each channel c has weights of its own, w[i, j, c]; yours takes those of one "
                    "channel for all",
                ),
                (
                    _events(x, w, add=False),
                    "several spikes reach the same site, and their weights are added, +=; yours "
                    "are overwritten by the last",
                ),
                (
                    _conv(x, w.transpose(1, 0, 2, 3)),
                    "i belongs to the row and j to the column: h = y - i + m, v = z - j + m",
                ),
                (
                    _conv(np.sign(x), w),
                    "an entry of x need not be 1, as events are counted: add its value times the "
                    "weights",
                ),
            ),
        )
    x, w = _case(2, (4, 5, 2), 3, 2)
    x[1] -= x[2]  # what is not 0 may be negative, too
    expected = _conv(x, w)
    same(
        "4.2",
        "V",
        answer("4.2", function, x, w),
        expected,
        (
            (
                _conv(np.maximum(x, 0), w),
                "an entry that is negative is not 0 either, and counts with its sign",
            ),
            (
                _conv(np.abs(x), w),
                "an entry may be negative, and counts with its sign",
            ),
            (_conv((x != 0) * 1.0, w), "add the entry's value times the weights"),
        ),
    )
    right("4.2", "Nothing is done where nothing happens.")


def reach(function):
    """4.3: the part of the kernel that stays inside."""
    for H, k in ((8, 5), (3, 7), (4, 1)):
        for y in range(H):
            found = answer("4.3", function, y, H, k, returns=2)
            first, end = (int(number("4.3", "each end", n)) for n in found)
            inside = [i for i in range(k) if 0 <= y - i + k // 2 < H]
            case = f"for y = {y}, H = {H}, k = {k}"
            if first < 0 or end > k:
                raise wrong(
                    "4.3",
                    f"{case} yours goes from {first} to {end - 1}, but the kernel has the places 0 "
                    ".. k - 1",
                )
            if list(range(first, end)) == inside[:-1]:
                raise wrong(
                    "4.3", f"{case} one place too few: range(first, end) stops before its end"
                )
            if list(range(first, end)) != inside:
                raise differs(
                    "4.3",
                    f"{case} the places inside are {inside[0]} to {inside[-1]}; yours are {first} "
                    f"to {end - 1}",
                    given=False,
                )
    compiled = njit(function)

    @njit
    def places(y, H, k):
        return [i for i in range(*compiled(y, H, k))]

    try:
        places(0, 8, 5)
    except NumbaError as error:
        raise wrong(
            "4.3",
            "the places are right, but numba cannot compile your function, and the event loop "
            "below needs that: "
            "use plain arithmetic, min and max, and nothing of NumPy",
        ) from error
    right("4.3", "With such bounds the inner loop has no question to ask, and runs at full speed.")


def input_blame(function):
    """4.4: the adjoint by the input, against differences of the loops."""
    for seed, shape, k, O in ((3, (5, 6, 2), 3, 4), (4, (6, 5, 3), 5, 2)):
        rng = np.random.default_rng(seed)
        x, w, dV = (
            rng.standard_normal(shape),
            rng.standard_normal((k, k, shape[2], O)),
            rng.standard_normal((*shape[:2], O)),
        )
        found = answer("4.4", function, w, dV)
        loss = lambda x, w=w, dV=dV: (_conv(x, w) * dV).sum()
        expected, h = np.zeros(shape), 1e-4
        for place in np.ndindex(shape):
            e = np.zeros(shape)
            e[place] = h
            expected[place] = (loss(x + e) - loss(x - e)) / (2 * h)
        swapped = w.transpose(0, 1, 3, 2)
        if found.shape == dV.shape and O != shape[2]:
            raise wrong(
                "4.4",
                f"dx has the channels of x, {shape[2]}; yours has O = {O}: O comes in, C goes out",
            )
        turned = (
            "the kernel is turned over, in rows and columns: seen from the input, the outputs lie "
            "the other way round"
        )
        same(
            "4.4",
            "dx",
            found,
            expected,
            (
                (_conv(dV, swapped), turned),
                (_conv(dV, swapped[::-1]), turned),
                (_conv(dV, swapped[:, ::-1]), turned),
                (
                    _conv(dV, swapped[::-1, ::-1].transpose(1, 0, 2, 3)),
                    "rows and columns of the kernel are exchanged",
                ),
                (
                    _conv(dV[::-1, ::-1], swapped),
                    "turn the kernel over, not the picture of the adjoints",
                ),
                (-expected, "the sign: V grows with x by w"),
            ),
            1e-6,
        )
    right("4.4", "The way back is a convolution too, with the kernel turned over.")
