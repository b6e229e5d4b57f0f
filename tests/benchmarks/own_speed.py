"""A neuron of one's own beside those that ship, on one meta-gradient: seconds, and the ratio to the
one that it is like.

    python tests/benchmarks/own_speed.py [--repeat 5]

Table 1's network at 7 % activity, 5-way 1-shot, 25 queries, one thread. `LIF` and `CubaLIF` written
once more (tests/own_neurons.py), the neuron and the surrogate of lessons/guides/model.md;
each from a file of the user's. They take turns in one process; least times of the rounds, since
other processes can only add to them.
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path

import findings
import numpy as np
from meta_gradient import task, theta

import minisnn as ms

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
import own_neurons  # noqa: E402


def seconds(net, parameters, t) -> float:
    start = time.perf_counter()
    _, gradient, _, hvp = net.gradients(parameters, t.x_support, t.y_support)
    meta = net.loss_and_gradient(parameters - 0.5 * gradient, t.x_query, t.y_query).gradient
    hvp(meta)
    return time.perf_counter() - start


def measured(options) -> findings.Findings:
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(None):
            page = own_neurons.of_the_guide(ROOT, Path(folder))
        neurons = {
            "LIF": (ms.LIF(), "LIF"),
            "LIF, your own": (own_neurons.MyLIF(), "LIF"),
            "the guide's neuron": (page["Tiring"](), "LIF"),
            "LIF, the guide's surrogate": (ms.LIF(surrogate=page["ArcTan"]()), "LIF"),
            "CubaLIF": (ms.CubaLIF(), "CubaLIF"),
            "CubaLIF, your own": (own_neurons.MyCuba(threshold=0.0), "CubaLIF"),
        }
        t = task(options, 0)
        ready = {}
        for name, (neuron, _) in neurons.items():
            net = ms.SpikingNet((*options.input, 2), neuron=neuron, dtype=np.float32)
            assert net.backend == "numba", name
            ready[name] = net, theta(options, net)
            seconds(*ready[name], t)
        times: dict[str, list[float]] = {name: [] for name in neurons}
        for _ in range(options.repeat):
            for name in neurons:
                times[name].append(seconds(*ready[name], t))
    found = findings.Findings("neuron", "meta-gradient", "ratio")
    for name, (_, like) in neurons.items():
        names = [found.add(findings.slug(name), min(times[name]), "s")]
        ratio = min(times[name]) / min(times[like])
        alike = name == like
        names.append("" if alike else found.add(findings.slug(name, "ratio"), ratio, "x"))
        found.row(name, *names)
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = findings.command_line(__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args(arguments)
    options.activity, options.input, options.pool = 0.07, (16, 32), "max"
    ms.set_threads(1)
    found = measured(options)
    for name, figure in found.figures.items():
        print(f"{name:36} {figure['value']:.3f} {figure['unit']}")
    found.write(options.json)


if __name__ == "__main__":
    main()
