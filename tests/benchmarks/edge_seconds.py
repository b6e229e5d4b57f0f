"""CPU time of a sample in the C library on this machine: python tests/benchmarks/edge_seconds.py
[--checkpoints A,B]

A test episode (5-way 1-shot, 25 query samples) through the small build of each compiler's flags,
and through WebAssembly in node where that is there; every number is compared with Python's. Medians
of a few runs, one thread.
"""

import argparse
import json
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from minisnn.hardware.c import export
from minisnn.hardware.chip.learner import learns_online
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.loihi.cuba import CubaNet
from minisnn.data.store.shipped import find_checkpoint
from minisnn.core.neuron import CubaLIF
from minisnn.meta.prototypes import ClassMeans
from minisnn.experiments.findings import figure
from minisnn.training.checkpoint import read
from minisnn.data.sets.named import open_set

FLAGS = {"gcc -O2": ["-O2"], "gcc -O3": ["-O3"], "gcc -O3 -march=native": ["-O3", "-march=native"]}
WASM = "WebAssembly, node"
REPEAT = 5
PRESENTED = 2 * 5 + 25  # the support before learning and while learning, then the queries


def main(checkpoints: list[str], out: str | None) -> None:
    found: dict[str, dict[str, float]] = {}
    for name in checkpoints:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measured(Path(folder), name)
        for build, seconds in found[name].items():
            print(f"{name}, {build}: {1000 * seconds:.1f} ms a sample", flush=True)
    if not out:
        return
    builds = list(dict.fromkeys(build for one in found.values() for build in one))
    figures, rows = {}, []
    for build in builds:
        key = re.sub(r"[^a-z0-9]+", "-", build.lower())
        known = {name: one[build] for name, one in found.items() if build in one}
        figures |= {
            f"{name.removesuffix('.h5').replace('_', '-')}-{key}": figure(1000 * v, "ms")
            for name, v in known.items()
        }
        rows.append(
            [
                build,
                *(f"{1000 * known[name]:.0f}" if name in known else None for name in checkpoints),
            ]
        )
    header = ["build", *(f"`{name}` (ms)" for name in checkpoints)]
    compiler = subprocess.run(
        ["gcc", "--version"], check=True, capture_output=True, text=True
    ).stdout.splitlines()[0]
    table = dict(name="seconds", title="CPU time of a sample", header=header, rows=rows, note="")
    Path(out).write_text(
        json.dumps(dict(figures=figures, more=dict(tables=[table], compiler=compiler)))
    )


def measured(folder: Path, checkpoint: str) -> dict[str, float]:
    """{build: seconds a sample} of a checkpoint whose export lies in the folder."""
    found = read(find_checkpoint(checkpoint))
    chip = (CubaNet if isinstance(found.net.neuron, CubaLIF) else IntegerNet).of(found)
    means = dict(rule="class-mean", rounding="nearest")
    how = means if isinstance(found.inner, ClassMeans) else dict(online=learns_online(found.inner))
    learner = chip.learner(seed=1, **how)
    dataset, root = found.to_open(checkpoint, None, None)
    tasks = open_set(dataset, "test", root, progress=False, **found.origin.options(dataset))
    task = tasks.episode(0, 0, chip.ways, 1, 5)
    samples = task.x_support, task.y_support, task.x_query
    export.write(folder, chip, learner, *samples, "c", force=True)
    seconds = {}
    for build, flags in FLAGS.items():
        sources = [
            "selftest.c",
            "episode.c",
            *sorted(path.name for path in folder.glob("minisnn_edge*.c")),
        ]
        subprocess.run(
            ["gcc", "-std=c99", *flags, "-o", "selftest", *sources], cwd=folder, check=True
        )
        spent = [cpu([str(folder / "selftest"), "selftest.bin"], folder) for _ in range(REPEAT)]
        seconds[build] = statistics.median(spent) / PRESENTED
    if shutil.which("node"):
        export.write(folder / "wasm", chip, learner, *samples, "wasm", force=True)
        command = ["node", "episode.mjs", "minisnn_edge.wasm", "model.bin", "selftest.bin"]
        run = partial(
            subprocess.run, command, cwd=folder / "wasm", check=True, capture_output=True, text=True
        )
        told = [float(re.search(r"([\d.]+) ms a sample", run().stdout)[1]) for _ in range(REPEAT)]
        seconds[WASM] = statistics.median(told) / 1000
    return seconds


def cpu(command: list[str], folder: Path) -> float:
    """CPU seconds of a process, which must end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoints", default="double_nmnist_maml.h5,double_nmnist_cuba.h5")
    parser.add_argument(
        "--json", metavar="OUT", help="write the figures, as records of results have them"
    )
    options = parser.parse_args()
    main(options.checkpoints.split(","), options.json)
