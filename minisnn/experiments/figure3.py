"""Figure 3: error on unseen classes against the number of inner-loop updates, and what an update
costs."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..meta.inner import InnerLoop
from ..meta.tasks import Task
from .baselines import add_baselines
from .drawing import chance, curves_of
from .findings import Findings
from .statistics import Estimate, difference, estimate
from .study import Study

TITLE = "Figure 3: error against the number of inner-loop updates"
STEPS = 4


@dataclass(frozen=True, eq=False)
class Updated:
    """What a network answers after 0 … steps updates on the same support set, (steps + 1, Q,
    ways)."""

    net: Any
    theta: np.ndarray
    inner: InnerLoop
    steps: int

    def __call__(self, task: Task) -> np.ndarray:
        theta = self.theta
        step = InnerLoop(self.inner.step_size, 1, self.inner.freeze)
        logits = [self.net(theta, task.x_query)]
        for _ in range(self.steps):
            theta = step.adapt(self.net, theta, task.x_support, task.y_support)
            logits.append(self.net(theta, task.x_query))
        return np.array(logits)


def _seconds(study: Study, dataset: str, role: str) -> float:
    """Of one update on five support samples, the least of five."""
    found = study.network(role)
    task = study.tasks(dataset).episode(study.settings.seed, 0, found.net.ways, 1, 1)
    times = []
    step = InnerLoop(found.loop.step_size)
    for _ in range(5):
        began = time.perf_counter()
        step.adapt(found.net, found.theta, task.x_support, task.y_support)
        times.append(time.perf_counter() - began)
    return min(times)


def run(study: Study, found: Findings) -> None:
    rows = []
    curves = {}
    for dataset, name, role in study.meta_trained(found):
        trained = study.network(role)
        least = 100 * (1 - 1 / trained.net.ways) - 3
        rule = Updated(trained.net, trained.theta, trained.loop, STEPS)
        numbers = range(STEPS + 1)
        right = study.rows(
            f"{dataset}-steps", dataset, {"": rule}, ways=trained.net.ways, names=list(numbers)
        )
        seconds = _seconds(study, dataset, role)
        e = [replace(one, mean=1 - one.mean) for one in map(estimate, right.values())]
        curves[name] = dict(enumerate(e))
        falls = [difference(right[n], right[n - 1]) for n in numbers[1:]]
        for n in numbers:
            fall = falls[n - 1].points() if n else None
            rows.append([name, n, *e[n].columns(), fall, f"{n * seconds:.3f}"])
        found.claim(
            f"{name}: without an update the network is at chance",
            "error very high at 0 updates",
            e[0],
            least,
            rule=f"error above {least:.0f} %",
            unit="%",
        )
        for n, fall in enumerate(falls[:3], 1):
            found.claim(
                f"{name}: update {n} lowers the error",
                "the error falls with every update",
                fall,
                1e-9,
                rule=f"error after {n - 1} minus after {n} updates, paired, above 0",
            )
        none, one, last = (e[n].percent() for n in (0, 1, STEPS))
        found.summary += (
            f"{name}: {none} % without an update, {one} % after one, {last} % after {STEPS}. "
        )
    found.table(
        "figure-3",
        "Error on unseen classes (%)",
        "data | updates | error ± 95 % CI | over episodes | fall against one update fewer, paired "
        "(points) | seconds to adapt",
        rows,
        "All updates are on the same five support samples, with the step sizes learned for one "
        "update; seconds on this machine, all threads.",
    )
    add_baselines(study, found)
    if curves:
        found.figures["figure-3"] = (
            _draw(curves),
            "One update does nearly all; the network was meta-trained for one.",
        )


def _draw(curves: dict[str, dict[int, Estimate]]):
    fig = curves_of(
        curves,
        (6.4, 3.8),
        "center right",
        yscale="log",
        xlabel="inner-loop updates",
        ylabel="error on unseen classes (%)",
        title="One update teaches five classes",
    )
    (axes,) = fig.axes
    chance(axes, 80)
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
    axes.set_yticks([1, 2, 5, 10, 20, 50, 80], ["1", "2", "5", "10", "20", "50", "80"])
    axes.minorticks_off()
    return fig
