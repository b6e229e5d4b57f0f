"""The layers of a spiking network as units: synapse, membrane and pooling by the reference, whole blocks by the backend."""

import numpy as np

from ..layers import block as reference
from ..layers import passive, pool
from ..layers.block import DYNAMICS
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
        synapse, membrane = DYNAMICS[type(b.neuron)]
        found.append(_synapse(synapse, b, weight, bias, tapes[n]))
        if membrane is not passive:
            found.append(_membrane(synapse, membrane, b, weight, bias, tapes[n]))
        if not b.readout:
            found.append(_pool(b, tapes[n]))
        blocks.append(_block(engine, b, weight, bias, tapes[n], own[n], net.window, first=n == 0))
    return logits, found + blocks


def _name(module) -> str:
    return module.__name__.rpartition(".")[2]


def _short(b, x):
    """The steps of x that reach a membrane of the window."""
    return x[:, : max(x.shape[1] - b.neuron.delay, 0)]


def _synapse(synapse, b, weight, bias, tape) -> Unit:
    x, n, neuron = tape["x"], tape["x"].shape[1], b.neuron
    start, point = tuple(tape[name] for name in synapse.STATES), (weight, bias, _short(b, x))

    def run(z):
        return synapse.forward(z[0], z[1], np.concatenate([z[2], x[:, z[2].shape[1] :]], 1), start, neuron)

    def order(dx, dweight, dbias):
        return dweight, dbias, dx

    return Unit(
        b.name,
        _name(synapse),
        ("weight", "bias", "x"),
        point,
        run(point)[0],
        lambda z: run(z)[0],
        lambda z, dy: order(*synapse.backward(z[0], run(z)[1], dy, neuron)),
        lambda z_dot: synapse.forward_tangent(weight, z_dot[0], z_dot[1], tape, z_dot[2], neuron, n),
        lambda dy: order(*synapse.backward(weight, tape, dy, neuron)),
        lambda z_dot, tape_dot, dy_dot: order(*synapse.backward_tangent(weight, z_dot[0], tape, tape_dot, dy_dot, neuron)),
    )


def _membrane(synapse, membrane, b, weight, bias, tape) -> Unit:
    current = synapse.forward(weight, bias, tape["x"], tuple(tape[name] for name in synapse.STATES), b.neuron)[0]
    hard, state, a0 = tape["membrane"], tape["state"], tape["u"] - b.neuron.threshold
    options = (b.neuron, b.detach_reset)

    def run(z):
        return membrane.forward(z[0], state, *options, "jet", a0)

    return Unit(
        b.name,
        _name(membrane),
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
    record, inputs = {name: tape[name] for name in reference.recorded(b)}, () if first else (_short(b, x),)

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
