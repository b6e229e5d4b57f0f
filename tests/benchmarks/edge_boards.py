"""The C library on boards in QEMU: python tests/benchmarks/edge_boards.py [EPISODES] [BOARD] [FLAGS]

Episodes of simulated Double N-MNIST (5-way 1-shot, 25 query samples) with Table 1's network lie in a board's flash; every
number is compared with the Python chip's. Prints RAM of the whole program, stack included, and instructions a sample. Needs
the packages that hardware/c/boards.mk names. BOARD is one of its boards (default: m4-128k), FLAGS choose the build.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import minisnn as ms
from hardware.c import export
from hardware.chip.network import IntegerNet
from minisnn.data.store.shipped import shipped
from minisnn.training.evaluation import open_set


def main(episodes: int, board: str, flags: str) -> int:
    ms.set_threads(1)
    chip, wrong = IntegerNet.of(ms.read(shipped("double_nmnist_maml.h5"))), 0
    tasks = open_set("double-nmnist", "test", progress=False)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(episodes):
            task, learner = tasks.episode(0, index, chip.ways, 1, 5), replace(chip.learner(), seed=1 + index)
            export.write(Path(folder), chip, learner, task.x_support, task.y_support, task.x_query)
            command = ["make", "-s", "-f", "boards.mk", board, f"EDGE={flags}"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            wrong += ran.returncode != 0
            print(f"episode {index}:", "; ".join((ran.stdout + ran.stderr).splitlines()), flush=True)
    print(f"{episodes - wrong} of {episodes} episodes agree in every number")
    return int(wrong > 0)


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["20", "m4-128k", ""][len(sys.argv) - 1 :]
    sys.exit(main(int(arguments[0]), *arguments[1:3]))
