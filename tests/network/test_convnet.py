"""The CNN baseline: its equations, every derivative against differences, automatic differentiation,
its errors."""

from functools import partial

import numpy as np
import pytest
import small
from test_network import deep

from minisnn import ConvNet

cnn = partial(deep, kind=ConvNet)


# ---- layout and equations


def test_configuration_builds_the_network_again():
    net = cnn(hidden=(4,), loss="squared", gain=0.3)
    again = ConvNet.from_configuration(net.configuration())
    assert repr(again) == repr(net) and again.configuration() == net.configuration()
    assert again.gain == 0.3
    assert ConvNet.from_configuration(net.configuration(), backend="numba").backend == "numba"


def test_frames_are_summed_counts(backend):
    net = cnn(backend)
    theta, x, _ = small.samples(net)
    expected = net(theta, x)
    for kind in (np.uint8, np.uint16, np.int64, np.float32, np.float64):
        assert np.array_equal(net(theta, x.astype(kind)), expected)
        assert np.array_equal(net(theta, x.sum(1).astype(kind)), expected)
    assert np.array_equal(
        net(theta, np.full((1, 300, 7, 6, 2), 250, np.uint8)),
        net(theta, np.full((1, 7, 6, 2), 75000.0)),
    )
    flat = cnn(backend, input_shape=12, channels=())
    theta, x, _ = small.samples(flat)
    assert np.array_equal(flat(theta, x.sum(1)), flat(theta, x))


def test_ties_go_to_the_first_site_and_odd_rests_are_dropped(backend):
    net = cnn(backend, input_shape=(3, 3, 1), channels=(1,), ways=2, kernel=1)
    theta = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    x = np.array([[[2, 2, 9], [2, 2, 9], [9, 9, 9]]], np.uint8)[..., None]
    assert net(theta, x)[0, 0] == pytest.approx(np.log1p(np.exp(0.2)), rel=1e-14)


def test_logits_by_plain_sums(backend):
    net = cnn(backend, hidden=(4,))
    theta, x, _ = small.samples(net, batch=1)
    views = list(net.views(theta).values())
    y = net.gain * x[0].sum(0, dtype=float)
    for weight, bias in zip(views[:4:2], views[1:4:2]):
        (H, W, _), padded = y.shape, np.pad(y, ((1, 1), (1, 1), (0, 0)))
        u = np.empty((H, W, len(bias)))
        for row, column in np.ndindex(H, W):
            seen = padded[row : row + 3, column : column + 3, :, None]
            u[row, column] = (seen * weight).sum((0, 1, 2)) + bias
        u = np.log1p(np.exp(u[: H // 2 * 2, : W // 2 * 2]))
        y = u.reshape(H // 2, 2, W // 2, 2, -1).max((1, 3))
    hidden = np.log1p(np.exp(y.ravel() @ views[4] + views[5]))
    assert net(theta, x)[0] == pytest.approx(hidden @ views[6] + views[7], rel=1e-12)


# ---- errors


@pytest.mark.parametrize("gain", [0, float("nan"), "1"])
def test_a_gain_is_positive(gain):
    with pytest.raises(ValueError):
        cnn(gain=gain)


def test_frames_that_do_not_fit(backend):
    net = cnn(backend)
    theta, x, y = small.samples(net)
    for wrong in (x[0, 0], x[:, :, 1:], x[:, :0]):
        with pytest.raises(ValueError):
            net.loss(theta, wrong, y)
