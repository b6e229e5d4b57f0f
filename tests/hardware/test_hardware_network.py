"""The integer network: kernels against plain Python integers, bounds that adversarial inputs reach,
no float inside."""

import numpy as np
import pytest
from integers import events, readout_alone, small, small_cuba

from minisnn.hardware.chip import neuron
import plain_integers as reference
from minisnn.hardware import IntegerNet, Learner, Words, one_shot
from minisnn.hardware.study import floats
from minisnn import Checkpoint, InnerLoop, Task


def test_the_readouts_accumulator_holds_the_worst_that_can_come():
    """Every weight and trace at the end of its word, and the largest bias there is room for."""
    chip = readout_alone(3840, 2)
    room = chip.bias_room
    worst = chip.with_readout(np.full((3840, 2), -128), np.array([-room, -room]))
    assert worst.bounds["readout"]["sum w p + bias"].low == -(2**31 - 1)
    u = worst.membranes(np.full((1, 1, 3840), 4096, np.int32))
    words = chip.neuron, chip.words, chip.readout.exponent
    held = worst.weight.tolist(), worst.bias.tolist(), [[4096] * 3840]
    assert u[0].tolist() == reference.readout(*words, *held)[0]
    with pytest.raises(ValueError):
        readout_alone(4097, 5)


def test_surrogate_derivative_over_all_membranes(rng):
    u = np.arange(-32768, 32768)
    for threshold, slope in ((0, 10.0), (512, 10.0), (0, 1.5), (-100, 60.0)):
        whole = int(16 * slope)
        found = np.array([neuron.surrogate(int(v), threshold, whole) for v in u])
        exact = 1 / (1 + slope * np.abs(u - threshold) / 1024) ** 2
        assert np.abs(found / 256 - exact).max() <= 2**-4
        assert 0 <= found.min() and found.max() <= 255
        for v in rng.choice(u, 3000):
            assert reference.surrogate(int(v), threshold, whole) == found[v + 32768]


def test_fixed_and_float_networks_agree_where_the_words_are_long():
    """8-bit weights that are exact in 8 bits: few spikes differ, and fewer with 12 fraction bits
    than with none."""
    net, theta, chip = small(channels=(6,), shape=(8, 8, 2))
    exact = theta.copy()
    for p, layer, gain in zip(net.layout[::2], chip.layers, (net.neuron.gain, 1.0)):
        exact[p.slice] = layer.weight.ravel() * 2.0**layer.exponent / gain
    x = np.minimum(events(net, 4, 40), 7)
    wrong = {
        F: (IntegerNet(net, exact, Words(fraction=F)).spikes(x) != net.spikes(exact, x)).mean()
        for F in (0, 12)
    }
    assert wrong[12] < 0.01 and wrong[12] < wrong[0] / 3


def test_a_checkpoint_becomes_a_chip_that_learns_as_its_network_adapts():
    net, theta, _ = small()
    sizes = np.full(net.size, 9.0, np.float32)
    sizes[net.layout[-2].slice] = 3 * 2.1
    sizes[net.layout[-1].slice] = 3 * 0.24
    found = Checkpoint(net, theta, InnerLoop(sizes))
    chip = IntegerNet.of(found, Words(5, 4))
    assert chip.learner(seed=9) == Learner(log2_weight=1, log2_bias=-2, seed=9)
    assert chip.readout.exponent == 1 - 2 - 3  # the largest weight is a quarter of a step
    more = IntegerNet.of(found, samples=6, exponents={"conv1": -1})
    assert more.learner() == Learner(log2_weight=0, log2_bias=-3)
    assert more.layers[0].exponent == -1
    assert IntegerNet(net, theta).learner() == Learner()


def test_an_episode_is_one_presentation_one_update_and_the_query():
    net, theta, chip = small()
    x = np.minimum(events(net, 9, 20), 7)
    y = np.array([0, 1, 2] * 3)
    task = Task(x[:3], y[:3], x[3:], y[3:])
    how = Learner(log2_weight=1, log2_bias=-2, seed=5)
    cuba = small_cuba()[2]
    for one, p in (
        (chip, chip.traces(chip.spikes(x))),
        (twin := floats.FloatReadout(net, theta), twin.traces(chip.counts(x))),
        (cuba, cuba.traces(cuba.spikes(x), seed=5)),
    ):
        new = one.learn(how, p[:3], y[:3])
        u = one.membranes(p[3:], new.weight, new.bias)
        for found in (one_shot(one, how, task), one_shot(one, how, task, p)):
            np.testing.assert_array_equal(found.u, u)
            np.testing.assert_array_equal(found.learned.weight, new.weight)
            assert found.accuracy == (u[:, -1].argmax(1) == y[3:]).mean()
