"""How long a run takes to be good: seconds and tasks from random weights to an accuracy on
validation tasks.

    python tests/benchmarks/time_to_accuracy.py [--presets quick,maml] [--seeds 3] [--every 25] [--updates N] [--out DIR]

Every preset is trained as `minisnn train --preset NAME` does, but checked every 25 updates on 40
validation tasks by the rule that it trains; the checks are not counted, nor are compiling and
recording. CPU seconds do not depend on what else the machine does; two idle cores take little more
than half of them. The price of a
meta-gradient stands above, so that machines can be compared: Table 1's network, 5-way 1-shot, 10
queries, second order. `--updates N` stops the long ones (preset paper, the constants of the paper's
authors, takes hours), and says what they had by then.
"""

import time
from dataclasses import replace
from pathlib import Path

import findings
import numpy as np

import minisnn as ms

LEVELS = (0.80, 0.90, 0.95, 0.97, 0.98)


def price() -> float:
    """CPU seconds of a meta-gradient, the least of five."""
    net = ms.SpikingNet((16, 32, 2), (32, 64, 128), 5)
    task = ms.DoubleNMnist("val", progress=False).episode(0, 0, 5, 1, 10)
    theta = net.init(np.random.default_rng(0), task.x_query, 0.15, "zero")
    calls = {"ms": lambda _: lambda: ms.meta_gradient(net, theta, task, step_size=4.0)}
    return min(findings.by_turns(calls, 5, clock=time.process_time)["ms"])


class Clock(ms.Executor):
    """Counts the CPU seconds of a run's updates, and ends it after `most` of them, as Ctrl-C would."""

    def __init__(self, most: int):
        self.most = most
        self.spent = [0.0]

    def in_order(self, function, items, collect, *, large=False):
        if large and len(self.spent) > self.most:
            raise KeyboardInterrupt
        began = time.process_time()
        super().in_order(function, items, collect, large=large)
        if large:  # an update, of other tasks than those of a check
            self.spent.append(self.spent[-1] + time.process_time() - began)


def trained(config: ms.TrainingConfig, out: Path, most: int) -> dict[str, np.ndarray]:
    """The curve of a run, made as far as `most` updates."""
    clock = Clock(most or config.updates)
    try:
        ms.train(config, out, executor=clock, force=True)
    except KeyboardInterrupt:
        if len(clock.spent) <= clock.most:  # the user's own
            raise
    curve = ms.read(out).curve
    return dict(curve, processor=np.array(clock.spent[1:]))


def found_in(curves: dict[str, list[dict]], task: float) -> findings.Findings:
    """Means over the seeds of a preset, by Student's t, of the seconds and updates to every level
    that all of them reached.

    curves   {preset: [curve of a seed, …]}
    task     CPU seconds of one meta-gradient
    """
    found = findings.Findings("preset, accuracy", "wall-clock time", "CPU time", "updates")
    columns = ("", "seconds", "s"), ("-cpu", "processor", "s"), ("-updates", "update", "")
    for name, runs in curves.items():
        for level in LEVELS:
            checks = [np.flatnonzero(curve["validation"] >= level) for curve in runs]
            if not all(map(len, checks)):
                continue
            names = []
            key = f"{name}-{100 * level:.0f}"
            for ending, column, unit in columns:
                values = [curve[column][check[0]] for curve, check in zip(runs, checks)]
                names.append(found.mean(f"{key}{ending}", values, unit))
            found.row(f"{name}, {100 * level:.0f} %", *names)
    found.add("task-cpu", task, "s")
    found.more = {"seeds": {name: len(runs) for name, runs in curves.items()}}
    return found


def main() -> None:
    how = dict(presets="quick,maml", seeds=3, every=25, updates=0)
    how["out"] = Path("runs/time-to-accuracy")
    args = findings.command_line(__doc__, **how).parse_args()
    task = price()
    checked = dict(evaluate_every=args.every, evaluate_episodes=40, test_episodes=0)
    curves: dict[str, list[dict]] = {}
    for name in args.presets.split(","):
        for seed in range(args.seeds):
            config = replace(ms.TrainingConfig.preset(name), seed=seed, **checked)
            curve = trained(config, args.out / f"{name}-{seed}", args.updates)
            curves.setdefault(name, []).append(curve)
    found_in(curves, task).write(args.json)


if __name__ == "__main__":
    main()
