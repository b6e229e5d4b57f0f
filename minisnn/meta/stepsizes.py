"""Step sizes of the inner loop that the outer loop learns (Meta-SGD, Li et al. 2017); they are
always positive:

    a_i = a_0 exp(l_g(i))        dL/dl_g = a_g sum_{i in g} dL/da_i

A group g is the whole network ("scalar"), a layer, a weight or bias array, or a single parameter.
"no" means one fixed step size.
"""

import math

import numpy as np

from ..arguments import one_of
from ..core.network import Network
from .rules import GROUPS

# ln 2 in two parts, as in fdlibm: n LN2_HIGH is exact
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


def exp(x: np.ndarray) -> np.ndarray:
    """Return e^x to one unit in the last place, with the same bits on every machine, so that a run
    can be repeated elsewhere. The last bits of np.exp depend on the processor's vector
    instructions, those of math.exp on the C library.

    x = n ln 2 + r, |r| < 0.35; e^r by its Taylor series, whose 15th term is below 2^-62.
    """
    n = np.rint(x / math.log(2))
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    total = np.ones_like(x)
    for k in range(14, 0, -1):  # total = 1 + r total / k
        total *= r
        total /= k
        total += 1
    return np.ldexp(total, n.astype(np.int32))


class StepSizes:
    """The groups into which a network's parameters are divided, with the maps between l (groups,),
    a and their gradients.

    net         the network
    kind        "no", "scalar", "layer", "array" or "parameter"
    step_size   a_0, the first step size of all groups
    start       l of these, zeros
    """

    def __init__(self, net: Network, kind: str, step_size: float):
        one_of("learn_step_size", kind, GROUPS)
        self.net = net
        self.step_size = step_size
        self.learned = kind != "no"
        self.flat = kind not in ("no", "scalar")
        arrays = {p.name: p.slice for p in net.layout}
        layers = {b.name: net.slice_of(b.name) for b in net.blocks}
        named = {"layer": layers, "array": arrays, "parameter": arrays}
        groups = named.get(kind, {"": slice(0, net.size)})
        self.starts = np.array([part.start for part in groups.values()], np.intp)
        parts = {name: slice(n, n + 1) for n, name in enumerate(groups)}
        if kind == "parameter":
            self.starts, parts = np.arange(net.size), arrays
        self.sizes = np.diff(np.append(self.starts, net.size))
        self.start = np.zeros(len(self.starts))
        # {name in reports: groups of which it is the geometric mean}
        self.parts = {f"step_size_{name}".rstrip("_"): part for name, part in parts.items()}

    def value(self, log: np.ndarray) -> float | np.ndarray:
        """Return the step size a that belongs to l: a float, or an array that is flat like
        theta."""
        a = self.step_size * exp(log)
        return np.repeat(a, self.sizes).astype(self.net.dtype) if self.flat else float(a[0])

    def log_of(self, value: float | np.ndarray) -> np.ndarray:
        """Return l (groups,) for a step size, which is a scalar or flat. In each group, l belongs
        to the geometric mean of the step sizes."""
        ratio = np.asarray(value, np.float64) / self.step_size
        if not (np.isfinite(ratio) & (ratio > 0)).all():
            raise ValueError("initial step sizes must be positive and finite")
        # the same bits on every machine, as for `exp`
        log = np.array([math.log(r) for r in ratio.ravel()])
        return np.add.reduceat(np.broadcast_to(log, self.net.size), self.starts) / self.sizes

    def log_gradient(self, log: np.ndarray, gradient: float | np.ndarray) -> np.ndarray:
        """Return dL/dl from dL/da, the `step_size_gradient` of a `MetaGradient`."""
        total = (
            np.add.reduceat(np.asarray(gradient, np.float64), self.starts)
            if self.flat
            else gradient
        )
        return self.step_size * exp(log) * total

    def report(self, log: np.ndarray) -> dict[str, float]:
        """Return step sizes by name. If every parameter has its own step size, each array is given
        the geometric mean of its step sizes."""
        return {
            name: float(self.step_size * exp(log[part].mean(keepdims=True))[0])
            for name, part in self.parts.items()
        }
