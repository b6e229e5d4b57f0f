"""Recordings that begin at another time. The network is at rest when a recording starts, and
answers after 100 ms; a camera that is always on marks neither moment."""

from dataclasses import dataclass, replace

import numpy as np

from ..meta.tasks import Task
from ..training.baselines import Rule

STREAM = "stream"


def delayed(x: np.ndarray, delay: int) -> np.ndarray:
    """Shift recordings (B, T, …) by `delay` steps, later or (if negative) earlier; events that
    leave the T steps are lost."""
    out = np.zeros_like(x)
    steps = x.shape[1] - abs(delay)
    if steps > 0:
        late = max(delay, 0)
        early = max(-delay, 0)
        out[:, late : late + steps] = x[:, early : early + steps]
    return out


def after_another(x: np.ndarray, ways: int) -> np.ndarray:
    """Return recordings (B, 2 T, …), each preceded by one of another class of the task, so that its
    traces remain."""
    return np.concatenate([np.roll(x, len(x) // ways, axis=0), x], axis=1)


@dataclass(frozen=True, eq=False)
class Met:
    """A rule that learns recordings as they are and answers delayed ones, or learns and answers in
    a stream."""

    rule: Rule
    how: int | str

    def __call__(self, task: Task) -> np.ndarray:
        if self.how != STREAM:
            return self.rule(replace(task, x_query=delayed(task.x_query, int(self.how))))
        support, query = (after_another(x, task.ways) for x in (task.x_support, task.x_query))
        return self.rule(replace(task, x_support=support, x_query=query))
