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
from statistics import median

import cases
import findings
from cases import Case

HEADS = ("case", "minisnn", "PyTorch", "faster by", "memory", "PyTorch's")
LARGE = dict(input=(128, 128), queries=5)
CASES = (
    Case(),
    Case("Table 1, mean pooling", pool="mean"),
    Case("CubaLIF", neuron="cuba"),
    Case("CubaLIF, mean pooling", neuron="cuba", pool="mean"),
    Case("100 queries", queries=100),
    Case("four tasks", tasks=4),
    Case("20 % activity", activity=0.2),
    Case("30 % activity", activity=0.3),
    Case("64 x 64 pixels, 16-32-64", input=(64, 64), channels=(16, 32, 64), queries=5),
    Case("128 x 128 pixels, 16-32-64", channels=(16, 32, 64), **LARGE),
    Case("128 x 128 pixels, 8-16-32", channels=(8, 16, 32), **LARGE),
)


def measure(case: Case, repeat: int, found: findings.Findings) -> None:
    spent = cases.seconds(case, ("minisnn", *cases.TORCH), "second order", repeat)
    peer = min(cases.TORCH, key=lambda name: median(spent[name]))
    mine, theirs = (median(spent[name]) for name in ("minisnn", peer))
    memory = [
        findings.fresh(__file__, "--only", case.name, "--memory-of", who)[0]
        for who in ("minisnn", peer)
    ]
    figures = {
        "seconds": (mine, "s"),
        "torch": (theirs, "s"),
        "ratio": (theirs / mine, "x"),
        "memory": (memory[0], "MB"),
        "memory-torch": (memory[1], "MB"),
    }
    key = findings.slug(case.name)
    found.row(case.name, *(found.add(f"{key}-{name}", *of) for name, of in figures.items()))
    found.more.setdefault("off", {})[case.name] = cases.apart(case, peer)
    found.more.setdefault("fastest form", {})[case.name] = peer


def main() -> None:
    named = {case.name: case for case in CASES}
    parser = findings.command_line(__doc__, repeat=5, only=named)
    parser.add_argument("--memory-of", choices=cases.FORMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = [named[name] for name in options.only]
    if options.memory_of:
        return cases.once(chosen[0], options.memory_of)
    found = findings.Findings(*HEADS)
    for case in chosen:
        measure(case, options.repeat, found)
    found.write(options.json)


if __name__ == "__main__":
    main()
