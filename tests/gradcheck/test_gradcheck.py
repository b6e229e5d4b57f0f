"""Right derivatives pass, of whatever network and part; a wrong line is found, and named."""

import inspect
import sys

import numpy as np
import pytest

import minisnn as ms
from minisnn.core import layer, linear, loops, neuron
from minisnn import LIF, Conv, ConvNet, CubaLIF, Dense, SpikingNet
from own_neurons import ArcTan, Branching, Four, HeavyBall, OneAgainstAll, Pulled, Tiring, Triangle


def small(**how):
    """A conv and a recurrent layer, whose input is odd."""
    layers = [Conv(2, 3), Dense(4, recurrent=True)]
    usual = dict(layers=layers, ways=3, window=8, neuron=LIF(gain=3.0))
    usual |= dict(dtype="float64", backend="numpy")  # or each slip would be compiled
    return SpikingNet((5, 4, 2), **{**usual, **how})


def guilty(*arguments, **how):
    report = ms.gradcheck.check(*arguments, **{"inner_steps": (), "twins": ("jet",), **how})
    assert all(name in report.summary() for name in {row.what for row in report.guilty})
    return {row.what for row in report.guilty}


# ---- what is right passes


@pytest.mark.parametrize("model", ["snn", "cuba", "cnn"])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.every(5)
def test_random_architectures(seed, model):
    """Their kernels give what the reference does."""
    case = ms.gradcheck.random_case(np.random.default_rng(seed), "numba", model)
    report = ms.gradcheck.check(case.net, case.theta, seed=seed, inner_steps=(1,))
    assert report.ok, str(report)
    exact = [row for row in report.results if row.how in ("adjoint", "symmetry")]
    assert len(exact) > 5
    assert max(row.error for row in exact) < 1e-13
    assert report.worst("gradient") <= 1e-7
    assert report.worst("hvp") <= 1e-6


@pytest.mark.parametrize(
    "how",
    [
        dict(neuron=Tiring(), learn=("rho", "alpha", "tire")),
        dict(neuron=Four(), learn=("strength",), detach_reset=True),
        dict(neuron=Branching(), loss=OneAgainstAll()),
        dict(neuron=LIF(surrogate=ArcTan()), layers=[Conv(2, 3, 2, "max"), Dense(3)]),
        dict(neuron=CubaLIF(surrogate=Triangle(), threshold=0.3), loss="squared"),
    ],
    ids=["two methods", "four passes", "four, by differences", "surrogate", "kinks"],
)
def test_parts_of_ones_own(how):
    report = ms.gradcheck.check(small(**how), inner_steps=(1,))
    assert report.ok, str(report)
    assert "All" in str(report)


@pytest.mark.parametrize("loop", [Pulled, HeavyBall])
def test_a_loop_of_ones_own(loop):
    report = ms.gradcheck.check(small(), loop=loop())
    assert report.ok, str(report)
    assert f"meta-gradient of {loop.__name__}, N = 3" in {row.what for row in report.results}


def test_a_float32_network_where_a_run_begins(rng):
    """Zero biases of the readout are on the threshold, where the smooth form's curvature jumps."""
    for kind in (SpikingNet, ConvNet):
        net = kind((5, 4, 2), (2,), 3, 3, backend="numpy")
        x, y = ms.gradcheck.random_data(net, rng)
        report = ms.gradcheck.check(net, net.init(rng, x, readout="zero"), x, y, inner_steps=(1,))
        assert report.ok, str(report)
        assert "float64" in report.title


# ---- a wrong line is named


def mutated(part, old, new):
    """The same class with one piece of its source replaced."""
    source = inspect.getsource(part)
    assert old in source
    names = dict(vars(sys.modules[part.__module__]))
    exec(compile(source.replace(old, new, 1), "slip", "exec", dont_inherit=True), names)
    return names[part.__name__]


