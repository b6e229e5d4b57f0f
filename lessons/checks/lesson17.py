"""Lesson 17: the library you own."""

import numpy as np

import minisnn as ms
from minisnn.core.loss import softmax

from . import close, data, mine, prepare, surrogate, table, tested
from .diagnosis import solution

prepare(__name__)

run = data.run
NEURON = ms.LIF(alpha=0.9, beta=0.8, gamma=0.6, rho=1.3, threshold=0.1, slope=6.0, gain=1.0)
PARTS = "dW[0] db[0] dW[1] db[1]"


def whole() -> None:
    """Fill the student's file with what it lacks, and write its data file."""
    print(mine.whole())
    print(data.provide())


def _case(seed):
    """Two layers [(W, b), ...] of a dense network of the library, their tapes, the logits' adjoint
    and the motion of all three along a direction."""
    net = ms.SpikingNet(
        4, (), 3, hidden=(5,), window=15, dtype=np.float64, backend="numpy", neuron=NEURON
    )
    rng = np.random.default_rng(seed)
    x = (rng.random((6, 15, 4)) < 0.4) * 1.0
    y = np.repeat(np.arange(3), 2)
    theta = 2 * net.init(rng, x=x)
    layers, dots = (_layers(net, flat) for flat in (theta, rng.standard_normal(net.size)))
    logits, tapes = solution("17.1")(layers, x.transpose(1, 0, 2), NEURON)
    logits_dot, moves = _motion(layers, dots, tapes)
    p = softmax(logits)
    turned = p * (logits_dot - (p * logits_dot).sum(1, keepdims=True)) / len(y)
    return layers, tapes, (p - np.eye(3)[y]) / len(y), dots, moves, turned


def _layers(net, flat):
    parts = list(net.views(flat).values())
    return list(zip(parts[::2], parts[1::2]))


def _motion(layers, dots, tapes):
    """How the logits and the tapes move with the layers."""
    trace = solution("1.1")
    tangent = solution("7.1")
    x_dot = np.zeros(tapes[0][0].shape)
    moves = []
    for (W, _), (W_dot, b_dot), (x, u) in zip(layers, dots, tapes):
        I_dot = trace(trace(x @ W_dot + x_dot @ W, NEURON.beta), NEURON.alpha) + b_dot
        u_dot = tangent(u, I_dot, NEURON)
        moves.append((x_dot, u_dot))
        x_dot = surrogate.sigma_prime(u - NEURON.threshold, NEURON.slope) * u_dot
    return u_dot[-1], moves


def _layer(arguments, found, expected) -> str:
    """Which layer's gradient differs first, on the way down."""
    n = max(k for k, pair in enumerate(zip(found, expected)) if not close(*pair))
    what = f"the gradient of the {'biases' if n % 2 else 'weights'} of layer {n // 2}"
    one = found[n]
    wanted = expected[n]
    if one.shape != wanted.shape:
        text = f"{what} has shape {one.shape}, expected {wanted.shape}: every step and sample adds"
        return f"{text} its share, and the shares are summed"
    at = np.unravel_index(np.abs(one - wanted).argmax(), wanted.shape)
    place = [int(index) for index in at]
    state = "is not right" if one.any() else "is still zero"
    return f"{what} {state}: at {place} it is {one[at]:.6g}, expected {wanted[at]:.6g}"


@table(
    "17.1",
    "logits tapes[0]:x tapes[0]:u tapes[1]:x tapes[1]:u",
    "A network is its layers, one after the other.",
)
def forward():
    """Exercise 17.1: the network."""
    layers, tapes, *_ = _case(0)
    yield layers, tapes[0][0], NEURON


@table("17.2", PARTS, "Equal to the library's gradient.", place=_layer)
def backward():
    """Exercise 17.2: the gradient, down the list."""
    yield *_case(1)[:3], NEURON


@table("17.3", PARTS, "H v, and no Hessian; equal to the library's.", place=_layer)
def backward_tangent():
    """Exercise 17.3: the Hessian-vector product."""
    layers, tapes, dlogits, dots, moves, dlogits_dot = _case(2)
    yield layers, dots, tapes, moves, dlogits, dlogits_dot, NEURON


@table("17.4", "dI", "Proven by its own twin, and nobody else has it.", tolerance=1e-6)
def tired_backward():
    """Exercise 17.4: a neuron that is in neither library."""
    I, dy = np.random.default_rng(4).standard_normal((2, 25, 2, 3)) * 0.4
    u = tested.run(I, NEURON, lambda a, t: surrogate.step(a), 0.9, 1.7)
    yield u, dy, NEURON, 0.9, 1.7


def slipped(bug):
    """Judge a bug by the course's tests, exercise 17.4t."""
    tested.slipped("17.4t", bug)
