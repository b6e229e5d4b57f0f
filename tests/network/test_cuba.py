"""CubaLIF, the current-based neuron with a hard reset: its equations, an independent program's
values, every derivative."""

from pathlib import Path

import numpy as np
import pytest
from conftest import arrays_off, off

import minisnn as ms
from minisnn import gradcheck
from minisnn.core.architecture import neuron_of
from minisnn.core.neuron import FastSigmoid
from slowly import after, slow

GOLDEN = Path(__file__).parents[1] / "golden"
NEURON = ms.CubaLIF(alpha=0.8, beta=0.7, threshold=0.2, slope=3.0, gain=2.0)


def small(backend="numpy", dtype=np.float64, **changes):
    settings = dict(
        input_shape=(7, 6, 2), channels=(3, 2), ways=3, kernel=3, window=9, neuron=NEURON
    )
    return ms.SpikingNet(**{**settings, "dtype": dtype, "backend": backend, **changes})


def case(net, seed=0, batch=2, steps=14):
    rng = np.random.default_rng(seed)
    return gradcheck.random_theta(net, rng), *gradcheck.random_data(net, rng, batch, steps)


# ---- values of an independent automatic-differentiation program


@pytest.fixture(scope="module", params=["max", "avg"])
def golden(request):
    with np.load(GOLDEN / f"cuba_{request.param}.npz", allow_pickle=False) as file:
        return dict(file)


def network(g, backend):
    neuron = ms.CubaLIF(**{n: g[n].item() for n in ("alpha", "beta", "slope", "gain", "threshold")})
    pooling, shape = {"max": "max", "avg": "mean"}[g["pool"].item()], g["x_support"].shape[2:]
    settings = (
        shape,
        tuple(g["channels"]),
        int(g["ways"]),
        int(g["kernel"]),
        pooling,
        neuron,
        int(g["window"]),
        np.float64,
    )
    return ms.SpikingNet(*settings, detach_reset=bool(g["detach_reset"]), backend=backend)


def test_golden_logits_loss_gradient_and_hessian_vector_product(golden, backend):
    net, g = network(golden, backend), golden
    loss, gradient, logits, hvp = net.gradients(g["theta"], g["x_support"], g["y_support"])
    assert loss == pytest.approx(float(g["loss"]), rel=1e-9) and off(logits, g["logits"]) < 1e-9
    assert (
        arrays_off(net, gradient, g["gradient"]) < 1e-9
        and arrays_off(net, hvp(g["v"]), g["hvp"]) < 1e-9
    )
    assert list(net.activity(g["theta"], g["x_support"]).values()) == pytest.approx(
        g["rates"], rel=1e-9
    )


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("order, name", [(2, "maml"), (1, "fomaml")])
def test_golden_meta_gradient(golden, backend, order, name, steps):
    net, g = network(golden, backend), golden
    task = ms.Task(g["x_support"], g["y_support"], g["x_query"], g["y_query"])
    loss, gradient = ms.meta_gradient(net, g["theta"], task, float(g["step_size"]), steps, order)
    assert loss == pytest.approx(float(g[f"{name}_{steps}_loss"]), rel=1e-9)
    assert arrays_off(net, gradient, g[f"{name}_{steps}_gradient"]) < 1e-9


# ---- equations


def test_network_equals_its_recursion(backend):
    """One hidden neuron and the readout, step by step; a spike counts in its own step."""
    net = small(backend, input_shape=3, channels=(), hidden=(1,), ways=2)
    theta, x, _ = case(net, seed=3, batch=1)
    n, v = NEURON, net.views(theta)
    v["hidden1.weight"][...], v["hidden1.bias"][...] = 1.0, -0.1
    i = membrane = 0.0
    current_, out, spikes = np.zeros(2), np.zeros(2), []
    for t in range(14):
        i = n.beta * i + (1 - n.beta) * (
            n.gain * x[0, t] @ v["hidden1.weight"][:, 0] + v["hidden1.bias"][0]
        )
        w = n.alpha * membrane + (1 - n.alpha) * i
        spikes.append(w >= n.threshold)
        membrane = 0.0 if spikes[-1] else w
        current_ = n.beta * current_ + (1 - n.beta) * (
            spikes[-1] * v["readout.weight"][0] + v["readout.bias"]
        )
        out = n.alpha * out + (1 - n.alpha) * current_
    assert any(spikes) and not all(spikes)
    assert net.spikes(theta, x)[0, :, 0].tolist() == spikes and off(net(theta, x)[0], out) < 1e-12


