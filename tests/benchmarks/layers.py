"""Lists of layers next to PyTorch: second-order meta-gradients of a recurrent network, of Table 1 with
a stride, and what learned constants cost.

    python tests/benchmarks/layers.py            all cases
    python tests/benchmarks/layers.py --only recurrent

Runs alternate in one process, float32, 5-way 1-shot, 25 queries; least of `--repeat` runs after one
warm-up. Biases are set so that every layer has the wanted share of spikes.
"""

from functools import partial

import cases
import findings
import numpy as np

import minisnn as ms

SOUND = [ms.Dense(256, recurrent=True), ms.Dense(256, recurrent=True)]
STRIDED = [ms.Conv(32, 3, stride=2), ms.Conv(64, 3), ms.Conv(128, 3)]
# settings of the network, the activity of its layers, and what a page calls it
CASES = {
    "recurrent": (
        dict(input_shape=(700,), layers=SOUND, window=100),
        0.10,
        "700 units, two recurrent layers of 256, 10 %",
    ),
    "strided": (
        dict(input_shape=(16, 32, 2), layers=STRIDED),
        0.07,
        "Table 1, kernels of 3, first stride 2, 7 %",
    ),
    "table1": (dict(input_shape=(16, 32, 2)), 0.07, "Table 1, 7 %"),
}
HEADS = ("network, activity", "meta-gradient", "PyTorch", "ratio", "learned constants")


def task(net, seed: int) -> ms.Task:
    """Counts of nothing or one."""
    rng = np.random.default_rng(seed)
    draw = lambda n: (rng.random((n, 100, *net.input_shape)) < 0.02).astype(np.uint8)
    return ms.Task(draw(5), np.arange(5), draw(25), np.repeat(np.arange(5), 5))


def theta(net, rate: float) -> np.ndarray:
    """Random weights at which each layer has the wanted activity."""
    rng = np.random.default_rng(0)
    theta = net.init(rng)
    views = net.views(theta)
    for b in net.blocks[:-1]:
        weight = views[f"{b.name}.weight"]
        weight[...] = rng.standard_normal(weight.shape) * 2 / np.sqrt(np.prod(weight.shape[:-1]))
        if b.recurrent:
            views[f"{b.name}.recurrent"][...] *= 0.3
    cases.fire_at(net, theta, task(net, 0).x_support, rate)
    return theta


def with_constants(net, theta) -> tuple[ms.SpikingNet, np.ndarray]:
    """The same network, its constants learned, at the values that they had."""
    learned = net.like(learn=("alpha", "beta", "gamma"))
    found = learned.init(np.random.default_rng(0))
    views = learned.views(found)
    for name, array in net.views(theta).items():
        views[name][...] = array
    return learned, found


def compare(name: str, repeat: int, found: findings.Findings) -> None:
    """One case: fixed and learned constants, and PyTorch."""
    import torch_peer as peer

    settings, rate, label = CASES[name]
    net = ms.SpikingNet(**settings, ways=5)
    at = theta(net, rate)
    learned, at_learned = with_constants(net, at)
    weights = peer.parameters(net, at)
    spent = findings.by_turns(
        {
            "fixed": lambda n: partial(ms.meta_gradient, net, at, task(net, n)),
            "learned": lambda n: partial(ms.meta_gradient, learned, at_learned, task(net, n)),
            "torch": lambda n: partial(
                peer.meta_gradient, net, weights, peer.tensors(task(net, n))
            ),
        },
        repeat,
    )
    fixed, with_learned, torch = (min(seconds) for seconds in spent.values())
    found.row(
        label,
        found.add(name, fixed, "s"),
        found.add(f"{name}-torch", torch, "s"),
        found.add(f"{name}-ratio", torch / fixed, "x"),
        found.add(f"{name}-learned", with_learned / fixed, "x"),
    )
    found.more.setdefault("off", {})[name] = difference(net, at)


def difference(net, at: np.ndarray) -> float:
    """Between the two meta-gradients in float64, constants learned."""
    import torch_peer as peer

    net, at = with_constants(net.like(dtype="float64"), at.astype(np.float64))
    t = task(net, 1)
    ours = ms.meta_gradient(net, at, t).gradient
    weights = peer.parameters(net, at)
    theirs = peer.flat(net, peer.meta_gradient(net, weights, peer.tensors(t, np.float64))[1])
    return float(abs(ours - theirs).max() / abs(theirs).max())


def main() -> None:
    """The command line."""
    options = findings.command_line(__doc__, only=CASES, repeat=5, threads=2).parse_args()
    import torch

    torch.set_num_threads(options.threads)
    ms.set_threads(options.threads)
    found = findings.Findings(*HEADS)
    for name in options.only:
        compare(name, options.repeat, found)
    found.write(options.json)


if __name__ == "__main__":
    main()
