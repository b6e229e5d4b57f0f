"""Compile part of a network's kernels in a helper process, because numba compiles under one lock
per process.

The helper runs the passes without computing (`parallel.shares.noting`), which lists the kernels
and the types of their arguments. It compiles them in reverse order, those of the first order first.
Each process loads the kernels that the other has already stored.
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
from ..parallel.shares import noting
from ..parallel.threads import get_threads

SITES = 32
_HOME = str(Path(__file__).resolve().parents[2])
_begun: set[str] = set()  # arguments of the helpers that were started


def expect(net: Any) -> None:
    """Prepare for missing kernels: when one is first missing, start a helper process that also
    compiles the kernels for this network's meta-gradient. A process that has one thread, or is a
    worker, starts none."""
    compiles = isinstance(net, SpikingNet) and net.backend == "numba" and net.neuron.ships
    if compiles and parent_process() is None and get_threads() > 1:
        when_missing("compile beside", partial(_begin, net))


def _begin(net: SpikingNet) -> None:
    """Start a helper, once per network, on a small network that needs the same kernels. The helper
    imports from the same paths, except for the current folder (-P)."""
    shape = net.input_shape if len(net.input_shape) == 1 else (SITES, SITES, net.input_shape[2])
    window = 3 + sum(b.neuron.delay for b in net.blocks)  # deep enough to reach all layers
    described = json.dumps(net.like(input_shape=shape, window=window).configuration())
    if described in _begun:
        return
    _begun.add(described)
    command = [sys.executable, "-P", "-c", f"from {__name__} import main; main()", described]
    paths = os.pathsep.join([*filter(None, sys.path), _HOME])
    silent: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with suppress(OSError):  # without a helper this process compiles everything
        child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, **silent)
        atexit.register(child.kill)


def needed(net: SpikingNet, second: bool = True) -> list[tuple[Any, tuple]]:
    """Return (kernel, argument types) for every kernel that a meta-gradient calls, in the order of
    the calls. Without `second`, return those for a first-order meta-gradient."""
    x = np.zeros((2, net.window + 1, *net.input_shape), np.uint8)
    theta = np.zeros(net.size, net.dtype)
    with noting() as found, np.errstate(all="ignore"):
        passes = net.gradients(theta, x, np.arange(2) % net.ways)
        if second:
            passes.hvp(theta)
    return list(dict.fromkeys(found))


def main() -> None:
    """Compile the kernels. This is what the helper process runs; its argument is a network's
    configuration."""
    net = SpikingNet.from_configuration(json.loads(sys.argv[1]))
    first = needed(net, second=False)
    rest = [kernel for kernel in needed(net) if kernel not in first]
    for kernel, kinds in (*reversed(first), *reversed(rest)):
        kernel.compile(kinds)
