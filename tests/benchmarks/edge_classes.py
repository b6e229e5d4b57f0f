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

from minisnn.hardware.c import export
from minisnn.hardware.c.episode import events
from minisnn.hardware.command import SYMBOLS
from minisnn.hardware.study import classes, drawings
from minisnn.hardware.study.classes import How
from minisnn.hardware.study.drawings import Traces, numbered, places
from minisnn.parallel.executor import Executor


ASKED = 50  # recordings of an episode that the C library is asked about


def episode(
    program: Path, device: edge.Device, traces: Traces, how: How, ways: int, shots: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and distances, (n, 1 + classes), of the library and of Python."""
    _, chip, learner, tasks = device
    one = traces.of(numbered(tasks).episode(how.seed, 0, ways, shots, how.queries))
    labels = one.task.y_support
    rng = classes.shuffled(how.seed, 0)
    order = rng.permutation(len(labels))
    asked = rng.permutation(len(one.query))[:ASKED]
    taught, query = places(one.task.x_support)[order], places(one.task.x_query)[asked]
    shown, tested = ([tasks.pool.side_by_side(x[None])[0] for x in of] for of in (taught, query))
    found = answers(program, ways, shown, labels[order].tolist(), tested)
    p = traces.integers[one.support[order]], traces.integers[one.query[asked]]
    if chip.kind == "cuba":  # its noise goes on from one recording to the next
        x = tasks.pool.side_by_side(np.concatenate([taught, query]))
        p = np.split(chip.counted_alone().traces_of(x, learner.seed)[:, -1], [len(taught)])
    means = classes.taught(p[0], labels[order], range(len(order)))
    nearest = [means.nearest(one.astype(np.int64)) for one in p[1]]
    return np.column_stack(found), np.column_stack([nearest, means.distances(p[1])])


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


def answers(
    program: Path, classes: int, taught: list, labels: list[int], asked: list
) -> tuple[np.ndarray, np.ndarray]:
    """(labels (n,), distances (n, classes)) of recordings `asked`, counts (T, H, W, C), after those
    of `taught` with these labels."""
    record = [np.array([classes, len(asked[0]), len(labels), len(asked), *labels], "<u4").tobytes()]
    for x in (*taught, *asked):
        listed, per_step = events(np.minimum(x, 7))
        record += [per_step.astype("<u2").tobytes(), listed.tobytes()]
    ran = subprocess.run([program], input=b"".join(record), stdout=subprocess.PIPE, check=True)
    found = np.frombuffer(ran.stdout, "<i4").reshape(len(asked), 1 + classes)
    return found[:, 0], found[:, 1:].astype(np.int64) % 2**32


def instructions(device: edge.Device) -> int:
    """Of a recording on a Cortex-M4 in QEMU, of the first two of the set."""
    _, chip, learner, tasks = device
    symbols = tasks.made_of[tasks.classes[0]]
    first = np.concatenate([tasks.symbols[one] for one in symbols])[:2]
    x = tasks.pool.side_by_side(np.repeat(first[:, None], len(symbols), 1))
    with tempfile.TemporaryDirectory() as folder:
        export.write(Path(folder), chip, learner, x[:1], np.zeros(1, np.int64), x[1:], force=True)
        return edge_boards.play(Path(folder), "small", "m4")[-1]


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--checkpoint", default=SYMBOLS)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--instructions", action="store_true")
    args = parser.parse_args(words)
    device = edge.device(args.checkpoint)
    found, chip, learner, tasks = device
    how = How(classes.how_many(classes.WAYS, tasks, False), classes.SHOTS, 10, 1, 0, 0)
    rows = drawings.rows(tasks, how.deals())
    traces = drawings.traces(chip, found, tasks, rows, Executor(), False)
    recordings = compared = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder), device)
        for ways, shots in sorted(product(how.ways, how.shots), key=np.prod):
            number = ways * shots + min(ASKED, ways * how.queries)
            if recordings + number > args.most:
                continue
            recordings += number
            one, other = episode(program, device, traces, how, ways, shots)
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
