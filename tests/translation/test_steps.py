"""A neuron of one's own, in a file of one's own, runs on the kernels: NumPy's very values, and what
keeps one from it is named."""

import importlib
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import own_neurons as neurons
import pytest
from conftest import off
from slowly import slow

import minisnn as ms
from minisnn.kernels.neuron import loops_of, neuron_of


ROOT = Path(__file__).resolve().parents[2]
OWN = {
    "lif": neurons.MyLIF(),
    "cuba": neurons.MyCuba(),
    "adaptive": neurons.Adaptive(),
    "conductance": neurons.Conductance(),
    "plain": neurons.Plain(),
    "arctan": ms.LIF(surrogate=neurons.ArcTan()),
    "triangle": ms.CubaLIF(surrogate=neurons.Triangle()),
}


def found(net, rng):
    """What a network computes, by name."""
    x = rng.poisson(0.6, (3, 15, *net.input_shape)).astype(np.uint8)
    y = rng.integers(0, net.ways, 3)
    theta = ms.gradcheck.random_theta(net, rng)
    loss, gradient, logits, hvp = net.gradients(theta, x, y)
    p, pullback = net.features_and_pullback(theta, x)
    v = rng.standard_normal(net.size).astype(net.dtype)
    assert 0.005 < net.activity(theta, x)["conv1"] < 0.95
    return dict(
        loss=np.array(loss),
        gradient=gradient,
        logits=logits,
        hvp=hvp(v),
        p=p,
        pullback=pullback(np.ones_like(p)),
    )


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("pool, detach", [("max", False), ("mean", True)])
@pytest.mark.slow
def test_kernels_compute_what_the_class_says(name, pool, detach):
    """Odd sizes, a conv and a dense layer, a window that begins late."""
    settings = dict(kernel=3, hidden=(4,), ways=3, window=9, dtype="float64", neuron=OWN[name])
    settings |= dict(pool=pool, detach_reset=detach)
    net = ms.SpikingNet((5, 7, 2), (3,), **settings)
    assert net.backend == "numba"
    reference = ms.SpikingNet((5, 7, 2), (3,), backend="numpy", **settings)
    a, b = (found(one, np.random.default_rng(2)) for one in (net, reference))
    for what in a:
        assert off(a[what], b[what]) < 1e-12, what


