"""theta to integers: exponents against a search, words that clip, steps; operations counted by
hand."""

import numpy as np
import pytest
from integers import events, small

from minisnn.hardware.study import compare
from minisnn.hardware.chip import quantise
from minisnn.hardware import IntegerNet, Words
from minisnn import Checkpoint, ClassMeans, InnerLoop


@pytest.mark.parametrize("bits", quantise.WEIGHT_BITS)
def test_the_exponent_is_that_of_least_squared_error(bits, rng):
    for weight in (
        rng.standard_normal(4000),
        rng.uniform(-1, 1, 4000),
        1e-3 * rng.standard_normal(50) ** 3,
        np.full(9, 3.0),
    ):
        errors = {}
        for exponent in range(-40, 10):
            whole = np.clip(
                np.floor(weight / 2.0**exponent + 0.5), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
            )
            errors[exponent] = np.mean((whole * 2.0**exponent - weight) ** 2)
        found = quantise.best_exponent(weight, bits)
        assert errors[found] == pytest.approx(min(errors.values()), rel=1e-12)


def test_steps_come_from_the_readouts_own_step_sizes():
    net, theta, _ = small()

    def steps(inner, samples):
        how = IntegerNet.of(Checkpoint(net, theta, inner), samples=samples).learner()
        return how.log2_weight, how.log2_bias

    sizes = np.full(net.size, 3.0, np.float32)
    sizes[net.layout[-2].slice], sizes[net.layout[-1].slice] = 26.07, 0.0698
    assert steps(InnerLoop(sizes), 5) == (2, -6) and steps(InnerLoop(4.0), 4) == (0, 0)
    with pytest.raises(ValueError):
        steps(ClassMeans(steps=0, readings=3), 5)
    along = ClassMeans(4.0, steps=0, axes=np.ones((net.layout[-2].shape[0], 2)))
    for inner in (along, ClassMeans(4.0, steps=0, looks=9)):  # what integers leave out is said
        with pytest.warns(UserWarning):
            assert steps(inner, 4)[0] == 0
    for bits, exponent in ((8, -7), (4, -3), (3, -2), (2, -1)):
        chip = IntegerNet.of(Checkpoint(net, theta, InnerLoop(12.0)), Words(readout_bits=bits))
        assert chip.readout.exponent == exponent


def test_operations_by_hand():
    net, _, chip = small(weight_bits=4, readout_bits=3)
    x = events(net, 2)
    found = compare.operations(chip, x)
    inner = chip.spikes(x, 1)
    steps = 2 * 14
    assert found["conv1"] == ((x > 0).sum() * 9 * 3 + 6 * 42 * 3 * steps, 6 * 42 * 3 * steps)
    assert found["conv2"] == (inner.sum() * 9 * 4 + 6 * 9 * 4 * steps, 6 * 9 * 4 * steps)
    p = chip.traces(chip.spikes(x))
    features = 4
    assert found["readout"] == (
        np.count_nonzero(p) * 3 + 2 * features * steps,
        np.count_nonzero(p) * 3 + 4 * features * steps,
    )
    assert found["learning"] == (
        np.count_nonzero(p[:, -1]) * 3 + 4 * 3,
        np.count_nonzero(p[:, -1]) * 3,
    )
