"""Table 2: five classes learned from one recording of each.

"train" are meta-training classes in test recordings, "test" classes that were never met. Below the networks stands the floor
that learning must beat: the nearest support sample by correlation of event counts summed over time, untrained.
"""

from functools import partial

import numpy as np

from ..meta.tasks import Task, summed_frames
from .findings import Findings, Table
from .networks import LABELS, how_to_train
from .paper import TABLE_2
from .statistics import difference, estimate, judge
from .study import DATASETS, Settings, Study

TITLE = "Table 2: 5-way 1-shot accuracy, MAML and FOMAML, spiking and not"
SPLITS = {"known": "train", "test": "test"}


def nearest_neighbour(task: Task) -> float:
    """Accuracy of the label of the support sample that correlates best, events summed over time."""
    support, query = (_standard(summed_frames(x)) for x in (task.x_support, task.x_query))
    return float(np.mean(task.y_support[(query @ support.T).argmax(1)] == task.y_query))


def one_nearest(tasks, settings: Settings, index: int) -> float:
    """Accuracy of the nearest neighbour on episode `index`."""
    return nearest_neighbour(tasks.episode(settings.seed, index, 5, 1, settings.queries))


def _standard(frames: np.ndarray) -> np.ndarray:
    flat = frames.reshape(len(frames), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)


def run(study: Study) -> Findings:
    found = Findings(study.name, TITLE)
    rows, s = [], study.settings
    values: dict[tuple, list[float]] = {}
    for dataset in DATASETS:
        for method in LABELS:
            role = f"{dataset}/{method}"
            if study.network(role) is None:
                found.missing.append(f"{LABELS[method]} on {DATASETS[dataset]}: no trained network; {how_to_train(role)}")
                continue
            for split in SPLITS:
                values[dataset, method, split] = study.accuracies(role, dataset, split)
        for split in SPLITS:
            values[dataset, "nearest", split] = study.each(
                f"{dataset}-nearest-{split}",
                dataset,
                s.episodes,
                partial(one_nearest, study.tasks(dataset, split), s),
                (split,),
                f"nearest neighbour, {DATASETS[dataset]}, {split}",
            )
    for (dataset, method, split), accuracies in values.items():
        e = estimate(accuracies)
        paper = TABLE_2.get((dataset, method), ("", ""))[split == "test"]
        rows.append(
            [
                DATASETS[dataset],
                LABELS.get(method, "nearest neighbour, untrained"),
                SPLITS[split],
                e.percent(),
                None if e.sd is None else f"{100 * e.mean:.2f} ± {100 * e.sd:.2f}",
                paper or None,
            ]
        )
    found.tables.append(
        Table(
            "table-2",
            "Accuracy after one inner-loop update (%)",
            ["data", "method", "classes", "mean ± 95 % CI", "mean ± SD of 10 trials", "paper"],
            rows,
            f"{s.episodes} episodes of seed {s.seed}, {s.queries} query samples a class; trials are the episodes in ten "
            "blocks. train: meta-training classes in unseen recordings; test: unseen classes.",
        )
    )
    _compare(found, values)
    found.figures["table-2"] = (
        _draw(values),
        "One-shot accuracy of each method, with its 95 % interval; open marks: the paper.",
    )
    return found


def _compare(found: Findings, values: dict) -> None:
    """Paired differences, and what they say of the paper's claims."""
    rows = []
    for dataset, name in DATASETS.items():
        pairs = [("maml-snn", "maml-cnn"), ("maml-snn", "fomaml-snn"), ("maml-snn", "nearest")]
        for one, other in pairs:
            for split in SPLITS:
                if (dataset, one, split) in values and (dataset, other, split) in values:
                    d = difference(values[dataset, one, split], values[dataset, other, split])
                    rows.append(
                        [
                            name,
                            f"{LABELS[one]} - {LABELS.get(other, 'nearest neighbour')}",
                            SPLITS[split],
                            f"{100 * d.mean:+.2f} ± {100 * (d.ci95 or 0):.2f}",
                        ]
                    )
        snn, cnn, first = (values.get((dataset, method, "test")) for method in ("maml-snn", "maml-cnn", "fomaml-snn"))
        known = values.get((dataset, "maml-snn", "known"))
        papers = {method: TABLE_2[dataset, method] for method in LABELS}
        if snn is not None and cnn is not None:
            found.claims.append(
                judge(
                    f"{name}: the spiking network is on a par with the CNN",
                    f"{papers['maml-snn'][1]} and {papers['maml-cnn'][1]}",
                    difference(snn, cnn),
                    -2,
                    rule="SNN - CNN, paired, above -2 points",
                )
            )
        if snn is not None and first is not None:
            found.claims.append(
                judge(
                    f"{name}: second-order MAML is better than FOMAML",
                    f"{papers['maml-snn'][1]} and {papers['fomaml-snn'][1]}",
                    difference(snn, first),
                    1e-9,
                    rule="MAML - FOMAML, paired, above 0",
                )
            )
        if snn is not None:
            found.claims.append(
                judge(
                    f"{name}: unseen classes are learned as well as those of meta-training",
                    " and ".join(reversed(papers["maml-snn"])),
                    difference(snn, known),
                    -2,
                    2,
                    rule="test - train within 2 points",
                )
            )
    if rows:
        found.tables.append(
            Table(
                "table-2-differences",
                "Differences on the same episodes (points)",
                ["data", "difference", "classes", "mean ± 95 % CI"],
                rows,
            )
        )
    best = {
        dataset: estimate(values[dataset, "maml-snn", "test"])
        for dataset in DATASETS
        if (dataset, "maml-snn", "test") in values
    }
    found.summary = "; ".join(
        f"{DATASETS[dataset]}: {e.percent()} % by MAML (SNN) on unseen classes (paper {TABLE_2[dataset, 'maml-snn'][1]})"
        for dataset, e in best.items()
    )


def _draw(values: dict):
    from ..plots import COLOURS, figure, style

    methods = [*LABELS, "nearest"]
    with style():
        fig = figure(8.2, 3.6)
        for axes, (dataset, name) in zip(fig.subplots(1, 2, sharex=True, sharey=True), DATASETS.items()):
            for shift, (split, label), colour in (
                (0.14, ("test", "unseen classes"), COLOURS["vermillion"]),
                (-0.14, ("known", "classes of meta-training"), COLOURS["blue"]),
            ):
                for place, method in enumerate(reversed(methods)):
                    if (dataset, method, split) in values:
                        e = estimate(values[dataset, method, split])
                        axes.errorbar(
                            100 * e.mean,
                            place + shift,
                            xerr=100 * (e.ci95 or 0),
                            fmt="o",
                            color=colour,
                            label=label if method == "nearest" else None,
                            capsize=3,
                        )
                    if (dataset, method) in TABLE_2:
                        mean = float(TABLE_2[dataset, method][split == "test"].split()[0])
                        axes.plot(mean, place + shift, "D", color=colour, markerfacecolor="none", markersize=6)
            axes.set(
                title=name,
                xlabel="accuracy after one update (%)",
                xlim=(40, 101),
                yticks=range(len(methods)),
                yticklabels=[LABELS.get(m, "nearest neighbour") for m in reversed(methods)],
            )
            axes.axvline(100, color="0.8", linewidth=0.8)
        axes.plot([], [], "D", color="0.3", markerfacecolor="none", label="the paper")
        axes.legend(fontsize=8, loc="center left")
        fig.suptitle("One recording of each class is enough", fontsize=11)
    return fig
