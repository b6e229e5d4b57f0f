"""All layers learn through fixed random feedback: kernels against plain Python integers, the float
twin, what is refused."""

import numpy as np
import pytest
from integers import events, small

from minisnn.hardware.chip import errors, feedback
import plain_integers as reference
from minisnn.hardware.chip.formats import ROUNDINGS, Saturated, seed_state
from minisnn.hardware.chip.feedback import Feedback, learn_all, signs
from minisnn.hardware.chip.neuron import IntegerLIF
from minisnn.hardware.chip.learner import Learner, learn, shifts_of
from minisnn.hardware.study.floats import float_learn_all

LEARNER = Learner(rounding="nearest", log2_weight=1, log2_bias=-2)


@pytest.mark.parametrize(
    "pool, kernel, rounding",
    [("max", 3, "floor"), ("mean", 3, "stochastic"), ("max", 5, "nearest"), ("mean", 3, "zero")],
)
def test_every_layer_equals_plain_integers(pool, kernel, rounding):
    net, _, chip = small(pool, weight_bits=5, kernel=kernel)
    x, y = events(net, 3), [2, 0, 1]
    how = Feedback(-3, -5, rounding, seed=4)
    new, found = learn_all(chip, LEARNER, how, x, np.array(y))
    n, mode = chip.neuron, "floor" if rounding == "stochastic" else rounding
    e = [reference.error("softmax", u, label) for u, label in zip(chip(x).tolist(), y)]
    frames = chip.counts(x).tolist()
    for index, layer in enumerate(chip.layers[:-1]):
        S = signs(how.seed + index, 3, len(layer.bias)).tolist()
        total, bias_total, after = (
            np.zeros(layer.weight.shape, object),
            np.zeros(len(layer.bias), object),
            [],
        )
        for b, sample in enumerate(frames):
            d = [
                min(max(sum(S[k][c] * e[b][k] for k in range(3)), -128), 127)
                for c in range(len(layer.bias))
            ]
            flat = [[v for row in frame for site in row for v in site] for frame in sample]
            p = (
                np.array(reference.traces(n, chip.words, flat)[-1])
                .reshape(layer.input_shape)
                .tolist()
            )
            spikes, u, _ = reference.conv(layer, n, chip.words, sample)
            G, Gb = reference.feedback_gradient(n, len(layer.weight), u[-1], p, d, mode)
            total, bias_total = total + np.array(G, object), bias_total + np.array(Gb, object)
            after.append(spikes)
        k, room = shifts_of(how, layer.exponent, layer.fraction), chip.ends(index)[1][1]
        old, counts, way = (
            layer.weight.ravel().tolist(),
            dict.fromkeys(("written", "gated", "clipped"), 0),
            ROUNDINGS[rounding],
        )
        state = seed_state(how.seed + 1000 + index)
        weight, state = reference.update(
            old, total.ravel().tolist(), k[0], way, (-16, 15), state, 0, counts
        )
        bias, _ = reference.update(
            layer.bias.tolist(), bias_total.tolist(), k[1], way, (-room, room), state, 0, counts
        )
        assert (
            new.layers[index].weight.ravel().tolist() == weight
            and new.layers[index].bias.tolist() == bias
        )
        one = found[layer.name]
        assert {name: getattr(one, name) for name in counts} == counts and counts["written"] > 0
        assert one.gradient_saturated == 0 and one.synapses == layer.weight.size + layer.bias.size
        frames = after
    alone = learn(chip, LEARNER, chip.traces(chip.spikes(x)), np.array(y))
    np.testing.assert_array_equal(new.weight, alone.weight)
    np.testing.assert_array_equal(new.bias, alone.bias)


def test_sums_stay_in_their_word_and_are_counted():
    G, Gb = np.zeros((1, 1, 1, 1), np.int64), np.zeros((1, 1), np.int64)
    u, p, d = np.zeros((2, 2, 1), np.int16), np.full((2, 2, 1), 4096), np.array([127])
    neuron = IntegerLIF(3891, 3686, 2662, 1024, 0, 160)
    clipped = feedback.sample(G, Gb, u, p, d, neuron, 0, (-5000, 5000))
    assert (clipped, G.item(), Gb.item()) == (8, 5000, 5000)


def test_the_float_twin_takes_the_same_steps():
    net, theta, chip = small(weight_bits=8, channels=(4, 6), shape=(8, 8, 2))
    # balanced labels would leave rounding alone
    x, y = (
        np.minimum(events(net, 6, 20), 7),
        np.array([0, 0, 0, 0, 0, 1]),
    )
    how = Feedback(-3, -6, "nearest", seed=9)
    new, _ = learn_all(chip, LEARNER, how, x, y)
    twin = float_learn_all(net, theta, LEARNER, how, x, y) - theta
    for n, (layer, before) in enumerate(zip(new.layers[:2], chip.layers)):
        step = (
            (layer.weight.astype(int) - before.weight).ravel()
            * 2.0**layer.exponent
            / (net.neuron.gain if n == 0 else 1)
        )
        inside, want = np.abs(layer.weight.ravel().astype(int)) < 127, twin[net.layout[2 * n].slice]
        assert inside.mean() > 0.8 and np.corrcoef(step[inside], want[inside])[0, 1] > 0.9
        assert np.abs(step[inside]).sum() == pytest.approx(np.abs(want[inside]).sum(), rel=0.3)
        want, found = (
            twin[net.layout[2 * n + 1].slice],
            (layer.bias - before.bias) * 2.0 ** (layer.exponent - layer.fraction),
        )
        assert np.corrcoef(found, want)[0, 1] > 0.9 and np.abs(found).sum() == pytest.approx(
            np.abs(want).sum(), rel=0.3
        )


def test_signs_are_fixed_and_differ_between_layers():
    one, other = signs(1, 5, 128), signs(2, 5, 128)
    assert (
        set(np.unique(one)) == {-1, 1}
        and (one == signs(1, 5, 128)).all()
        and 0.3 < (one == other).mean() < 0.7
    )
    assert np.abs(one.mean()) < 0.1
    e = np.zeros(2, np.int64)
    errors.error(np.array([0, 0]), 0, errors.SOFTMAX, e)
    assert e.tolist() == [-64, 64]


def test_strict_mode_refuses_a_gradient_of_a_conv_layer_that_left_its_word(monkeypatch):
    net, _, chip = small(strict=True)
    x = np.minimum(events(net), 7)
    learn_all(chip, LEARNER, Feedback(), x, np.arange(3))
    monkeypatch.setattr(feedback, "GRADIENT", feedback.GRADIENT.__class__(14, 19))
    with pytest.raises(Saturated, match="conv1 gradient: .* sums left 14 bits"):
        learn_all(chip, LEARNER, Feedback(), x, np.arange(3))


def test_what_does_not_fit_is_said():
    # steps of 2^-8 and 2^-10 where nothing is said
    assert shifts_of(Feedback(), -7, 12) == (
        20,
        10,
    )
    net, _, chip = small()
    for learner in (Learner("three-factor"), Learner(online=True)):
        with pytest.raises(ValueError, match="random feedback goes with the membrane rule"):
            learn_all(chip, learner, Feedback(), events(net), np.arange(3))
    with pytest.raises(ValueError, match="32 bits can be had"):
        shifts_of(Feedback(log2_weight=-40), -7, 12)
    with pytest.raises(ValueError, match="rounding must be"):
        Feedback(rounding="up")
