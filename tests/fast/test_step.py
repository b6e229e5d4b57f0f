"""A neuron's step as code of single numbers: what its class computes on arrays, for its values and
their derivatives, as the class is now."""

import numpy as np
import own_neurons
import pytest
import scipy.special
from conftest import off
from numba import types
from slowly import after

import minisnn as ms
from minisnn.core.dual import Dual, derivative, value
from minisnn.core.neuron import Leaky, at_work
from minisnn.core.neuron import Spike
from minisnn.fast.step import step_of
from minisnn.fast.traced import compiled, function

SITES = 40
PASSES = ("forward", "backward", "forward_tangent", "backward_tangent", "slope", "curvature")
NEURONS = {
    "LIF": (ms.LIF(threshold=0.2), ()),
    "LIF, gamma": (ms.LIF(), ("alpha", "gamma")),
    "CubaLIF": (ms.CubaLIF(), ("beta",)),
    "CubaLIF, alpha": (ms.CubaLIF(surrogate=own_neurons.Triangle()), ("alpha",)),
    "Leaky": (Leaky(0.9, 0.8), ()),
    "everything": (own_neurons.Everything(), ()),
    "share": (own_neurons.Everything(threshold=0.3), ("share",)),
    "leak, share": (own_neurons.Everything(surrogate=own_neurons.ArcTan()), ("leak", "share")),
    "four passes": (own_neurons.Adaptive(), ()),
    "conductance": (own_neurons.Conductance(), ()),
}


def numbers(neuron, learn):
    """Random dual numbers by name: at each site, and of constants that are learned."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: Dual(*rng.standard_normal((2, *shape)))
    count = len(neuron.states)
    given = {name: draw(SITES) for name in ("I", "u", "du", "v", "d")}
    given |= {name: tuple(draw(SITES) for _ in range(count)) for name in ("z", "dz")}
    learned = [name for name in neuron.learnable if name in learn]
    given["k"] = {name: Dual(np.array(getattr(neuron, name)), draw().d) for name in learned}
    return given


def by_the_class(neuron, detach, given):
    """(values, tangents) of the class's two methods on dual numbers of arrays."""
    jet = Spike(neuron.spike, neuron.threshold)
    maker = at_work(neuron, given["k"], jet.about(None, detach))
    u, after = maker.forward(given["I"], given["z"])
    recorded = Dual(value(u), given["u"].d)
    dI, dz, *dk = maker.backward(given["I"], given["z"], recorded, given["du"], given["dz"])
    of_constants = dict(zip(neuron.learnable, *dk)) if given["k"] else {}
    sums = [of_constants[name] for name in given["k"]]
    results = [u, *after, dI, *dz, *sums, jet.slope(given["v"]) * given["d"]]
    filled = lambda of: np.array([of(a) + np.zeros(SITES) for a in results])
    return filled(value), filled(derivative)


def by_the_code(step, k, given):
    """The same of the code of each pass, site by site."""
    run = {name: function(getattr(step, name), np=np, inverse=np.reciprocal) for name in PASSES}
    k_dot = [a.d for a in given["k"].values()]
    zeros = (0.0,) * len(k_dot)
    rows = []
    for n in range(SITES):
        I, u, du, v, d = (given[name] for name in ("I", "u", "du", "v", "d"))
        x, dot = (lambda a: a.x[n]), (lambda a: a.d[n])
        z, z_dot, dz, dz_dot = (
            tuple(map(of, given[name])) for name in ("z", "dz") for of in (x, dot)
        )
        sums = dz + zeros, dz_dot + zeros
        now, after, past = run["forward"](k, x(I), z)
        dI, before = run["backward"](k, past, now, x(du), sums[0])
        along, after_dot, past_dot = run["forward_tangent"](k, k_dot, past, now, dot(I), z_dot)
        here = now, dot(u), x(du), dot(du)
        dI_dot, again, before_dot = run["backward_tangent"](k, k_dot, past, past_dot, *here, *sums)
        assert again == before
        slope = run["slope"](k, x(v), x(d))
        curvature = run["curvature"](k, x(v), dot(v), x(d), dot(d))
        values = now, *after, dI, *before, slope
        rows.append((values, (along, *after_dot, dI_dot, *before_dot, curvature)))
    return np.array(rows).transpose(1, 2, 0)


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("name", NEURONS)
def test_the_code_computes_what_the_class_does(name, detach):
    neuron, learn = NEURONS[name]
    given = numbers(neuron, learn)
    step, k = step_of(neuron, detach, learn)
    for found, expected in zip(by_the_code(step, k, given), by_the_class(neuron, detach, given)):
        assert off(found, expected) < 1e-12


def test_a_step_keeps_what_its_derivatives_need():
    """Of I and the states no more than one of the passes reads."""
    kept = {}
    for name, (neuron, learn) in NEURONS.items():
        step, _ = step_of(neuron, learn=learn)
        kept[name] = step.past, step.past_dot
    assert kept["LIF"] == kept["CubaLIF"] == kept["Leaky"] == kept["four passes"] == (0, 0)
    assert kept["LIF, gamma"] == kept["everything"] == (1, 1)
    assert kept["share"] == kept["leak, share"] == kept["conductance"] == (2, 2)


