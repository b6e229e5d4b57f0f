"""minisnn next to PyTorch on one meta-gradient: seconds, ratio, agreement, and peak memory of each in
a fresh process.

    python tests/benchmarks/meta_gradient.py                      the network of Table 1 at 7 % activity
    python tests/benchmarks/meta_gradient.py --activity 0.3 --pool mean --input 30 80
    python tests/benchmarks/meta_gradient.py --neuron cuba        the current-based neuron with a hard reset
    python tests/benchmarks/meta_gradient.py --neuron cuba --pool mean --window 100 --peer snnTorch

Runs alternate in one process; medians of `--repeat` runs after one warm-up, on a fresh task each.
5-way 1-shot, 25 queries. `shapes.py` makes a table of cases, `peers.py` one of frameworks.
"""

import argparse
from statistics import median

import cases
import findings


def main() -> None:
    parser = findings.command_line(__doc__, activity=0.07, window=30, repeat=3)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument("--neuron", default="lif", choices=("lif", "cuba"))
    parser.add_argument("--input", type=int, nargs=2, default=(16, 32), metavar=("H", "W"))
    parser.add_argument("--peer", default=cases.TORCH[0], choices=list(cases.FORMS))
    parser.add_argument("--memory-of", choices=list(cases.FORMS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    how = {
        name: getattr(options, name) for name in ("activity", "pool", "neuron", "input", "window")
    }
    case = cases.Case(**how)
    if options.memory_of:
        return cases.once(case, options.memory_of)
    import torch

    found = findings.Findings()
    names = ("minisnn", options.peer)
    for what in cases.WHATS:
        spent = cases.seconds(case, names, what, options.repeat, 0.0)
        mine, theirs = (median(spent[name]) for name in names)
        key = findings.slug(what)
        found.add(key, mine, "s")
        found.add(f"{key}-torch", theirs, "s")
        found.add(f"{key}-ratio", theirs / mine, "x")
    given = [
        "--pool",
        case.pool,
        "--neuron",
        case.neuron,
        "--input",
        *case.input,
        "--window",
        case.window,
    ]
    for name, who in zip(("memory", "memory-torch"), names):
        found.add(name, findings.fresh(__file__, *given, "--memory-of", who)[0], "MB")
    net = case.network()
    rates = net.activity(case.theta(net), case.task(0).x_support)
    found.more = dict(difference_in_float64=cases.apart(case, names[1]), torch=torch.__version__)
    found.more["activity"] = {name: float(rate) for name, rate in rates.items()}
    print(found.more)
    found.write(options.json)


if __name__ == "__main__":
    main()
