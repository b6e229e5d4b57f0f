"""What worker processes bring: seconds of an update and of episodes with none, one, two … workers.

    python tests/benchmarks/workers.py [--most 2] [--tasks 8] [--repeat 5]

The network is Table 1's on simulated Double N-MNIST (5-way 1-shot, 10 queries), second order, one
thread a process, this one included. The executors alternate; least times of the rounds, since
other processes can only add to them.
"""

import os
import tempfile
import time
from pathlib import Path

import findings

import minisnn as ms
from minisnn.data.sets.named import open_set
from minisnn.meta.inner import InnerLoop
from minisnn.parallel.executor import Executor
from minisnn.parallel.workers import Workers
from minisnn.training.evaluation import evaluate
from minisnn.training.folder import RunFolder
from minisnn.training.presets import preset
from minisnn.training.run import _Run
from minisnn.training.settings import TrainingConfig
from minisnn.training.update import FLOAT, Own, begun


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


def seconds(function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def found_in(update: dict, episodes: dict, tasks: int) -> findings.Findings:
    """Seconds by the number of workers, and their ratios to none."""
    found = findings.Findings("workers", "an update", "ratio", f"{2 * tasks} episodes", "ratio")
    for n in update:
        names = []
        for what, least in (("update", update), ("episodes", episodes)):
            names.append(found.add(f"{what}-{n}", least[n], "s"))
            names.append(found.add(f"{what}-{n}-ratio", least[0] / least[n], "x") if n else "")
        found.row(str(n) if n else "none", *names)
    return found


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--most", type=int, default=2, help="workers")
    parser.add_argument("--tasks", type=int, default=8, help="of an update; twice as many episodes")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
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
        for executor in executors.values():
            executor.close()
    cores = os.cpu_count() or 1
    load = f"load {os.getloadavg()[0]:.1f} on {cores} cores"
    print(
        f"{args.tasks} tasks an update, {2 * args.tasks} episodes, least of {args.repeat} rounds; "
        f"{load}"
    )
    least = [{n: min(times[n]) for n in executors} for times in (update, episodes)]
    found = found_in(*least, args.tasks)
    for name, one in found.figures.items():
        print(f"{name:24} {one['value']:10.4g} {one['unit']}")
    found.write(args.json)


if __name__ == "__main__":
    main()
