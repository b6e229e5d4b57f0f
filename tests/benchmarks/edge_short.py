"""What 16-bit traces lose: python tests/benchmarks/edge_short.py [EPISODES]

The C library's stepwise build with P and Q in 16 bits against the Python chip on the same test episodes (5-way 1-shot, 25 query
samples, simulated Double N-MNIST, stochastic rounding with the episode's own noise); needs a C compiler.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "hardware"), str(Path(__file__).parents[1])]
from edge_library import Library  # noqa: E402

import minisnn as ms  # noqa: E402
from hardware.c import export  # noqa: E402
from hardware.chip.learner import one_shot  # noqa: E402
from hardware.chip.network import IntegerNet  # noqa: E402
from minisnn.data.store.shipped import shipped  # noqa: E402
from minisnn.training.evaluation import open_set  # noqa: E402


def main(episodes: int) -> None:
    ms.set_threads(1)
    chip = IntegerNet.of(ms.read(shipped("double_nmnist_maml.h5")))
    learner, tasks = chip.learner(seed=1), open_set("double-nmnist", "test", progress=False)
    with tempfile.TemporaryDirectory() as folder:
        task = tasks.episode(0, 0, chip.ways, 1, 5)
        export.write(Path(folder), chip, learner, task.x_support, task.y_support, task.x_query[:1])
        edge, found = Library(Path(folder), "short", 100, chip.ways, flags=("-O3", "-march=native")), []
        for index in range(episodes):
            task, now = tasks.episode(0, index, chip.ways, 1, 5), replace(learner, seed=1 + index)
            edge("forget")
            edge.set_learner(now, chip.readout)
            for x, label in zip(task.x_support, task.y_support):
                edge.recording(x)
                edge("learn", int(label))
            edge("update")
            hits = 0
            for x, label in zip(task.x_query, task.y_query):
                edge.recording(x)
                hits += edge.scores(chip.ways)[1] == label
            found.append((one_shot(chip, now, task).accuracy, hits / len(task.y_query)))
            if index % 20 == 19:
                report(np.array(found))


def report(found: np.ndarray) -> None:
    exact, short = 100 * found.mean(0)
    loss = 100 * (found[:, 0] - found[:, 1])
    margin = 1.96 * loss.std(ddof=1) / np.sqrt(len(loss))
    loss = f"{loss.mean():.2f} ± {margin:.2f}"
    print(f"{len(found)} episodes: exact {exact:.2f} %, 16 bits {short:.2f} %, loss {loss} points", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
