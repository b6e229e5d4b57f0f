"""`minisnn.micro`, the file that is read, against the engines and a complex step."""

import numpy as np
import pytest
from differences import off

import minisnn as ms
from minisnn import micro
from processes import python

# (shape of a step, (channels, kernel) of each conv layer, dense layers, ways)
ARCHITECTURES = {
    "readout": ((2, 3, 2), [], [], 3),
    "dense": ((3, 3, 1), [], [7, 5], 2),
    "conv": ((9, 7, 2), [(4, 3)], [], 4),
    "kernels of 1 and 7": ((10, 13, 2), [(3, 7), (4, 1)], [], 5),
    "conv and dense": ((8, 11, 2), [(4, 5), (5, 3)], [6, 4], 3),
}


def draw(name, seed):
    """theta as a list, support and query, and the same network of the library in float64."""
    shape, convs, dense, ways = ARCHITECTURES[name]
    rng = np.random.default_rng([seed, len(name)])
    theta = []
    H, W, C = shape
    for channels, k in convs:
        weight = rng.normal(0, 2 / np.sqrt(k * k * C), (k, k, C, channels))
        theta.append((weight, rng.normal(0, 0.1, channels)))
        H = H // 2
        W = W // 2
        C = channels
    features = H * W * C
    for units in [*dense, ways]:
        weight = rng.normal(0, 3 / np.sqrt(features), (features, units))
        theta.append((weight, rng.normal(0, 0.1, units)))
        features = units
    y = np.arange(2 * ways) % ways
    x = rng.poisson(0.3, (2 * ways, 14, *shape)).astype(float)
    layers = [ms.Conv(channels, kernel=k) for channels, k in convs] + [ms.Dense(n) for n in dense]
    return theta, (x[:ways], y[:ways]), (x[ways:], y[ways:]), layers, ways, shape


def flat(theta):
    return np.concatenate([array.ravel() for pair in theta for array in pair])


def close(a, b, bound=1e-12):
    assert np.abs(b).max() > 1e-6  # there is something to compare
    assert off(a, b) <= bound


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_meta_gradient_is_that_of_the_engines(name, backend):
    theta, support, query, layers, ways, shape = draw(name, 0)
    net = ms.SpikingNet(
        shape, layers=layers, ways=ways, window=14, dtype=np.float64, backend=backend
    )
    for steps, order in [(0, 2), (1, 1), (1, 2), (3, 2)]:
        loss, adjoint = micro.meta_gradient(theta, support, query, 0.7, steps, order)
        task = ms.Task(*support, *query)
        if steps:
            expected_loss, expected = ms.meta_gradient(
                net, flat(theta), task, step_size=0.7, steps=steps, order=order
            )
        else:
            expected_loss, expected = net.loss_and_gradient(flat(theta), *query)
        assert loss == pytest.approx(expected_loss, rel=1e-12)
        close(flat(adjoint), expected)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_product_by_the_tangent_passes_is_that_of_a_complex_step(name):
    theta, (x, y), *_ = draw(name, 1)
    rng = np.random.default_rng(2)
    direction = [(rng.normal(size=w.shape), rng.normal(size=b.shape)) for w, b in theta]
    _, gradient = micro.gradient(micro.add_scaled(theta, 1e-100j, direction), x, y)
    close(flat(micro.hvp(theta, x, y, direction)), flat(gradient).imag * 1e100)


def test_second_order_differs_from_the_first():
    theta, support, query, *_ = draw("conv and dense", 3)
    first = flat(micro.meta_gradient(theta, support, query, 1.0, 1, order=1)[1])
    second = flat(micro.meta_gradient(theta, support, query, 1.0, 1)[1])
    assert off(second, first) > 1e-3


def test_learns_from_the_command_line():
    done = python("-m", "minisnn.micro", "--updates", "100", check=True)
    lines = done.stdout.splitlines()
    loss, accuracy = map(float, lines[0].split("[")[1].rstrip("]").split())
    assert loss < np.log(3) - 0.1 and accuracy > 0.6  # a guess: log 3 and 1/3
    for line in lines[1:]:
        largest, difference = (float(word) for word in line.split() if word[0].isdigit())
        assert difference < 1e-12 * largest
