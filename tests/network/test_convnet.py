"""The CNN baseline: its equations, every derivative against differences, automatic differentiation,
its errors."""

import numpy as np
import pytest
from conftest import arrays_off, off

import minisnn as ms
from minisnn import gradcheck
from minisnn.meta.functions import meta_loss
from minisnn.network.convolutional import ConvNet

SHAPES = {
    "two conv blocks, odd sizes": {},
    "a kernel of one site": {"channels": (3,), "kernel": 1},
    "conv and hidden": {"channels": (3,), "hidden": (4, 3), "kernel": 5},
    "hidden only": {"channels": (), "hidden": (4,)},
    "one dense layer": {"channels": ()},
    "features": {"input_shape": 12, "channels": (), "hidden": (4,)},
    "squared loss": {"loss": "squared"},
    "wide": {"input_shape": (5, 8, 3), "channels": (17, 33), "hidden": (19,)},
}


def small(backend="numpy", dtype=np.float64, **changes):
    settings = {
        "input_shape": (7, 6, 2),
        "channels": (3, 2),
        "ways": 3,
        "kernel": 3,
        "dtype": dtype,
    }
    return ConvNet(**{**settings, "backend": backend, **changes})


def data(net, rng, batch=2, steps=14):
    return rng.poisson(0.3, (batch, steps, *net.input_shape)).astype(np.uint8), rng.integers(
        0, net.ways, batch
    )


def case(net, seed=0, batch=2):
    """Parameters of the size that keeps softplus curved, x and y."""
    rng = np.random.default_rng(seed)
    theta = np.empty(net.size)
    for name, a in net.views(theta).items():
        scale = 1.5 / np.sqrt(a.size / a.shape[-1]) if name.endswith("weight") else 0.5
        a[...] = scale * rng.standard_normal(a.shape)
    return theta.astype(net.dtype), *data(net, rng, batch)


def a_task(net, seed=5):
    rng = np.random.default_rng(seed)
    return ms.Task(*data(net, rng, 3), *data(net, rng, 4))


# ---- layout and equations


def test_layout_is_that_of_the_spiking_network():
    net, spiking = ConvNet(), ms.SpikingNet(backend="numpy")
    assert net.layout == spiking.layout and net.size == spiking.size
    assert [b.name for b in net.blocks] == ["conv1", "conv2", "conv3", "readout"]
    assert [b.output_shape for b in net.blocks] == [b.output_shape for b in spiking.blocks]
    theta = np.arange(net.size, dtype=np.float32)
    assert np.array_equal(np.concatenate([v.ravel() for v in net.views(theta).values()]), theta)


def test_configuration_builds_the_network_again():
    net = small(hidden=(4,), loss="squared", gain=0.3)
    again = ConvNet.from_configuration(net.configuration())
    assert (
        repr(again) == repr(net)
        and again.configuration() == net.configuration()
        and again.gain == 0.3
    )
    assert ConvNet.from_configuration(net.configuration(), backend="numba").backend == "numba"


def test_network_equals_scalar_loops(backend):
    net = small(backend, input_shape=(5, 4, 2), channels=(2,), gain=0.7)
    theta, x, _ = case(net, batch=1)
    v, frame = net.views(theta), 0.7 * x[0].astype(float).sum(0)
    y = np.zeros((5, 4, 2))
    for h in range(5):
        for w in range(4):
            u = v["conv1.bias"].copy()
            for i in range(3):
                for j in range(3):
                    if 0 <= h + i - 1 < 5 and 0 <= w + j - 1 < 4:
                        u += frame[h + i - 1, w + j - 1] @ v["conv1.weight"][i, j]
            y[h, w] = np.log(1 + np.exp(u))
    out = [
        max(y[2 * h + i, 2 * w + j, c] for i in range(2) for j in range(2))
        for h in range(2)
        for w in range(2)
        for c in range(2)
    ]
    assert off(net(theta, x)[0], np.array(out) @ v["readout.weight"] + v["readout.bias"]) < 1e-12


def test_frames_are_summed_counts(backend):
    net = small(backend)
    theta, x, _ = case(net)
    expected = net(theta, x)
    for kind in (np.uint8, np.uint16, np.int64, np.float32, np.float64):
        assert np.array_equal(net(theta, x.astype(kind)), expected)
        assert np.array_equal(net(theta, x.sum(1).astype(kind)), expected)
    assert np.array_equal(
        net(theta, np.full((1, 300, 7, 6, 2), 250, np.uint8)),
        net(theta, np.full((1, 7, 6, 2), 75000.0)),
    )
    flat = small(backend, input_shape=12, channels=())
    theta, x, _ = case(flat)
    assert np.array_equal(flat(theta, x.sum(1)), flat(theta, x))


