"""Lesson 17: the library you own."""

import numpy as np

import minisnn as ms
from minisnn.core.loss import softmax

from . import (
    answer,
    called,
    bugs,
    close,
    data,
    diagnosis,
    differs,
    kept,
    mine,
    numeric,
    right,
    same,
    surrogate,
    wrong,
)

mine.prepare(__name__)

run = data.run


def whole() -> None:
    """Fill the student's file with what it lacks, and write its data file."""
    print(mine.whole())
    print(data.provide())


NEURON = ms.LIF(alpha=0.9, beta=0.8, gamma=0.6, rho=1.3, threshold=0.1, slope=6.0, gain=1.0)
SIZES = (4, 5, 3)


def _case(seed=0):
    """A dense network of the library, its theta as layers, inputs (B, T, n) and classes."""
    net = ms.SpikingNet(
        4, (), 3, hidden=(5,), window=15, dtype=np.float64, backend="numpy", neuron=NEURON
    )
    rng = np.random.default_rng(seed)
    x, y = (rng.random((6, 15, 4)) < 0.4) * 1.0, np.repeat(np.arange(3), 2)
    theta = 2 * net.init(rng, x=x)
    return net, theta, _layers(net, theta), x, y, rng


def _layers(net, theta):
    parts = list(net.views(theta).values())
    return list(zip(parts[::2], parts[1::2]))


def _trace(x, decay, early=0):
    y = np.zeros(x.shape)
    for t in range(len(x) - 1):
        y[t + 1] = decay * y[t] + (1 - decay) * x[t]
    return y


def _forward(layers, x, lif, filters=(0, 1), up="s", reset=True, bias=True):
    tapes, decays = [], (lif.beta, lif.alpha)
    for W, b in layers:
        I = x @ W
        for k in filters:
            I = _trace(I, decays[k])
        u, r = np.zeros(I.shape), 0.0
        for t in range(len(u)):
            u[t] = I[t] + b * bias - lif.rho * r * reset
            r = lif.gamma * r + (1 - lif.gamma) * (u[t] >= lif.threshold)
        tapes.append((x, u))
        x = (u >= lif.threshold) * 1.0 if up == "s" else u
    return u[-1], tapes


@kept("17.1")
def forward(function):
    """17.1: layers of neurons."""
    net, theta, layers, x, _, _ = _case()
    x = x.transpose(1, 0, 2)
    own = [(W.copy(), b.copy()) for W, b in layers]
    found = called("17.1", function, own, x.copy(), NEURON)
    if not isinstance(found, tuple | list) or len(found) != 2 or not numeric(found[0]):
        raise wrong("17.1", "return two things, the logits and the tapes: (logits, tapes)")
    logits, tapes = found
    if not isinstance(tapes, list | tuple):
        raise wrong("17.1", "tapes is a list, with a pair (x, u) for each layer")
    diagnosis.note("17.1", function, (layers, x, NEURON), (logits, tapes))
    expected, known = _forward(layers, x, NEURON)
    assert close(expected, net(theta, x.transpose(1, 0, 2)))
    others = {
        "a synapse has two traces, lesson 1's q and p; yours has one": _forward(
            layers, x, NEURON, filters=(0,)
        )[0],
        "a synapse has two traces, with the decays beta and alpha": _forward(
            layers, x, NEURON, filters=(1,)
        )[0],
        "both traces of yours have one decay: beta is the synapse's, alpha the "
        "membrane's": _forward(layers, x, NEURON, (0, 0))[0],
        "both traces of yours have one decay: alpha is the membrane's, beta the "
        "synapse's": _forward(layers, x, NEURON, (1, 1))[0],
        "the traces are missing: a spike would be felt at once, and never again": _forward(
            layers, x, NEURON, ()
        )[0],
        "a layer hands on its spikes, not its membranes": _forward(layers, x, NEURON, up="u")[0],
        "nothing pulls a membrane down after its spike: fire does that": _forward(
            layers, x, NEURON, reset=False
        )[0],
        "the bias is left out": _forward(layers, x, NEURON, bias=False)[0],
        "these are the first layer's membranes; the logits are the last one's": known[0][1][-1],
        "the logits are the last layer's membranes, not its spikes": (expected >= NEURON.threshold)
        * 1.0,
    }
    if np.shape(logits) == known[-1][1].shape:
        raise wrong(
            "17.1",
            "the logits are the membranes of the last step, u[-1]; yours are those of all steps",
        )
    same("17.1", "logits", logits, expected, [(value, text) for text, value in others.items()])
    if len(tapes) != len(layers) or not all(map(_pair, tapes)):
        raise wrong("17.1", "tapes has one pair for each layer: what goes in, and the membrane")
    for (x_in, u), (x_known, u_known) in zip(tapes, known):
        if not close(x_in, x_known) or not close(u, u_known):
            raise wrong(
                "17.1",
                "a tape is (x, u): what this layer was given, and its membranes at all steps",
            )
    right("17.1", "A network is its layers, one after the other.")


