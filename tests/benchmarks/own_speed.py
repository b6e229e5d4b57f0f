"""A neuron of one's own next to those that ship, on one meta-gradient: seconds, and the ratio to the
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
from pathlib import Path

import cases
import findings
import numpy as np

import minisnn as ms

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
import own_neurons  # noqa: E402


def learns(net, theta, t) -> None:
    _, gradient, _, hvp = net.gradients(theta, t.x_support, t.y_support)
    hvp(net.loss_and_gradient(theta - 0.5 * gradient, t.x_query, t.y_query).gradient)


def main() -> None:
    options = findings.command_line(__doc__, repeat=5).parse_args()
    ms.set_threads(1)
    case = cases.Case()
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(None):
            page = own_neurons.of_the_guide(ROOT, Path(folder))
        neurons = {
            "LIF": (ms.LIF(), "LIF"),
            "LIF, your own": (own_neurons.Mine(), "LIF"),
            "the guide's neuron": (page["Tiring"](), "LIF"),
            "LIF, the guide's surrogate": (ms.LIF(surrogate=page["ArcTan"]()), "LIF"),
            "CubaLIF": (ms.CubaLIF(), "CubaLIF"),
            "CubaLIF, your own": (own_neurons.MyCuba(threshold=0.0), "CubaLIF"),
        }

        def call(neuron):
            net = ms.SpikingNet((*case.input, 2), neuron=neuron, dtype=np.float32, backend="numba")
            theta = case.theta(net)
            task = case.task(0)
            return lambda _: lambda: learns(net, theta, task)

        calls = {name: call(neuron) for name, (neuron, _) in neurons.items()}
        times = findings.by_turns(calls, options.repeat)
    found = findings.Findings("neuron", "meta-gradient", "ratio")
    for name, (_, like) in neurons.items():
        seconds = found.add(findings.slug(name), min(times[name]), "s")
        ratio = min(times[name]) / min(times[like])
        key = "" if name == like else found.add(findings.slug(name, "ratio"), ratio, "x")
        found.row(name, seconds, key)
    found.write(options.json)


if __name__ == "__main__":
    main()
