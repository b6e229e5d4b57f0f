"""The checks on the convolutional network: they pass on sound derivatives, and name layer and pass
of a fault."""

import numpy as np
import pytest

from minisnn.network.loops import Loops
from minisnn import gradcheck
from minisnn.meta import inner as maml
from minisnn.network.convolutional import ConvNet
from minisnn.kernels import frames as compiled
from minisnn.layers import activation, convolution, frames, pool
from slowly import after


def small(backend="numpy", **changes):
    settings = {
        "input_shape": (7, 6, 2),
        "channels": (3, 2),
        "hidden": (4,),
        "ways": 3,
        "kernel": 3,
        "dtype": np.float64,
    }
    return ConvNet(**{**settings, "backend": backend, **changes})


# ---- sound derivatives pass


def bar(seed, backend):
    case = gradcheck.random_case(np.random.default_rng(seed), backend, "cnn")
    report = gradcheck.check(
        case.net, case.theta, task=case.task, step_size=case.step_size, seed=seed
    )
    assert report.ok and not any(r.skipped for r in report.results), str(report)
    assert {r.tolerance for r in report.results if r.how in ("adjoint", "symmetry")} == {1e-12}
    assert report.worst("gradient") <= 1e-7 and report.worst("hvp") <= 1e-6
    slopes = [r for r in report.results if r.how.startswith("Taylor")]
    assert (
        len(slopes) == (2 if len(case.net.blocks) == 1 else 4)
        and max(r.error for r in slopes) <= 0.1
    )


@pytest.mark.parametrize(
    "seed, backend", after(2, [(seed, "numpy" if seed % 2 else "numba") for seed in range(12)])
)
def test_random_architectures(seed, backend):
    bar(seed, backend)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_random_architectures(seed, backend):
    bar(seed, backend)


def test_every_layer_and_pass_has_its_rows():
    found = {(r.what, r.where) for r in gradcheck.check(small(), inner_steps=()).results}
    layers = {
        "convolution": ("conv1", "conv2", "hidden1", "readout"),
        "pool": ("conv1", "conv2"),
        "softplus": ("conv1", "conv2", "hidden1"),
        "block": ("conv1", "conv2", "hidden1", "readout"),
    }
    for layer, places in layers.items():
        for what in (
            "forward",
            "forward_tangent",
            "forward_tangent, .backward",
            "backward_tangent",
        ):
            assert {where for name, where in found if name == f"{layer}.{what}"} == set(places), (
                layer,
                what,
            )
    assert not any("surrogate" in what for what, _ in found)
    assert ("convolution.backward dx", "conv1") in found and (
        "block.backward dx",
        "conv1",
    ) not in found


@pytest.mark.slow
def test_random_cases_cover_every_option():
    nets = [
        gradcheck.random_case(np.random.default_rng(seed), "numpy", "cnn").net for seed in range(60)
    ]
    assert all(isinstance(net, ConvNet) for net in nets)
    assert {len(net.blocks) for net in nets} >= {1, 2, 3, 4} and {
        net.loss_name for net in nets
    } == {"cross_entropy", "squared"}
    assert any(not net.channels for net in nets) and any(net.ways == 1 for net in nets)
    assert any(n % 2 for net in nets if net.channels for n in net.input_shape[:2])


def test_a_float32_network_at_its_initial_parameters(rng):
    net = small(dtype=np.float32)
    x, y = gradcheck.random_data(net, rng)
    report = gradcheck.check(
        net,
        net.init(rng, x, readout="zero"),
        x.sum(1),
        y,
        freeze=("conv1",),
        threshold_fraction=0.05,
    )
    assert report.ok and "float64" in report.title, str(report)


def test_coordinates_and_the_curve(rng):
    net = small()
    theta, (x, y) = gradcheck.random_theta(net, rng), gradcheck.random_data(net, rng)
    found = gradcheck.coordinates(net, theta, x, y, "conv2.weight", [(0, 1, 1, 1)])
    assert found.numeric == pytest.approx(found.analytic, abs=1e-7) and found.analytic.any()
    curve = gradcheck.step_curve(net, theta, x, y)
    assert list(curve.errors) == ["gradient, jet", "Hessian-vector product, jet"]
    for errors in curve.errors.values():
        assert (
            errors.min() < 1e-7 and errors[0] > 30 * errors.min() and errors[-1] > 30 * errors.min()
        )


# ---- faults are found, and named

