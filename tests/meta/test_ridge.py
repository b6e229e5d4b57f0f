"""Ridge regression in closed form: its answers by NumPy's least squares, its meta-gradient by
differences of the jet twin."""

import numpy as np
import pytest
from differences import off

import minisnn as ms

NEURONS = {"lif": ms.LIF(gain=3.0), "cuba": ms.CubaLIF(gain=3.0, threshold=0.2)}


def case(neuron, readout, backend, ways=2, hidden=(5,), seed=0):
    rng = np.random.default_rng(seed)
    how = dict(ways=ways, loss="squared", neuron=NEURONS[neuron], window=11, dtype="float64")
    net = ms.SpikingNet((7,), (), hidden=hidden, readout=readout, backend=backend, **how)
    x = rng.poisson(0.4, (9, 15, 7)).astype(np.uint8)
    y = rng.standard_normal((9, 11, ways) if readout == "steps" else (9, ways))
    return net, ms.gradcheck.random_theta(net, rng), ms.Task(x[:5], y[:5], x[5:], y[5:])


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("readout", ["last", "mean", "steps"])
def test_answers_are_those_of_least_squares(neuron, readout, backend):
    net, theta, task = case(neuron, readout, backend)

    def rows(x):  # a recording of n steps shows what the readout weighs after n steps
        p = np.stack([net.features(theta, x[:, :n]) for n in range(5, 16)], 1)
        p = {"last": p[:, -1], "mean": p.mean(1), "steps": p.reshape(-1, 5)}[readout]
        return np.pad(p, ((0, 0), (0, 1)), constant_values=1)

    F = rows(task.x_support)
    Y = task.y_support.reshape(-1, 2)
    penalised = np.concatenate([F, np.sqrt(0.3) * np.eye(6)])
    W = np.linalg.lstsq(penalised, np.concatenate([Y, np.zeros((6, 2))]), rcond=None)[0]
    expected = (rows(task.x_query) @ W).reshape(task.y_query.shape)
    assert off(ms.Ridge(penalty=0.3).logits(net, theta, task), expected) < 1e-12


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("readout", ["last", "mean", "steps"])
@pytest.mark.parametrize("hidden", [(5,), (3, 60)])
def test_its_gradient_is_the_slope_of_its_twin(neuron, readout, hidden, backend):
    net, theta, task = case(neuron, readout, backend, hidden=hidden)
    loop = ms.Ridge(penalty=0.3)
    recorded = loop.record(net, theta, task)
    found = loop.meta_gradient(net, theta, task)
    assert found.loss == pytest.approx(loop.loss(net, theta, task), rel=1e-12)
    assert not found.gradient[net.slice_of("readout")].any()
    v = np.random.default_rng(1).standard_normal(net.size)
    loss = lambda h: loop.loss(net, theta + h * v, task, "jet", recorded)
    slope = (8 * (loss(1e-4) - loss(-1e-4)) - (loss(2e-4) - loss(-2e-4))) / 12e-4
    scale = np.linalg.norm(found.gradient) * np.linalg.norm(v)
    assert found.gradient @ v == pytest.approx(slope, abs=1e-8 * scale + 1e-11)
    first = loop.meta_gradient(net, theta, task, order=1).gradient
    assert off(first, found.gradient) > 1e-3


def test_labels_are_one_hot_and_what_does_not_fit_is_refused():
    net, theta, task = case("lif", "last", "numpy")
    labels = ms.Task(task.x_support, [0, 1, 0, 1, 1], task.x_query, [0, 1, 1, 0])
    assert ms.Ridge().logits(net, theta, labels).shape == (4, 2)
    for other, word in (
        (net.like(loss="cross_entropy"), "loss"),
        (net.like(readout="count"), "readout"),
    ):
        with pytest.raises(ValueError, match=word):
            ms.Ridge().logits(other, theta, task)
