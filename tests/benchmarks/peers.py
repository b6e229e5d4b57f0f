"""The same meta-gradient in the forms that frameworks have for it, at several widths and batches.

    python tests/benchmarks/peers.py                                  Table 1's widths, their half and their double, 25 queries
    python tests/benchmarks/peers.py --width 1 --queries 25 100 400   larger batches
    python tests/benchmarks/peers.py --activity 0.3 --pool mean

    minisnn           hand-written derivatives
    PyTorch, steps    one convolution a time step, what most libraries of spiking networks do
    PyTorch, layers   one convolution a layer over all steps, elementwise loops over time
    JAX               a scan over time, compiled as a whole (what that took is in the file, too)
    JAX, products     the same with convolutions as matrix products

Second order, first order, and inference of support and query. torch.compile is not among them: it
has no double backward. Forms alternate in one process on the same tasks, after a pause each;
medians of `--repeat` after one that is not counted. 5-way 1-shot; `--width` times the channels of
Table 1, `--queries` in all. `off` in the file: the largest
relative difference from minisnn's meta-gradient of the first task in double precision.
"""

from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

import cases
import findings

NEEDS = {"P": "torch", "s": "snntorch", "J": "jax", "m": "minisnn"}


def compare(
    case: cases.Case, names: tuple[str, ...], repeat: int, found: findings.Findings
) -> None:
    first: dict[str, dict[str, float]] = {what: {} for what in cases.WHATS}
    spent = {what: cases.seconds(case, names, what, repeat, first=of) for what, of in first.items()}
    for name in names:
        keys = []
        for what, of in spent.items():
            mine, theirs = (median(of[who]) for who in ("minisnn", name))
            key = findings.slug(case.name, name, what)
            keys.append(found.add(f"{key}-seconds", theirs, "s"))
            if name != "minisnn":
                keys[-1] = found.add(key, theirs / mine, "x")
            if name.startswith("JAX"):
                found.add(f"{key}-compiling", first[what][name] - theirs, "s")
        label = f"{case.name}: {name}"
        found.row(label, *keys)
        found.more.setdefault("off", {})[label] = cases.apart(case, name)


def main() -> None:
    how = dict(width=[0.5, 1.0, 2.0], queries=[25], activity=0.07, repeat=3)
    parser = findings.command_line(__doc__, **how)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument(
        "--all", action="store_true", help="end with an error where a framework is not installed"
    )
    options = parser.parse_args()
    names = tuple(name for name in cases.FORMS if find_spec(NEEDS[name[0]]))
    if missing := [name for name in cases.FORMS if name not in names]:
        print(f"{', '.join(missing)}: not installed, left out")
        if options.all:
            raise SystemExit("--all: every framework is asked for")
    found = findings.Findings("case", *cases.WHATS)
    for width in options.width:
        for queries in options.queries:
            channels = tuple(int(width * n) for n in cases.Case().channels)
            how = dict(channels=channels, activity=options.activity, pool=options.pool)
            case = cases.Case(f"width {width:g}, {queries} queries", queries=queries, **how)
            compare(case, names, options.repeat, found)
    found.more["versions"] = {name: version(name) for name in ("torch", "jax") if find_spec(name)}
    found.write(options.json)


if __name__ == "__main__":
    main()
