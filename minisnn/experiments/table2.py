"""Table 2: five classes learned from one recording of each.

"train" has meta-training classes in test recordings, "test" has classes that were never trained on.
The baseline without training is the nearest support sample, by correlation of event counts summed
over time.
"""

from collections.abc import Iterable

import numpy as np

from ..meta.tasks import Task
from ..training.baselines import Adapted
from .drawing import curves_of
from .findings import Findings
from .networks import LABELS
from .study import TITLES, Study
from .sweep import Case, Curve, Sweep

# the paper's values, mean ± standard deviation over ten trials in percent:
# (data set, method) -> (meta-training classes, meta-test classes)
TABLE_2 = {
    ("double-nmnist", "MAML (SNN)"): ("98.76 ± 1.05", "98.23 ± 1.12"),
    ("double-nmnist", "MAML (CNN)"): ("99.09 ± 0.53", "98.35 ± 1.26"),
    ("double-nmnist", "FOMAML (SNN)"): ("92.59 ± 1.00", "92.63 ± 0.74"),
    ("double-asl", "MAML (SNN)"): ("95.77 ± 0.88", "96.04 ± 2.31"),
    ("double-asl", "MAML (CNN)"): ("94.93 ± 0.92", "94.97 ± 1.63"),
    ("double-asl", "FOMAML (SNN)"): ("94.97 ± 1.12", "94.27 ± 0.60"),
}
TRIALS = 10
SPLITS = {"known": "train", "test": "test"}
NEAREST = "nearest neighbour, untrained"
SNN, FIRST_ORDER, CNN = LABELS.values()


def nearest_neighbour(task: Task) -> np.ndarray:
    """Return (Q, ways): the correlation with each class's best support sample, events summed over
    time."""
    support, query = (
        _standard(x.sum(axis=1, dtype=np.float32)) for x in (task.x_support, task.x_query)
    )
    alike = query @ support.T
    return np.stack([alike[:, task.y_support == k].max(1) for k in range(task.ways)], 1)


def _standard(frames: np.ndarray) -> np.ndarray:
    flat = frames.reshape(len(frames), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)


def methods(study: Study, found: Findings) -> Iterable[Curve]:
    """Measure the networks that adapt, and the nearest neighbour, on either split."""
    for dataset, name in TITLES.items():
        rules = {}
        for method, label in LABELS.items():
            if (network := study.network(f"{dataset}/{method}", found)) is not None:
                rules[label] = Adapted.of(network)
        rules[NEAREST] = nearest_neighbour
        for split, classes in SPLITS.items():
            cases = [Case(label, rule, dict(split=split)) for label, rule in rules.items()]
            yield Curve([name, classes], study, dataset, cases)


def trials_and_paper(curve: Curve, episodes: int) -> None:
    """Report the mean and standard deviation of ten trials, here and in the paper."""
    known = curve.labels[1] == "train"
    for label, row in curve.rows.items():
        trials = None
        if len(row.per_episode) >= 2 * TRIALS:
            whole = len(row.per_episode) // TRIALS * TRIALS
            each = np.reshape(row.per_episode[:whole], (TRIALS, -1)).mean(1)
            trials = f"{100 * row.mean:.2f} ± {100 * each.std(ddof=1):.2f}"
        paper = TABLE_2.get((curve.dataset, label), (None, None))
        curve.more[label] = [trials, paper[0 if known else 1]]


def compare(found: Findings, curves: list[Curve]) -> None:
    """Compare MAML (SNN) on unseen classes with the other methods."""
    unlimited = np.inf
    for known, test in zip(curves[::2], curves[1::2]):
        if SNN not in test.rows:
            continue
        for text, other, label, least, most, rule in (
            (
                "the spiking network is no worse than the CNN",
                test,
                CNN,
                -2,
                unlimited,
                "SNN - CNN, paired, above -2 points",
            ),
            (
                "second-order MAML is better than FOMAML",
                test,
                FIRST_ORDER,
                1e-9,
                unlimited,
                "MAML - FOMAML, paired, above 0",
            ),
            (
                "unseen classes are learned as well as those of meta-training",
                known,
                SNN,
                -2,
                2,
                "test - train within 2 points",
            ),
        ):
            if label in other.rows:
                found.claim(
                    f"{test.labels[0]}: {text}",
                    f"{test.more[SNN][1]} and {other.more[label][1]}",
                    test.rows[SNN].less(other.rows[label]),
                    least,
                    most,
                    rule=rule,
                )


def with_the_papers(curves: list[Curve], **settings):
    """Draw accuracies by method, and the paper's as open marks."""
    fig = curves_of(curves, **settings)
    [axes] = fig.axes
    for curve in curves:
        for place, (_, paper) in enumerate(curve.more.values()):
            if paper is not None:
                axes.plot(place, float(paper.split()[0]), "D", color="0.4", fillstyle="none")
    return fig


def by_maml(curves: list[Curve]) -> str:
    """Report MAML (SNN) on unseen classes."""
    return "; ".join(
        f"{curve.labels[0]}: {curve.estimates[SNN].percent()} % by {SNN} on unseen classes "
        f"(paper {curve.more[SNN][1]})"
        for curve in curves[1::2]
        if SNN in curve.rows
    )


TABLE = Sweep(
    title="Table 2: 5-way 1-shot accuracy, MAML and FOMAML, spiking and not",
    heading="Accuracy after one inner-loop update (%)",
    labels="data | classes | method",
    curves=methods,
    against=SNN,
    loss=True,
    last=f"{SNN} less it, paired (points) | mean ± SD of 10 trials | paper",
    note="Trials are the episodes in ten blocks; ± holds for new recordings, over episodes: for "
    "these. train: meta-training classes in unseen recordings; test: unseen classes.",
    some=False,
    more=trials_and_paper,
    claims=compare,
    baselines=tuple(SPLITS),
    summary=by_maml,
    axes=dict(size=(8.2, 3.8), title="One recording of each class is enough", ylim=(40, 101)),
    caption="One-shot accuracy of each method, with its 95 % interval; open marks: the paper.",
    draw=with_the_papers,
)
