"""What the first task costs: a fresh process with no compiled kernels (cold), one that finds them
(warm), its second task, and `minisnn hardware page`.

    python tests/benchmarks/first_task.py              Table 1's network; kernels go to a temporary
                                                       folder
    PYTHONPATH=OTHER python tests/benchmarks/first_task.py --threads 1

Wall-clock and CPU time, one run each. A task is a meta-gradient, 5-way 1-shot, 25 queries, Poisson
counts at 0.02; kernels that are imported and loaded in it are counted in it. The data need nothing
compiled.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import findings


def child(threads: int | None, out: Path) -> None:
    """Print a line a step; all steps with their seconds, by the wall clock and of the CPU, go to
    `out`."""
    at = [(time.perf_counter(), time.process_time())]
    steps: dict[str, tuple[float, float]] = {}

    def done(what: str) -> None:
        at.append((time.perf_counter(), time.process_time()))
        (wall, cpu) = at[-1]
        (wall_before, cpu_before) = at[-2]
        steps[what] = (wall - wall_before, cpu - cpu_before)
        print(
            f"    {what:22s} {wall - wall_before:7.2f} s   processor {cpu - cpu_before:7.2f} s",
            flush=True,
        )

    import numpy as np

    done("import numpy")
    import minisnn as ms
    import minisnn.cli

    ms.set_threads(threads)
    net = ms.SpikingNet((16, 32, 2), (32, 64, 128), 5)
    done("import minisnn, network")
    rng = np.random.default_rng(0)
    x = rng.poisson(0.02, (30, 100, 16, 32, 2)).astype(np.uint8)
    task = ms.Task(x[:5], np.arange(5), x[5:], np.repeat(np.arange(5), 5))
    theta = rng.standard_normal(net.size).astype(np.float32) * np.float32(0.05)
    done("parameters and data")
    for what in ("first task", "second task"):
        ms.meta_gradient(net, theta, task)
        done(what)
    minisnn.cli.main(["hardware", "page", "--force", str(out.with_suffix(".html"))])
    done("page to teach")
    out.write_text(json.dumps(steps))


def main() -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.threads, options.child)
    steps = {}
    with tempfile.TemporaryDirectory() as folder:
        for state in ("cold", "warm"):
            print(f"{state}, load {os.getloadavg()[0]:.1f}", flush=True)
            told = [] if options.threads is None else ["--threads", str(options.threads)]
            out = Path(folder, f"{state}.json")
            command = [sys.executable, __file__, "--child", str(out), *told]
            subprocess.run(command, check=True, env={**os.environ, "NUMBA_CACHE_DIR": folder})
            steps[state] = json.loads(out.read_text())
    found_in(steps).write(options.json)


def found_in(steps: dict[str, dict[str, list[float]]]) -> findings.Findings:
    """Wall-clock and CPU time of every step, with and without compiled kernels."""
    found = findings.Findings("step", "first start", "CPU time", "later starts", "CPU time")
    for what in steps["cold"]:
        names = []
        for state, of in steps.items():
            wall, cpu = of[what]
            key = findings.slug(state, what)
            names += [found.add(key, wall, "s"), found.add(f"{key}-cpu", cpu, "s")]
        found.row(what, *names)
    return found


if __name__ == "__main__":
    main()
