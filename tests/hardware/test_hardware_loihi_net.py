"""The Loihi configuration: neuron for neuron the chip model that equals Lava's, short words in
learning, rates that match."""

import numpy as np
import pytest
from integers import events, small

import minisnn as ms
from minisnn.hardware.loihi import neuron as loihi
from minisnn.hardware.chip.learner import RULES, learn
from minisnn.hardware.loihi.network import LoihiConfig, LoihiNet


def network(config=LoihiConfig(), x=None, **options):
    net, theta, _ = small(**options)
    for p in net.layout[1::2]:
        theta[p.slice] = -0.3 * np.abs(theta[p.slice]) - 0.02
    return net, theta, LoihiNet(net, theta, config, -6, x)


def dense(weight, H, W):
    """(neurons of a channel, inputs) of a conv layer's integers, for each channel."""
    k, _, C, C_out = weight.shape
    found = np.zeros((C_out, H * W, H, W, C), np.int64)
    for y in range(H):
        for z in range(W):
            for i in range(k):
                for j in range(k):
                    if 0 <= y + i - k // 2 < H and 0 <= z + j - k // 2 < W:
                        found[:, y * W + z, y + i - k // 2, z + j - k // 2] = weight[i, j].T
    return found.reshape(C_out, H * W, -1)


@pytest.mark.parametrize(
    "config",
    [LoihiConfig(), LoihiConfig(du=1000, dv=3000, weight_exp=2), LoihiConfig(du=50, weight_exp=7)],
)
def test_every_conv_neuron_is_that_of_the_chip_model(config):
    net, _, chip = network(config)
    x = np.minimum(events(net, 2, 25, rate=0.3), 7)
    for n, layer in enumerate(chip.layers[:-1]):
        before = chip.counts(x) if n == 0 else chip.spikes(x, n)
        found, v = chip.spikes(x, n + 1, record=2)
        H, W, _ = layer.input_shape
        for b in range(2):
            flat = before[b].reshape(25, -1).astype(int)
            for c, rows in enumerate(dense(2 * layer.weight.astype(int), H, W)):
                _, _, volts, s = loihi.run(
                    flat,
                    rows,
                    chip.constants.left - chip.constants.right,
                    8,
                    loihi.MIXED,
                    chip.du,
                    chip.dv,
                    chip.vth[n][c],
                )
                np.testing.assert_array_equal(v[n][b, ..., c].reshape(25, -1), volts)
                s = s.reshape(25, H, W)[:, : H // 2 * 2, : W // 2 * 2].reshape(
                    25, H // 2, 2, W // 2, 2
                )
                np.testing.assert_array_equal(found[b, ..., c], s.max((2, 4)))
        assert 0 < found.mean() < 1
        np.testing.assert_array_equal(
            loihi.used_weights(2 * layer.weight.astype(int)), 2 * layer.weight.astype(int)
        )


def test_without_resets_a_sum_is_the_mean_times_both_gains_and_crosses_its_threshold_where_the_float_membrane_does():
    """A neuron that has not fired yet fires when the float neuron's mean, read a step earlier,
    reaches its threshold."""
    net, theta, chip = network(channels=(4,), shape=(6, 6, 2))
    x = np.minimum(events(net, 4, 40, rate=0.1), 7)
    still = ms.SpikingNet.from_configuration(net.configuration(), neuron=ms.LIF(rho=0.0), window=40)
    u = still.record(theta, x)[0]["u"]
    v = chip.spikes(x, 1, record=4)[1][0]
    quiet = np.cumsum(v == 0, 1) <= 1  # up to the first reset; at the start all are zero
    first = np.arange(40)[None, :, None, None, None] < 15
    gain = (
        2
        * 2.0 ** (chip.constants.left - chip.constants.right)
        * 64
        / (1 - 3686 / 4096)
        / (1 - 3891 / 4096)
        / 2.0 ** chip.layers[0].exponent
    )
    want = gain * (u - net.views(theta)["conv1.bias"])
    there = (quiet & first)[:, 1:14]
    assert there.mean() > 0.3
    assert np.corrcoef(v[:, 1:14][there], want[:, 2:15][there])[0, 1] > 0.99


def test_rates_are_matched_layer_by_layer():
    net, theta, _ = small(channels=(6, 8), shape=(12, 12, 2))
    x = events(net, 8, 40, rate=0.25)
    net, theta, chip = network(x=x, channels=(6, 8), shape=(12, 12, 2))
    for n, name in enumerate(("conv1", "conv2")):
        rate = net.spikes(theta, x, name).mean()
        assert chip.spikes(x, n + 1).mean() == pytest.approx(rate, rel=0.1)
    assert chip.scales[0] < 1  # after a reset to zero a neuron needs longer


def test_learning_has_short_traces_and_stochastic_rounding_and_no_float():
    net, _, chip = network()
    x = np.minimum(events(net), 7)
    p = chip.traces(chip.spikes(x), seed=3)
    assert p.dtype == np.int32 and not (p & 31).any() and (p & 63).any() and p.max() <= 4096
    assert (p != chip.traces(chip.spikes(x), seed=9)).any()
    found = learn(chip, chip.learner(rounding="floor", log2_weight=3, log2_bias=0), p, np.arange(3))
    assert (
        chip.learner(rounding="floor").rounding == "stochastic"
        and (found.weight != chip.weight).any()
    )
    assert (
        found.weight.min() >= -128 and found.weight.max() <= 127 and found.weight.dtype.kind == "i"
    )


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_class_means_are_rounded_as_is_asked_and_other_rules_as_loihi_does(rounding):
    _, _, chip = network()
    assert chip.learner(rule="class-mean", rounding=rounding).rounding == rounding
    for rule in RULES:
        assert chip.learner(rule=rule, rounding="nearest").rounding == "stochastic"


def test_with_another_readout_it_is_the_same_network_still():
    net, theta, chip = network(x=None)
    chip.steps = dict(log2_weight=1, log2_bias=-2)
    x = np.minimum(events(net), 7)
    other = chip.with_readout(1 - chip.weight.clip(-100, 100), chip.bias + 3)
    assert other.learner() == chip.learner() and other.config is chip.config
    np.testing.assert_array_equal(other.spikes(x), chip.spikes(x))
    np.testing.assert_array_equal(other.bias, chip.bias + 3)
    u = chip.membranes(chip.traces_of(x), other.weight, other.bias)
    np.testing.assert_array_equal(other(x), u[:, -1])


def test_what_loihi_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="spikes are pooled by OR"):
        network(pool="mean")
    for options, words in (
        ({"du": 4096}, "du must be 0 to 4095"),
        ({"dv": 0}, "dv must be 1 to 4096"),  # a membrane that never leaks has no gain
        ({"trace_bits": 13}, "trace_bits must be 1 to 12"),
        ({"weight_exp": 9}, "weight_exp must be -8 to 7"),
    ):
        with pytest.raises(ValueError, match=words):
            LoihiConfig(**options)
