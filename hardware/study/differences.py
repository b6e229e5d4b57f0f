"""Where along the network float and fixed point first differ: spikes and membranes, layer by layer,
of the same samples."""

import itertools

import numpy as np

from minisnn.experiments.findings import Findings

from ..chip.formats import real
from ..chip.neuron import U
from .floats import FloatReadout
from .ways import Comparison

SAMPLES = 2
FRACTIONS = 0, 2, 4, 8, 12


def signal_to_noise(signal: np.ndarray, found: np.ndarray) -> float:
    """10 log10 of the signal's power over that of the difference, in dB; infinite where there is
    none."""
    noise = np.sum((signal - found) ** 2, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.sum(np.square(signal), dtype=np.float64) / noise))


def layers(c: Comparison, findings: Findings) -> None:
    """On two samples of the first episode: every word length of all layers, then fraction bits of
    the traces at the longest."""
    x = c.support(SAMPLES)
    names = [b.name for b in c.net.blocks if not b.readout]
    spikes = [c.net.spikes(c.theta, x, name) for name in names]
    membranes = [record["u"] for record in c.net.record(c.theta, x)[:-1]]
    twin = FloatReadout(c.net, c.theta)
    last = twin.membranes(twin.traces(x), twin.weight, twin.bias)

    def of(chip) -> list[list]:
        """A row a layer: spikes of both, those that both make, the first step that differs, signal
        to noise of the membrane (in the gradient window, where float has one)."""
        rows = []
        for n, (name, s, u) in enumerate(zip(names, spikes, membranes)):
            z, v = chip.spikes(x, n + 1, record=len(x))
            steps = np.flatnonzero((s != z).swapaxes(0, 1).reshape(x.shape[1], -1).any(1))
            shared = f"{100 * (s & z).sum() / max((s | z).sum(), 1):.1f}"
            first = int(steps[0]) if len(steps) else None
            ratio = signal_to_noise(u, real(v[n], U)[:, -u.shape[1] :])
            rows.append([name, int(s.sum()), int(z.sum()), shared, first, f"{ratio:.1f}"])
        ratio = signal_to_noise(last, real(chip.membranes(chip.traces(z)), U))
        return [*rows, ["readout", None, None, None, None, f"{ratio:.1f}"]]

    header = (
        "bits | layer | spikes, float | spikes, fixed | made by both (%) | first at step | "
        "signal to noise (dB)"
    )
    rows = [[bits, *row] for bits in c.bits for row in of(c.chip(bits))]
    title = "Where float and fixed point differ, before learning"
    note = "Spikes after pooling; signal to noise of the membrane within the gradient window."
    findings.table("layers", title, header, rows, note)
    bits = max(c.bits)
    rows = []
    for mode, fraction in itertools.product(("floor", "nearest"), FRACTIONS):
        chip = c.chip(bits, fraction=fraction, traces=mode, membrane=mode)
        rows.append([mode, fraction, *(row[-1] for row in of(chip))])
    title = f"Fraction bits of the postsynaptic traces, {bits}-bit weights: signal to noise (dB)"
    findings.table("fraction", title, " | ".join(["rounding", "F", *names, "readout"]), rows)
