"""The kernels against `core`: events, dense products and Winograd's give the same, on sizes that fill
no vector."""

from functools import cache

import numpy as np
import pytest
from numba import config, njit

import minisnn as ms
from minisnn.kernels import dense, linear
from minisnn.kernels.records import geometry
from minisnn.core import linear as maps
from minisnn.vectors import llvm, products, vector
from minisnn.vectors.products import Left, Out, Right


def _relative(a, b):
    return abs(np.asarray(a) - b).max() / max(abs(np.asarray(b)).max(), 1e-300)


def _called(kernel, *arguments):
    """What a kernel gives that other kernels alone call."""
    return _caller(kernel, len(arguments))(*arguments)


@cache
def _caller(inner, count):
    named = ", ".join(f"a{n}" for n in range(count))
    found = {}
    exec(f"def call({named}):\n    return inner({named})\n", {"inner": inner}, found)
    return njit(found["call"])


def _same(x, shape, *layers, limit=1e-12, **settings):
    """Logits, gradient, H v and the adjoint of x on both backends; the network of the kernels, and
    theta."""
    settings = dict(ways=3, dtype=np.float64, **settings)
    nets = [ms.SpikingNet(shape, *layers, backend=b, **settings) for b in ("numba", "numpy")]
    rng = np.random.default_rng(5)
    theta = nets[0].init(rng, x, rate=0.2)
    theta += 1e-3 * rng.standard_normal(theta.size)  # no membrane is at its threshold
    v = rng.standard_normal(nets[0].size)
    found = []
    for net in nets:
        passes = net.gradients(theta, x, np.arange(len(x)) % 3)
        _, pullback = net.vjp(theta, x)
        adjoints = pullback(np.ones_like(passes.logits)).dx
        found.append((passes.logits, passes.gradient, passes.hvp(v), adjoints))
    for name, one, other in zip(("logits", "gradient", "hvp", "dx"), *found):
        assert _relative(one, other) < limit, name
    return nets[0], theta


@pytest.mark.parametrize(
    "shape, channels, kernel",
    [
        ((4, 8, 3), (33, 5), 5),
        ((5, 7, 2), (16, 40), 3),
        ((2, 13, 17), (8, 3), 7),
        ((8, 4, 9), (32,), 1),
    ],
)
@pytest.mark.parametrize("most", [1, 3], ids=["spikes", "counts"])
def test_sizes_that_fill_no_vector(shape, channels, kernel, most):
    rng = np.random.default_rng(0)
    x = (rng.random((3, 12, *shape)) < 0.1) * rng.integers(1, most + 1, (3, 12, *shape))
    layers = [ms.Conv(C, kernel, pool="none" if n else "max") for n, C in enumerate(channels)]
    _same(x, shape, layers=layers, window=7)


@pytest.mark.parametrize("neuron", [ms.LIF(threshold=0.5), ms.CubaLIF()], ids=["LIF", "CubaLIF"])
def test_the_first_of_equals_is_the_largest(neuron):
    """Without input all membranes of a channel are the bias."""
    x = np.zeros((2, 9, 6, 7, 2), np.uint8)
    x[1, 4, 3, 3, 0] = 5
    _same(x, (6, 7, 2), (3,), kernel=3, neuron=neuron, window=9)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-14), (np.float32, 1e-5)])
@pytest.mark.parametrize("g", [(4, 8, 7, 16, 5), (1, 4, 16, 32, 5), (5, 12, 3, 48, 5)], ids=str)
@pytest.mark.parametrize("images", [1, 3])
def test_winograd_is_the_correlation(g, images, dtype, tolerance):
    """Winograd's products and their weight gradient against the direct sums, for plain and halo
    images, edges included."""
    H, W, n_from, n_to, k = g
    g, rng = geometry(*g), np.random.default_rng(3)
    assert dense.fits(g)
    x, d = (rng.standard_normal((images, H, W, n)).astype(dtype) for n in (n_from, n_to))
    w, w2 = rng.standard_normal((2, k, k, n_from, n_to)).astype(dtype)
    halo = lambda a: np.pad(a, [(0, 0), (0, 0), (2, 2), (0, 0)]).reshape(images, -1)
    points, points2 = (dense.transform(linear.dense_layout(a), n_from * n_to) for a in (w, w2))
    y, limit = np.full((images, H * W * n_to), np.nan, dtype), tolerance * k * k * n_from
    dense.correlate_at_points(
        0, -(-images // 2), x.reshape(images, -1), points, halo(x), points2, y, 2, g
    )
    assert _relative(y.reshape(images, H, W, n_to), maps.conv(x, w + w2)) < limit
    dW = np.zeros(k * k * n_from * n_to, dtype)
    dense.outer([(x.reshape(1, images, -1), halo(d)[None])], dW, g, 0)
    assert _relative(dW.reshape(w.shape), maps.conv_weight(x, d, k)) < limit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "M, N, R, K",
    [(8, 32, 1, 5), (13, 47, 2, 3), (5, 7, 3, 4), (1, 16, 1, 9), (4, 33, 1, 0), (9, 16, 0, 2)]
    + [(9, 16, 1, 3), (10, 24, 2, 3), (14, 40, 1, 2), (16, 32, 1, 2)],
)
@pytest.mark.parametrize("fresh", [False, True])
def test_gemm(M, N, R, K, fresh, dtype):
    rng = np.random.default_rng(1)
    A, B, C = (rng.standard_normal(shape).astype(dtype) for shape in ((R, M, K), (R, K, N), (M, N)))
    expected, flat = (A @ B).sum(0) if fresh and R * K else C + (A @ B).sum(0), C.ravel().copy()
    flat[:] = np.nan if fresh and R * K else flat
    left, right = Left(0, M * K, K, 1), Right(0, K * N, N)
    _called(products.gemm, A.ravel(), left, B.ravel(), right, flat, Out(0, N), M, N, R, K, fresh)
    assert np.allclose(
        flat.reshape(M, N), expected, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13
    )


