"""A site's step as code of single numbers: as the class is now, and what cannot be compiled."""

import numpy as np
import own_neurons
import pytest

import minisnn as ms
from minisnn.fast.step import step_of


def test_the_same_lines_are_the_same_code():
    """Under another name and with other constants: the kernels are compiled once."""
    others = (
        own_neurons.Mine(),
        own_neurons.Mine(alpha=0.5, threshold=1.0, gamma=0.7),
    )
    for learn in ((), ("alpha", "gamma")):
        steps = [step_of(neuron, learn=learn) for neuron in (ms.LIF(), *others)]
        assert len({step for step, _ in steps}) == 1
        assert len({tuple(k) for _, k in steps}) == 2


def test_a_tape_holds_no_more_than_derivatives_need():
    for neuron in (ms.LIF(), ms.CubaLIF(), ms.LIF(surrogate=own_neurons.ArcTan())):
        step, _ = step_of(neuron)
        assert step.past == step.past_dot == 0


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
    typed = names["Typed"]()
    closed = Closed()
    changed = own_neurons.Mine()
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
    before = step_of(neuron)
    assert step_of(neuron) == before
    change()
    assert step_of(neuron) != before


# ---- what cannot be compiled


def refused(forward, **settings):
    """A neuron that takes its input, but for one method."""
    passed = dict(backward=lambda self, I, z, u, du, dz: (du, dz), forward=forward)
    return type("Refused", (own_neurons.Plain,), {**passed, **settings})


def decides(self, I, z, spike):
    return (I if I > 0 else -I), z


def sums(self, I, z, spike):
    return I - I.sum(axis=0), z


def fills(self, I, z, spike):
    I += 1
    return I, z


def has_words(self, I, z, spike):
    return I * self.word, z


def has_arrays(self, I, z, spike):
    return I * np.ones(2), z


def one_too_many(self, I, z, spike):
    return I, (I,)


METHODS = (decides, sums, fills, has_words, has_arrays)


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
