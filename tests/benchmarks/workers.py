"""What worker processes bring: seconds of an update and of episodes with none, one, two … workers,
and a model beyond.

    python tests/benchmarks/workers.py [--most 2] [--tasks 8] [--repeat 5]

The network is Table 1's on simulated Double N-MNIST (5-way 1-shot, 10 queries), second order, one
thread a process, this one included. The executors take turns; least times of the rounds, since
other processes can only add to them. The model needs no idle machine, for it is made of CPU
seconds:

    T(W) = m + n c / W          Amdahl's law (1967): what the master does is not shared

m   the master's, of an update by workers: sums, clipping, Adam, sending what is needed and
    receiving the gradients
n   tasks of an update                      c   a worker's, of a task: receiving, meta-gradient,
                                            sending

and the speed-up is that of T(0), the CPU seconds of an update without workers, with a core for each
worker.
"""

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import findings

import minisnn as ms
from minisnn.data.sets.named import open_set
from minisnn.training.evaluation import evaluate
from minisnn.parallel.executor import Executor
from minisnn.parallel.workers import Workers
from minisnn.meta.inner import InnerLoop
from minisnn.training.update import task_gradient
from minisnn.training.presets import preset
from minisnn.training.folder import RunFolder
from minisnn.training.settings import TrainingConfig
from minisnn.training.run import _Run


MODEL = (1, 2, 4, 8, 16, 32)  # numbers of workers that the model is asked for


def a_run(tasks: int, out: Path):
    settings = {
        **vars(preset("maml")),
        "channels": (32, 64, 128),
        "queries": 10,
        "tasks": tasks,
        "step_size": 4.0,
    }
    run = _Run(
        TrainingConfig(**settings),
        RunFolder(out),
        {"train": open_set("double-nmnist", "train")},
        progress=False,
    )
    return run, run._start()


def clocked(*arguments):
    """A task's gradient, the process, and the CPU seconds it has used so far."""
    return task_gradient(*arguments), os.getpid(), time.process_time()


def seconds(function, clock=time.perf_counter) -> float:
    began = clock()
    function()
    return clock() - began


def of_a_task(run, state, executor, tasks: int) -> float:
    """CPU seconds that a worker needs from the end of a task to the end of its next."""
    shared = (run.data["train"], run.net, run.config, run.steps, state.theta, state.log_step, 0)
    last: dict[int, float] = {}
    found = []

    def add(one):
        _, process, now = one
        if process in last:
            found.append(now - last[process])
        last[process] = now

    executor.in_order(partial(clocked, *shared), range(tasks), add, large=True)
    return median(found)


def found_in(
    update: dict, episodes: dict, alone: float, c: float, m: float, tasks: int
) -> findings.Findings:
    """Seconds by the number of workers, their ratios to none, the model's two constants, and its
    ratios."""
    found = findings.Findings("workers", "an update", "ratio", f"{2 * tasks} episodes", "ratio")
    for n in update:
        names = []
        for what, seconds in (("update", update), ("episodes", episodes)):
            names += [found.add(f"{what}-{n}", seconds[n], "s")]
            names += [found.add(f"{what}-{n}-ratio", seconds[0] / seconds[n], "x")] if n else [""]
        found.row(str(n) if n else "none", *names)
    found.add("alone", 1000 * alone, "ms")
    found.add("worker", 1000 * c, "ms")
    found.add("master", 1000 * m, "ms")
    for workers in MODEL:
        found.add(f"model-{workers}", alone / (m + c / workers), "x")
    return found


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=2, help="workers")
    parser.add_argument("--tasks", type=int, default=8, help="of an update; twice as many episodes")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    findings.option(parser)
    args = parser.parse_args(words)
    ms.set_threads(1)
    executors = {0: Executor(), **{n: Workers(n) for n in range(1, args.most + 1)}}
    update: dict[int, list[float]] = {n: [] for n in executors}
    episodes: dict[int, list[float]] = {n: [] for n in executors}
    master: dict[int, list[float]] = {n: [] for n in executors}
    with tempfile.TemporaryDirectory() as place:
        run, state = a_run(args.tasks, Path(place))
        test = open_set("double-nmnist", "test")
        for turn in range(args.repeat + 1):  # the first starts the workers
            for n, run.executor in executors.items():
                began = time.process_time()
                wall = seconds(lambda: run._update(state))
                used = time.process_time() - began
                answers = seconds(
                    lambda: evaluate(
                        run.net,
                        state.theta,
                        InnerLoop(4.0),
                        test,
                        episodes=2 * args.tasks,
                        progress=False,
                        executor=run.executor,
                    )
                )
                if turn:
                    update[n].append(wall)
                    master[n].append(used)
                    episodes[n].append(answers)
        c = of_a_task(run, state, executors[args.most], max(8, 4 * args.most))
        for executor in executors.values():
            executor.close()
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(
        f"{args.tasks} tasks an update, {2 * args.tasks} episodes, least of {args.repeat} rounds; "
        f"{load}"
    )
    for n in executors:
        line = ", ".join(
            f"{what} {min(times[n]):.3f} s ({min(times[0]) / min(times[n]):.2f} x)"
            for what, times in (("update", update), ("episodes", episodes))
        )
        print(f"{n} workers: {line}")
    alone, m = median(master[0]) / args.tasks, median(master[args.most]) / args.tasks
    print(
        f"CPU ms a task: {1000 * alone:.1f} without workers; with them {1000 * c:.1f} in the "
        "worker and "
        f"{1000 * m:.2f} in the master"
    )
    print("model: " + ", ".join(f"{w} workers {alone / (m + c / w):.1f} x" for w in MODEL))
    least = [{n: min(times[n]) for n in executors} for times in (update, episodes)]
    found_in(*least, alone, c, m, args.tasks).write(args.json)


if __name__ == "__main__":
    main()
