"""Features that are read at several times of a recording: their gradient, the engines, and what
they are for."""

import numpy as np
import pytest
import small

from minisnn import CubaLIF, LIF

SIZES = dict(input_shape=(8, 8, 2), channels=(3, 4), window=14)


@pytest.mark.parametrize("T", [16, 18])
@pytest.mark.parametrize("neuron", [LIF(), CubaLIF(threshold=0.1)])
def test_each_reading_is_the_last_trace_of_what_was_seen_so_far(neuron, T, backend):
    """Four readings of a recording are the features of its first quarter, half, and so on."""
    net = small.network(backend, neuron=neuron, **SIZES)
    theta, task = small.fitted(net, 1, 2, T)
    found = net.features(theta, task.x_query, readings=4)
    ends = [4, 8, 12, 16] if T == 16 else [4, 9, 14, 18]
    alone = [net.features(theta, task.x_query[:, :n]) for n in ends]
    np.testing.assert_allclose(found, np.concatenate(alone, 1), rtol=1e-12, atol=1e-15)
    assert found.any(0).reshape(4, -1).any(1)[1:].all()


def test_what_does_not_fit():
    net = small.network(window=12)
    theta, x, _ = small.samples(net, steps=16)
    with pytest.raises(ValueError):
        net.features(theta, x, readings=17)
    with pytest.raises(ValueError):
        net.features_and_pullback(theta, x, readings=4)
