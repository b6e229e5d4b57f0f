"""What worker processes bring: seconds of an update and of episodes with none, one, two … workers.

    python tests/benchmarks/workers.py [--most 2] [--tasks 8] [--repeat 5]

The network is Table 1's on simulated Double N-MNIST (5-way 1-shot, 10 queries), second order, one
thread a process, this one included. `--tasks` of an update, and twice as many episodes. One executor
trains after the other, and for the episodes they alternate; least times of the rounds, the first of
which is not counted, since other processes can only add to them.
"""

import tempfile
from dataclasses import replace

import findings
import numpy as np

import minisnn as ms


def main() -> None:
    args = findings.command_line(__doc__, most=2, tasks=8, repeat=5).parse_args()
    ms.set_threads(1)
    data = {split: ms.DoubleNMnist(split) for split in ("train", "test")}
    of_table_1 = dict(channels=(32, 64, 128), queries=10, step_size=4.0)
    how = dict(tasks=args.tasks, updates=args.repeat + 1, evaluate_every=0, test_episodes=0)
    config = replace(ms.TrainingConfig.preset("maml"), **of_table_1, **how)
    executors = {n: ms.Workers(n) if n else None for n in range(args.most + 1)}
    spent: dict[str, dict] = {"update": {}}
    for n, executor in executors.items():
        with tempfile.TemporaryDirectory() as place:
            made = ms.train(config, place, data=data, executor=executor, progress=False)
        spent["update"][n] = np.diff(made.curve["seconds"])

    def episodes(executor):
        how = dict(episodes=2 * args.tasks, progress=False, executor=executor)
        of = made.net, made.theta, ms.InnerLoop(4.0), data["test"]
        return lambda _: lambda: ms.evaluate(*of, **how)

    calls = {n: episodes(executor) for n, executor in executors.items()}
    spent["episodes"] = findings.by_turns(calls, args.repeat)
    heads = "an update", "ratio", f"{2 * args.tasks} episodes", "ratio"
    found = findings.Findings("workers", *heads)
    for n, executor in executors.items():
        names = []
        for what, of in spent.items():
            names.append(found.add(f"{what}-{n}", min(of[n]), "s"))
            ratio = min(of[0]) / min(of[n])
            names.append(found.add(f"{what}-{n}-ratio", ratio, "x") if n else "")
        found.row(str(n or "none"), *names)
        if executor:
            executor.close()
    found.write(args.json)


if __name__ == "__main__":
    main()
