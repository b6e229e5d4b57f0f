"""Lives of a device on boards in QEMU: python tests/benchmarks/edge_lives.py [--lives 20] [--events 200]

The full network of a checkpoint, taught shot by shot on a Cortex-M4 whose power goes in the midst of
saves. Everything that it tells, means, labels, distances, saved states, has the CRC-32 that plain
Python integers have. Their recordings are the first steps of the network's, as the emulator is slow.
Then its small build, with whole recordings, runs with 20 classes in 128 KiB of RAM, and with 250 in
512 KiB: the linker refuses a program that has no room. Needs the packages that hardware/c/boards.mk names.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

import minisnn as ms
from minisnn.data.sets.named import open_set
from minisnn.data.store.shipped import find_checkpoint
from minisnn.hardware.c import export
from minisnn.hardware.chip.network import IntegerNet
from minisnn.experiments.findings import figure
from minisnn.training.checkpoint import read

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "hardware"), str(TESTS)]
import lives  # noqa: E402

C = Path(export.__file__).parent
CLASSES, SAMPLES, SHOWN = 20, 10, 4  # SHOWN: as many as the flash of the small board holds
FLAGS = "-std=c99 -O2 -DBOARD -ffreestanding -ffunction-sections -fdata-sections -nostartfiles"
QEMU = "-nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel"


class Board(NamedTuple):
    """A machine of QEMU, its core, its clock in Hz, where flash and RAM lie, and their sizes."""

    machine: str
    core: str
    clock: int
    flash: tuple[int, int]
    ram: tuple[int, int]

    def with_ram(self, size: int) -> "Board":
        return self._replace(ram=(self.ram[0], size))


SMALL = Board("olimex-stm32-h405", "cortex-m4", 168_000_000, (1 << 27, 1 << 20), (1 << 29, 1 << 17))
LARGE = Board("mps2-an386", "cortex-m4", 25_000_000, (0, 1 << 22), (1 << 29, 1 << 22))


class Room(NamedTuple):
    """Of edge_lives.c: words of memory, cells of a step, bytes of a slot, classes."""

    words: int
    cells: int
    slot: int
    classes: int

    def flags(self) -> list[str]:
        return [f"-D{name.upper()}={value}" for name, value in self._asdict().items()]


class Lives:
    """edge_lives.c and the library, copied when this begins, so that all lives are of one code."""

    def __init__(self, folder: Path):
        self.folder = folder
        files = [TESTS / "hardware" / "edge_lives.c"]
        files += [C / name for name in ("board_arm.c", "board_episode.s", "board.ld")]
        for path in [*files, *C.glob("minisnn_edge*.[ch]")]:
            shutil.copy(path, folder)

    def crc(self, record: bytes, room: Room, board: Board) -> str:
        """The CRC-32 of all that the record's lives tell; SystemExit where they do not end well."""
        (self.folder / "selftest.bin").write_bytes(record)
        place = dict(FLASH=board.flash[0], FLASH_SIZE=board.flash[1], RAM=board.ram[0])
        place |= dict(RAM_SIZE=board.ram[1])
        command = ["arm-none-eabi-gcc", *FLAGS.split(), f"-DCLOCK={board.clock}u", *room.flags()]
        command += [f"-mcpu={board.core}", "-mthumb", "-mfloat-abi=soft"]
        command += [f"-Wl,--defsym={name}={at}" for name, at in place.items()]
        command += ["-Wl,--gc-sections", "-T", "board.ld", "-o", "lives.elf", "board_episode.s"]
        command += sorted(path.name for path in self.folder.glob("*.c"))
        self._run(command)
        said = self._run(["qemu-system-arm", "-M", board.machine, *QEMU.split(), "lives.elf"])
        if "crc " not in said:
            raise SystemExit(f"{board.machine}: {said.strip() or 'no output'}")
        return said.split("crc ")[1][:8]

    def _run(self, command: list[str]) -> str:
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if ran.returncode and command[0] != "qemu-system-arm":
            raise SystemExit(f"{command[0]}: {ran.stderr.strip()}")
        return ran.stdout + ran.stderr


