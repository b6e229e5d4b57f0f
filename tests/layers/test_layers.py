"""Each layer against its equations, and the rules that hold between passes: short windows, ties,
odd rests."""

import gc
import weakref

import numpy as np
import pytest
from conftest import off

import minisnn as ms
from minisnn.layers import surrogate
from minisnn.layers import block as reference
from minisnn.layers import linear, membrane, pool, synapse

NEURON = ms.LIF(alpha=0.8, beta=0.7, gamma=0.6, rho=0.9, threshold=0.4, slope=4.0)


# ---- surrogate


def test_surrogate_values():
    a = np.array([-0.5, 0.0, 0.25])
    assert surrogate.sigma(a, 2.0) == pytest.approx([-0.25, 0, 1 / 6])
    assert surrogate.sigma_prime(a, 2.0) == pytest.approx([0.25, 1, 4 / 9])
    assert surrogate.sigma_second(a, 2.0) == pytest.approx([0.5, 0, -4 * 8 / 27])
    assert surrogate.step(a).tolist() == [0, 1, 1]


@pytest.mark.parametrize("form", surrogate.FORMS)
def test_all_forms_share_slope_and_curvature_at_the_record(form):
    a = np.linspace(-1, 1, 9)
    assert np.array_equal(
        surrogate.derivative(form, a, a, surrogate.FastSigmoid(3.0)), surrogate.sigma_prime(a, 3.0)
    )
    assert np.array_equal(
        surrogate.curvature(form, a, a, surrogate.FastSigmoid(3.0)), surrogate.sigma_second(a, 3.0)
    )
    expected = surrogate.sigma(a, 3.0) if form == "smooth" else surrogate.step(a)
    assert np.array_equal(surrogate.value(form, a, a, surrogate.FastSigmoid(3.0)), expected)


def test_jet_is_a_parabola_with_the_recorded_coefficients():
    a0, d, k = np.array([-0.3, 0.2]), np.array([0.7, -1.5]), 3.0
    value = (
        surrogate.step(a0)
        + surrogate.sigma_prime(a0, k) * d
        + surrogate.sigma_second(a0, k) * d * d / 2
    )
    assert surrogate.value("jet", a0 + d, a0, surrogate.FastSigmoid(k)) == pytest.approx(value)
    assert surrogate.derivative("jet", a0 + d, a0, surrogate.FastSigmoid(k)) == pytest.approx(
        surrogate.sigma_prime(a0, k) + surrogate.sigma_second(a0, k) * d
    )
    assert surrogate.curvature("jet", a0 + d, a0, surrogate.FastSigmoid(k)) == pytest.approx(
        surrogate.sigma_second(a0, k)
    )


# ---- synapse


@pytest.mark.parametrize("k", [1, 3, 5])
def test_correlation_and_its_adjoints(rng, k):
    x, dy = rng.standard_normal((2, 4, 3, 2)), rng.standard_normal((2, 4, 3, 5))
    weight = rng.standard_normal((k, k, 2, 5))
    y, half = np.zeros((2, 4, 3, 5)), k // 2
    for h in range(4):
        for w in range(3):
            for i in range(k):
                for j in range(k):
                    if 0 <= h + i - half < 4 and 0 <= w + j - half < 3:
                        y[:, h, w] += x[:, h + i - half, w + j - half] @ weight[i, j]
    assert off(linear.correlate(x, weight), y) < 1e-12
    assert np.vdot(linear.correlate_input(dy, weight), x) == pytest.approx(
        np.vdot(dy, y), rel=1e-12
    )
    assert np.vdot(linear.correlate_weight(x, dy, k), weight) == pytest.approx(
        np.vdot(dy, y), rel=1e-12
    )


def test_weights_then_filter_equals_filter_then_weights(rng):
    """P_t = W p_t: the traces are linear, so the order does not matter; also across the window's
    start."""
    x = rng.poisson(0.4, (2, 9, 4, 3, 2)).astype(float)
    weight, bias = rng.standard_normal((3, 3, 2, 5)), rng.standard_normal(5)
    expected = []
    p = q = np.zeros((2, 4, 3, 2))
    for t in range(9):
        expected.append(linear.correlate(p, weight) + bias)
        p, q = 0.8 * p + 0.2 * q, 0.7 * q + 0.3 * x[:, t]
    for K in (0, 1, 4):
        start = synapse.presynaptic_traces(x[:, :K], NEURON)
        y, _ = synapse.forward(weight, bias, x[:, K:], start, NEURON)
        assert off(y, np.stack(expected, 1)[:, K:]) < 1e-12


