"""Networks, neurons, parameters and data that cannot be: one clear sentence each."""

import numpy as np
import pytest
import small
from test_network import deep

import minisnn as ms


@pytest.mark.parametrize(
    "changes, word",
    [
        (dict(input_shape=(7, 6)), "input_shape"),
        (dict(channels=(3, 0)), "channels"),
        (dict(channels=(3, 2, 2)), "conv3"),
        (dict(channels=(2.0,)), "channels"),
        (dict(kernel=4), "kernel"),
        (dict(window=0), "window"),
        (dict(window=True), "window"),
        (dict(ways=3.0), "ways"),
        (dict(dtype=np.int32), "dtype"),
        (dict(pool="avg"), "pool"),
        (dict(loss="hinge"), "loss"),
        (dict(neuron=ms.LIF), "neuron"),
    ],
)
def test_configurations_that_cannot_be(changes, word):
    with pytest.raises(ValueError, match=word):
        deep(**changes)


WRONG = {  # what becomes of (theta, x, y), and a word of what is said
    "another size": (lambda t, x, y: (t[:-1], x, y), "theta"),
    "a list": (lambda t, x, y: (list(t), x, y), "theta"),
    "theta with NaN": (lambda t, x, y: (t * np.nan, x, y), "finite"),
    "complex theta": (lambda t, x, y: (t + 0j, x, y), "real"),
    "theta beyond float32": (lambda t, x, y: (t.astype(float) + 1e300, x, y), "finite"),
    "negative counts": (lambda t, x, y: (t, x.astype(int) - 1, y), "counts"),
    "counts beyond measure": (lambda t, x, y: (t, x * 1e300, y), "counts"),
    "x without batch": (lambda t, x, y: (t, x[0], y), "x"),
    "x of another size": (lambda t, x, y: (t, x[:, :, 1:], y), "x"),
    "x without samples": (lambda t, x, y: (t, x[:0], y[:0]), "sample"),
    "x without steps": (lambda t, x, y: (t, x[:, :0], y), "step"),
    "x with NaN": (lambda t, x, y: (t, np.where(x > 1, np.nan, x), y), "finite"),
    "x of words": (lambda t, x, y: (t, x.astype(str), y), "counts"),
    "too few labels": (lambda t, x, y: (t, x, y[:1]), "labels"),
    "real labels": (lambda t, x, y: (t, x, y + 0.5), "labels"),
    "labels too high": (lambda t, x, y: (t, x, y + 3), "labels"),
    "negative labels": (lambda t, x, y: (t, x, y - 3), "labels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(backend, name):
    net = deep(backend, dtype=np.float32 if "float32" in name else np.float64)
    change, words = WRONG[name]
    for call in (net.loss, net.loss_and_gradient, net.gradients):
        with pytest.raises(ValueError, match=words):
            call(*change(*small.samples(net)))


def test_errors_of_twins_vectors_and_targets(backend):
    net = deep(backend)
    squared = deep(backend, loss="squared")
    theta, x, y = small.samples(net)
    for word, call in {
        "spike": lambda: net.loss(theta, x, y, spike="soft"),
        "record": lambda: net.loss_and_gradient(theta, x, y, spike="jet"),
        "v must": lambda: net.hessian_vector_product(theta, x, y, theta[1:]),
        "targets": lambda: squared.loss(theta, x, np.zeros((3, 2))),
        "complex": lambda: squared.loss(theta, x, np.ones((3, 3)) * 1j),
        "floating": lambda: squared.loss(theta, x, np.ones((3, 3), np.int64)),
        "finite": lambda: squared.loss(theta, x, np.full((3, 3), np.nan)),
    }.items():
        with pytest.raises(ValueError, match=word):
            call()


@pytest.mark.parametrize("call", ["__call__", "loss", "loss_and_gradient", "gradients"])
def test_logits_that_overflow_are_refused(backend, call):
    net = deep(backend, dtype=np.float32)
    theta, x, y = small.samples(net)
    # every site spikes
    for name, value in {"readout.weight": 3e38, "readout.bias": 3e38, "conv2.bias": 1e3}.items():
        net.views(theta)[name][...] = value
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="logits"):
        getattr(net, call)(*(theta, x, y)[: 2 if call == "__call__" else 3])
