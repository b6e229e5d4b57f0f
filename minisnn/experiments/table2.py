"""Table 2: five classes learned from one recording of each.

"train" are meta-training classes in test recordings, "test" classes that were never met. Below the
networks stands the floor that learning must beat: the nearest support sample by correlation of
event counts summed over time, untrained.
"""

import numpy as np

from ..meta.tasks import Task, summed_frames
from .baselines import add_baselines
from .drawing import TWO, drawn, percents
from .findings import Findings
from .networks import LABELS, how_to_train
from .paper import TABLE_2
from .statistics import Values, difference, estimate
from .study import TITLES, Study

TITLE = "Table 2: 5-way 1-shot accuracy, MAML and FOMAML, spiking and not"
SPLITS = {"known": "train", "test": "test"}
NEAREST = "nearest neighbour, untrained"
# what MAML (SNN) on unseen classes is held against, the least and the most points between, what is
# asked
CLAIMS = {
    "the spiking network is no worse than the CNN": (
        "maml-cnn",
        "test",
        -2,
        np.inf,
        "SNN - CNN, paired, above -2 points",
    ),
    "second-order MAML is better than FOMAML": (
        "fomaml-snn",
        "test",
        1e-9,
        np.inf,
        "MAML - FOMAML, paired, above 0",
    ),
    "unseen classes are learned as well as those of meta-training": (
        "maml-snn",
        "known",
        -2,
        2,
        "test - train within 2 points",
    ),
}
PAIRS = [("maml-snn", "maml-cnn"), ("maml-snn", "fomaml-snn"), ("maml-snn", "nearest")]


def nearest_neighbour(task: Task) -> np.ndarray:
    """(Q, ways): how well the support sample of a class that correlates best does so, events summed
    over time."""
    support, query = (_standard(summed_frames(x)) for x in (task.x_support, task.x_query))
    alike = query @ support.T
    return np.stack([alike[:, task.y_support == k].max(1) for k in range(task.ways)], 1)


def _standard(frames: np.ndarray) -> np.ndarray:
    flat = frames.reshape(len(frames), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)


def run(study: Study, found: Findings) -> None:
    rows = []
    s = study.settings
    values: dict[tuple[str, str, str], Values] = {}
    for dataset, name in TITLES.items():
        for method, label in LABELS.items():
            role = f"{dataset}/{method}"
            if study.network(role) is None:
                found.missing.append(f"{label} on {name}: no trained network; {how_to_train(role)}")
                continue
            for split in SPLITS:
                values[dataset, method, split] = study.accuracies(role, dataset, split)
        for split in SPLITS:
            values[dataset, "nearest", split] = study.rows(
                f"{dataset}-nearest-{split}", dataset, {"nearest": nearest_neighbour}, split
            )["nearest"]
    for (dataset, method, split), accuracies in values.items():
        e = estimate(accuracies)
        trials = None if e.sd is None else f"{100 * e.mean:.2f} ± {100 * e.sd:.2f}"
        paper = TABLE_2.get((dataset, method), (None, None))[split == "test"]
        where = [TITLES[dataset], LABELS.get(method, NEAREST), SPLITS[split]]
        rows.append([*where, *e.columns(), trials, paper])
    found.table(
        "table-2",
        "Accuracy after one inner-loop update (%)",
        "data | method | classes | mean ± 95 % CI | over episodes | mean ± SD of 10 trials | paper",
        rows,
        f"{s.episodes} episodes of seed {s.seed}, {s.queries} query samples a class; trials are "
        "the episodes in ten "
        "blocks; ± holds for new recordings, over episodes: for these. "
        "train: meta-training classes in unseen recordings; test: unseen classes.",
    )
    add_baselines(study, found, tuple(SPLITS))
    _compare(found, values)
    found.figures["table-2"] = (
        _draw(values),
        "One-shot accuracy of each method, with its 95 % interval; open marks: the paper.",
    )


def _compare(found: Findings, values: dict) -> None:
    """Paired differences, and what they say of the paper's claims."""
    rows, best = [], []
    for dataset, name in TITLES.items():

        def of(one: str, other: str, split: str = "test", against: str = "test"):
            """Paired difference of two methods, None where one of them has no network."""
            pair = values.get((dataset, one, split)), values.get((dataset, other, against))
            return None if None in pair else difference(*pair)

        for one, other in PAIRS:
            for split, classes in SPLITS.items():
                if (d := of(one, other, split, split)) is not None:
                    pair = f"{LABELS[one]} - {LABELS.get(other, 'nearest neighbour')}"
                    rows.append([name, pair, classes, d.points()])
        paper = TABLE_2[dataset, "maml-snn"][1]
        for text, (other, against, least, most, rule) in CLAIMS.items():
            if (d := of("maml-snn", other, against=against)) is not None:
                found.claim(
                    f"{name}: {text}",
                    f"{paper} and {TABLE_2[dataset, other][against == 'test']}",
                    d,
                    least,
                    most,
                    rule=rule,
                )
        if (dataset, "maml-snn", "test") in values:
            e = estimate(values[dataset, "maml-snn", "test"])
            best.append(f"{name}: {e.percent()} % by MAML (SNN) on unseen classes (paper {paper})")
    if rows:
        found.table(
            "table-2-differences",
            "Differences on the same episodes (points)",
            "data | difference | classes | mean ± 95 % CI",
            rows,
        )
    found.summary = "; ".join(best)


def _draw(values: dict):
    methods = ["nearest", *reversed(LABELS)]
    with drawn(8.2, 3.6, 2, sharex=True, sharey=True) as (fig, columns):
        for axes, (dataset, name) in zip(columns, TITLES.items()):
            labels = {"test": "unseen classes", "known": "classes of meta-training"}
            for (split, label), shift, colour in zip(labels.items(), (0.14, -0.14), reversed(TWO)):
                for place, method in enumerate(methods):
                    if (dataset, method, split) in values:
                        e = estimate(values[dataset, method, split])
                        axes.errorbar(
                            100 * e.mean,
                            place + shift,
                            xerr=percents([e])[1][0],
                            fmt="o",
                            color=colour,
                            capsize=3,
                            label=label if method == "nearest" else None,
                        )
                    if (dataset, method) in TABLE_2:
                        mean = float(TABLE_2[dataset, method][split == "test"].split()[0])
                        axes.plot(
                            mean,
                            place + shift,
                            "D",
                            color=colour,
                            markerfacecolor="none",
                            markersize=6,
                        )
            axes.set(title=name, xlabel="accuracy after one update (%)", xlim=(40, 101))
            axes.set_yticks(
                range(len(methods)), [LABELS.get(method, "nearest neighbour") for method in methods]
            )
            axes.axvline(100, color="0.8", linewidth=0.8)
        axes.plot([], [], "D", color="0.3", markerfacecolor="none", label="the paper")
        axes.legend(fontsize=8, loc="center left")
        fig.suptitle("One recording of each class is enough", fontsize=11)
    return fig
