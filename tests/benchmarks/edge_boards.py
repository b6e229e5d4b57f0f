"""The C library on boards in QEMU: python tests/benchmarks/edge_boards.py [--boards m4,m3,rv32]
[--builds small,short,stepwise]

Test episodes (5-way 1-shot, 25 query samples) lie in a board's flash, with Table 1's network or
that of a checkpoint, which learns as `minisnn hardware export` has it; every number is compared
with Python's, but of the short build, whose traces have 16 bits. Prints RAM of the whole program,
stack included, and instructions a sample, QEMU's own count. Needs the packages that
hardware/c/boards.mk names.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import minisnn as ms
from minisnn.hardware.c import export
from minisnn.hardware.chip.learner import learns_online
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.loihi.cuba import CubaNet
from minisnn.data.store.shipped import find_checkpoint
from minisnn.experiments.findings import figure
from minisnn.training.checkpoint import read
from minisnn.data.sets.named import open_set

BUILDS = {"small": "", "short": "-DEDGE_STEPWISE -DEDGE_SHORT", "stepwise": "-DEDGE_STEPWISE"}
NAMES = {"small": "small", "short": "stepwise, short", "stepwise": "stepwise"}
CORES = {
    "m3": "Cortex-M3",
    "m4": "Cortex-M4",
    "m4-128k": "Cortex-M4",
    "m7": "Cortex-M7",
    "m33": "Cortex-M33",
    "rv32": "RV32IMC",
}
SAID = re.compile(
    r"(\d+) numbers, (\d+) differ.*RAM (\d+) bytes, of them stack (\d+)\s+instructions a sample (\d+)",
    re.S,
)
HEADER = ["build", "core", "RAM (bytes)", "of it stack", "instructions a sample (millions)"]


def main(options: argparse.Namespace) -> int:
    ms.set_threads(1)
    found = read(find_checkpoint(options.checkpoint))
    chip = (CubaNet if isinstance(found.net.neuron, ms.CubaLIF) else IntegerNet).of(found)
    how = (
        dict(rule="class-mean", rounding="nearest")
        if isinstance(found.inner, ms.ClassMeans)
        else dict(online=learns_online(found.inner))
    )
    dataset, root = found.to_open(options.checkpoint, None, None)
    tasks = open_set(dataset, "test", root, progress=False, **found.origin.options(dataset))
    said: dict[tuple[str, str], list[list[int]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for index in range(options.episodes):
            task, learner = (
                tasks.episode(0, index, chip.ways, 1, 5),
                replace(chip.learner(**how), seed=1 + index),
            )
            export.write(
                Path(folder),
                chip,
                learner,
                task.x_support,
                task.y_support,
                task.x_query,
                force=True,
            )
            for build in options.builds.split(","):
                for board in options.boards.split(","):
                    said.setdefault((build, board), []).append(play(Path(folder), build, board))
                    print(
                        f"episode {index}, {NAMES[build]}, {CORES[board]}:",
                        *said[build, board][-1],
                        flush=True,
                    )
        weights = sum(layer.weight.size for layer in chip.layers)
    exact = [one for (build, _), episodes in said.items() if build != "short" for one in episodes]
    compared, wrong = (sum(one[k] for one in exact) for k in (0, 1))
    print(f"{compared - wrong} of {compared} numbers are Python's; {weights} bytes of weights")
    if options.json:
        counted = dict(weights=weights, compared=compared, wrong=wrong, episodes=options.episodes)
        write(
            Path(options.json), said, {name: figure(number, "") for name, number in counted.items()}
        )
    return int(wrong > 0)


def play(folder: Path, build: str, board: str) -> list[int]:
    """Numbers compared, those that differ, RAM, stack and instructions a sample of the episode that
    lies in the folder."""
    command = ["make", "-s", "-B", "-f", "boards.mk", board, f"EDGE={BUILDS[build]}"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = SAID.search(ran.stdout + ran.stderr)  # semihosting writes to either
    if found is None:
        raise SystemExit(f"{build}, {board}: {(ran.stdout + ran.stderr).strip() or 'no output'}")
    return [int(number) for number in found.groups()]


def write(path: Path, said: dict[tuple[str, str], list[list[int]]], figures: dict) -> None:
    """As records of results have it; of several episodes the most RAM, and instructions of the
    first."""
    rows = []
    for (build, board), episodes in said.items():
        ram, stack = (max(one[k] for one in episodes) for k in (2, 3))
        figures[f"{build}-{board}-ram"] = figure(ram, "")
        figures[f"{build}-{board}-instructions"] = figure(episodes[0][4], "")
        rows.append(
            [NAMES[build], CORES[board], f"{ram:,}", f"{stack:,}", f"{episodes[0][4] / 1e6:.0f}"]
        )
    table = dict(name="boards", title="RAM and instructions", header=HEADER, rows=rows, note="")
    path.write_text(
        json.dumps(dict(figures=figures, more=dict(tables=[table], compilers=compilers())))
    )


def compilers() -> list[str]:
    """The cross compilers that are there."""
    there = [
        name for name in ("arm-none-eabi-gcc", "riscv64-unknown-elf-gcc") if shutil.which(name)
    ]
    said = [
        subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout
        for name in there
    ]
    return [one.splitlines()[0] for one in said]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=1)
    parser.add_argument("--boards", default="m4,m3,rv32", help=f"some of {','.join(CORES)}")
    parser.add_argument(
        "--builds", default="small,short,stepwise", help=f"some of {','.join(BUILDS)}"
    )
    parser.add_argument("--checkpoint", default="double_nmnist_maml.h5")
    parser.add_argument(
        "--json", metavar="OUT", help="write the figures, as records of results have them"
    )
    sys.exit(main(parser.parse_args()))
