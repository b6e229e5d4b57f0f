"""Memory and operations of the chip, counted from the network and the events of an episode."""

import numpy as np

from minisnn.experiments.findings import Findings

from .episodes import Comparison

# a 32-bit integer addition and multiplication at 45 nm and 0.9 V (Horowitz 2014)
PICOJOULE = (
    0.1,
    3.1,
)
STATE_BITS = 32 + 32 + 13 + 16  # P, Q, r and u of a conv neuron
TRACE_BITS = 13 + 13  # p and q of an input of the readout


def memory(net) -> dict[str, int]:
    """Bits of the weights and of the state, of an `IntegerNet`."""
    neurons = sum(
        int(np.prod(layer.input_shape[:2])) * layer.weight.shape[3] for layer in net.layers[:-1]
    )
    return {
        "weights and biases": sum(layer.memory_bits for layer in net.layers),
        "state of the conv neurons": neurons * STATE_BITS,
        "traces of the readout": net.weight.shape[0] * TRACE_BITS,
        "gradient of the readout": (net.weight.size + net.ways) * 32,
    }


def operations(net, x: np.ndarray) -> dict[str, tuple[int, int]]:
    """{part: (additions, multiplications)} of the samples x.

    An event adds a weight for every tap and channel; a conv neuron takes six products a step (two
    each for P and Q, one each for r and rho r); a learned sample takes a product and an addition
    for each non-zero trace and class.
    """
    events = net.counts(x)
    found = {}
    for n, layer in enumerate(net.layers[:-1]):
        k, _, _, C_out = layer.weight.shape
        neurons = int(np.prod(layer.input_shape[:2])) * C_out
        steps = neurons * events.shape[0] * events.shape[1]
        found[layer.name] = (int(np.count_nonzero(events)) * k * k * C_out + 6 * steps, 6 * steps)
        events = net.spikes(x, n + 1)
    p = net.traces(events)
    some = int(np.count_nonzero(p)) * net.ways
    inputs = p.shape[2] * p.shape[0] * p.shape[1]
    found["readout"] = (some + 2 * inputs, some + 4 * inputs)
    last = int(np.count_nonzero(p[:, -1])) * net.ways
    found["learning"] = (last + net.weight.size, last)
    return found


def cost(c: Comparison, findings: Findings, joules: tuple[float, float] | None = None) -> None:
    """Add memory, operations and energy of one learned class, on the first episode's support; a row
    a word length."""
    (add, multiply) = joules or PICOJOULE
    x = c.task(0).x_support
    rows = []
    for bits in c.bits:
        chip = c.chip(bits)
        adds, products = np.array(list(operations(chip, x).values())).sum(0) / len(x)
        energy = 1e-6 * (adds * add + products * multiply)
        sizes = (f"{v / 8e3:.0f}" for v in memory(chip).values())
        rows.append([bits, *sizes, f"{adds / 1e6:.0f}", f"{products / 1e6:.0f}", f"{energy:.0f}"])
    findings.table(
        "cost",
        "Memory (kB), and operations of a learned class",
        "bits | weights | conv state | readout traces | gradient | additions (M) | products (M) | "
        "energy (µJ)",
        rows,
        f"Operations alone, at {add:g} pJ an addition and {multiply:g} pJ a product; memory access "
        "is not counted.",
    )