def test_ties_go_to_the_first_site_and_odd_rests_are_dropped(backend):
    net = small(backend, input_shape=(3, 3, 1), channels=(1,), ways=2, kernel=1)
    theta = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    x = np.array([[[2, 2, 9], [2, 2, 9], [9, 9, 9]]], np.uint8)[..., None]
    assert net(theta, x)[0, 0] == pytest.approx(np.log1p(np.exp(0.2)), rel=1e-14)


# ---- derivatives


@pytest.mark.parametrize("name", SHAPES)
def test_every_derivative_is_proven(backend, name):
    net = small(backend, **SHAPES[name])
    report = gradcheck.check(net, *case(net), inner_steps=(1,))
    assert report.ok, str(report)
    assert report.worst("gradient") <= 1e-7


def test_a_twin_keeps_the_choices_of_pooling(backend, rng):
    net = small(backend)
    theta, x, y = case(net)
    record, v = net.record(theta, x), rng.standard_normal(net.size)
    loss, gradient, _, hvp = net.gradients(theta, x, y)
    for spike in ("jet", "smooth"):
        same, g, _, other = net.gradients(theta, x, y, spike=spike, record=record)
        assert same == loss and np.array_equal(g, gradient) and np.array_equal(other(v), hvp(v))
    moved = theta + v
    assert off(net(moved, x, spike="jet", record=record), net(moved, x)) > 1e-3
    assert np.array_equal(net(moved, x, spike="hard", record=record), net(moved, x))
    g, own = (
        net.loss_and_gradient(moved, x, y, spike=s, record=record)[1] for s in ("jet", "hard")
    )
    up, down = (net.loss(moved + h * v, x, y, spike="jet", record=record) for h in (1e-5, -1e-5))
    assert g @ v == pytest.approx((up - down) / 2e-5, rel=1e-7) and off(g, own) > 1e-3


def test_second_order_equals_the_explicit_chain_rule_and_fomaml_differs(backend):
    net = small(backend, input_shape=(4, 4, 1), channels=(2,))
    theta, task, sizes = (
        case(net)[0],
        a_task(net),
        np.random.default_rng(1).uniform(0.1, 0.5, net.size),
    )
    _, g, _, hvp = net.gradients(theta, task.x_support, task.y_support)
    H = np.array([hvp(row) for row in np.eye(net.size)])
    loss, lam = net.loss_and_gradient(theta - sizes * g, task.x_query, task.y_query)
    first, second = (ms.meta_gradient(net, theta, task, sizes, order=order) for order in (1, 2))
    assert first[0] == second[0] == loss and off(first[1], lam) < 1e-12
    assert arrays_off(net, second[1], lam - H @ (sizes * lam)) < 1e-10
    assert off(first[1], second[1]) > 0.02


# ---- an independent implementation


def torch_logits(torch, net, theta, x):
    """The network in PyTorch's own functions, softplus before pooling; theta a flat tensor in
    minisnn's layout."""
    y = torch.from_numpy(net.gain * x.sum(1, dtype=np.float64)).permute(0, 3, 1, 2)
    for b, weight, bias in zip(net.blocks, net.layout[::2], net.layout[1::2]):
        w = theta[weight.slice].reshape(weight.shape)
        if b.name.startswith("conv"):
            y = torch.nn.functional.conv2d(
                y, w.permute(3, 2, 0, 1), theta[bias.slice], padding=net.kernel // 2
            )
            y = torch.nn.functional.max_pool2d(torch.nn.functional.softplus(y, threshold=1e9), 2)
        else:
            if y.ndim == 4:
                y = y.permute(0, 2, 3, 1).reshape(len(y), -1)
            y = y @ w + theta[bias.slice]
            y = y if b.readout else torch.nn.functional.softplus(y, threshold=1e9)
    return y


