"""What worker processes bring: seconds of an update and of episodes with none, one, two … workers.

    python tests/benchmarks/workers.py [--most 2] [--tasks 8] [--repeat 5]

The network is Table 1's on simulated Double N-MNIST (5-way 1-shot, 10 queries), second order, one
thread a process, this one included. The executors alternate; least times of the rounds, since
other processes can only add to them.
"""

import tempfile
from pathlib import Path

import findings

import minisnn as ms
from minisnn.data.sets.named import open_set
from minisnn import InnerLoop, Workers, evaluate, TrainingConfig
from minisnn.parallel.executor import Executor
from minisnn.training.folder import RunFolder
from minisnn.training.presets import preset
from minisnn.training.run import _Run
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


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--most", type=int, default=2, help="workers")
    parser.add_argument("--tasks", type=int, default=8, help="of an update; twice as many episodes")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    args = parser.parse_args(words)
    ms.set_threads(1)
    executors = {0: Executor(), **{n: Workers(n) for n in range(1, args.most + 1)}}
    with tempfile.TemporaryDirectory() as place:
        run, state = a_run(args.tasks, Path(place))
        test = open_set("double-nmnist", "test")

        def update(executor) -> None:
            run.executor = executor
            run._update(state)

        def episodes(executor) -> None:
            how = dict(episodes=2 * args.tasks, progress=False, executor=executor)
            evaluate(run.net, state.theta, InnerLoop(4.0), test, **how)

        spent = {
            what: findings.by_turns(
                {n: lambda _, of=of: lambda: job(of) for n, of in executors.items()}, args.repeat
            )
            for what, job in (("update", update), ("episodes", episodes))
        }
        for executor in executors.values():
            executor.close()
    heads = "an update", "ratio", f"{2 * args.tasks} episodes", "ratio"
    found = findings.Findings("workers", *heads)
    for n in executors:
        names = []
        for what, of in spent.items():
            names.append(found.add(f"{what}-{n}", min(of[n]), "s"))
            ratio = min(of[0]) / min(of[n])
            names.append(found.add(f"{what}-{n}-ratio", ratio, "x") if n else "")
        found.row(str(n or "none"), *names)
    found.write(args.json)


if __name__ == "__main__":
    main()
