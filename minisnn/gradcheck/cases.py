"""Random networks and data to check: odd sizes, one to four layers, every option, sound for every
twin."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..network.convolutional import ConvNet
from ..meta.functions import adapt
from ..network.spiking import SpikingNet
from ..core.layer import Layer as Block
from ..core.neuron import LIF, CubaLIF
from ..core.architecture import Conv, Dense
from ..core.theta import held

# the smooth form wants |bias - threshold| beyond it: silent sites sit on the kink of sigma'
KINK = 0.05


class Sets(NamedTuple):
    """The four arrays of a task; unlike `Task` it takes real-valued targets too."""

    x_support: np.ndarray
    y_support: np.ndarray
    x_query: np.ndarray
    y_query: np.ndarray


@dataclass(frozen=True)
class Case:
    """A network with parameters, a task and a step size of the inner loop."""

    net: SpikingNet | ConvNet
    theta: np.ndarray
    task: Sets
    step_size: float


def random_theta(net, rng: np.random.Generator) -> np.ndarray:
    """Normal weights that drive the membrane by about one, and biases 0.1 to 0.6 from the threshold
    on either side.

    The biases of a convolutional network lie about zero, where softplus is most curved.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> ms.gradcheck.random_theta(net, np.random.default_rng(0)).shape
    (21,)
    """
    theta = np.empty(net.size)
    spikes = hasattr(net, "neuron")
    named = {b.name: b for b in net.blocks}
    for p in net.layout:
        b = named[p.layer]
        a = net.views(theta)[p.name]
        if p.part in ("weight", "recurrent"):
            scale = 1.0 if not spikes else 1.0 if b is net.blocks[0] else 3.0
            a[...] = rng.standard_normal(a.shape) / np.sqrt(a.size / a.shape[-1]) * scale
        elif p.part == "bias":
            a[...] = threshold_of(net, b) + rng.uniform(0.1, 0.6, a.shape) * rng.choice(
                [-1, 1], a.shape
            )
        else:
            a[...] = held(b, p.part) + rng.uniform(-0.5, 0.5)
    return theta.astype(net.dtype)


def threshold_of(net: SpikingNet | ConvNet, b: Block) -> float:
    """Where a block's biases keep clear of: its threshold, the network's for its readout, 0 where
    nothing spikes."""
    return net.threshold if b.readout else getattr(b.neuron, "threshold", 0.0)


def random_data(net, rng: np.random.Generator, batch: int = 3, steps: int | None = None):
    """(x, y): Poisson event counts, 0.3 for each input and step, and labels (targets for one neuron
    with squared loss).

    >>> x, y = ms.gradcheck.random_data(ms.SpikingNet((6,), (), ways=3), np.random.default_rng(0), batch=4, steps=20)
    >>> x.shape, y.shape
    ((4, 20, 6), (4,))
    """
    steps = steps or (min(net.window + 5, 40) if hasattr(net, "neuron") else 20)
    x = rng.poisson(0.3, (batch, steps, *net.input_shape)).astype(np.uint8)
    y = rng.integers(0, net.ways, batch) if net.ways > 1 else rng.standard_normal((batch, 1))
    return x, y


def small_step(net, theta, x, y, steps: int = 3) -> float:
    """A step size, at most 1, with which no bias comes 0.04 away from its start in `steps` inner
    steps.

    A path from `random_theta` then keeps clear of the kink.
    """
    step_size = 1.0
    while True:
        path = (adapt(net, theta, x, y, step_size, n + 1) - theta for n in range(steps))
        moved = max(
            np.abs(a).max()
            for change in path
            for name, a in net.views(change).items()
            if name.endswith(".bias")
        )
        if moved <= 0.04:
            return step_size
        step_size *= min(0.5, 0.02 / float(moved))


def random_case(rng: np.random.Generator, backend: str = "numba", model: str = "snn") -> Case:
    """A small network of random architecture, float64, with parameters and a task.

    model   "snn", "cuba" (with that neuron), "cnn" (convolutional) or "layers": a list of layers of
            either neuron, with kernels 1 to 7, strides 1 to 3, every pooling, recurrence and
            learned constants

    It has zero to three conv layers (odd sizes, kernels 1 to 5) and zero to two hidden layers below
    the readout, or is one neuron with squared loss. Spiking networks have max or mean pooling; a
    reset that is attached, detached or off; a window shorter than, equal to or longer than the
    recording; and sometimes equal time constants.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0), model="cnn")
    >>> type(case.net).__name__, case.theta.shape == (case.net.size,), case.theta.dtype
    ('ConvNet', True, dtype('float64'))
    """
    if model == "layers":
        return _random_layers(rng, backend)
    conv = int(rng.integers(0, 4))
    hidden = int(rng.integers(0, 3))
    one_neuron = conv == 0 and rng.random() < 0.3
    hidden = 0 if one_neuron else hidden
    side = 2**conv
    shape = (*(int(n) for n in rng.integers(side, side + 5, 2)), int(rng.integers(1, 4)))
    if conv == 0 and rng.random() < 0.5:
        shape = (int(rng.integers(1, 12)),)
    some: dict[str, Any] = {}
    if model != "cnn":
        some["neuron"], some["detach_reset"] = _random_neuron(rng, model)
        T = int(rng.integers(2 * (conv + hidden) + 4, 18))
        some["window"] = int(rng.choice([max(T - int(rng.integers(1, 6)), 1), T, T + 3]))
    some["channels"] = tuple(int(n) for n in rng.integers(1, 5, conv))
    some["ways"] = 1 if one_neuron else int(rng.integers(2, 6))
    some["kernel"] = int(rng.choice([1, 3, 3, 5]))
    if model != "cnn":
        some["pool"] = rng.choice(["max", "mean"]).item()
    some["hidden"] = tuple(int(n) for n in rng.integers(1, 6, hidden))
    some["loss"] = "squared" if one_neuron or rng.random() < 0.15 else "cross_entropy"
    if model == "cnn":
        some["gain"] = rng.uniform(0.05, 0.3)
        T = int(rng.integers(5, 25))
    net = (ConvNet if model == "cnn" else SpikingNet)(
        shape, dtype=np.float64, backend=backend, **some
    )
    theta = random_theta(net, rng)
    batch = int(rng.integers(1, 4))
    x, y = random_data(net, rng, batch, T)
    x_query, y_query = random_data(net, rng, batch + 1, T)
    return Case(net, theta, Sets(x, y, x_query, y_query), small_step(net, theta, x, y))


def _random_layers(rng: np.random.Generator, backend: str) -> Case:
    """A network of a list of layers."""
    conv = int(rng.integers(0, 3))
    shape: Any = (*(int(n) for n in rng.integers(3, 12, 2)), int(rng.integers(1, 4)))
    if not conv and rng.random() < 0.5:
        shape = (int(rng.integers(1, 12)),)
    layers: list[Conv | Dense] = []
    H, W = (*shape, 1)[:2]
    for _ in range(conv):
        stride = int(rng.integers(1, 4))
        H, W = -(-H // stride), -(-W // stride)
        pool = str(rng.choice(["max", "mean", "none"])) if min(H, W) > 1 else "none"
        kernel = int(rng.choice([1, 3, 5, 7]))
        layers.append(Conv(int(rng.integers(1, 5)), kernel, stride, pool))
        H, W = (H, W) if pool == "none" else (H // 2, W // 2)
    for _ in range(int(rng.integers(0 if conv else 1, 3))):
        layers.append(Dense(int(rng.integers(1, 6)), bool(rng.random() < 0.7)))
    model = str(rng.choice(["snn", "cuba"]))
    neuron, detached = _random_neuron(rng, model)
    constants = ("alpha", "beta", "gamma")[: 2 if model == "cuba" else 3]
    if getattr(neuron, "gamma", 1) == 0:
        constants = constants[:2]
    learn = [name for name in rng.permutation(constants).tolist() if rng.random() < 0.6]
    T = int(rng.integers(2 * len(layers) + 4, 16))
    net = SpikingNet(
        shape,
        layers=layers,
        ways=int(rng.integers(2, 5)),
        neuron=neuron,
        learn=learn,
        detach_reset=detached,
        window=int(rng.choice([max(T - int(rng.integers(1, 6)), 1), T, T + 3])),
        dtype=np.float64,
        backend=backend,
    )
    theta = random_theta(net, rng)
    support = random_data(net, rng, 2, T)
    query = random_data(net, rng, 3, T)
    return Case(net, theta, Sets(*support, *query), small_step(net, theta, *support))


def _random_neuron(rng, model) -> tuple[LIF | CubaLIF, bool]:
    """(neuron, whether its reset is detached); of both models with the same constants."""
    reset = rng.choice(["attached", "attached", "detached", "off"])
    (alpha, beta) = rng.uniform(0.5, 0.95, 2)
    beta = alpha if rng.random() < 0.15 else beta
    gamma = rng.uniform(0, 0.9)
    rho = 0.0 if reset == "off" else rng.uniform(0.3, 1.5)
    threshold = rng.choice([0.0, rng.uniform(-0.5, 1)])
    common = dict(
        alpha=alpha,
        beta=beta,
        threshold=threshold,
        slope=rng.uniform(1, 10),
        gain=rng.uniform(1, 5),
    )
    return CubaLIF(**common) if model == "cuba" else LIF(
        gamma=gamma, rho=rho, **common
    ), reset == "detached"
