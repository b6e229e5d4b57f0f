"""What worker processes bring: seconds of an update and of episodes with none, one, two … workers,
and of more of them than there are cores; and a simulation beyond.

    python tests/benchmarks/workers.py [--most 2] [--tasks 8] [--repeat 5]

The network is Table 1's on simulated Double N-MNIST (5-way 1-shot, 10 queries), second order, one
thread a process, this one included. The executors take turns; least times of the rounds, since
other processes can only add to them.

The simulation carries out `parallel.workers` event by event. What it is told is measured:

    call    the master packs what an update needs, once (parameters, settings)
    send    and sends it to a worker, with the worker's first task of the update
    give    it sends a task                        take    it receives a gradient, and adds it
    rest    clipping, Adam, the log                c       CPU seconds of each task in a worker

A worker has a core as long as there are enough, else all share them. No more than that is known of
machines with more cores: memory that they share may be slower there.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from statistics import median
from typing import NamedTuple

import findings

import minisnn as ms
from minisnn.data.sets.named import open_set
from minisnn.training.evaluation import evaluate
from minisnn.parallel.executor import Executor
from minisnn.parallel import workers
from minisnn.parallel.workers import Workers
from minisnn.meta.inner import InnerLoop
from minisnn.training.update import FLOAT, Own, begun, task_gradient
from minisnn.training.presets import preset
from minisnn.training.folder import RunFolder
from minisnn.training.settings import TrainingConfig
from minisnn.training.run import _Run


MODEL = (1, 2, 4, 8, 16, 32, 64, 128)  # numbers of workers that are simulated
CROWD = 16  # workers that share the cores of this machine
ROUNDS = 3  # in which tasks are timed


class Costs(NamedTuple):
    """Seconds, see above; `tasks` are those of some, drawn from in turn."""

    call: float
    send: float
    give: float
    take: float
    rest: float
    tasks: list[float]


def simulated(costs: Costs, workers: int, tasks: int, cores: int) -> float:
    """Seconds of an update of so many tasks: the master does one thing after the other, and serves
    who is idle first, then who has answered."""
    now, given, taken = costs.call, 0, 0
    left: dict[int, float] = {}  # of a worker's task: seconds of a core
    idle = list(range(workers))
    answered: list[int] = []
    new = set(idle)  # who does not know the call yet

    def passes(seconds: float, master: bool) -> None:
        """Time goes by, for all that are at work."""
        nonlocal now
        while True:
            share = min(1.0, cores / max(len(left) + master, 1))
            step = min(
                [seconds / share if master else seconds, *(x / share for x in left.values())]
            )
            now += step
            for worker in list(left):
                left[worker] -= step * share
                if left[worker] <= 1e-12:
                    del left[worker]
                    answered.append(worker)
            seconds -= step * share if master else step
            if seconds <= 1e-12 or (not master and answered):
                return

    while taken < tasks:
        if idle and given < tasks:
            worker = idle.pop(0)
            passes(costs.give + costs.send * (worker in new), True)
            new.discard(worker)
            left[worker] = costs.tasks[given % len(costs.tasks)]
            given += 1
        elif answered:
            passes(costs.take, True)
            idle.append(answered.pop(0))
            taken += 1
        else:
            passes(max(left.values()) * max(1.0, len(left) / cores), False)
    return now + costs.rest


def a_run(tasks: int, out: Path):
    settings = {
        **vars(preset("maml")),
        "channels": (32, 64, 128),
        "queries": 10,
        "tasks": tasks,
        "step_size": 4.0,
    }
    data = {"train": open_set("double-nmnist", "train")}
    what = TrainingConfig(**settings), RunFolder(out), data, False, None
    run = _Run(*what, FLOAT, Own(), "accuracy", {})
    return run, begun(run.config, run.net, run.steps, data["train"])


def clocked(*arguments):
    """A task's gradient, the process, and the CPU seconds it has used so far."""
    return task_gradient(*arguments), os.getpid(), time.process_time()


def seconds(function, clock=time.perf_counter) -> float:
    began = clock()
    function()
    return clock() - began


def of_tasks(run, state, executor, tasks: int) -> list[float]:
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
    return found


class Clock:
    """CPU seconds of this thread in a function, each time that it is called."""

    def __init__(self, owner, name: str):
        self.owner, self.name, self.function = owner, name, getattr(owner, name)
        self.seconds: list[float] = []

    def __enter__(self):
        @wraps(self.function)
        def clocked(*arguments, **named):
            began = time.thread_time()
            try:
                return self.function(*arguments, **named)
            finally:
                self.seconds.append(time.thread_time() - began)

        setattr(self.owner, self.name, clocked)
        return self.seconds

    def __exit__(self, *_):
        setattr(self.owner, self.name, self.function)


