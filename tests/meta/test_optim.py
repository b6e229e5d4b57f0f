"""The outer loop's optimisers against a few steps by hand, the schedule's ends, the clipping."""

import math

import numpy as np
import pytest

import minisnn as ms
from minisnn.meta.optim import clip, cosine


def test_adam_against_three_steps_by_hand():
    """Kingma & Ba 2015, algorithm 1, on two parameters with lr 0.1."""
    gradients = [(1.0, -2.0), (0.5, 0.0), (-1.0, 4.0)]
    adam = ms.Adam(2, dtype=np.float64)
    theta = np.array([0.0, 1.0])
    m = [0.0, 0.0]
    v = [0.0, 0.0]
    expected = [0.0, 1.0]
    for n, g in enumerate(gradients, 1):
        theta = adam.step(theta, np.array(g), 0.1)
        for i in range(2):
            m[i] = 0.9 * m[i] + 0.1 * g[i]
            v[i] = 0.999 * v[i] + 0.001 * g[i] ** 2
            expected[i] -= 0.1 * (m[i] / (1 - 0.9**n)) / (math.sqrt(v[i] / (1 - 0.999**n)) + 1e-8)
        assert theta == pytest.approx(expected, rel=1e-12)
        if n == 1:  # the first step is lr in size, whatever the gradient
            assert theta == pytest.approx([-0.1, 1.1], rel=1e-7)
    assert (
        int(adam.state["n"]) == 3
        and adam.state["m"] == pytest.approx(m)
        and adam.state["v"] == pytest.approx(v)
    )


def test_sgd_with_momentum_by_hand():
    sgd = ms.SGD(2, momentum=0.5, dtype=np.float64)
    theta = np.array([1.0, 2.0])
    theta = sgd.step(theta, np.array([1.0, 0.0]), 0.1)
    assert theta == pytest.approx([0.9, 2.0])
    theta = sgd.step(theta, np.array([1.0, 2.0]), 0.1)  # v = 0.5 v + g = (1.5, 2)
    assert theta == pytest.approx([0.75, 1.8])
    assert ms.SGD(2).step(np.ones(2, np.float32), np.ones(2, np.float32), 0.25).tolist() == [
        0.75,
        0.75,
    ]


def test_cosine():
    assert cosine(0, 100, 2e-3, 4e-5) == pytest.approx(2e-3, rel=1e-15)
    assert (
        cosine(100, 100, 2e-3, 4e-5)
        == cosine(250, 100, 2e-3, 4e-5)
        == pytest.approx(4e-5, rel=1e-15)
    )
    assert cosine(50, 100, 2e-3, 4e-5) == pytest.approx((2e-3 + 4e-5) / 2)
    assert cosine(25, 100, 1.0, 0.0) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert np.all(np.diff([cosine(n, 40, 1.0, 0.02) for n in range(41)]) < 0)
    assert cosine(0, 0, 1.0, 0.5) == 1.0 and cosine(1, 1, 1.0, 0.5) == 0.5


def test_clip():
    gradient = np.array([3.0, -4.0], np.float32)
    clipped, norm = clip(gradient, 2.5)
    assert (
        norm == pytest.approx(5)
        and clipped.dtype == np.float32
        and clipped == pytest.approx([1.5, -2.0])
    )
    for limit in (None, 5.0, 7.0):
        same, norm = clip(gradient, limit)
        assert same.tolist() == [3, -4] and norm == pytest.approx(5)
    assert gradient.tolist() == [3, -4] and clip(np.zeros(2, np.float32), 1.0)[0].tolist() == [
        0,
        0,
    ]


def test_a_gradient_whose_square_overflows_is_not_lost():
    gradient = np.full(4, 1e25, np.float32)
    with np.errstate(over="ignore"):
        clipped, norm = clip(gradient, 1.0)
    assert norm == math.inf and np.array_equal(clipped, gradient)


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda: clip(np.array([3, 4]), 1.0), "gradient"),
        (lambda: ms.Adam(2, beta2=1.5), "beta2"),
        (lambda: ms.Adam(2).step(np.ones(2, int), np.ones(2), 0.1), "theta"),
        (lambda: ms.SGD(1).step(np.ones(3), np.ones(3), 0.1), "theta"),
        (lambda: ms.Adam(3).step(np.ones(3), np.ones(1), 0.1), "gradient"),
    ],
)
def test_what_would_be_rounded_or_spread_in_silence_is_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()
