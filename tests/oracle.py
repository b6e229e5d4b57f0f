"""Random networks in two versions of minisnn, float64: the largest difference of what they compute.

    python tests/oracle.py --other /path/to/python --count 200         this version against another
    python tests/oracle.py --write cases.npz --first 0 --count 10      what this version computes

The other interpreter has another version installed; both draw the same networks by seed, from NumPy
alone, and compute logits, loss, gradient, H v, products with the Jacobian, features, twins and
meta-gradients by every rule. Differences are relative to the largest number of an array. A case in
which the other version itself moves by more than MOVES when theta is scaled by 1 + 1e-15 says
nothing (a membrane is at its threshold): it is counted, and left out.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

MOVES = 1e-10
FLOOR = 1e-6  # what is smaller is the rest of a sum that cancels
RULES = (
    "maml",
    "fomaml",
    "anil",
    "gate",
    "fraction",
    "sizes",
    "online",
    "means",
    "proto",
    "implicit",
)


def names(backend: str) -> Any:
    """The public names, with networks on this backend."""
    import minisnn as ms

    return SimpleNamespace(
        **{name: getattr(ms, name) for name in ms.__all__ if not name.endswith("Net")},
        SpikingNet=partial(ms.SpikingNet, backend=backend),
        ConvNet=partial(ms.ConvNet, backend=backend),
    )


def own_parts(ms: Any) -> dict[str, Any]:
    """A neuron of four passes and a surrogate, as users of version 0.2 write them."""

    @dataclass(frozen=True)
    class Adaptive(ms.Neuron):
        """u = alpha v + I / 5 - a / 10, v' = u (1 - s), a' = decay a + (1 - decay) s / 2"""

        threshold: float = 0.1
        decay: float = 0.9
        states = ("v", "a")
        delay = 0

        def forward(self, I, z, spike):
            u = self.alpha * z[0] + 0.2 * I - 0.1 * z[1]
            s = spike(u)
            return u, (u * (1 - s), self.decay * z[1] + 0.5 * (1 - self.decay) * s)

        def backward(self, at, du, dz):
            du = du + dz[0] * (1 - at.spike - at.u * at.slope)
            du = du + 0.5 * (1 - self.decay) * dz[1] * at.slope
            return 0.2 * du, (self.alpha * du, self.decay * dz[1] - 0.1 * du)

        def forward_tangent(self, at, I_dot, z_dot):
            u_dot = self.alpha * z_dot[0] + 0.2 * I_dot - 0.1 * z_dot[1]
            first = (1 - at.spike - at.u * at.slope) * u_dot
            return u_dot, (first, self.decay * z_dot[1] + 0.5 * (1 - self.decay) * at.slope * u_dot)

        def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
            du_dot = du_dot + dz_dot[0] * (1 - at.spike - at.u * at.slope)
            du_dot = du_dot + dz[0] * (-2 * at.slope - at.u * at.curvature) * dot.u
            more = dz_dot[1] * at.slope + dz[1] * at.curvature * dot.u
            du_dot = du_dot + 0.5 * (1 - self.decay) * more
            return 0.2 * du_dot, (self.alpha * du_dot, self.decay * dz_dot[1] - 0.1 * du_dot)

    class Delayed(Adaptive):
        """The same with a synapse that delays."""

        delay = 2

    class ArcTan(ms.Surrogate):
        def sigma(self, a):
            return np.arctan(2 * a) / 2

        def prime(self, a):
            return 1 / (1 + (2 * a) ** 2)

        def second(self, a):
            return -8 * a * self.prime(a) ** 2

    return {"own": Adaptive, "delayed": Delayed, "surrogate": ArcTan}


def neuron_of(ms: Any, own: dict[str, Any], kind: str, rng: np.random.Generator) -> Any:
    """With random constants."""
    alpha, beta, gamma = rng.uniform(0.5, 0.95, 3)
    if rng.random() < 0.15:
        beta = alpha
    common: dict[str, Any] = dict(alpha=alpha, beta=beta, gain=rng.uniform(1, 5))
    common["threshold"] = rng.choice([0.0, rng.uniform(0, 0.5)])
    rho = rng.choice([0.0, rng.uniform(0.3, 1.5)])
    slope = rng.uniform(1, 10)
    if rng.random() < 0.2:
        common["surrogate"] = own["surrogate"]()
    else:
        common["slope"] = slope
    if kind == "lif":
        return ms.LIF(gamma=gamma, rho=rho, **common)
    return ms.CubaLIF(**common) if kind == "cuba" else own[kind](**common)


def network(ms: Any, rng: np.random.Generator) -> tuple[Any, int]:
    """(a random network, the steps of its recordings)."""
    own = own_parts(ms)
    if rng.random() < 0.12:
        conv = int(rng.integers(0, 3))
        shape = (*(int(n) for n in rng.integers(2**conv, 2**conv + 6, 2)), int(rng.integers(1, 4)))
        channels = tuple(int(n) for n in rng.integers(1, 5, conv))
        hidden = tuple(int(n) for n in rng.integers(1, 5, int(rng.integers(0, 2))))
        how = dict(kernel=int(rng.choice([1, 3, 5])), hidden=hidden)
        ways = int(rng.integers(2, 5))
        return ms.ConvNet(shape, channels, ways, dtype="float64", **how), int(rng.integers(2, 9))
    kind = str(rng.choice(["lif", "lif", "cuba", "cuba", "own", "delayed"]))
    neuron = neuron_of(ms, own, kind, rng)
    conv = int(rng.integers(0, 4))
    shape: Any = (*(int(n) for n in rng.integers(4, 13, 2)), int(rng.integers(1, 4)))
    H, W = shape[:2]
    layers: list[Any] = []
    for _ in range(conv):
        stride = int(rng.choice([1, 1, 2, 3]))
        H, W = -(-H // stride), -(-W // stride)
        pool = str(rng.choice(["max", "mean", "none"])) if min(H, W) > 1 else "none"
        H, W = (H, W) if pool == "none" else (H // 2, W // 2)
        kernel = int(rng.choice([1, 3, 5, 7]))
        layers.append(ms.Conv(int(rng.integers(1, 6)), kernel, stride, pool))
    for _ in range(int(rng.integers(0, 3))):
        layers.append(ms.Dense(int(rng.integers(1, 7)), bool(rng.random() < 0.5)))
    if not conv and rng.random() < 0.5:
        shape = (int(rng.integers(1, 12)),)
    known = {"lif": ("alpha", "beta", "gamma"), "cuba": ("alpha", "beta"), "own": ("beta",)}
    constants = known.get(kind, ("alpha", "beta"))
    learn = tuple(str(name) for name in rng.permutation(constants) if rng.random() < 0.3)
    if layers and rng.random() < 0.15 and not learn:
        other = neuron_of(ms, own, str(rng.choice(["lif", "cuba"])), rng)
        last = layers.pop()
        layers.append(type(last)(**{**vars(last), "neuron": other}))
    T = int(rng.integers(3, 18))
    net = ms.SpikingNet(
        shape,
        layers=layers,
        ways=int(rng.integers(2, 5)),
        neuron=neuron,
        learn=learn if layers else (),
        detach_reset=bool(rng.random() < 0.3),
        window=int(rng.choice([max(T - int(rng.integers(1, 8)), 1), T, T + 3])),
        loss=str(rng.choice(["cross_entropy", "cross_entropy", "squared"])),
        dtype="float64",
    )
    return net, T


def start(net: Any, rng: np.random.Generator) -> np.ndarray:
    """Weights that drive the membranes, biases about the threshold, constants about those given."""
    theta = net.init(np.random.default_rng(0))
    for p in net.layout:
        a = theta[p.slice]
        if p.part in ("weight", "recurrent"):
            fan_in = a.size / p.shape[-1]
            a[...] = rng.standard_normal(a.size) * 2 / np.sqrt(fan_in)
        elif p.part == "bias":
            a[...] = net.threshold + rng.uniform(-0.6, 0.6, a.size)
        else:
            a += rng.uniform(-0.5, 0.5)
    return theta


def results(ms: Any, seed: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    """What the version computes of a case."""
    rng = np.random.default_rng(seed)
    net, T = network(ms, rng)
    theta = start(net, rng) * scale
    B = int(rng.integers(1, 12))

    def data(batch):
        x = rng.poisson(0.4, (batch, T, *net.input_shape)).astype(np.uint8)
        return x, np.arange(batch) % net.ways

    x, y = data(B)
    ways = net.ways
    task = ms.Task(*data(2 * ways), *data(ways + 1))
    v = rng.standard_normal(net.size)
    x_dot = rng.standard_normal(x.shape)
    loss, g, logits, hvp = net.gradients(theta, x, y)
    found: dict[str, Any] = dict(logits=logits, loss=loss, gradient=g, hvp=hvp(v), again=hvp(2 * v))
    found["called"] = net(theta, x)
    found["features"], pullback = net.features_and_pullback(theta, x)
    found["pullback"] = pullback(np.cos(np.arange(found["features"].size)).reshape(B, -1))
    found["logits_dot"] = net.jvp(theta, x, v, x_dot).logits_dot
    found["x_jvp"] = net.jvp(theta, x, None, x_dot).logits_dot
    found["dtheta"], found["dx"] = net.vjp(theta, x).pullback(np.sin(logits))
    found["newton"] = net.gauss_newton_product(theta, x, y, v)
    found["fisher"] = net.fisher_product(theta, x, v)
    found["activity"] = list(net.activity(theta, x).values()) or [0.0]
    record = net.record(theta, x)
    moved = theta + 1e-3 * v
    for twin in ("jet", "smooth"):
        some = net.gradients(moved, x, y, spike=twin, record=record)
        found |= {f"{twin}.loss": some.loss, f"{twin}.gradient": some.gradient}
        found[f"{twin}.hvp"] = some.hvp(v)
        found[f"{twin}.features"] = net.features(moved, x, spike=twin, record=record)
    return found | rules(ms, net, theta, task, rng)


def rules(ms: Any, net: Any, theta: Any, task: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Meta-gradients by every rule, with one to three steps."""
    size = 0.05
    steps = int(rng.integers(1, 4))
    body = tuple(b.name for b in net.blocks[:-1])
    moving = bool(net.learned) and bool(rng.random() < 0.5)
    common = dict(steps=steps, adapt_constants=moving)
    loops = {
        "maml": ms.InnerLoop(size, **common),
        "anil": ms.InnerLoop(size, freeze=body, **common),
        "gate": ms.InnerLoop(size, threshold=0.002, **common),
        "fraction": ms.InnerLoop(size, threshold_fraction=0.1, **common),
        "sizes": ms.InnerLoop(rng.uniform(0, 0.1, net.size), **common),
        "online": ms.InnerLoop(size, steps=1, online=True),
        "implicit": ms.ImplicitLoop(size, steps=4, proximal=8.0, cg_steps=4, tolerance=0.0),
    }
    if net.loss_name == "cross_entropy":
        loops["means"] = ms.ClassMeans(size, steps=0)
        loops["proto"] = ms.ClassMeans(size, **common)
    chosen = ["maml", *rng.choice(sorted(loops), 2, replace=False)]
    found: dict[str, Any] = {}
    for name in chosen:
        for order in (1, 2):
            try:
                meta = loops[name].meta_gradient(net, theta, task, order)
            except ValueError as error:
                found[f"{name}.{order}"] = np.frombuffer(type(error).__name__.encode(), np.uint8)
                continue
            found |= {f"{name}.{order}": meta.gradient, f"{name}.{order}.loss": meta.loss}
            found[f"{name}.{order}.sizes"] = meta.step_size_gradient
    return found


