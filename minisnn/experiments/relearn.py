"""The forgetting claim: learn task A, then B, then A again, each by one update from one recording
of each class.

The paper says that a network which has forgotten a task learns it again in one shot; it does not
show it. Both tasks use the same five outputs, so B overwrites A. All layers adapt as in
meta-training, or the readout alone.
"""

from dataclasses import replace

import numpy as np

from ..meta.inner import InnerLoop
from ..meta.rules import body
from ..meta.tasks import Task
from ..training.baselines import Answers, Row, correct, drawn_by, rows_of
from .drawing import TWO, chance, drawn, errorbars
from .findings import Findings
from .readout import network, spikes_of
from .statistics import difference, estimate
from .study import Settings, Study, recalled, recorded

TITLE = "Relearning: task A, then B, then A again, one shot each"
MOMENTS = ("after A", "after A, B", "after A, B, A")
LEARNING = {"all": "all layers", "readout": "the readout alone"}


def accuracies(study: Study, dataset: str, learning: str) -> list[dict[str, Row]]:
    """Of task A and of B, {moment: accuracy}; `learning` is a key of LEARNING."""
    found = study.network(f"{dataset}/maml-snn")
    inner = found.loop
    learn = _one
    if learning == "readout":
        inner = replace(inner, freeze=body(found.net))
        learn = _one_readout
    items = study.items(
        f"{dataset}-relearn-{learning}", dataset, learn, found.net, found.theta, inner
    )
    return [rows_of(list(MOMENTS), [recalled(*one) for one in task]) for task in zip(*items)]


def _pair(tasks, net, settings: Settings, index: int) -> list[Task]:
    return [
        tasks.episode(settings.seed, 2 * index + k, net.ways, 1, settings.queries) for k in (0, 1)
    ]


def _one(
    tasks, settings: Settings, net, theta: np.ndarray, inner: InnerLoop, index: int
) -> list[list]:
    return _in_turn(*_pair(tasks, net, settings, index), net, theta, inner)


def _one_readout(
    tasks, settings: Settings, net, theta: np.ndarray, inner: InnerLoop, index: int
) -> list[list]:
    """The same with all layers frozen but the readout: the samples go through the body once."""
    pair = []
    for task in _pair(tasks, net, settings, index):
        support, query = (spikes_of(net, theta, x) for x in (task.x_support, task.x_query))
        pair.append(replace(task, x_support=support, x_query=query))
    readout = network(net, net.ways)
    step = inner.step_size if np.ndim(inner.step_size) == 0 else inner.step_size[-readout.size :]
    return _in_turn(
        *pair, readout, theta[-readout.size :], replace(inner, step_size=step, freeze=())
    )


def _in_turn(first: Task, second: Task, net, theta: np.ndarray, inner: InnerLoop) -> list[list]:
    """The answers to both tasks, each after every one of MOMENTS."""
    pair = (first, second)
    right = list[list[np.ndarray]]()
    for learn in (first, second, first):
        theta = inner.adapt(net, theta, learn.x_support, learn.y_support)
        right.append([correct(net(theta, task.x_query), task)[0] for task in pair])
    return [
        recorded(Answers(np.array(of_task), drawn_by(task)))
        for of_task, task in zip(zip(*right), pair)
    ]


def run(study: Study, found: Findings) -> None:
    rows = []
    curves = {}
    for dataset, name, _ in study.meta_trained(found):
        for learning, who in LEARNING.items():
            a, b = accuracies(study, dataset, learning)
            where, paper = f"{name}, {who}", "(claimed, not shown)"
            e = curves[name, learning] = [
                [estimate(task[moment]) for task in (a, b)] for moment in MOMENTS
            ]
            for moment, both in zip(MOMENTS, e):
                rows.append([name, who, moment, *both[0].columns(), *both[1].columns()])
            first, second, third = a.values()
            found.claim(
                f"{where}: learning B makes the network forget A",
                paper,
                difference(first, second),
                10,
                rule="accuracy on A lost by learning B above 10 points",
            )
            found.claim(
                f"{where}: A is learned again in one shot",
                paper,
                difference(third, first),
                -5,
                rule="accuracy on A after A, B, A minus after A, paired, above -5 points",
            )
            right = [moment[0].percent() for moment in e]
            found.summary += (
                f"{where}: A {right[0]} % when first learned, {right[1]} % after B, {right[2]} % "
                "learned again"
                f"; B {e[1][1].percent()} % when first learned, after A. "
            )
    found.table(
        "relearn",
        "Query accuracy of both tasks (%)",
        "data | what learns | moment | task A ± 95 % CI | over episodes | task B ± 95 % CI | over "
        "episodes",
        rows,
        "Each learning is one update on one recording of each of five classes, from where the last "
        "one ended.",
    )
    if curves:
        found.figures["relearn"] = (
            _draw(curves),
            "Accuracy on both tasks as they are learned in turn.",
        )


def _draw(curves: dict):
    names = list(dict.fromkeys(name for name, _ in curves))
    with drawn(4.4 * len(names), 3.6, len(names), sharey=True) as (fig, columns):
        for axes, name in zip(columns, names):
            for learning, line in (("all", "o-"), ("readout", "s--")):
                for task, colour, estimates in zip("AB", TWO, zip(*curves[name, learning])):
                    errorbars(
                        axes,
                        range(3),
                        estimates,
                        colour,
                        line,
                        label=f"task {task}, {LEARNING[learning]}",
                    )
            axes.set(title=name, ylim=(0, 102), xlabel="learned so far")
            axes.set_xticks(range(3), ["A", "A, B", "A, B, A"])
            chance(axes, 20)
        columns[0].set_ylabel("query accuracy (%)")
        columns[0].legend(fontsize=7, loc="lower left")
    return fig
