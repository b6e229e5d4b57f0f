"""CPU time of a sample in the C library on this machine:

    python tests/benchmarks/edge_seconds.py [--checkpoints A,B]

A test episode (5-way 1-shot, 25 query samples) through the small build of each compiler's flags,
and through WebAssembly in node where that is there; every number is compared with Python's. Medians
of a few runs, one thread.
"""

import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import edge
import findings

from minisnn.hardware.c import export

FLAGS = {"gcc -O2": ["-O2"], "gcc -O3": ["-O3"], "gcc -O3 -march=native": ["-O3", "-march=native"]}
WASM = "WebAssembly, node"
REPEAT = 5
PRESENTED = 2 * 5 + 25  # the support before learning and while learning, then the queries


def measured(folder: Path, checkpoint: str) -> dict[str, float]:
    """{build: seconds a sample} of a checkpoint, which is exported to the folder."""
    _, chip, learner, tasks = edge.device(checkpoint)
    task = tasks.episode(0, 0, chip.ways, 1, 5)
    given = chip, learner, task.x_support, task.y_support, task.x_query
    export.write(folder, *given, "c", force=True)
    sources = ["selftest.c", "episode.c", *map(str, sorted(folder.glob("minisnn_edge*.c")))]
    seconds = {}
    for build, flags in FLAGS.items():
        compiler = ["gcc", "-std=c99", *flags, "-o", "selftest"]
        subprocess.run([*compiler, *sources], cwd=folder, check=True)
        spent = [cpu(["./selftest", "selftest.bin"], folder) for _ in range(REPEAT)]
        seconds[build] = median(spent) / PRESENTED
    if shutil.which("node"):
        export.write(folder / "wasm", *given, "wasm", force=True)
        command = ["node", "episode.mjs", "minisnn_edge.wasm", "model.bin", "selftest.bin"]
        printed = [
            subprocess.check_output(command, cwd=folder / "wasm", text=True) for _ in range(REPEAT)
        ]
        spent = [float(re.search(r"([\d.]+) ms a sample", text)[1]) for text in printed]
        seconds[WASM] = median(spent) / 1000
    return seconds


def cpu(command: list[str], folder: Path) -> float:
    """CPU seconds of a process, which must end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main() -> None:
    options = findings.command_line(
        __doc__, checkpoints="double_nmnist_maml.h5,double_nmnist_cuba.h5"
    ).parse_args()
    checkpoints = options.checkpoints.split(",")
    found = findings.Findings()
    builds = {}
    for name in checkpoints:
        with tempfile.TemporaryDirectory() as folder:
            for build, seconds in measured(Path(folder), name).items():
                print(f"{name}, {build}: {1000 * seconds:.1f} ms a sample", flush=True)
                key = findings.slug(name.removesuffix(".h5"), build)
                found.add(key, 1000 * seconds, "ms")
                builds.setdefault(build, []).append(f"{1000 * seconds:.0f}")
    header = ["build", *(f"`{name}` (ms)" for name in checkpoints)]
    rows = [[build, *cells] for build, cells in builds.items()]
    compiler = subprocess.check_output(["gcc", "--version"], text=True).splitlines()[0]
    table = dict(name="seconds", title="CPU time of a sample", header=header, rows=rows, note="")
    found.more = dict(tables=[table], compiler=compiler)
    found.write(options.json)


if __name__ == "__main__":
    main()
