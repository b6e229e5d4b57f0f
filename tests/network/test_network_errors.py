"""Networks, neurons, parameters and data that cannot be: one clear sentence each."""

import numpy as np
import pytest
from test_network import case, small

import minisnn as ms
from minisnn.parallel.checks import NotFinite


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(input_shape=(7, 6)), "input_shape must be"),
        (dict(input_shape=(0, 6, 2)), "input_shape must be"),
        (dict(input_shape=12), "input_shape"),
        (dict(channels=(3, 0)), "channels must be"),
        (dict(channels=(3, 2, 2)), "conv3 would pool an image of 1 x 1"),
        (dict(ways=0), "ways must be"),
        (dict(kernel=4), "kernel must be odd"),
        (dict(kernel=-1), "kernel must be odd"),
        (dict(window=0), "window must be"),
        (dict(dtype=np.int32), "dtype must be float32 or float64"),
        (dict(pool="avg"), "pool must be one of max, mean"),
        (dict(loss="hinge"), "loss must be one of"),
        (dict(backend="cuda"), "backend must be one of"),
        (dict(hidden=(-2,)), "channels must be"),
        (dict(channels=(2.0,)), "channels"),
        (dict(hidden=("4",)), "hidden must"),
        (dict(input_shape=(7, 6.5, 2)), "input_shape must"),
        (dict(window=1.5), "window must be a whole number, not 1.5"),
        (dict(window=True), "window must be a whole number, not True"),
        (dict(ways=3.0), "ways must be a whole number, not 3.0"),
        (dict(kernel=None), "kernel must be a whole number, not None"),
        (
            dict(neuron="x"),
            "neuron must be an LIF, a CubaLIF or a minisnn.Neuron of your own, not 'x'",
        ),
        (
            dict(neuron=ms.LIF),
            "neuron must be an LIF, a CubaLIF or a minisnn.Neuron of your own, not <class",
        ),
    ],
)
def test_configurations_that_cannot_be(changes, words):
    with pytest.raises(ValueError, match=words):
        small(**changes)


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
    net = small(backend, dtype=np.float32 if "float32" in name else np.float64)
    change, words = WRONG[name]
    for call in (net.loss, net.loss_and_gradient, net.gradients):
        with pytest.raises(ValueError, match=words):
            call(*change(*case(net)))


def test_errors_of_twins_vectors_and_targets(backend):
    net, squared = small(backend), small(backend, loss="squared")
    theta, x, y = case(net)
    with pytest.raises(ValueError, match="spike must be one of hard, jet, smooth"):
        net.loss(theta, x, y, spike="soft")
    with pytest.raises(ValueError, match=r"needs record=net.record\(theta, x\)"):
        net.loss_and_gradient(theta, x, y, spike="jet")
    with pytest.raises(ValueError, match="v must be a flat array"):
        net.hessian_vector_product(theta, x, y, theta[1:])
    with pytest.raises(ValueError, match="targets"):
        squared.loss(theta, x, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="finite"):
        squared.loss(theta, x, np.full((2, 3), np.nan))


@pytest.mark.parametrize(
    "model",
    [small, lambda backend: ms.ConvNet((7, 6, 2), (3, 2), 3, 3, np.float64, backend=backend)],
)
def test_booleans_are_counts_of_one(backend, model):
    net = model(backend)
    theta, x, y = case(net)
    assert np.array_equal(net(theta, x > 0), net(theta, (x > 0).astype(np.uint8))) and x.any()


@pytest.mark.parametrize("call", ["__call__", "loss", "loss_and_gradient", "gradients"])
def test_logits_that_overflow_are_refused(backend, call):
    net = small(backend, dtype=np.float32)
    theta, x, y = case(net)
    # every site spikes
    for name, value in (
        ("readout.weight", 3e38),
        ("readout.bias", 3e38),
        ("conv2.bias", 1e3),
    ):
        net.views(theta)[name][...] = value
    with (
        np.errstate(all="ignore"),
        pytest.raises(NotFinite, match="the logits overflow float32; theta reaches 3e[+]38"),
    ):
        getattr(net, call)(*(theta, x, y)[: 2 if call == "__call__" else 3])


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_masks_are_not_looked_through(backend):
    net = small(backend=backend)
    theta, x, y = case(net)
    hidden = {
        "theta": (np.ma.array(theta, mask=theta > 0), x, y),
        "x": (theta, np.ma.array(x, mask=x > 0), y),
        "y": (theta, x, np.ma.array(y, mask=y == y[0])),
    }
    for name, given in hidden.items():
        with pytest.raises(ValueError, match=f"{name} .*masked entries"):
            net.gradients(*given)
    with pytest.raises(ValueError, match="v .*masked entries"):
        net.hessian_vector_product(theta, x, y, hidden["theta"][0])
    plain = [np.ma.array(one) for one in (theta, x, y)]
    assert np.array_equal(net.gradients(*plain).gradient, net.gradients(theta, x, y).gradient)


@pytest.mark.parametrize("kind", ["complex128", "M8[s]", "U8", "S8", "O"])
def test_targets_are_real_numbers(kind):
    net = small(loss="squared", backend="numpy")
    theta, x, y = case(net)
    with pytest.raises(ValueError, match="targets"):
        net.loss(theta, x, np.ones((len(x), net.ways)).astype(kind))
    with pytest.raises(ValueError, match="targets"):
        net.loss(theta, x, np.ones((len(x), 1, net.ways)))
