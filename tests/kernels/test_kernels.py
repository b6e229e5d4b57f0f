"""Kernels against their readable twins: events and dense products give the same, on sizes that fill
no vector."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numba import TypingError, config, njit, types

import minisnn as ms
from minisnn.kernels.network import Loops
from minisnn.kernels import block, dense, forward, gradient, linear, neuron, pooling
from minisnn.kernels.events import collect
from minisnn.kernels.records import Calls, Sorted, geometry
from minisnn.core import linear as maps
from minisnn.parallel import compilation
from minisnn.parallel.arrays import ALIGNMENT
from minisnn.vectors import choice, llvm, products, vector
from minisnn.vectors.products import Left, Out, Right
from slowly import after, all_but, slow


def _relative(a, b):
    return abs(np.asarray(a) - b).max() / max(abs(np.asarray(b)).max(), 1e-300)


def _called(intrinsic, *arguments):
    """What an intrinsic gives, or a kernel that kernels alone call."""
    return _caller(intrinsic, len(arguments))(*arguments)


@cache
def _caller(inner, count):
    named = ", ".join(f"a{n}" for n in range(count))
    found = {}
    exec(f"def call({named}):\n    return inner({named})\n", {"inner": inner}, found)
    return njit(found["call"])


GEOMETRIES = [
    (4, 8, 3, 33, 5),
    (3, 5, 2, 16, 3),
    (8, 16, 9, 32, 5),
    (1, 1, 40, 5, 1),
    (5, 3, 8, 70, 5),
    (2, 13, 17, 8, 3),
    (3, 4, 100, 16, 3),
]


@pytest.mark.parametrize("dtype, tolerance", after(1, [(np.float64, 1e-13), (np.float32, 1e-5)]))
@pytest.mark.parametrize("counts", [True, False], ids=["counts", "spikes"])
@pytest.mark.parametrize("g", GEOMETRIES, ids=str)
def test_linear_maps(g, counts, dtype, tolerance):
    """One time step of events, by each of the ways that there are, against the reference."""
    g = geometry(*g)
    H, W, n_in, n_out, k, *_ = g
    rng, pad = np.random.default_rng(0), k // 2
    x = (rng.random((H, W, n_in)) < 0.4) * (rng.integers(1, 4, (H, W, n_in)) if counts else 1)
    w, dV = (
        rng.standard_normal((k, k, n_in, n_out)).astype(dtype),
        rng.standard_normal((H, W, n_out)).astype(dtype),
    )
    halo = np.pad(x.astype(dtype), [(0, 0), (pad, pad), (0, 0)]).ravel()
    D = np.pad(dV, [(0, 0), (pad, pad), (0, 0)]).ravel()
    lists = _events(x, dtype, counts).lists
    one, scratch = (
        dtype(1),
        (np.empty(k * W * n_in + choice.TOGETHER, np.int32), np.empty(W + 1, np.int32)),
    )

    expected = maps.conv(x.astype(dtype), w)
    ways = {
        "spread": lambda V: _called(
            linear.spread, lists, 0, 0, 0, H, linear.rows_layout(w), V, one, g
        ),
        "correlate": lambda V: _called(linear.correlate, halo, linear.dense_layout(w), V, g),
    }
    if not counts:
        ways["gather"] = lambda V: _called(
            linear.gather, lists, 0, 0, 0, H, linear.dense_layout(w), V, *scratch, g
        )
    for name, way in ways.items():
        V = np.zeros(H * W * n_out, dtype)
        way(V)
        assert _relative(V.reshape(expected.shape), expected) < tolerance, name

    expected = maps.conv_input(dV, w, 1, dV.shape[:2])
    dx = np.zeros(x.size, dtype)
    _called(linear.correlate, D, linear.back_layout(w), dx, geometry(H, W, n_out, n_in, k))
    assert _relative(dx.reshape(expected.shape), expected) < tolerance

    expected = maps.conv_weight(x.astype(dtype), dV, k)

    ways = {
        "spread": lambda dW: _called(
            linear.spread_weight, lists, 0, 0, 0, H, 0, k, D, 0, dW, one, g
        ),
        "correlate": lambda dW: [
            _called(linear.correlate_weight, halo, 0, n_in, dV.ravel(), 0, W * n_out, i, dW, g)
            for i in range(k)
        ],
    }
    for name, way in ways.items():
        dW = np.zeros(w.size, dtype)
        way(dW)
        assert _relative(linear.from_rows(dW, w.shape), expected) < tolerance, name


def _events(x, dtype, counts):
    """The image x as one sample and step, or x (B, T, H, W, n_in); spikes have no values and know
    their columns."""
    x = x if x.ndim == 5 else x[None, None]
    found = collect(x.astype(np.uint8), dtype(1))
    if counts:
        return found
    ends = np.cumsum((x != 0).sum(4), 3).transpose(0, 2, 1, 3)
    column = np.concatenate([np.zeros_like(ends[..., :1]), ends], 3) + found.offset[:, :, :-1, None]
    index = np.concatenate(
        [found.index, np.zeros((*found.index.shape[:2], choice.TOGETHER), np.int32)], 2
    )
    return replace(found, index=index, value=found.value[:, :, :0], column=column.astype(np.int32))


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
@pytest.mark.parametrize("span", [1, 3, 7])
@pytest.mark.parametrize(
    "g", [(4, 8, 3, 33, 5), (3, 5, 2, 16, 3), (2, 13, 17, 8, 7), (8, 4, 9, 32, 5)], ids=str
)
def test_weight_gradient_of_events_by_channel(g, span, dtype, tolerance):
    """Five steps of two samples from the second on, in lists of so many steps; a third sample is
    dense and not looked at."""
    g, rng = geometry(*g), np.random.default_rng(4)
    H, W, n_in, n_out, k, *_ = g
    x, dense = rng.random((3, 7, H, W, n_in)) < 0.3, np.array([False, True, False])
    dV = rng.standard_normal((3, 5, H, W, n_out)).astype(dtype)
    D = np.pad(dV, [(0, 0)] * 3 + [(k // 2,) * 2, (0, 0)]).reshape(3, 5, -1)
    starts = np.empty(3 * H * (-(-5 // span) * n_in + 1), np.int32)
    events = Sorted(np.empty(3 * H * 5 * W * n_in, np.int32), starts, 5 * W * n_in, 1, 5, span)
    dW, line = np.zeros(k * n_in * k * n_out, dtype), ALIGNMENT // dV.itemsize
    gradient.by_channel(0, 3 * H, _events(x, dtype, False).lists, dense, events, g)
    gradient.weight_gradient_of_events(0, -(-n_out // line), events, dense, D, dW, g)
    expected = sum(maps.conv_weight(x[b, 1:6].astype(dtype), dV[b], k) for b in (0, 2))
    assert _relative(linear.from_rows(dW, expected.shape), expected) < tolerance


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
    dW = np.full(k * k * n_from * n_to, np.nan, dtype)
    dense.outer([(x.reshape(1, images, -1), halo(d)[None])], dW, g, 0)
    assert _relative(linear.from_rows(dW, (k, k, n_from, n_to)), maps.conv_weight(x, d, k)) < limit


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


@pytest.mark.parametrize("n", [0, 1, 7, 16, 63, 64, 200])
def test_axpy_touches_its_range_only(n):
    x, y = np.arange(300.0), np.ones(300)
    expected = y.copy()
    expected[5 : 5 + n] += 0.5 * x[3 : 3 + n]
    _called(vector.axpy, y, 5, 0.5, x, 3, n)
    assert np.array_equal(y, expected)


@pytest.mark.parametrize("n", [1, 15, 16, 31, 200, 333])
def test_add_rows(n):
    rng = np.random.default_rng(5)
    x, y, index = (
        rng.standard_normal(1200),
        rng.standard_normal(400),
        np.array([3, 0, 5, 5, 1], np.int32),
    )
    for first, last in ((1, 4), (2, 2)):
        out, expected = y.copy(), y.copy()
        for e in range(first, last):
            expected[7 : 7 + n] += x[11 + 100 * index[e] :][:n]
        vector.add_rows(out, 7, x, 11, 100, index, first, last, n)
        assert np.array_equal(out, expected)


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


@cache
def _kernel_of(note):
    """A kernel that does nothing but note: `note` is written inline."""
    return njit(lambda v, C, threshold, column, x, o: note(v, C, threshold, column, x, o))


@pytest.mark.parametrize("dtype", [np.float32, slow(np.float64)])
@pytest.mark.parametrize("C", all_but((8, 9, 16), [1, 8, 9, 16, 24, 45, 64]))
def test_notes_of_what_reaches_the_threshold(C, dtype):
    """Of sites, and of windows by their largest, which may be any of the four, or mean; a row ends
    with an odd column."""
    u = np.random.default_rng(C).standard_normal((2, 7, C)).astype(dtype)
    u[0, 0, 0] = 0.5  # the threshold itself
    windows = u[:, :6].reshape(2, 3, 2, C)
    ways = (
        (choice.note, u[0, :3].copy(), u[0, :3]),
        (choice.note_largest, u, windows.max((0, 2))),
        (choice.note_mean, 2 * u, windows.mean((0, 2)) * 2),
    )
    for note, given, v in ways:
        places, column = np.full(3 + 3 * C + choice.TOGETHER, -1, np.int32), np.zeros(4, np.int32)
        end = _kernel_of(note)(given.ravel(), C, dtype(0.5), column, places, 3)
        assert (
            places[3:end].tolist() == np.flatnonzero(v >= 0.5).tolist()
            and places[:3].tolist() == [-1] * 3
        )
        assert column.tolist() == [3, *(3 + np.cumsum((v >= 0.5).sum(1))).tolist()]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", all_but((15, 24), [1, 15, 16, 24, 48, 250]))
def test_notes_of_values(size, dtype):
    """Places and values behind what is there, of vectors and of what fills none."""
    v = (np.random.default_rng(size).integers(-1, 4, size) / 4).astype(dtype)
    places, values = np.full(3 + size + choice.TOGETHER, -1, np.int32), np.full(300, -1, dtype)
    end = _called(choice.note_values, v, places, values, 3)
    assert places[:3].tolist() == values[:3].tolist() == [-1] * 3
    assert places[3:end].tolist() == np.flatnonzero(v > 0).tolist()
    assert values[3:end].tolist() == v[v > 0].tolist()
    assert (places[end + choice.TOGETHER :] == -1).all()


@pytest.mark.parametrize("rate", [0.02, 0.9], ids=["events", "dense"])
def test_both_paths_equal_the_reference(rate):
    """Input sparse enough for events, and so dense that every pass takes the dense path."""
    rng = np.random.default_rng(2)
    x, y = rng.poisson(rate, (3, 14, 5, 8, 2)), np.arange(3)
    nets = [
        ms.SpikingNet((5, 8, 2), (17,), 3, window=9, dtype=np.float64, backend=b)
        for b in ("numba", "numpy")
    ]
    assert (np.count_nonzero(x) > linear.DENSE_ABOVE_VALUED * x.size) == (rate == 0.9)
    theta = nets[0].init(rng, x)
    v = rng.standard_normal(nets[0].size)
    for name, call in (
        ("logits", lambda n: n(theta, x)),
        ("gradient", lambda n: n.loss_and_gradient(theta, x, y)[1]),
        ("hvp", lambda n: n.hessian_vector_product(theta, x, y, v)),
    ):
        assert _relative(call(nets[0]), call(nets[1])) < 1e-12, name


@pytest.mark.parametrize("neuron, pool", [(ms.LIF(), "max"), (ms.CubaLIF(threshold=0.05), "mean")])
def test_a_sample_takes_its_path_whatever_the_others_do(neuron, pool):
    """One sample goes through as dense images and one as events: the same bits as alone, the
    reference's values."""
    rng = np.random.default_rng(4)
    x = np.stack([rng.poisson(rate, (16, 4, 16, 2)) for rate in (3.0, 0.02, 3.0)]).astype(np.uint8)
    nets = [
        ms.SpikingNet(
            (4, 16, 2),
            (16, 16),
            3,
            pool=pool,
            neuron=neuron,
            window=10,
            dtype=np.float64,
            backend=b,
        )
        for b in ("numba", "numpy")
    ]
    theta, v = nets[0].init(rng, x), rng.standard_normal(nets[0].size)
    assert collect(x, np.float64(1)).above(linear.DENSE_ABOVE_VALUED).tolist() == [
        True,
        False,
        True,
    ]
    for n in range(3):
        assert np.array_equal(nets[0](theta, x[n : n + 1])[0], nets[0](theta, x)[n])
    for name, call in (
        ("gradient", lambda n: n.loss_and_gradient(theta, x, np.arange(3))[1]),
        ("hvp", lambda n: n.hessian_vector_product(theta, x, np.arange(3), v)),
    ):
        assert _relative(call(nets[0]), call(nets[1])) < 1e-12, name


