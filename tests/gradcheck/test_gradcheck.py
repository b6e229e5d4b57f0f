"""The checks themselves: they pass on sound derivatives, and name the pass that a fault was put
into."""

import numpy as np
import pytest

from minisnn.network.loops import Loops
import minisnn as ms
from minisnn import gradcheck
from minisnn.layers import loss, surrogate
from minisnn.meta import inner as maml
from minisnn.gradcheck.differences import taylor_slope
from minisnn.layers import block, membrane, pool, synapse
from minisnn.network.spiking import SpikingNet
from slowly import after


def small(backend="numpy", **changes):
    settings = dict(
        input_shape=(5, 4, 2),
        channels=(2, 3),
        ways=3,
        kernel=3,
        neuron=ms.LIF(gain=3.0),
        window=10,
        dtype=np.float64,
        backend=backend,
    )
    if changes.get("hidden"):
        settings.update(input_shape=(3,), channels=())
    return SpikingNet(**{**settings, **changes})


# ---- sound derivatives pass


def bar(seed, backend):
    case = gradcheck.random_case(np.random.default_rng(seed), backend)
    report = gradcheck.check(
        case.net, case.theta, task=case.task, step_size=case.step_size, seed=seed
    )
    assert report.ok, str(report)
    assert all(r.tolerance <= 1e-12 for r in report.results if r.how in ("adjoint", "symmetry"))
    assert report.worst("gradient") <= 1e-7 and report.worst("hvp") <= 1e-6
    slopes = [r for r in report.results if r.how.startswith("Taylor")]
    assert (
        len(slopes) == (4 if len(case.net.blocks) == 1 else 6)
        and max(r.error for r in slopes if not r.skipped) <= 0.1
    )


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


@pytest.mark.slow
def test_random_cases_cover_every_option():
    nets = [gradcheck.random_case(np.random.default_rng(seed), "numpy") for seed in range(80)]
    steps = [(c.net.window, c.task.x_support.shape[1]) for c in nets]
    assert {len(c.net.blocks) for c in nets} >= {1, 2, 3, 4}
    assert {c.net.pool for c in nets if c.net.channels} == {"max", "mean"}
    assert {c.net.detach_reset for c in nets} == {False, True} and any(
        c.net.neuron.rho == 0 for c in nets
    )
    assert (
        any(w < T for w, T in steps)
        and any(w == T for w, T in steps)
        and any(w > T for w, T in steps)
    )
    assert any(
        c.net.size == 1 + c.net.input_shape[0]
        for c in nets
        if len(c.net.input_shape) == 1 and c.net.ways == 1
    )
    assert any(not c.net.channels for c in nets) and any(
        c.net.neuron.alpha == c.net.neuron.beta for c in nets
    )
    assert any(n % 2 for c in nets if c.net.channels for n in c.net.input_shape[:2])


def test_float32_network_is_checked_in_float64():
    report = gradcheck.check(small(dtype=np.float32), inner_steps=())
    assert report.ok and "float64" in report.title


@pytest.mark.slow
def test_gates_and_frozen_layers():
    net = small()
    assert gradcheck.check(net, freeze=("conv1",), threshold_fraction=0.05, step_size=0.05).ok


@pytest.mark.slow
def test_lsuv_initialised_network_passes_in_the_jet_form(rng):
    net = small()
    x, y = gradcheck.random_data(net, rng)
    theta = net.init(rng, x, readout="zero")
    report = gradcheck.check(net, theta, x, y)
    skipped = [r for r in report.results if r.skipped]
    assert (
        report.ok
        and len(skipped) == 4
        and all("smooth" in r.how and "kink" in r.note for r in skipped)
    )


# ---- faults are found, and named

