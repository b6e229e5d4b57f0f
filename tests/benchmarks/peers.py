"""The same meta-gradient in the forms that frameworks have for it, at several widths and batches.

    python tests/benchmarks/peers.py                                  Table 1's widths, their half and their double, 25 queries
    python tests/benchmarks/peers.py --width 1 --queries 25 100 400   larger batches
    python tests/benchmarks/peers.py --activity 0.3 --pool mean

    minisnn           hand-written derivatives
    PyTorch, steps    one convolution a time step, what most libraries of spiking networks do
    PyTorch, layers   one convolution a layer over all steps, elementwise loops over time
    JAX               a scan over time, compiled as a whole (what that took stands beside it)
    JAX, products     the same with convolutions as matrix products

Second order, first order, and inference of support and query. torch.compile is not among them: it
has no double backward. Forms alternate in one process on the same tasks, after a pause each;
medians of `--repeat` after one that is not counted. One whose framework is not installed is left
out, and said so. 5-way 1-shot. Behind `off`: the largest relative difference from minisnn's
meta-gradient of the first task in double precision.
"""

import time
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

import findings
import meta_gradient as case
import numpy as np

PAUSE = 0.2  # seconds before a run, in which the threads of the one before fall asleep


def jax_form(net, theta, products: bool = False) -> case.Form:
    import jax
    import jax_peer as peer

    jax.config.update("jax_enable_x64", net.dtype == np.float64)
    weights, forward = peer.parameters(net, theta), peer.inference(net, products)

    def inference(t):
        x = peer.jnp.concatenate([t["x_support"], t["x_query"]], 1)
        return forward(weights, x).block_until_ready()

    def call(order):
        function = peer.compiled(net, order, products=products)
        return lambda t: jax.block_until_ready(function(weights, t))

    calls = {name: call(order) for name, order in case.ORDERS.items()}
    calls["inference"] = inference
    flat = lambda found: peer.flat(found[1])
    return case.Form(lambda t: peer.tensors(t, net.dtype), calls, flat)


FORMS = {
    "minisnn": case.ours,
    "PyTorch, steps": case.torch_form,
    "PyTorch, layers": partial(case.torch_form, by_layers=True),
    "JAX": jax_form,
    "JAX, products": partial(jax_form, products=True),
}
NEEDS = {"P": "torch", "J": "jax", "m": "minisnn"}


def compare(
    options, width: float, queries: int, names: list[str], found: findings.Findings
) -> None:
    options.channels = tuple(int(width * n) for n in case.CHANNELS)
    net = case.network(options)
    theta = case.theta(options, net)
    print(f"\nchannels {options.channels}, {queries} queries")
    first = case.task(options, 0, 5)
    off = {name: case.apart([case.ours, FORMS[name]], net, theta, first) for name in names}
    forms = {name: FORMS[name](net, theta) for name in names}
    times: dict[tuple[str, str], list[float]] = {}
    for what in case.WHATS:
        for seed in range(options.repeat + 1):
            t = case.task(options, seed, queries)
            for name, form in forms.items():
                given = form.tensors(t)
                time.sleep(PAUSE)
                start = time.perf_counter()
                form.calls[what](given)
                times.setdefault((what, name), []).append(time.perf_counter() - start)
    for name in names:
        label, keys = f"width {width:g}, {queries} queries: {name}", []
        for what in case.WHATS:
            a, b = (median(times[what, who][1:]) for who in ("minisnn", name))
            key = findings.slug(f"{width:g}", queries, name, what)
            keys.append(found.add(f"{key}-seconds", b, "s"))
            if name != "minisnn":
                keys[-1] = found.add(key, b / a, "x")
            if name.startswith("JAX"):
                found.add(f"{key}-compiling", times[what, name][0] - b, "s")
            print(f"{name:16s} {what:14s} {b:7.3f} s  {b / a:5.1f} x  off {off[name]:.0e}")
        found.row(label, *keys)
        found.more.setdefault("off", {})[label] = off[name]


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument(
        "--width", type=float, nargs="+", default=[0.5, 1, 2], help="times the channels of Table 1"
    )
    parser.add_argument(
        "--queries", type=int, nargs="+", default=[25], help="in all, a multiple of five"
    )
    parser.add_argument("--activity", type=float, default=0.07)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument("--input", type=int, nargs=2, default=(16, 32), metavar=("H", "W"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--all", action="store_true", help="end with an error where a framework is not installed"
    )
    options = parser.parse_args(words)
    names = [name for name in FORMS if find_spec(NEEDS[name[0]])]
    if missing := [name for name in FORMS if name not in names]:
        print(f"{', '.join(missing)}: not installed, left out")
        if options.all:
            raise SystemExit("--all: every framework is asked for")
    found = findings.Findings("case", *case.WHATS)
    for width in options.width:
        for queries in options.queries:
            compare(options, width, queries, names, found)
    found.more["versions"] = {name: version(name) for name in ("torch", "jax") if find_spec(name)}
    found.write(options.json)


if __name__ == "__main__":
    main()
