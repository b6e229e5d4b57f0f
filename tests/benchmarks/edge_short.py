"""What 16-bit traces lose:

    python tests/benchmarks/edge_short.py [--episodes N]

The C library's stepwise build with P and Q in 16 bits against the Python chip on the same test
episodes (5-way 1-shot, 25 query samples, simulated Double N-MNIST, stochastic rounding with the
episode's own noise); needs a C compiler.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import edge
import findings
import numpy as np

from minisnn.hardware.c import export
from minisnn.hardware import one_shot
from minisnn.training.baselines import Answers, correct, drawn_by, rows_of

from edge_library import Library  # of tests/hardware


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--episodes", type=int, default=200)
    options = parser.parse_args(words)
    _, chip, learner, tasks = edge.device("double_nmnist_maml.h5")
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        task = tasks.episode(0, 0, chip.ways, 1, 5)
        export.write(Path(folder), chip, learner, task.x_support, task.y_support, task.x_query[:1])
        library = Library(Path(folder), "short", 100, chip.ways, flags=("-O3", "-march=native"))
        for index in range(options.episodes):
            task, now = tasks.episode(0, index, chip.ways, 1, 5), replace(learner, seed=1 + index)
            library("forget")
            library.set_learner(now, chip.readout)
            for x, label in zip(task.x_support, task.y_support):
                library.recording(x)
                library("learn", int(label))
            library("update")
            short = []
            for x, label in zip(task.x_query, task.y_query):
                library.recording(x)
                short.append(library.scores(chip.ways)[1] == label)
            exact = correct(one_shot(chip, now, task).u[:, -1], task)
            answers.append(Answers(np.concatenate([exact, [short]]), drawn_by(task)))
    rows = rows_of(["exact", "short"], answers)
    apart = rows["short"].less(rows["exact"])
    found = findings.Findings()
    for name, row in rows.items():
        found.add(name, row.mean, "%", row.interval and row.interval.half)
    found.add("less", apart.mean, "points", apart.interval and apart.interval.half)
    found.more = dict(episodes=options.episodes)
    print(found.figures)
    found.write(options.json)


if __name__ == "__main__":
    main()