def test_which_layers_go_as_images(monkeypatch):
    """A third of the sites spike: as images where Winograd's products fit, by events where not;
    AT_ONCE steps at most."""
    rng, spans, chosen, through = np.random.default_rng(6), [], [], block.through
    net = ms.SpikingNet((8, 16, 2), (16, 32), 3, window=10)
    x = rng.poisson(0.1, (3, block.AT_ONCE + 5, 8, 16, 2))
    theta = net.init(rng, x, rate=0.2)
    for name, bias in net.views(theta).items():
        bias += 0.5 * name.endswith("bias") * name.startswith("conv")
    monkeypatch.setattr(
        block, "through", lambda y, *rest: spans.append(y.shape[1]) or through(y, *rest)
    )
    spikes = block.enter(x, net.gain, net.dtype)
    loops = Loops(net, theta)
    for b, weight, bias in zip(loops.blocks, loops.weights, loops.biases):
        active = spikes.mean()
        spikes, tape = block.forward(b, weight, bias, spikes, 10)
        chosen.append(tape["dense"].tolist())
        assert b.name == "conv1" or linear.POINTS_ABOVE < active < linear.DENSE_ABOVE
    assert chosen == [[False] * 3, [True] * 3, [False] * 3]
    assert sum(spans) == len(x[0]) and max(spans) <= block.AT_ONCE


