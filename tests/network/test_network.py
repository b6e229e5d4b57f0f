"""The network: its layout, its equations against scalar loops, its backends against each other, its
errors."""

import numpy as np
import pytest
from conftest import arrays_off, off

import minisnn as ms
from minisnn.gradcheck import random_case, random_data, random_theta
from minisnn.core.neuron import FastSigmoid
from slowly import after


def small(backend="numpy", dtype=np.float64, **changes):
    settings = dict(
        input_shape=(7, 6, 2),
        channels=(3, 2),
        ways=3,
        kernel=3,
        window=9,
        dtype=dtype,
        backend=backend,
    )
    return ms.SpikingNet(**{**settings, **changes})


def case(net, seed=0, batch=2, steps=14):
    rng = np.random.default_rng(seed)
    return random_theta(net, rng), *random_data(net, rng, batch, steps)


# ---- layout


def test_table_1():
    net = ms.SpikingNet(backend="numpy")
    assert {p.name: p.shape for p in net.layout} == {
        "conv1.weight": (5, 5, 2, 32),
        "conv1.bias": (32,),
        "conv2.weight": (5, 5, 32, 64),
        "conv2.bias": (64,),
        "conv3.weight": (5, 5, 64, 128),
        "conv3.bias": (128,),
        "readout.weight": (1024, 5),
        "readout.bias": (5,),
    }
    assert net.size == 1600 + 32 + 51200 + 64 + 204800 + 128 + 5120 + 5
    assert [b.output_shape for b in net.blocks] == [(8, 16, 32), (4, 8, 64), (2, 4, 128), (1, 1, 5)]
    assert net.window == 30
    assert net.neuron == ms.LIF(
        alpha=0.95, beta=0.9, gamma=0.65, rho=1, threshold=0, slope=10, gain=10
    )


def test_views_share_memory_in_order():
    net = small(hidden=(4,))
    theta = np.arange(net.size, dtype=float)
    views = net.views(theta)
    assert list(views) == [
        "conv1.weight",
        "conv1.bias",
        "conv2.weight",
        "conv2.bias",
        "hidden1.weight",
        "hidden1.bias",
        "readout.weight",
        "readout.bias",
    ]
    assert np.array_equal(np.concatenate([v.ravel() for v in views.values()]), theta)
    views["hidden1.bias"][1] = -1
    assert (theta == -1).sum() == 1


def test_configuration_builds_the_network_again():
    net = small(hidden=(4,), neuron=ms.LIF(rho=0.5), detach_reset=True, loss="squared")
    again = ms.SpikingNet.from_configuration(net.configuration())
    assert repr(again) == repr(net) and again.configuration() == net.configuration()
    assert ms.SpikingNet.from_configuration(net.configuration(), backend="numba").backend == "numba"


# ---- the equations


def spikes_of(u, threshold):
    return 1.0 if u >= threshold else 0.0


def test_conv_network_equals_scalar_loops(backend):
    neuron = ms.LIF(alpha=0.8, beta=0.7, gamma=0.6, rho=0.7, threshold=0.2, gain=4.0)
    net = small(backend, input_shape=(5, 4, 2), channels=(2,), neuron=neuron, window=3)
    theta, x, _ = case(net, batch=1, steps=6)
    v = net.views(theta)
    p, q = np.zeros((2, 5, 4, 2))
    r, P, Q, R = np.zeros((5, 4, 2)), np.zeros(8), np.zeros(8), np.zeros(3)
    for t in range(6):
        u = np.zeros((5, 4, 2))
        for h in range(5):
            for w in range(4):
                for c in range(2):
                    u[h, w, c] = v["conv1.bias"][c] - 0.7 * r[h, w, c]
                    for i in range(3):
                        for j in range(3):
                            if 0 <= h + i - 1 < 5 and 0 <= w + j - 1 < 4:
                                u[h, w, c] += (
                                    p[h + i - 1, w + j - 1] @ v["conv1.weight"][i, j, :, c]
                                )
        out = [
            spikes_of(max(u[2 * h + i, 2 * w + j, c] for i in range(2) for j in range(2)), 0.2)
            for h in range(2)
            for w in range(2)
            for c in range(2)
        ]
        logits = P @ v["readout.weight"] + v["readout.bias"] - 0.7 * R
        s, S = (u >= 0.2).astype(float), (logits >= 0.2).astype(float)
        p, q, r = 0.8 * p + 0.2 * q, 0.7 * q + 0.3 * 4.0 * x[0, t], 0.6 * r + 0.4 * s
        P, Q, R = 0.8 * P + 0.2 * Q, 0.7 * Q + 0.3 * np.array(out), 0.6 * R + 0.4 * S
    assert off(net(theta, x)[0], logits) < 1e-12


