"""How the cost and the memory of a second-order meta-gradient grow.

    python tests/benchmarks/scaling.py --json scaling.json

One quantity at a time is changed, the rest stays as in Table 1 of the paper (5-way 1-shot, 25
queries, 100 steps, window 30, 7 % activity, one inner step). Seconds are medians of `--repeat`
fresh tasks; memory is the peak of a fresh process less what the same process holds after the
smallest of all meta-gradients.
"""

import argparse
from statistics import median

import cases
import findings
import numpy as np

import minisnn as ms

SWEEPS = {
    "steps": ("time steps T", (30, 60, 100, 200, 400)),
    "window": ("window, steps", (5, 10, 20, 30, 50, 100)),
    "queries": ("queries a class", (1, 2, 5, 10, 20)),
    "width": ("width of the layers, relative", (0.5, 1.0, 2.0)),
    "activity": ("activity of the layers", (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)),
    "inner_steps": ("inner steps N", (1, 2, 3, 5)),
    "ways": ("classes", (2, 5, 10, 20)),
}


def case_of(name: str, value: float) -> cases.Case:
    """Table 1's meta-gradient with one quantity changed."""
    if name == "queries":
        return cases.Case(queries=5 * int(value))
    if name == "width":
        return cases.Case(channels=tuple(int(value * n) for n in cases.Case().channels))
    if name == "ways":
        return cases.Case(ways=int(value), queries=5 * int(value))
    return cases.Case(**{name: value if name == "activity" else int(value)})


def seconds(case: cases.Case, repeat: int) -> float:
    net = case.network()
    form = cases.ours(net, case.theta(net), case.inner_steps)

    def prepared(number: int):
        task = case.task(number)
        return lambda: form.calls["second order"](task)

    return median(findings.by_turns({"minisnn": prepared}, repeat)["minisnn"])


def memory_here(case: cases.Case) -> None:
    """Print by how much the case raises the peak of this process above that of the smallest."""
    peaks = []
    for one in (case._replace(steps=3, window=3, queries=case.ways, activity=0.07), case):
        net = one.network()
        ms.meta_gradient(net, one.theta(net), one.task(0), steps=case.inner_steps)
        peaks.append(findings.peak_memory())
    print(peaks[1] - peaks[0])


def main() -> None:
    parser = findings.command_line(__doc__, repeat=5, only=SWEEPS)
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        name, value = options.memory_of
        return memory_here(case_of(name, float(value)))
    found = findings.Findings("quantity", "time", "memory")
    curves = {}
    for name in options.only:
        quantity, x = SWEEPS[name]
        cost = np.array([seconds(case_of(name, value), options.repeat) for value in x])
        held = np.array([findings.fresh(__file__, "--memory-of", name, value)[0] for value in x])
        key = findings.slug(name)
        times = found.add(f"{key}-time", cost[-1] / cost[0], "x")
        memories = found.add(f"{key}-memory", held[-1] / max(held[0], 0.1), "x")
        found.row(f"{quantity}, from {x[0]:g} to {x[-1]:g}", times, memories)
        numbers = dict(seconds=np.round(cost, 4).tolist(), MB=np.round(held, 1).tolist())
        curves[name] = dict(label=quantity, x=list(x), **numbers)
        print(numbers, flush=True)
    found.more = {"curves": curves}
    found.write(options.json)


if __name__ == "__main__":
    main()
