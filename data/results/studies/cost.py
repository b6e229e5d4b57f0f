"""Beyond the paper: what the second order costs, in time and in memory, against the number of inner
steps.

FOMAML forgets an inner step when it is made; MAML keeps what each needs to be walked back, and pays
a Hessian-vector product for it.
"""

import time
import tracemalloc
from timeit import repeat

import numpy as np

from minisnn.meta.inner import meta_gradient
from minisnn.meta.tasks import Task
from minisnn.parallel.threads import get_threads
from minisnn.experiments.findings import Findings
from minisnn.experiments.study import Study

TITLE = "Time and memory of a meta-gradient: FOMAML against MAML"
STEPS = (1, 2, 3, 5)
ORDERS = {1: "FOMAML", 2: "MAML"}
REPEAT = 5
CLOCK = "CPU time"
CASES = [(order, steps) for order in ORDERS for steps in STEPS]


def run(study: Study, found: Findings) -> None:
    for dataset, name, checkpoint in study.meta_trained(found):
        s = study.settings

        def one(index: int) -> list[float]:
            task = study.tasks(dataset).episode(s.seed, 0, checkpoint.net.ways, 1, s.queries)
            return measure(checkpoint.net, checkpoint.theta, task, *CASES[index])

        made_from = (checkpoint.net.configuration(), checkpoint.theta, REPEAT, get_threads())
        values = study.each(
            f"{dataset}-cost", dataset, len(CASES), one, made_from, f"cost, {name}", together=False
        )
        at = dict(zip(CASES, values))
        ways, rows = checkpoint.net.ways, []
        for steps in STEPS:
            sizes = (f"{at[order, steps][k]:.{3 - 3 * k}f}" for k in (0, 1) for order in ORDERS)
            rows.append([steps, *sizes, *(f"{_ratio(at, steps, k):.2f}" for k in (0, 1))])
        found.table(
            f"cost-{dataset}",
            f"A meta-gradient of {name}, {ways} support and {ways * s.queries} query samples",
            "inner steps | FOMAML (s) | MAML (s) | FOMAML (MB) | MAML (MB) | time, ratio | memory, "
            "ratio",
            rows,
            f"{CLOCK}, least of {REPEAT}, on {get_threads()} "
            f"thread{'s' * (get_threads() != 1)}; the most memory that its arrays took.",
        )
        (time_1, memory_1), (time_n, memory_n) = (
            [f"{_ratio(at, n, k):.2f}" for k in (0, 1)] for n in (STEPS[0], STEPS[-1])
        )
        found.summary += (
            f"{name}: with one inner step the second order takes {time_1} times the time and "
            f"{memory_1} times the "
            f"memory of the first, with {STEPS[-1]} steps {time_n} and {memory_n}. "
        )


def _ratio(at: dict[tuple[int, int], list[float]], steps: int, k: int) -> float:
    """MAML's seconds (k = 0) or megabytes (k = 1), over FOMAML's."""
    return at[2, steps][k] / max(at[1, steps][k], 1e-9)


def measure(net, theta: np.ndarray, task: Task, order: int, steps: int) -> list[float]:
    """CPU seconds of a meta-gradient (least of REPEAT), and the megabytes of its arrays."""

    def once() -> None:
        meta_gradient(net, theta, task, step_size=0.0, steps=steps, order=order)

    _, *seconds = repeat(once, timer=time.process_time, number=1, repeat=REPEAT + 1)
    tracemalloc.start()
    once()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return [min(seconds), peak / 1e6]