@pytest.mark.parametrize("window", [4, 9, 20])
@pytest.mark.parametrize("detach", [False, True])
def test_one_neuron_equals_a_scalar_loop_with_its_gradient_and_hessian(backend, window, detach):
    """Sensitivities du/dz, d2u/dz2 carried forward in time with the state, z = (w1, w2, w3, b)."""
    n = ms.LIF(alpha=0.8, beta=0.7, gamma=0.6, rho=1.3, threshold=0.1, slope=3.0, gain=2.0)
    net = ms.SpikingNet(
        3,
        (),
        1,
        neuron=n,
        window=window,
        dtype=np.float64,
        loss="squared",
        detach_reset=detach,
        backend=backend,
    )
    theta, x, _ = case(net, seed=1, batch=1, steps=9)
    target = np.array([[0.4]])
    p, q, r = np.zeros(3), np.zeros(3), 0.0
    dr, d2r = np.zeros(4), np.zeros((4, 4))
    for t in range(9):
        inside = t >= 9 - window
        u = theta[:3] @ p + theta[3] - n.rho * r
        du, d2u = np.append(p, 1.0) - n.rho * dr, -n.rho * d2r
        a = u - n.threshold
        r = n.gamma * r + (1 - n.gamma) * (a >= 0)
        dr, d2r = n.gamma * dr, n.gamma * d2r
        if inside and not detach:
            dr = dr + (1 - n.gamma) * FastSigmoid(3.0).prime(a) * du
            d2r = d2r + (1 - n.gamma) * (
                FastSigmoid(3.0).second(a) * np.outer(du, du) + FastSigmoid(3.0).prime(a) * d2u
            )
        p, q = n.alpha * p + (1 - n.alpha) * q, n.beta * q + (1 - n.beta) * n.gain * x[0, t]
    e = u - 0.4
    loss, gradient, _, hvp = net.gradients(theta, x, target)
    assert net(theta, x)[0, 0] == pytest.approx(u, rel=1e-12) and loss == pytest.approx(
        e * e / 2, rel=1e-12
    )
    assert off(gradient, e * du) < 1e-12
    assert off(np.array([hvp(row) for row in np.eye(4)]), np.outer(du, du) + e * d2u) < 1e-12


def test_dense_network_sees_features_in_h_w_c_order(backend):
    conv = small(backend, input_shape=(3, 2, 2), channels=(), hidden=(4,))
    flat = small(backend, input_shape=12, channels=(), hidden=(4,))
    theta, x, y = case(conv)
    loss, gradient = conv.loss_and_gradient(theta, x, y)
    other, same = flat.loss_and_gradient(theta, x.reshape(2, 14, 12), y)
    assert loss == other and np.array_equal(gradient, same) and np.abs(gradient).max() > 0


def test_logits_do_not_depend_on_the_window(backend):
    nets = [small(backend, window=w) for w in (1, 5, 14, 40)]
    theta, x, _ = case(nets[0])
    found = [net(theta, x) for net in nets]
    assert all(off(f, found[0]) < 1e-12 for f in found)


def test_squared_loss_takes_labels_or_targets(backend):
    net = small(backend, loss="squared")
    theta, x, y = case(net)
    logits = net(theta, x)
    targets = np.eye(3)[y]
    assert net.loss(theta, x, y) == pytest.approx(
        0.5 * ((logits - targets) ** 2).sum() / 2, rel=1e-12
    )
    assert net.loss(theta, x, y) == net.loss(theta, x, targets)


def test_cross_entropy_survives_large_logits(backend):
    net = small(backend)
    theta, x, y = case(net)
    net.views(theta)["readout.bias"][...] = [1e4, 0, -1e4]
    loss, gradient = net.loss_and_gradient(theta, x, np.array([2, 2]))
    assert loss == pytest.approx(2e4, rel=1e-2) and np.isfinite(gradient).all()


