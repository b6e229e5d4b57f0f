"""The forgetting claim: learn task A, then B, then A again, each by one update from one recording
of each class.

The paper claims, without a measurement, that a network which has forgotten a task learns it again
in one shot. Both tasks use the same five outputs, so B overwrites A. All layers adapt as in
meta-training, or only the readout.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..meta.inner import InnerLoop
from ..meta.rules import body
from ..training.baselines import Answers, correct, drawn_by, rows_of
from .findings import Findings
from .study import Settings, Study
from .sweep import Curve, Sweep

MOMENTS = ("after A", "after A, B", "after A, B, A")


def in_turn(
    tasks, settings: Settings, net, theta: np.ndarray, inner: InnerLoop, index: int
) -> list[Answers]:
    """Return the answers to both tasks, after each of MOMENTS."""
    a, b = (
        tasks.episode(settings.seed, 2 * index + k, net.ways, 1, settings.queries) for k in (0, 1)
    )
    right = []
    for task in (a, b, a):
        theta = inner.adapt(net, theta, task.x_support, task.y_support)
        right.append([correct(net(theta, task.x_query), task)[0] for task in (a, b)])
    of_a, of_b = (np.array(answers) for answers in zip(*right))
    return [Answers(of_a, drawn_by(a)), Answers(of_b, drawn_by(b))]


def learned(study: Study, found: Findings) -> Iterable[Curve]:
    """Measure the accuracy on either task as they are learned in turn, by all layers or by the
    readout."""
    for dataset, name, network in study.meta_trained(found):
        frozen = replace(network.loop, freeze=body(network.net))
        for learning, loop in {"all layers": network.loop, "the readout alone": frozen}.items():
            items = study.items(dataset, in_turn, network.net, network.theta, loop)
            for task, answers in zip("AB", zip(*items)):
                rows = rows_of(list(MOMENTS), list(answers))
                yield Curve([name, learning, f"task {task}"], study, dataset, rows=rows)


def forgets_and_relearns(found: Findings, curves: list[Curve]) -> None:
    for curve in curves[::2]:
        first, second, third = curve.rows.values()
        where, paper = ", ".join(curve.labels[:2]), "(claimed, not shown)"
        found.claim(
            f"{where}: learning B makes the network forget A",
            paper,
            first.less(second),
            10,
            rule="accuracy on A lost by learning B above 10 points",
        )
        found.claim(
            f"{where}: A is learned again in one shot",
            paper,
            third.less(first),
            -5,
            rule="accuracy on A after A, B, A minus after A, paired, above -5 points",
        )


RELEARNING = Sweep(
    title="Relearning: task A, then B, then A again, one shot each",
    heading="Query accuracy of both tasks (%)",
    labels="data | what learns | task | moment",
    curves=learned,
    note="Each learning is one update on one recording of each of five classes, from where the "
    "last one ended.",
    some=False,
    claims=forgets_and_relearns,
    axes=dict(size=(9.0, 3.8), panel=0, guess=20, ylim=(0, 102), xlabel="learned so far"),
    caption="Accuracy on both tasks as they are learned in turn.",
)