@pytest.mark.parametrize(
    "shape", [{}, {"hidden": (4,), "kernel": 5}, {"channels": ()}, {"input_shape": (9, 8, 3)}]
)
@pytest.mark.parametrize("steps", [1, 2])
def test_agrees_with_automatic_differentiation(backend, shape, steps):
    torch = pytest.importorskip(
        "torch", reason="PyTorch, the independent implementation, is not installed"
    )
    net = small(backend, **shape)
    theta, task, v = case(net)[0], a_task(net), np.random.default_rng(4).standard_normal(net.size)
    p = torch.from_numpy(theta).requires_grad_()

    def loss_of(p, x, y):
        return torch.nn.functional.cross_entropy(
            torch_logits(torch, net, p, x), torch.from_numpy(y)
        )

    def gradient(p, x, y, **options):
        return torch.autograd.grad(loss_of(p, x, y), p, **options)[0]

    support, query = (task.x_support, task.y_support), (task.x_query, task.y_query)
    g = gradient(p, *support, create_graph=True)
    hv = torch.autograd.grad(g, p, torch.from_numpy(v), retain_graph=True)[0].numpy()
    loss, found, _, hvp = net.gradients(theta, *support)
    assert loss == pytest.approx(loss_of(p, *support).item(), rel=1e-10)
    assert (
        arrays_off(net, found, g.detach().numpy()) < 1e-10 and arrays_off(net, hvp(v), hv) < 1e-10
    )
    for order in (1, 2):
        p_n = p
        for _ in range(steps):
            g = gradient(p_n, *support, create_graph=order == 2)
            p_n = p_n - 0.4 * g
        expected = (
            gradient(p_n, *query) if order == 1 else torch.autograd.grad(loss_of(p_n, *query), p)[0]
        )
        assert (
            arrays_off(
                net, ms.meta_gradient(net, theta, task, 0.4, steps, order)[1], expected.numpy()
            )
            < 1e-9
        )


# ---- batches, backends, types, initialisation


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_samples_logits_do_not_depend_on_the_others(dtype):
    net = small("numba", dtype, channels=(17, 5), hidden=(19,))
    theta, x, _ = case(net, batch=7)
    together = net(theta, x)
    assert np.array_equal(net(theta, x[3:4])[0], together[3]) and np.array_equal(
        net(theta, x[::-1]), together[::-1]
    )
    other = x.copy()
    other[:3] = 200
    assert np.array_equal(net(theta, other)[3:], together[3:]) and not np.array_equal(
        net(theta, other), together
    )


def test_a_batch_is_the_mean_of_its_samples(backend):
    net = small(backend)
    theta, x, y = case(net, batch=7)
    loss, gradient, logits, none = net.gradients(theta, x, y, second=False)
    same, other, again, hvp = net.gradients(theta, x, y)
    alone = [net.gradients(theta, x[n : n + 1], y[n : n + 1]) for n in range(7)]
    assert loss == pytest.approx(np.mean([a[0] for a in alone]), rel=1e-12) and same == loss
    assert off(gradient, np.mean([a[1] for a in alone], 0)) < 1e-12 and np.array_equal(
        gradient, other
    )
    assert off(hvp(theta), np.mean([a.hvp(theta) for a in alone], 0)) < 1e-12
    assert off(logits, net(theta, x)) < 1e-12 and np.array_equal(logits, again)


def test_hessian_vector_product_is_linear_and_reusable(backend, rng):
    net = small(backend)
    theta, x, y = case(net)
    v, w = rng.standard_normal((2, net.size))
    hvp = net.gradients(theta, x, y).hvp
    hv = hvp(v)
    assert off(hvp(2 * v - w), 2 * hv - hvp(w)) < 1e-12
    assert np.array_equal(hvp(v), hv) and np.array_equal(
        net.hessian_vector_product(theta, x, y, v), hv
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-11), (np.float32, 1e-4)])
def test_backends_agree(name, dtype, tolerance):
    found = []
    for backend in ("numpy", "numba"):
        net = small(backend, dtype, **SHAPES[name])
        theta, x, y = case(net, batch=5)
        _, gradient, _, hvp = net.gradients(theta, x, y)
        found.append((gradient, hvp(np.random.default_rng(1).standard_normal(net.size))))
        assert all(a.dtype == dtype for a in found[-1])
    assert all(arrays_off(net, b, a) < tolerance for a, b in zip(*found))


def test_threads_do_not_change_a_bit():
    net = small("numba", np.float32, channels=(8, 17))
    theta, x, y = case(net, batch=9)
    found = []
    try:
        for n in (1, 2, 5):
            ms.set_threads(n)
            _, gradient, _, hvp = net.gradients(theta, x, y)
            found.append((net(theta, x), gradient, hvp(theta)))
    finally:
        ms.set_threads(None)
    assert all(np.array_equal(a, b) for one, *others in zip(*found) for a in [one] for b in others)


def test_init_fits_every_layer_to_the_data(backend):
    net = small(backend, hidden=(4,))
    x = data(net, np.random.default_rng(7), 40)[0]
    theta = net.init(np.random.default_rng(0), x, rate=0.3)
    for layer in net.record(theta, x):
        assert layer["u"].std() == pytest.approx(1, rel=1e-6)
        assert np.mean(layer["u"] > 0) == pytest.approx(0.3, abs=0.01)
    weight = net.views(net.init(np.random.default_rng(0)))["conv1.weight"].reshape(-1, 3)
    assert off(weight.T @ weight, np.eye(3)) < 1e-12
    zero = net.init(np.random.default_rng(0), x, readout="zero")
    assert not net(zero, x).any() and net.views(zero)["conv1.bias"].any()
    assert (
        list(net.activity(theta, x)) == ["conv1", "conv2", "hidden1"]
        and min(net.activity(theta, x).values()) > 0.1
    )


