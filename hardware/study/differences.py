"""Where along the network float and fixed point first differ: spikes and membranes, layer by layer,
of the same samples."""

import itertools

import numpy as np

from minisnn.experiments.drawing import drawn
from minisnn.experiments.findings import Findings
from minisnn.plots import COLOURS

from ..chip.neuron import U
from .episodes import Comparison
from .floats import FloatReadout

SAMPLES = 2
FRACTIONS = (0, 2, 4, 8, 12)


def signal_to_noise(signal: np.ndarray, found: np.ndarray) -> float:
    """10 log10 of the signal's power over that of the difference, in dB; infinite where there is
    none."""
    noise = float(np.sum((signal - found) ** 2, dtype=np.float64))
    power = float(np.sum(np.square(signal), dtype=np.float64))
    return float("inf") if noise == 0 else 10 * np.log10(power / noise) if power else float("-inf")


class Pair:
    """The float network's spikes and membranes of a few samples (the latter in the gradient
    window), to hold chips against."""

    def __init__(self, net, theta: np.ndarray, x: np.ndarray):
        self.net = net
        self.x = x
        self.layers = [b.name for b in net.blocks if not b.readout]
        self.spikes = [net.spikes(theta, x, name) for name in self.layers]
        self.membranes = [record["u"] for record in net.record(theta, x)[:-1]]
        twin = FloatReadout(net, theta)
        self.readout = twin.membranes(twin.traces(x), twin.weight, twin.bias)

    def chip(self, chip) -> tuple[list, list, np.ndarray]:
        """Of an `IntegerNet`: spikes and membranes (real numbers, all steps) of every layer, and
        membranes of the readout."""
        spikes, membranes = [], []
        for n in range(len(self.layers)):
            s, u = chip.spikes(self.x, n + 1, record=len(self.x))
            spikes.append(s)
            membranes.append(u[n])
        u = chip.membranes(chip.traces(spikes[-1]))
        return spikes, [U.real(u_) for u_ in membranes], U.real(u)

    def rows(self, chip) -> list[list]:
        """A row a layer: spikes of both, those that both make, the first step that differs, signal
        to noise of the membrane."""
        spikes, membranes, readout = self.chip(chip)
        found = []
        for name, s, z, u, v in zip(self.layers, self.spikes, spikes, self.membranes, membranes):
            both = (s & (z != 0)).sum()
            any_ = (s | (z != 0)).sum()
            steps = np.flatnonzero((s != z).any(axis=tuple(i for i in range(s.ndim) if i != 1)))
            share = f"{100 * both / max(any_, 1):.1f}"
            first = int(steps[0]) if len(steps) else None
            found.append(
                [
                    name,
                    int(s.sum()),
                    int(z.sum()),
                    share,
                    first,
                    f"{signal_to_noise(u, v[:, -u.shape[1] :]):.1f}",
                ]
            )
        return [
            *found,
            ["readout", None, None, None, None, f"{signal_to_noise(self.readout, readout):.1f}"],
        ]


def tables(c: Comparison, findings: Findings) -> None:
    """On two samples of the first episode: every word length of all layers, then fraction bits of
    the traces at the longest."""
    pair = Pair(c.net, c.theta, c.task(0).x_support[:SAMPLES])
    header = (
        "bits | layer | spikes, float | spikes, fixed | made by both (%) | first at step | signal "
        "to noise (dB)"
    )
    rows = [[bits, *row] for bits in c.bits for row in pair.rows(c.chip(bits))]
    findings.table(
        "layers",
        "Where float and fixed point differ, before learning",
        header,
        rows,
        "Spikes after pooling; signal to noise of the membrane within the gradient window.",
    )
    bits = max(c.bits)
    rows = []
    for rounding, fraction in itertools.product(("floor", "nearest"), FRACTIONS):
        chip = c.chip(bits, fraction=fraction, traces=rounding, membrane=rounding)
        rows.append([rounding, fraction, *(row[-1] for row in pair.rows(chip))])
    findings.table(
        "fraction",
        f"Fraction bits of the postsynaptic traces, {bits}-bit weights: signal to noise (dB)",
        " | ".join(["rounding", "F", *pair.layers, "readout"]),
        rows,
    )


def picture(c: Comparison):
    """In floating point and in integers the membrane of the first layer's neuron that crosses its
    threshold most often: the one with most spikes may fire in every step, and one of a quiet layer
    never."""
    x = c.task(0).x_support[:1]
    pair = Pair(c.net, c.theta, x)
    fires = pair.membranes[0][0] >= c.net.neuron.threshold
    busy = np.unravel_index(np.argmax(np.abs(np.diff(fires, axis=0)).sum(0)), fires.shape[1:])
    with drawn(6.4, 3.4) as (fig, (axes,)):
        u = pair.membranes[0][(0, slice(None), *busy)]
        steps = np.arange(x.shape[1] - len(u), x.shape[1])
        axes.plot(steps, u, color=COLOURS["black"], label="float")
        axes.plot(
            steps[fires[(slice(None), *busy)]],
            u[fires[(slice(None), *busy)]],
            "o",
            color=COLOURS["black"],
            markersize=4,
        )
        for bits, colour in zip(c.bits, ("blue", "green", "orange", "vermillion")):
            v = pair.chip(c.chip(bits))[1][0][(0, slice(-len(u), None), *busy)]
            axes.step(
                steps, v, where="mid", color=COLOURS[colour], linewidth=1, label=f"{bits} bits"
            )
        axes.axhline(c.net.neuron.threshold, color="0.6", linestyle=":")
        axes.set(
            xlabel="time (ms)",
            ylabel="membrane u",
            title="One neuron of the first layer, the same events (dotted: threshold; dots: spikes)",
        )
        axes.legend()
    return fig