def test_jet_form_at_its_record_is_the_spiking_network(backend):
    net = small(backend)
    theta, x, y = case(net)
    v, record = np.random.default_rng(3).standard_normal(net.size), net.record(theta, x)
    loss, gradient, _, hvp = net.gradients(theta, x, y)
    jet_loss, jet_gradient, _, jet_hvp = net.gradients(theta, x, y, spike="jet", record=record)
    assert loss == pytest.approx(jet_loss, rel=1e-12)
    assert (
        arrays_off(net, gradient, jet_gradient) < 1e-10
        and arrays_off(net, hvp(v), jet_hvp(v)) < 1e-10
    )
    smooth = net.loss_and_gradient(theta, x, y, spike="smooth", record=record)[1]
    assert arrays_off(net, smooth, gradient) > 0.01


@pytest.mark.parametrize("T, window", [(1, 5), (2, 5), (3, 3), (5, 30), (9, 2), (9, 4), (9, 5)])
def test_windows_shorter_than_the_network_is_deep(backend, T, window):
    """A synapse delays by two steps: block n from the top has an adjoint only where the window has
    2 n + 1 steps."""
    net = small(backend, hidden=(4,), window=window)
    theta, x, y = case(net, steps=T)
    v = np.random.default_rng(1).standard_normal(net.size)
    _, gradient, _, hvp = net.gradients(theta, x, y)
    for n, block in enumerate(reversed(net.blocks)):
        for g in (gradient, hvp(v)):
            reached = np.abs(net.views(g)[f"{block.name}.bias"]).max() > 0
            assert reached == (min(T, window) > 2 * n)


def test_hessian_vector_product_is_linear_and_reusable(backend, rng):
    net = small(backend)
    theta, x, y = case(net)
    v, w = rng.standard_normal((2, net.size))
    _, _, _, hvp = net.gradients(theta, x, y)
    hv = hvp(v)
    assert off(hvp(2 * v - w), 2 * hv - hvp(w)) < 1e-12
    assert np.array_equal(hvp(v), hv) and off(net.hessian_vector_product(theta, x, y, v), hv) == 0


def test_a_batch_is_the_mean_of_its_samples(backend):
    net = small(backend)
    theta, x, y = case(net, batch=23)
    loss, gradient, logits, none = net.gradients(theta, x, y, second=False)
    same, other, _, hvp = net.gradients(theta, x, y)
    alone = [net.gradients(theta, x[n : n + 1], y[n : n + 1]) for n in range(23)]
    assert loss == pytest.approx(
        np.mean([a[0] for a in alone]), rel=1e-12
    ) and same == pytest.approx(loss, rel=1e-12)
    assert off(gradient, np.mean([a[1] for a in alone], 0)) < 1e-12 and off(gradient, other) < 1e-12
    assert off(hvp(theta), np.mean([a.hvp(theta) for a in alone], 0)) < 1e-12
    assert off(logits, net(theta, x)) < 1e-12


def test_logits_and_activity(backend):
    net = small(backend)
    theta, x, y = case(net)
    assert off(net.gradients(theta, x, y).logits, net(theta, x)) < 1e-12
    net.views(theta)["conv2.bias"][...] = [1e3, -1e3]
    activity = net.activity(theta, x)
    assert (
        list(activity) == ["conv1", "conv2"]
        and 0 < activity["conv1"] < 1
        and activity["conv2"] == 0.5
    )


# ---- backends and types


def both(seed, dtype=np.float64):
    """The same random case on both backends: (net, (loss, gradient, H v) on numpy, the same on
    numba)."""
    found, c = [], random_case(np.random.default_rng(seed), "numpy")
    v = np.random.default_rng(seed).standard_normal(c.net.size).astype(dtype)
    for backend in ("numpy", "numba"):
        net = ms.SpikingNet.from_configuration(
            c.net.configuration(), backend=backend, dtype=np.dtype(dtype).name
        )
        loss, gradient, _, hvp = net.gradients(
            c.theta.astype(dtype), c.task.x_support, c.task.y_support
        )
        found.append((loss, gradient, hvp(v)))
    return net, *found


@pytest.mark.parametrize("seed", range(300, 325))
def test_backends_agree(seed):
    net, (loss, g, hv), (kernel_loss, kernel_g, kernel_hv) = both(seed)
    assert kernel_loss == pytest.approx(loss, rel=1e-10)
    assert arrays_off(net, kernel_g, g) < 1e-10 and arrays_off(net, kernel_hv, hv) < 1e-10


