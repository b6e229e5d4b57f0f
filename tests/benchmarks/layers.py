"""Lists of layers beside PyTorch: second-order meta-gradients of a recurrent network, of Table 1 with
a stride, and what learned constants cost.

    python tests/benchmarks/layers.py            all cases
    python tests/benchmarks/layers.py --only recurrent

Runs alternate in one process, float32, 5-way 1-shot, 25 queries; least of `--repeat` runs after one
warm-up. Biases are set so that every layer has the wanted share of spikes.
"""

import argparse
import time

import findings
import numpy as np

import minisnn as ms

LEARN = ("alpha", "beta", "gamma")


def recurrent() -> ms.SpikingNet:
    """700 units, as of sound, and two recurrent layers."""
    layers = [ms.Dense(256, recurrent=True), ms.Dense(256, recurrent=True)]
    return ms.SpikingNet((700,), layers=layers, ways=5, window=100)


def strided() -> ms.SpikingNet:
    """Table 1 with kernels of 3 and a first layer of stride 2."""
    layers = [ms.Conv(32, 3, stride=2), ms.Conv(64, 3), ms.Conv(128, 3)]
    return ms.SpikingNet((16, 32, 2), layers=layers, ways=5)


def table1() -> ms.SpikingNet:
    """Table 1."""
    return ms.SpikingNet((16, 32, 2), ways=5)


# the network, the share of inputs that are active, that of its layers, and what a page calls it
CASES = {
    "recurrent": (recurrent, 0.02, 0.10, "700 units, two recurrent layers of 256, 10 %"),
    "strided": (strided, 0.02, 0.07, "Table 1, kernels of 3, first stride 2, 7 %"),
    "table1": (table1, 0.02, 0.07, "Table 1, 7 %"),
}
HEADS = ("network, activity", "meta-gradient", "PyTorch", "ratio", "learned constants")


def task(net, share: float, seed: int) -> ms.Task:
    """Counts of nothing or one."""
    rng = np.random.default_rng(seed)
    draw = lambda n: (rng.random((n, 100, *net.input_shape)) < share).astype(np.uint8)
    return ms.Task(draw(5), np.arange(5), draw(25), np.repeat(np.arange(5), 5))


def theta(net, x, rate: float) -> np.ndarray:
    """Random weights; each layer's bias by bisection, so that it has the wanted activity."""
    rng = np.random.default_rng(0)
    theta = net.init(rng)
    views = net.views(theta)
    for b in net.blocks[:-1]:
        weight = views[f"{b.name}.weight"]
        weight[...] = rng.standard_normal(weight.shape) * 2 / np.sqrt(np.prod(weight.shape[:-1]))
        if b.recurrent:
            views[f"{b.name}.recurrent"][...] *= 0.3
        low, high = -3.0, 3.0
        for _ in range(12):
            views[f"{b.name}.bias"][...] = (low + high) / 2
            if net.activity(theta, x)[b.name] > rate:
                high = (low + high) / 2
            else:
                low = (low + high) / 2
    return theta


def with_constants(net, theta) -> tuple[ms.SpikingNet, np.ndarray]:
    """The same network, its constants learned, at the values that they had."""
    learned = net.like(learn=LEARN)
    found = learned.init(np.random.default_rng(0))
    views = learned.views(found)
    for name, array in net.views(theta).items():
        views[name][...] = array
    return learned, found


def compare(name: str, repeat: int, found: findings.Findings) -> None:
    """One case: fixed and learned constants, and PyTorch."""
    import torch_layers as peer

    make, share, rate, label = CASES[name]
    net = make()
    at = theta(net, task(net, share, 0).x_support, rate)
    learned, at_learned = with_constants(net, at)
    activity = net.activity(at, task(net, share, 0).x_query)
    weights = peer.parameters(net, at)
    runs = {
        "fixed": lambda t: ms.meta_gradient(net, at, t),
        "learned": lambda t: ms.meta_gradient(learned, at_learned, t),
        "torch": lambda t: peer.meta_gradient(net, weights, peer.tensors(net, t)),
    }
    times: dict[str, list[float]] = {who: [] for who in runs}
    for seed in range(repeat + 1):
        t = task(net, share, seed)
        for who, run in runs.items():
            start = time.perf_counter()
            run(t)
            times[who].append(time.perf_counter() - start)
    fixed, with_learned, torch = (min(times[who][1:]) for who in runs)
    figures = [
        found.add(f"{name}", fixed, "s"),
        found.add(f"{name}-torch", torch, "s"),
        found.add(f"{name}-ratio", torch / fixed, "x"),
        found.add(f"{name}-learned", with_learned / fixed, "x"),
    ]
    found.row(label, *figures)
    rates = ", ".join(f"{layer} {100 * share:.1f} %" for layer, share in activity.items())
    print(
        f"{name:10} minisnn {fixed:6.3f} s   PyTorch {torch:6.3f} s   {torch / fixed:5.1f} times as "
        f"fast; learned constants take {with_learned / fixed:.2f} of it; {rates}; largest "
        f"difference in float64 {difference(name, at):.1e}"
    )


def difference(name: str, at: np.ndarray) -> float:
    """Between the two meta-gradients in float64, constants learned."""
    import torch_layers as peer

    make, share, *_ = CASES[name]
    net, at = with_constants(make().like(dtype="float64"), at.astype(np.float64))
    t = task(net, share, 1)
    ours = ms.meta_gradient(net, at, t).gradient
    weights = peer.parameters(net, at, np.float64)
    theirs = peer.flat(net, peer.meta_gradient(net, weights, peer.tensors(net, t, np.float64))[1])
    return float(abs(ours - theirs).max() / abs(theirs).max())


def main(words: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=CASES, help="one case")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="of both (default: 2)")
    findings.option(parser)
    options = parser.parse_args(words)
    import torch

    torch.set_num_threads(options.threads)
    ms.set_threads(options.threads)
    found = findings.Findings(*HEADS)
    for name in [options.only] if options.only else CASES:
        compare(name, options.repeat, found)
    found.write(options.json)


if __name__ == "__main__":
    main()
