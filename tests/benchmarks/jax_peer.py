"""The same network and meta-gradient in JAX: a scan over time, compiled as a whole, automatic
differentiation twice.

Written as a user of JAX would write it, to be timed beside minisnn and to agree with it. Needs jax
(CPU). LIF only.
"""

import jax
import jax.numpy as jnp
import numpy as np


def spike(a, slope):
    """Heaviside forward, 1 / (slope |a| + 1)^2 in its derivative: what a / (slope |a| + 1) has,
    which is not in the value. (A `custom_jvp` within a scan gives another Hessian than the same
    steps without one, jax 0.10.2.)"""
    smooth = a / (slope * jnp.abs(a) + 1)
    return smooth + jax.lax.stop_gradient((a >= 0) - smooth)


def parameters(net, theta: np.ndarray) -> list:
    """minisnn's flat theta as arrays of its own layout, (k, k, C_in, C_out), which is JAX's,
    too."""
    return [jnp.asarray(array) for array in net.views(theta).values()]


def flat(gradients) -> np.ndarray:
    return np.concatenate([np.asarray(g).ravel() for g in gradients])


def tensors(task, dtype=np.float32) -> dict:
    """A task with time in front."""
    images = {
        f"x_{n}": jnp.asarray(np.moveaxis(getattr(task, f"x_{n}"), 1, 0).astype(dtype))
        for n in ("support", "query")
    }
    return images | {f"y_{n}": jnp.asarray(getattr(task, f"y_{n}")) for n in ("support", "query")}


def _pool(u, kind):
    """2 x 2; of equal membranes the first counts, as in PyTorch."""
    u = u[:, : u.shape[1] // 2 * 2, : u.shape[2] // 2 * 2]
    corners = [u[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    if kind == "mean":
        return sum(corners) / 4
    larger = lambda a, b: jnp.where(a >= b, a, b)
    return larger(larger(corners[0], corners[1]), larger(corners[2], corners[3]))


def _convolved(x, w, products):
    """x (B, H, W, C_in) through w (k, k, C_in, C_out), by the framework's convolution or as one
    product of what the kernel sees at every site, (B, H, W, k k C_in) (Chellapilla et al. 2006)."""
    if not products:
        return jax.lax.conv_general_dilated(
            x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    k = len(w)
    (H, W) = x.shape[1:3]
    edge = (k // 2, k // 2)
    padded = jnp.pad(x, ((0, 0), edge, edge, (0, 0)))
    seen = jnp.concatenate(
        [padded[:, i : i + H, j : j + W] for i in range(k) for j in range(k)], -1
    )
    return seen @ w.reshape(-1, w.shape[-1])


def _step(net, weights, states, x, products):
    n = net.neuron
    new = []
    s = net.neuron.gain * x
    for layer, (w, b) in enumerate(zip(weights[::2], weights[1::2])):
        p, q, r = states[layer]
        if w.ndim == 4:
            u = _convolved(p, w, products) + b
        else:
            s = s.reshape(s.shape[0], -1)
            u = p @ w + b
        u = u - n.rho * r
        fired = spike(u - n.threshold, n.slope)
        new.append(
            (
                n.alpha * p + (1 - n.alpha) * q,
                n.beta * q + (1 - n.beta) * s,
                n.gamma * r + (1 - n.gamma) * fired,
            )
        )
        if w.ndim == 4:
            s = spike(_pool(u, net.pool) - n.threshold, n.slope)
    return new, u


def logits(net, weights, x, products=False):
    """The readout's membrane at the last step; only the last `window` steps are differentiated."""
    B = x.shape[1]
    states = []
    for b in net.blocks:
        before = (B, *b.input_shape) if b.name != "readout" else (B, int(np.prod(b.input_shape)))
        after = (B, *b.input_shape[:2], b.channels) if b.name != "readout" else (B, b.channels)
        states.append(
            (jnp.zeros(before, x.dtype), jnp.zeros(before, x.dtype), jnp.zeros(after, x.dtype))
        )
    first = x.shape[0] - net.window
    fixed = [jax.lax.stop_gradient(w) for w in weights]
    states, _ = jax.lax.scan(
        lambda s, x_t: (_step(net, fixed, s, x_t, products)[0], None), states, x[:first]
    )
    _, u = jax.lax.scan(
        lambda s, x_t: _step(net, weights, s, x_t, products),
        jax.lax.stop_gradient(states),
        x[first:],
    )
    return u[-1]


def loss(net, weights, x, y, products=False):
    return -jnp.take_along_axis(
        jax.nn.log_softmax(logits(net, weights, x, products)), y[:, None], 1
    ).mean()


def compiled(net, order: int, step_size: float = 1.0, products: bool = False):
    """A function (weights, task of `tensors`) -> (query loss, gradients) of MAML (order 2) or
    FOMAML (order 1); `products`: convolutions as matrix products."""

    def after_a_step(weights, t):
        g = jax.grad(lambda w: loss(net, w, t["x_support"], t["y_support"], products))(weights)
        g = g if order == 2 else jax.lax.stop_gradient(g)
        return loss(
            net,
            [w - step_size * d for w, d in zip(weights, g)],
            t["x_query"],
            t["y_query"],
            products,
        )

    return jax.jit(jax.value_and_grad(after_a_step))


def inference(net, products: bool = False):
    """A function (weights, x) -> logits."""
    return jax.jit(lambda weights, x: logits(net, weights, x, products))
