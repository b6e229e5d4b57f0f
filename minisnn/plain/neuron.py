"""What the plain loops are told of a neuron, and what its steps were."""

from typing import Any, NamedTuple

import numpy as np

from ..layers.block import Block
from ..translation.made import Untranslatable
from ..translation.step import step_of, tuples


class Chain(NamedTuple):
    """The filters of the synapse."""

    decays: tuple  # (a, 1 - a) of each, the first one first
    delay: int  # steps by which they delay: one for each, or 0


class PlainNeuron(NamedTuple):
    """A neuron's step as functions of numbers, which its class has and `translation` compiles. They
    take the constants k first; z are the states before a step, z' those after it, both tuples."""

    k: tuple
    forward: Any  # (k, I, z) -> (u, z')
    backward: Any  # (k, at, du, dz') -> (dI, dz)
    forward_tangent: Any  # (k, at, I_dot, z_dot) -> (u_dot, z_dot')
    backward_tangent: Any  # (k, at, dot, du, dz', du_dot, dz_dot') -> (dI_dot, dz_dot)
    prime: Any  # (k, u - threshold) -> the slope of the spike
    second: Any  # (k, u - threshold) -> its curvature
    take: Any  # (z, i) -> the states at site i of z (states, H, W, C_out), a tuple
    put: Any  # (z, i, states): writes them there
    states: int
    chain: Chain
    detached: bool  # whether the spike of a reset is a constant


class Steps(NamedTuple):
    """What the neuron was given in each step and gave; or their tangents, or their adjoints."""

    I: np.ndarray  # (n, H, W, C_out)
    z: np.ndarray  # (n + 1, states, H, W, C_out), before each step and after the last
    u: np.ndarray  # (n, H, W, C_out)


def neuron_of(block: Block, dtype: np.dtype) -> PlainNeuron:
    """The neuron of a block, its constants in this dtype. Raises `translation.made.Untranslatable`
    where its class cannot be compiled."""
    if block.joint or block.neuron.learnable:
        raise Untranslatable(
            f"{block.name} hears its own spikes or can learn its constants, which the plain loops "
            "leave out; read layers/together.py"
        )
    step = step_of(block.neuron, {})
    _, take, put = tuples(step.states)
    decays = tuple((dtype.type(a), dtype.type(1 - a)) for a in block.neuron.decays)
    return PlainNeuron(
        k=tuple(step.constants(block.neuron, dtype)),
        forward=step.forward,
        backward=step.backward,
        forward_tangent=step.forward_tangent,
        backward_tangent=step.backward_tangent,
        prime=step.prime,
        second=step.second,
        take=take,
        put=put,
        states=step.states,
        chain=Chain(decays, block.neuron.delay),
        detached=block.detach_reset,
    )
