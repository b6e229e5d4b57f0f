"""What would be taken for another number in silence is refused: masked arrays, steps up the loss."""

import numpy as np
import pytest

import minisnn as ms
from minisnn import arguments


x = np.ones((2, 12, 4, 4, 2), np.uint8)
y = np.array([0, 1])
net = ms.SpikingNet((4, 4, 2), (2,), 2, 3, window=5, backend="numpy")
theta = net.init(np.random.default_rng(0))


def test_what_was_found_is_shown_in_a_line():
    assert arguments.shown(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    assert len(arguments.shown("a" * 1000)) == arguments.SHORT + 1


@pytest.mark.parametrize(
    "name, call",
    [
        (
            "recordings",
            lambda hidden: ms.Task(
                x, y, x, y, recordings=(hidden(np.array([[1], [2]])), [[3], [4]])
            ),
        ),
        ("gradient", lambda hidden: ms.meta.optim.clip(hidden(theta), 1.0)),
        ("gradient", lambda hidden: ms.SGD(3).step(np.zeros(3), hidden(np.ones(3)), 0.1)),
        ("theta", lambda hidden: ms.Adam(3).step(hidden(np.zeros(3)), np.ones(3), 0.1)),
        ("theta", lambda hidden: ms.save("masked.h5", net, hidden(theta))),
        ("x", lambda hidden: net.gradients(theta, hidden(x), y)),
        ("y", lambda hidden: net.gradients(theta, x, hidden(y))),
        ("v", lambda hidden: net.hessian_vector_product(theta, x, y, hidden(theta))),
    ],
)
def test_what_is_masked_is_nowhere_taken_as_it_is(name, call, here):
    call(lambda given: np.ma.masked_array(given, np.zeros(given.shape, bool)))
    with pytest.raises(ValueError, match=f"{name} .*masked"):
        call(
            lambda given: np.ma.masked_array(given, np.arange(given.size).reshape(given.shape) == 1)
        )


@pytest.mark.parametrize(
    "wrong", [-1, -1e-30, np.float32(-1), np.where(np.arange(net.size) == 3, -0.5, 1.0)], ids=str
)
def test_no_step_goes_up_the_loss(wrong):
    with pytest.raises(ValueError):
        ms.adapt(net, theta, x, y, step_size=wrong)