@pytest.mark.parametrize("seed", after(7, range(300, 310)))
def test_backends_agree_in_float32(seed):
    _, (loss, g, hv), (kernel_loss, kernel_g, kernel_hv) = both(seed, np.float32)
    assert kernel_g.dtype == kernel_hv.dtype == g.dtype == hv.dtype == np.float32
    assert kernel_loss == pytest.approx(loss, rel=1e-4)
    assert off(kernel_g, g) < 1e-3 and off(kernel_hv, hv) < 1e-3


@pytest.mark.parametrize(
    "pool, detach", [("max", False), ("max", True), ("mean", False), ("mean", True)]
)
def test_backends_agree_on_wide_layers(pool, detach):
    found = []
    for backend in ("numpy", "numba"):
        net = small(
            backend,
            input_shape=(10, 9, 3),
            channels=(17, 33),
            kernel=5,
            hidden=(19,),
            pool=pool,
            detach_reset=detach,
        )
        theta, x, y = case(net)
        _, gradient, _, hvp = net.gradients(theta, x, y)
        found.append((gradient, hvp(np.random.default_rng(1).standard_normal(net.size))))
    assert all(0.02 < rate < 0.98 for rate in net.activity(theta, x).values())
    assert (
        arrays_off(net, found[1][0], found[0][0]) < 1e-10
        and arrays_off(net, found[1][1], found[0][1]) < 1e-10
    )


def test_backends_agree_at_high_activity():
    nets = [small(b, neuron=ms.LIF(gain=1.0)) for b in ("numpy", "numba")]
    theta, _, y = case(nets[0])
    x = np.full((2, 14, 7, 6, 2), 3, np.uint8)
    for name in ("conv1.bias", "conv2.bias"):
        nets[0].views(theta)[name][...] = 5.0
    a, b = (net.loss_and_gradient(theta, x, y)[1] for net in nets)
    assert nets[0].activity(theta, x)["conv1"] == 1 and arrays_off(nets[0], b, a) < 1e-10


def test_a_recording_without_events(backend):
    net = small(backend)
    theta, x, y = case(net)
    loss, gradient, _, hvp = net.gradients(theta, 0 * x, y)
    views = net.views(gradient)
    assert np.isfinite(loss) and not views["conv1.weight"].any() and views["conv1.bias"].any()
    assert np.isfinite(hvp(theta)).all()


def test_threads_do_not_change_a_bit():
    net = small("numba", np.float32, channels=(8, 8))
    theta, x, y = case(net, batch=9)
    found = []
    try:
        for n in (1, 2, 5):
            ms.set_threads(n)
            _, gradient, _, hvp = net.gradients(theta, x, y)
            found.append((gradient, hvp(theta)))
    finally:
        ms.set_threads(None)
    assert all(np.array_equal(a, b) for one, *others in zip(*found) for a in [one] for b in others)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int64, np.float32, np.float64])
def test_counts_of_any_type_and_layout(backend, kind):
    net = small(backend)
    theta, x, y = case(net)
    expected = net.loss(theta, x, y)
    assert net.loss(theta, x.astype(kind), y) == expected
    assert net.loss(theta, np.asfortranarray(x).astype(kind), y.astype(np.uint8)) == expected
    assert net.loss(theta, np.repeat(x, 2, 0)[::2], list(y)) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_theta_of_another_dtype_is_cast(backend, dtype):
    net = small(backend, dtype)
    theta, x, y = case(net)
    v = np.random.default_rng(2).standard_normal(net.size)
    other = np.float64 if dtype == np.float32 else np.float32
    theta = theta.astype(np.float32)
    expected = net.loss_and_gradient(theta.astype(dtype), x, y)[1]
    hv = net.hessian_vector_product(theta.astype(dtype), x, y, v.astype(dtype))
    found = net.loss_and_gradient(theta.astype(other), x, y)[1]
    assert found.dtype == dtype and np.array_equal(found, expected)
    assert np.array_equal(net.hessian_vector_product(theta.astype(other), x, y, v), hv)
    assert np.array_equal(net(np.repeat(theta, 2)[::2], x), net(theta.astype(dtype), x))
    assert net(theta.astype(other), x).dtype == dtype
