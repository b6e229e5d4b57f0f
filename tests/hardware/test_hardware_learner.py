"""The learner: kernels against plain Python integers, what thresholds and rounding may do, the
float twins."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import pytest
from integers import events, readout_alone, small

from minisnn.hardware.chip import errors, learner
import plain_integers as reference
from minisnn.hardware.chip.formats import ROUNDINGS, STOCHASTIC, xorshift32
from minisnn.hardware.study.floats import FloatReadout, float_error
from minisnn.hardware.chip.learner import Learner, learn
from minisnn.core.loss import softmax
from minisnn.meta.rules import body
import minisnn as ms


def test_membranes_of_class_means_are_those_of_the_nearest_one(rng):
    """With W = c the membrane is (|p|^2 - |p - c|^2 - the largest |c|^2) / 2, to what rounding
    leaves."""
    chip = readout_alone(40, 4, -7)
    p, y = rng.integers(0, 4097, (12, 1, 40)).astype(np.int32), np.arange(12) % 4
    found = learn(chip, Learner("class-mean", rounding="nearest"), p, y)
    c, x = np.stack([p[y == k, 0].mean(0) for k in range(4)]) / 4096, p[:, 0] / 4096
    distance = ((x[:, None] - c) ** 2).sum(2)
    expected = 0.5 * ((x * x).sum(1)[:, None] - distance - (c * c).sum(1).max())
    u = chip.membranes(p, found.weight, found.bias)[:, 0] / 1024
    assert np.abs(u - expected).max() < 40 * 2**-8 < np.ptp(u) / 5 and (u < 0).mean() > 0.8
    assert (u.argmax(1) == distance.argmin(1)).mean() > 0.9


def apply(G, W, theta=0, k=8, mode=STOCHASTIC, bits=8, state=1):
    W, counts = W.copy(), np.zeros(3, np.int64)
    learner.update(W, G, theta, k, mode, (-(1 << bits - 1), (1 << bits - 1) - 1), state, counts)
    return W, dict(zip(("written", "gated", "clipped"), counts.tolist()))


def test_without_threshold_and_noise_the_update_is_the_plain_rule(rng):
    G, W = rng.integers(-(2**17), 2**17, 5000), rng.integers(-128, 128, 5000)
    for name, mode in ROUNDINGS.items():
        k = 8
        exact = {
            "floor": G >> k,
            "zero": np.trunc(G / 2**k).astype(int),
            "nearest": G + (1 << k - 1) >> k,
        }.get(name)
        if exact is not None:
            found, counts = apply(G, W, mode=mode)
            np.testing.assert_array_equal(found, np.clip(W - exact, -128, 127))
            assert counts == {
                "written": (found != W).sum(),
                "gated": (G == 0).sum(),
                "clipped": (found != W - exact).sum(),
            }


def test_every_synapse_has_a_random_number_of_its_own(rng):
    """With W = 0 and G below one unit, what is written tells the noise: that of the generator in
    order, whoever is gated."""
    k, state, expected = 8, 5, []
    for _ in range(2000):
        state = xorshift32(state)
        expected.append(state >> 32 - k)
    G = rng.integers(1, 256, 2000)
    found, _ = apply(G, np.zeros(2000, np.int64), state=5)
    np.testing.assert_array_equal(found, -((G + np.array(expected)) >> k))
    assert len(set(expected)) > 200


def test_a_gradient_fills_its_word_after_so_many_steps_and_then_is_clipped_and_counted():
    e, p = np.array([-128]), np.array([4096])
    G = np.zeros((1, 1), np.int64)
    word = low, high = -(1 << 31), (1 << 31) - 1
    assert sum(learner.accumulate(G, e, p, word) for _ in range(4096)) == 0 and G[0, 0] == low
    assert learner.accumulate(G, e, p, word) == 1 and G[0, 0] == low
    # unshifted products of e, sigma' and p would fill it in 16: 128 * 255 * 4096 * 17 > 2^31
    assert 128 * 255 * 4096 * 16 < 2**31 < 128 * 255 * 4096 * 17


def test_shifts_make_the_steps_they_stand_for():
    """One integer step, undone in real numbers: -2^l e p of the weights and -2^l e of the bias, to
    a unit in the last place."""
    chip = readout_alone(8, 2, -7)
    p = np.full((1, 3, 8), 700, np.int32)
    for l in (-4, 0, 2):
        found = learn(chip, Learner(rounding="nearest", log2_weight=l, log2_bias=l), p, [1])
        e = np.zeros(2, np.int64)
        errors.error(chip.membranes(p)[0, -1], 1, errors.SOFTMAX, e)
        step = (chip.weight - found.weight)[0] * 2.0**-7
        want = 2.0**l * e / 128 * 700 / 4096
        inside = np.abs(want) < 0.4
        assert (np.abs(step - want)[inside] <= 2.0**-8 + 1e-12).all() and inside.any()
        np.testing.assert_allclose(
            (chip.bias - found.bias) * 2.0**-19, 2.0**l * e / 128, atol=2.0**-20
        )
    with pytest.raises(ValueError, match="-12 to 32 bits can be had"):
        Learner(log2_weight=-30).shifts(-7)


def test_errors_are_near_the_real_ones_and_sum_to_nothing():
    rng, e = np.random.default_rng(0), np.zeros(5, np.int64)
    for _ in range(2000):
        u, label = rng.integers(-4000, 4000, 5), int(rng.integers(5))
        for name, kind in errors.ERRORS.items():
            errors.error(u, label, kind, e)
            assert (
                e.tolist() == reference.error(name, u.tolist(), label)
                and -128 <= e.min()
                and e.max() <= 127
            )
            exact = float_error(
                "softmax" if name == "ternary" else name, u[None] / 1024, np.array([label])
            )[0]
            if name == "ternary":
                sure = np.abs(np.abs(exact) - 0.25) > 0.03
                assert (np.sign(e) == np.where(np.abs(exact) > 0.25, np.sign(exact), 0))[sure].all()
            else:
                assert np.abs(e / 128 - exact).max() < (0.022 if name == "softmax" else 0.0079)
            if name == "softmax":
                assert abs(e.sum()) <= 3


def test_the_table_of_exponentials_is_exact():
    with localcontext(prec=30):
        table = [
            (2**15 * (-(Decimal(n) + Decimal("0.5")) / 16).exp()).quantize(1, ROUND_HALF_EVEN)
            for n in range(256)
        ]
    assert errors.EXPONENTIAL.tolist() == [int(v) for v in table] and table[0] < 2**15
    assert errors.TRIGGER == 128 // 4


def test_the_membrane_rule_is_the_inner_step_on_the_readout_with_its_reset_detached(rng):
    net, theta, _ = small(channels=(4,), shape=(6, 6, 2))
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8, detach_reset=True)
    x, y = events(net, 4, 20), np.array([0, 1, 2, 1])
    twin, l = FloatReadout(net, theta), -2
    p = twin.traces(x)
    new = twin.learn(Learner(log2_weight=l, log2_bias=l), p, y)
    weight, bias = new.weight, new.bias
    adapted = net.views(ms.adapt(net, theta, x, y, 4 * 2.0**l, freeze=body(net)))
    np.testing.assert_allclose(weight, adapted["readout.weight"], atol=1e-6)
    np.testing.assert_allclose(bias, adapted["readout.bias"], atol=1e-6)
    np.testing.assert_allclose(
        twin.membranes(p, weight, bias)[:, -1],
        net(ms.adapt(net, theta, x, y, 4 * 2.0**l, freeze=body(net)), x),
        atol=1e-4,
    )
    assert (
        np.abs(
            float_error("softmax", twin.membranes(p, twin.weight, twin.bias)[:, -1], y)
            - (softmax(net(theta, x)) - np.eye(3)[y])
        ).max()
        < 1e-5
    )


@pytest.mark.parametrize("rule", learner.RULES)
def test_integers_and_float_twin_take_the_same_step_where_words_are_long(rule):
    """The same traces for both: the step differs by the error's table and by rounding alone."""
    net, rng = ms.SpikingNet(18, (), 3), np.random.default_rng(3)
    theta = np.zeros(net.size, np.float32)
    weight = rng.integers(-40, 40, (18, 3)).astype(np.int8)
    net.views(theta)["readout.weight"][...] = weight / 512
    chip = readout_alone(18, 3, -9, weight)
    p = rng.integers(0, 900, (3, 12, 18)).astype(np.int32)
    twin, l = FloatReadout(net, theta), 0 if rule == "membrane" else -3
    how = Learner(rule, "target", "nearest", log2_weight=l, log2_bias=-4, window=8)
    exact = twin.learn(how, (p / 4096).astype(np.float32), np.arange(3)).weight
    found = learn(chip, how, p, np.arange(3))
    real, start = (found.weight - chip.weight) * 2.0**-9, exact - twin.weight
    inside = np.abs(found.weight) < 127
    assert inside.mean() > 0.5 and np.corrcoef(real[inside], start[inside])[0, 1] > 0.99