@pytest.mark.parametrize("steps", [1, 2, 13])
@pytest.mark.parametrize(
    "neuron", [ms.LIF(threshold=0.3), ms.CubaLIF(threshold=0.05)], ids=["LIF", "CubaLIF"]
)
@pytest.mark.parametrize("pool", ["max", "mean"])
def test_no_bit_depends_on_spans_or_company(neuron, pool, steps, monkeypatch):
    """Membranes and spikes of dense and sparse samples, an odd row included: in spans of four steps
    or not, alone or not."""
    rng = np.random.default_rng(4)
    net = ms.SpikingNet((7, 16, 2), (16,), 3, pool=pool, neuron=neuron, window=9)
    theta = net.init(rng, rng.poisson(0.6, (3, 14, 7, 16, 2)))
    x = np.stack([rng.poisson(rate, (steps, 7, 16, 2)) for rate in (3.0, 0.02, 3.0)])
    loops = Loops(net, theta)
    first, weight, bias = loops.blocks[0], loops.weights[0], loops.biases[0]

    def found(x):
        y, tape = block.forward(first, weight, bias, block.enter(x, net.gain, net.dtype))
        return tape["u"], y.dense(), tape["dense"]

    whole = found(x)
    assert whole[2].tolist() == [True, False, True]
    for n in range(3):
        assert all(np.array_equal(a[0], b[n]) for a, b in zip(found(x[n : n + 1]), whole))
    monkeypatch.setattr(block, "AT_ONCE", 4)
    assert all(np.array_equal(a, b) for a, b in zip(found(x), whole))