# ---- membrane and pooling


@pytest.mark.parametrize("detach", [False, True])
def test_membrane_equals_its_recursion(rng, detach):
    current, r = rng.random((1, 12, 1, 1, 1)), rng.random((1, 1, 1, 1, 1))
    u, tape = membrane.forward(current, r, NEURON, detach)
    state, spiked = r.item(), []
    for t in range(12):
        now = current[0, t, 0, 0, 0] - 0.9 * state
        assert u[0, t, 0, 0, 0] == pytest.approx(now, rel=1e-14)
        spiked.append(now >= 0.4)
        state = 0.6 * state + 0.4 * spiked[-1]
    assert tape["end"].item() == pytest.approx(state, rel=1e-14) and any(spiked) and not all(spiked)


def test_detached_reset_passes_the_adjoint_straight_through(rng):
    current, dy = rng.standard_normal((2, 1, 6, 2, 2, 1))
    _, tape = membrane.forward(current, None, NEURON, True)
    assert np.array_equal(membrane.backward(tape, dy, NEURON, True), dy)
    _, tape = membrane.forward(current, None, NEURON, False)
    assert off(membrane.backward(tape, dy, NEURON, False), dy) > 0.01


def test_a_tape_is_freed_with_its_last_name(rng):
    """Without Python's search for circles: tapes are the largest arrays of a gradient."""
    current, dy = rng.standard_normal((2, 1, 6, 2, 2, 1))
    gc.disable()
    try:
        _, tape = membrane.forward(current, None, NEURON)
        membrane.backward(tape, dy, NEURON)
        step = weakref.ref(tape["at"][0])
        assert step() is not None
        del tape
        assert step() is None
    finally:
        gc.enable()


def test_a_detached_twin_keeps_the_recorded_spikes():
    current = np.full((1, 3, 1, 1, 1), 0.5)
    u0, tape = membrane.forward(current, None, NEURON, True)
    moved, _ = membrane.forward(current - 0.15, None, NEURON, True, "jet", u0 - NEURON.threshold)
    assert off(moved, u0 - 0.15) < 1e-12


def test_pooling_values_and_odd_rests():
    u = np.arange(2 * 15, dtype=float).reshape(1, 1, 3, 5, 2) / 10 - 1
    assert np.array_equal(
        pool.gather(u, "max", pool.choose(u))[0, 0, 0, :, 0], u[0, 0, 1, [1, 3], 0]
    )
    assert pool.gather(u, "mean", None)[0, 0, 0, 0, 1] == pytest.approx(u[0, 0, :2, :2, 1].mean())
    y, tape = pool.forward(u, "max", NEURON)
    assert y.shape == (1, 1, 1, 2, 2) and np.array_equal(
        y, (u[:, :, 1:2, 1:4:2] >= 0.4).astype(float)
    )
    for kind in ("max", "mean"):
        _, tape = pool.forward(u, kind, NEURON)
        du = pool.backward(tape, np.ones((1, 1, 1, 2, 2)), kind, NEURON)
        assert not du[:, :, 2].any() and not du[:, :, :, 4].any()
        assert (du != 0).sum() == (4 if kind == "max" else 16)


