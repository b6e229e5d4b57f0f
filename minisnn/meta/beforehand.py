"""A network's kernels, compiled in a process beside the one that needs them, from the last one of the
first order on, then those of the second: numba compiles under one lock a process, and a first start
would wait for all of them in turn.

The process beside this one learns what there is to compile from passes in which no kernel runs
(`parallel.threads.noting`): each is noted with the types of what it is given. It begins with the last
one; where the two meet, each finds what the other has kept.
"""

import atexit
import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np

from ..network.spiking import SpikingNet
from ..parallel.missing import when_missing
from ..parallel.threads import get_threads, noting

SITES = 32
_HOME = str(Path(__file__).resolve().parents[2])
_begun: set[str] = set()  # what processes beside this one were started with


def expect(net: Any) -> None:
    """Where kernels are missing from now on, compile those of this network's meta-gradient in a
    process beside this one, too, unless this one has a single thread or is a worker."""
    compiles = isinstance(net, SpikingNet) and net.backend == "numba" and net.neuron.ships
    if compiles and parent_process() is None and get_threads() > 1:
        when_missing("compile beside", partial(_begin, net))


def _begin(net: SpikingNet) -> None:
    """Start the process, once for what compiles the same kernels: with a network that takes little
    memory. It finds modules where this one does, and not first in the folder that it is started in
    (-P)."""
    shape = net.input_shape if len(net.input_shape) == 1 else (SITES, SITES, net.input_shape[2])
    window = 3 + sum(b.neuron.delay for b in net.blocks)  # which reaches down to all layers
    described = json.dumps(net.like(input_shape=shape, window=window).configuration())
    if described in _begun:
        return
    _begun.add(described)
    command = [sys.executable, "-P", "-c", f"from {__name__} import main; main()", described]
    paths = os.pathsep.join([*filter(None, sys.path), _HOME])
    silent: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with suppress(OSError):  # then this process compiles alone
        child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, **silent)
        atexit.register(child.kill)


def needed(net: SpikingNet, second: bool = True) -> list[tuple[Any, tuple]]:
    """The kernels of a meta-gradient and the types that they are compiled for, in the order in which
    they are needed; without `second`, those of the first order."""
    x = np.zeros((2, net.window + 1, *net.input_shape), np.uint8)
    theta = np.zeros(net.size, net.dtype)
    with noting() as found, np.errstate(all="ignore"):
        passes = net.gradients(theta, x, np.arange(2) % net.ways)
        if second:
            passes.hvp(theta)
    return list(dict.fromkeys(found))


def main() -> None:
    """What the process beside does, with a network's configuration as its argument."""
    net = SpikingNet.from_configuration(json.loads(sys.argv[1]))
    first = needed(net, second=False)
    rest = [one for one in needed(net) if one not in first]
    for kernel, kinds in (*reversed(first), *reversed(rest)):
        kernel.compile(kinds)
