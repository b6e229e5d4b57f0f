"""Memory and operations of the chip, counted from the network and the events of an episode."""

import numpy as np

from minisnn.experiments.findings import Findings

from .ways import Comparison

PICOJOULE = 0.1, 3.1  # 32-bit addition and multiplication at 45 nm and 0.9 V (Horowitz 2014)
STATE_BITS = 32 + 32 + 13 + 16  # P, Q, r and u of a conv neuron
TRACE_BITS = 13 + 13  # p and q of an input of the readout


def memory(chip) -> dict[str, int]:
    """Bits of the weights and of the state, of an `IntegerNet`."""
    sites = sum(
        layer.input_shape[0] * layer.input_shape[1] * len(layer.bias) for layer in chip.layers[:-1]
    )
    return {
        "weights and biases": sum(layer.memory_bits for layer in chip.layers),
        "state of the conv neurons": sites * STATE_BITS,
        "traces of the readout": len(chip.weight) * TRACE_BITS,
        "gradient of the readout": (chip.weight.size + chip.ways) * 32,
    }


def operations(chip, x: np.ndarray) -> dict[str, tuple[int, int]]:
    """{part: (additions, multiplications)} of the samples x.

    An event adds a weight for every tap and channel; a conv neuron takes six products a step (two
    each for P and Q, one each for r and rho r); a learned sample takes a product and an addition
    for each non-zero trace and class.
    """
    events = chip.counts(x)
    counts = {}
    for n, layer in enumerate(chip.layers[:-1]):
        k, _, _, C_out = layer.weight.shape
        products = 6 * int(np.prod(layer.input_shape[:2])) * C_out * x.shape[0] * x.shape[1]
        counts[layer.name] = np.count_nonzero(events) * k * k * C_out + products, products
        events = chip.spikes(x, n + 1)
    p = chip.traces(events)
    some = np.count_nonzero(p) * chip.ways
    counts["readout"] = some + 2 * p.size, some + 4 * p.size
    last = np.count_nonzero(p[:, -1]) * chip.ways
    counts["learning"] = last + chip.weight.size, last
    return counts


def cost(c: Comparison, findings: Findings, joules: tuple[float, float]) -> None:
    """Add memory, operations and energy of one learned class, on the first episode's support; a row
    a word length."""
    x = c.support()
    rows = []
    for bits in c.bits:
        chip = c.chip(bits)
        done = np.sum(list(operations(chip, x).values()), 0) / len(x)
        sizes = (f"{size / 8e3:.0f}" for size in memory(chip).values())
        energy = 1e-6 * (done @ joules)
        rows.append([bits, *sizes, *(f"{n / 1e6:.0f}" for n in done), f"{energy:.0f}"])
    header = (
        "bits | weights | conv state | readout traces | gradient | additions (M) | products (M) | "
        "energy (µJ)"
    )
    note = (
        f"Operations alone, at {joules[0]:g} pJ an addition and {joules[1]:g} pJ a product; memory "
        "access is not counted."
    )
    title = "Memory (kB), and operations of a learned class"
    findings.table("cost", title, header, rows, note)
