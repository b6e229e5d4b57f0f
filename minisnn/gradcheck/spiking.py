"""The layers of a spiking network as units: synapse, membrane and pooling by the reference, whole blocks by the backend."""

import numpy as np

from ..layers import block as reference
from ..layers import membrane, pool, synapse
from .report import BLOCK
from .unit import Unit


def units(net, theta, x) -> tuple[np.ndarray, list[Unit]]:
    """(logits, units): synapse, membrane, pooling of every block; then the blocks as the backend runs them."""
    engine, x = net.engine(), net._input(x)

    def forward(engine):
        return net._forward(engine, net.parameters(theta, engine), x, "hard", None, reference.EVERY_STEP)

    logits, tapes = forward(reference)
    own = tapes if engine is reference else forward(engine)[1]
    found, blocks = [], []
    for n, (b, weight, bias) in enumerate(net.parameters(theta)):
        found += [_synapse(b, weight, bias, tapes[n]), _membrane(b, weight, bias, tapes[n])]
        if not b.readout:
            found.append(_pool(b, tapes[n]))
        blocks.append(_block(engine, b, weight, bias, tapes[n], own[n], net.window, first=n == 0))
    return logits, found + blocks


def _synapse(b, weight, bias, tape) -> Unit:
    x, start, n, neuron = tape["x"], (tape["p"], tape["q"]), tape["x"].shape[1], b.neuron
    short = x[:, : max(n - 2, 0)]

    def run(z):
        return synapse.forward(z[0], z[1], np.concatenate([z[2], x[:, z[2].shape[1] :]], 1), start, neuron)

    def adjoint(z, dy):
        dx, dweight, dbias = synapse.backward(z[0], run(z)[1], dy, neuron)
        return dweight, dbias, dx

    def backward(dy):
        dx, dweight, dbias = synapse.backward(weight, tape, dy, neuron)
        return dweight, dbias, dx

    def backward_tangent(z_dot, tape_dot, dy_dot):
        dx_dot, dweight_dot, dbias_dot = synapse.backward_tangent(weight, z_dot[0], tape, tape_dot, dy_dot, neuron)
        return dweight_dot, dbias_dot, dx_dot

    return Unit(
        b.name,
        "synapse",
        ("weight", "bias", "x"),
        (weight, bias, short),
        run((weight, bias, short))[0],
        lambda z: run(z)[0],
        adjoint,
        lambda z_dot: synapse.forward_tangent(weight, z_dot[0], z_dot[1], tape, z_dot[2], neuron, n),
        backward,
        backward_tangent,
    )


def _membrane(b, weight, bias, tape) -> Unit:
    current = synapse.forward(weight, bias, tape["x"], (tape["p"], tape["q"]), b.neuron)[0]
    hard, r, a0 = tape["membrane"], tape["r"], tape["u"] - b.neuron.threshold
    options = (b.neuron, b.detach_reset)

    def run(z):
        return membrane.forward(z[0], r, *options, "jet", a0)

    return Unit(
        b.name,
        "membrane",
        ("I",),
        (current,),
        tape["u"],
        lambda z: run(z)[0],
        lambda z, dy: (membrane.backward(run(z)[1], dy, *options),),
        lambda z_dot: membrane.forward_tangent(hard, z_dot[0], *options),
        lambda dy: (membrane.backward(hard, dy, *options),),
        lambda z_dot, tape_dot, dy_dot: (membrane.backward_tangent(hard, tape_dot, dy_dot, *options),),
    )


def _pool(b, tape) -> Unit:
    u, hard, seen = tape["u"], tape["pool"], {}

    def run(z):
        return pool.forward(z[0], b.pool, b.neuron, "jet", u)

    def backward(dy):
        seen["dy"] = dy
        return (pool.backward(hard, dy, b.pool, b.neuron),)

    return Unit(
        b.name,
        "pool",
        ("u",),
        (u,),
        pool.forward(u, b.pool, b.neuron)[0],
        lambda z: run(z)[0],
        lambda z, dy: (pool.backward(run(z)[1], dy, b.pool, b.neuron),),
        lambda z_dot: pool.forward_tangent(hard, z_dot[0], b.pool, b.neuron),
        backward,
        lambda z_dot, tape_dot, dy_dot: (pool.backward_tangent(hard, tape_dot, seen["dy"], dy_dot, b.pool, b.neuron),),
    )


def _block(engine, b, weight, bias, tape, own, window, first) -> Unit:
    """A block as the network calls it; the first one sees data, which has no tangent."""
    x, n = tape["x"], tape["x"].shape[1]
    record = {"p": tape["p"], "q": tape["q"], "r": tape["r"], "u": tape["u"]}
    inputs = () if first else (x[:, : max(n - 2, 0)],)

    def run(z):
        moved = x if first else np.concatenate([z[2], x[:, z[2].shape[1] :]], 1)
        return reference.forward(b, z[0], z[1], moved, window, "jet", record)

    def order(dx, dweight, dbias):
        return (dweight, dbias) if first else (dweight, dbias, dx)

    def forward_tangent(z_dot):
        return engine.forward_tangent(b, weight, z_dot[0], z_dot[1], own, None if first else z_dot[2], n)

    u = own["u"].reshape(tape["u"].shape)
    y = u[:, -1, 0, 0] if b.readout else pool.forward(u, b.pool, b.neuron)[0]
    return Unit(
        b.name,
        "block",
        ("weight", "bias") if first else ("weight", "bias", "x"),
        (weight, bias, *inputs),
        y,
        lambda z: run(z)[0],
        lambda z, dy: order(*reference.backward(b, z[0], run(z)[1], dy, not first)),
        forward_tangent,
        lambda dy: order(*engine.backward(b, weight, own, dy, not first)),
        lambda z_dot, tape_dot, dy_dot: order(*engine.backward_tangent(b, weight, z_dot[0], own, tape_dot, dy_dot, not first)),
        BLOCK,
    )
