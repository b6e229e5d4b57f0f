"""Beyond the paper: what the second order costs, in time and in memory, against the number of inner
steps.

FOMAML forgets an inner step when it is made; MAML keeps what each needs to be walked back, and pays
a Hessian-vector product for it. Each number comes from a process of its own: its peak, less what it
held after a meta-gradient of a tiny network, which has loaded what every network needs.
"""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from minisnn.training.checkpoint import load, save
from minisnn.meta.functions import meta_gradient
from minisnn.meta.tasks import Task
from minisnn.parallel.children import python, surroundings
from minisnn.parallel.threads import get_threads, set_threads
from minisnn.experiments.findings import Findings
from minisnn.experiments.study import Study

TITLE = "Time and memory of a meta-gradient: FOMAML against MAML"
STEPS = (1, 2, 3, 5)
ORDERS = {1: "FOMAML", 2: "MAML"}
REPEAT = 5
CLOCK = "CPU time"
BEYOND = "that of a process which has had a tiny network's meta-gradient"
CASES = [(order, steps) for order in ORDERS for steps in STEPS]


def run(study: Study, found: Findings) -> None:
    for dataset, name, role in study.meta_trained(found):
        checkpoint = study.network(role)
        s = study.settings

        def one(index: int) -> list[float]:
            task = study.tasks(dataset).episode(s.seed, 0, checkpoint.net.ways, 1, s.queries)
            return measure(checkpoint.net, checkpoint.theta, task, *CASES[index])

        made_from = (
            checkpoint.net.configuration(),
            checkpoint.theta,
            REPEAT,
            get_threads(),
            CLOCK,
            BEYOND,
        )
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
            f"thread{'s' * (get_threads() != 1)}; peak memory beyond {BEYOND}.",
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
    """CPU seconds of a meta-gradient (least of REPEAT) and megabytes that its process came to hold
    for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "net.h5", net, theta)
        np.savez(
            folder / "task.npz",
            **{name: value for name, value in vars(task).items() if name != "recordings"},
        )
        child = subprocess.run(
            python(__file__, folder, order, steps, get_threads()),
            env=surroundings(),
            capture_output=True,
            encoding="utf-8",
        )
    if child.returncode:
        raise ValueError(
            "a process that measures a meta-gradient failed: "
            f"{child.stderr.strip().splitlines()[-1:]}"
        )
    return json.loads(child.stdout)


def _child(folder: str, order: str, steps: str, threads: str) -> None:
    set_threads(int(threads))
    net, theta = load(Path(folder) / "net.h5")
    with np.load(Path(folder) / "task.npz", allow_pickle=False) as file:
        task = Task(**file)
    _warm(net)
    _forget_peak()
    before = _peak()
    seconds = []
    for _ in range(REPEAT + 1):  # the first fills caches
        began = time.process_time()
        meta_gradient(net, theta, task, step_size=0.0, steps=int(steps), order=int(order))
        seconds.append(time.process_time() - began)
    print(json.dumps([min(seconds[1:]), _peak() - before]))


def _warm(net) -> None:
    """A meta-gradient of a tiny network of this kind: the kernels are loaded then."""
    tiny = net.like(input_shape=(16, 16, net.input_shape[2]), channels=(4,) * len(net.channels))
    rng = np.random.default_rng(0)
    x = rng.poisson(0.05, (net.ways, net.window, 16, 16, net.input_shape[2])).astype(np.uint8)
    y = np.arange(net.ways)
    meta_gradient(tiny, tiny.init(rng, x), Task(x, y, x, y, tuple(map(str, y))))


def _forget_peak() -> None:
    """Let what this process held for a moment before, as while it imported, not count; Linux alone
    can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> float:
    """Largest memory that this process has held so far, in MB."""
    status = Path("/proc/self/status")  # getrusage would count what the parent held before exec
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return int(next(one for one in lines if one.startswith("VmHWM:")).split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError as error:
        raise ValueError("peak memory is measured on Linux and macOS only") from error
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes


if __name__ == "__main__":
    _child(*sys.argv[1:])
