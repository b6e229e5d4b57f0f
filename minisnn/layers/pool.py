"""Pooling of the membrane and the spike that a layer hands on.

    v = max or mean of u over 2 x 2 windows (odd rests dropped), or u itself        y = spike(v)
    y = mean of spike(u) over these windows, where "spikes" are pooled

Max-pooling the membrane is max-pooling the spikes; ties go to the first site in row-major order. A
recorded choice may be given, so that a twin pools the same sites. Shapes: u (B, n, H, W, C) -> y
(B, n, H//2, W//2, C).
"""

import numpy as np

from . import surrogate


# of the spike
ORDER = {
    "max": ("max", "none"),
    "mean": ("mean", "none"),
    "none": ("none", "none"),
    "spikes": ("none", "mean"),
}


def _windows(u):
    """(B, n, H, W, C) -> (B, n, H//2, W//2, 4, C), the four sites of each window in row-major
    order."""
    B, n, H, W, C = u.shape
    w = u[:, :, : H // 2 * 2, : W // 2 * 2].reshape(B, n, H // 2, 2, W // 2, 2, C)
    return w.transpose(0, 1, 2, 4, 3, 5, 6).reshape(B, n, H // 2, W // 2, 4, C)


def choose(u: np.ndarray) -> np.ndarray:
    """Index 0..3 of the largest membrane of each window, the first among equals, (B, n, H//2, W//2,
    C)."""
    return np.argmax(_windows(u), axis=4)


def gather(u, pool, choice):
    """v, the pooled membrane; linear in u at a given choice."""
    if pool == "none":
        return u
    if pool == "mean":
        return _windows(u).mean(4)
    return np.take_along_axis(_windows(u), choice[..., None, :], 4)[..., 0, :]


def scatter(dv, pool, choice, shape):
    """Adjoint of `gather`: du of the given shape (H, W), zero at the sites that were not chosen and
    at odd rests."""
    if pool == "none":
        return dv
    B, n, h, w, C = dv.shape
    if pool == "mean":
        windows = np.repeat(dv[..., None, :] / 4, 4, 4)
    else:
        windows = np.zeros((B, n, h, w, 4, C), dv.dtype)
        np.put_along_axis(windows, choice[..., None, :], dv[..., None, :], 4)
    du = np.zeros((B, n) + shape + (C,), dv.dtype)
    du[:, :, : 2 * h, : 2 * w] = (
        windows.reshape(B, n, h, w, 2, 2, C)
        .transpose(0, 1, 2, 4, 3, 5, 6)
        .reshape(B, n, 2 * h, 2 * w, C)
    )
    return du


def forward(u: np.ndarray, pool: str, neuron, form="hard", u0=None):
    """y; `u0` is the recorded membrane of a twin, whose choice of sites is kept."""
    choice = choose(u if u0 is None else u0) if pool == "max" else None
    (before, after) = ORDER[pool]
    a = gather(u, before, choice) - neuron.threshold
    a0 = None if u0 is None else gather(u0, before, choice) - neuron.threshold
    y = gather(surrogate.value(form, a, a0, neuron.spike), after, None)
    return y, {"a": a, "a0": a0, "form": form, "choice": choice, "shape": u.shape[2:4]}


def _jet(function, tape, steps, neuron):
    a0 = tape["a0"]
    return function(
        tape["form"], tape["a"][:, :steps], None if a0 is None else a0[:, :steps], neuron.spike
    )


def _choice(tape, steps):
    return None if tape["choice"] is None else tape["choice"][:, :steps]


def backward(tape, dy, pool: str, neuron):
    """du (B, m, H, W, C) from dy (B, m, H//2, W//2, C)."""
    m, (before, after) = dy.shape[1], ORDER[pool]
    dv = scatter(dy, after, None, tape["shape"]) * _jet(surrogate.derivative, tape, m, neuron)
    return scatter(dv, before, _choice(tape, m), tape["shape"])


def forward_tangent(tape, u_dot, pool: str, neuron):
    """y_dot along u_dot."""
    m, (before, after) = u_dot.shape[1], ORDER[pool]
    v_dot = gather(u_dot, before, _choice(tape, m))
    return gather(v_dot * _jet(surrogate.derivative, tape, m, neuron), after, None), {
        "v_dot": v_dot
    }


def backward_tangent(tape, tape_dot, dy, dy_dot, pool: str, neuron):
    """du_dot: `backward` differentiated along v_dot and dy_dot."""
    m, (before, after) = dy.shape[1], ORDER[pool]
    dy, dy_dot = (scatter(d, after, None, tape["shape"]) for d in (dy, dy_dot))
    dv_dot = (
        dy_dot * _jet(surrogate.derivative, tape, m, neuron)
        + dy * _jet(surrogate.curvature, tape, m, neuron) * tape_dot["v_dot"]
    )
    return scatter(dv_dot, before, _choice(tape, m), tape["shape"])
