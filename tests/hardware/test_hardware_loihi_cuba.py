"""CubaLIF on Loihi: neuron for neuron the chip model that equals Lava's, delays and bias axons
included; what the float network does, the chip does, without a threshold rescaled."""

import numpy as np
import pytest
from kinds import KINDS
from integers import events

import minisnn as ms
from minisnn.hardware.loihi import cuba, neuron as loihi
from minisnn.hardware import CubaNet, LoihiConfig


def network(pool="max", config=None, rate=0.2, channels=(4, 5), shape=(8, 12, 2), **neuron):
    rng = np.random.default_rng(3)
    constants = dict(threshold=0.5, gain=2.0) | neuron
    net = ms.SpikingNet(
        shape,
        channels,
        3,
        3,
        pool,
        ms.CubaLIF(**constants),
        window=20,
        dtype=np.float64,
        backend="numpy",
    )
    theta = net.init(rng, x=rng.poisson(0.3, (4, 40, *shape)), rate=rate)
    for b in net.layout[1:-1:2]:
        theta[b.slice] += rng.normal(0, 0.1, b.shape)
    return net, theta, CubaNet(net, theta, config or LoihiConfig(), -6)


def dense(weight, H, W):
    """(neurons of a channel, inputs) of a conv layer's integers, for each channel."""
    k, _, C, C_out = weight.shape
    found = np.zeros((C_out, H * W, H, W, C), np.int64)
    for y, z, i, j in np.ndindex(H, W, k, k):
        row = y + i - k // 2
        column = z + j - k // 2
        if 0 <= row < H and 0 <= column < W:
            found[:, y * W + z, row, column] = weight[i, j].T
    return found.reshape(C_out, H * W, -1)


def fourfold(rows, H, W, C):
    """The columns of means over 2 x 2 sites as columns of the sites: four synapses of the same word
    for each."""
    rows = rows.reshape(len(rows), H, W, C).repeat(2, 1).repeat(2, 2)
    return rows.reshape(len(rows), -1)


@pytest.mark.parametrize("pool", ("max", "mean"))
@pytest.mark.parametrize("config", (LoihiConfig(), LoihiConfig(du=1000, dv=700, weight_exp=-3)))
def test_the_chip_spike_for_spike(pool, config):
    """Every layer of `loihi.run` behind the one before, from the counts on: each lives a step
    later, so do its bias axons."""
    net, theta, chip = network(pool, config)
    x, T = np.minimum(events(net, 1, 25, rate=0.3), 7), 25
    # spikes as the chip has them, late by n steps in layer n
    before = x[0].reshape(T, -1).astype(int)
    for n, layer in enumerate(chip.layers[:-1]):
        H, W, C = layer.input_shape
        words = dense(2 * layer.weight.astype(int), H, W)
        axons = chip.axons[layer.name]
        found = []
        late = np.concatenate([np.zeros((n, axons + 4), int), cuba.firing(axons, T + 1)])
        biases = 2 * cuba.axon_words(layer.bias.astype(int), axons)
        assert (loihi.used_weights(biases) == biases).all()
        assert abs(biases).max() <= 2 * 127 and biases[:, -4:].any()
        fire = cuba.firing(axons, 160).mean(0)
        np.testing.assert_allclose(fire @ biases.T, layer.bias / 8, rtol=0, atol=1e-12)
        inputs = np.concatenate([before, np.zeros((1, before.shape[1]), int)])
        for c, rows in enumerate(words):
            rows = fourfold(rows, H, W, C) if pool == "mean" and n else rows
            rows = np.concatenate([rows, np.tile(biases[c], (len(rows), 1))], 1)
            spikes = np.concatenate([inputs, late], 1)
            exp = chip.weight_exps[n]
            vth = chip.vth[n][c]
            _, _, v, s = loihi.run(spikes, rows, exp, 8, loihi.MIXED, chip.du, chip.dv, vth)
            ours, volts = chip.spikes(x, n + 1, record=1)
            np.testing.assert_array_equal(volts[n][0, ..., c].reshape(T, -1), v[n + 1 :])
            assert not s[: n + 1].any()
            found.append(s.reshape(-1, H, W))
        found = np.stack(found, -1)
        windows = found[:, : H // 2 * 2, : W // 2 * 2].reshape(len(found), H // 2, 2, W // 2, 2, -1)
        pooled = windows.max((2, 4)) if pool == "max" else windows.sum((2, 4))
        np.testing.assert_array_equal(ours[0], pooled[n + 1 :])
        assert 0.02 < ours.mean() < 0.9 * (1 + 3 * (pool == "mean"))
        before = (pooled if pool == "max" else found).reshape(len(found), -1)


@pytest.mark.parametrize("pool", ("max", "mean"))
def test_it_fires_as_the_float_network_does(pool):
    net, theta, chip = network(pool)
    x = np.minimum(events(net, 6, 40, rate=0.3), 7)
    four = 1 + 3 * (pool == "mean")
    # a spike that comes a step later moves those after it
    for n, (name, least) in enumerate((("conv1", 0.95), ("conv2", 0.65))):
        found = chip.spikes(x, n + 1) / four
        wanted = net.spikes(theta, x, name)
        assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > least
        assert found.mean() == pytest.approx(wanted.mean(), rel=0.03)
    p = chip.traces(chip.spikes(x), 12, "nearest")[:, -1] / 4096
    assert np.corrcoef(p.ravel(), net.features(theta, x).ravel())[0, 1] > 0.95


def test_the_command_measures_and_writes_words_that_reproduce_the_chip(tmp_path, command, rng):
    net = ms.SpikingNet((16, 32, 2), (3, 4), 5, 3, neuron=ms.CubaLIF(threshold=0.5), window=10)
    tasks = ms.DoubleNMnist("test", progress=False)
    x = tasks.episode(0, 0, 5, 1, 1).x_support
    path = tmp_path / "cuba.h5"
    out = tmp_path / "out.json"
    theta = net.init(rng, x=x, rate=0.2)
    ms.save(path, net, theta, inner=ms.ClassMeans(steps=0))
    line = f"hardware loihi --checkpoint {path} --episodes 2 --queries 2 --quiet --json {out}"
    assert command(f"{line} --words {tmp_path / 'words.npz'} --step-size 0.03")[0] == 0
    figures, _ = KINDS["figures"]([out])
    assert {"class-means-loihi", "less-from-zero-one-sample-at-a-time-loihi"} <= set(figures)
    words = np.load(tmp_path / "words.npz")
    chip = CubaNet.of(ms.read(path))
    conv = chip.layers[0]
    np.testing.assert_array_equal(
        words["conv1.weight"].transpose(2, 3, 1, 0), 2 * conv.weight.astype(int)
    )
    assert words["conv1.vth"].tolist() == chip.vth[0].tolist()
    assert (words["du"], words["dv"]) == (chip.du, chip.dv)
    assert words["conv1.weight_exp"] == chip.weight_exps[0]
    fire = cuba.firing(chip.axons["conv1"], 160).mean(0)
    np.testing.assert_allclose(fire @ words["conv1.axons"].T, conv.bias / 8, atol=1e-12)