FAULTS = [  # module, function, old, new, to blame
    (
        convolution,
        "forward",
        "+ bias",
        "+ 1.01 * bias",
        {"convolution.forward_tangent", "convolution.backward dbias"},
    ),
    (
        convolution,
        "backward",
        "correlate_input(du)",
        "correlate_input(du[:, :, ::-1])",
        {"convolution.backward dx"},
    ),
    (
        convolution,
        "backward",
        'correlate_weight(tape["x"], du',
        'correlate_weight(1.001 * tape["x"], du',
        {"convolution.backward dweight"},
    ),
    (convolution, "backward", "du.sum(", "du[:, :, 1:].sum(", {"convolution.backward dbias"}),
    (
        convolution,
        "forward_tangent",
        "u_dot + weight.correlate(x_dot)",
        "u_dot",
        {"convolution.forward_tangent"},
    ),
    (convolution, "forward_tangent", "+ bias_dot", "", {"convolution.forward_tangent"}),
    (
        convolution,
        "backward_tangent",
        ' + weight_dot.correlate_input(tape["du"])',
        "",
        {"convolution.backward_tangent dx_dot"},
    ),
    (
        convolution,
        "backward_tangent",
        'tape_dot["x_dot"], tape["du"]',
        'tape_dot["x_dot"], du_dot',
        {"convolution.backward_tangent dweight_dot"},
    ),
    (
        convolution,
        "backward_tangent",
        "du_dot.sum(",
        "1.001 * du_dot.sum(",
        {"convolution.backward_tangent dbias_dot"},
    ),
    (pool, "choose", "argmax", "argmin", {"pool.forward"}),
    (pool, "gather", "[..., 0, :]", "[..., 0, :] * 1.01", {"pool.forward", "pool.backward du"}),
    (
        pool,
        "scatter",
        "choice[..., None, :], dv",
        "0 * choice[..., None, :], dv",
        {"pool.backward du"},
    ),
    (activation, "forward", "np.log1p(e)", "np.log1p(1.01 * e)", {"softplus.forward"}),
    (
        activation,
        "forward",
        '"slope": slope',
        '"slope": 1.001 * slope',
        {"softplus.forward_tangent", "softplus.backward du"},
    ),
    (activation, "backward", 'tape["slope"]', '(tape["slope"] + 0.001)', {"softplus.backward du"}),
    (
        activation,
        "forward_tangent",
        'tape["slope"]',
        '(tape["slope"] + 0.001)',
        {"softplus.forward_tangent"},
    ),
    (activation, "forward", "(1 + e) ** 2", "(1 + e)", {"softplus.backward_tangent du_dot"}),
    (
        activation,
        "backward_tangent",
        '* tape_dot["u_dot"]',
        "",
        {"softplus.backward_tangent du_dot"},
    ),
    (
        frames,
        "backward",
        'tape["choice"]',
        '0 * tape["choice"]',
        {"block.backward dweight", "block.backward dx"},
    ),
    (frames, "forward_tangent", 'tape["choice"]', '0 * tape["choice"]', {"block.forward_tangent"}),
    (
        frames,
        "backward_tangent",
        'tape_dot["activation"], tape["dy"]',
        'tape_dot["activation"], 0 * tape["dy"]',
        {f"block.backward_tangent d{of}_dot" for of in ("weight", "bias", "x")},
    ),
]


@pytest.mark.parametrize(
    "module, name, old, new, blame",
    FAULTS,
    ids=[f"{f[0].__name__.split('.')[-1]}.{f[1]}-{n}" for n, f in enumerate(FAULTS)],
)
@pytest.mark.every(6)
def test_a_fault_in_a_layer_is_named(mutate, module, name, old, new, blame):
    mutate(module, name, old, new)
    report = gradcheck.check(small(hidden=()), inner_steps=())
    assert not report.ok and {r.what for r in report.guilty} == blame, str(report)
    assert all(what in report.summary() for what in blame)


@pytest.mark.parametrize(
    "product, blame",
    [
        ("correlate", {"convolution.forward", "convolution.forward_tangent"}),
        ("correlate_input", {"convolution.backward dx"}),
        ("correlate_weight", {"convolution.backward dweight"}),
    ],
)
def test_a_fault_in_a_kernel_is_named(monkeypatch, product, blame):
    right = getattr(compiled.TiledWeight, product)
    monkeypatch.setattr(compiled.TiledWeight, product, lambda *a: 1.001 * right(*a))
    assert {r.what for r in gradcheck.check(small("numba"), inner_steps=()).guilty} == blame
    assert gradcheck.check(small("numpy"), inner_steps=()).ok


@pytest.mark.parametrize("passname", ["backward", "forward_tangent", "backward_tangent"])
@pytest.mark.every(2)
def test_a_fault_in_one_block_names_that_block(backend, monkeypatch, passname):
    engine = small(backend).engine()
    right = getattr(engine, passname)

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
    guilty = gradcheck.check(small(backend), inner_steps=()).guilty
    assert {(r.where, r.what.split(" d")[0]) for r in guilty} == {("conv2", f"block.{passname}")}


def test_a_fault_in_the_networks_loops_is_named(monkeypatch):
    right = Loops.tangent

    def wrong(loops, *arguments):
        hv = right(loops, *arguments)
        hv[1][0][0] *= 1.01  # of conv2.weight
        return hv

    monkeypatch.setattr(Loops, "tangent", wrong)
    guilty = gradcheck.check(small(), inner_steps=()).guilty
    assert {(r.what, r.where) for r in guilty} == {("hvp", "conv2.weight"), ("hvp", "theta")}


@pytest.mark.parametrize(
    "old, new, steps",
    [
        ("lam = lam + hvp", "lam = lam - hvp", 1),
        ("lam = lam + hvp", "lam = lam + m * hvp", 1),
        ("path.pop()", "path.pop(0)", 3),
        ("self._times(m, lam", "self._times(1, lam", 1),
    ],
)
@pytest.mark.every(4)
def test_a_fault_in_anils_meta_gradient_is_named(mutate, old, new, steps):
    mutate(
        maml, "update_backward" if "_times" in old else "meta_gradient", old, new, maml.InnerLoop
    )
    guilty = gradcheck.check(small(), inner_steps=(steps,)).guilty
    assert f"meta-gradient of ANIL, N = {steps}" in {r.what for r in guilty}