def test_ties_go_to_the_first_site_in_row_major_order(backend):
    assert pool.choose(np.zeros((1, 1, 2, 2, 1))).item() == 0
    u = np.array([[0.0, 1.0], [1.0, 0.5]]).reshape(1, 1, 2, 2, 1)
    assert pool.choose(u).item() == 1
    # A quiet image ties everywhere: only the first site of each window has a spike to learn from.
    net = ms.SpikingNet(
        (4, 4, 1), (1,), 2, kernel=1, window=6, dtype=np.float64, backend=backend, detach_reset=True
    )
    theta = np.random.default_rng(0).standard_normal(net.size)
    x = np.zeros((1, 6, 4, 4, 1), np.uint8)
    loss, gradient = net.loss_and_gradient(theta, x, np.array([0]))
    u = net.views(theta)["conv1.bias"].item()
    dlogits = np.exp(net(theta, x)[0])
    dlogits = dlogits / dlogits.sum() - [1, 0]
    trace = [0.0] * 6  # the readout's p at the last step for a spike at step t
    for t in range(6):
        p = q = 0.0
        for s in range(6):
            if s == 5:
                trace[t] = p
            p, q = 0.95 * p + 0.05 * q, 0.9 * q + 0.1 * (s == t)
    expected = (
        sum(trace)
        * (net.views(theta)["readout.weight"] @ dlogits).sum()
        * surrogate.sigma_prime(u, 10.0)
    )
    assert net.views(gradient)["conv1.bias"].item() == pytest.approx(expected, rel=1e-10)


# ---- blocks: adjoints known to vanish are handed on with fewer steps


def blocks(kind, backend, rng):
    pooling, shape = {
        "max": ("max", (5, 4, 2)),
        "mean": ("mean", (5, 4, 2)),
        "none": ("none", (1, 1, 6)),
    }[kind]
    b = reference.Block("conv1", shape, 3, 1 if kind == "none" else 3, pooling, NEURON, window=8)
    x = rng.poisson(0.5, (2, 11, *shape)).astype(np.uint8)
    engine = reference
    if backend == "numba":
        from minisnn.kernels import block as engine
    weight, bias = rng.standard_normal(b.weight_shape), rng.standard_normal(3)
    counts = engine.enter(x, 1.0, np.dtype(float))
    return b, engine, weight, bias, counts


@pytest.mark.parametrize("kind", ["max", "mean", "none"])
@pytest.mark.parametrize("m", [0, 1, 2, 3, 6])
def test_fewer_steps_equal_zeros_at_the_end(backend, rng, kind, m):
    b, engine, weight, bias, x = blocks(kind, backend, rng)
    n, tape = 8, engine.forward(b, weight, bias, x)[1]
    dy, dy_dot = rng.standard_normal((2, 2, n, *b.output_shape))
    dy[:, m:], dy_dot[:, m:] = 0, 0
    weight_dot, bias_dot = rng.standard_normal(b.weight_shape), rng.standard_normal(3)
    x_dot = rng.standard_normal((2, n - 2, *b.input_shape))

    def run(steps):
        dx, dweight, dbias = engine.backward(b, weight, tape, dy[:, :steps])
        y_dot, tape_dot = engine.forward_tangent(
            b, weight, weight_dot, bias_dot, tape, x_dot[:, : max(steps - 2, 0)], steps
        )
        rest = engine.backward_tangent(b, weight, weight_dot, tape, tape_dot, dy_dot[:, :steps])
        return dx, dweight, dbias, y_dot, *rest

    short, long = run(m), run(n)
    for a, full, sequence in zip(short, long, (True, False, False, True, True, False, False)):
        full, rest = (
            (full[:, : a.shape[1]], full[:, a.shape[1] :]) if sequence else (full, np.zeros(1))
        )
        assert np.abs(a - full).max(initial=0) <= 1e-12 * max(np.abs(full).max(initial=0), 1)
        if a is not short[3]:
            assert np.abs(rest).max(initial=0) < 1e-12
    assert short[0].shape[1] == short[4].shape[1] == max(m - 2, 0) and short[3].shape[1] == m


def test_backward_leaves_its_arguments_alone(backend, rng):
    b, engine, weight, bias, x = blocks("max", backend, rng)
    tape = engine.forward(b, weight, bias, x)[1]
    dy = rng.standard_normal((2, 8, *b.output_shape))
    kept = weight.copy(), dy.copy()
    first = engine.backward(b, weight, tape, dy)
    again = engine.backward(b, weight, tape, dy)
    assert all(np.array_equal(a, c) for a, c in zip(first, again))
    assert np.array_equal(weight, kept[0]) and np.array_equal(dy, kept[1])
