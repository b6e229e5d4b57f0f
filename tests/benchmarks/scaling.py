"""How the cost and the memory of a second-order meta-gradient grow, and with what law.

    python tests/benchmarks/scaling.py --json scaling.json

One quantity at a time is changed, the rest stays as in Table 1 of the paper (5-way 1-shot, 25
queries, 100 steps, window 30, 7 % activity, one inner step). Seconds are medians of `--repeat`
fresh tasks; memory is the peak of a fresh process less what the same process holds after the
smallest of all meta-gradients.
"""

import argparse
import subprocess
import sys
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
POWER = ("width",)  # the others are fitted by a straight line


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
    run = subprocess.run(
        [sys.executable, __file__, "--memory-of", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout)


def memory_here(words: list[str]) -> None:
    settings = dict(word.split("=") for word in words)
    case = Case(
        **{name: type(getattr(Case, name))(float(value)) for name, value in settings.items()}
    )
    net, theta, task = build(replace(case, steps=3, window=3, queries=1, activity=0.07))
    ms.meta_gradient(net, theta, task(0))
    before = benchmark._peak_memory()
    net, theta, task = build(case)
    ms.meta_gradient(net, theta, task(0), steps=case.inner_steps)
    print(benchmark._peak_memory() - before)


def law(name: str, x: np.ndarray, y: np.ndarray) -> str:
    """The law that y follows, in words."""
    if name in POWER:
        return f"~ x^{np.polyfit(np.log(x), np.log(y), 1)[0]:.1f}"
    slope, start = np.polyfit(x, y, 1)
    off = np.abs(slope * x + start - y).max() / y.max()
    return (
        f"{start:.3g} {'+' if slope >= 0 else '-'} {abs(slope):.3g} x (off by {100 * off:.0f} % at "
        "most)"
    )


def found_in(found: dict) -> findings.Findings:
    """The curves, and how many times time and memory of the largest case are those of the
    smallest."""
    made = findings.Findings("quantity", "time", "memory")
    sweeps = {}
    for name, (x, cost, held) in found.items():
        label = f"{SWEEPS[name][0]}, from {x[0]:g} to {x[-1]:g}"
        time_key = made.add(f"{findings.slug(name)}-time", cost[-1] / cost[0], "x")
        memory_key = made.add(f"{findings.slug(name)}-memory", held[-1] / max(held[0], 0.1), "x")
        made.row(label, time_key, memory_key)
        numbers = dict(
            x=x.tolist(), seconds=np.round(cost, 4).tolist(), MB=np.round(held, 1).tolist()
        )
        sweeps[name] = dict(label=SWEEPS[name][0], **numbers)
    made.more = {"curves": sweeps}
    return made


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=tuple(SWEEPS), default=tuple(SWEEPS))
    parser.add_argument("--memory-of", nargs="+", help=argparse.SUPPRESS)
    findings.option(parser)
    options = parser.parse_args(words)
    if options.memory_of:
        return memory_here(options.memory_of)
    found = {}
    for name in options.only:
        x = np.array(SWEEPS[name][1])
        cases = [replace(Case(), **{name: value}) for value in SWEEPS[name][1]]
        cost, held = (
            np.array([seconds(c, options.repeat) for c in cases]),
            np.array([memory(c) for c in cases]),
        )
        found[name] = x, cost, held
        print(f"{SWEEPS[name][0]}")
        for row in zip(x, cost, held):
            print("  {:8g}  {:7.3f} s  {:6.0f} MB".format(*row))
        print(
            f"  seconds: {law(name, x, cost)}; MB: {law(name, x, np.maximum(held, 0.1))}",
            flush=True,
        )
    made = found_in(found)
    made.write(options.json)


if __name__ == "__main__":
    main()