@pytest.mark.parametrize("window", [4, 9, 20])
@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.every(6)
def test_gradient_and_hessian_of_one_neuron_carried_forward(backend, window, detach):
    """Sensitivities dv/dz, d2v/dz2 in time, z = (w1, w2, w3, b) of a hidden neuron below a readout
    of one."""
    n = NEURON
    net = small(
        backend,
        input_shape=3,
        channels=(),
        hidden=(1,),
        ways=1,
        loss="squared",
        window=window,
        detach_reset=detach,
    )
    theta, x, _ = case(net, seed=1, batch=1, steps=9)
    weight = net.views(theta)["readout.weight"].item()
    q, c, v, dv, d2v = np.zeros(3), 0.0, 0.0, np.zeros(4), np.zeros((4, 4))
    trace = np.zeros((2, 21))  # the readout's filters of s, ds/dz and d2s/dz2
    one = np.zeros(2)
    for t in range(9):
        q, c = n.beta * q + (1 - n.beta) * n.gain * x[0, t], n.beta * c + (1 - n.beta)
        di = np.append(q, c)
        u = n.alpha * v + (1 - n.alpha) * (theta[:4] @ di)
        du, d2u = n.alpha * dv + (1 - n.alpha) * di, n.alpha * d2v
        a, s = u - n.threshold, float(u >= n.threshold)
        inside, up, bend = (
            t >= 9 - window,
            FastSigmoid(n.slope).prime(a),
            FastSigmoid(n.slope).second(a),
        )
        v, ds, d2s = u * (1 - s), up * du * inside, (bend * np.outer(du, du) + up * d2u) * inside
        if not inside:
            dv, d2v = np.zeros(4), np.zeros((4, 4))
        elif detach:
            dv, d2v = (1 - s) * du, (1 - s) * d2u
        else:
            dv = (1 - s - u * up) * du
            d2v = (-2 * up - u * bend) * np.outer(du, du) + (1 - s - u * up) * d2u
        now, bias = np.concatenate([[s], ds, d2s.ravel()]), 1.0
        for k, decay in enumerate((n.beta, n.alpha)):
            trace[k] = now = decay * trace[k] + (1 - decay) * now
            one[k] = bias = decay * one[k] + (1 - decay) * bias
    p, dp, d2p = trace[1, 0], trace[1, 1:5], trace[1, 5:].reshape(4, 4)
    target = np.array([[0.4]])
    e = weight * p + theta[-1] * one[1] - 0.4
    J = np.concatenate([weight * dp, [p, one[1]]])
    H = np.outer(J, J)
    H[:4, :4] += e * weight * d2p
    H[:4, 4] += e * dp
    H[4, :4] += e * dp
    loss, gradient, logits, hvp = net.gradients(theta, x, target)
    assert logits.item() == pytest.approx(e + 0.4, rel=1e-12) and loss == pytest.approx(
        e * e / 2, rel=1e-12
    )
    assert off(gradient, e * J) < 1e-12
    assert off(np.array([hvp(row) for row in np.eye(6)]), H) < 1e-12


def test_the_mean_of_spikes_is_no_spike(backend):
    net = small(backend, pool="mean")
    theta, x, _ = case(net)
    found = net.spikes(theta, x, "conv1")
    assert (
        found.dtype == np.float64
        and set(np.unique(found)) <= {0, 0.25, 0.5, 0.75, 1}
        and len(np.unique(found)) > 2
    )
    assert net.activity(theta, x)["conv1"] == pytest.approx(found.mean(), rel=1e-12)
    assert small(backend).spikes(theta, x).dtype == bool


# ---- derivatives


def bar(seed, backend):
    c = gradcheck.random_case(np.random.default_rng(seed), backend, "cuba")
    report = gradcheck.check(c.net, c.theta, seed=seed)
    assert report.ok, str(report)


@pytest.mark.parametrize(
    "seed, backend",
    after(1, [(seed, "numpy" if seed % 3 == 0 else "numba") for seed in range(1, 13)]),
)
def test_random_architectures(seed, backend):
    bar(seed, backend)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_random_architectures(seed, backend):
    bar(seed, backend)


def test_jet_form_at_its_record_is_the_spiking_network(backend):
    net = small(backend)
    theta, x, y = case(net)
    v, record = np.random.default_rng(3).standard_normal(net.size), net.record(theta, x)
    _, gradient, _, hvp = net.gradients(theta, x, y)
    _, jet_gradient, _, jet_hvp = net.gradients(theta, x, y, spike="jet", record=record)
    assert (
        arrays_off(net, gradient, jet_gradient) < 1e-10
        and arrays_off(net, hvp(v), jet_hvp(v)) < 1e-10
    )
    assert (
        arrays_off(
            net, net.loss_and_gradient(theta, x, y, spike="smooth", record=record)[1], gradient
        )
        > 0.01
    )


# ---- backends, threads, configuration


