"""Random networks and data for checks: odd sizes, one to five layers, every option."""

from typing import Any, NamedTuple

import numpy as np

from ..core.architecture import Conv, Dense
from ..network.convolutional import ConvNet
from ..core.dual import Array
from ..core.kinds import neuron_class
from ..network.spiking import SpikingNet
from ..meta.tasks import Task


class Case(NamedTuple):
    """A network, its parameters, a task, and a step size for the inner loop."""

    net: Any
    theta: Array
    task: Task
    step_size: float


def random_theta(net: Any, rng: np.random.Generator) -> Array:
    """Return random parameters: normal weights that drive the membrane by about one, and biases
    that are 0.1 to 0.6 above or below the threshold.

    The biases of a convolutional network are near zero, where softplus has the most curvature.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> ms.gradcheck.random_theta(net, np.random.default_rng(0)).shape
    (21,)
    """
    theta = np.empty(net.size)
    layers = {b.name: b for b in net.blocks}
    for p in net.layout:
        b, a = layers[p.layer], theta[p.slice]
        if p.part in ("weight", "recurrent"):
            few = hasattr(net, "neuron") and b is not net.blocks[0]  # inputs are spikes
            a[:] = rng.standard_normal(a.size) / np.sqrt(a.size / p.shape[-1])
            a *= 3.0 if few else 1.0
        elif p.part == "bias":
            a[:] = rng.uniform(0.1, 0.6, a.size) * rng.choice([-1, 1], a.size)
            a += net.threshold if b.readout else b.neuron.threshold
        else:
            a[:] = b.held(p.part) + rng.uniform(-0.5, 0.5)
    return theta.astype(net.dtype)


def random_data(
    net: Any, rng: np.random.Generator, batch: int = 3, steps: int | None = None
) -> tuple[Array, Array]:
    """Return (x, y). x are Poisson event counts with mean 0.3 per input and step. y are labels, or
    real targets if the network has one output or a readout over steps.

    >>> x, y = ms.gradcheck.random_data(ms.SpikingNet((6,), (), ways=3), np.random.default_rng(0), batch=4, steps=20)
    >>> x.shape, y.shape
    ((4, 20, 6), (4,))
    """
    steps = steps or (min(net.window + 5, 40) if hasattr(net, "neuron") else 20)
    x = rng.poisson(0.3, (batch, steps, *net.input_shape)).astype(np.uint8)
    shape = net._logits_shape(x)
    real = net.ways == 1 or len(shape) > 2
    return x, rng.standard_normal(shape) if real else rng.integers(0, net.ways, batch)


def small_step(net: Any, theta: Array, x: Array, y: Any) -> float:
    """Return a step size, at most 1, with which three inner steps change no bias by much more than
    0.03. If the membrane of a silent site, which equals its bias, crossed the threshold, the smooth
    form's curvature would jump."""
    gradient = net.views(net.loss_and_gradient(theta, x, y).gradient)
    return 1 / max(1.0, *(float(100 * abs(gradient[f"{b.name}.bias"]).max()) for b in net.blocks))


def random_case(rng: np.random.Generator, backend: str = "numba", model: str = "snn") -> Case:
    """Return a small float64 network with a random architecture, together with parameters and a
    task.

    model   "snn" (of LIF), "cnn" (convolutional), or a named neuron, as "cuba"

    It has zero to two conv layers and zero to two dense ones below the readout. Spiking networks
    have kernels 1 to 7, strides 1 and 3, every pooling, recurrence, learned constants, a reset that
    is attached or detached, every readout, and a window shorter than, equal to or longer than the
    recording.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0), model="cnn")
    >>> type(case.net).__name__, case.theta.shape == (case.net.size,), case.theta.dtype
    ('ConvNet', True, dtype('float64'))
    """

    def one_of(*choices):
        return choices[rng.integers(len(choices))]

    conv, dense = (rng.integers(1, 5, one_of(0, 1, 2)).tolist() for _ in range(2))  # channels
    shape = (*rng.integers(5, 10, 2).tolist(), one_of(1, 2, 3)) if conv else one_of((4, 3, 2), (7,))
    steps = 2 * len(conv + dense) + one_of(4, 8, 12)
    ways, loss = one_of((1, "squared"), (2, "squared"), (3, "cross_entropy"))
    how: dict[str, Any] = dict(ways=ways, loss=loss, dtype="float64", backend=backend)
    if model == "cnn":
        net: Any = ConvNet(shape, conv, hidden=dense, kernel=one_of(1, 3, 5), **how)
    else:
        pools = (1, "max"), (1, "mean"), (1, "none"), (3, "none")
        layers: list[Any] = [Conv(n, one_of(1, 3, 5, 7), *one_of(*pools)) for n in conv]
        layers += [Dense(n, one_of(True, False)) for n in dense]
        alpha, beta, slope = rng.uniform(0.4, 0.95, 3)
        constants = dict(alpha=alpha, beta=beta, slope=8 * slope, threshold=one_of(0.0, -0.2, 0.4))
        neuron = neuron_class("lif" if model == "snn" else model)(gain=3.0, **constants)
        learn = one_of((), ("beta",), ("beta", "alpha"), neuron.learnable)
        how |= dict(layers=layers, neuron=neuron, learn=learn, window=steps + one_of(-3, 0, 3))
        readouts = ["last", "mean"] + ["count"] * (model == "snn") + ["steps"] * (loss == "squared")
        how |= dict(detach_reset=one_of(False, False, True), readout=one_of(*readouts))
        net = SpikingNet(shape, **how)
    theta = random_theta(net, rng)
    task = Task(*random_data(net, rng, one_of(1, 2, 3), steps), *random_data(net, rng, 3, steps))
    return Case(net, theta, task, small_step(net, theta, task.x_support, task.y_support))
