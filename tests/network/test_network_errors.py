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


@pytest.mark.parametrize(
    "constants, words",
    [
        (dict(alpha=1.0), "alpha"),
        (dict(beta=-0.1), "beta"),
        (dict(gamma=1.5), "gamma"),
        (dict(slope=0), "slope must be positive"),
        (dict(rho=np.nan), "rho must be a finite"),
        (dict(gain="10"), "gain must be a finite"),
        (dict(threshold=True), "threshold must be a finite"),
    ],
)
def test_neurons_that_cannot_be(constants, words):
    with pytest.raises(ValueError, match=words):
        ms.LIF(**constants)


def test_time_constants():
    n = ms.LIF.from_time_constants(
        tau_membrane=20e-3, tau_synapse=10e-3, tau_refractory=2e-3, dt=1e-3, rho=0.5
    )
    assert (n.alpha, n.beta, n.gamma, n.rho) == pytest.approx(
        (0.951229, 0.904837, 0.606531, 0.5), abs=1e-6
    )
    defaults = ms.LIF.from_time_constants()
    assert (defaults.alpha, defaults.beta, defaults.gamma) == pytest.approx(
        (0.95, 0.9, 0.65), abs=5e-3
    )
    with pytest.raises(ValueError, match="time constants"):
        ms.LIF.from_time_constants(tau_synapse=0)


def wrong(name):
    return {
        "theta of another size": (
            lambda t, x, y: (t[:-1], x, y),
            r"theta must be a flat array of \d+ parameters",
        ),
        "theta as a list": (lambda t, x, y: (list(t), x, y), "theta must be a flat array"),
        "theta with NaN": (
            lambda t, x, y: (np.where(np.arange(t.size) == 3, np.nan, t), x, y),
            "theta must be finite",
        ),
        "complex theta": (
            lambda t, x, y: (t + 0j, x, y),
            "theta must be of real numbers",
        ),
        "theta beyond float32": (
            lambda t, x, y: (t.astype(float) + 1e300, x, y),
            "theta must be finite in float32",
        ),
        "negative counts": (
            lambda t, x, y: (t, x.astype(int) - 1, y),
            "x must be event counts",
        ),
        "counts beyond measure": (
            lambda t, x, y: (t, x * 1e300, y),
            "x must be event counts",
        ),
        "x without batch": (lambda t, x, y: (t, x[0], y), r"x must be \(B, T, H, W, C\)"),
        "x of another size": (
            lambda t, x, y: (t, x[:, :, 1:], y),
            r"x must be .* not \(2, 14, 6, 6, 2\)",
        ),
        "x without samples": (lambda t, x, y: (t, x[:0], y[:0]), "at least one sample"),
        "x without steps": (
            lambda t, x, y: (t, x[:, :0], y),
            "at least one sample and one time step",
        ),
        "x with NaN": (lambda t, x, y: (t, np.where(x > 1, np.nan, x), y), "x must be finite"),
        "x of words": (lambda t, x, y: (t, x.astype(str), y), "x must be event counts"),
        "too few labels": (lambda t, x, y: (t, x, y[:1]), "y must be 2 integer labels"),
        "real labels": (lambda t, x, y: (t, x, y + 0.5), "y must be 2 integer labels"),
        "labels too high": (lambda t, x, y: (t, x, y + 3), "labels"),
        "negative labels": (lambda t, x, y: (t, x, y - 3), "labels"),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "theta of another size",
        "theta as a list",
        "theta with NaN",
        "complex theta",
        "theta beyond float32",
        "negative counts",
        "counts beyond measure",
        "x without batch",
        "x of another size",
        "x without samples",
        "x without steps",
        "x with NaN",
        "x of words",
        "too few labels",
        "real labels",
        "labels too high",
        "negative labels",
    ],
)
def test_errors(backend, name):
    net = small(backend, dtype=np.float32 if "float32" in name else np.float64)
    theta, x, y = case(net)
    change, words = wrong(name)
    for call in (net.loss, net.loss_and_gradient, net.gradients):
        with pytest.raises(ValueError, match=words):
            call(*change(theta, x, y))


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


def test_half_precision_counts_are_counts(recwarn):
    net = small(backend="numpy")
    theta, x, _ = case(net)
    assert np.array_equal(net(theta, x.astype(np.float16)), net(theta, x)) and not recwarn
