"""The layers of a network as units: the parts of every block by the reference, then the blocks as
the network runs them."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..layers import activation, block, convolution, frames, membrane, pool, synapse, together
from ..network.loops import Loops
from ..network.theta import with_constants
from .report import BLOCK, LAYER
from .unit import Unit

UNIT = 0.01


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
        tape = tapes[n]
        seen = tape["x"][..., : b.input_shape[2]]  # without spikes that a layer hears of itself
        # steps that count
        point = {
            "weight": weight,
            "bias": bias,
            "x": seen[:, : max(seen.shape[1] - b.neuron.delay, 0)],
        }
        if b.joint:
            found.append(_pool(b, tape))
        else:
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
        if b.joint:
            blocks.append(_joint(b, point, seen, (y, own[n]), engine, record))
            continue
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
        found.append(_pool(b, tape))
    return found


def _pool(b, tape) -> Unit:
    u = tape["u"]
    hard = pool.forward(u, b.pool, b.neuron)
    kind = (b.pool, b.neuron)
    return _alone(b, "pool", {"u": u}, hard, pool, (*kind, "jet", u), kind)


def _twin(b, weights, bias, x, record):
    return block.twin(b, weights, bias, x, "jet", record)


def _joint(b, point, seen, hard, engine, record) -> Unit:
    """The block of a layer that hears its own spikes or learns constants; its "weight" is flat: the
    weight, what weighs its own spikes, and how far the constants are from theirs, in `UNIT`s, with
    which no decay leaves its range."""
    weights = point["weight"]
    here = np.array(weights.constants)
    tape = hard[1]
    steps = seen.shape[1]
    back = ("x" in point,)

    def flat(w, constants):
        parts = [w.weight, constants] if w.recurrent is None else [w.weight, w.recurrent, constants]
        return np.concatenate([np.ravel(part) for part in parts])

    def taken(vector, start=0.0):
        at = weights.weight.size
        weight = vector[:at].reshape(weights.weight.shape)
        recurrent = weights.recurrent
        if recurrent is not None:
            recurrent = vector[at : at + recurrent.size].reshape(recurrent.shape)
            at += recurrent.size
        constants = start + UNIT * vector[at:]
        return together.Weights(weight, recurrent, tuple(constants.tolist()))

    def moved(z):
        return np.concatenate([z[2], seen[:, z[2].shape[1] :]], 1) if "x" in point else seen

    def at(z) -> tuple[Any, Any, Any]:
        """The block, its weights and bias there."""
        w = taken(z[0], here)
        return (with_constants(b, w.constants) if b.learn else b), w, z[1]

    def in_order(dx, dweights, dbias):
        return (flat(dweights, UNIT * dweights.constants), dbias, dx)[: len(point)]

    ready = engine.prepare(weights)
    of = lambda z_dot: engine.prepare(taken(z_dot[0]))
    return Unit(
        *(b.name, "block", {**point, "weight": flat(weights, 0 * here)}, hard[0], BLOCK),
        lambda z: _twin(*at(z), moved(z), record),
        lambda z, tape, dy: in_order(*block.backward(*at(z)[:2], tape, dy, *back)),
        lambda z_dot: engine.forward_tangent(
            b, ready, of(z_dot), z_dot[1], tape, (*z_dot, None)[2], steps
        ),
        lambda dy: in_order(*engine.backward(b, ready, tape, dy, *back)),
        lambda z_dot, tape_dot, dy, dy_dot: in_order(
            *engine.backward_tangent(b, ready, of(z_dot), tape, tape_dot, dy_dot, *back)
        ),
    )


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
