"""One-shot accuracy against the bits of the traces: the conv layers' postsynaptic ones, and the readout's presynaptic ones.

With F fraction bits a conv layer filters V << F; with n of them the readout's p and q are uQ1.n, in inference and in
the learning rule alike. Weights have the most bits of the comparison, updates are rounded stochastically.
"""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np

from minisnn.training.evaluation import accuracy
from minisnn.experiments.findings import Table
from minisnn.experiments.statistics import estimate
from minisnn.plots import COLOURS, figure, style

from .compare import Choice
from ..chip.formats import ROUNDINGS
from ..chip.learner import learn, readout_exponent
from ..chip.network import IntegerNet

EPISODES = 100  # at most: every number of fraction bits is an inference of its own
FRACTIONS = (0, 2, 4, 8)
TRACE_BITS = (2, 3, 4, 5, 6, 7, 8, 12)
MODES = ("floor", "nearest")


def measure(comparison) -> tuple[dict, dict]:
    """Accuracies, an array over episodes each: of {(rounding, F)} and of {(rounding, n)}."""
    c, bits = comparison, max(comparison.bits)
    fractions = list(itertools.product(MODES, FRACTIONS))
    lengths = list(itertools.product((*MODES, "stochastic"), TRACE_BITS))
    exponent, choice = readout_exponent(c.steps["log2_weight"], bits), Choice(bits)

    def chip(mode, F):
        words = replace(c.words, weight_bits=bits, readout_bits=bits, fraction=F, traces=mode, membrane=mode)
        return IntegerNet(c.net, c.theta, words, exponent)

    chips, plain = {key: chip(*key) for key in fractions}, c.chip(bits, choice)

    one = partial(_episode, c.tasks, chips, plain, lengths, choice, c.steps, c.study.settings)
    episodes = min(c.study.settings.episodes, EPISODES)
    made_from = (c.net.configuration(), c.theta, c.inner, repr(c.words), bits, repr((fractions, lengths)))
    values = np.array(c.study.each("hardware-traces", "double-nmnist", episodes, one, made_from, "hardware, trace bits"))
    keys = len(fractions)
    return ({key: values[:, k] for k, key in enumerate(fractions)}, {key: values[:, keys + k] for k, key in enumerate(lengths)})


def _episode(
    tasks, chips: dict, plain: IntegerNet, lengths: list, choice: Choice, steps: dict, settings, index: int
) -> list[float]:
    """Accuracies of the chips, then of the plain one with each (rounding, bits) of its presynaptic traces."""
    task = tasks.episode(settings.seed, index, plain.ways, 1, settings.queries)
    x, n = np.concatenate([task.x_support, task.x_query]), len(task.y_support)

    def right(net, p):
        new = learn(net, choice.learner(steps, 1 + index), p[:n], task.y_support)
        return accuracy(net.membranes(p[n:], new.weight, new.bias)[:, -1], task.y_query)

    found = [right(net, net.traces(net.spikes(x))) for net in chips.values()]
    spikes = plain.spikes(x)
    return found + [right(plain, plain.traces(spikes, bits, mode, 1 + index)) for mode, bits in lengths]


def tables(comparison, found: tuple[dict, dict]) -> list[Table]:
    """Accuracy (%) by fraction bits, a row a rounding."""
    note = f"{len(next(iter(found[0].values())))} episodes, weights of {max(comparison.bits)} bits."
    titles = ("postsynaptic traces of the conv layers, F", "presynaptic traces of the readout, n (7: as wide as Loihi's)")
    return [
        Table(
            name,
            f"Fraction bits of the {title}: accuracy (%)",
            ["rounding", *(str(b) for b in sorted({b for _, b in part}))],
            [
                [mode, *(estimate(v).percent() for (m, _), v in part.items() if m == mode)]
                for mode in dict.fromkeys(m for m, _ in part)
            ],
            note,
        )
        for name, title, part in zip(("postsynaptic", "presynaptic"), titles, found)
    ]


def picture(found: tuple[dict, dict]):
    """Both sweeps, side by side."""
    colours = dict(zip(ROUNDINGS, ("blue", "sky", "orange", "vermillion")))
    with style():
        fig = figure(8.4, 3.6)
        for axes, part, text in zip(
            fig.subplots(1, 2, sharey=True),
            found,
            ("conv layers: fraction bits F of postsynaptic traces", "readout: fraction bits of presynaptic traces"),
        ):
            for mode in dict.fromkeys(m for m, _ in part):
                points = {b: estimate(v) for (m, b), v in part.items() if m == mode}
                axes.errorbar(
                    list(points),
                    [100 * e.mean for e in points.values()],
                    yerr=[100 * (e.ci95 or 0) for e in points.values()],
                    fmt="o-",
                    color=COLOURS[colours[mode]],
                    capsize=2,
                    linewidth=1,
                    markersize=4,
                    label=mode,
                )
            axes.set(xlabel=text)
        fig.axes[0].set(ylabel="one-shot accuracy (%)", ylim=(0, 102))
        fig.axes[1].legend(title="rounding of the traces", loc="lower right")
        fig.suptitle("How short the traces may be")
    return fig
