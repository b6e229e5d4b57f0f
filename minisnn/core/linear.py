"""The linear maps of a layer, each with its adjoint: convolution, pooling, and filters over time.

Time is the first axis of a sequence; images are (..., H, W, C). A map that is linear in each of two
arguments, like a convolution in x and in its weight, is its own derivative in each (`dual`).
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..parallel.threads import multiplies
from .dual import Array, bilinear, linear, stack, total

# ---- convolution: cross-correlation of stride s with zero padding (k - 1) / 2, k odd
#
#     y[h, w] = sum_ij x[s h + i - pad, s w + j - pad] weight[i, j]
#
# x (..., H, W, C_in), weight (k, k, C_in, C_out), y (..., h, w, C_out) with h = ceil(H / s) and
# w = ceil(W / s). A dense layer is a convolution of a 1 x 1 image.

CHUNK = 1 << 19  # numbers in the patches of one product; more would not fit the processor's cache


def _chunks(images: int, numbers: int) -> Iterator[slice]:
    """Divide the images into slices so that the patches of one slice fit into the cache. `numbers`
    is the size of the patches of one image."""
    size = max(CHUNK // max(numbers, 1), 1)
    return (slice(start, start + size) for start in range(0, images, size))


def _seen(x: Array, k: int, s: int) -> Iterator[tuple[slice, Array]]:
    """Yield, for one slice of the images after another, the patches that the kernel covers at every
    site, as an array (images h w, k k C)."""
    H, W, C = x.shape[-3:]
    x = x.reshape(-1, H, W, C)
    if k == s == 1:
        yield slice(None), x.reshape(-1, C)
        return
    pad = k // 2
    padded = np.zeros((len(x), H + k - 1, W + k - 1, C), x.dtype)
    padded[:, pad : pad + H, pad : pad + W] = x
    seen = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (1, 2))[:, ::s, ::s]
    for some in _chunks(len(x), seen[:1].size):
        yield some, np.moveaxis(seen[some], 3, -1).reshape(-1, k * k * C)


@bilinear
@multiplies
def conv(x: Array, weight: Array, s: int = 1) -> Array:
    """Compute y = W x."""
    *lead, H, W, _ = x.shape
    k, C_out = len(weight), weight.shape[-1]
    h, w = -(-H // s), -(-W // s)
    y = np.empty((int(np.prod(lead)), h * w, C_out), x.dtype)
    for some, seen in _seen(x, k, s):
        np.matmul(seen, weight.reshape(-1, C_out), out=y[some].reshape(-1, C_out))
    return y.reshape(*lead, h, w, C_out)


@bilinear
@multiplies
def conv_input(dy: Array, weight: Array, s: int, size: tuple[int, int]) -> Array:
    """Compute dx = W^T dy for images of size (H, W): each kernel tap adds to the site that it
    read."""
    k, _, C_in, C_out = weight.shape
    *lead, h, w, _ = dy.shape
    H, W = size
    back = np.ascontiguousarray(weight.transpose(0, 1, 3, 2))
    if k == s == 1:
        return (dy.reshape(-1, C_out) @ back[0, 0]).reshape(*lead, H, W, C_in)
    dy = dy.reshape(-1, h, w, C_out)
    dx = np.zeros((len(dy), H + k - 1, W + k - 1, C_in), dy.dtype)
    for some in _chunks(len(dy), 2 * h * w * C_in):
        rows = dy[some].reshape(-1, C_out)
        for i, j in np.ndindex(k, k):
            tap = (rows @ back[i, j]).reshape(-1, h, w, C_in)
            dx[some, i : i + s * (h - 1) + 1 : s, j : j + s * (w - 1) + 1 : s] += tap
    pad = k // 2
    return dx[:, pad : pad + H, pad : pad + W].reshape(*lead, H, W, C_in)


@partial(bilinear, later=True)
@multiplies
def conv_weight(x: Array, dy: Array, k: int, s: int = 1) -> Array:
    """Compute dW[i, j] = sum x[s h + i - pad, s w + j - pad] dy[h, w], summed over every image."""
    *_, h, w, C_out = dy.shape
    dy = dy.reshape(-1, h * w, C_out)
    dW = np.zeros((k * k * x.shape[-1], C_out), x.dtype)
    for some, seen in _seen(x, k, s):
        dW += seen.T @ dy[some].reshape(-1, C_out)
    return dW.reshape(k, k, -1, C_out)


@linear
def at_steps(a: Array, steps: int, at: Sequence[int]) -> Array:
    """Return a sequence in which a[i] is at step at[i]; all other steps are zero."""
    sequence = np.zeros((steps, *a.shape[1:]), a.dtype)
    sequence[list(at)] = a
    return sequence


# ---- pooling of 2 x 2 sites; odd rests are dropped
#
#     v = sum_k share_k u_k       share 1 for the first among the largest, in row-major order; or 1/4
#
# Given which site is the largest, it is linear. The spike of the largest membrane is the largest
# spike. u (n, B, H, W, C), v (n, B, H // 2, W // 2, C); the four shares are arrays like v.
#
# To add a pooling, compute its shares here (constants: 1 at one site, 0 at the others), use them in
# `Layer.forward` next to `largest`, and add its name to `architecture.POOLS` and to the `pool` that
# `network.spiking` accepts. The fast engine needs it in `kernels.pooling`, too.

QUARTER = (0.25, 0.25, 0.25, 0.25)
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # row-major


def _sites(u: Array) -> list[Array]:
    """Return views of the four sites in each window."""
    H, W = u.shape[2:4]
    return [u[:, :, i : H // 2 * 2 : 2, j : W // 2 * 2 : 2] for i, j in CORNERS]


def largest(u: Array) -> tuple[Array, ...]:
    """Mark the largest site in each window; if several are equal, mark the first."""
    a, b, c, d = _sites(u)
    top = np.maximum(np.maximum(a, b), np.maximum(c, d))
    first, second, third = a == top, b == top, c == top
    later = ~first & ~second
    return first, second & ~first, third & later, later & ~third


@linear
def gather(u: Array, shares: Any) -> Array:
    """Compute the pooled membrane v. A site that is not chosen has no influence, even if a twin
    overflows there."""
    a, b, c, d = _sites(u)
    if shares is QUARTER:
        return 0.25 * (a + b + c + d)
    first, second, third, _ = shares
    return np.where(first, a, np.where(second, b, np.where(third, c, d)))


@linear
def scatter(dv: Array, shares: Any, size: tuple[int, int]) -> Array:
    """Compute du of size (H, W), the adjoint of `gather`. It is zero at sites that were not chosen,
    and in odd last rows and columns."""
    du = np.zeros((*dv.shape[:2], *size, dv.shape[-1]), dv.dtype)
    plain = shares is QUARTER or np.isfinite(dv).all()  # the product is faster
    for site, share in zip(_sites(du), shares):
        site[...] = share * dv if plain else np.where(share, dv, 0)
    return du


# ---- filters, a chain: each has a decay a and a state y; its input x is the state of the filter
# before it, taken before this step if the neuron delays, else after it
#
#     y' = a y + (1 - a) x = x + a (y - x)
#
# The last state is the presynaptic trace p (Stewart & Neftci 2022, Eq. 4). The adjoint of a decay at
# a step is that of y' times y - x. F is the list of the states.


def advance(F: Sequence, x: Any, decays: Sequence, delay: int) -> list:
    """Return the filters' state F after one step with the input x."""
    after = []
    for y, a in zip(F, decays):
        after.append(x + a * (y - x))
        x = y if delay else after[-1]
    return after


