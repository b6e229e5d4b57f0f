"""How the cost and the memory of a second-order meta-gradient grow.

    python tests/benchmarks/scaling.py --json scaling.json

One quantity at a time is changed, the rest stays as in Table 1 of the paper (5-way 1-shot, 25
queries, 100 steps, window 30, 7 % activity, one inner step). Seconds are medians of `--repeat`
fresh tasks; memory is the peak of a fresh process less what the same process holds after the
smallest of all meta-gradients.
"""

import argparse
import time
from dataclasses import asdict, dataclass, replace
from statistics import median

import findings
import meta_gradient as benchmark
import numpy as np

import minisnn as ms


@dataclass(frozen=True)
class Case:
    """A meta-gradient; the defaults are Table 1's."""

    steps: int = 100
    window: int = 30
    queries: int = 5
    width: float = 1.0
    activity: float = 0.07
    inner_steps: int = 1
    ways: int = 5


SWEEPS = {
    "steps": ("time steps T", (30, 60, 100, 200, 400)),
    "window": ("window, steps", (5, 10, 20, 30, 50, 100)),
    "queries": ("queries a class", (1, 2, 5, 10, 20)),
    "width": ("width of the layers, relative", (0.5, 1.0, 2.0)),
    "activity": ("activity of the layers", (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)),
    "inner_steps": ("inner steps N", (1, 2, 3, 5)),
    "ways": ("classes", (2, 5, 10, 20)),
}


def build(case: Case):
    """(network, theta, task of a seed)."""
    channels = tuple(int(n * case.width) for n in (32, 64, 128))
    net = ms.SpikingNet((16, 32, 2), channels, case.ways, window=case.window)

    def task(seed):
        rng = np.random.default_rng(seed)
        draw = lambda n: np.stack(
            [rng.poisson(0.02, (case.steps, 16, 32, 2)).astype(np.uint8) for _ in range(n)]
        )
        y = np.arange(case.ways)
        return ms.Task(
            draw(case.ways), y, draw(case.ways * case.queries), np.repeat(y, case.queries)
        )

    options = argparse.Namespace(activity=case.activity, input=(16, 32))
    return net, benchmark.theta(options, net), task


def seconds(case: Case, repeat: int) -> float:
    net, theta, task = build(case)
    times = []
    for seed in range(repeat + 1):
        t = task(seed)
        start = time.perf_counter()
        ms.meta_gradient(net, theta, t, steps=case.inner_steps)
        times.append(time.perf_counter() - start)
    return median(times[1:])


def memory(case: Case) -> float:
    """Peak megabytes of a fresh process beyond those of the smallest case, events included."""
    words = [f"{name}={value}" for name, value in asdict(case).items()]
    return findings.fresh(__file__, "--memory-of", *words)[0]


def memory_here(words: list[str]) -> None:
    settings = dict(word.split("=") for word in words)
    case = Case(
        **{name: type(getattr(Case, name))(float(value)) for name, value in settings.items()}
    )
    net, theta, task = build(replace(case, steps=3, window=3, queries=1, activity=0.07))
    ms.meta_gradient(net, theta, task(0))
    before = findings.peak_memory()
    net, theta, task = build(case)
    ms.meta_gradient(net, theta, task(0), steps=case.inner_steps)
    print(findings.peak_memory() - before)


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=tuple(SWEEPS), default=tuple(SWEEPS))
    parser.add_argument("--memory-of", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.memory_of:
        return memory_here(options.memory_of)
    made, sweeps = findings.Findings("quantity", "time", "memory"), {}
    for name in options.only:
        quantity, x = SWEEPS[name]
        cases = [replace(Case(), **{name: value}) for value in x]
        cost = np.array([seconds(case, options.repeat) for case in cases])
        held = np.array([memory(case) for case in cases])
        print(quantity)
        for row in zip(x, cost, held):
            print("  {:8g}  {:7.3f} s  {:6.0f} MB".format(*row), flush=True)
        key = findings.slug(name)
        times = made.add(f"{key}-time", cost[-1] / cost[0], "x")
        memories = made.add(f"{key}-memory", held[-1] / max(held[0], 0.1), "x")
        made.row(f"{quantity}, from {x[0]:g} to {x[-1]:g}", times, memories)
        numbers = dict(seconds=np.round(cost, 4).tolist(), MB=np.round(held, 1).tolist())
        sweeps[name] = dict(label=quantity, x=list(x), **numbers)
    made.more = {"curves": sweeps}
    made.write(options.json)


if __name__ == "__main__":
    main()
