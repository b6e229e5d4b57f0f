"""A network's kernels, compiled in a process beside the one that needs them, from the last one of the
first order on, then those of the second: numba compiles under one lock a process, and a first start
would wait for all of them in turn.

The process beside this one learns what there is to compile from passes in which no kernel runs
(`parallel.threads.noting`): each is noted with the types of what it is given. It begins with the last
one; where the two meet, each finds what the other has kept.
"""

import json
import sys
from functools import partial
from typing import Any

import numpy as np

from ..network.spiking import SpikingNet
from ..parallel.children import compile_beside
from ..parallel.threads import noting

SITES = 32


def expect(net: Any) -> None:
    """Where kernels are missing from now on, compile those of this network's meta-gradient in a
    process beside this one, too."""
    if isinstance(net, SpikingNet) and net.backend == "numba" and net.neuron.ships:
        compile_beside(__name__, partial(_described, net))


def _described(net: SpikingNet) -> str:
    """The configuration of a network with the same kernels that takes little memory."""
    shape = net.input_shape if len(net.input_shape) == 1 else (SITES, SITES, net.input_shape[2])
    window = 3 + sum(b.neuron.delay for b in net.blocks)  # which reaches down to all layers
    return json.dumps(net.like(input_shape=shape, window=window).configuration())


def needed(net: SpikingNet, second: bool = True) -> list[tuple[Any, tuple]]:
    """The kernels of a meta-gradient and the types that they are compiled for, in the order in which
    they are needed; without `second`, those of the first order."""
    x = np.zeros((2, net.window + 1, *net.input_shape), np.uint8)
    y = np.arange(2) % net.ways
    theta = np.zeros(net.size, net.dtype)
    with noting() as found, np.errstate(all="ignore"):
        passes = net.gradients(theta, x, y)
        if second:
            passes.hvp(theta)
    return list(dict.fromkeys(found))


def main() -> None:
    """What the process beside does, with a network's configuration from standard input."""
    net = SpikingNet.from_configuration(json.load(sys.stdin))
    first = needed(net, second=False)
    rest = [one for one in needed(net) if one not in first]
    for kernel, kinds in (*reversed(first), *reversed(rest)):
        kernel.compile(kinds)