def advance_back(
    dF: Sequence, decays: Sequence, delay: int, step: tuple | None = None
) -> tuple[Any, list, list]:
    """Return (dx, dF before the step, adjoints of the decays), given dF, the adjoint of the result
    of `advance`. The adjoints of the decays are returned only if the step's record `step`, (F, x,
    result), is given."""
    before = []
    sums = []
    dx: Any = 0.0
    for n in reversed(range(len(decays))):
        a = decays[n]
        dy = dF[n] if delay else dF[n] + dx  # without delay, y' was the input of the next filter
        before.append(a * dy + dx if delay else a * dy)
        if step:
            F, x, after = step
            fed = [x, *(F if delay else after)][n]
            sums.append(total(dy * (F[n] - fed)))
        dx = (1 - a) * dy
    return dx, before[::-1], sums[::-1]


def traces(
    x: Any, F: Sequence, decays: Sequence, delay: int, steps: int, keep: bool = False
) -> tuple[Any, list, list]:
    """Return (p at each step, F at the end, steps), given x (m, B, ...) and F. The last `delay`
    steps of x do not reach p, and may be left out. With `keep`, the filters' steps are returned,
    which learned decays need."""
    if not decays:
        return x, [], []
    F = list(F)
    p = []
    kept = []
    for t in range(steps):
        x_t = x[t] if t < len(x) else 0.0
        after = advance(F, x_t, decays, delay)
        p.append((F if delay else after)[-1])
        if keep:
            kept.append((F, x_t, after))
        F = after
    return stack(p) if p else x[:0], F, kept


def traces_back(dp: Any, decays: Sequence, delay: int, steps: Sequence = ()) -> tuple[Any, list]:
    """Return (dx, adjoints of the decays), given dp (n, B, ...). dx has n - delay steps. The
    adjoints of the decays are returned only if `traces` kept its steps."""
    if not decays:
        return dp, []
    n = len(dp)
    dF: list = [0.0] * len(decays)
    dx = []
    sums: list = [0.0] * len(decays)
    for t in reversed(range(n)):
        if not delay:
            dF[-1] = dF[-1] + dp[t]
        dx_t, dF, more = advance_back(dF, decays, delay, steps[t] if steps else None)
        sums = [a + b for a, b in zip(sums, more)] if steps else sums
        dx.append(dx_t)
        if delay:
            dF[-1] = dF[-1] + dp[t]
    dx = dx[::-1][: max(n - delay, 0)]
    return stack(dx) if dx else dp[:0], sums
