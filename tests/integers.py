"""Small integer networks and tasks for the tests of hardware/."""

import numpy as np

import minisnn as ms
from minisnn.hardware import IntegerNet, Words, CubaNet, LoihiConfig
from minisnn.hardware.chip.neuron import IntegerLIF
from minisnn.hardware.chip.quantise import IntegerLayer


def known(kind, layers, neuron, words, **constants):
    """A network of the class `kind` of known integers; `constants` of a `CubaNet`: a dictionary
    of this name and a list of `layer_constants`, as its methods give them."""
    net = kind.__new__(kind)
    if constants:
        _hold(net, layers, **constants)
    net._set(layers, neuron, words)
    return net


def _hold(net, layers, constants, layer_constants):
    net.du = 4095 - constants["current"]
    net.dv = 4096 - constants["voltage"]
    net.mean = layer_constants[0]["pool"] == "mean"
    net.config = LoihiConfig(net.du, net.dv, constants["trace_bits"])
    net.weight_exps = [one["exponent"] for one in layer_constants]
    net.vth = [np.full(len(b.bias), one["threshold"]) for b, one in zip(layers, layer_constants)]


def small(
    pool="max",
    seed=0,
    channels=(3, 4),
    shape=(6, 7, 2),
    ways=3,
    kernel=3,
    scale=0.6,
    neuron=None,
    readout_exponent=-6,
    biases=1.0,
    **words,
):
    """A network with random weights that spikes: (float network, theta, integer network). With small
    `biases`, a factor, spikes come from events."""
    net = ms.SpikingNet(shape, channels, ways, kernel, pool, neuron or ms.LIF(), window=8)
    rng = np.random.default_rng(seed)
    theta = (scale * rng.standard_normal(net.size)).astype(np.float32)
    for p in net.layout[::2]:
        theta[p.slice] /= np.sqrt(np.prod(p.shape[:-1]))
    for p in net.layout[1::2]:
        theta[p.slice] *= biases
    return net, theta, IntegerNet(net, theta, Words(**words), readout_exponent)


def events(net, batch=3, steps=14, seed=1, rate=0.12):
    """Counts (B, T, H, W, C), most of them 0, some above what the chip takes."""
    rng = np.random.default_rng(seed)
    x = (rng.random((batch, steps, *net.input_shape)) < rate).astype(np.uint8)
    return x * rng.choice(np.array([1, 1, 1, 2, 9], np.uint8), x.shape)


def readout_alone(inputs, ways, exponent=-7, weight=None, bits=8):
    """An integer network of nothing but a readout, its weights and biases zero unless given."""
    weight = np.zeros((inputs, ways), np.int8) if weight is None else weight
    layer = IntegerLayer(
        "readout",
        weight[None, None],
        np.zeros(ways, np.int32),
        exponent,
        bits,
        (1, 1, inputs),
        "none",
        12,
    )
    return known(IntegerNet, [layer], IntegerLIF.of(ms.LIF()), Words(readout_bits=bits))


def small_cuba(
    pool="max",
    seed=0,
    channels=(3, 4),
    shape=(6, 7, 2),
    ways=3,
    kernel=3,
    threshold=0.5,
    readout_exponent=-6,
    **words,
):
    """The same of CubaLIF in Loihi's words; `words` are `LoihiConfig`'s."""
    net = ms.SpikingNet(
        shape, channels, ways, kernel, pool, ms.CubaLIF(threshold=threshold, gain=2.0), window=8
    )
    rng = np.random.default_rng(seed)
    theta = net.init(rng, x=rng.poisson(0.15, (4, 30, *shape)), rate=0.2)
    for p, size in zip(net.layout[1:-2], [0.1, 0] * len(channels)):
        theta[p.slice] += size * rng.standard_normal(theta[p.slice].shape)
    for p, size in zip(net.layout[-2:], (0.3, 0.05)):
        theta[p.slice] = size * rng.standard_normal(theta[p.slice].shape)
    return net, theta, CubaNet(net, theta, LoihiConfig(**words), readout_exponent)
