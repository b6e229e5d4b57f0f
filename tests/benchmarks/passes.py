"""Where the time of a meta-gradient goes: every pass of every layer beside its floor.

    python tests/benchmarks/passes.py                        Table 1's network at 7 % activity
    python tests/benchmarks/passes.py --activity 0.3 --pool mean --input 30 80

The floor of a pass is the number of operations that it cannot avoid, from the recorded spikes, at
the speed that this machine reaches on nothing but such operations, measured here by turns with the
passes, on one core:

    rows      multiply-adds of event rows: a row of weights, from the second cache, added for every spike and kernel row
    dense     multiply-adds of register tiles; 8 in place of 20 where Winograd's products apply, along one axis: the kernels
              take both, 64 in place of 400, and the floor is kept, so that ratios can be compared over time
    sites     updates of one membrane for one step, in the first cache: those of each of the four passes
    bytes     membranes, adjoints and tangents that go to memory or come from it

One thread, in CPU time; more threads take other samples.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import truediv
from statistics import median

import findings
import numpy as np
from meta_gradient import network, task, theta
from numba import njit

import minisnn as ms
from minisnn.kernels import block as kernels
from minisnn.kernels import dense, neuron, pooling
from minisnn.vectors import vector
from minisnn.vectors.llvm import call_at
from minisnn.vectors.products import gemm
from minisnn.kernels.records import geometry
from minisnn.vectors.products import Left, Out, Right
from minisnn.core.layer import Layer
from minisnn.kernels.layer import block_of
from minisnn.parallel.arrays import aligned_zeros

SITES = 2048
LAYERS = ("forward", "backward", "forward_tangent", "backward_tangent")


# ---- what this machine can do


def _best(call, operations: float, repeats: int = 7) -> float:
    """Operations a second, the best of a few."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return operations / min(times)


@njit
def _room(g, u, along):
    return pooling.scratch(g, u, along)


@njit
def _add_rows(y, x, index, n, repeats):
    for _ in range(repeats):
        vector.add_rows(y, 0, x, 0, n, index, 0, index.size, n)


@njit
def _tiles(a, b, c, repeats):
    for _ in range(repeats):
        gemm(a, Left(0, 0, 256, 1), b, Right(0, 0, 32), c, Out(0, 32), 8, 32, 1, 256, False)


@njit
def _site_updates(which, u, past, u_dot, a, b, S, D, rooms, dy, bias, layer, repeats):
    n, g = layer.neuron, layer.g
    one, two = rooms
    for m in range(repeats):
        if m % 20 == 0:  # nothing may decay to denormal numbers, which are slow
            S[:] = 1
        if which == 0:
            call_at(n.calls.forward, (u, past, u, past, S, bias, n.own))
            pooling.pooled((u,), one, g.n_out, layer.pool, layer.c)
        elif which == 1:
            pooling.adjoint((u,), (dy,), one, (a,), layer)
            call_at(n.calls.backward, ((u,), (past,), (a,), S, (D,), g, n.own))
        elif which == 2:
            call_at(n.calls.forward_tangent, (u, past, u_dot, past, S, bias, n.own))
            pooling.tangent((u, u_dot), two, two.dv[0], layer)
        else:
            pooling.adjoint((u, u_dot), (dy, dy), two, (a, b), layer)
            given = (u, u_dot), (past, past), (a, b), S, (D, D), g, n.own
            call_at(n.calls.backward_tangent, given)


