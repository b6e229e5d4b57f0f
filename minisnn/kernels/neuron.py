"""A neuron as the kernels know it: its loops (`loops`), compiled and found by their addresses."""

from functools import cache
from typing import Any

import numpy as np
from numba import typeof, types

from ..fast.step import Step, step_of
from ..fast.step import refusal as refusal_of
from ..vectors.llvm import address_of, cached
from .layer import Block
from .loops import CHAINS, BandLoops
from .records import POOL, Calls, CompiledNeuron, FilterConstants, Layer, constants, geometry

# which arguments of the loops are arrays (a), the geometry (g) and the constants (c)
ARGUMENTS = Calls("aaaaaaca", "aaaaaaaagca", "aaaaaaaaaca", "aaaaaaaaaaaaagca", "aaaca", "aaaaaca")


def loops_of(
    neuron: Any, dtype: np.dtype, detach: bool = False, learn: tuple[str, ...] = ()
) -> tuple[BandLoops, np.ndarray]:
    """The loops of a neuron, and the constants that they are given."""
    step, own = step_of(neuron, detach, learn)
    chain = CHAINS[neuron.delay, len(neuron.filtering)]
    return _loops(step, len(own), chain), np.array(own, dtype)


def neuron_of(
    neuron: Any, dtype: np.dtype, detach: bool = False, learn: tuple[str, ...] = ()
) -> CompiledNeuron:
    """What the kernels know of a neuron, of which a layer learns these constants."""
    loops, own = loops_of(neuron, dtype, detach, learn)
    step = loops.step
    filters = len(neuron.filtering)
    apart = int(bool(set(learn) & set(neuron.filtering)))
    before = apart if filters == 1 else 0
    sizes = step.states, step.learned, filters, apart, before, step.past, step.past_dot
    return CompiledNeuron(_calls(loops, dtype), own, *sizes)


def refusal(neuron: Any, dtype: np.dtype, detach: bool = False, learn: tuple[str, ...] = ()) -> str:
    """What keeps a neuron from being compiled, and where; '' for nothing."""
    return refusal_of(lambda: loops_of(neuron, dtype, detach, learn))


def layer(block: Block, dtype: np.dtype, first: int = 0) -> Layer:
    """What the kernels are told of a block."""
    pool = POOL[block.pool]
    g = geometry(*block.input_shape, block.channels, block.kernel, pool)
    c = constants(block.neuron, dtype, first)
    neuron = neuron_of(block.neuron, dtype, block.detach_reset, block.learn)
    delay = block.neuron.delay
    return Layer(g, c, neuron, pool, block.readout, first, delay // 2, delay)


@cache
def _loops(step: Step, constants: int, chain: int) -> BandLoops:
    return BandLoops(step, constants, chain)


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