def costs_of(run, state, executor, alone: list[float]) -> Costs:
    """What an update by workers costs the master, piece by piece, and the workers; `alone`: CPU
    seconds of tasks, where they could not be measured."""
    n = executor.number
    tasks = run.config.tasks
    packed, begins, answers, whole = ([] for _ in range(4))
    for _ in range(3):
        with (
            Clock(workers, "_packed_call") as one,
            Clock(workers._Worker, "begin") as begin,
            Clock(workers._Worker, "answer") as answer,
        ):
            began = time.thread_time()
            run._update(state)
            whole.append(time.thread_time() - began)
        packed.append(sum(one))
        begins.append(begin)
        answers.append(sum(answer) / tasks)
    # the first of each worker in an update sends the call
    first = median(median(sorted(begin)[-n:]) for begin in begins)
    give = median(median(sorted(begin)[:-n] or begin) for begin in begins)
    take = median(answers)
    rest = median(whole) - median(packed) - median(map(sum, begins)) - take * tasks
    added = rest / (tasks + 3)  # a sum of gradients is one pass over them, the rest three
    # the least of some rounds, as the times beside it
    found = min((of_tasks(run, state, executor, 8 * n) for _ in range(ROUNDS)), key=sum)
    c = found or alone
    return Costs(median(packed), first - give, give, take + added, rest - tasks * added, c)


def found_in(
    update: dict, episodes: dict, costs: Costs, crowd: float, tasks: int, cores: int, memory: float
) -> findings.Findings:
    """Seconds by the number of workers, their ratios to none, what is simulated of both, the parts
    of the simulation, and what it says of more cores."""
    found = findings.Findings(
        "workers", "an update", "ratio", "simulated", f"{2 * tasks} episodes", "ratio"
    )
    for n in update:
        names = []
        for what, seconds in (("update", update), ("episodes", episodes)):
            names += [found.add(f"{what}-{n}", seconds[n], "s")]
            names += [found.add(f"{what}-{n}-ratio", seconds[0] / seconds[n], "x")] if n else [""]
            if what == "update":
                simulation = simulated(costs, n, tasks, cores) if n else None
                names += [found.add(f"simulated-{n}", simulation, "s")] if simulation else [""]
        found.row(str(n) if n else "none", *names)
    found.add(f"crowd-{CROWD}", crowd, "s")
    found.add(f"crowd-{CROWD}-simulated", simulated(costs, CROWD, CROWD, cores), "s")
    for name, value in costs._asdict().items():
        found.add(name, 1000 * (median(value) if isinstance(value, list) else value), "ms")
    found.add("memory", memory, "MB")
    found.add("worker", 1000 * median(costs.tasks), "ms")
    shared = (costs.call + costs.rest) / tasks
    found.add("master", 1000 * (costs.give + costs.take + shared), "ms")
    for n in MODEL:
        for each in (1, 4):
            whole = n * each
            drawn = (costs.tasks[k % len(costs.tasks)] for k in range(whole))
            one = sum(drawn) + costs.rest
            name = f"model-{n}" if each == 1 else f"model-{n}-{each}"
            found.add(name, one / simulated(costs, n, whole, 2 * n + 2), "x")
    return found


def of_workers(executor) -> float:
    """Largest memory of a worker so far, MB (10^6 bytes)."""
    found = []
    for worker in executor._workers:
        status = Path(f"/proc/{worker.process.pid}/status").read_text()
        found.append(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6)
    return max(found)


def crowded(run, state) -> float:
    """Least seconds of an update of CROWD tasks by as many workers, however few the cores."""
    times = []
    run.config = replace(run.config, tasks=CROWD)
    with Workers(CROWD) as run.executor:
        for turn in range(3):
            wall = seconds(lambda: run._update(state))
            times += [wall] * (turn > 0)
    return min(times)


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
    with tempfile.TemporaryDirectory() as place:
        run, state = a_run(args.tasks, Path(place))
        test = open_set("double-nmnist", "test")
        for turn in range(args.repeat + 1):  # the first starts the workers
            for n, run.executor in executors.items():
                wall = seconds(lambda: run._update(state))
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
                    episodes[n].append(answers)
        costs = costs_of(run, state, executors[args.most], [])
        memory = of_workers(executors[args.most])
        crowd = crowded(run, state)
        for executor in executors.values():
            executor.close()
    cores = os.cpu_count() or 1
    load = f"load {os.getloadavg()[0]:.1f} on {cores} cores"
    print(
        f"{args.tasks} tasks an update, {2 * args.tasks} episodes, least of {args.repeat} rounds; "
        f"{load}"
    )
    least = [{n: min(times[n]) for n in executors} for times in (update, episodes)]
    found = found_in(*least, costs, crowd, args.tasks, cores, memory)
    for name, one in found.figures.items():
        print(f"{name:24} {one['value']:10.4g} {one['unit']}")
    found.write(args.json)


if __name__ == "__main__":
    main()