FAULTS = [  # module or class, function, old, new, to blame, changes of the network
    (
        synapse,
        "_gradients",
        "dweight = correlate_weight(",
        "dweight = 1.001 * correlate_weight(",
        "synapse.backward dweight",
        {},
    ),
    (
        synapse,
        "_gradients",
        'correlate_weight(tape["p"][:, n], d, k)',
        "0",
        "synapse.backward dweight",
        {"window": 6},
    ),
    (synapse, "_gradients", "at.sum(", "at[:, 1:].sum(", "synapse.backward dbias", {}),
    (
        synapse,
        "backward",
        "correlate_input(dV, weight)",
        "correlate_input(dV, weight[::-1])",
        "synapse.backward dx",
        {},
    ),
    (
        synapse,
        "_filter_adjoint",
        "(1 - decay) * d",
        "decay * d",
        ("synapse.backward dweight", "synapse.backward dx"),
        {},
    ),
    (
        synapse,
        "forward_tangent",
        "V_dot + correlate(x_dot, weight)",
        "V_dot",
        "synapse.forward_tangent",
        {},
    ),
    (synapse, "_filters", "y + bias if neuron.delay", "y if neuron.delay", None, {}),
    (
        synapse,
        "backward_tangent",
        " + correlate_input(dV, weight_dot)",
        "",
        "synapse.backward_tangent dx_dot",
        {},
    ),
    (
        synapse,
        "backward_tangent",
        'dweight_dot + correlate_weight(tape_dot["x_dot"], dV, len(weight))',
        "dweight_dot",
        "synapse.backward_tangent dweight_dot",
        {},
    ),
    (
        synapse,
        "backward_tangent",
        "return dx_dot, dweight_dot, dbias_dot",
        "return dx_dot, dweight_dot, 1.001 * dbias_dot",
        "synapse.backward_tangent dbias_dot",
        {},
    ),
    (
        ms.LIF,
        "backward",
        "self.rho * du",
        "du",
        "LIF.backward dI",
        {"neuron": ms.LIF(rho=0.9, gain=3.0)},
    ),
    (ms.LIF, "backward", "(1 - self.gamma) * dr", "dr", "LIF.backward dI", {}),
    (
        membrane,
        "steps_of",
        "neuron, detach_reset)",
        "neuron, False)",
        None,
        {"detach_reset": True},
    ),
    (ms.LIF, "forward_tangent", "self.gamma * r_dot", "r_dot", "LIF.forward_tangent", {}),
    (
        ms.LIF,
        "backward_tangent",
        "+ dr * at.curvature",
        "- dr * at.curvature",
        "LIF.backward_tangent dI_dot",
        {},
    ),
    (
        ms.LIF,
        "backward_tangent",
        "+ dr * at.curvature",
        "+ 0 * dr * at.curvature",
        "LIF.backward_tangent dI_dot",
        {},
    ),
    (
        ms.LIF,
        "backward_tangent",
        "self.gamma * dr_dot",
        "dr_dot",
        "LIF.backward_tangent dI_dot",
        {},
    ),
    (pool, "scatter", "/ 4", "/ 2", "pool.backward du", {"pool": "mean"}),
    (
        pool,
        "scatter",
        "choice[..., None, :], dv",
        "0 * choice[..., None, :], dv",
        "pool.backward du",
        {},
    ),
    (pool, "backward", "* _jet", "* 0.999 * _jet", "pool.backward du", {}),
    (
        pool,
        "forward_tangent",
        "_choice(tape, m)",
        "_choice(tape, m) * 0",
        "pool.forward_tangent",
        {},
    ),
    (
        pool,
        "backward_tangent",
        "+ dy * _jet",
        "+ 0.5 * dy * _jet",
        "pool.backward_tangent du_dot",
        {},
    ),
    (
        pool,
        "backward_tangent",
        "surrogate.curvature",
        "surrogate.derivative",
        "pool.backward_tangent du_dot",
        {"hidden": (4,)},
    ),
    (surrogate, "sigma_second", "-2 *", "2 *", "surrogate.sigma_second", {}),
    (
        surrogate,
        "sigma_prime",
        "y * y",
        "y * y * y",
        ("surrogate.sigma_prime", "surrogate.sigma_second"),
        {},
    ),
]


@pytest.mark.parametrize(
    "module, name, old, new, blame, changes",
    after(3, FAULTS),
    ids=[f"{f[0].__name__.split('.')[-1]}.{f[1]}-{n}" for n, f in enumerate(FAULTS)],
)
def test_a_fault_in_a_layer_is_named(mutate, module, name, old, new, blame, changes):
    mutate(module, name, old, new)
    report = gradcheck.check(small(**changes), inner_steps=(), twins=("jet",))
    guilty = {r.what for r in report.guilty}
    assert not report.ok and guilty
    if blame is None:
        return
    blame = {blame} if isinstance(blame, str) else set(blame)
    assert guilty == blame, str(report)
    assert all(what in report.summary() for what in blame)