EVERY = ", ".join(f"backward d{name}" for name in ("I", "r", "a", "rho", "tire"))
SLIPS = [  # (class, line, slip, what is to blame)
    (LIF, "self.gamma * dr - self.rho * du", "self.gamma * dr + self.rho * du", "backward dr"),
    (LIF, "du + (1 - self.gamma) * dr", "du + dr", "backward dI, backward dr"),
    (LIF, "dr * (r - self.spike(u))", "-dr * (r - self.spike(u))", "backward dgamma"),
    (
        LIF,
        "self.gamma * dr - self.rho * du,), (dgamma,)",
        "-self.rho * du,), (dgamma,)",
        "backward dr",
    ),
    (CubaLIF, "- u * self.slope(u))", ")", "backward dI, backward dv, backward dalpha"),
    (CubaLIF, "(self.alpha * du,), (dalpha,)", "(du,), (dalpha,)", "backward dv"),
    (CubaLIF, "(1 - self.alpha) * du, (", "1.000000001 * (1 - self.alpha) * du, (", "backward dI"),
    (Tiring, "dr, da = dz", "da, dr = dz", EVERY),
    (Tiring, "(of_r, of_a)", "(of_a, of_r)", "backward dr, backward da"),
    (Tiring, "- np.exp(-a) * I * du", "", "backward da"),
    (Tiring, ", (-r * du, -a * du)", "", "backward drho, backward dtire"),
    (Four, "self.fading * da - strength * dI, d", "self.fading * da - dI, d", "backward da"),
    (Four, "- strength_dot * a\n", "\n", "forward_tangent"),
    (Four, "s_dot = at.slope", "s_dot = -at.slope", "forward_tangent"),
    (Four, "+ da * at.curvature * dot.u", "", "backward_tangent"),
    (Four, "self.fading * da_dot", "da_dot", "backward_tangent"),
    (Four, "- a_dot * dI - a", "- a", "backward_tangent"),
    (ArcTan, "1 / (1 +", "1.01 / (1 +", "prime"),
    (ArcTan, "return -2", "return 2", "second"),
    (OneAgainstAll, "(1 - 2 * y)", "(2 * y - 1)", "backward"),
    (OneAgainstAll, "p * (1 - p)", "p * p", "backward_tangent"),
    (Pulled, "self.pull * d, -d", "-self.pull * d, -d", "update_backward start"),
    (Pulled, "-d, of_step", "d, of_step", "update_backward gradient"),
    (Pulled, "-m * lam * (g", "-lam * (g", "update_backward step_size"),
    (
        HeavyBall,
        "dvelocity - self",
        "dvelocity + self",
        "update_backward gradient, update_backward memory",
    ),
    (HeavyBall, "of_step), self.keep * dvelocity", "of_step), dvelocity", "update_backward memory"),
]


@pytest.mark.parametrize(
    "part, old, new, names", SLIPS, ids=[f"{s[0].__name__}: {s[2]}" for s in SLIPS]
)
def test_a_slip_in_a_part_is_named(part, old, new, names):
    wrong = mutated(part, old, new)()
    how = {}
    if isinstance(wrong, ms.Loss):
        net = small(loss=wrong)
    elif isinstance(wrong, ms.InnerLoop):
        net = small()
        how = dict(loop=wrong)
    else:
        net = small(neuron=LIF(surrogate=wrong) if part is ArcTan else wrong)
    found = guilty(net, **how)
    wanted = {f"{part.__name__}.{name}" for name in names.split(", ")}
    # in a silent layer an adjoint is zero, right or wrong: then the symmetry finds the slip
    assert wanted <= found <= wanted | {f"{part.__name__}.backward"}


