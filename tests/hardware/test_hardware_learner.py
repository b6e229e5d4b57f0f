"""The learner: kernels against plain Python integers, what thresholds and rounding may do, the
float twins."""

import numpy as np
import pytest
from integers import events, readout_alone, small

from minisnn.hardware.chip import errors
import plain_integers as reference
from minisnn.hardware.study import floats
from minisnn.hardware import Learner, learn
import minisnn as ms


def test_errors_are_near_the_real_ones_and_sum_to_nothing(rng):
    e = np.zeros(5, np.int64)
    for _ in range(2000):
        u = rng.integers(-4000, 4000, 5)
        label = int(rng.integers(5))
        for name, kind in errors.ERRORS.items():
            errors.error(u, label, kind, e)
            assert e.tolist() == reference.error(name, u.tolist(), label)
            assert -128 <= e.min() and e.max() <= 127
            real = "softmax" if name == "ternary" else name
            exact = floats.float_error(real, u[None] / 1024, np.array([label]))[0]
            if name == "ternary":
                sure = np.abs(np.abs(exact) - 0.25) > 0.03
                assert (np.sign(e) == np.where(np.abs(exact) > 0.25, np.sign(exact), 0))[sure].all()
            else:
                assert np.abs(e / 128 - exact).max() < (0.022 if name == "softmax" else 0.0079)
            if name == "softmax":
                assert abs(e.sum()) <= 3


def test_the_table_of_exponentials_is_exact():
    assert errors.EXPONENTIAL.tolist() == reference.EXPONENTIAL


def test_the_membrane_rule_is_the_inner_step_on_the_readout_with_its_reset_detached(rng):
    net, theta, _ = small(channels=(4,), shape=(6, 6, 2))
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8, detach_reset=True)
    x = events(net, 4, 20)
    y = np.array([0, 1, 2, 1])
    twin, l = floats.FloatReadout(net, theta), -2
    p = twin.traces(x)
    new = twin.learn(Learner(log2_weight=l, log2_bias=l), p, y)
    adapted = ms.adapt(net, theta, x, y, 4 * 2.0**l, freeze=("conv1",))
    for name, array in (("weight", new.weight), ("bias", new.bias)):
        np.testing.assert_allclose(array, net.views(adapted)[f"readout.{name}"], atol=1e-6)
    u = twin.membranes(p, new.weight, new.bias)[:, -1]
    np.testing.assert_allclose(u, net(adapted, x), atol=1e-4)


@pytest.mark.parametrize("rule", ("membrane", "three-factor"))
def test_integers_and_float_twin_take_the_same_step_where_words_are_long(rule):
    """The same traces for both: the step differs by the error's table and by rounding alone."""
    net = ms.SpikingNet(18, (), 3)
    rng = np.random.default_rng(3)
    theta = np.zeros(net.size, np.float32)
    weight = rng.integers(-40, 40, (18, 3)).astype(np.int8)
    net.views(theta)["readout.weight"][...] = weight / 512
    chip = readout_alone(18, 3, -9, weight)
    p = rng.integers(0, 900, (3, 12, 18)).astype(np.int32)
    twin = floats.FloatReadout(net, theta)
    l = 0 if rule == "membrane" else -3
    how = Learner(rule, "target", "nearest", log2_weight=l, log2_bias=-4, window=8)
    exact = twin.learn(how, (p / 4096).astype(np.float32), np.arange(3)).weight
    found = learn(chip, how, p, np.arange(3))
    inside = np.abs(found.weight) < 127
    step = ((found.weight - chip.weight) * 2.0**-9)[inside]
    expected = (exact - twin.weight)[inside]
    assert inside.mean() > 0.5 and np.corrcoef(step, expected)[0, 1] > 0.99
    assert step @ expected / (expected @ expected) == pytest.approx(1, abs=0.05)
    with pytest.raises(ValueError):
        Learner(log2_weight=-30).shifts(-7)
    assert Learner(threshold=255).threshold == 255  # a byte
    with pytest.raises(ValueError, match="threshold"):
        Learner(threshold=256)


def test_the_float_twin_leaves_out_gradients_up_to_the_threshold():
    g = np.float32([4, 2, -2, -2.25, 0.5])

    class Given(floats.FloatReadout):
        weight = bias = np.zeros(5, np.float32)

        def __init__(self):
            pass

        def _gradient(self, *_):
            return g, -g

    found = Given().learn(Learner(threshold=128, log2_weight=-1, log2_bias=0), g, g)
    assert found.weight.tolist() == [-2, 0, 0, 1.125, 0]
    assert found.bias.tolist() == [4, 0, 0, -2.25, 0]
