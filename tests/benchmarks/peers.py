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

import argparse
import time
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

import findings
import meta_gradient as case
import numpy as np

import minisnn as ms

ORDERS = {"second order": 2, "first order": 1}
PAUSE = 0.2  # seconds before a run, in which the threads of the one before fall asleep


def ours(net, theta):
    def inference(t):
        return net(theta, np.concatenate([t.x_support, t.x_query]))

    calls = {
        name: (lambda t, order=order: ms.meta_gradient(net, theta, t, order=order))
        for name, order in ORDERS.items()
    }
    return (lambda t: t), calls | {"inference": inference}, lambda found: found[1]


def torch_form(net, theta, by_layers: bool):
    import torch
    import torch_peer as peer

    logits = peer.logits_by_layers if by_layers else peer.logits
    weights = peer.parameters(net, theta)

    def inference(t):
        with torch.no_grad():
            return logits(net, weights, torch.cat([t["x_support"], t["x_query"]]))

    calls = {
        name: (
            lambda t, order=order: peer.meta_gradient(net, weights, t, order=order, logits=logits)
        )
        for name, order in ORDERS.items()
    }
    return (
        (lambda t: peer.tensors(t, net.dtype)),
        calls | {"inference": inference},
        lambda found: peer.flat(net, found[1]),
    )


def jax_form(net, theta, products: bool):
    import jax
    import jax_peer as peer

    jax.config.update("jax_enable_x64", net.dtype == np.float64)
    weights, forward = peer.parameters(net, theta), peer.inference(net, products)

    def inference(t):
        return forward(
            weights, peer.jnp.concatenate([t["x_support"], t["x_query"]], 1)
        ).block_until_ready()

    def call(order):
        function = peer.compiled(net, order, products=products)
        return lambda t: jax.block_until_ready(function(weights, t))

    calls = {name: call(order) for name, order in ORDERS.items()} | {"inference": inference}
    return (lambda t: peer.tensors(t, net.dtype)), calls, lambda found: peer.flat(found[1])


FORMS = {
    "minisnn": ours,
    "PyTorch, steps": lambda net, theta: torch_form(net, theta, False),
    "PyTorch, layers": lambda net, theta: torch_form(net, theta, True),
    "JAX": lambda net, theta: jax_form(net, theta, False),
    "JAX, products": lambda net, theta: jax_form(net, theta, True),
}


def available() -> list[str]:
    found = []
    for name in FORMS:
        try:
            __import__({"P": "torch", "J": "jax"}.get(name[0], "minisnn"))
            found.append(name)
        except ImportError:
            print(f"{name}: not installed, left out")
    return found


def compare(
    options, width: float, queries: int, names: list[str], found: findings.Findings
) -> None:
    channels = tuple(int(width * n) for n in (32, 64, 128))
    net = ms.SpikingNet((*options.input, 2), channels, 5, 5, options.pool)
    theta = case.theta(options, net)
    rates = ", ".join(
        f"{100 * rate:.0f} %"
        for rate in net.activity(theta, case.task(options, 0).x_support).values()
    )
    print(
        f"\nchannels {channels}, {queries} queries, {options.input[0]} x {options.input[1]}, "
        f"activity {rates}"
    )
    double = ms.SpikingNet((*options.input, 2), channels, 5, 5, options.pool, dtype=np.float64)
    exact = {}
    for name in names:
        tensors, calls, gradient = FORMS[name](double, theta.astype(np.float64))
        exact[name] = gradient(calls["second order"](tensors(case.task(options, 0, 5))))
    forms, times = {name: FORMS[name](net, theta) for name in names}, {}
    for what in (*ORDERS, "inference"):
        for seed in range(options.repeat + 1):
            t = case.task(options, seed, queries)
            for name, (tensors, calls, _) in forms.items():
                given = tensors(t)
                time.sleep(PAUSE)
                start = time.perf_counter()
                calls[what](given)
                times.setdefault((what, name), []).append(time.perf_counter() - start)
    for name in names:
        cells, keys = [], []
        for what in (*ORDERS, "inference"):
            first, *rest = times[what, name]
            a, b = (median(times[what, who][1:]) for who in ("minisnn", name))
            key = findings.slug(f"{width:g}", queries, name, what)
            found.add(f"{key}-seconds", b, "s")
            if name.startswith("JAX"):
                found.add(f"{key}-compiling", first - b, "s")
            keys.append(f"{key}-seconds" if name == "minisnn" else found.add(key, b / a, "x"))
            compiling = f", compiled in {first:.0f}" if name.startswith("JAX") else ""
            cells.append(
                f"{what} {b:7.3f} s{'' if name == 'minisnn' else f' ({b / a:4.1f} x{compiling})'}"
            )
        off = abs(exact[name] - exact["minisnn"]).max() / abs(exact["minisnn"]).max()
        found.row(f"width {width:g}, {queries} queries: {name}", *keys)
        found.more.setdefault("off", {})[f"width {width:g}, {queries} queries: {name}"] = float(off)
        print(f"{name:16s} {'   '.join(cells)}   off {off:.0e}", flush=True)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
    findings.option(parser)
    parser.add_argument(
        "--all", action="store_true", help="end with an error where a framework is not installed"
    )
    options, names = parser.parse_args(words), available()
    if options.all and len(names) < len(FORMS):
        raise SystemExit(
            f"--all: {', '.join(name for name in FORMS if name not in names)} cannot be measured"
        )
    found = findings.Findings("case", *ORDERS, "inference")
    for width in options.width:
        for queries in options.queries:
            compare(options, width, queries, names, found)
    found.more["versions"] = {name: version(name) for name in ("torch", "jax") if find_spec(name)}
    found.write(options.json)


if __name__ == "__main__":
    main()
