"""Products with the Jacobian of the logits, of parameters and events: adjoint to each other, true of
the twins, and the same on both engines; Gauss-Newton and Fisher products against dense matrices."""

import numpy as np
import pytest
from conftest import off
from own_neurons import Adaptive, ArcTan
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
    "own": dict(CONV, neuron=Adaptive(gain=3.0)),
    "own surrogate": dict(CONV, neuron=ms.LIF(gain=3.0, surrogate=ArcTan())),
    "short window": dict(CONV, window=3),
    "one step": dict(CONV, window=1),
    "long window": dict(CONV, window=40),
    "gain": dict(CONV, neuron=ms.LIF(gain=0.3)),
    "frames": dict(CONV, kind=ms.ConvNet),
    "frames dense": dict(DENSE, kind=ms.ConvNet),
    "squared": dict(CONV, loss="squared"),
}
FIRST = ("conv", "mean", "deep", "dense", "readout", "cuba", "cuba mean", "frames", "gain")
SHAPES = ("conv", "cuba", "frames")


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


@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("name", ["deep", "cuba mean"])
def test_few_events_and_many(name, density):
    """Kernels go by events or by images, and the first layer's adjoint is of both."""
    rng = np.random.default_rng(3)
    found = []
    for backend in ("numpy", "numba"):
        net = network(name, backend)
        theta, x, _ = case(net)
        x = (np.random.default_rng(4).random(x.shape) < density).astype(np.uint8)
        dlogits = np.random.default_rng(5).standard_normal((3, 3))
        found.append(net.vjp(theta, x).pullback(dlogits))
        assert adjoint_error(net, theta, x, rng) < 1e-12
    assert off(found[1].dx, found[0].dx) < 1e-12
    assert off(found[1].dtheta, found[0].dtheta) < 1e-12


# ---- true of the twins


@pytest.mark.parametrize("twin", ["jet", "smooth"])
@pytest.mark.parametrize("name", all_but(("conv", "cuba mean", "dense", "frames"), NETS))
def test_differences_of_a_twin(name, twin):
    """The jet twin's are those of the network itself."""
    net = network(name, "numpy")
    rng = np.random.default_rng(6)
    # what an event does passes two filters a layer, and is small in a short window
    theta, x, _ = case(net, steps=30 if name == "deep" else 14)
    x = x + rng.uniform(0.3, 0.6, x.shape)
    record = net.record(theta, x)
    a = rng.standard_normal(net.size)
    b = rng.standard_normal(x.shape)
    a /= np.linalg.norm(a)
    for theta_dot, x_dot in ((a, None), (None, b), (a, b)):
        how = {} if twin == "jet" else dict(spike=twin, record=record)
        found = net.jvp(theta, x, theta_dot, x_dot, **how)

        def moved(h):
            at = theta if theta_dot is None else theta + h * theta_dot
            counts = x if x_dot is None else x + h * x_dot
            return net(at, counts, spike=twin, record=record)

        def differences(h):
            near, far = (moved(step) - moved(-step) for step in (h, 2 * h))
            return (8 * near - far) / (12 * h)

        # what is far smaller than the logits is lost in their rounding
        least = max(np.abs(found.logits_dot).max(), 1e-3 * np.abs(found.logits).max())
        errors = [
            np.abs(differences(h) - found.logits_dot).max() / least
            for h in (1e-2, 1e-3, 1e-4, 1e-5)
        ]
        assert min(errors) < 1e-7, errors
        assert off(found.logits, moved(0.0)) < 1e-12 or twin == "smooth"
        dlogits = rng.standard_normal(found.logits.shape)
        dtheta, dx = net.vjp(theta, x, **how).pullback(dlogits)
        back = sum(np.vdot(d, v) for d, v in ((dtheta, theta_dot), (dx, x_dot)) if v is not None)
        assert np.vdot(dlogits, found.logits_dot) == pytest.approx(back, rel=1e-10, abs=1e-12)


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


def test_frames_and_their_sequences(backend):
    """A frame's adjoint is that of each of its steps."""
    net = network("frames", backend)
    theta, x, _ = case(net)
    dlogits = np.random.default_rng(7).standard_normal((3, 3))
    of_steps = net.vjp(theta, x).pullback(dlogits).dx
    of_frame = net.vjp(theta, x.sum(1, dtype=np.int64)).pullback(dlogits).dx
    assert of_frame.shape == (3, 7, 6, 2) and of_steps.shape == x.shape
    assert off(of_steps, np.repeat(of_frame[:, None], x.shape[1], 1)) < 1e-14
    x_dot = np.random.default_rng(8).standard_normal(x.shape)
    found = net.jvp(theta, x.sum(1, dtype=np.int64), x_dot=x_dot.sum(1)).logits_dot
    assert off(net.jvp(theta, x, x_dot=x_dot).logits_dot, found) < 1e-12


@pytest.mark.parametrize("steps", range(6, 11))
def test_recordings_about_as_short_as_the_delays(steps, backend):
    """Eight steps of delay: what is left may be none, or less than none."""
    net = network("deep", backend)
    theta, x, _ = case(net, steps=steps)
    assert adjoint_error(net, theta, x, np.random.default_rng(0)) < 1e-12
    dx = net.vjp(theta, x).pullback(np.ones((3, 3)) * np.arange(3)).dx
    assert not dx[:, max(steps - 8, 0) :].any()


# ---- what is promised of calls