def test_the_same_lines_are_the_same_code():
    """Under another name and with other constants: the kernels are compiled once."""
    steps = [
        step_of(neuron, learn=learn)
        for learn in ((), ("gamma",))
        for neuron in (
            ms.LIF(),
            own_neurons.Mine(),
            own_neurons.Mine(alpha=0.5, threshold=1.0, gamma=0.7),
        )
    ]
    for same in (steps[:3], steps[3:]):
        assert len({step for step, _ in same}) == 1
        assert len({tuple(k) for _, k in same}) == 2
    assert steps[0][0] != steps[3][0]


@pytest.mark.parametrize("name", after(1, ("leak, share", "conductance", "LIF")))
def test_no_number_is_wider_than_the_network(name):
    neuron, learn = NEURONS[name]
    step, k = step_of(neuron, learn=learn)
    one = types.float32
    some = lambda count: types.UniTuple(one, count) if count else types.Tuple(())
    state, sums = some(step.states), some(step.states + step.learned)
    k_type, past, past_dot = some(len(k)), some(step.past), some(step.past_dot)
    k_dot = some(step.learned)
    kinds = {
        "forward": (k_type, one, state),
        "backward": (k_type, past, one, one, sums),
        "forward_tangent": (k_type, k_dot, past, one, one, state),
        "backward_tangent": (k_type, k_dot, past, past_dot, *[one] * 4, sums, sums),
        "slope": (k_type, one, one),
        "curvature": (k_type, *[one] * 4),
    }
    for name, arguments in kinds.items():
        kernel = compiled(getattr(step, name))
        kernel.compile(arguments)
        returned = str(kernel.overloads[arguments].signature.return_type)
        assert "float32" in returned and "64" not in returned


# ---- the class as it is now


def changes():
    """(what changes, a neuron, a function that changes it)"""
    rate = [0.5]

    class Closed(own_neurons.Mine):
        def forward(self, I, z):
            return twice(I) * rate[0], z

    def twice(a):
        return 2 * a

    names = {"Mine": own_neurons.Mine, "RATE": 0.5}
    exec("class Typed(Mine):\n    def forward(self, I, z):\n        return RATE * I, z", names)
    surrogate = own_neurons.ArcTan()
    typed, closed, changed = names["Typed"](), Closed(), own_neurons.Mine()
    other = own_neurons.Mine(surrogate=surrogate)
    return [
        (typed, lambda: names.update(RATE=0.7)),
        (closed, lambda: rate.append(rate.pop() + 0.1)),
        (closed, lambda: setattr(Closed, "forward", lambda self, I, z: (3 * I, z))),
        (changed, lambda: object.__setattr__(changed, "rho", 0.25)),
        (other, lambda: setattr(surrogate, "slope", 5.0)),
        (other, lambda: setattr(surrogate, "prime", np.abs)),
    ]


@pytest.mark.parametrize("case", range(6))
def test_what_is_changed_in_place_is_never_answered_by_old_code(case):
    """A global of a class without a file, a closure, a method, a constant, a surrogate."""
    neuron, change = changes()[case]
    given = numbers(neuron, ())
    found = []
    for _ in range(2):
        step, k = step_of(neuron)
        found.append(by_the_code(step, k, given))
        assert off(found[-1], np.array(by_the_class(neuron, False, given))) < 1e-12
        change()
    assert not np.array_equal(*found)


# ---- what cannot be compiled


def refused(forward, **settings):
    """A neuron that takes its input, but for one method."""
    passed = dict(backward=lambda self, I, z, u, du, dz: (du, dz), forward=forward)
    return type("Refused", (own_neurons.Plain,), {**passed, **settings})


def decides(self, I, z, spike):
    return (I if I > 0 else -I), z


def sums(self, I, z, spike):
    return I - I.sum(axis=0), z


def normalizes(self, I, z, spike):
    return I / np.linalg.norm(I), z


def accumulates(self, I, z, spike):
    return I - np.add.reduce(I), z


def fills(self, I, z, spike):
    I += 1
    return I, z


def converts(self, I, z, spike):
    return np.asarray(I) + 1, z


def of_scipy(self, I, z, spike):
    return scipy.special.expit(I), z


def has_words(self, I, z, spike):
    return I * self.word, z


def has_arrays(self, I, z, spike):
    return I * np.ones(2), z


def one_too_many(self, I, z, spike):
    return I, (I,)


METHODS = (decides, sums, normalizes, accumulates, fills, converts, of_scipy, has_words, has_arrays)


@pytest.mark.parametrize("forward", (*METHODS, one_too_many))
def test_what_keeps_a_neuron_from_the_kernels_is_named(forward):
    """With the user's own line."""
    neuron = refused(forward, word="two")()
    how = dict(input_shape=(4,), channels=(), ways=2, neuron=neuron)
    with pytest.warns(UserWarning) as warned:
        net = ms.SpikingNet(**how)
    assert net.backend == "numpy"
    (message,) = (str(one.message) for one in warned)
    line = forward.__code__.co_firstlineno + 1
    if forward is one_too_many:
        assert "Refused.forward" in message
    else:
        assert __file__ in message and f"line {line} " in message
    with pytest.raises(ValueError, match="Refused|line"):
        ms.SpikingNet(**how, backend="numba")
