"""A neuron as the kernels know it: its loops (`loops`), compiled and found by their addresses."""

from functools import cache
from typing import Any

import numpy as np
from numba import typeof, types

from ..core.surrogate import inverse
from ..translation.check import Untranslatable, refused
from ..translation.step import NeuronStep, step_of
from ..vectors.llvm import address_of, cached, reciprocal
from .layer import Block
from .loops import CHAINS, BandLoops
from .neurons import written
from .records import POOL, Calls, CompiledNeuron, FilterConstants, Layer, constants, geometry

# which arguments of the loops are arrays (a), the geometry (g) and the constants (c)
ARGUMENTS = Calls("aaaaaaca", "aaaaaaaagca", "aaaaaaaaaca", "aaaaaaaaaaaaagca", "aaaca", "aaaaaca")


def loops_of(neuron: Any, detach: bool = False) -> BandLoops:
    """The loops of a neuron. Raises `Untranslatable` where it cannot be compiled."""
    step = step_of(neuron, {inverse: reciprocal})
    filters = len(neuron.filtering)
    chain = CHAINS.get((neuron.delay, filters))
    if chain is None:
        raise Untranslatable(f"{step.name} has {filters} filters and a delay of {neuron.delay}")
    return _loops(step, chain, detach)


def neuron_of(
    neuron: Any, dtype: np.dtype, detach: bool = False, learn: tuple[str, ...] = ()
) -> CompiledNeuron:
    """What the kernels know of a neuron. Raises `Untranslatable` where it cannot be compiled."""
    loops = loops_of(neuron, detach)
    step = loops.step
    constants = [getattr(neuron, name) for name in neuron.learnable]
    # what the loops call k: the step's own constants and the surrogate's slope kappa among them
    own = np.append(step.constants(neuron, dtype), np.array(constants, dtype))
    past, past_dot = (one.size(step.states) for one in (step.past, step.past_dot))
    filters = len(neuron.filtering)
    apart = int(bool(set(learn) & set(neuron.filtering)))
    before = apart if filters == 1 else 0
    sizes = step.states, step.learnable, filters, apart, before, past, past_dot
    return CompiledNeuron(_calls(loops, dtype), own, *sizes)


def refusal(neuron: Any, dtype: np.dtype, detach: bool, learn: tuple[str, ...] = ()) -> str:
    """What keeps a neuron from being compiled, and where; '' for nothing."""
    neuron = written(neuron, learn)
    if not hasattr(neuron, "forward_tangent"):
        return f"{type(neuron).__name__} has two methods, whose tangents are not compiled yet"
    return refused(neuron, {inverse: reciprocal}, dtype, lambda: neuron_of(neuron, dtype, detach))


def layer(block: Block, dtype: np.dtype, first: int = 0) -> Layer:
    """What the kernels are told of a block."""
    pool = POOL[block.pool]
    g = geometry(*block.input_shape, block.channels, block.kernel, pool)
    c = constants(block.neuron, dtype, first)
    neuron = neuron_of(block.neuron, dtype, block.detach_reset, block.learn)
    delay = block.neuron.delay
    return Layer(g, c, neuron, pool, block.readout, first, delay // 2, delay)


@cache
def _loops(step: NeuronStep, chain: int, detach: bool) -> BandLoops:
    return BandLoops(step, chain, detach)


@cached
def _calls(loops: BandLoops, dtype: np.dtype) -> Calls:
    kinds = {
        "a": types.Array(typeof(dtype.type(0)), 1, "C"),
        "g": typeof(geometry(1, 1, 1, 1, 1)),
        "c": typeof(FilterConstants(*[dtype.type(0)] * len(FilterConstants._fields))),
    }
    found = []
    for name, arguments in zip(Calls._fields, ARGUMENTS):
        signature = types.none(*(kinds[one] for one in arguments))
        found.append(address_of(loops.loop(name), signature))
    return Calls(*found)
