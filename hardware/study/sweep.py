"""One-shot accuracy against the bits of the traces: the conv layers' postsynaptic ones, and the
readout's presynaptic ones.

With F fraction bits a conv layer filters V << F; with n of them the readout's p and q are uQ1.n, in
inference and in the learning rule alike. Weights have the most bits of the comparison, updates are
rounded stochastically.
"""

import itertools
from functools import partial

from minisnn.experiments.drawing import drawn
from minisnn.experiments.findings import Findings
from minisnn.experiments.statistics import estimate

from ..chip.learner import one_shot, samples_of
from ..chip.network import IntegerNet
from .episodes import Comparison, speaks, task_of, told
from .figures import ONE_SHOT, accuracies

EPISODES = 100  # at most: every number of fraction bits is an inference of its own
FRACTIONS = (0, 2, 4, 8)
TRACE_BITS = (2, 3, 4, 5, 6, 7, 8, 12)
MODES = ("floor", "nearest")


def measure(c: Comparison) -> tuple[dict, dict]:
    """What is answered to the episodes: with {(rounding, F)} and with {(rounding, n)}."""
    bits = max(c.bits)
    fractions = list(itertools.product(MODES, FRACTIONS))
    lengths = list(itertools.product((*MODES, "stochastic"), TRACE_BITS))
    chips = [c.chip(bits, fraction=F, traces=mode, membrane=mode) for mode, F in fractions]
    one = partial(_episode, c.tasks, chips, c.chip(bits), lengths, c.settings)
    names = [("post", *one) for one in fractions] + [("pre", *one) for one in lengths]
    found = c.few("traces", EPISODES, names, one, (bits, repr((fractions, lengths))), "trace bits")
    post, pre = (
        {name[1:]: row for name, row in found.items() if name[0] == part}
        for part in ("post", "pre")
    )
    return post, pre


def _episode(tasks, chips: list, plain: IntegerNet, lengths: list, settings, index: int) -> list:
    """What the chips answer, then the plain one with each (rounding, bits) of its presynaptic
    traces."""
    task = task_of(tasks, settings, plain.ways, index)
    learner = plain.learner(seed=1 + index)
    found = [one_shot(chip, learner, task).u[:, -1] for chip in chips]
    spikes = plain.spikes(samples_of(task))
    traces = (plain.traces(spikes, bits, mode, 1 + index) for mode, bits in lengths)
    return told(task, found + [one_shot(plain, learner, task, p).u[:, -1] for p in traces])


def tables(c: Comparison, findings: Findings, found: tuple[dict, dict]) -> None:
    """Add accuracy (%) by fraction bits, a row a rounding."""
    first = next(iter(found[0].values()))
    note = f"{len(first.per_episode)} episodes, weights of {max(c.bits)} bits." + speaks(first)
    titles = (
        "postsynaptic traces of the conv layers, F",
        "presynaptic traces of the readout, n (7: as wide as Loihi's)",
    )
    for name, title, part in zip(("postsynaptic", "presynaptic"), titles, found):
        modes, bits = (list(dict.fromkeys(column)) for column in zip(*part))
        rows = [[mode, *(estimate(part[mode, b]).percent() for b in bits)] for mode in modes]
        header = " | ".join(["rounding", *map(str, bits)])
        findings.table(name, f"Fraction bits of the {title}: accuracy (%)", header, rows, note)


def picture(found: tuple[dict, dict]):
    """Both sweeps, side by side."""
    texts = (
        "conv layers: fraction bits F of postsynaptic traces",
        "readout: fraction bits of presynaptic traces",
    )
    with drawn(8.4, 3.6, 2, sharey=True) as (fig, panels):
        for axes, part, text in zip(panels, found, texts):
            for mode in dict.fromkeys(m for m, _ in part):
                accuracies(axes, {b: v for (m, b), v in part.items() if m == mode}, mode)
            axes.set(xlabel=text)
        panels[0].set(**ONE_SHOT)
        panels[1].legend(title="rounding of the traces", loc="lower right")
        fig.suptitle("How short the traces may be")
    return fig