def test_reciprocals():
    """To a unit in the last place from 1 on; what is infinite gives next to nothing, what is no
    number none."""
    for dtype, limit in ((np.float32, 1.5e-7), (np.float64, 2.3e-16)):
        x, one = (
            np.concatenate([np.geomspace(1, 1e17, 300), np.linspace(1, 4, 300)]).astype(dtype),
            njit(_reciprocal),
        )
        assert max(abs(float(one(a)) * float(a) - 1) for a in x) < limit
        assert 0 <= one(dtype(np.inf)) <= 1e-17 and np.isnan(one(dtype(np.nan)))


def _reciprocal(x):
    return llvm.reciprocal(x)


@pytest.mark.parametrize("rate", [0.02, 0.9], ids=["events", "dense"])
def test_events_and_images_give_the_same(rate):
    """Input sparse enough for events, and so dense that every pass takes the dense path."""
    x = np.random.default_rng(2).poisson(rate, (3, 14, 5, 8, 2))
    _same(x, (5, 8, 2), (17,), window=9)


@pytest.mark.parametrize("neuron, pool", [(ms.LIF(), "max"), (ms.CubaLIF(threshold=0.05), "mean")])
def test_a_sample_takes_its_path_whatever_the_others_do(neuron, pool):
    """One sample goes through as dense images and one as events: the same bits as alone, the
    reference's values."""
    rng = np.random.default_rng(4)
    x = np.stack([rng.poisson(rate, (16, 4, 16, 2)) for rate in (3.0, 0.02, 3.0)]).astype(np.uint8)
    net, theta = _same(x, (4, 16, 2), (16, 16), pool=pool, neuron=neuron, window=10)
    for n in range(3):
        assert np.array_equal(net(theta, x[n : n + 1])[0], net(theta, x)[n])


@pytest.mark.parametrize("rate", [0.1, 0.6], ids=["events", "points"])
@pytest.mark.parametrize("pool, detach", [("max", False), ("mean", False), ("max", True)])
def test_a_network_that_takes_every_fast_path(pool, detach, rate):
    """Widths that fill vectors and columns that fill tiles: Winograd's products, sites that gather,
    sorted channels; and where more than a quarter of the sites spike, images in two spans of steps.
    """
    x = np.random.default_rng(6).poisson(rate, (3, 25, 8, 16, 2))
    settings = dict(pool=pool, window=10, detach_reset=detach)
    _same(x, (8, 16, 2), (16, 32), limit=1e-11, **settings)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_what_kernels_alone_call_python_cannot():
    with pytest.raises(TypeError, match="empty"):
        vector.empty(3, np.zeros(1))


def test_what_nobody_may_write_to_is_computed_with():
    """Read-only arrays are of another type."""
    net = ms.SpikingNet((5, 4, 2), (3,), ways=3, kernel=3, window=6, backend="numba")
    x = np.random.default_rng(0).poisson(0.4, (3, 12, 5, 4, 2)).astype(np.uint8)
    theta = net.init(np.random.default_rng(0), x)
    v = np.ones(net.size, net.dtype)
    expected = net.gradients(theta, x, np.arange(3)).hvp(v)
    for one in (theta, x, v):
        one.flags.writeable = False
    assert np.array_equal(net.gradients(theta, x, np.arange(3)).hvp(v), expected)
