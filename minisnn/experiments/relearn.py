"""The forgetting claim: learn task A, then B, then A again, each by one update from one recording of each class.

The paper says that a network which has forgotten a task learns it again in one shot; it does not show it. Both tasks use
the same five outputs, so B overwrites A.
"""

import numpy as np

from ..evaluation import accuracy, adapted, predict
from ..maml import InnerLoop
from .findings import Findings, Table
from .statistics import difference, estimate, judge
from .study import DATASETS, Study

TITLE = "Relearning: task A, then B, then A again, one shot each"
MOMENTS = ("after A", "after A, B", "after A, B, A")


def _accuracies(study: Study, dataset: str, role: str) -> np.ndarray:
    """(episodes, moments, 2 tasks): query accuracy of A and B."""
    found, s, tasks = study.network(role), study.settings, study.tasks(dataset)
    inner, net = found.inner or InnerLoop(), found.net

    def one(index: int) -> list[list[float]]:
        first, second = (tasks.episode(s.seed, 2 * index + k, net.ways, 1, s.queries) for k in (0, 1))
        theta, result = found.theta, []
        for learn in (first, second, first):
            theta = adapted(net, theta, inner, learn.x_support, learn.y_support)
            result.append([accuracy(predict(net, theta, task.x_query), task.y_query) for task in (first, second)])
        return result

    return np.array(
        study.each(
            f"{dataset}-relearn",
            dataset,
            s.episodes,
            one,
            (net.configuration(), found.theta, inner),
            f"{DATASETS[dataset]}, A B A",
        )
    )


def run(study: Study) -> Findings:
    found, rows, curves = Findings(study.name, TITLE), [], {}
    for dataset, name in DATASETS.items():
        role = f"{dataset}/maml-snn"
        if study.network(role) is None:
            found.missing.append(f"{name}: no network meta-trained by MAML")
            continue
        a = curves[dataset] = _accuracies(study, dataset, role)
        for m, moment in enumerate(MOMENTS):
            rows.append([name, moment, estimate(a[:, m, 0]).percent(), estimate(a[:, m, 1]).percent()])
        again = difference(a[:, 2, 0], a[:, 0, 0])
        found.claims.append(
            judge(
                f"{name}: learning B makes the network forget A",
                "(claimed, not shown)",
                difference(a[:, 0, 0], a[:, 1, 0]),
                10,
                rule="accuracy on A lost by learning B above 10 points",
            )
        )
        found.claims.append(
            judge(
                f"{name}: A is learned again in one shot",
                "(claimed, not shown)",
                again,
                -5,
                rule="accuracy on A after A, B, A minus after A, paired, above -5 points",
            )
        )
        found.summary += (
            f"{name}: A {estimate(a[:, 0, 0]).percent()} % when first learned, {estimate(a[:, 1, 0]).percent()} % after B, "
            f"{estimate(a[:, 2, 0]).percent()} % learned again. "
        )
    found.tables.append(
        Table(
            "relearn",
            "Query accuracy of both tasks (%)",
            ["data", "moment", "task A", "task B"],
            rows,
            "Each learning is one update on one recording of each of five classes, from where the last one ended.",
        )
    )
    if curves:
        found.figures["relearn"] = (_draw(curves), "Accuracy on both tasks as they are learned in turn.")
    return found


def _draw(curves: dict[str, np.ndarray]):
    from ..plots import COLOURS, figure, style

    with style():
        fig = figure(4.2 * len(curves), 3.4)
        for axes, (dataset, a) in zip(np.atleast_1d(fig.subplots(1, len(curves), sharey=True)), curves.items()):
            for task, colour in ((0, COLOURS["blue"]), (1, COLOURS["vermillion"])):
                e = [estimate(a[:, m, task]) for m in range(len(MOMENTS))]
                axes.errorbar(
                    range(len(e)),
                    [100 * one.mean for one in e],
                    yerr=[100 * (one.ci95 or 0) for one in e],
                    fmt="o-",
                    color=colour,
                    capsize=3,
                    label=f"task {'AB'[task]}",
                )
            axes.set(
                title=DATASETS[dataset],
                xticks=range(len(MOMENTS)),
                ylim=(0, 102),
                xlabel="learned so far",
                xticklabels=["A", "A, B", "A, B, A"],
            )
            axes.axhline(20, color="0.4", linestyle=":", linewidth=1.2)
        np.atleast_1d(fig.axes)[0].set_ylabel("query accuracy (%)")
        axes.legend(loc="lower right")
    return fig
