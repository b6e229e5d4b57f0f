"""The layers of a network as units: the parts of every block by the reference, then the blocks as
the network runs them."""

from types import SimpleNamespace

import numpy as np

from ..layers import activation, block, convolution, frames, membrane, pool, synapse
from ..network.loops import Loops
from .report import BLOCK, LAYER
from .unit import Unit


def units(net, theta, x) -> tuple[np.ndarray, list[Unit]]:
    """(logits, units). Parts of a spiking block are synapse, membrane and pooling, of another one
    convolution (with the sums of the network's backend), pooling and softplus. Twins are the
    reference's: jet forms, and the sites that pooling chose."""
    spikes = hasattr(net, "neuron")
    engine = net.engine()
    x = net._input(x)
    reference = block if spikes else frames

    def forward(engine):
        return Loops(net, engine, theta).forward(x, block.EVERY_STEP)

    logits, tapes = forward(block if spikes else engine)
    own = forward(engine)[1] if spikes else tapes
    found, blocks = [], []
    for n, (b, weight, bias) in enumerate(net.parameters(theta)):
        tape, seen = tapes[n], tapes[n]["x"]
        # steps that count
        point = {
            "weight": weight,
            "bias": bias,
            "x": seen[:, : max(seen.shape[1] - b.neuron.delay, 0)],
        }
        found += _spiking(b, point, tape) if spikes else _convolutional(b, engine, point, tape)
        u = own[n]["u"].reshape(tape["u"].shape)
        if b.readout:
            y = u[:, -1, 0, 0]
        elif spikes:
            y = pool.forward(u, b.pool, b.neuron)[0]
        else:
            y = activation.forward(pool.gather(u, b.pool, tape["choice"]))[0]
        record = {name: tape.get(name) for name in reference.recorded(b)}
        options = ("jet", record), (n > 0,), (seen.shape[1],)
        twin = SimpleNamespace(forward=reference.twin, backward=reference.backward)
        passes = (engine, engine.prepare), (twin, reference.prepare)
        # the first one sees data, which have no tangent
        point = point if n else {"weight": weight, "bias": bias}
        blocks.append(_weighted(b, "block", point, seen, (y, own[n]), passes, options, (b,), BLOCK))
    return logits, found + blocks


def _spiking(b, point, tape) -> list[Unit]:
    start = tuple(tape[name] for name in synapse.STATES)
    x = tape["x"]
    u = tape["u"]
    current = synapse.forward(point["weight"], point["bias"], x, start, b.neuron)[0]
    passes = (synapse, block.prepare)
    after = (start, b.neuron), (b.neuron,), (b.neuron, x.shape[1])
    found = [_weighted(b, _name(synapse), point, x, (current, tape), (passes, passes), after)]
    reset = (b.neuron, b.detach_reset)
    jet = (tape["state"], *reset, "jet", u - b.neuron.threshold)
    found.append(
        _alone(
            b,
            type(b.neuron).__name__,
            {"I": current},
            (u, tape["membrane"]),
            membrane,
            jet,
            reset,
            needs_dy=False,
        )
    )
    if not b.readout:
        hard = pool.forward(u, b.pool, b.neuron)
        kind = (b.pool, b.neuron)
        found.append(_alone(b, "pool", {"u": u}, hard, pool, (*kind, "jet", u), kind))
    return found


def _convolutional(b, engine, point, tape) -> list[Unit]:
    passes, x, u = (
        ((convolution, engine.prepare), (convolution, frames.prepare)),
        point["x"],
        tape["u"],
    )
    hard = convolution.forward(engine.prepare(point["weight"]), point["bias"], x)
    found = [_weighted(b, "convolution", point, x, hard, passes, ((), (), ()))]
    # linear at its choice of sites: `gather` is its own tangent, `scatter` that of the adjoint
    if b.pool == "max":
        choice, (B, n, H, W, C) = tape["choice"], u.shape
        largest = (
            u[:, :, : H // 2 * 2, : W // 2 * 2].reshape(B, n, H // 2, 2, W // 2, 2, C).max((3, 5))
        )
        gather = lambda *u: (pool.gather(u[-1], b.pool, choice), None)
        scatter = lambda *dy: pool.scatter(dy[-1], b.pool, choice, (H, W))
        linear = SimpleNamespace(
            forward=gather, backward=scatter, forward_tangent=gather, backward_tangent=scatter
        )
        found.append(_alone(b, "pool", {"u": u}, (largest, None), linear))
    if not b.readout:
        v = pool.gather(u, b.pool, tape["choice"])
        forward = lambda v: (np.logaddexp(0, v), activation.forward(v)[1])
        softplus = SimpleNamespace(**{**vars(activation), "forward": forward})
        found.append(_alone(b, "softplus", {"u": v}, activation.forward(v), softplus))
    return found


def _name(module) -> str:
    return module.__name__.rpartition(".")[2]


def _weighted(b, name, point, x, hard, passes, options, lead=(), level=LAYER) -> Unit:
    """A unit of weight, bias and x.

    hard       (y, tape) of the network's own forward
    lead       what stands before the weight in every pass
    passes     those under test and the twin's, each a module and what it wants a weight to be made
    options    what forward, backward (and its tangent) and forward_tangent are given in the end
    """
    ((own, ready), (twin, of_twin)), (ahead, back, tangent), tape = passes, options, hard[1]
    weight = ready(point["weight"])

    def value(z):
        moved = np.concatenate([z[2], x[:, z[2].shape[1] :]], 1) if "x" in point else x
        return twin.forward(*lead, of_twin(z[0]), z[1], moved, *ahead)

    def in_order(dx, dweight, dbias):
        return (dweight, dbias, dx)[: len(point)]

    return Unit(
        *(b.name, name, point, hard[0], level, value),
        lambda z, tape, dy: in_order(*twin.backward(*lead, of_twin(z[0]), tape, dy, *back)),
        lambda z_dot: own.forward_tangent(
            *lead, weight, ready(z_dot[0]), z_dot[1], tape, (*z_dot, None)[2], *tangent
        ),
        lambda dy: in_order(*own.backward(*lead, weight, tape, dy, *back)),
        lambda z_dot, tape_dot, dy, dy_dot: in_order(
            *own.backward_tangent(*lead, weight, ready(z_dot[0]), tape, tape_dot, dy_dot, *back)
        ),
    )


def _alone(b, name, point, hard, passes, ahead=(), options=(), needs_dy=True) -> Unit:
    """A unit of one argument; `needs_dy`: its backward_tangent is given dy, too. Otherwise as
    `_weighted`."""
    tape = hard[1]
    return Unit(
        *(b.name, name, point, hard[0], LAYER, lambda z: passes.forward(z[0], *ahead)),
        lambda z, tape, dy: (passes.backward(tape, dy, *options),),
        lambda z_dot: passes.forward_tangent(tape, z_dot[0], *options),
        lambda dy: (passes.backward(tape, dy, *options),),
        lambda z_dot, tape_dot, dy, dy_dot: (
            passes.backward_tangent(
                tape, tape_dot, *((dy, dy_dot) if needs_dy else (dy_dot,)), *options
            ),
        ),
    )
