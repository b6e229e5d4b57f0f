"""The C library on boards in QEMU: python tests/benchmarks/edge_boards.py [EPISODES] [BOARD] [FLAGS] [CHECKPOINT]

Episodes of simulated Double N-MNIST (5-way 1-shot, 25 query samples) lie in a board's flash, with Table 1's network or that of
a checkpoint of either neuron, which learns as `minisnn hardware export` has it; every number is compared with Python's.
Prints RAM of the whole program, stack included, and instructions a sample. Needs the packages that hardware/c/boards.mk names.
BOARD is one of its boards (default: m4-128k), FLAGS choose the build.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import minisnn as ms
from hardware.c import export
from hardware.chip.network import IntegerNet
from hardware.command import MEANS
from hardware.loihi.cuba import CubaNet
from minisnn.data.store.shipped import shipped
from minisnn.training.evaluation import open_set


def main(episodes: int, board: str, flags: str, checkpoint: str) -> int:
    ms.set_threads(1)
    found, wrong = ms.read(Path(checkpoint) if Path(checkpoint).exists() else shipped(checkpoint)), 0
    chip = (CubaNet if isinstance(found.net.neuron, ms.CubaLIF) else IntegerNet).of(found)
    how = MEANS if isinstance(found.inner, ms.ClassMeans) else {}
    tasks = open_set("double-nmnist", "test", progress=False)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(episodes):
            task, learner = tasks.episode(0, index, chip.ways, 1, 5), replace(chip.learner(**how), seed=1 + index)
            export.write(Path(folder), chip, learner, task.x_support, task.y_support, task.x_query)
            command = ["make", "-s", "-f", "boards.mk", board, f"EDGE={flags}"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            wrong += ran.returncode != 0
            print(f"episode {index}:", "; ".join((ran.stdout + ran.stderr).splitlines()), flush=True)
    print(f"{episodes - wrong} of {episodes} episodes agree in every number")
    return int(wrong > 0)


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["20", "m4-128k", "", "double_nmnist_maml.h5"][len(sys.argv) - 1 :]
    sys.exit(main(int(arguments[0]), *arguments[1:4]))