LIBRARY = [  # (class, method, line, slip, who must be among those to blame)
    (layer.Layer, "backward", "du[t] + ds *", "du[t] - ds *", "Layer.backward drecurrent"),
    (layer.Layer, "backward", "times(dI_t, transposed(w", "times(dI_t, (w", "Layer.backward dx"),
    (layer.Layer, "backward", "dI * tape.c if", "dI if", "Layer.backward dbias"),
    (layer.Layer, "_of_membrane", "tape.spike.slope(tape.v)", "1", "Layer.backward dweight"),
    (layer.Layer, "_of_membrane", "* tape.spike.slope(tape.v)", "* value(tape.spike.slope(tape.v))", "hvp"),
    (neuron.FastSigmoid, "second", "-2 *", "2 *", "FastSigmoid.second"),
    (neuron.Spike, "slope", "self.detached", "True", "FastSigmoid.prime"),
    (loops.Passes, "gradient", "Dual(dlogits, ", "Dual(dlogits, 0 * ", "hvp"),
    (loops.Passes, "back_through", "np.ravel(of(a))", "2 * np.ravel(of(a))", "gradient"),
    (ms.InnerLoop, "meta_gradient", "lam + hvp", "lam - hvp", "meta-gradient, N = 1"),
    (ms.InnerLoop, "update_backward", "-(m * g", "-2 * (m * g", "meta-gradient of ANIL, N = 1"),
]  # fmt: skip


@pytest.mark.parametrize(
    "owner, name, old, new, what", LIBRARY, ids=[f"{x[1]}: {x[3]}" for x in LIBRARY]
)
def test_a_slip_in_the_library_is_named(mutate, owner, name, old, new, what):
    mutate(owner, name, old, new)
    filtered = CubaLIF(gain=3.0) if "dbias" in what else LIF(gain=3.0)
    assert what in guilty(small(neuron=filtered, learn=("alpha",)), inner_steps=(1,))


def test_a_slip_in_pooling_is_named(monkeypatch):
    right = linear.scatter
    for module in (layer, sys.modules["minisnn.gradcheck.parts"]):
        monkeypatch.setattr(module, "scatter", lambda *a: right(*a) * 2)
    assert guilty(small()) == guilty(ConvNet((5, 4, 2), (2,), 3, 3, backend="numpy")) == {"scatter"}


@pytest.mark.parametrize("what", ["logits", "gradient", "hvp", "meta-gradient"])
def test_kernels_are_held_to_the_reference(what):
    class Fast(SpikingNet):
        """Gives what its kernels would, wrong by one part in ten million."""

        def gradients(self, *arguments, **how):
            found = super().gradients(*arguments, **how)
            if self.backend == "numpy" or how.get("spike", "hard") != "hard":
                return found
            off = 1 + 1e-7
            if what == "hvp":
                return found._replace(hvp=lambda v: off * found.hvp(v))
            if what == "meta-gradient":  # of a second call with the same samples
                return found._replace(
                    hvp=found.hvp and (lambda v: found.hvp(v) * (1 if v.std() > 0.5 else off))
                )
            return found._replace(**{what: off * getattr(found, what)})

    net = Fast((5, 4, 2), (2,), 3, 3, window=8, dtype="float64", backend="numba")
    assert f"compiled {what}" in guilty(net)
    reference = net.like(backend="numpy")
    assert guilty(reference) == set()


# ---- a report


def test_a_report_is_a_table_and_a_sentence():
    Result = ms.gradcheck.Result
    rows = [
        Result("a.backward dx", "conv1", "adjoint", 1e-15),
        Result("a.backward dx", "conv2", "adjoint", 1e-16),
        Result("b.backward dx", "conv1", "adjoint", float("nan"), note="1, not -1"),
        Result("b.backward dx", "conv2", "adjoint", 2.0, note="1, not -1"),
    ]
    report = ms.gradcheck.Report("title", rows)
    assert report.guilty == rows[2:]
    lines = report.table().splitlines()
    assert len(lines) == 4  # of what holds, the worst
    assert "WRONG  1, not -1" in lines[3]
    assert "b.backward dx in conv1; b.backward dx in conv2" in report.summary()


def test_what_does_not_fit_is_refused(rng):
    net = small()
    x, y = ms.gradcheck.random_data(net, rng)
    for wrong in (dict(x=x[..., :1], y=y), dict(theta=np.zeros(3)), dict(y=y)):
        with pytest.raises((ValueError, TypeError)):
            ms.gradcheck.check(net, **wrong)
