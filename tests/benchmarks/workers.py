"""What worker processes bring: seconds of an update and of an episode with none, one, two … workers, and a model beyond.

    python tests/benchmarks/workers.py [--most 2] [--tasks 8] [--repeat 5] [--json FILE]

The network is Table 1's on simulated Double N-MNIST (5-way 1-shot, 10 queries), second order, a step size a parameter array.
Every process has one thread, this one too. Times of one round go by turns over the executors; medians of the rounds.

    T(W) = s + n t + n c / W          Amdahl's law (1967): what the master does itself is not shared

s   seconds of an update beside its tasks: sums, clipping, Adam          n   tasks of an update
t   seconds in which a task is sent and an answer as large as its gradient comes back, theta and settings included
c   seconds of a task
The speed-up beyond the measured W is T(0) / T(W) with n = 32 and a core for each worker; T(0) = s + n c.
"""
import argparse
import json
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import minisnn as ms
from minisnn.evaluation import evaluate, open_set
from minisnn.executor import Executor, Workers
from minisnn.maml import InnerLoop
from minisnn.metabatch import task_gradient
from minisnn.presets import preset
from minisnn.runs import RunFolder
from minisnn.settings import TrainingConfig
from minisnn.training import _Run


def a_run(tasks: int, out: Path):
    settings = {**vars(preset("quick")), "channels": (32, 64, 128), "queries": 10, "tasks": tasks, "step_size": 4.0}
    run = _Run(TrainingConfig(**settings), RunFolder(out), {"train": open_set("double-nmnist", "train")}, progress=False)
    return run, run._start()


def seconds(function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def nothing(tasks, net, config, steps, theta, log_step, u: int, k: int):
    """A task that is sent, and an answer as large as a gradient, with no work done."""
    return 0.0, theta, log_step, 0.0, 0.0


def measure(most: int, tasks: int, repeat: int) -> dict:
    ms.set_threads(1)
    with tempfile.TemporaryDirectory() as place:
        run, state = a_run(tasks, Path(place))
        test = open_set("double-nmnist", "test")
        executors = {0: Executor(), **{n: Workers(n) for n in range(1, most + 1)}}
        shared = (run.data["train"], run.net, run.config, run.steps, state.theta, state.log_step, 0)
        times: dict = {what: {n: [] for n in executors} for what in ("update", "tasks", "empty", "episodes")}
        for turn in range(repeat + 1):                          # the first starts the workers
            for n, executor in executors.items():
                run.executor = executor
                found = {
                    "update": seconds(lambda: run._update(state)),
                    "tasks": seconds(lambda: executor.in_order(partial(task_gradient, *shared), range(tasks), id, large=True)),
                    "empty": seconds(lambda: executor.in_order(partial(nothing, *shared), range(tasks), id, large=True)),
                    "episodes": seconds(lambda: evaluate(run.net, state.theta, InnerLoop(4.0), test, episodes=2 * tasks,
                                                         progress=False, executor=executor)),
                }
                if turn:
                    for what, value in found.items():
                        times[what][n].append(value)
        for executor in executors.values():
            executor.close()
    return {what: {n: statistics.median(values) for n, values in one.items()} for what, one in times.items()}


def model(found: dict, tasks: int, workers: int, of: int = 32) -> float:
    """Speed-up of an update of `of` tasks by so many workers."""
    c = found["tasks"][0] / tasks
    sent = found["empty"][1] / tasks                            # a task's way there and back
    serial = max(found["update"][0] - found["tasks"][0], 0.0)
    here, there = serial + of * c, serial + of * sent + of * c / workers
    return here / there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = measure(args.most, args.tasks, args.repeat)
    print(f"{args.tasks} tasks an update, {2 * args.tasks} episodes; load of the machine {os.getloadavg()[0]:.1f} on "
          f"{os.cpu_count()} cores")
    for n in found["update"]:
        print(f"{n} workers: update {found['update'][n]:.3f} s ({found['update'][0] / found['update'][n]:.2f} x), "
              f"episodes {found['episodes'][n]:.3f} s ({found['episodes'][0] / found['episodes'][n]:.2f} x)")
    c, sent = found["tasks"][0] / args.tasks, found["empty"][1] / args.tasks
    serial = found["update"][0] - found["tasks"][0]
    print(f"a task {1000 * c:.1f} ms, its transfer {1000 * sent:.2f} ms, serial {1000 * serial:.1f} ms an update")
    print("model, 32 tasks: " + ", ".join(f"{w} workers {model(found, args.tasks, w):.1f} x" for w in (1, 2, 4, 8, 16, 32)))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