@pytest.mark.parametrize("name", SHAPES)
def test_the_pullback_of_the_losss_adjoint_is_the_gradient(name, backend):
    net = network(name, backend)
    theta, x, y = case(net, batch=11)
    logits, pullback = net.vjp(theta, x)
    found = pullback(net.criterion.backward(logits, y)).dtheta
    assert off(found, net.loss_and_gradient(theta, x, y).gradient) < 1e-12
    assert off(logits, net(theta, x)) < 1e-13


@pytest.mark.parametrize("name", SHAPES)
def test_calls_in_any_order_and_number_say_the_same(name, backend):
    net = network(name, backend)
    theta, x, _ = case(net, batch=11)
    rng = np.random.default_rng(9)
    a, dlogits = rng.standard_normal(net.size), rng.standard_normal((11, 3))
    at = net.linearize(theta, x)
    first = at.jvp(a)
    back = at.vjp(dlogits)
    at.vjp(2 * dlogits)
    assert np.array_equal(at.jvp(a), first)
    assert np.array_equal(net.linearize(theta, x).vjp(dlogits).dx, back.dx)
    assert np.array_equal(at.vjp(dlogits).dtheta, back.dtheta)
    assert np.array_equal(net.jvp(theta, x, a).logits_dot, first)


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
    "ask, message",
    [
        (lambda net, t, x: net.jvp(t, x), "jvp needs theta_dot, x_dot or both; both are None"),
        (
            lambda net, t, x: net.jvp(t, x, t[:-1]),
            "theta_dot must be a flat array of 141 parameters, not",
        ),
        (
            lambda net, t, x: net.jvp(t, x, x_dot=x[:1]),
            r"x_dot must be real numbers of shape \(3, 14, 7, 6, 2\), not uint8 of shape \(1, ",
        ),
        (
            lambda net, t, x: net.jvp(t, x, x_dot=x * 1j),
            "x_dot must be real numbers of shape .*, not complex128",
        ),
        (
            lambda net, t, x: net.jvp(t, x, x_dot=np.full(x.shape, np.nan)),
            "x_dot",
        ),
        (
            lambda net, t, x: net.vjp(t, x).pullback(np.ones(3)),
            r"dlogits must be real numbers of shape \(3, 3\), not float64 of shape \(3,\)",
        ),
        (
            lambda net, t, x: net.vjp(t, x).pullback(np.full((3, 3), np.inf)),
            "dlogits",
        ),
        (lambda net, t, x: net.vjp(t, x, spike="jet"), "spike='jet' needs record=net.record"),
        (
            lambda net, t, x: net.gauss_newton_product(t, x, [0, 1], t),
            "y must",
        ),
        (
            lambda net, t, x: net.fisher_product(t, x, np.full(net.size, np.nan)),
            "v must be finite in float64; 141 values",
        ),
    ],
)
def test_what_does_not_fit_is_refused(ask, message, backend):
    net = network("conv", backend)
    theta, x, _ = case(net)
    with pytest.raises(ValueError, match=message):
        ask(net, theta, x)


# ---- Gauss-Newton and Fisher


@pytest.mark.parametrize("twin", ["hard", "smooth"])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
@pytest.mark.parametrize("name", ["dense", "frames dense"])
def test_gauss_newton_is_the_product_of_dense_matrices(name, loss, twin, backend):
    net = network(name, backend, loss=loss)
    theta, x, y = case(net)
    how = {} if twin == "hard" else dict(spike=twin, record=net.record(theta, x))
    J = jacobian(net, theta, x, **how)
    s = np.exp(net(theta, x, **how))
    s /= s.sum(1, keepdims=True)
    H_loss = np.zeros((len(J), len(J)))
    for b, p in enumerate(s):
        part = slice(3 * b, 3 * b + 3)
        H_loss[part, part] = np.diag(p) - np.outer(p, p) if loss == "cross_entropy" else np.eye(3)
    expected = J.T @ (H_loss / len(x)) @ J
    product = net.gauss_newton(theta, x, y, **how)
    G = np.array([product(e) for e in np.eye(net.size)])
    assert off(G, expected) < 1e-12 and off(G, G.T) < 1e-12
    least, most = np.linalg.eigvalsh((G + G.T) / 2)[[0, -1]]
    assert most > 0 and least > -1e-12 * most
    v = np.random.default_rng(11).standard_normal(net.size)
    assert off(net.gauss_newton_product(theta, x, y, v, **how), expected @ v) < 1e-12
    fisher = net.fisher_product(theta, x, v, **how)
    assert (
        off(fisher, expected @ v) < 1e-12 if loss == "cross_entropy" else off(fisher, G @ v) > 0.1
    )


def test_the_fisher_matrix_is_the_expectation_over_the_models_own_labels(backend):
    net = network("dense", backend)
    theta, x, y = case(net)
    s = np.exp(net(theta, x))
    s /= s.sum(1, keepdims=True)
    F = np.zeros((net.size, net.size))
    empirical = np.zeros_like(F)
    for b in range(len(x)):
        for k in range(3):
            g = net.loss_and_gradient(theta, x[b : b + 1], np.array([k])).gradient
            F += s[b, k] / len(x) * np.outer(g, g)
            empirical += (k == y[b]) / len(x) * np.outer(g, g)
    found = np.array([net.fisher_product(theta, x, e) for e in np.eye(net.size)])
    assert off(found, F) < 1e-12 and off(found, empirical) > 0.1
