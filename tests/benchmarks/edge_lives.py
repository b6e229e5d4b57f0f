"""Lives of a device on boards in QEMU:

    python tests/benchmarks/edge_lives.py [--lives 20] [--events 200] [--steps 50] [--shows 0.1]

The full network of a checkpoint, taught shot by shot on a Cortex-M4 whose power goes in the midst of
saves. Everything that it tells, means, labels, distances, saved states, has the CRC-32 that plain
Python integers have. Their recordings are the first --steps of the network's, as the emulator is slow; a
lesson has a new one at a rate of --shows.
Then its small build, with whole recordings, runs with 20 classes in 128 KiB of RAM, and with 250 in
512 KiB: the linker refuses a program that has no room. Needs the packages that hardware/c/boards.mk names.
"""

import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

import edge
import findings
import numpy as np

from minisnn.hardware.c import export
from minisnn.hardware import IntegerNet

import lives  # of tests/hardware

C = Path(export.__file__).parent
CLASSES, SAMPLES, SHOWN = 20, 10, 4  # SHOWN: as many as the flash of the small board holds
FLAGS = "-std=c99 -O2 -DBOARD -ffreestanding -ffunction-sections -fdata-sections -nostartfiles"
FLAGS += " -mcpu=cortex-m4 -mthumb -mfloat-abi=soft -Wl,--gc-sections -T board.ld -o lives.elf"
QEMU = "-nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel"


class Board(NamedTuple):
    """A machine of QEMU, its clock in Hz, and where flash and RAM begin, with their sizes."""

    machine: str
    clock: int
    flash: tuple[int, int]
    ram: tuple[int, int]


SMALL = Board("olimex-stm32-h405", 168_000_000, (1 << 27, 1 << 20), (1 << 29, 128 * 1024))
LARGE = Board("mps2-an386", 25_000_000, (0, 1 << 22), (1 << 29, 1 << 22))


def copied(folder: Path) -> None:
    """edge_lives.c and the library, copied when this begins, so that all lives are of one code."""
    files = [C / name for name in ("board_arm.c", "board_episode.s", "board.ld")]
    for path in [edge.TESTS / "hardware" / "edge_lives.c", *files, *C.glob("minisnn_edge*.[ch]")]:
        shutil.copy(path, folder)


def crc(folder: Path, record: bytes, room: dict[str, int], board: Board) -> int:
    """The CRC-32 of all that the record's lives tell; SystemExit where they do not end well."""
    (folder / "selftest.bin").write_bytes(record)
    place = dict(FLASH=board.flash[0], FLASH_SIZE=board.flash[1], RAM=board.ram[0])
    place |= dict(RAM_SIZE=board.ram[1])
    command = ["arm-none-eabi-gcc", *FLAGS.split(), f"-DCLOCK={board.clock}u"]
    command += [f"-D{name}={value}" for name, value in room.items()]
    command += [f"-Wl,--defsym={name}={at}" for name, at in place.items()]
    command += ["board_episode.s", *sorted(path.name for path in folder.glob("*.c"))]
    subprocess.run(command, cwd=folder, check=True)
    command = ["qemu-system-arm", "-M", board.machine, *QEMU.split(), "lives.elf"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    printed = ran.stdout + ran.stderr
    if "crc " not in printed:
        raise SystemExit(f"{board.machine}: {printed.strip() or 'no output'}")
    return int(printed.split("crc ")[1][:8], 16)


def room_of(chip: IntegerNet, given: lives.Given, steps: int) -> dict[str, int]:
    """Of edge_lives.c: words of memory, cells of a step, bytes of a slot, classes."""
    learner = chip.learner(rule="class-mean", rounding="nearest")
    words = export.memory(chip, learner, steps, given.classes)["small"] // 4
    if given.means.residuals:
        words += (len(chip.weight) * given.classes + 3) // 4
    cells = int(np.prod(chip.input_shape))
    return dict(WORDS=words, CELLS=cells, SLOT=given.size, CLASSES=given.classes)


def filled(given: lives.Given) -> tuple[bytes, list[int]]:
    """(record, what must be found) of a life that fills its room: each class added and taught once,
    then all samples are asked about."""
    one = lives.Life(given)
    part = given.classes // SHOWN
    shown = [-1 if n % part else min(n // part, SHOWN - 1) for n in range(given.classes - 1)]
    events = [(lives.TEACH, 0, 0, sample) for sample in [*shown, 0]]
    events += [(lives.ASK, 0, 0, -1), (lives.ASK, 0, 0, 1)]
    for event in events:
        one.event(*event)
    numbers = [1, len(events), *(x for event in events for x in event)]
    return given.begin + np.array(numbers, "<i4").tobytes(), one.found


def same(found: int, expected: list[int]) -> bool:
    return found == zlib.crc32(np.array(expected).astype("<i4").tobytes())


def main() -> int:
    how = dict(checkpoint="omniglot_fine.h5", lives=20, events=200, steps=50, shows=0.1)
    options = findings.command_line(__doc__, **how).parse_args()
    _, chip, _, tasks = edge.device(options.checkpoint)
    task = tasks.episode(0, 0, 5, 1, 1)
    whole = np.minimum(np.concatenate([task.x_support, task.x_query]), 7)[:SAMPLES]
    x = np.ascontiguousarray(whole[:, : options.steps])
    counts = dict(lives=options.lives, events=options.events, steps=options.steps)
    counts |= dict.fromkeys(("same", "numbers", "lessons", "cuts"), 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(folder)
        for classes, board in ((20, SMALL), (250, LARGE._replace(ram=(1 << 29, 512 * 1024)))):
            given = lives.given(chip, whole[:SHOWN], 0, classes=classes, slots=False)
            record, expected = filled(given)
            fits = same(crc(folder, record, room_of(chip, given, whole.shape[1]), board), expected)
            counts[f"fits_{classes}"] = int(fits)
            print(f"{classes} classes in {board.ram[1]:,} bytes: {fits}", flush=True)
        for number in range(options.lives):
            given = lives.given(chip, x, number, number % 2 > 0, number % 4 > 1, CLASSES)
            rng = np.random.default_rng(number)
            record, one = lives.life(rng, given, options.events, options.shows)
            data = given.begin + np.array([1, *record], "<i4").tobytes()
            alike = same(crc(folder, data, room_of(chip, given, options.steps), LARGE), one.found)
            counts["same"] += alike
            counts["numbers"] += len(one.found)
            counts["lessons"] += one.seen[lives.LEARN]
            counts["cuts"] += one.seen["cut"]
            print(f"life {number}: {len(one.found):,} numbers, {alike}", flush=True)
    found = findings.Findings()
    found.count(**counts)
    found.write(options.json)
    return int(counts["same"] < options.lives or not counts["fits_20"] * counts["fits_250"])


if __name__ == "__main__":
    sys.exit(main())