def room_of(chip: IntegerNet, given: lives.Given, steps: int) -> Room:
    learner = chip.learner(rule="class-mean", rounding="nearest")
    words = export.memory(chip, learner, steps, given.classes)["small"] // 4
    if given.means.residuals:
        words += (len(chip.weight) * given.classes + 3) // 4
    return Room(words, int(np.prod(chip.input_shape)), given.size, given.classes)


def filled(given: lives.Given) -> tuple[bytes, np.ndarray]:
    """(record, what must be found) of a life that fills its room: each class added and taught once,
    then all samples are asked about."""
    one = lives.Life(given)
    part = given.classes // SHOWN
    events = [
        (lives.TEACH, 0, 0, -1 if n % part else min(n // part, SHOWN - 1))
        for n in range(given.classes - 1)
    ]
    events += [(lives.TEACH, 0, 0, 0), (lives.ASK, 0, 0, -1), (lives.ASK, 0, 0, 1)]
    for event in events:
        one.event(*event)
    numbers = [1, len(events), *(x for event in events for x in event)]
    return given.begin + np.array(numbers, "<i4").tobytes(), np.array(one.found)


def same(found: str, expected: np.ndarray) -> bool:
    return int(found, 16) == zlib.crc32(expected.astype("<i4").tobytes())


def main(options: argparse.Namespace) -> int:
    ms.set_threads(1)
    found = read(find_checkpoint(options.checkpoint))
    chip = IntegerNet.of(found)
    dataset, root = found.to_open(options.checkpoint, None, None)
    how = found.origin.options(dataset)
    task = open_set(dataset, "test", root, progress=False, **how).episode(0, 0, 5, 1, 1)
    whole = np.minimum(np.concatenate([task.x_support, task.x_query]), 7)[:SAMPLES]
    x = np.ascontiguousarray(whole[:, : options.steps])
    taught = seen_cuts = equal = compared = 0
    fits = {}
    with tempfile.TemporaryDirectory() as folder:
        device = Lives(Path(folder))
        for classes, board in ((20, SMALL), (250, LARGE.with_ram(512 * 1024))):
            given = lives.given(chip, whole[:SHOWN], 0, classes=classes, slots=False)
            room = room_of(chip, given, whole.shape[1])
            record, expected = filled(given)
            fits[classes] = same(device.crc(record, room, board), expected)
            print(f"{classes} classes in {board.ram[1]:,} bytes: {fits[classes]}", flush=True)
        for number in range(options.lives):
            given = lives.given(chip, x, number, number % 2 > 0, number % 4 > 1, CLASSES)
            rng = np.random.default_rng(number)
            record, one = lives.life(rng, given, options.events, options.shows)
            numbers = np.array([1, *record], "<i4").tobytes()
            told = device.crc(given.begin + numbers, room_of(chip, given, options.steps), LARGE)
            expected = np.array(one.found, np.int64)
            equal += same(told, expected)
            compared += len(expected)
            taught += one.seen[lives.LEARN]
            seen_cuts += one.seen["cut"]
            print(f"life {number}: {len(expected):,} numbers, {same(told, expected)}", flush=True)
    if options.json:
        counts = dict(lives=options.lives, events=options.events, steps=options.steps)
        counts |= dict(same=equal, numbers=compared, lessons=taught, cuts=seen_cuts)
        counts |= {f"fits-{n}": int(fits[n]) for n in fits}
        figures = {name: figure(number, "") for name, number in counts.items()}
        Path(options.json).write_text(json.dumps(dict(figures=figures)))
    return int(equal < options.lives or not all(fits.values()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="omniglot_fine.h5")
    parser.add_argument("--lives", type=int, default=20)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--steps", type=int, default=50, help="of a recording")
    parser.add_argument(
        "--shows",
        type=float,
        default=0.1,
        help="how often a lesson or question has a new recording",
    )
    parser.add_argument(
        "--json", metavar="OUT", help="write the figures, as records of results have them"
    )
    sys.exit(main(parser.parse_args()))