@pytest.mark.parametrize("rate", [0.2, 0.45], ids=["events", "points"])
@pytest.mark.parametrize("pool, detach", [("max", False), ("mean", False), ("max", True)])
def test_a_network_that_takes_every_fast_path(pool, detach, rate):
    """Widths that fill vectors and columns that fill tiles: Winograd's products, sites that gather,
    sorted channels; and where more than a quarter of the sites spike, images in two spans of steps.
    """
    rng = np.random.default_rng(6)
    x, y = rng.poisson(0.1, (3, block.AT_ONCE + 5, 8, 16, 2)), np.arange(3)
    nets = [
        ms.SpikingNet(
            (8, 16, 2),
            (16, 32),
            3,
            pool=pool,
            window=10,
            dtype=np.float64,
            detach_reset=detach,
            backend=b,
        )
        for b in ("numba", "numpy")
    ]
    inner = nets[0].blocks[1]
    assert (
        dense.fits(geometry(*inner.input_shape, inner.channels, 5))
        and inner.input_shape[2] % 8 == 0
    )
    theta, v = nets[0].init(rng, x, rate=rate), rng.standard_normal(nets[0].size)
    seen = nets[0].activity(theta, x).values()
    assert all(one > 0.02 and (one > linear.POINTS_ABOVE) == (rate > 0.4) for one in seen)
    for name, call in (
        ("logits", lambda n: n(theta, x)),
        ("gradient", lambda n: n.loss_and_gradient(theta, x, y)[1]),
        ("hvp", lambda n: n.hessian_vector_product(theta, x, y, v)),
    ):
        assert _relative(call(nets[0]), call(nets[1])) < 1e-12, name


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_threads_change_no_bit(pool):
    """One, two and three threads: identical logits, gradients and Hessian-vector products in
    float32."""
    rng = np.random.default_rng(3)
    x, y = rng.poisson(0.05, (11, 40, 8, 12, 2)).astype(np.uint8), rng.integers(0, 4, 11)
    net = ms.SpikingNet((8, 12, 2), (16, 20), 4, pool=pool, window=20)
    theta, v = net.init(rng, x), rng.standard_normal(net.size).astype(np.float32)
    results = []
    try:
        for threads in (1, 2, 3):
            ms.set_threads(threads)
            results.append(
                (
                    net(theta, x),
                    net.loss_and_gradient(theta, x, y)[1],
                    net.hessian_vector_product(theta, x, y, v),
                )
            )
    finally:
        ms.set_threads(None)
    for one, *others in zip(*results):
        assert all(np.array_equal(one, other) for other in others)


