"""The forgetting claim: learn task A, then B, then A again, each by one update from one recording of each class.

The paper says that a network which has forgotten a task learns it again in one shot; it does not show it. Both tasks use
the same five outputs, so B overwrites A. All layers adapt as in meta-training, or the readout alone.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from ..training.evaluation import accuracy
from ..meta.inner import InnerLoop, body, predict
from ..meta.tasks import Task
from .findings import Findings, Table
from .readout import network, spikes_of
from .statistics import difference, estimate, judge
from .study import DATASETS, Settings, Study

TITLE = "Relearning: task A, then B, then A again, one shot each"
MOMENTS = ("after A", "after A, B", "after A, B, A")
LEARNING = {"all": "all layers", "readout": "the readout alone"}


def accuracies(study: Study, dataset: str, learning: str) -> np.ndarray:
    """(episodes, moments, 2 tasks): query accuracy of A and B; `learning` is a key of LEARNING."""
    found, s = study.network(f"{dataset}/maml-snn"), study.settings
    inner, net, learn = found.inner or InnerLoop(), found.net, _one
    if learning == "readout":
        inner, learn = replace(inner, freeze=body(net)), _one_readout
    one = partial(learn, study.tasks(dataset), net, found.theta, inner, s)
    made_from = (net.configuration(), found.theta, inner)
    label = f"{DATASETS[dataset]}, A B A, {LEARNING[learning]}"
    return np.array(study.each(f"{dataset}-relearn-{learning}", dataset, s.episodes, one, made_from, label))


def _pair(tasks, net, settings: Settings, index: int) -> list[Task]:
    return [tasks.episode(settings.seed, 2 * index + k, net.ways, 1, settings.queries) for k in (0, 1)]


def _one(tasks, net, theta: np.ndarray, inner: InnerLoop, settings: Settings, index: int) -> list[list[float]]:
    return _in_turn(*_pair(tasks, net, settings, index), net, theta, inner)


def _one_readout(tasks, net, theta: np.ndarray, inner: InnerLoop, settings: Settings, index: int) -> list[list[float]]:
    """The same with all layers frozen but the readout: the samples go through the body once."""
    pair = [
        replace(task, x_support=spikes_of(net, theta, task.x_support), x_query=spikes_of(net, theta, task.x_query))
        for task in _pair(tasks, net, settings, index)
    ]
    readout = network(net, net.ways)
    step = inner.step_size if np.ndim(inner.step_size) == 0 else inner.step_size[-readout.size :]
    return _in_turn(*pair, readout, theta[-readout.size :], replace(inner, step_size=step, freeze=()))


def _in_turn(first: Task, second: Task, net, theta: np.ndarray, inner: InnerLoop) -> list[list[float]]:
    """Accuracy of both tasks after each of MOMENTS."""
    result = []
    for learn in (first, second, first):
        theta = inner.adapt(net, theta, learn.x_support, learn.y_support)
        result.append([accuracy(predict(net, theta, task.x_query), task.y_query) for task in (first, second)])
    return result


def run(study: Study) -> Findings:
    found, rows, curves = Findings(study.name, TITLE), [], {}
    for dataset, name, _ in study.meta_trained(found):
        for learning, who in LEARNING.items():
            a = curves[dataset, learning] = accuracies(study, dataset, learning)
            for m, moment in enumerate(MOMENTS):
                rows.append([name, who, moment, estimate(a[:, m, 0]).percent(), estimate(a[:, m, 1]).percent()])
            where = f"{name}, {who}"
            forgotten, again = difference(a[:, 0, 0], a[:, 1, 0]), difference(a[:, 2, 0], a[:, 0, 0])
            found.claims.append(
                judge(
                    f"{where}: learning B makes the network forget A",
                    "(claimed, not shown)",
                    forgotten,
                    10,
                    rule="accuracy on A lost by learning B above 10 points",
                )
            )
            found.claims.append(
                judge(
                    f"{where}: A is learned again in one shot",
                    "(claimed, not shown)",
                    again,
                    -5,
                    rule="accuracy on A after A, B, A minus after A, paired, above -5 points",
                )
            )
            first, second, third = (estimate(a[:, m, 0]).percent() for m in range(3))
            found.summary += f"{where}: A {first} % when first learned, {second} % after B, {third} % learned again. "
    found.tables.append(
        Table(
            "relearn",
            "Query accuracy of both tasks (%)",
            ["data", "what learns", "moment", "task A", "task B"],
            rows,
            "Each learning is one update on one recording of each of five classes, from where the last one ended.",
        )
    )
    if curves:
        found.figures["relearn"] = (_draw(curves), "Accuracy on both tasks as they are learned in turn.")
    return found


def _draw(curves: dict[tuple[str, str], np.ndarray]):
    from ..plots import COLOURS, figure, style

    datasets = list(dict.fromkeys(dataset for dataset, _ in curves))
    with style():
        fig = figure(4.4 * len(datasets), 3.6)
        for axes, dataset in zip(np.atleast_1d(fig.subplots(1, len(datasets), sharey=True)), datasets):
            for learning, line in (("all", "o-"), ("readout", "s--")):
                for task, colour in ((0, COLOURS["blue"]), (1, COLOURS["vermillion"])):
                    e = [estimate(curves[dataset, learning][:, m, task]) for m in range(len(MOMENTS))]
                    mean, half = [100 * one.mean for one in e], [100 * (one.ci95 or 0) for one in e]
                    label = f"task {'AB'[task]}, {LEARNING[learning]}"
                    axes.errorbar(range(len(e)), mean, yerr=half, fmt=line, color=colour, capsize=3, label=label)
            axes.set(title=DATASETS[dataset], xticks=range(len(MOMENTS)), ylim=(0, 102), xlabel="learned so far")
            axes.set_xticklabels(["A", "A, B", "A, B, A"])
            axes.axhline(20, color="0.4", linestyle=":", linewidth=1.2)
        fig.axes[0].set_ylabel("query accuracy (%)")
        fig.axes[0].legend(fontsize=7, loc="lower left")
    return fig