@pytest.mark.parametrize("name, own, shipped", [
    ("LIF", neurons.MyLIF(), ms.LIF()),
    ("CubaLIF", neurons.MyCuba(), ms.CubaLIF(threshold=0.3)),
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.slow
def test_what_ships_written_once_more_has_its_values(name, own, shipped, dtype):
    for pool in ("max", "mean"):
        settings = dict(kernel=3, ways=3, window=9, dtype=dtype, pool=pool)
        a, b = (
            found(ms.SpikingNet((6, 8, 2), (4,), neuron=one, **settings), np.random.default_rng(1))
            for one in (own, shipped)
        )
        for what in a:
            assert off(a[what], b[what]) < (1e-12 if dtype == "float64" else 1e-5), what


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_each_passes_the_check(name):
    net = ms.SpikingNet(
        (5, 4, 2), (2,), ways=3, kernel=3, window=8, dtype="float64", neuron=OWN[name]
    )
    assert net.backend == "numba"
    report = ms.gradcheck.check(net)
    assert report.ok, str(report)


ALL = [
    *OWN.values(),
    *(kind() for kind in (neurons.Factories, neurons.Renamed, neurons.Constants, neurons.Helped)),
]


@pytest.mark.parametrize("neuron", ALL, ids=lambda neuron: type(neuron).__name__)
def test_each_is_understood(neuron):
    """Their loops are written, and not compiled: what is not understood is refused by then."""
    loops = loops_of(neuron)
    assert loops.step.states == len(neuron.states)


# ---- whatever NumPy sees, the kernels see


def both(neuron):
    """(network, a function: how far its kernels are from NumPy now)."""
    net = ms.SpikingNet((4,), (), hidden=(3,), ways=2, window=5, neuron=neuron, dtype="float64")
    assert net.backend == "numba"
    rng = np.random.default_rng(0)
    theta, x, y = rng.standard_normal(net.size), rng.poisson(0.6, (3, 8, 4)), np.array([0, 1, 0])
    v = rng.standard_normal(net.size)

    def apart():
        results = []
        for one in (net, net.like(backend="numpy")):
            _, gradient, logits, hvp = one.gradients(theta, x, y)
            results.append(np.concatenate([logits.ravel(), gradient, hvp(v)]))
        return off(*results)

    return net, apart


@pytest.mark.parametrize(
    "kind", [neurons.Factories, neurons.Renamed, neurons.Constants, neurons.Helped]
)
@pytest.mark.slow
def test_names_mean_what_they_mean_in_the_class(kind):
    _, apart = both(kind())
    assert apart() < 1e-12


def test_a_constant_is_read_at_each_call(monkeypatch):
    """A surrogate is no frozen class, and a module's number may be given another value."""
    surrogate = neurons.ArcTan()
    _, apart = both(ms.LIF(surrogate=surrogate))
    assert apart() < 1e-12
    surrogate.slope = 5.0
    assert apart() < 1e-12
    _, apart = both(neurons.Constants())
    monkeypatch.setattr(neurons, "KAPPA", 2.0)
    assert apart() < 1e-12


@pytest.mark.slow
def test_constants_of_one_name_in_two_modules_are_two(tmp_path, monkeypatch):
    (tmp_path / "their_base.py").write_text(
        "import own_neurons\nKAPPA = 7.0\n"
        "class Base(own_neurons.Constants):\n"
        "    def backward(self, at, du, dz):\n        return KAPPA * du, dz\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    _, apart = both(importlib.import_module("their_base").Base())
    assert apart() < 1e-12


@pytest.mark.parametrize("home, name, other", [
    (neurons.Helped, "more", "other_more"),
    slow((neurons, "half", "other_half")),
    slow((neurons.Helped, "forward", "other_forward")),
])  # fmt: skip
def test_what_is_replaced_is_another_kernel(home, name, other, monkeypatch):
    """A pass, a method that it calls, a function that it calls."""
    net, apart = both(neurons.Helped())
    assert apart() < 1e-12
    x = np.ones((1, 8, 4))
    before = net(np.ones(net.size), x)
    monkeypatch.setattr(home, name, globals()[other])
    assert apart() < 1e-12
    assert not np.array_equal(net(np.ones(net.size), x), before)


def other_forward(self, I, z, spike):
    return 2 * I, z


def other_more(self, a):
    return 5 * a


def other_half(a):
    return a * 0.25


def test_what_is_set_on_an_object_is_refused():
    surrogate = neurons.ArcTan()
    net, apart = both(ms.LIF(surrogate=surrogate))
    surrogate.prime = lambda a: 0 * a
    with pytest.raises(ValueError, match="prime is set on an object, not in its class ArcTan"):
        apart()


def test_a_file_that_was_changed_since_is_not_taken_for_what_was_loaded(tmp_path, monkeypatch):
    source = (
        "import own_neurons\n"
        "class Edited(own_neurons.Plain):\n"
        "    def forward(self, I, z, spike):\n        return 2 * I, z\n"
    )
    file = tmp_path / "edited.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    kind = importlib.import_module("edited").Edited
    file.write_text("# a line more\n" + source.replace("2 * I", "3 * I"))
    with pytest.warns(UserWarning, match="the source of Edited.forward is not what was loaded"):
        ms.SpikingNet((4,), (), ways=2, neuron=kind())


# ---- what cannot be compiled


def slip(name: str, body: str):
    """A neuron, `Plain` but for one method, in this file."""
    return type("Slipped", (neurons.Plain,), {name: body})


def no_number(self, I, z, spike):
    names = {"a": 1.0}
    return I + names["a"], z


def inner(self, I, z, spike):
    def twice(a):
        return 2 * a

    return twice(I), z


def one_state_too_many(self, I, z, spike):
    return I, (I,)


def of_arrays(self, I, z, spike):
    return I.sum(axis=0) + I, z


def attribute(self, I, z, spike):
    return I + I.size, z


def too_few(self, I, z):
    return I, z


def another(self, I, z, spike):
    spike = I
    return spike, z


def unknown(self, I, z, spike):
    return I + np.linalg.norm(I), z


def hands_on(self, I, z, spike):
    return I * helped(self), z


def helped(of):
    return of.alpha


def itself(self, I, z, spike):
    return again(I), z


def again(a):
    return again(a) + a


@pytest.mark.parametrize("body, said", [
    (no_number, "no_number does what no loop over single numbers can .line .*names = "),
    (inner, "inner does what no loop over single numbers can"),
    (one_state_too_many, "does not return .a number, a tuple of 0 states."),
    (of_arrays, "of_arrays calls what is not known here .line .*I.sum"),
    (attribute, "numba cannot compile line .*I.size.*: Unknown attribute .size. of type float32"),
    (too_few, "too_few does not take .I, z, spike."),
    (another, "another gives spike another value"),
    (unknown, "unknown calls what is not known here .line .*np.linalg"),
    (hands_on, "hands_on hands self on .line .*helped"),
    (itself, "again calls itself"),
])  # fmt: skip
def test_what_keeps_a_neuron_from_the_kernels_is_named(body, said):
    own = slip("forward", body)()
    with pytest.warns(
        UserWarning, match=f"runs on the NumPy backend, some ten times slower: .*{said}"
    ):
        net = ms.SpikingNet((4,), (), ways=2, neuron=own)
    assert net.backend == "numpy"
    with pytest.raises(
        ValueError, match=f"backend numba cannot take this neuron: .*{said}.*leave backend out"
    ):
        ms.SpikingNet((4,), (), ways=2, neuron=own, backend="numba")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ms.SpikingNet((4,), (), ways=2, neuron=own, backend="numpy")


def test_a_class_without_a_file_is_told_so():
    names: dict = {"ms": ms, "Plain": neurons.Plain}
    exec("class Typed(Plain):\n    def forward(self, I, z, spike):\n        return I, z\n", names)
    with pytest.warns(
        UserWarning, match="source of Typed.forward cannot be read; write it into a file"
    ):
        ms.SpikingNet((4,), (), ways=2, neuron=names["Typed"]())


def test_a_constant_that_is_no_number_is_told():
    @dataclass(frozen=True)
    class Named(neurons.Plain):
        def forward(self, I, z, spike):
            return I * self.word, z

    object.__setattr__(own := Named(), "word", "two")
    with pytest.warns(UserWarning, match="a constant of .*Named.*self.word.* is 'two', no number"):
        ms.SpikingNet((4,), (), ways=2, neuron=own)


# ---- one place


COPIED = """
import numpy as np, minisnn as ms
from own_neurons import MyLIF
from minisnn.training.settings import TrainingConfig
from toy import toy_data
for neuron in (ms.CubaLIF(threshold=0.3), MyLIF()):
    net = ms.SpikingNet((6, 8, 2), (4,), kernel=3, ways=3, window=9, neuron=neuron)
    rng = np.random.default_rng(0)
    x, y = rng.poisson(0.5, (3, 12, 6, 8, 2)), np.arange(3)
    theta = rng.standard_normal(net.size).astype(np.float32)
    assert net.backend == "numba"
    print(float(net.loss_and_gradient(theta, x, y).loss))
config = dict(channels=(), ways=2, queries=2, window=8, updates=2, evaluate_every=2)
config |= dict(evaluate_episodes=2, test_episodes=2)
for n, neuron in enumerate((ms.CubaLIF(threshold=0.3), MyLIF())):
    found = ms.train(TrainingConfig(**config), f"run{n}", data=toy_data(), neuron=neuron, progress=False)
    assert found.theta.size
"""


@pytest.mark.slow
def test_no_other_file_knows_the_papers_neuron(tmp_path):
    """In a package without layers/lif.py another neuron that ships and one's own still train, on the
    kernels, which are compiled there: no file of theirs names a neuron."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "minisnn", tmp_path / "minisnn", ignore=ignore)
    (tmp_path / "minisnn" / "layers" / "lif.py").unlink()
    for name in ("own_neurons.py", "toy.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path)
    (tmp_path / "program.py").write_text(COPIED)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kernels = [path.read_text() for path in (ROOT / "minisnn" / "kernels").glob("*.py")]
    assert not [text for text in kernels if "LIF" in text]


def test_a_tape_holds_what_the_derivatives_ask_for(monkeypatch):
    """I and the state only where a pass reads them, for they are as large as the membrane. Nothing
    need be compiled for it."""
    monkeypatch.setattr("minisnn.kernels.neuron._calls", lambda loops, dtype: None)
    for neuron, past, past_dot in ((ms.LIF(), 0, 0), (neurons.Conductance(), 2, 2)):
        found = neuron_of(neuron, np.dtype("float64"))
        assert (found.past, found.past_dot) == (past, past_dot)