def test_max_pooling_picks_the_first_of_equals():
    """`pick` and its adjoint `put`, ties included, on lengths that fill no vector."""
    rng = np.random.default_rng(4)
    for n in (3, 16, 70):
        # four sites of n channels each, many of them equal
        u = rng.integers(0, 3, 4 * n).astype(np.float64)
        sites, v = u.reshape(4, n), u.reshape(4, n).max(0)
        first, x, y = np.argmax(sites == v, axis=0), rng.standard_normal(4 * n), np.zeros(n)
        _called(choice.pick, u, v, x, y, 0, 2 * n, 0, n)
        assert np.array_equal(y, x.reshape(4, n)[first, np.arange(n)])
        back = np.ones(4 * n)
        _called(choice.put, u, v, y, back, 0, 2 * n, 0, n)
        assert np.array_equal(back.reshape(4, n), np.where(np.arange(4)[:, None] == first, y, 0))


def test_kernels_that_borrow_return_no_array():
    """They count no references, so an array that they returned would be freed twice."""
    net = ms.SpikingNet(input_shape=(4, 6, 2), channels=(3,), window=6, ways=2, backend="numba")
    theta, x = net.init(np.random.default_rng(0)), np.ones((2, 8, 4, 6, 2), np.uint8)
    net.gradients(theta, x, np.array([0, 1])).hvp(theta)
    borrowing = [
        k for module in (linear, pooling, forward) for k in vars(module).values() if borrows(k)
    ]
    borrowing += [neuron.loops_of(net.neuron, net.dtype)[0].loop(name) for name in Calls._fields]
    assert all(map(borrows, borrowing))
    assert {k.__name__ for k in borrowing} >= {
        "forward",
        "backward",
        "adjoint",
        "spread_weight",
        "steps",
    }
    kinds = [
        result.signature.return_type for kernel in borrowing for result in kernel.overloads.values()
    ]
    assert kinds and set(kinds) == {types.none}


def borrows(kernel) -> bool:
    return not getattr(kernel, "targetoptions", {}).get("_nrt", True)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_what_kernels_alone_call_python_cannot():
    with pytest.raises(
        TypeError, match="empty is for other kernels to call; Python cannot call it"
    ):
        vector.empty(3, np.zeros(1))
    assert _called(vector.empty, 3, np.zeros(1)).shape == (3,)
    assert _called(vector.zeros, 3, np.zeros(1)).tolist() == [0, 0, 0]
    with pytest.raises(TypeError, match="Python cannot call it"):  # compiled by now
        vector.empty(3, np.zeros(1))


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_a_kernel_that_is_called_by_its_address_is_called_with_its_own_types():
    @compilation.njit(apart=True)
    def add(to, number):
        to[0] += number

    @njit
    def twice(to, number, where):
        llvm.call_apart(where, add, (to, number))
        llvm.call_apart(where, add, (to, number))

    to = np.ones(1)
    where = llvm.address_of(add, types.none(types.float64[::1], types.float64))
    twice(to, 2.5, where)
    assert to == 6
    with pytest.raises(TypeError, match="add is for other kernels to call"):
        add(to, 2.5)
    with pytest.raises(TypingError, match="add was compiled for other types"):
        twice(to, 2, where)
    with pytest.raises(TypingError, match="add was compiled for other types"):
        twice(to.astype(np.float32), 2.5, where)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_what_is_within_other_kernels_is_no_machine_code_by_itself():
    @compilation.njit(inner=True)
    def triple(x):
        return 3 * x

    assert njit(lambda x: triple(x) + 1)(5) == 16
    found = next(iter(triple.overloads.values()))
    engine = found.library._codegen._engine
    assert not engine.is_symbol_defined(found.fndesc.llvm_func_name)
    with pytest.raises(TypeError, match="triple is within the kernels that call it; one with an"):
        llvm.address_of(triple, types.int64(types.int64))


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
