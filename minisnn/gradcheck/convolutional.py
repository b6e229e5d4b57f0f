"""The layers of a convolutional network as units: convolution, pooling and softplus of every block, then whole blocks.

The passes under test carry their sums out as the network's backend does; those that are differenced are the reference's,
and keep the sites that pooling chose.
"""

import numpy as np

from ..layers import activation, convolution, frames, pool
from ..layers.convolution import Weight
from .report import BLOCK
from .unit import Unit


def units(net, theta, x) -> tuple[np.ndarray, list[Unit]]:
    """(logits, units): convolution, pooling and softplus of every block; then the blocks as the network runs them."""
    engine, found, blocks = net.engine(), [], []
    x = engine.enter(net._input(x), net.gain, net.dtype)
    for n, (b, weight, bias) in enumerate(net.parameters(theta)):
        x = net.fit(b, x)
        y, tape = engine.forward(b, engine.prepare(weight), bias, x)
        found.append(_convolution(b, engine, weight, bias, x))
        if b.pool == "max":
            found.append(_pool(b, tape["u"], tape["choice"]))
        if not b.readout:
            found.append(_softplus(b, pool.gather(tape["u"], b.pool, tape["choice"])))
        blocks.append(_block(b, engine, weight, bias, x, y, tape, first=n == 0))
        x = y
    return x, found + blocks


def _convolution(b, engine, weight, bias, x) -> Unit:
    ready = engine.prepare(weight)
    y, tape = convolution.forward(ready, bias, x)

    def run(z):
        return convolution.forward(Weight(z[0]), *z[1:])

    def order(dx, dweight, dbias):
        return dweight, dbias, dx

    return Unit(
        b.name,
        "convolution",
        ("weight", "bias", "x"),
        (weight, bias, x),
        y,
        lambda z: run(z)[0],
        lambda z, dy: order(*convolution.backward(Weight(z[0]), run(z)[1], dy)),
        lambda z_dot: convolution.forward_tangent(ready, engine.prepare(z_dot[0]), z_dot[1], tape, z_dot[2]),
        lambda dy: order(*convolution.backward(ready, tape, dy)),
        lambda z_dot, tape_dot, dy_dot: order(
            *convolution.backward_tangent(ready, engine.prepare(z_dot[0]), tape, tape_dot, dy_dot)
        ),
    )


def _pool(b, u, choice) -> Unit:
    """Linear at the choice of sites: `gather` is also its own tangent, `scatter` also that of its adjoint."""
    (B, n, H, W, C), shape = u.shape, u.shape[2:4]
    largest = u[:, :, : H // 2 * 2, : W // 2 * 2].reshape(B, n, H // 2, 2, W // 2, 2, C).max((3, 5))

    def gather(z):
        return pool.gather(z[0], b.pool, choice)

    def scatter(dy):
        return (pool.scatter(dy, b.pool, choice, shape),)

    return Unit(
        b.name,
        "pool",
        ("u",),
        (u,),
        largest,
        gather,
        lambda z, dy: scatter(dy),
        lambda z_dot: (gather(z_dot), None),
        scatter,
        lambda z_dot, tape_dot, dy_dot: scatter(dy_dot),
    )


def _softplus(b, v) -> Unit:
    (y, tape), seen = activation.forward(v), {}

    def backward(dy):
        seen["dy"] = dy
        return (activation.backward(tape, dy),)

    return Unit(
        b.name,
        "softplus",
        ("u",),
        (v,),
        y,
        lambda z: np.logaddexp(0, z[0]),
        lambda z, dy: (activation.backward(activation.forward(z[0])[1], dy),),
        lambda z_dot: activation.forward_tangent(tape, z_dot[0]),
        backward,
        lambda z_dot, tape_dot, dy_dot: (activation.backward_tangent(tape, tape_dot, seen["dy"], dy_dot),),
    )


def _block(b, engine, weight, bias, x, y, tape, first) -> Unit:
    """A block as the network calls it; the first one sees data, which has no tangent."""
    ready, frozen = engine.prepare(weight), {"choice": tape.get("choice")}

    def run(z):
        return frames.forward(b, Weight(z[0]), z[1], x if first else z[2], frozen=frozen)

    def order(dx, dweight, dbias):
        return (dweight, dbias) if first else (dweight, dbias, dx)

    def forward_tangent(z_dot):
        return engine.forward_tangent(b, ready, engine.prepare(z_dot[0]), z_dot[1], tape, None if first else z_dot[2])

    return Unit(
        b.name,
        "block",
        ("weight", "bias") if first else ("weight", "bias", "x"),
        (weight, bias) if first else (weight, bias, x),
        y,
        lambda z: run(z)[0],
        lambda z, dy: order(*frames.backward(b, Weight(z[0]), run(z)[1], dy, not first)),
        forward_tangent,
        lambda dy: order(*engine.backward(b, ready, tape, dy, not first)),
        lambda z_dot, tape_dot, dy_dot: order(
            *engine.backward_tangent(b, ready, engine.prepare(z_dot[0]), tape, tape_dot, dy_dot, not first)
        ),
        BLOCK,
    )
