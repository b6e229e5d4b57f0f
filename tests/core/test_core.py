"""Both engines: symmetry, twins, one another's values; neurons of a user; what dual numbers refuse."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import minisnn as ms
from own_neurons import ArcTan, Mine, Tiring
from minisnn import Conv, Dense, CubaLIF, LIF, Neuron
from minisnn.core.dual import Dual

SpikingNet = partial(ms.SpikingNet, backend="numpy")
ConvNet = partial(ms.ConvNet, backend="numpy")


def relative(a, b) -> float:
    return float(np.abs(np.asarray(a) - b).max() / np.abs(b).max())


# ---- networks of every kind


LISTED = [Conv(3, 3, 2, "none"), Conv(4, 3, 1, "max"), Dense(5, recurrent=True)]
CASES = {
    "max": lambda **how: SpikingNet((6, 7, 2), (3,), 3, 3, hidden=(4,), window=9, **how),
    "mean": lambda **how: SpikingNet((6, 7, 2), (3,), 3, 3, "mean", window=20, **how),
    "detached": lambda **how: SpikingNet(
        (6, 7, 2), (3,), 3, 3, "max", CubaLIF(gain=3.0), 9, detach_reset=True, **how
    ),
    "cuba mean": lambda **how: SpikingNet(
        (6, 7, 2), (3,), 3, 3, "mean", CubaLIF(gain=3.0), 9, **how
    ),
    "listed": lambda **how: SpikingNet(
        (6, 7, 2), layers=LISTED, ways=3, window=11, learn=("gamma", "beta", "alpha"), **how
    ),
    "listed cuba": lambda **how: SpikingNet(
        (6, 7, 2), layers=LISTED, ways=3, window=9, neuron=CubaLIF(), learn=("alpha", "beta"), **how
    ),
    "own": lambda **how: SpikingNet(
        (6,),
        layers=[Dense(5, recurrent=True), Dense(4, neuron=CubaLIF(surrogate=ArcTan()))],
        ways=3,
        neuron=LIF(surrogate=ArcTan()),
        window=9,
        loss="squared",
        **how,
    ),
    "short": lambda **how: SpikingNet((6,), (), 3, hidden=(4, 4), window=2, **how),
    "own learns": lambda **how: SpikingNet(
        (6,), layers=[Dense(5)], ways=3, neuron=Tiring(), learn=("tire", "rho"), **how
    ),
    "cnn": lambda **how: ConvNet((6, 7, 2), (3,), 3, 3, hidden=(4,), **how),
    "wide": lambda **how: SpikingNet((8, 9, 3), (17, 33), 3, 5, hidden=(19,), window=20, **how),
    "wide cnn": lambda **how: ConvNet((5, 8, 3), (17, 33), 3, 3, hidden=(19,), **how),
}


@pytest.fixture(params=CASES)
def case(request):
    """(network, theta, x, y, two directions)"""
    net = CASES[request.param](dtype="float64")
    rng = np.random.default_rng(1)
    x = rng.poisson(0.4, (5, 14, *net.input_shape)).astype(np.uint8)
    theta = net.init(rng, x)
    theta += 0.1 * rng.standard_normal(net.size)
    return net, theta, x, np.arange(5) % 3, rng.standard_normal((2, net.size))


def test_derivatives_are_symmetric_and_those_of_both_twins(case):
    net, theta, x, y, (v, _) = case
    report = ms.gradcheck.check(net, theta, x, y, inner_steps=())
    assert report.ok, str(report)
    assert np.abs(net.gradients(theta, x, y).hvp(v)).max() > 0


def test_the_pullback_of_the_losss_adjoint_is_the_gradient_and_features_have_theirs(case):
    net, theta, x, y, (v, _) = case
    rng = np.random.default_rng(2)
    at = net.linearize(theta, x)
    targets = np.eye(3)[y] if net.criterion.one_hot else y
    gradient = at.vjp(net.criterion.backward(at.logits, targets))[0]
    assert relative(gradient, net.gradients(theta, x, y).gradient) < 1e-12
    record = net.record(theta, x)
    p, pullback = net.features_and_pullback(theta, x)
    dp = rng.standard_normal(p.shape)
    ends = [net.features(theta + s * v, x, spike="jet", record=record) for s in (1e-5, -1e-5)]
    along = np.vdot(dp, ends[0] - ends[1]) / 2e-5
    assert pullback(dp) @ v == pytest.approx(along, rel=1e-6, abs=1e-9)


def test_a_batch_is_the_mean_of_its_samples_and_the_kernels_are_the_reference(case):
    net, theta, x, y, (v, _) = case
    x = np.concatenate([x, x[:, ::-1], x[::-1]])
    y = np.tile(y, 3)
    fast = net.like(backend="numba")
    found = []
    for engine in (net, fast):
        batch = engine.gradients(theta, x, y)
        each = [engine.gradients(theta, x[n : n + 1], y[n : n + 1]) for n in range(len(x))]
        assert relative(batch.gradient, np.mean([one.gradient for one in each], 0)) < 1e-12
        assert relative(batch.hvp(v), np.mean([one.hvp(v) for one in each], 0)) < 1e-11
        first = engine.gradients(theta, x, y, second=False)
        assert relative(first.gradient, batch.gradient) < 1e-12 and first.hvp is None
        assert relative(batch.hvp(2 * v), 2 * batch.hvp(v)) < 1e-12
        p, pullback = engine.features_and_pullback(theta, x)
        found.append([batch.loss, batch.logits, batch.gradient, batch.hvp(v), p, pullback(p)])
    for one, other in zip(*found):
        assert np.abs(one - other).max() <= 1e-10 * np.abs(one).max()


@pytest.mark.every(2)
def test_products_with_the_jacobian_are_adjoint_and_the_same_on_both_engines(case):
    """Of parameters and events, all at once."""
    net, theta, x, _, (v, _) = case
    x_dot = np.random.default_rng(2).standard_normal(x.shape)
    found = []
    for engine in (net, net.like(backend="numba")):
        at = engine.linearize(theta, x)
        dlogits = np.cos(np.arange(at.logits.size)).reshape(at.logits.shape)
        jvp = at.jvp(v, x_dot)
        (dtheta, dx) = at.vjp(dlogits)
        terms = [np.vdot(dlogits, jvp), np.vdot(dtheta, v), np.vdot(dx, x_dot)]
        assert abs(terms[0] - terms[1] - terms[2]) < 1e-11 * np.abs(terms).max()
        found.append([at.logits, jvp, dtheta, dx])
    for reference, fast in zip(*found):
        assert np.abs(fast - reference).max() <= 1e-11 * np.abs(reference).max()


@pytest.mark.every(3)
def test_products_with_events_are_differences_of_the_jet_twin(case):
    """Those with parameters are adjoint to the gradient, which `gradcheck` holds to differences."""
    net, theta, x, *_ = case
    rng = np.random.default_rng(6)
    x = x + rng.uniform(0.3, 0.6, x.shape)
    x_dot = rng.standard_normal(x.shape)
    x_dot /= np.linalg.norm(x_dot)
    found = net.jvp(theta, x, x_dot=x_dot)
    record = net.record(theta, x)
    moved = [net(theta, x + h * x_dot, spike="jet", record=record) for h in (1e-4, -1e-4)]
    # what is far smaller than the logits is lost in their rounding
    least = max(np.abs(found.logits_dot).max(), 1e-3 * np.abs(found.logits).max())
    assert np.abs((moved[0] - moved[1]) / 2e-4 - found.logits_dot).max() < 1e-6 * least


@pytest.mark.every(3)
def test_float32_stays_and_threads_change_no_bit(case, backend, threads):
    net, theta, x, y, (v, _) = case
    x = np.concatenate([x, x[:, ::-1]])
    y = np.tile(y, 2)
    single = net.like(dtype="float32", backend=backend)
    theta = theta.astype(np.float32)
    v = v.astype(np.float32)
    results = []
    for number in (1, 3):
        threads(number)
        found = single.gradients(theta, x, y)
        p, pullback = single.features_and_pullback(theta, x)
        results.append(
            [found.gradient, found.logits, found.hvp(v), p, pullback(p), single(theta, x)]
        )
    for one, two in zip(*results):
        assert one.dtype == np.float32
        assert np.array_equal(one, two)
    assert relative(results[0][0], net.loss_and_gradient(theta.astype(float), x, y).gradient) < 1e-2


# ---- neurons of one's own


@pytest.mark.parametrize("detached", [False, True])
def test_lif_in_a_users_words(detached):
    results = []
    for neuron in (LIF(), Mine()):
        net = SpikingNet(
            (5, 6, 2),
            layers=[Conv(3, 3), Dense(4, recurrent=True)],
            ways=3,
            neuron=neuron,
            learn=("gamma", "alpha"),
            window=9,
            dtype="float64",
            detach_reset=detached,
        )
        rng = np.random.default_rng(3)
        x = rng.poisson(0.4, (4, 14, 5, 6, 2))
        theta = net.init(rng, x)
        found = net.gradients(theta, x, np.arange(4) % 3)
        twin = net.gradients(theta, x, np.arange(4) % 3, spike="jet", record=net.record(theta, x))
        v = np.cos(np.arange(net.size))
        results.append([found.logits, found.gradient, found.hvp(v), twin.gradient, twin.hvp(v)])
    for built_in, own in zip(*results):
        assert relative(own, built_in) < 1e-13


class Wide(Mine):
    """In the midst of its step it computes in float64."""

    def forward(self, I, z):
        u, z = super().forward(I, z)
        return u * np.ones((1, 1, 1, 1)), z

    def backward(self, I, z, u, du, dz):
        return super().backward(I, z, u, du * np.ones((1, 1, 1, 1)), dz)


class Widening(ArcTan):
    def prime(self, a):
        return super().prime(a) * np.ones((1, 1, 1, 1))


def test_what_users_write_widens_nothing():
    results = []
    for neuron in (LIF(surrogate=ArcTan()), Wide(surrogate=Widening())):
        layers = [Conv(3, 3), Dense(4, recurrent=True)]
        net = SpikingNet((5, 6, 2), layers=layers, ways=3, neuron=neuron, window=9)
        x = np.random.default_rng(3).poisson(0.4, (4, 14, 5, 6, 2))
        theta = net.init(np.random.default_rng(3), x)
        found = net.gradients(theta, x, np.arange(4) % 3)
        assert {of_layer["u"].dtype.name for of_layer in net.record(theta, x)} == {"float32"}
        results.append([found.logits, found.gradient, found.hvp(np.cos(np.arange(net.size)))])
    for narrow, wide in zip(*results):
        assert wide.dtype == np.float32
        assert relative(wide, narrow) < 1e-4


@dataclass(frozen=True)
class Wrong(Mine):
    def forward(self, I, z):
        return I, z[0]


def run(neuron):
    net = SpikingNet((4,), (), 2, neuron=neuron)
    return net(np.zeros(net.size, np.float32), np.ones((1, 5, 4)))


@pytest.mark.parametrize(
    "make, word",
    [
        (lambda: run(Wrong()), "forward"),
        (lambda: type("Half", (Neuron,), {"forward": Mine.forward})(), "backward"),
        (lambda: LIF(slope=3.0, surrogate=ArcTan()), "slope"),
        (lambda: LIF(gamma=1.0), "gamma"),
    ],
)
def test_a_neuron_that_cannot_be_says_why(make, word):
    with pytest.raises(ValueError, match=word):
        make()


# ---- dual numbers


def number():
    return Dual(np.array([0.5, 2.0]), np.array([1.0, -1.0]))


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a * a / (1 + a) - 2 / a + (-a) * np.array([1.0, 3.0]),
        lambda a: np.array([1.0, 3.0]) / a - abs(-a) ** 3,
        lambda a: np.exp(a) * np.tanh(a) + np.sqrt(a) - np.log(a) * np.square(a),
        lambda a: np.exp(1 - a) ** a,
    ],
)
def test_rules_by_a_complex_step(function):
    a = number()
    found = function(a)
    step = function(a.x + 1e-6 * a.d), function(a.x - 1e-6 * a.d)
    assert np.allclose(found.x, function(a.x), rtol=1e-14)
    assert np.allclose(found.d, (step[0] - step[1]) / 2e-6, rtol=1e-8)


@pytest.mark.parametrize(
    "lost",
    [
        lambda a: np.asarray(a),
        lambda a: np.cos(a),
        lambda a: np.where([True, False], a, 0.0),
        lambda a: np.sum(a),
        lambda a: np.maximum(a, 0),
        lambda a: a > 0,
        lambda a: a == a,
        lambda a: bool(a),
        lambda a: float(a[0]),
        lambda a: np.add(np.ones(2), a, out=np.ones(2)),
        lambda a: np.ones(2).__iadd__(a),
        lambda a: a.__iadd__(1),
        lambda a: a.__setitem__(0, 1.0),
        lambda a: np.ones(2).__setitem__(0, a[0]),
        lambda a: a.astype(np.float32),
        lambda a: Dual(a.x, a.d.astype(np.float32)),
    ],
)
def test_a_derivative_is_never_lost_in_silence(lost):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        lost(number())


def test_a_constant_is_taken_as_such():
    a = number() + np.zeros((3, 2))
    assert a.d.shape == (3, 2)
    assert isinstance(a.x, np.ndarray)
