"""The C library on boards in QEMU:

    python tests/benchmarks/edge_boards.py [--boards m4,m3,rv32] [--builds small,short,stepwise]

Test episodes (5-way 1-shot, 25 query samples) are in a board's flash, with Table 1's network or that
of a checkpoint, which learns as `minisnn hardware export` has it; every number is compared with
Python's, but of the short build, whose traces have 16 bits. Prints RAM of the whole program, stack
included, and instructions a sample, QEMU's own count. Needs the packages that hardware/c/boards.mk
names.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import edge
import findings

from minisnn.hardware.c import export

BUILDS = {"small": "", "short": "-DEDGE_STEPWISE -DEDGE_SHORT", "stepwise": "-DEDGE_STEPWISE"}
NAMES = {"small": "small", "short": "stepwise, short", "stepwise": "stepwise"}
CORES = dict(m3="Cortex-M3", m4="Cortex-M4", m7="Cortex-M7", m33="Cortex-M33", rv32="RV32IMC")
CORES["m4-128k"] = "Cortex-M4"
COMPILERS = "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc"
PRINTED = re.compile(
    r"(\d+) numbers, (\d+) differ.*RAM (\d+) bytes, of them stack (\d+)\s+instructions a sample (\d+)",
    re.S,
)
HEADER = ["build", "core", "RAM (bytes)", "of it stack", "instructions a sample (millions)"]


def play(folder: Path, build: str, board: str) -> list[int]:
    """Numbers compared, those that differ, RAM, stack and instructions a sample of the episode in
    the folder."""
    command = ["make", "-s", "-B", "-f", "boards.mk", board, f"EDGE={BUILDS[build]}"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = PRINTED.search(ran.stdout + ran.stderr)  # semihosting writes to either
    if found is None:
        raise SystemExit(f"{build}, {board}: {(ran.stdout + ran.stderr).strip() or 'no output'}")
    return [int(number) for number in found.groups()]


def compilers() -> list[str]:
    """The cross compilers that are there."""
    there = [[name, "--version"] for name in COMPILERS if shutil.which(name)]
    return [subprocess.check_output(one, text=True).splitlines()[0] for one in there]


def main() -> int:
    how = dict(boards="m4,m3,rv32", builds=",".join(BUILDS), checkpoint="double_nmnist_maml.h5")
    options = findings.command_line(__doc__, episodes=1, **how).parse_args()
    _, chip, learner, tasks = edge.device(options.checkpoint)
    played: dict[tuple[str, str], list[list[int]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index in range(options.episodes):
            task = tasks.episode(0, index, chip.ways, 1, 5)
            samples = task.x_support, task.y_support, task.x_query
            export.write(folder, chip, replace(learner, seed=1 + index), *samples, force=True)
            for build in options.builds.split(","):
                for board in options.boards.split(","):
                    numbers = play(folder, build, board)
                    played.setdefault((build, board), []).append(numbers)
                    print(f"episode {index}, {NAMES[build]}, {CORES[board]}:", *numbers, flush=True)
    found = findings.Findings()
    rows = []
    exact = [one for (build, _), of in played.items() if build != "short" for one in of]
    compared, wrong = (sum(one[k] for one in exact) for k in (0, 1))
    weights = sum(layer.weight.size for layer in chip.layers)
    print(f"{compared - wrong} of {compared} numbers are Python's; {weights} bytes of weights")
    found.count(weights=weights, compared=compared, wrong=wrong, episodes=options.episodes)
    for (build, board), episodes in played.items():  # most RAM, and instructions of the first
        ram, stack = (max(one[k] for one in episodes) for k in (2, 3))
        instructions = episodes[0][4]
        found.add(f"{build}-{board}-ram", ram, "")
        found.add(f"{build}-{board}-instructions", instructions, "")
        of = f"{ram:,}", f"{stack:,}", f"{instructions / 1e6:.0f}"
        rows.append([NAMES[build], CORES[board], *of])
    table = dict(name="boards", title="RAM and instructions", header=HEADER, rows=rows, note="")
    found.more = dict(tables=[table], compilers=compilers())
    found.write(options.json)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
