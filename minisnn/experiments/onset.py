"""Beyond the paper: when a recording begins. The network is at rest when a recording starts, and
answers after 100 ms; a camera that looks all the time tells neither."""

from dataclasses import dataclass, replace

import numpy as np

from ..meta.tasks import Task
from ..training.baselines import Adapted, Nearest, Rule
from .drawing import curves_of
from .findings import Findings
from .statistics import difference, estimate, some_of
from .study import Study

TITLE = (
    "Onset: recordings that start earlier or later than the network assumes, and a stream without "
    "pauses"
)
DELAYS = (-40, -20, -10, -5, 0, 5, 10, 20, 40)  # milliseconds
STREAM = "stream"


def delayed(x: np.ndarray, delay: int) -> np.ndarray:
    """Recordings (B, T, …) that begin `delay` steps later, or so many earlier: what lies outside T
    steps is not seen."""
    out = np.zeros_like(x)
    steps = x.shape[1] - abs(delay)
    if steps > 0:
        out[:, max(delay, 0) : max(delay, 0) + steps] = x[
            :, max(-delay, 0) : max(-delay, 0) + steps
        ]
    return out


def after_another(x: np.ndarray, ways: int) -> np.ndarray:
    """Recordings (B, 2 T, …), each after one of another class of the task, whose traces are still
    there."""
    return np.concatenate([np.roll(x, len(x) // ways, axis=0), x], axis=1)


@dataclass(frozen=True, eq=False)
class Met:
    """A rule that learned recordings as they are and meets delayed ones, or that learns and answers
    in a stream."""

    rule: Rule
    how: int | str

    def __call__(self, task: Task) -> np.ndarray:
        if self.how != STREAM:
            return self.rule(replace(task, x_query=delayed(task.x_query, int(self.how))))
        support, query = (after_another(x, task.ways) for x in (task.x_support, task.x_query))
        return self.rule(replace(task, x_support=support, x_query=query))


def _late(e: dict) -> str:
    return f"{e[str(max(DELAYS))].percent()} where a recording begins {max(DELAYS)} ms late"


def run(study: Study, found: Findings) -> None:
    rows = []
    curves = {}
    episodes = some_of(study.settings.episodes)
    for dataset, name, role in study.meta_trained(found):
        trained = study.network(role)
        learned = {
            "one update": Adapted.of(trained),
            "nearest mean": Nearest(trained.net, trained.theta),
        }
        told = []
        for rule, learns in learned.items():
            rules: dict[str, Rule] = {str(how): Met(learns, how) for how in (*DELAYS, STREAM)}
            values = study.rows(
                f"{dataset}-onset-{rule.replace(' ', '-')}",
                dataset,
                rules,
                ways=trained.net.ways,
                episodes=episodes,
            )
            e = {how: estimate(row) for how, row in values.items()}
            curves.setdefault(name, {delay: e[str(delay)] for delay in DELAYS})
            for how, one in e.items():
                loss = None if how == "0" else difference(values["0"], values[how]).points()
                rows.append([name, rule, how, *one.columns(), loss])
            told.append(
                f"by {rule} {e['0'].percent()} %, {_late(e)}, {e[STREAM].percent()} in a stream"
            )
        found.summary += f"{name}: {'; '.join(told)}. "
    found.table(
        "onset",
        "Accuracy on unseen classes where query recordings begin at another time (%)",
        "data | learns by | begins later by (ms) | accuracy ± 95 % CI | over episodes | loss, "
        "paired (points)",
        rows,
        f"{episodes} episodes; support recordings are as in meta-training. Events that a delay "
        "moves out of the 100 ms are "
        "lost. In a stream, each recording of support and query follows one of another class, "
        "without a reset in between.",
    )
    if curves:
        found.figures["onset"] = (
            curves_of(
                curves,
                xlabel="recording begins later by (ms)",
                title="One update; a network that waits for a start",
            ),
            "Accuracy against the time at which a query recording begins.",
        )
