"""minisnn beside PyTorch on one meta-gradient: seconds, ratio, agreement, and peak memory of each
in a fresh process.

    python tests/benchmarks/meta_gradient.py                      the network of Table 1 at 7 % activity
    python tests/benchmarks/meta_gradient.py --activity 0.3 --pool mean --input 30 80
    python tests/benchmarks/meta_gradient.py --neuron cuba        the current-based neuron with a hard reset

Runs alternate in one process; medians of `--repeat` runs after one warm-up, on a fresh task each.
5-way 1-shot, 25 queries. `shapes.py` makes a table of cases, `peers.py` one of frameworks.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import findings
import numpy as np

import minisnn as ms

CHANNELS = (32, 64, 128)
QUERIES = 25
ORDERS = {"second order": 2, "first order": 1}
WHATS = (*ORDERS, "inference")


def network(options, dtype=np.float32) -> ms.SpikingNet:
    neuron = ms.CubaLIF() if getattr(options, "neuron", "lif") == "cuba" else ms.LIF()
    channels = tuple(getattr(options, "channels", CHANNELS))
    return ms.SpikingNet((*options.input, 2), channels, 5, 5, options.pool, neuron, dtype=dtype)


def task(options, seed: int, queries: int | None = None) -> ms.Task:
    """Poisson counts at 0.02 a site and step; 5 support samples, and query samples in the order of
    their classes."""
    rng = np.random.default_rng(seed)
    queries = queries or getattr(options, "query_samples", QUERIES)
    draw = lambda n: np.stack(
        [rng.poisson(0.02, (100, *options.input, 2)).astype(np.uint8) for _ in range(n)]
    )
    return ms.Task(draw(5), np.arange(5), draw(queries), np.repeat(np.arange(5), queries // 5))


def theta(options, net) -> np.ndarray:
    """Random weights; each conv layer's bias is set by bisection so that its output has the wanted
    activity."""
    rng, x = np.random.default_rng(0), task(options, 0).x_support
    theta = np.zeros(net.size, np.float32)
    views = net.views(theta)
    for name, w in views.items():
        w[...] = rng.standard_normal(w.shape) * (
            2 / np.sqrt(np.prod(w.shape[:-1])) if w.ndim > 1 else 0.05
        )
    for block in net.blocks[:-1]:
        bias, low, high = views[f"{block.name}.bias"], -3.0, 3.0
        start = bias.copy()
        for _ in range(9):
            bias[...] = start + (low + high) / 2
            if net.activity(theta, x)[block.name] > options.activity:
                high = (low + high) / 2
            else:
                low = (low + high) / 2
    return theta


class Form(NamedTuple):
    """How one framework has a network: `tensors` of a task, `calls` by what they compute, and the
    meta-gradient in minisnn's order of what a call found."""

    tensors: Callable[[ms.Task], Any]
    calls: dict[str, Callable[[Any], Any]]
    gradient: Callable[[Any], np.ndarray]


def ours(net, theta) -> Form:
    calls = {
        name: (lambda t, order=order: ms.meta_gradient(net, theta, t, order=order))
        for name, order in ORDERS.items()
    }
    calls["inference"] = lambda t: net(theta, np.concatenate([t.x_support, t.x_query]))
    return Form(lambda t: t, calls, lambda found: found[1])


def torch_form(net, theta, by_layers: bool = False) -> Form:
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
    calls["inference"] = inference
    flat = lambda found: peer.flat(net, found[1])
    return Form(lambda t: peer.tensors(t, net.dtype), calls, flat)


def apart(made: list[Callable], net, theta, t: ms.Task) -> float:
    """The largest relative difference of the meta-gradients of two forms in float64: in float32 a
    spike may fall on either side of the threshold."""
    net, theta = net.like(dtype="float64"), theta.astype(np.float64)
    forms = [make(net, theta) for make in made]
    one, two = (form.gradient(form.calls["second order"](form.tensors(t))) for form in forms)
    return float(abs(one - two).max() / abs(one).max())


def compare(options) -> None:
    net = network(options)
    parameters = theta(options, net)
    rates = net.activity(parameters, task(options, 0).x_support)
    print("activity", ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in rates.items()))
    forms = ours(net, parameters), torch_form(net, parameters)
    found = findings.Findings()
    for what in WHATS:
        times: list[list[float]] = [[], []]
        for seed in range(options.repeat + 1):
            t = task(options, seed)
            for form, spent in zip(forms, times):
                given = form.tensors(t)
                start = time.perf_counter()
                form.calls[what](given)
                spent.append(time.perf_counter() - start)
        a, b = (median(spent[1:]) for spent in times)
        key = findings.slug(what)
        found.add(key, a, "s")
        found.add(f"{key}-torch", b, "s")
        found.add(f"{key}-ratio", b / a, "x")
        print(f"{what:22s} minisnn {a:7.3f} s   PyTorch {b:7.3f} s   {b / a:5.1f} times as fast")
    off = apart([ours, torch_form], net, parameters, task(options, 1))
    print(f"largest difference of the two in double precision, relative: {off:.1e}")
    given = ["--pool", options.pool, "--neuron", options.neuron, "--input", *options.input]
    for name, who in (("memory", "minisnn"), ("memory-torch", "torch")):
        [megabytes] = findings.fresh(__file__, *given, "--only", who)
        found.add(name, megabytes, "MB")
        print(f"peak memory of {who}: {megabytes:.0f} MB")
    import torch

    activity = {name: float(rate) for name, rate in rates.items()}
    found.more = dict(difference_in_float64=off, activity=activity, torch=torch.__version__)
    found.write(options.json)


def once(form: Form, t: ms.Task) -> None:
    """One second-order meta-gradient in this process; print its peak of memory in MB."""
    form.calls["second order"](form.tensors(t))
    print(findings.peak_memory())


def small_theta(net) -> np.ndarray:
    """Where memory is measured, and activity does not matter."""
    return np.random.default_rng(0).standard_normal(net.size).astype(np.float32) * 0.05


def main(words: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--activity", type=float, default=0.07)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument("--neuron", default="lif", choices=("lif", "cuba"))
    parser.add_argument("--input", type=int, nargs=2, default=(16, 32), metavar=("H", "W"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=("minisnn", "torch"), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.only:
        net = network(options)
        form = ours if options.only == "minisnn" else torch_form
        return once(form(net, small_theta(net)), task(options, 1))
    compare(options)


if __name__ == "__main__":
    main()
