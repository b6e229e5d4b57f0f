"""Memory of one meta-gradient: how far it raises a fresh process's peak above that of a tiny
network's.

    python tests/benchmarks/memory.py                                            five cases of Table 1's network
    PYTHONPATH=OTHER python tests/benchmarks/memory.py                           the same of another tree
    python tests/benchmarks/memory.py --activity 0.3 --pool mean --input 30 80   one case

The peak is VmHWM, resident memory, in MB. The tiny network has had its meta-gradient before, so
that the interpreter, numba and the compiled kernels are in both. 5-way 1-shot, 25 queries, one
thread.
"""

import argparse
import tempfile
from pathlib import Path

import findings
import numpy as np
from meta_gradient import network, task, theta

import minisnn as ms

CASES = [
    (0.07, "max", (16, 32)),
    (0.1, "max", (16, 32)),
    (0.07, "mean", (16, 32)),
    (0.07, "max", (30, 80)),
    (0.3, "max", (16, 32)),
]


def growth(options) -> tuple[float, float]:
    """(peak before, growth) in MB, of this process."""
    ms.set_threads(1)
    net, parameters, t = network(options), np.load(options.theta), task(options, 1)
    rng = np.random.default_rng(0)
    tiny = ms.SpikingNet((8, 16, 2), (8, 8), 5, 5, options.pool)
    x = rng.poisson(0.02, (5, 40, 8, 16, 2)).astype(np.uint8)
    ms.meta_gradient(tiny, tiny.init(rng), ms.Task(x, np.arange(5), x, np.arange(5)))
    before = findings.peak_memory()
    ms.meta_gradient(net, parameters, t)
    return before, findings.peak_memory() - before


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--activity", type=float)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument("--input", type=int, nargs=2, default=(16, 32), metavar=("H", "W"))
    parser.add_argument("--theta", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.theta:
        return print(*growth(options))
    asked = [(options.activity, options.pool, tuple(options.input))]
    found = findings.Findings("case", "process before", "growth")
    with tempfile.TemporaryDirectory() as folder:
        for case in asked if options.activity else CASES:
            options.activity, options.pool, options.input = case
            file = Path(folder, "theta.npy")
            np.save(file, theta(options, network(options)))  # here: it would raise the child's peak
            H, W = options.input
            given = ["--activity", options.activity, "--pool", options.pool, "--input", H, W]
            before, grown = findings.fresh(__file__, *given, "--theta", file)
            label = (
                f"{100 * options.activity:.0f} % activity, {options.pool} pooling, input {H} x {W}"
            )
            print(f"{label}: {before:5.0f} MB, then {grown:6.1f} more")
            key = f"{100 * options.activity:g}-{options.pool}-{H}x{W}".replace(".", "-")
            found.row(label, found.add(f"{key}-before", before, "MB"), found.add(key, grown, "MB"))
    found.write(options.json)


if __name__ == "__main__":
    main()
