"""Products with the Jacobian of the logits, of parameters and events: adjoint to each other, true of
the twins, and the same on both engines; Gauss-Newton and Fisher products against dense matrices."""

import numpy as np
import pytest
from differences import off
from own_neurons import ArcTan, Tiring
from slowly import all_but

import minisnn as ms
from minisnn.gradcheck import random_data, random_theta

CONV = dict(input_shape=(7, 6, 2), channels=(3,), kernel=3)
DEEP = dict(input_shape=(9, 8, 1), channels=(3, 4), hidden=(5,), kernel=3)
DENSE = dict(input_shape=(6,), channels=(), hidden=(5,))
READOUT = dict(input_shape=(6,), channels=())
CUBA = ms.CubaLIF(gain=4.0)
NETS = {
    "conv": dict(CONV),
    "mean": dict(CONV, pool="mean"),
    "detached": dict(CONV, detach_reset=True),
    "deep": dict(DEEP, window=26),
    "dense": dict(DENSE),
    "readout": dict(READOUT),
    "cuba": dict(CONV, neuron=CUBA),
    "cuba mean": dict(CONV, neuron=CUBA, pool="mean"),
    "cuba dense": dict(DENSE, neuron=CUBA),
    "own": dict(CONV, neuron=Tiring(gain=3.0)),
    "own surrogate": dict(CONV, neuron=ms.LIF(gain=3.0, surrogate=ArcTan())),
    "short window": dict(CONV, window=3),
    "one step": dict(CONV, window=1),
    "long window": dict(CONV, window=40),
    "gain": dict(CONV, neuron=ms.LIF(gain=0.3)),
    "frames": dict(CONV, kind=ms.ConvNet),
    "frames dense": dict(DENSE, kind=ms.ConvNet),
    "squared": dict(CONV, loss="squared"),
}
FIRST = ("conv", "mean", "deep", "cuba mean", "frames", "gain")


def network(name: str, backend: str = "numpy", **changes):
    settings = {**NETS[name], "ways": 3, "dtype": "float64", "backend": backend, **changes}
    kind = settings.pop("kind", ms.SpikingNet)
    if kind is ms.SpikingNet:
        settings = {"window": 9, **settings}
    return kind(**settings)


def case(net, seed=0, batch=3, steps=14):
    rng = np.random.default_rng(seed)
    return random_theta(net, rng), *random_data(net, rng, batch, steps)


def adjoint_error(net, theta, x, rng) -> float:
    """|<dlogits, J (a, b)> - <J^T dlogits, (a, b)>| over the norms."""
    at = net.linearize(theta, x)
    a = rng.standard_normal(net.size)
    b = rng.standard_normal(x.shape)
    dlogits = rng.standard_normal(at.logits.shape)
    logits_dot = at.jvp(a, b)
    dtheta, dx = at.vjp(dlogits)
    back = np.vdot(dtheta, a) + np.vdot(dx, b)
    scale = np.linalg.norm(dlogits) * np.linalg.norm(logits_dot)
    scale += np.linalg.norm(dtheta) * np.linalg.norm(a) + np.linalg.norm(dx) * np.linalg.norm(b)
    return abs(np.vdot(dlogits, logits_dot) - back) / scale


def jacobian(net, theta, x, **twin) -> np.ndarray:
    """d logits / d theta, (B ways, size)."""
    at = net.linearize(theta, x, **twin)
    return np.array([at.jvp(e).ravel() for e in np.eye(net.size)]).T


# ---- one another's adjoints, and the same on both engines


@pytest.mark.parametrize("name", all_but(FIRST, NETS))
def test_jvp_and_vjp_are_adjoint_and_the_kernels_are_the_reference(name):
    reference = network(name)
    theta, x, _ = case(reference)
    found = []
    for net in (reference, network(name, "numba")):
        assert adjoint_error(net, theta, x, np.random.default_rng(1)) < 1e-12
        rng = np.random.default_rng(2)
        at = net.linearize(theta, x)
        jvp = at.jvp(rng.standard_normal(net.size), rng.standard_normal(x.shape))
        found.append((at.logits, jvp, *at.vjp(rng.standard_normal(jvp.shape))))
    for one, other in zip(*found):
        assert off(other, one) < 1e-12


@pytest.mark.parametrize("name", all_but(("conv", "cuba mean", "dense", "frames"), NETS))
def test_products_with_events_are_differences_of_the_jet_twin(name):
    """Those with parameters are adjoint to the gradient, which `gradcheck` holds to differences."""
    net = network(name)
    rng = np.random.default_rng(6)
    # what an event does passes two filters a layer, and is small in a short window
    theta, x, _ = case(net, steps=30 if name == "deep" else 14)
    x = x + rng.uniform(0.3, 0.6, x.shape)
    x_dot = rng.standard_normal(x.shape)
    x_dot /= np.linalg.norm(x_dot)
    found = net.jvp(theta, x, x_dot=x_dot)
    record = net.record(theta, x)
    moved = [net(theta, x + h * x_dot, spike="jet", record=record) for h in (1e-4, -1e-4)]
    # what is far smaller than the logits is lost in their rounding
    least = max(np.abs(found.logits_dot).max(), 1e-3 * np.abs(found.logits).max())
    assert np.abs((moved[0] - moved[1]) / 2e-4 - found.logits_dot).max() < 1e-6 * least


@pytest.mark.parametrize("name", ["conv", "cuba", "dense"])
def test_events_before_the_window_are_constants(name, backend):
    net = network(name, backend)
    theta, x, _ = case(net, steps=16)
    dx = net.vjp(theta, x).pullback(np.ones((3, 3))).dx
    assert dx.shape == x.shape and not dx[:, : 16 - 9].any() and dx[:, 16 - 9].any()
    delays = sum(b.neuron.delay for b in net.blocks)
    assert not dx[:, 16 - delays :].any() and dx[:, 16 - delays - 1].any()
    early = np.zeros(x.shape)
    early[:, : 16 - 9] = 1.0
    assert not net.jvp(theta, x, x_dot=early).logits_dot.any()


# ---- what is promised of calls


def test_what_is_given_stays_as_it_is(backend):
    net = network("conv", backend)
    theta, x, y = case(net)
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
    net = network("conv", backend)
    theta, x, _ = case(net)
    with pytest.raises(ValueError, match=word):
        ask(net, theta, x)


# ---- Gauss-Newton and Fisher


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
@pytest.mark.parametrize("name", ["dense", "frames dense"])
def test_gauss_newton_and_fisher_are_products_of_dense_matrices(name, loss, backend):
    """The Fisher matrix is the expectation over the labels of the model's own softmax."""
    net = network(name, backend, loss=loss)
    theta, x, y = case(net)
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
