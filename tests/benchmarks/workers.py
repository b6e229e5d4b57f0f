"""What worker processes bring: seconds of an update and of episodes with none, one, two … workers.

    python tests/benchmarks/workers.py [--most 2] [--tasks 8] [--repeat 5]

The network is Table 1's on simulated Double N-MNIST (5-way 1-shot, 10 queries), second order, one
thread a process, this one included. The executors alternate; least times of the rounds, since
other processes can only add to them.
"""

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


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--most", type=int, default=2, help="workers")
    parser.add_argument("--tasks", type=int, default=8, help="of an update; twice as many episodes")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    args = parser.parse_args(words)
    ms.set_threads(1)
    executors = {0: Executor(), **{n: Workers(n) for n in range(1, args.most + 1)}}
    asked = dict(episodes=2 * args.tasks, progress=False)
    times: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        run, state = a_run(args.tasks, Path(place))
        test = open_set("double-nmnist", "test")
        jobs = {
            "update": lambda: run._update(state),
            "episodes": lambda: evaluate(
                run.net, state.theta, InnerLoop(4.0), test, executor=run.executor, **asked
            ),
        }
        for _ in range(args.repeat + 1):  # the first starts the workers
            for n, run.executor in executors.items():
                for what, job in jobs.items():
                    times.setdefault((what, n), []).append(seconds(job))
        for executor in executors.values():
            executor.close()
    found = findings.Findings(
        "workers", "an update", "ratio", f"{2 * args.tasks} episodes", "ratio"
    )
    for n in executors:
        names = []
        for what in jobs:
            alone, least = (min(times[what, number][1:]) for number in (0, n))
            print(f"{what} with {n or 'no'} workers: {least:.3f} s, {alone / least:.2f} x")
            names.append(found.add(f"{what}-{n}", least, "s"))
            names.append(found.add(f"{what}-{n}-ratio", alone / least, "x") if n else "")
        found.row(str(n or "none"), *names)
    found.write(args.json)


if __name__ == "__main__":
    main()