def _pair(one) -> bool:
    return isinstance(one, tuple | list) and len(one) == 2 and all(map(numeric, one))


def _pairs(exercise, function, *arguments):
    found = called(exercise, function, *arguments)
    diagnosis.note(exercise, function, arguments, found)
    if not isinstance(found, list | tuple) or len(found) != len(arguments[0]):
        raise wrong(exercise, "return a list with one pair (dW, db) for each layer")
    if not all(map(_pair, found)):
        raise wrong(exercise, "each layer's entry is a pair (dW, db) of two arrays of numbers")
    return found


def _compare(exercise, found, expected, named=()):
    if all(np.shape(W) == np.shape(V) for (W, _), (V, _) in zip(found, expected[::-1])):
        raise wrong(
            exercise,
            "the layers' order: the first pair belongs to the first layer; yours begins with the "
            "last",
        )
    for n, ((dW, db), (W, b)) in reversed(list(enumerate(zip(found, expected)))):
        for name, one, wanted in (("weights", dW, W), ("biases", db, b)):
            if np.shape(one) != np.shape(wanted):
                raise wrong(
                    exercise,
                    f"the {name} of layer {n} have shape {np.shape(wanted)}, yours "
                    f"{np.shape(one)}: every step and sample "
                    "adds its share, and the shares are summed",
                )
            if close(one, wanted):
                continue
            for slip, text in named:
                if close(one, slip[n][name == "biases"]):
                    raise wrong(exercise, text)
            above = "; all above it is right" if n < len(expected) - 1 else ""
            what = "is still zero" if not np.any(one) else "is not right"
            at = np.unravel_index(np.abs(np.asarray(one) - wanted).argmax(), wanted.shape)
            raise differs(
                exercise,
                f"the gradient of the {name} of layer {n} {what}: at {[int(i) for i in at]} it is "
                f"{float(np.asarray(one)[at]):.6g}, expected {float(wanted[at]):.6g}{above}",
            )


def _membrane_backward(u, dy, lif, blamed=True):
    dI, dr = np.zeros(u.shape), 0.0
    for t in reversed(range(len(u))):
        slope = surrogate.sigma_prime(u[t] - lif.threshold, lif.slope)
        dI[t] = dy[t] + slope * (1 - lif.gamma) * dr * blamed
        dr = lif.gamma * dr - lif.rho * dI[t]
    return dI


def _filter_backward(dI, lif):
    dV, dP, dQ = np.zeros(dI.shape), 0.0, 0.0
    for t in reversed(range(len(dI))):
        dV[t] = (1 - lif.beta) * dQ
        dQ, dP = lif.beta * dQ + (1 - lif.alpha) * dP, dI[t] + lif.alpha * dP
    return dV


def _backward(layers, tapes, dlogits, lif, through=True, reset=True, filters=True, every=False):
    dy, found = np.zeros(tapes[-1][1].shape), []
    dy[-1] = dlogits
    dy[:] = dlogits if every else dy
    for n in reversed(range(len(layers))):
        (W, _), (x, u) = layers[n], tapes[n]
        dI = _membrane_backward(u, dy, lif) if reset else dy
        dV = _filter_backward(dI, lif) if filters else dI
        found.insert(0, (np.tensordot(x, dV, ((0, 1), (0, 1))), dI.sum((0, 1))))
        if n:
            slope = (
                surrogate.sigma_prime(tapes[n - 1][1] - lif.threshold, lif.slope)
                if through
                else 1.0
            )
            dy = dV @ W.T * slope
    return found


@kept("17.2")
def backward(function):
    """17.2: the gradient, down the list."""
    net, theta, layers, x, y, _ = _case(1)
    logits, tapes = _forward(layers, x.transpose(1, 0, 2), NEURON)
    dlogits = (softmax(logits) - np.eye(3)[y]) / len(y)
    expected = _layers(net, net.loss_and_gradient(theta, x, y)[1])
    found, of = (
        _pairs("17.2", function, layers, tapes, dlogits, NEURON),
        (layers, tapes, dlogits, NEURON),
    )
    _compare(
        "17.2",
        found,
        expected,
        (
            (
                _backward(*of, through=False),
                "a spike's adjoint passes down through the spike: times sigma'(u - threshold) of "
                "the layer below",
            ),
            (
                _backward(*of, reset=False),
                "dy must go back through the reset (membrane_backward) before it is dI",
            ),
            (
                _backward(*of, filters=False),
                "dI must go back through the traces (filter_backward) before it meets x",
            ),
            (
                _backward(*of, every=True),
                "only the last step's membranes are logits: dy is dlogits there, and 0 before",
            ),
        ),
    )
    right("17.2", "Equal to the library's gradient.")