@pytest.mark.parametrize(
    "name, part, old, new",
    [
        ("cross_entropy", "backward", " / len(y)", ""),
        ("cross_entropy", "backward", "-= 1", "-= 0.99"),
        ("cross_entropy", "backward_tangent", "(s * logits_dot).sum(1, keepdims=True)", "0"),
        ("squared", "backward", "(logits - y)", "2 * (logits - y)"),
        ("squared", "backward_tangent", " / len(y)", ""),
    ],
)
@pytest.mark.every(5)
def test_a_fault_in_the_loss_is_named(mutate, monkeypatch, name, part, old, new):
    faulty = mutate(loss, f"{name}_{part}", old, new)
    monkeypatch.setattr(loss.LOSSES[name], part, faulty)
    report = gradcheck.check(small(loss=name), inner_steps=(), twins=("jet",))
    assert {r.what for r in report.guilty} == {f"loss.{name}_{part}"}, str(report)


@pytest.mark.parametrize("passname", ["backward", "forward_tangent", "backward_tangent"])
@pytest.mark.every(3)
def test_a_fault_in_one_block_names_that_block(backend, monkeypatch, passname):
    net = small(backend)
    engine, right = net.engine(), getattr(net.engine(), passname)

    def wrong(b, *arguments, **options):
        first, *rest = right(b, *arguments, **options)
        if b.name != "conv2":
            return first, *rest
        return (
            (1.001 * first, *rest)
            if passname == "forward_tangent"
            else (first, 1.001 * rest[0], *rest[1:])
        )

    monkeypatch.setattr(engine, passname, wrong)
    guilty = gradcheck.check(net, inner_steps=(), twins=("jet",)).guilty
    assert {(r.where, r.what.split(" d")[0]) for r in guilty} == {("conv2", f"block.{passname}")}


def test_a_fault_in_a_kernels_forward_is_named(monkeypatch):
    net = small("numba")
    engine, right = net.engine(), net.engine().forward

    def wrong(b, weight, bias, *rest, **options):
        return right(b, weight, 1.01 * bias if b.name == "readout" else bias, *rest, **options)

    monkeypatch.setattr(engine, "forward", wrong)
    guilty = gradcheck.check(net, inner_steps=(), twins=("jet",)).guilty
    assert ("readout", "block.forward") in {(r.where, r.what) for r in guilty}


def test_a_fault_in_the_networks_loops_is_named(monkeypatch):
    right = Loops.tangent

    def wrong(loops, *arguments):
        hv = right(loops, *arguments)
        hv[1][0][0] *= 1.01  # of conv2.weight
        return hv

    monkeypatch.setattr(Loops, "tangent", wrong)
    guilty = gradcheck.check(small(), inner_steps=(), twins=("jet",)).guilty
    assert {(r.what, r.where) for r in guilty} == {("hvp", "conv2.weight"), ("hvp", "theta")}


@pytest.mark.parametrize(
    "old, new, where, steps",
    after(
        2,
        [
            ("lam = lam + hvp", "lam = lam - hvp", "theta", 1),
            # nothing of H_n (a m lambda) in frozen layers
            (
                "lam = lam + hvp",
                "lam = lam + m * hvp",
                "theta",
                1,
            ),
            ("if hvp is not None:", "if False:", "theta", 1),
            ("self._times(m, lam", "self._times(1, lam", "theta", 1),
            ("path.pop()", "path.pop(0)", "theta", 3),
            ("-(m * g * lam", "-2 * (m * g * lam", "step size", 1),
        ],
    ),
)
@pytest.mark.every(3)
def test_a_fault_in_the_meta_gradient_is_named(mutate, old, new, where, steps):
    mutate(
        maml,
        "update_backward" if "m, lam" in old or "m * g" in old else "meta_gradient",
        old,
        new,
        maml.InnerLoop,
    )
    report = gradcheck.check(small(), inner_steps=(steps,), freeze=("conv2",))
    assert {r.what for r in report.guilty} == {
        f"meta-gradient{rule}, N = {steps}" for rule in ("", " of ANIL")
    }
    assert {r.where for r in report.guilty} >= {where} and "meta-gradient" in report.summary()
    if where == "theta":
        assert any(r.how.startswith("Taylor") and abs(r.error) > 0.1 for r in report.failures)


def test_a_twin_that_does_not_freeze_fails(mutate):
    mutate(pool, "forward", "choose(u if u0 is None else u0)", "choose(u)")
    mutate(block, "twin", 'frozen["state"]', '0 * frozen["state"]')
    assert not gradcheck.check(small(window=5), inner_steps=(), twins=("jet",)).ok


# ---- parts


