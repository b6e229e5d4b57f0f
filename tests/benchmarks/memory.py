"""Memory of one meta-gradient: how far it raises a fresh process's peak above that of a tiny
network's.

    python tests/benchmarks/memory.py                       five cases of Table 1's network
    PYTHONPATH=OTHER python tests/benchmarks/memory.py      the same of another tree

The peak is VmHWM, resident memory, in MB. The tiny network has had its meta-gradient before, so
that the interpreter, numba and the compiled kernels are in both. 5-way 1-shot, 25 queries, one
thread.
"""

import argparse
import tempfile
from pathlib import Path

import findings
import numpy as np
from cases import Case

import minisnn as ms

CASES = (
    Case(activity=0.07),
    Case(activity=0.1),
    Case(pool="mean"),
    Case(input=(30, 80)),
    Case(activity=0.3),
)


def growth(case: Case, theta: np.ndarray) -> tuple[float, float]:
    """(peak before, growth) in MB, of this process."""
    ms.set_threads(1)
    tiny = Case(pool=case.pool, input=(8, 16), channels=(8, 8), steps=40, queries=5)
    net = tiny.network()
    ms.meta_gradient(net, net.init(np.random.default_rng(0)), tiny.task(0))
    net = case.network()
    task = case.task(1)
    before = findings.peak_memory()
    ms.meta_gradient(net, theta, task)
    return before, findings.peak_memory() - before


def main() -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # a case's number, its theta
    options = parser.parse_args()
    if options.one:
        return print(*growth(CASES[int(options.one[0])], np.load(options.one[1])))
    found = findings.Findings("case", "process before", "growth")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "theta.npy")
        for number, case in enumerate(CASES):
            np.save(file, case.theta(case.network()))  # here: it would raise the child's peak
            before, grown = findings.fresh(__file__, "--one", number, file)
            (H, W), percent = case.input, 100 * case.activity
            key = f"{percent:g}-{case.pool}-{H}x{W}".replace(".", "-")
            label = f"{percent:.0f} % activity, {case.pool} pooling, input {H} x {W}"
            found.row(label, found.add(f"{key}-before", before, "MB"), found.add(key, grown, "MB"))
    found.write(options.json)


if __name__ == "__main__":
    main()