def relative(a: Any, b: Any) -> float:
    """The largest difference over the largest number; infinity for another shape."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a - b).max(initial=0) / max(np.abs(b).max(initial=0), FLOOR))


def write(path: str, seeds: range, backend: str, moved: bool) -> None:
    """The results of some cases; those at the scaled theta with `moved`."""
    ms = names(backend)
    arrays: dict[str, Any] = {}
    for seed in seeds:
        with np.errstate(all="ignore"):
            arrays |= {f"{seed}/{name}": a for name, a in results(ms, seed).items()}
            if moved:
                other = results(ms, seed, 1 + 1e-15)
                arrays |= {f"{seed}/moved/{name}": a for name, a in other.items()}
    np.savez(path, **arrays)


def compare(ours: Any, theirs: Any) -> int:
    """Print the largest difference of each quantity; how many are above the bound."""
    worst: dict[str, tuple[float, str]] = {}
    left_out = set()
    for name in theirs.files:
        seed, _, what = name.partition("/")
        if not what.startswith("moved/"):
            moved = theirs[f"{seed}/moved/{what}"]
            if relative(theirs[name], moved) > MOVES:
                left_out.add(seed)
    for name in theirs.files:
        seed, _, what = name.partition("/")
        if what.startswith("moved/") or seed in left_out:
            continue
        apart = relative(ours[name], theirs[name]) if name in ours.files else float("inf")
        worst[what] = max(worst.get(what, (0.0, "")), (apart, seed))
    for what, (apart, seed) in sorted(worst.items(), key=lambda item: -item[1][0]):
        print(f"{what:24s} {apart:8.1e}   seed {seed}")
    cases = {name.partition("/")[0] for name in theirs.files}
    print(f"{len(cases)} cases, {len(left_out)} of them left out: {' '.join(sorted(left_out))}")
    return sum(apart > MOVES for apart, _ in worst.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--other", help="the interpreter of another version")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument(
        "--backend", default="numpy", help="of this version's networks; the other's run on NumPy"
    )
    parser.add_argument("--write")
    parser.add_argument("--moved", action="store_true")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.count)
    if options.write:
        write(options.write, seeds, options.backend, options.moved)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.npz"), Path(folder, "theirs.npz")
        some = ["--first", str(options.first), "--count", str(options.count)]
        script = Path(__file__).resolve()
        here = [sys.executable, script, "--write", ours, *some, "--backend", options.backend]
        there = [options.other, script, "--write", theirs, *some, "--moved"]
        subprocess.run(here, check=True)
        subprocess.run(there, check=True, cwd=folder)
        with np.load(ours) as a, np.load(theirs) as b:
            return compare(a, b)


if __name__ == "__main__":
    sys.exit(main())