def _motion(layers, dots, tapes, lif):
    x_dot, moves = 0.0, []
    for (W, _), (W_dot, b_dot), (x, u) in zip(layers, dots, tapes):
        I_dot = (
            _trace(_trace(x @ W_dot + (x_dot @ W if moves else 0.0), lif.beta), lif.alpha) + b_dot
        )
        u_dot, r_dot = np.zeros(u.shape), 0.0
        slope = surrogate.sigma_prime(u - lif.threshold, lif.slope)
        for t in range(len(u)):
            u_dot[t] = I_dot[t] - lif.rho * r_dot
            r_dot = lif.gamma * r_dot + (1 - lif.gamma) * slope[t] * u_dot[t]
        moves.append((x_dot + np.zeros(x.shape), u_dot))
        x_dot = slope * u_dot
    return u_dot[-1], moves


@kept("17.3")
def backward_tangent(function):
    """17.3: the Hessian-vector product."""
    net, theta, layers, x, y, rng = _case(2)
    v = rng.standard_normal(net.size)
    dots = _layers(net, v)
    logits, tapes = _forward(layers, x.transpose(1, 0, 2), NEURON)
    logits_dot, moves = _motion(layers, dots, tapes, NEURON)
    p = softmax(logits)
    dlogits, dlogits_dot = (
        (p - np.eye(3)[y]) / len(y),
        p * (logits_dot - (p * logits_dot).sum(1, keepdims=True)) / len(y),
    )
    expected = _layers(net, net.hessian_vector_product(theta, x, y, v))
    found = _pairs("17.3", function, layers, dots, tapes, moves, dlogits, dlogits_dot, NEURON)
    gradient = _backward(layers, tapes, dlogits, NEURON)
    held = _with_differences(layers, dots, tapes, moves, dlogits, dlogits_dot)
    named = [(gradient, "this is the gradient itself, not its motion"), *held]
    _compare("17.3", found, expected, named)
    right("17.3", "H v, and no Hessian; equal to the library's.")


def _with_differences(layers, dots, tapes, moves, dlogits, dlogits_dot, h=1e-6):
    """Motions of the gradient in which one thing is held fast, from differences of the backward
    pass."""

    def at(s, held):
        W = [(w if held == "W" else w + s * d, b) for (w, b), (d, _) in zip(layers, dots)]
        T = [(x + s * x_dot * (held != "x"), u) for (x, u), (x_dot, _) in zip(tapes, moves)]
        return W, T

    texts = {
        "W": "on the way down W moves too: dx = dV W^T is a product, and W_dot is its second "
        "factor's motion",
        "x": "dW = sum of x dV is a product: the spikes x move too, x_dot",
        "slope": "sigma'(a) moves by sigma''(a) u_dot: yours holds the slope fast, on the way down "
        "to "
        "the layer below",
    }
    for held, text in texts.items():
        yield _moved(at, held, layers, tapes, moves, dlogits, dlogits_dot, h), text


def _moved(at, held, layers, tapes, moves, dlogits, dlogits_dot, h):
    lif, found = NEURON, []
    W_dots = [(at(1.0, held)[0][n][0] - layers[n][0]) for n in range(len(layers))]
    dy, dy_dot = np.zeros((2, *tapes[-1][1].shape))
    dy[-1], dy_dot[-1] = dlogits, dlogits_dot
    for n in reversed(range(len(layers))):
        (W, _), (x, u), (x_dot, u_dot) = layers[n], tapes[n], moves[n]
        dI = _membrane_backward(u, dy, lif)
        dI_dot, dr, dr_dot = np.zeros(u.shape), 0.0, 0.0
        first = (1 - lif.gamma) * surrogate.sigma_prime(u - lif.threshold, lif.slope)
        second = (1 - lif.gamma) * surrogate.sigma_second(u - lif.threshold, lif.slope)
        for t in reversed(range(len(u))):
            dI_dot[t] = dy_dot[t] + first[t] * dr_dot + second[t] * u_dot[t] * dr
            dr, dr_dot = lif.gamma * dr - lif.rho * dI[t], lif.gamma * dr_dot - lif.rho * dI_dot[t]
        dV, dV_dot = _filter_backward(dI, lif), _filter_backward(dI_dot, lif)
        pair = np.tensordot(x, dV_dot, ((0, 1), (0, 1)))
        pair = pair if held == "x" else pair + np.tensordot(x_dot, dV, ((0, 1), (0, 1)))
        found.insert(0, (pair, dI_dot.sum((0, 1))))
        if n:
            a = tapes[n - 1][1] - lif.threshold
            slope, bend = (
                surrogate.sigma_prime(a, lif.slope),
                surrogate.sigma_second(a, lif.slope) * moves[n - 1][1],
            )
            dx, dx_dot = dV @ W.T, dV_dot @ W.T + dV @ W_dots[n].T
            dy, dy_dot = dx * slope, dx_dot * slope + dx * bend * (held != "slope")
    return found


