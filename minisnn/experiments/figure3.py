"""Figure 3: error on unseen classes against the number of inner-loop updates, and what an update costs."""

import time
from functools import partial

import numpy as np

from ..training.evaluation import accuracy
from ..meta.inner import InnerLoop, predict
from .findings import Findings, Table
from .statistics import difference, estimate, judge
from .study import DATASETS, Settings, Study

TITLE = "Figure 3: error against the number of inner-loop updates"
STEPS = 4


def _errors(study: Study, dataset: str, role: str) -> np.ndarray:
    """(episodes, STEPS + 1): query error after 0 … STEPS updates on the same support set."""
    found, s = study.network(role), study.settings
    inner, net = found.inner or InnerLoop(), found.net
    one = partial(_one, study.tasks(dataset), net, found.theta, inner, s, STEPS)
    label = f"{DATASETS[dataset]}, {STEPS} inner steps"
    return np.array(
        study.each(f"{dataset}-steps", dataset, s.episodes, one, (net.configuration(), found.theta, inner, STEPS), label)
    )


def _one(tasks, net, theta: np.ndarray, inner: InnerLoop, settings: Settings, steps: int, index: int) -> list[float]:
    task = tasks.episode(settings.seed, index, net.ways, 1, settings.queries)
    errors = [1 - accuracy(predict(net, theta, task.x_query), task.y_query)]
    step = InnerLoop(inner.step_size, 1, inner.freeze)
    for _ in range(steps):
        theta = step.adapt(net, theta, task.x_support, task.y_support)
        errors.append(1 - accuracy(predict(net, theta, task.x_query), task.y_query))
    return errors


def _seconds(study: Study, dataset: str, role: str) -> float:
    """Of one update on five support samples, the least of five."""
    found, tasks = study.network(role), study.tasks(dataset)
    task, times = tasks.episode(study.settings.seed, 0, found.net.ways, 1, 1), []
    for _ in range(5):
        began = time.perf_counter()
        InnerLoop((found.inner or InnerLoop()).step_size).adapt(found.net, found.theta, task.x_support, task.y_support)
        times.append(time.perf_counter() - began)
    return min(times)


def run(study: Study) -> Findings:
    found, rows, curves = Findings(study.name, TITLE), [], {}
    for dataset, name, role in study.meta_trained(found):
        errors = curves[dataset] = _errors(study, dataset, role)
        seconds = _seconds(study, dataset, role)
        for n in range(STEPS + 1):
            step = None if n == 0 else difference(errors[:, n - 1], errors[:, n])
            rows.append(
                [
                    name,
                    n,
                    estimate(errors[:, n]).percent(),
                    None if step is None else f"{100 * step.mean:+.2f} ± {100 * (step.ci95 or 0):.2f}",
                    f"{n * seconds:.3f}",
                ]
            )
        ways = study.network(role).net.ways
        found.claims.append(
            judge(
                f"{name}: without an update the network is at chance",
                "error very high at 0 updates",
                estimate(errors[:, 0]),
                100 * (1 - 1 / ways) - 3,
                rule=f"error above {100 * (1 - 1 / ways) - 3:.0f} %",
                unit="%",
            )
        )
        for n in (1, 2, 3):
            found.claims.append(
                judge(
                    f"{name}: update {n} lowers the error",
                    "the error falls with every update",
                    difference(errors[:, n - 1], errors[:, n]),
                    1e-9,
                    rule=f"error after {n - 1} minus after {n} updates, paired, above 0",
                )
            )
        first, last = (estimate(errors[:, n]) for n in (1, STEPS))
        found.summary += (
            f"{name}: {estimate(errors[:, 0]).percent()} % without an update, {first.percent()} % after one, "
            f"{last.percent()} % after {STEPS}. "
        )
    found.tables.append(
        Table(
            "figure-3",
            "Error on unseen classes (%)",
            ["data", "updates", "error ± 95 % CI", "fall against one update fewer, paired", "seconds to adapt"],
            rows,
            "All updates are on the same five support samples, with the step sizes learned for one update; "
            "seconds on this machine, all threads.",
        )
    )
    if curves:
        found.figures["figure-3"] = (_draw(curves), "One update does nearly all; the network was meta-trained for one.")
    return found


def _draw(curves: dict[str, np.ndarray]):
    from ..plots import COLOURS, figure, style

    with style():
        fig = figure(6.4, 3.8)
        axes = fig.subplots()
        for (dataset, errors), colour in zip(curves.items(), (COLOURS["blue"], COLOURS["vermillion"])):
            e = [estimate(errors[:, n]) for n in range(errors.shape[1])]
            axes.errorbar(
                range(len(e)),
                [100 * one.mean for one in e],
                yerr=[100 * (one.ci95 or 0) for one in e],
                fmt="o-",
                color=colour,
                capsize=3,
                label=DATASETS[dataset],
            )
        axes.axhline(80, color="0.4", linestyle=":", linewidth=1.2)
        axes.annotate(
            "chance",
            (1, 80),
            (0, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=8,
            ha="right",
            color="0.3",
        )
        axes.set(
            xlabel="inner-loop updates",
            xticks=range(max(errors.shape[1] for errors in curves.values())),
            ylabel="error on unseen classes (%)",
            yscale="log",
            title="One update teaches five classes",
        )
        axes.set_yticks([1, 2, 5, 10, 20, 50, 80], ["1", "2", "5", "10", "20", "50", "80"])
        axes.minorticks_off()
        axes.legend(loc="center right")
    return fig
