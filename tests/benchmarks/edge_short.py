"""What 16-bit traces lose: python tests/benchmarks/edge_short.py [--episodes N]

The C library's stepwise build with P and Q in 16 bits against the Python chip on the same test
episodes (5-way 1-shot, 25 query samples, simulated Double N-MNIST, stochastic rounding with the
episode's own noise); needs a C compiler.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "hardware"), str(Path(__file__).parents[1])]
from edge_library import Library  # noqa: E402

import minisnn as ms  # noqa: E402
from minisnn.hardware.c import export  # noqa: E402
from minisnn.hardware.chip.learner import one_shot  # noqa: E402
from minisnn.hardware.chip.network import IntegerNet  # noqa: E402
from minisnn.data.store.shipped import shipped  # noqa: E402
from minisnn.experiments.findings import figure  # noqa: E402
from minisnn.training.baselines import Answers, Row, correct, drawn_by, rows_of  # noqa: E402
from minisnn.data.sets.named import open_set  # noqa: E402


def main(episodes: int, out: str | None) -> None:
    ms.set_threads(1)
    chip = IntegerNet.of(ms.read(shipped("double_nmnist_maml.h5")))
    learner, tasks = chip.learner(seed=1), open_set("double-nmnist", "test", progress=False)
    with tempfile.TemporaryDirectory() as folder:
        task = tasks.episode(0, 0, chip.ways, 1, 5)
        export.write(Path(folder), chip, learner, task.x_support, task.y_support, task.x_query[:1])
        edge, found = (
            Library(Path(folder), "short", 100, chip.ways, flags=("-O3", "-march=native")),
            [],
        )
        for index in range(episodes):
            task, now = tasks.episode(0, index, chip.ways, 1, 5), replace(learner, seed=1 + index)
            edge("forget")
            edge.set_learner(now, chip.readout)
            for x, label in zip(task.x_support, task.y_support):
                edge.recording(x)
                edge("learn", int(label))
            edge("update")
            short = []
            for x, label in zip(task.x_query, task.y_query):
                edge.recording(x)
                short.append(edge.scores(chip.ways)[1] == label)
            exact = correct(one_shot(chip, now, task).u[:, -1], task)
            found.append(Answers(np.concatenate([exact, [short]]), drawn_by(task)))
            if index % 20 == 19 or index + 1 == episodes:
                rows = rows_of(["exact", "short"], found)
                report(*rows.values())
    if out:
        less, apart = rows["short"].less(rows["exact"])
        figures = {
            name: figure(row.mean, "%", row.interval and row.interval.half)
            for name, row in rows.items()
        }
        figures["less"] = figure(less, "points", apart.lead and apart.lead.half)
        Path(out).write_text(json.dumps(dict(figures=figures, more=dict(episodes=episodes))))


def report(exact: Row, short: Row) -> None:
    less, apart = short.less(exact)
    margin = 0.0 if apart.lead is None else apart.lead.half
    means = f"exact {100 * exact.mean:.2f} %, 16 bits {100 * short.mean:.2f} %"
    print(
        f"{len(exact.per_episode)} episodes: {means}, {100 * less:+.2f} ± {100 * margin:.2f} "
        "points",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument(
        "--json", metavar="OUT", help="write the figures, as records of results have them"
    )
    options = parser.parse_args()
    main(options.episodes, options.json)
