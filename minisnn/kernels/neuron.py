"""A neuron's compiled loops (`loops`), with their addresses and constants."""

from functools import cache, lru_cache
from typing import Any

import numpy as np
from numba import typeof, types

from ..core.linear import advance
from ..fast.step import Step, step_of
from ..fast.step import refusal as refusal_of
from ..vectors.llvm import address_of, cached
from .layer import Block
from .loops import BandLoops
from .records import POOL, Calls, CompiledNeuron, Constants, Layer, geometry

# which arguments of the loops are arrays (a), the geometry (g), or tuples of so many arrays
ARGUMENTS = Calls("aaaaaa", "aaaaaa", "111a1ga", "222a2ga", "111a", "222a")


def neuron_of(
    neuron: Any, dtype: np.dtype, detach: bool = False, learn: tuple[str, ...] = ()
) -> CompiledNeuron:
    """Return the `CompiledNeuron` for a neuron with these learned constants."""
    step, own = step_of(neuron, detach, learn)
    sizes = step.filters, step.states, step.learned, step.past, step.past_dot
    calls = _calls(_loops(step, len(own)), dtype)
    return CompiledNeuron(calls, np.array(own, dtype), *sizes)


def refusal(neuron: Any, dtype: np.dtype, detach: bool = False, learn: tuple[str, ...] = ()) -> str:
    """Return the reason why a neuron cannot be compiled, together with the line that prevents it;
    '' if it can be compiled."""
    return refusal_of(lambda: np.array(step_of(neuron, detach, learn)[1], dtype))


def layer(block: Block, first: int) -> Layer:
    """Return the record that describes a block to the kernels; it includes the window's first
    step."""
    neuron = block.neuron
    pool = POOL[block.pool]
    g = geometry(*block.input_shape, block.channels, block.kernel, pool)
    dtype = block.compiled.own.dtype
    rest = 1 - getattr(neuron, neuron.filtering[0])
    c = Constants(*map(dtype.type, (neuron.threshold, rest, 0, 1, 0.25)))
    start = responses(block, first).sum(1) * (not neuron.delay)
    lag = neuron.delay // 2
    return Layer(g, c, block.compiled, start, pool, block.readout, first, lag, neuron.delay)


def responses(block: Block, steps: int) -> np.ndarray:
    """Return how each filter responds to a single 1, as an array (filters, steps)."""
    decays = tuple(getattr(block.neuron, name) for name in block.neuron.filtering)
    return _responses(decays, block.neuron.delay, steps, block.compiled.own.dtype)


@lru_cache(256)
def _responses(decays: tuple, delay: int, steps: int, dtype: np.dtype) -> np.ndarray:
    held = [0.0] * len(decays)
    found = np.zeros((len(decays), steps), dtype)
    for step in range(steps):
        held = advance(held, float(step == 0), decays, delay)
        found[:, step] = held
    return found


@cache
def _loops(step: Step, constants: int) -> BandLoops:
    return BandLoops(step, constants)


@cached
def _calls(loops: BandLoops, dtype: np.dtype) -> Calls:
    array = types.Array(typeof(dtype.type(0)), 1, "C")
    kinds: dict[str, Any] = {
        "a": array,
        "g": typeof(geometry(1, 1, 1, 1, 1)),
        "1": types.UniTuple(array, 1),
        "2": types.UniTuple(array, 2),
    }
    found = []
    for name, arguments in zip(Calls._fields, ARGUMENTS):
        signature = types.none(*(kinds[one] for one in arguments))
        found.append(address_of(loops.loop(name), signature))
    return Calls(*found)
