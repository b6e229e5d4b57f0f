"""Networks of other shapes: a second-order meta-gradient next to PyTorch's fastest form, and what
memory both take.

    python tests/benchmarks/shapes.py                       all cases
    python tests/benchmarks/shapes.py --only "100 queries"  one of them, or several

PyTorch's forms are one convolution a time step and one convolution a layer; the faster one counts.
All alternate in one process, on the same tasks; medians of `--repeat` after one that is not
counted. Memory is the peak of a fresh process that does one meta-gradient. A batch of tasks counts
as one task of it. 5-way 1-shot, float32.
"""

import argparse
import time
from dataclasses import dataclass
from statistics import median

import findings
import meta_gradient as case
import peers


FORMS = ("PyTorch, steps", "PyTorch, layers")
HEADS = ("case", "minisnn", "PyTorch", "faster by", "memory", "PyTorch's")


@dataclass(frozen=True)
class Case:
    """A network and its tasks; the defaults are Table 1's network at 7 % activity."""

    name: str
    neuron: str = "lif"
    pool: str = "max"
    activity: float = 0.07
    input: tuple[int, int] = (16, 32)
    channels: tuple[int, ...] = case.CHANNELS
    query_samples: int = case.QUERIES
    tasks: int = 1


CASES = (
    Case("Table 1"),
    Case("Table 1, mean pooling", pool="mean"),
    Case("CubaLIF", neuron="cuba"),
    Case("CubaLIF, mean pooling", neuron="cuba", pool="mean"),
    Case("100 queries", query_samples=100),
    Case("four tasks", tasks=4),
    Case("20 % activity", activity=0.2),
    Case("30 % activity", activity=0.3),
    Case("64 x 64 pixels, 16-32-64", input=(64, 64), channels=(16, 32, 64), query_samples=5),
    Case("128 x 128 pixels, 16-32-64", input=(128, 128), channels=(16, 32, 64), query_samples=5),
    Case("128 x 128 pixels, 8-16-32", input=(128, 128), channels=(8, 16, 32), query_samples=5),
)


def seconds(one: Case, repeat: int) -> tuple[dict[str, float], float]:
    """Seconds a task of each form, and the largest relative difference from the faster peer in
    double precision."""
    net = case.network(one)
    theta = case.theta(one, net)
    makers = {name: peers.FORMS[name] for name in ("minisnn", *FORMS)}
    forms = {name: make(net, theta) for name, make in makers.items()}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for run in range(repeat + 1):
        tasks = [case.task(one, run * one.tasks + i) for i in range(one.tasks)]
        for name, form in forms.items():
            given = [form.tensors(task) for task in tasks]
            time.sleep(peers.PAUSE)
            start = time.perf_counter()
            for task in given:
                form.calls["second order"](task)
            times[name].append((time.perf_counter() - start) / one.tasks)
    spent = {name: median(found[1:]) for name, found in times.items()}
    two = [case.ours, makers[min(FORMS, key=spent.__getitem__)]]
    return spent, case.apart(two, net, theta, case.task(one, 0, 5))


def memory(one: Case, who: str) -> float:
    """Peak of a fresh process, MB."""
    return findings.fresh(__file__, "--only", one.name, "--memory-of", who)[0]


def measure(one: Case, repeat: int, found: findings.Findings) -> None:
    spent, apart = seconds(one, repeat)
    peer = min(FORMS, key=spent.__getitem__)
    figures = {
        "seconds": (spent["minisnn"], "s"),
        "torch": (spent[peer], "s"),
        "ratio": (spent[peer] / spent["minisnn"], "x"),
        "memory": (memory(one, "minisnn"), "MB"),
        "memory-torch": (memory(one, peer), "MB"),
    }
    key = findings.slug(one.name)
    names = [found.add(f"{key}-{name}", *value) for name, value in figures.items()]
    found.row(one.name, *names)
    found.more.setdefault("off", {})[one.name] = apart
    found.more.setdefault("fastest form", {})[one.name] = peer
    told = "  ".join(f"{value:9.3f} {unit:2s}" for value, unit in figures.values())
    print(f"{one.name:26s}{told}  {peer}, off {apart:.0e}", flush=True)


def main(words: list[str] | None = None) -> None:
    names = [one.name for one in CASES]
    parser = findings.command_line(__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=names,
        default=names,
        metavar="CASE",
        help="; ".join(names).replace("%", "%%"),
    )
    parser.add_argument("--memory-of", choices=("minisnn", *FORMS), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    chosen = [one for one in CASES if one.name in options.only]
    if options.memory_of:
        net = case.network(chosen[0])
        form = peers.FORMS[options.memory_of](net, case.small_theta(net))
        return case.once(form, case.task(chosen[0], 1))
    found = findings.Findings(*HEADS)
    print(f"{'':26s}{'  '.join(f'{head:>12s}' for head in HEADS[1:])}")
    for one in chosen:
        measure(one, options.repeat, found)
    found.write(options.json)


if __name__ == "__main__":
    main()
