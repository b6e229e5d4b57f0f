"""minisnn beside PyTorch on one meta-gradient: seconds, ratio, agreement, and peak memory of each
in a fresh process.

    python tests/benchmarks/meta_gradient.py                      the network of Table 1 at 7 % activity
    python tests/benchmarks/meta_gradient.py --activity 0.3 --pool mean --input 30 80
    python tests/benchmarks/meta_gradient.py --neuron cuba        the current-based neuron with a hard reset

Runs alternate in one process; medians of `--repeat` runs after one warm-up, on a fresh task each.
5-way 1-shot, 25 queries. `shapes.py` makes a table of cases.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import findings
import numpy as np

import minisnn as ms

CHANNELS = (32, 64, 128)
QUERIES = 25


def network(options, dtype=np.float32):
    neuron = ms.CubaLIF() if options.neuron == "cuba" else ms.LIF()
    channels = tuple(getattr(options, "channels", CHANNELS))
    return ms.SpikingNet((*options.input, 2), channels, 5, 5, options.pool, neuron, dtype=dtype)


def task(options, seed: int, queries: int | None = None):
    """Poisson counts at 0.02 a site and step; 5 support samples, and query samples in the order of
    their classes."""
    rng = np.random.default_rng(seed)
    queries = queries or getattr(options, "query_samples", QUERIES)
    draw = lambda n: np.stack(
        [rng.poisson(0.02, (100, *options.input, 2)).astype(np.uint8) for _ in range(n)]
    )
    return ms.Task(draw(5), np.arange(5), draw(queries), np.repeat(np.arange(5), queries // 5))


def theta(options, net):
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


def runs(options, net, parameters):
    """{name: (ours, theirs)}, functions of a task seed."""
    import torch
    import torch_peer as peer

    weights = peer.parameters(net, parameters)

    def infer(t):
        with torch.no_grad():
            return peer.logits(net, weights, torch.cat([t["x_support"], t["x_query"]]))

    return peer.tensors, {
        "second order": (
            lambda t: ms.meta_gradient(net, parameters, t),
            lambda t: peer.meta_gradient(net, weights, t),
        ),
        "first order": (
            lambda t: ms.meta_gradient(net, parameters, t, order=1),
            lambda t: peer.meta_gradient(net, weights, t, order=1),
        ),
        "inference, 30 samples": (
            lambda t: net(parameters, np.concatenate([t.x_support, t.x_query])),
            infer,
        ),
    }


def compare(options):
    net, (H, W) = network(options), options.input
    parameters = theta(options, net)
    rates = net.activity(parameters, task(options, 0).x_support)
    print(
        f"activity {', '.join(f'{n} {100 * r:.1f} %' for n, r in rates.items())}; "
        f"{type(net.neuron).__name__}, {options.pool} "
        f"pooling, input {H} x {W}, float32, 5-way 1-shot, 25 queries"
    )
    tensors, cases = runs(options, net, parameters)
    found = findings.Findings()
    for name, (ours, theirs) in cases.items():
        times = []
        for seed in range(options.repeat + 1):
            t = task(options, seed)
            t_torch = tensors(t)
            start = time.perf_counter()
            ours(t)
            middle = time.perf_counter()
            theirs(t_torch)
            times.append((middle - start, time.perf_counter() - middle))
        a, b = (median(column) for column in zip(*times[1:]))
        key = name.split(",")[0].replace(" ", "-")
        found.add(key, a, "s")
        found.add(f"{key}-torch", b, "s")
        found.add(f"{key}-ratio", b / a, "x")
        print(f"{name:22s} minisnn {a:7.3f} s   PyTorch {b:7.3f} s   {b / a:5.1f} times as fast")
    apart = float(difference(options, net, parameters))
    print(f"largest difference of the two in double precision, relative: {apart:.1e}")
    memory = {}
    for who in ("minisnn", "torch"):
        told = (
            f"--activity {options.activity} --pool {options.pool} --neuron {options.neuron} "
            f"--input {H} {W} --only {who}"
        )
        arguments = [sys.executable, __file__, *told.split()]
        memory[who] = float(
            subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        )
    print(
        f"peak memory            minisnn {memory['minisnn']:5.0f} MB  PyTorch "
        f"{memory['torch']:5.0f} MB  "
        f" {memory['minisnn'] / memory['torch']:.2f} of it"
    )
    found.add("memory", memory["minisnn"], "MB")
    found.add("memory-torch", memory["torch"], "MB")
    activity = {name: float(rate) for name, rate in rates.items()}
    found.more = dict(difference_in_float64=apart, activity=activity, torch=_version_of_torch())
    found.write(options.json)


def _version_of_torch() -> str:
    import torch

    return torch.__version__


def difference(options, net, parameters) -> float:
    """Between the two meta-gradients of one task, in float64: in float32 a spike may fall on either
    side of the threshold."""
    import torch_peer as peer

    t, net = task(options, 1), network(options, np.float64)
    parameters = parameters.astype(np.float64)
    ours = ms.meta_gradient(net, parameters, t)[1]
    theirs = peer.flat(
        net,
        peer.meta_gradient(net, peer.parameters(net, parameters), peer.tensors(t, np.float64))[1],
    )
    return abs(ours - theirs).max() / abs(theirs).max()


def only(options):
    """One second-order meta-gradient in this process; print the peak resident memory in MB."""
    net = network(options)
    parameters, t = (
        np.random.default_rng(0).standard_normal(net.size).astype(np.float32) * 0.05,
        task(options, 1),
    )
    if options.only == "minisnn":
        ms.meta_gradient(net, parameters, t)
    else:
        tensors, cases = runs(options, net, parameters)
        cases["second order"][1](tensors(t))
    print(_peak_memory())


def _peak_memory() -> float:
    """Peak resident memory of this process in MB, 10^6 bytes; getrusage would count what the parent
    held before it started this one."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activity", type=float, default=0.07)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument("--neuron", default="lif", choices=("lif", "cuba"))
    parser.add_argument("--input", type=int, nargs=2, default=(16, 32), metavar=("H", "W"))
    parser.add_argument("--repeat", type=int, default=3)
    findings.option(parser)
    parser.add_argument("--only", choices=("minisnn", "torch"), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    only(options) if options.only else compare(options)


if __name__ == "__main__":
    main()
