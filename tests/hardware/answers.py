"""What the compiled C library answers on this computer, and how many instructions a recording takes
on a board in QEMU."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from minisnn.hardware.c import export
from minisnn.hardware.c.episode import events
from minisnn.hardware.chip.learner import Learner
from minisnn.hardware.chip.network import IntegerNet

COMPILERS = "cc", "gcc", "clang"
BOARD = "make", "arm-none-eabi-gcc", "qemu-system-arm"
_C = Path(export.__file__).parent
_COUNTED = re.compile(r"(\d+) numbers, (\d+) differ.*instructions a sample (\d+)", re.S)


def compiler() -> str | None:
    """A C compiler of this computer."""
    return next((name for name in COMPILERS if shutil.which(name)), None)


def program(folder: Path, chip: IntegerNet, learner: Learner, steps: int) -> Path:
    """answers.c with the library and this network, compiled into a folder by `compiler`.

    Raises ValueError, with the compiler's last line, where it cannot.
    """
    (folder / "chip.h").write_text(export.header(chip, learner, steps), encoding="ascii")
    sources = [name for name in export.LIBRARY if name.endswith(".c")]
    path = folder / "answers"
    command = [str(compiler()), "-std=c99", "-O3", f"-I{_C}", f"-I{folder}", "-o", str(path)]
    command.append(str(Path(__file__).with_name("answers.c")))
    command += [str(_C / name) for name in (*sources, f"minisnn_edge_{chip.kind}.c")]
    ran = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if ran.returncode:
        said = ran.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ValueError(f"{command[0]} could not compile the C library: {said[0]}")
    return path


def answers(
    program: Path, classes: int, taught: Iterable[np.ndarray], labels: Sequence[int], asked: list
) -> tuple[np.ndarray, np.ndarray]:
    """(labels (n,), distances (n, classes)) of recordings `asked`, counts (T, H, W, C), after those
    of `taught` with these labels; ValueError where the program fails."""
    sizes = [classes, len(asked[0]), len(labels), len(asked)]
    record = program.with_name("record.bin")
    with open(record, "wb") as file:
        file.write(np.array([*sizes, *labels], "<u4").tobytes())
        for several in (taught, asked):
            for x in several:
                listed, per_step = events(np.minimum(x, 7))
                file.write(per_step.astype("<u2").tobytes() + listed.tobytes())
    with open(record, "rb") as file:
        ran = subprocess.run([program], stdin=file, capture_output=True)
    if ran.returncode:
        raise ValueError(f"the C library failed: {ran.stderr.decode(errors='replace').strip()}")
    found = np.frombuffer(ran.stdout, "<i4").reshape(len(asked), 1 + classes)
    return found[:, 0], found[:, 1:].astype(np.int64) % 2**32


def instructions(folder: Path, chip: IntegerNet, learner: Learner, x: np.ndarray) -> int:
    """Instructions a recording, on a Cortex-M4 in QEMU: of the first of counts x (2, T, H, W, C) as
    it is shown and taught, and of the second as it is asked about.

    Raises ValueError where a tool of BOARD is missing, or a number differs from Python's.
    """
    missing = [name for name in BOARD if shutil.which(name) is None]
    if missing:
        raise ValueError(
            f"instructions are counted by {', '.join(BOARD)}; there is no {' and no '.join(missing)}"
        )
    export.write(folder, chip, learner, x[:1], np.zeros(1, np.int64), x[1:])
    command = ["make", "-s", "-f", "boards.mk", "m4"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    said = ran.stdout + ran.stderr  # where a board's words come depends on QEMU
    found = _COUNTED.search(said)
    if found is None or int(found[2]):
        raise ValueError(f"the board in QEMU failed: {said.strip()[-200:] or 'no output'}")
    return int(found[3])
