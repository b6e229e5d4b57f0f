"""SciPy takes losses, gradients and products as they are: minimisers in the smooth twin, eigenvalues
of the spiking network's own Hessian."""

import numpy as np
import pytest
from conftest import off
from scipy.optimize import check_grad, minimize
from scipy.sparse.linalg import LinearOperator, cg, eigsh

import minisnn as ms
from minisnn.gradcheck import random_data, random_theta

DECAY = 1e-4


@pytest.fixture
def smooth():
    """value(t) -> (loss, gradient), product(t, v) -> H v, matrix(t) -> H and a start, of a smooth
    twin with weight decay."""
    rng = np.random.default_rng(0)
    net = ms.SpikingNet(
        (6,),
        (),
        ways=3,
        hidden=(3,),
        neuron=ms.CubaLIF(gain=4.0),
        window=6,
        dtype="float64",
        backend="numpy",
    )
    y = np.repeat(np.arange(3), 3)
    x = rng.poisson(0.8 * (rng.random((3, 6)) ** 2)[y][:, None], (9, 6, 6))
    start = net.init(rng, x)
    how = dict(spike="smooth", record=net.record(start, x))

    def value(t):
        loss, gradient = net.loss_and_gradient(t, x, y, **how)
        return loss + DECAY / 2 * t @ t, gradient + DECAY * t

    def product(t, v):
        return net.hessian_vector_product(t, x, y, v, **how) + DECAY * v

    def matrix(t):
        hvp = net.gradients(t, x, y, **how).hvp
        H = np.array([hvp(e) + DECAY * e for e in np.eye(net.size)])
        return (H + H.T) / 2

    return value, product, matrix, start


@pytest.mark.slow
def test_trust_ncg_reaches_the_minimum_of_a_dense_hessian(smooth):
    value, product, matrix, start = smooth
    how = dict(jac=True, options=dict(gtol=1e-9, maxiter=500), method="trust-ncg")
    by_products = minimize(value, start, hessp=product, **how)
    by_matrix = minimize(value, start, hess=matrix, **how)
    for found in (by_products, by_matrix):
        assert found.success and np.linalg.norm(found.jac) < 1e-8
        assert np.linalg.eigvalsh(matrix(found.x))[0] > 0
    assert by_products.fun < 0.9 * value(start)[0]
    assert by_products.fun == pytest.approx(by_matrix.fun, rel=1e-12)
    assert off(by_products.x, by_matrix.x) < 1e-6


def test_newton_cg_comes_to_rest_at_a_minimum(smooth):
    value, product, matrix, start = smooth
    found = minimize(
        value, start, jac=True, hessp=product, method="Newton-CG", options=dict(xtol=1e-9)
    )
    assert found.success and np.linalg.norm(found.jac) < 1e-5
    assert np.linalg.eigvalsh(matrix(found.x))[0] > 0


def test_check_grad_of_the_smooth_twin(smooth):
    value, _, _, start = smooth
    error = check_grad(lambda t: value(t)[0], lambda t: value(t)[1], start)
    assert error < 1e-5 * np.linalg.norm(value(start)[1])


def test_the_loss_of_spikes_is_piecewise_constant_below_the_readout():
    """Why no minimiser that compares values with slopes can use surrogate ones."""
    net = ms.SpikingNet(
        (6,), (), ways=3, hidden=(5,), neuron=ms.CubaLIF(), window=20, dtype="float64"
    )
    rng = np.random.default_rng(0)
    theta = random_theta(net, rng)
    x, y = random_data(net, rng, 4, 20)
    gradient = net.loss_and_gradient(theta, x, y).gradient
    step = 1e-6 * gradient
    for name in ("readout.weight", "readout.bias"):
        net.views(step)[name][...] = 0
    assert np.abs(step).max() > 0
    assert net.loss(theta + step, x, y) == net.loss(theta, x, y)


@pytest.mark.parametrize("name", ["hessian", "gauss-newton"])
@pytest.mark.parametrize("kind", ["lif", "cuba", "frames"])
@pytest.mark.every(5)
def test_the_largest_eigenvalues_are_those_of_the_dense_matrix(kind, name, backend):
    common = dict(
        input_shape=(6, 5, 2), channels=(3,), ways=3, kernel=3, dtype="float64", backend=backend
    )
    net = (
        ms.ConvNet(**common)
        if kind == "frames"
        else ms.SpikingNet(
            **common, window=10, neuron=ms.LIF(gain=4.0) if kind == "lif" else ms.CubaLIF(gain=4.0)
        )
    )
    rng = np.random.default_rng(0)
    theta = random_theta(net, rng)
    x, y = random_data(net, rng, 8, 12)
    product = net.gradients(theta, x, y).hvp if name == "hessian" else net.gauss_newton(theta, x, y)
    operator = LinearOperator((net.size, net.size), matvec=product)
    found = eigsh(operator, 20, which="LA", return_eigenvectors=False)
    matrix = np.array([product(e) for e in np.eye(net.size)])
    expected = np.linalg.eigvalsh(matrix)[-20:]
    np.testing.assert_allclose(np.sort(found), expected, rtol=0, atol=1e-8 * expected[-1])


def test_a_damped_step_of_the_natural_gradient(backend):
    net = ms.SpikingNet((6,), (), ways=3, hidden=(5,), window=10, dtype="float64", backend=backend)
    rng = np.random.default_rng(0)
    theta = random_theta(net, rng)
    x, y = random_data(net, rng, 6, 15)
    F = net.gauss_newton(theta, x, y)
    damped = LinearOperator((net.size, net.size), matvec=lambda v: F(v) + 0.1 * v)
    gradient = net.loss_and_gradient(theta, x, y).gradient
    step, failed = cg(damped, gradient, rtol=1e-10)
    matrix = np.array([F(e) for e in np.eye(net.size)])
    assert not failed
    assert off(step, np.linalg.solve(matrix + 0.1 * np.eye(net.size), gradient)) < 1e-8
