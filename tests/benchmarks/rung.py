"""One meta-gradient on each of the three rungs: arrays (NumPy), plain loops, kernels.

    python tests/benchmarks/rung.py                        two conv layers, 7 % of the neurons fire
    python tests/benchmarks/rung.py --neuron cuba --pool mean

Second order, 5 support and 10 query samples. Runs alternate in one process, in CPU time of one
thread: the median of `--repeat` after one warm-up, which compiles. How far the results of the loops
and of the kernels lie from those of NumPy in double precision is printed beside.
"""

import argparse
import time
from statistics import median

import findings
import meta_gradient
import numpy as np

import minisnn as ms
from minisnn.kernels import block as kernels
from minisnn.layers import block as arrays
from minisnn.plain import block as plain

ENGINES = {"arrays": arrays, "plain loops": plain, "kernels": kernels}


def network(options, dtype: str, engine: str):
    neuron = ms.CubaLIF() if options.neuron == "cuba" else ms.LIF()
    net = ms.SpikingNet(
        (*options.input, 2), options.channels, 5, 5, options.pool, neuron, dtype=dtype
    )
    net.engine = lambda: ENGINES[engine]
    return net


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activity", type=float, default=0.07)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument("--neuron", default="lif", choices=("lif", "cuba"))
    parser.add_argument("--input", type=int, nargs=2, default=(16, 32), metavar=("H", "W"))
    parser.add_argument("--channels", type=int, nargs="+", default=(8, 16), metavar="C")
    parser.add_argument("--repeat", type=int, default=5)
    findings.option(parser)
    options = parser.parse_args(words)
    ms.set_threads(1)
    theta = meta_gradient.theta(options, network(options, "float32", "kernels"))
    nets = {name: network(options, "float32", name) for name in ENGINES}
    seconds: dict[str, list[float]] = {name: [] for name in ENGINES}
    for seed in range(options.repeat + 1):
        task = meta_gradient.task(options, seed, queries=10)
        for name, net in nets.items():
            began = time.process_time()
            ms.meta_gradient(net, theta, task)
            seconds[name].append(time.process_time() - began)
    times = {name: median(found[1:]) for name, found in seconds.items()}
    exact = {
        name: ms.meta_gradient(network(options, "float64", name), theta.astype(float), task)[1]
        for name in ENGINES
    }
    found = findings.Findings("", "seconds", "times the kernels'")
    largest = np.abs(exact["arrays"]).max()
    for name, spent in times.items():
        key = findings.slug(name)
        ratio = spent / times["kernels"]
        found.row(name, found.add(key, spent, "s"), found.add(f"{key}-ratio", ratio, "x"))
        apart = np.abs(exact[name] - exact["arrays"]).max() / largest
        print(f"{name:12s}{spent:8.3f} s{ratio:7.1f} times the kernels'   off by {apart:.1e}")
    found.write(options.json)


if __name__ == "__main__":
    main()