def test_meta_training_learns():
    """Adaptation after some steps of FOMAML and MAML: the query loss falls from that of chance."""
    net = small("numba", channels=(6,), gain=0.3)
    rng = np.random.default_rng(0)
    rates = rng.random((3, *net.input_shape)) ** 3

    def draw(n):
        x = rng.poisson(np.tile(rates, (n, 1, 1, 1))[:, None], (3 * n, 14, *net.input_shape))
        return x.astype(np.uint8), np.arange(3 * n) % 3

    task = ms.Task(*draw(1), *draw(2))
    for order in (1, 2):
        theta = net.init(np.random.default_rng(0), task.x_query)
        before = meta_loss(net, theta, task, 0.1)
        for _ in range(15):
            theta = theta - 0.05 * ms.meta_gradient(net, theta, task, 0.1, order=order)[1]
        assert meta_loss(net, theta, task, 0.1) < 0.5 * before


# ---- errors


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"input_shape": (7, 6)}, "input_shape must be"),
        ({"input_shape": 12}, "input_shape"),
        ({"channels": (3, 0)}, "channels must be"),
        ({"ways": 0}, "ways must be"),
        ({"channels": (3, 2, 2)}, "conv3 would pool an image of 1 x 1"),
        ({"kernel": 4}, "kernel must be odd"),
        ({"hidden": (-2,)}, "channels must be"),
        ({"dtype": np.int32}, "dtype must be float32 or float64"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"backend": "cuda"}, "backend must be one of"),
        ({"gain": 0}, "gain must be a finite positive number, not 0"),
        ({"gain": float("nan")}, "gain must be"),
        ({"gain": "1"}, "gain must be"),
    ],
)
def test_configurations_that_cannot_be(changes, words):
    with pytest.raises(ValueError, match=words):
        small(**changes)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t, x, y: (t[:-1], x, y), r"theta must be a flat array of \d+ parameters"),
        (lambda t, x, y: (list(t), x, y), "theta must be a flat array"),
        (
            lambda t, x, y: (np.where(np.arange(t.size) == 3, np.nan, t), x, y),
            "theta must be finite",
        ),
        (lambda t, x, y: (t, x[0, 0], y), r"x must be \(B, T, H, W, C\) or \(B, H, W, C\)"),
        (lambda t, x, y: (t, x[:, :, 1:], y), r"x must be .* not \(2, 14, 6, 6, 2\)"),
        (lambda t, x, y: (t, x[:0], y[:0]), "at least one sample"),
        (lambda t, x, y: (t, x[:, :0], y), "at least one sample and one time step"),
        (lambda t, x, y: (t, np.where(x > 1, np.nan, x), y), "x must be finite"),
        (lambda t, x, y: (t, x.astype(str), y), "x must be event counts"),
        (lambda t, x, y: (t, x, y[:1]), "y must be 2 integer labels"),
        (lambda t, x, y: (t, x, y + 0.5), "y must be 2 integer labels"),
        (lambda t, x, y: (t, x, y + 3), "labels"),
    ],
)
def test_errors(backend, change, words):
    net = small(backend)
    arguments = change(*case(net))
    for call in (net.loss, net.loss_and_gradient, net.gradients):
        with pytest.raises(ValueError, match=words):
            call(*arguments)


def test_errors_of_twins_vectors_and_init(rng):
    net = small()
    theta, x, y = case(net)
    with pytest.raises(ValueError, match="spike must be one of hard, jet, smooth"):
        net.loss(theta, x, y, spike="soft")
    with pytest.raises(ValueError, match=r"needs record=net.record\(theta, x\)"):
        net.loss_and_gradient(theta, x, y, spike="jet")
    with pytest.raises(ValueError, match="v must be a flat array"):
        net.hessian_vector_product(theta, x, y, theta[1:])
    with pytest.raises(ValueError, match="rate must lie in"):
        net.init(rng, x, rate=1.0)
    with pytest.raises(ValueError, match="readout must be"):
        net.init(rng, x, readout="none")
    with pytest.raises(ValueError, match="conv1 receives no input .* give samples with events"):
        net.init(rng, 0 * x)


def test_a_checkpoint_keeps_it(tmp_path):
    net = ConvNet((8, 16, 2), (3, 4), 3, hidden=(5,), gain=0.2)
    theta = net.init(np.random.default_rng(0))
    ms.save(tmp_path / "cnn.h5", net, theta)
    again, found = ms.load(tmp_path / "cnn.h5")
    assert (
        isinstance(again, ConvNet)
        and again.configuration() == net.configuration()
        and np.array_equal(found, theta)
    )