@pytest.mark.parametrize(
    "pool, detach", [("max", False), slow(("max", True)), ("mean", False), slow(("mean", True))]
)
@pytest.mark.parametrize(
    "shape",
    [
        dict(input_shape=(10, 9, 3), channels=(17, 33)),
        dict(input_shape=(8, 16, 2), channels=(16, 32)),
    ],
)
def test_backends_agree_on_wide_layers(pool, detach, shape):
    found = []
    for backend in ("numpy", "numba"):
        net = small(backend, kernel=5, hidden=(19,), pool=pool, detach_reset=detach, **shape)
        theta, x, y = case(net)
        _, gradient, _, hvp = net.gradients(theta, x, y)
        found.append((gradient, hvp(np.random.default_rng(1).standard_normal(net.size))))
    assert all(0.02 < rate < 0.98 for rate in net.activity(theta, x).values())
    assert (
        arrays_off(net, found[1][0], found[0][0]) < 1e-10
        and arrays_off(net, found[1][1], found[0][1]) < 1e-10
    )


@pytest.mark.parametrize("T, window", [(1, 5), (2, 5), (3, 3), (9, 1), (9, 4)])
@pytest.mark.parametrize("pool", ["max", "mean"])
def test_no_window_is_too_short(T, window, pool):
    """Nothing delays: every layer has a gradient at the last step already."""
    found = []
    for backend in ("numpy", "numba"):
        net = small(backend, window=window, pool=pool)
        theta, x, y = case(net, steps=T)
        _, gradient, _, hvp = net.gradients(theta, x, y)
        found.append((gradient, hvp(np.random.default_rng(1).standard_normal(net.size))))
    assert all(a.any() for name, a in net.views(found[0][0]).items() if name.endswith("bias"))
    assert (
        arrays_off(net, found[1][0], found[0][0]) < 1e-10
        and arrays_off(net, found[1][1], found[0][1]) < 1e-10
    )


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["max", "mean"])
def test_threads_do_not_change_a_bit(pool):
    net = small("numba", np.float32, channels=(8, 8), pool=pool)
    theta, x, y = case(net, batch=9)
    found = []
    try:
        for n in (1, 2, 5):
            ms.set_threads(n)
            _, gradient, logits, hvp = net.gradients(theta, x, y)
            found.append((logits, gradient, hvp(theta)))
    finally:
        ms.set_threads(None)
    assert all(np.array_equal(a, b) for one, *others in zip(*found) for a in [one] for b in others)


def test_configuration_and_checkpoint(tmp_path):
    net = small("numba", np.float32, pool="mean")
    assert net.configuration()["neuron"]["kind"] == "cuba"
    ms.save(tmp_path / "cuba.h5", net, net.init(np.random.default_rng(0)))
    again, _ = ms.load(tmp_path / "cuba.h5")
    assert again.neuron == NEURON and repr(again) == repr(net)


def test_a_neuron_without_a_kind_is_an_lif():
    assert neuron_of(dict(alpha=0.5, rho=0.2)) == ms.LIF(alpha=0.5, rho=0.2)
    assert "kind" not in ms.SpikingNet(backend="numpy").configuration()["neuron"]
    with pytest.raises(ValueError, match="kind must be one of lif, cuba, not 'izhikevich'"):
        neuron_of({"kind": "izhikevich"})


@pytest.mark.parametrize(
    "constants, words",
    [
        (dict(alpha=1.0), "CubaLIF alpha"),
        (dict(slope=0), "slope must be positive"),
        (dict(gain="1"), "gain must be a"),
    ],
)
def test_neurons_that_cannot_be(constants, words):
    with pytest.raises(ValueError, match=words):
        ms.CubaLIF(**constants)


def test_init_reaches_the_rate(backend):
    net = small(backend, input_shape=(9, 8, 2), channels=(6, 8), kernel=3)
    x = np.random.default_rng(0).poisson(0.2, (8, 25, 9, 8, 2)).astype(np.uint8)
    theta = net.init(np.random.default_rng(0), x, rate=0.2, rounds=10)
    for record in net.record(theta, x)[:-1]:
        assert (record["u"] >= NEURON.threshold).mean() == pytest.approx(0.2, abs=0.05)


def test_settings_make_it(tmp_path):
    from minisnn.training.run import train
    from toy import toy_config, toy_data

    config = toy_config(
        neuron="cuba", firing_threshold=0.4, updates=2, test_episodes=2, backend="numpy"
    )
    assert set(config.idle()) >= {"gamma", "rho"}
    train(config, tmp_path / "run", data=toy_data(), progress=False)
    net, _ = ms.load(tmp_path / "run" / "checkpoint.h5")
    assert net.neuron == ms.CubaLIF(threshold=0.4)
