"""Kernels against their readable twins: events and dense products give the same, on sizes that fill no vector."""
import numpy as np
import pytest

import minisnn as ms
from minisnn.kernels import linear, vector
from minisnn.layers import synapse


def _relative(a, b):
    return abs(np.asarray(a) - b).max() / max(abs(np.asarray(b)).max(), 1e-300)


GEOMETRIES = [(4, 8, 3, 33, 5), (3, 5, 2, 16, 3), (8, 16, 9, 32, 5), (1, 1, 40, 5, 1), (5, 3, 8, 70, 5), (2, 13, 17, 8, 3)]


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
@pytest.mark.parametrize("g", GEOMETRIES, ids=str)
def test_linear_maps(g, dtype, tolerance):
    H, W, n_in, n_out, k = g
    rng, pad = np.random.default_rng(0), k // 2
    x = (rng.random((H, W, n_in)) < 0.4) * rng.integers(1, 4, (H, W, n_in)).astype(dtype)
    w, dV = rng.standard_normal((k, k, n_in, n_out)).astype(dtype), rng.standard_normal((H, W, n_out)).astype(dtype)
    index = np.flatnonzero(x).astype(np.int32)
    value = x.ravel()[index]
    halo = np.pad(x, [(0, 0), (pad, pad), (0, 0)]).ravel()
    D = np.pad(dV, [(0, 0), (pad, pad), (0, 0)]).ravel()

    expected = synapse.correlate(x, w)
    V = np.zeros(H * W * n_out, dtype)
    linear.spread(index, value, 0, len(index), linear.rows_layout(w), V, g)
    assert _relative(V.reshape(expected.shape), expected) < tolerance
    V[:] = 0
    linear.correlate(halo, 0, linear.dense_layout(w), V, 0, H, W, n_in, n_out, k)
    assert _relative(V.reshape(expected.shape), expected) < tolerance

    expected = synapse.correlate_input(dV, w)
    dx = np.zeros(x.size, dtype)
    linear.correlate(D, 0, linear.back_layout(w), dx, 0, H, W, n_out, n_in, k)
    assert _relative(dx.reshape(expected.shape), expected) < tolerance

    expected = synapse.correlate_weight(x, dV, k)
    dW = np.zeros(w.size, dtype)
    linear.gather_weight(index, value, 0, len(index), D, 0, dW, g)
    assert _relative(linear.from_rows(dW, w.shape), expected) < tolerance
    dW[:] = 0
    linear.correlate_weight(halo, 0, dV.ravel(), 0, 1, W * n_out, 0, dW, g)
    assert _relative(linear.from_rows(dW, w.shape), expected) < tolerance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("M, N, K", [(8, 32, 5), (13, 47, 3), (5, 7, 4), (1, 16, 9), (4, 33, 0)])
def test_gemm(M, N, K, dtype):
    rng = np.random.default_rng(1)
    A, B, C = (rng.standard_normal(shape).astype(dtype) for shape in ((M, K), (K, N), (M, N)))
    expected, flat = C + A @ B, C.ravel().copy()
    vector.gemm(A.ravel(), 0, K, 1, B.ravel(), 0, N, flat, 0, N, M, N, K)
    assert np.allclose(flat.reshape(M, N), expected, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("n", [0, 1, 7, 16, 63, 64, 200])
def test_axpy_touches_its_range_only(n):
    x, y = np.arange(300.0), np.ones(300)
    expected = y.copy()
    expected[5:5 + n] += 0.5 * x[3:3 + n]
    _call_axpy(y, 5, 0.5, x, 3, n)
    assert np.array_equal(y, expected)


def _call_axpy(y, i, a, x, j, n):
    from numba import config, njit
    call = vector.axpy if config.DISABLE_JIT else njit(lambda y, i, a, x, j, n: vector.axpy(y, i, a, x, j, n))
    call(y, i, a, x, j, n)


@pytest.mark.parametrize("rate", [0.02, 0.9], ids=["events", "dense"])
def test_both_paths_equal_the_reference(rate):
    """Input sparse enough for events, and so dense that every pass takes the dense path."""
    rng = np.random.default_rng(2)
    x, y = rng.poisson(rate, (3, 14, 5, 8, 2)), np.arange(3)
    nets = [ms.SpikingNet((5, 8, 2), (17,), 3, window=9, dtype=np.float64, backend=b) for b in ("numba", "numpy")]
    assert (np.count_nonzero(x) > linear.DENSE_ABOVE * x.size) == (rate == 0.9)
    theta = nets[0].init(rng, x)
    v = rng.standard_normal(nets[0].size)
    for name, call in (("logits", lambda n: n(theta, x)), ("gradient", lambda n: n.loss_and_gradient(theta, x, y)[1]),
                       ("hvp", lambda n: n.hessian_vector_product(theta, x, y, v))):
        assert _relative(call(nets[0]), call(nets[1])) < 1e-12, name


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_threads_change_no_bit(pool):
    """One and two threads: identical logits, gradients and Hessian-vector products in float32."""
    from numba import get_num_threads, set_num_threads
    rng = np.random.default_rng(3)
    x, y = rng.poisson(0.05, (11, 40, 8, 12, 2)).astype(np.uint8), rng.integers(0, 4, 11)
    net = ms.SpikingNet((8, 12, 2), (16, 20), 4, pool=pool, window=20)
    theta, v = net.init(rng, x), rng.standard_normal(net.size).astype(np.float32)
    before, results = get_num_threads(), []
    try:
        for threads in (1, min(2, before)):
            set_num_threads(threads)
            results.append((net(theta, x), net.loss_and_gradient(theta, x, y)[1],
                            net.hessian_vector_product(theta, x, y, v)))
    finally:
        set_num_threads(before)
    for one, two in zip(*results):
        assert np.array_equal(one, two)