def test_coordinates_print_analytic_beside_numeric(rng, mutate):
    net = small(dtype=np.float32)
    theta = gradcheck.random_theta(net, rng)
    x, y = gradcheck.random_data(net, rng)
    found = gradcheck.coordinates(net, theta, x, y, "conv2.weight", [(0, 1, 1, 2), (2, 2, 0, 0)])
    assert found.indices == [(0, 1, 1, 2), (2, 2, 0, 0)] and np.abs(found.analytic).max() > 0
    assert found.numeric == pytest.approx(found.analytic, abs=1e-7)
    assert "(0, 1, 1, 2)" in str(found) and f"{found.numeric[1]:.14e}" in str(found)
    assert len(gradcheck.coordinates(net, theta, x, y, "readout.bias", 2).indices) == 2
    mutate(synapse, "_gradients", "return dweight, dbias", "return 2 * dweight, dbias")
    found = gradcheck.coordinates(net, theta, x, y, "conv2.weight", [(0, 1, 1, 2)])
    assert found.analytic == pytest.approx(2 * found.numeric, rel=1e-5)
    with pytest.raises(ValueError, match="array must be one of conv1.weight"):
        gradcheck.coordinates(net, theta, x, y, "conv9.weight")
    with pytest.raises(ValueError, match="not an index of readout.bias"):
        gradcheck.coordinates(net, theta, x, y, "readout.bias", [(3,)])


def test_curve_is_a_v_and_a_wrong_derivative_levels_off(rng, mutate, tmp_path):
    net = small()
    theta = gradcheck.random_theta(net, rng)
    x, y = gradcheck.random_data(net, rng)
    curve = gradcheck.step_curve(net, theta, x, y)
    assert len(curve.errors) == 4 and len(str(curve).splitlines()) == len(curve.steps) + 1
    for errors in curve.errors.values():
        assert (
            errors.min() < 1e-7 and errors[0] > 30 * errors.min() and errors[-1] > 30 * errors.min()
        )
    ax = gradcheck.plot_steps(curve, tmp_path / "v.png")
    assert (tmp_path / "v.png").stat().st_size > 10_000
    assert (
        ax.get_xscale() == ax.get_yscale() == "log"
        and "step size" in ax.get_xlabel()
        and ax.get_title()
    )
    mutate(ms.LIF, "backward", "(1 - self.gamma) * dr", "dr")
    wrong = gradcheck.step_curve(net, theta, x, y, twins=("jet",))
    assert all(errors.min() > 1e-5 for errors in wrong.errors.values())


def test_taylor_slope():
    steps = [10.0 ** (-k / 2) for k in range(12)]
    assert taylor_slope(lambda h: 3 * h**2, steps, 1e-16, 0) == pytest.approx((2, 0, 1), abs=1e-6)
    assert taylor_slope(lambda h: 3 * h**2 + 0.1 * h, steps, 1e-16, 0)[1] > 0.1
    assert taylor_slope(lambda h: h**3 + h**2 + 1e-13, steps, 1e-14, 0)[1] < 0.05
    assert taylor_slope(lambda h: 1e-17, steps, 1e-16, 0) == (2, 0, 1)
    assert taylor_slope(lambda h: h**2 if h > 0.2 else 0.0, steps, 1e-16, 0)[1] == np.inf


def test_report():
    rows = [
        gradcheck.Result("a.backward", "conv1", "differences", 1e-9, 1e-7),
        gradcheck.Result("a.backward", "conv2", "differences", np.nan, 1e-7),
        gradcheck.Result("a.tangent", "conv2", "differences", 1.0, 1e-7, excused=True),
        gradcheck.Result("gradient", "theta", "differences", 1.0, 1e-7, level=2),
    ]
    report = gradcheck.Report("title", rows)
    assert not report.ok and report.failures == rows[1:] and report.guilty == [rows[1]]
    lines = report.table().splitlines()
    assert len(lines) == 5 and len({line.index("differences") for line in lines[1:]}) == 1
    assert (
        "WRONG" in lines[2] and "excused" in lines[3] and "3 of 4 checks FAILED" in report.summary()
    )
    assert gradcheck.Report("title", rows[:1]).summary() == "All 1 checks hold."


def test_data_that_do_not_fit_are_refused(rng):
    net = small()
    x, y = gradcheck.random_data(net, rng)
    with pytest.raises(ValueError, match="together"):
        gradcheck.check(net, x=x)
    with pytest.raises(ValueError, match="x must be"):
        gradcheck.check(net, x=x[..., :1], y=y)
    with pytest.raises(ValueError, match="theta must be a flat array"):
        gradcheck.check(net, theta=np.zeros(3))
