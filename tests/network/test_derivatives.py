"""Products with the Jacobian of the logits: events before the window, what is refused, and
Gauss-Newton and Fisher products against dense matrices."""

import numpy as np
import pytest
import small
from differences import off

import minisnn as ms

DENSE = dict(input_shape=(6,), channels=(), hidden=(5,))
NETS = {"conv": {}, "cuba": dict(neuron=ms.CubaLIF(gain=4.0)), "dense": DENSE}


def jacobian(net, theta, x, **twin) -> np.ndarray:
    """d logits / d theta, (B ways, size)."""
    at = net.linearize(theta, x, **twin)
    return np.array([at.jvp(e).ravel() for e in np.eye(net.size)]).T


@pytest.mark.parametrize("name", NETS)
def test_events_before_the_window_are_constants(name, backend):
    net = small.network(backend, **NETS[name])
    theta, x, _ = small.samples(net, steps=16)
    dx = net.vjp(theta, x).pullback(np.ones((3, 3))).dx
    assert dx.shape == x.shape and not dx[:, : 16 - 9].any() and dx[:, 16 - 9].any()
    delays = sum(b.neuron.delay for b in net.blocks)
    assert not dx[:, 16 - delays :].any() and dx[:, 16 - delays - 1].any()
    early = np.zeros(x.shape)
    early[:, : 16 - 9] = 1.0
    assert not net.jvp(theta, x, x_dot=early).logits_dot.any()


# ---- what is promised of calls


def test_what_is_given_stays_as_it_is(backend):
    net = small.network(backend)
    theta, x, y = small.samples(net)
    given = [theta, x, np.ones(net.size), np.ones(x.shape), np.ones((3, 3))]
    kept = [one.copy() for one in given]
    at = net.linearize(theta, x)
    at.jvp(given[2], given[3])
    at.vjp(given[4])
    net.gauss_newton_product(theta, x, y, given[2])
    assert all(np.array_equal(one, other) for one, other in zip(given, kept))


@pytest.mark.parametrize(
    "ask, word",
    [
        (lambda net, t, x: net.jvp(t, x), "x_dot"),
        (lambda net, t, x: net.jvp(t, x, t[:-1]), "theta_dot"),
        (lambda net, t, x: net.jvp(t, x, x_dot=x[:1]), "x_dot"),
        (lambda net, t, x: net.jvp(t, x, x_dot=x * 1j), "x_dot"),
        (lambda net, t, x: net.vjp(t, x).pullback(np.ones(3)), "dlogits"),
        (lambda net, t, x: net.vjp(t, x, spike="jet"), "record"),
        (lambda net, t, x: net.gauss_newton_product(t, x, [0, 1], t), "y must"),
    ],
)
def test_what_would_be_spread_in_silence_is_refused(ask, word, backend):
    net = small.network(backend)
    theta, x, _ = small.samples(net)
    with pytest.raises(ValueError, match=word):
        ask(net, theta, x)


# ---- Gauss-Newton and Fisher


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
@pytest.mark.parametrize("kind", [ms.SpikingNet, ms.ConvNet])
def test_gauss_newton_and_fisher_are_products_of_dense_matrices(kind, loss, backend):
    """The Fisher matrix is the expectation over the labels of the model's own softmax."""
    net = small.network(backend, kind, loss=loss, **DENSE)
    theta, x, y = small.samples(net)
    v = np.random.default_rng(11).standard_normal(net.size)
    J = jacobian(net, theta, x).reshape(3, 3, net.size)
    s = np.exp(net(theta, x))
    s /= s.sum(1, keepdims=True)
    fisher = [np.diag(p) - np.outer(p, p) for p in s]
    newton = fisher if loss == "cross_entropy" else [np.eye(3)] * 3
    for product, of_loss in (
        (net.gauss_newton_product(theta, x, y, v), newton),
        (net.fisher_product(theta, x, v), fisher),
    ):
        expected = sum(j.T @ (h @ (j @ v)) for j, h in zip(J, of_loss)) / 3
        assert off(product, expected) < 1e-12


def test_the_fisher_matrix_of_every_step_is_summed(backend):
    net = small.network(backend, loss="squared", readout="steps", **DENSE)
    theta, x, _ = small.samples(net)
    v = np.random.default_rng(11).standard_normal(net.size)
    J = jacobian(net, theta, x).reshape(-1, 3, net.size)
    s = np.exp(net(theta, x).reshape(-1, 3))
    s /= s.sum(1, keepdims=True)
    expected = sum(j.T @ ((np.diag(p) - np.outer(p, p)) @ (j @ v)) for j, p in zip(J, s)) / len(x)
    assert off(net.fisher_product(theta, x, v), expected) < 1e-12
