"""How long a run takes to be good: seconds and tasks from random weights to an accuracy on
validation tasks.

    python tests/benchmarks/time_to_accuracy.py [--presets quick,maml] [--seeds 3] [--every 25] [--updates N] [--out DIR]

Every preset is trained as `minisnn train --preset NAME` does, but checked every 25 updates on 40
validation tasks by the rule that it trains; the checks are not counted, nor are compiling and
recording. CPU seconds do not depend
on what else the machine does; two idle cores take little more than half of them. The price of a
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
from minisnn.training import run as training
from minisnn.data.sets.named import open_set
from minisnn.training.intervals import over_trials
from minisnn.training.presets import PRESETS, preset

LEVELS = (0.80, 0.90, 0.95, 0.97, 0.98)


def price() -> float:
    """CPU seconds of a meta-gradient, the least of five."""
    net = ms.SpikingNet((16, 32, 2), (32, 64, 128), 5)
    task = ms.DoubleNMnist("val", progress=False).episode(0, 0, 5, 1, 10)
    theta = net.init(np.random.default_rng(0), task.x_query, 0.15, "zero")
    calls = {"ms": lambda _: lambda: ms.meta_gradient(net, theta, task, step_size=4.0)}
    return min(findings.by_turns(calls, 5, clock=time.process_time)["ms"])


class Counted(training._Run):
    """A run whose log counts the seconds of its updates, by the wall clock and of the CPU."""

    def _update(self, state):
        began, wall = time.process_time(), time.perf_counter()
        new, row = super()._update(state)
        row["processor"] = (
            (self.rows[-1]["processor"] if self.rows else 0.0) + time.process_time() - began
        )
        row["seconds"] = (
            (self.rows[-1]["seconds"] if self.rows else 0.0) + time.perf_counter() - wall
        )
        return new, row


def first_at(rows: list[dict], level: float) -> dict | None:
    """The first check that found at least this accuracy."""
    return next((row for row in rows if row.get("validation", 0.0) >= level), None)


def found_in(logs: dict[str, list[list[dict]]], task: float) -> findings.Findings:
    """Means over the seeds of a preset, by Student's t, of the seconds and updates to every level
    that all of them reached.

    logs   {preset: [log of a seed, …]}
    task   CPU seconds of one meta-gradient
    """
    found = findings.Findings("preset, accuracy", "wall-clock time", "CPU time", "updates")
    for name, runs in logs.items():
        for level in LEVELS:
            checks = [first_at(rows, level) for rows in runs]
            reached = [check for check in checks if check is not None]
            if len(reached) < len(checks):
                continue
            names, key = [], f"{name}-{100 * level:.0f}"
            for ending, column, unit in (
                ("", "seconds", "s"),
                ("-cpu", "processor", "s"),
                ("-updates", "update", ""),
            ):
                values = [check[column] for check in reached]
                half = over_trials(values) if len(values) > 1 else None
                names.append(found.add(f"{key}{ending}", float(np.mean(values)), unit, half))
            found.row(f"{name}, {100 * level:.0f} %", *names)
    found.add("task-cpu", task, "s")
    found.more = {"seeds": {name: len(runs) for name, runs in logs.items()}}
    return found


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument(
        "--presets", default="quick,maml", help=f"of {', '.join(PRESETS)}, with commas"
    )
    for name, value in (("seeds", 3), ("every", 25), ("updates", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--out", type=Path, default=Path("runs/time-to-accuracy"))
    args = parser.parse_args(words)
    task = price()
    logs: dict[str, list[list[dict]]] = {}
    for name in args.presets.split(","):
        for seed in range(args.seeds):
            config = replace(
                preset(name),
                seed=seed,
                evaluate_every=args.every,
                evaluate_episodes=40,
                test_episodes=0,
            )
            rows = trained(config, args.out / f"{name}-{seed}", args.updates)
            logs.setdefault(name, []).append(rows)
    found_in(logs, task).write(args.json)


def trained(config, out: Path, most: int) -> list[dict]:
    """The log of a run, made as far as `most` updates."""
    how = {split: config.recordings(split) for split in ("train", "val")}
    data = {split: open_set(config.dataset, split, **how[split]) for split in how}
    with training.RunFolder(out) as folder:
        one = Counted(config, folder, data, progress=True)
        state = one._start()
        while state.update < (most or config.updates):
            state, row = one._update(state)
            one.rows.append(row)
            if state.update % config.evaluate_every == 0:
                asked = state, "val", config.evaluate_episodes, config.seed
                row["validation"] = one._evaluate(*asked, progress=False)["accuracy_after"]
    return one.rows


if __name__ == "__main__":
    main()