def tired(I, lif, zeta, eta, spike):
    """Membranes (T, ...) of a neuron of two resets; spike(a, t) is the step, or its twin."""
    u, r, z = np.zeros(I.shape), 0.0, 0.0
    for t in range(len(I)):
        u[t] = I[t] - lif.rho * r - eta * z
        s = spike(u[t] - lif.threshold, t)
        r, z = lif.gamma * r + (1 - lif.gamma) * s, zeta * z + (1 - zeta) * s
    return u


@kept("17.4")
def tired_backward(function):
    """17.4: a neuron that is in neither library, against differences of its own twin."""
    rng = np.random.default_rng(4)
    zeta, eta, lif = 0.9, 1.7, NEURON
    I, dy = rng.standard_normal((2, 25, 2, 3)) * 0.4
    u = tired(I, lif, zeta, eta, lambda a, t: surrogate.step(a))
    a0 = u - lif.threshold

    def twin(I):
        jet = lambda a, t: surrogate.jet(a, a0[t], lif.slope)
        return (dy * tired(I, lif, zeta, eta, jet)).sum()

    moves = rng.standard_normal((6, *I.shape))
    slopes = np.array([(twin(I + 1e-5 * d) - twin(I - 1e-5 * d)) / 2e-5 for d in moves])
    found = answer("17.4", function, u, dy, lif, zeta, eta)
    if found.shape != u.shape:
        raise wrong("17.4", f"dI has shape {found.shape}, expected that of u, {u.shape}")

    def other(blamed=(1, 1), keep=None, share=None, strength=None, through=1.0):
        dI, dr, dz = np.zeros(u.shape), 0.0, 0.0
        for t in reversed(range(len(u))):
            slope = surrogate.sigma_prime(a0[t], lif.slope) ** through
            ds = (
                blamed[0] * (1 - lif.gamma) * dr
                + blamed[1] * (1 - zeta if share is None else share) * dz
            )
            dI[t] = dy[t] + slope * ds
            dr = lif.gamma * dr - lif.rho * dI[t]
            dz = (zeta if keep is None else keep) * dz - (
                eta if strength is None else strength
            ) * dI[t]
        return np.array([(d * dI).sum() for d in moves])

    same(
        "17.4",
        "slope along a random direction",
        np.array([(d * found).sum() for d in moves]),
        slopes,
        (
            (other((1, 0)), "each spike is blamed through both resets: z is missing"),
            (other((0, 1)), "each spike is blamed through both resets: r is missing"),
            (
                other((0, 0)),
                "a spike now pulls down what comes: du has a second term, through ds, in both "
                "resets",
            ),
            (
                other(keep=lif.gamma),
                "z keeps the share zeta of itself, so dz of the step after enters dz with zeta",
            ),
            (
                other(keep=1.0),
                "z keeps the share zeta of itself, so dz of the step after enters dz with zeta",
            ),
            (
                other(keep=0.0),
                "z feeds two, u and the z of the next step: dz has the term zeta dz of the step "
                "after",
            ),
            (other(share=1.0), "a spike enters z with the share 1 - zeta"),
            (other(share=zeta), "a spike enters z with the share 1 - zeta; yours takes zeta"),
            (other(strength=lif.rho), "z pulls with the strength eta, not rho"),
            (other(strength=-eta), "z enters u with a minus, so dI enters dz with a minus"),
            (other(strength=1.0), "z pulls with the strength eta"),
            (other(through=0.0), "ds enters dI through the spike: times sigma'(u - threshold)"),
        ),
        1e-6,
    )
    right("17.4", "Proven by its own twin, and nobody else has it.")


def slipped(bug):
    """17.4t: a bug, against the course's tests."""
    bugs.slipped("17.4t", bug)
