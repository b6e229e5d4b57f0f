"""Some episodes of `minisnn hardware classes` again by the C library, compiled on this computer, and
the instructions of a recording:

    python tests/benchmarks/edge_classes.py [--checkpoint FILE] [--most N] [--instructions]

The first episode of each number of classes and shots is played, the smallest first, as long as there
are no more recordings than --most. --instructions counts those of a recording on a Cortex-M4 in QEMU
(gcc-arm-none-eabi, qemu-system-arm).
"""

import subprocess
import tempfile
from itertools import product
from pathlib import Path

import edge
import edge_boards
import findings
import numpy as np

from minisnn.hardware.c import episode, export
from minisnn.hardware.study import classes, drawings


ASKED = 50  # recordings of an episode that the C library is asked about
SEED, QUERIES = 0, 10  # of the study


def both(
    program: Path, device: edge.Device, ways: int, shots: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and distances, (n, 1 + classes), of the library and of Python."""
    _, chip, learner, tasks = device
    task = drawings.numbered(tasks).episode(SEED, 0, ways, shots, QUERIES)
    rng = classes.shuffled(SEED, 0)
    order = rng.permutation(len(task.y_support))
    labels = task.y_support[order]
    asked = rng.permutation(len(task.y_query))[:ASKED]
    places = drawings.places(task.x_support)[order], drawings.places(task.x_query)[asked]
    x = tasks.pool.side_by_side(np.concatenate(places))
    found = answers(program, ways, x, labels)
    p = chip.counted_alone().traces_of(x, learner.seed)[:, -1]
    means = classes.taught(p, labels, range(len(labels)))
    query = p[len(labels) :]
    nearest = [means.nearest(one.astype(np.int64)) for one in query]
    return found, np.column_stack([nearest, means.distances(query)])


def compiled(folder: Path, device: edge.Device) -> Path:
    """answers.c with the library and this network."""
    _, chip, learner, tasks = device
    header = export.header(chip, learner, tasks.pool.shape[0])
    (folder / "chip.h").write_text(header, encoding="ascii")
    library = Path(export.__file__).parent
    names = [*export.LIBRARY, f"minisnn_edge_{chip.kind}.c"]
    sources = [library / name for name in names if name.endswith(".c")]
    command = ["cc", "-std=c99", "-O3", f"-I{library}", f"-I{folder}", "-o", folder / "answers"]
    subprocess.run([*command, Path(__file__).with_name("answers.c"), *sources], check=True)
    return folder / "answers"


def answers(program: Path, classes: int, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n, 1 + classes), labels and distances, of the recordings x, counts (T, H, W, C), after the
    first ones, which are taught with these labels."""
    sizes = classes, x.shape[1], len(labels), len(x) - len(labels)
    record = [np.array([*sizes, *labels], "<u4").tobytes()]
    for one in x:
        listed, per_step = episode.events(np.minimum(one, 7))
        record += [per_step.astype("<u2").tobytes(), listed.tobytes()]
    ran = subprocess.run([program], input=b"".join(record), stdout=subprocess.PIPE, check=True)
    found = np.frombuffer(ran.stdout, "<i4").reshape(-1, 1 + classes).astype(np.int64)
    found[:, 1:] %= 2**32
    return found


def instructions(device: edge.Device) -> int:
    """Of a recording on a Cortex-M4 in QEMU, of the first two of the set."""
    _, chip, learner, tasks = device
    symbols = tasks.made_of[tasks.classes[0]]
    first = np.concatenate([tasks.symbols[one] for one in symbols])[:2]
    x = tasks.pool.side_by_side(np.repeat(first[:, None], len(symbols), 1))
    with tempfile.TemporaryDirectory() as folder:
        export.write(Path(folder), chip, learner, x[:1], np.zeros(1, np.int64), x[1:], force=True)
        return edge_boards.play(Path(folder), "small", "m4")[-1]


def main() -> None:
    parser = findings.command_line(__doc__, checkpoint="omniglot_fine.h5", most=300)
    parser.add_argument("--instructions", action="store_true")
    args = parser.parse_args()
    device = edge.device(args.checkpoint)
    asked = product(classes.how_many(classes.WAYS, device.tasks, False), classes.SHOTS)
    recordings = compared = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder), device)
        for ways, shots in sorted(asked, key=np.prod):
            number = ways * shots + min(ASKED, ways * QUERIES)
            if recordings + number > args.most:
                continue
            recordings += number
            one, other = both(program, device, ways, shots)
            compared += other.size
            wrong += int((one != other).sum())
    print(f"{recordings:,} recordings: {wrong:,} of {compared:,} answers and distances differ")
    made = findings.Findings()
    made.count(recordings=recordings, compared=compared, wrong=wrong)
    if args.instructions:
        made.count(instructions=instructions(device))
        print(f"{made.figures['instructions']['value']:,.0f} instructions a recording")
    made.write(args.json)


if __name__ == "__main__":
    main()