def band(pool: str, own: ms.Neuron | None = None) -> tuple:
    """What `_site_updates` takes: a band of membranes of `own`, or of LIF, and room for it."""
    rng = np.random.default_rng(0)
    new = lambda n: aligned_zeros((n,), np.float32)
    u, u_dot, one, two, D = [new(SITES) for _ in range(5)]
    u[:], u_dot[:] = rng.standard_normal((2, SITES))
    of = own or ms.LIF()
    block = block_of(Layer("block", (2, SITES // 64, 1), 32, 1, pool, of), 1, {})
    block = replace(block, compiled=neuron.neuron_of(of, np.dtype(np.float32)))
    layer = neuron.layer(block, 0)
    g = layer.g
    rooms = _room(g, u, None), _room(g, u, 1)
    arguments = u, new(0), u_dot, one, two, new(10 * SITES), D, rooms, new(g.sites)
    return *arguments, np.ones(g.row, np.float32), layer


def limits(pool: str, own: ms.Neuron | None = None) -> dict:
    """Operations a second of one core of this machine; membranes are those of `own`, or of LIF."""
    rng = np.random.default_rng(0)
    new = lambda n: aligned_zeros((n,), np.float32)
    x, y, index = new(800 * 64), new(64), rng.integers(0, 800, 5000).astype(np.int32)
    a, b, c = new(8 * 256), new(256 * 32), new(8 * 32)
    rates = {
        "rows": _best(lambda: _add_rows(y, x, index, 64, 20), 20 * 5000 * 64),
        "dense": _best(lambda: _tiles(a, b, c, 2000), 2000 * 8 * 32 * 256),
    }
    given = band(pool, own)
    for which, name in enumerate(LAYERS):
        rates[name] = _best(lambda: _site_updates(which, *given, 500), 500 * SITES)
    big, other = new(16 << 20), new(16 << 20)
    rates["bytes"] = _best(lambda: np.copyto(other, big), 2 * big.nbytes)
    return rates


# ---- what a pass cannot avoid


def rows(block, x, first: int, last: int) -> int:
    """Multiply-adds that the events of the steps first..last-1 ask for, edges of the image counted
    exactly."""
    H, W, n_in = block.input_shape
    near = lambda n: np.array(
        [min(i + block.kernel // 2, n - 1) - max(i - block.kernel // 2, 0) + 1 for i in range(n)]
    )
    total = 0
    for b in range(len(x.offset)):
        for h in range(H):
            column = x.index[b, h, x.offset[b, h, first] : x.offset[b, h, last]] // n_in
            total += near(H)[h] * int(near(W)[column].sum())
    return total * block.channels


def products(block, images: int, back: bool = False) -> float:
    """Multiply-adds of so many dense images through the weights (or back), by the products that the
    kernels use."""
    H, W, n_in, n_out, k = (*block.input_shape, block.channels, block.kernel)
    valid_rows = sum(min(h + k // 2, H - 1) - max(h - k // 2, 0) + 1 for h in range(H))
    fits = dense.fits(geometry(H, W, *((n_out, n_in) if back else (n_in, n_out)), k))
    return images * valid_rows * W * k * n_in * n_out * (0.4 if fits else 1)


def floors(block, name: str, tape, steps: int, first_layer: bool) -> dict:
    """Operations of each kind for one call of a pass."""
    B, x = len(tape["dense"]), tape["x"]
    H, W, n_in = block.input_shape
    N, N_in, inner = H * W * block.channels, H * W * n_in, max(steps - 2, 0)
    window = rows(block, x, tape["layer"].first, tape["layer"].first + inner)
    N_out = 0 if block.readout else int(np.prod(block.output_shape))
    below = 0 if first_layer else inner
    if name == "forward":
        return {
            "rows": rows(block, x, 0, x.steps),
            name: B * x.steps * N,
            "bytes": 4 * B * tape["u"].shape[1] * N,
        }
    if name == "backward":
        return {
            "rows": window,
            name: B * steps * N,
            "dense": products(block, B * below, True) + products(block, 2 * B) / 0.4,
            "bytes": 4 * B * (steps * (N + N_out) + below * (2 * N + N_in)),
        }
    if name == "forward_tangent":
        return {
            "rows": window,
            name: B * steps * N,
            "dense": products(block, B * (below + 2)),
            "bytes": 4 * B * (steps * (2 * N + N_out) + below * (N_in + 2 * N)),
        }
    direct = 1 / 0.4 if dense.fits(geometry(H, W, n_in, block.channels, block.kernel)) else 1
    return {
        "rows": window,
        name: B * steps * N,
        "dense": 2 * products(block, B * below, True) + direct * products(block, B * (below + 2)),
        "bytes": 4 * B * (steps * (2 * N + 2 * N_out) + below * (4 * N + 2 * N_in)),
    }


# ---- a meta-gradient, pass by pass


def profile(options, speed: Callable[[], dict]) -> tuple[dict, dict, dict]:
    """{(set, pass, layer): seconds of every round}, {the same: floors in seconds}, and the speeds of
    the machine.

    `speed` measures the machine before each round and after it: the floor of a round takes both, so
    that a machine that slows down in between slows both sides of the ratio.
    """
    net = network(options)
    parameters = theta(options, net)
    times: dict = defaultdict(lambda: [0.0] * (options.repeat + 1))
    operations: dict = defaultdict(lambda: defaultdict(float))
    first, current = net.blocks[0].name, ["support"]
    passes = {name: getattr(kernels, name) for name in LAYERS}
    number = 0

    def watch(name):
        def timed(block, *arguments, **settings):
            start = time.process_time()
            result = passes[name](block, *arguments, **settings)
            key = (current[0], name, block.name)
            times[key][number] += time.process_time() - start
            if number == 0:
                tape = (
                    result[1]
                    if name == "forward"
                    else next(a for a in arguments if isinstance(a, dict))
                )
                steps = (
                    tape["u"].shape[1]
                    if block.readout or name == "forward"
                    else (
                        arguments[-1]
                        if name == "forward_tangent"
                        else tape["d"].steps
                        if "tangent" in name
                        else arguments[2].shape[1]
                    )
                )
                wanted = floors(block, name, tape, steps, block.name == first)
                for kind, amount in wanted.items():
                    operations[key][kind] += amount
            return result

        return timed

    for name in LAYERS:
        setattr(kernels, name, watch(name))
    speeds = []
    try:
        for number in range(options.repeat + 1):  # the first warms up
            speeds.append(speed())
            t = task(options, 1)  # the same one each time: its operations are counted once
            current[0] = "support"
            _, gradient, _, hvp = net.gradients(parameters, t.x_support, t.y_support)
            current[0] = "query"
            _, meta = net.loss_and_gradient(parameters - gradient, t.x_query, t.y_query)
            current[0] = "support"
            hvp(meta)
        speeds.append(speed())
    finally:
        for name in LAYERS:
            setattr(kernels, name, passes[name])
    rounds = list(zip(speeds[1:-1], speeds[2:], strict=True))
    floor = {
        key: [
            sum(n * (1 / before[kind] + 1 / after[kind]) / 2 for kind, n in counted.items())
            for before, after in rounds
        ]
        for key, counted in operations.items()
    }
    rates = {kind: median(found[kind] for found in speeds[1:]) for kind in speeds[0]}
    return {key: found[1:] for key, found in times.items()}, floor, rates


def together(times: dict, floor: dict, keys: Iterable) -> tuple[float, float, float]:
    """Seconds, floor and ratio of these passes: medians over the rounds."""
    keys = list(keys)
    rounds = range(len(times[keys[0]]))
    spent, least = (
        [sum(table[key][i] for key in keys) for i in rounds] for table in (times, floor)
    )
    return median(spent), median(least), median(map(truediv, spent, least))


def found_in(times: dict, floor: dict, rates: dict) -> findings.Findings:
    """Milliseconds of every pass over all layers, the least that it can take, and their ratio;
    those of each layer beside."""
    found = findings.Findings("pass", "measured", "least", "ratio")

    def add(label: str, name: str, keys: list) -> None:
        spent, least, ratio = together(times, floor, keys)
        names = [
            found.add(f"{name}-measured", 1e3 * spent, "ms"),
            found.add(f"{name}-least", 1e3 * least, "ms"),
        ]
        found.row(label, *names, found.add(f"{name}-ratio", ratio, "x"))

    for part in ("support", "query"):
        for name in LAYERS:
            keys = [key for key in times if key[:2] == (part, name)]
            if keys:
                add(f"{name.replace('_', ' ')}, {part}", findings.slug(part, name), keys)
    add("all", "all", list(times))
    each = {key: together(times, floor, [key]) for key in times}
    layers = {" ".join(key): [1e3 * spent, 1e3 * least] for key, (spent, least, _) in each.items()}
    found.more = {"operations_a_second": rates, "measured_and_least_ms": layers}
    return found


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activity", type=float, default=0.07)
    parser.add_argument("--pool", default="max", choices=("max", "mean"))
    parser.add_argument("--input", type=int, nargs=2, default=(16, 32), metavar=("H", "W"))
    parser.add_argument("--repeat", type=int, default=9)
    findings.option(parser)
    parser.set_defaults(neuron="lif")
    options = parser.parse_args(words)
    ms.set_threads(1)
    times, floor, rates = profile(options, lambda: limits(options.pool))
    print(
        f"one core: event rows {rates['rows'] / 1e9:.0f} and tiles {rates['dense'] / 1e9:.0f} G "
        "multiply-adds/s, memory "
        f"{rates['bytes'] / 1e9:.0f} GB/s, membranes "
        f"{', '.join(f'{rates[n] / 1e9:.1f}' for n in LAYERS)} G/s "
        f"({', '.join(LAYERS)})"
    )
    print(f"{'':9s}{'pass':18s}{'layer':9s}{'ms':>8s}{'floor':>8s}{'ratio':>7s}")
    for part in ("support", "query"):
        for name in LAYERS:
            keys = [key for key in times if key[:2] == (part, name)]
            for key in keys:
                show((part, name, key[2]), *together(times, floor, [key]))
            if keys:
                show((part, name, "all"), *together(times, floor, keys))
    show(("all", "", ""), *together(times, floor, times))
    found_in(times, floor, rates).write(options.json)


def show(words: tuple[str, str, str], spent: float, least: float, ratio: float) -> None:
    print("{:9s}{:18s}{:9s}".format(*words) + f"{1e3 * spent:8.2f}{1e3 * least:8.2f}{ratio:7.2f}")


if __name__ == "__main__":
    main()
