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
from minisnn.training.baselines import answers, rows_of

from edge_library import Library  # of tests/hardware


def main() -> None:
    options = findings.command_line(__doc__, episodes=200).parse_args()
    _, chip, learner, tasks = edge.device("double_nmnist_maml.h5")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        task = tasks.episode(0, 0, chip.ways, 1, 5)
        export.write(Path(folder), chip, learner, task.x_support, task.y_support, task.x_query[:1])
        library = Library(Path(folder), "short", 100, chip.ways, flags=("-O3", "-march=native"))
        for index in range(options.episodes):
            now = replace(learner, seed=1 + index)

            def exact(task, now=now):
                return one_shot(chip, now, task).u[:, -1]

            def short(task, now=now):
                library("forget")
                library.set_learner(now, chip.readout)
                for x, label in zip(task.x_support, task.y_support):
                    library.recording(x)
                    library("learn", int(label))
                library("update")
                chosen = []
                for x in task.x_query:
                    library.recording(x)
                    chosen.append(library.scores(chip.ways)[1])
                return np.eye(chip.ways)[chosen]

            found.append(answers(tasks, [exact, short], 0, chip.ways, 1, 5, index))
    rows = rows_of(["exact", "short"], found)
    made = findings.Findings()
    for name, row in dict(rows, less=rows["short"].less(rows["exact"])).items():
        unit = "points" if name == "less" else "%"
        made.add(name, row.mean, unit, row.interval and row.interval.half)
    made.more = dict(episodes=options.episodes)
    made.write(options.json)


if __name__ == "__main__":
    main()
