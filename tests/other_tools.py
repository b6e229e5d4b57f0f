"""A network of CubaLIF in snnTorch, Norse and SpikingJelly, there and back through NIR, compared
spike for spike.

    python tests/other_tools.py --make-environment ENV     a virtual environment with the three,
                                                           PyTorch and this library
    ENV/bin/python tests/other_tools.py                    every tool, both directions; exits with 1
                                                           where too much differs

There: the network is written for the tool, the file is read by the tool's own importer, and the
tool runs the recordings step by step. Back: a network of the tool's own modules runs them, is
written by the tool's own exporter and read by this library. Compared are the spikes of every layer
in every step (after pooling, where a layer has any), the logits and the class of every recording,
by a readout that has learned some of them. All compute in float64; snnTorch and Norse round
constants and weights to float32 as they read them, so that of theirs one spike in 100,000 may
differ, and of SpikingJelly's none.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import venv
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("snntorch", "norse", "spikingjelly")
MOST = {"snntorch": 1e-5, "norse": 1e-5, "spikingjelly": 0.0}
INEXACT = ("learned constants",)  # which no float32 holds, so that a spike moves now and then
MOST_INEXACT = 1e-2
APART = 1e-6  # of membranes, until the first spike that differs


def make_environment(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    torch = subprocess.run(
        [*pip, "torch", "--index-url", "https://download.pytorch.org/whl/cpu"], check=False
    )
    subprocess.run(
        [
            *pip,
            *([] if torch.returncode == 0 else ["torch"]),
            *TOOLS,
            "nirtorch",
            "-e",
            f"{ROOT}[nir]",
        ],
        check=True,
    )


# ---- the tools
# load(path) -> module; own(layers, shape) -> (module of the tool's own, graph of its exporter, dt to
# read it with), where layers are [(Conv2d, Flatten or Linear …, neuron, None or the Linear of a
# loop)] of what was loaded; membrane(neuron, out) of a neuron that has just stepped


class SnnTorch:
    """Its RSynaptic, which its importer makes of a loop, cannot run with a reset at once
    ("unsupported operand type(s) for /"), but its exporter writes it."""

    recurrent_fails = False

    def load(self, path):
        import nir
        from snntorch.import_nir import import_from_nir

        return import_from_nir(nir.read(path))

    def membrane(self, neuron, out):
        return neuron.mem

    def own(self, layers, shape):
        import torch
        from snntorch import RSynaptic, Synaptic
        from snntorch.export_nir import export_to_nir

        modules = []
        image = torch.zeros(1, *shape)
        for *linear, n, back in layers:
            image = torch.nn.Sequential(*linear)(image).detach()
            # one number a neuron: its exporter writes what it finds, and numbers without a shape
            # are no neurons
            of = {name: getattr(n, name).item() for name in ("alpha", "beta", "threshold")}
            how = {name: torch.full(image.shape[1:], value) for name, value in of.items()}
            how |= dict(reset_mechanism="zero", init_hidden=True)
            if back is None:
                neuron = Synaptic(**how, reset_delay=False)
            else:
                neuron = RSynaptic(**how, linear_features=len(back.weight))
                neuron.recurrent.weight.data = back.weight.data
                neuron.recurrent.bias.data[...] = 0
            modules += [*linear, neuron]
        module = torch.nn.Sequential(*modules)
        return module, export_to_nir(module, torch.zeros(1, *shape), ignore_dims=[0]), 1e-4


class Norse:
    recurrent_fails = True

    def load(self, path):
        import nir
        import norse.torch

        return norse.torch.from_nir(nir.read(path), dt=1e-3)

    def membrane(self, neuron, out):
        state = out[1]
        return state[1].v if isinstance(state, tuple) and not hasattr(state, "v") else state.v

    def own(self, layers, shape):
        import norse.torch
        import torch

        modules = []
        for *linear, n, back in layers:
            neuron = [n.synapse, n.lif]
            if back is not None:
                neuron = [norse.torch.RecurrentSequential(*neuron, back, output_modules=1)]
            modules += [*linear, *neuron]
        module = norse.torch.SequentialState(*modules)
        # its exporter writes tau = dt / (1 / tau), so that a step of dt^2 is what it means
        return module, norse.torch.to_nir(module, torch.zeros(1, *shape), dt=1e-3), 1e-6


class SpikingJelly:
    recurrent_fails = True

    def load(self, path):
        import torch
        from spikingjelly.activation_based.nir_exchange import import_from_nir

        return import_from_nir(path, dtype=torch.float64)

    def membrane(self, neuron, out):
        return (
            out[1][list(neuron.module._memories).index("v")] if isinstance(out, tuple) else neuron.v
        )

    def own(self, layers, shape):
        import torch
        from spikingjelly.activation_based.layer import ElementWiseRecurrentContainer
        from spikingjelly.activation_based.nir_exchange import export_to_nir

        modules = []
        for *linear, n, back in layers:
            neuron = n.module
            if back is not None:
                add = lambda x, y, back=back: x + back(y)
                neuron = ElementWiseRecurrentContainer(torch.nn.Sequential(neuron), add)
            modules += [*linear, neuron]
        module = torch.nn.Sequential(*modules).double()
        image = torch.zeros(1, *shape, dtype=torch.float64)
        return module, export_to_nir(module, image, dt=1e-4), 1e-4


def run(tool, module, neurons, x):
    """(spikes, membranes) of every neuron of a tool's network in every step, a list of (T, C, ...)
    each, for x (T, C, H, W) or (T, features)."""
    import torch

    kept = [[] for _ in neurons]
    membranes = [[] for _ in neurons]
    state = None

    def keep(n):
        def hook(m, given, out):
            kept[n].append((out[0] if isinstance(out, tuple) else out).numpy().copy())
            membranes[n].append(tool.membrane(m, out).detach().numpy().copy())

        return hook

    hooks = [neuron.register_forward_hook(keep(n)) for n, neuron in enumerate(neurons)]
    for neuron in neurons:
        for reset in ("reset_mem", "reset"):  # what keeps its state in itself
            if callable(of_neuron := getattr(neuron, reset, None)):
                of_neuron()
    with torch.no_grad():
        for frame in torch.tensor(x, dtype=torch.float64):
            out = module(frame[None]) if state is None else module(frame[None], state)
            state = out[1] if isinstance(out, tuple) else None
    for hook in hooks:
        hook.remove()
    return tuple(
        [np.array(of).reshape(len(x), *np.shape(of[0])[-3:]) for of in sequences]
        for sequences in (kept, membranes)
    )


def in_float64() -> None:
    """Whatever a tool makes from here on computes in float64; snnTorch's neurons hand on their
    spikes in float32."""
    import torch
    from torch.nn.modules.module import register_module_forward_pre_hook

    torch.set_default_dtype(torch.float64)
    register_module_forward_pre_hook(
        lambda module, given: tuple(
            a.double() if getattr(a, "dtype", None) == torch.float32 else a for a in given
        )
    )


# ---- the comparison


def ours(net, theta, x):
    """[spikes of every layer (B, T, C, H, W) after pooling], [membranes after the reset], of the
    last layer the logits' membrane."""
    whole = net.like(window=x.shape[1], backend="numpy")
    spikes = []
    membranes = []
    for layer, recorded in zip(whole.blocks, whole.record(theta, x)):
        u = recorded["u"]
        v = u if layer.readout else u * (u < layer.neuron.threshold)
        membranes.append(np.moveaxis(v, -1, 2))
        if not layer.readout:
            y = whole.spikes(theta, x, layer.name).reshape(*x.shape[:2], *layer.output_shape)
            spikes.append(np.moveaxis(y.astype(u.dtype), -1, 2))
    return spikes, membranes


def pooled(net, spikes, membranes):
    """Of a tool's neurons those that are layers of net, spikes pooled as its layers are; of the
    last, a readout, the membrane alone."""
    found = []
    potentials = []
    n = 0
    for b in net.blocks:
        potentials.append(membranes[n])
        fired = spikes[n]
        n += 1
        if b.readout:
            break
        if b.pool == "max":
            fired = spikes[n]
            n += 1
        elif b.pool == "spikes":
            h, w = (side // 2 for side in fired.shape[2:])
            fired = fired[:, :, : 2 * h, : 2 * w].reshape(*fired.shape[:2], h, 2, w, 2)
            fired = fired.mean((3, 5))
        found.append(fired)
    return found, potentials


def compare(name, net, theta, x, found, scales):
    """Prints what differs between this library and [(spikes, membranes)] of a tool, whose membranes
    are those of the network times `scales`; {figure: number}."""
    layers, membranes = ours(net, theta, x)
    wrong = total = fired = right = 0
    apart = logits = 0.0
    for one, (spikes, potentials) in enumerate(found):
        spikes, potentials = pooled(net, spikes, potentials)
        first = x.shape[1]
        for layer, there in zip(layers, spikes, strict=True):
            differ = there.reshape(layer[one].shape) != layer[one]
            wrong += int(differ.sum())
            total += differ.size
            fired += int((layer[one] != 0).sum())
            steps = np.flatnonzero(differ.reshape(len(differ), -1).any(1))
            first = min(first, int(steps[0]) if len(steps) else first)
        for v, there, scale in zip(membranes, potentials, scales, strict=True):
            off = np.abs(there.reshape(v[one].shape) / scale - v[one])
            apart = max(apart, float(off[:first].max(initial=0)))
        here = membranes[-1][one][-1].ravel()
        there = potentials[-1][-1].ravel()
        logits = max(logits, float(np.abs(here - there).max()))
        right += int(here.argmax() == there.argmax())
    print(
        f"{name:22}{wrong:6} of {total:,} spikes of {len(layers)} layers differ ({fired:,} fired), "
        f"membranes by {apart:.1e} until the first that does, logits by {logits:.1e}, "
        f"classes {right} of {len(x)} the same",
        flush=True,
    )
    return dict(wrong=wrong, total=total, share=wrong / total, apart=apart, right=right == len(x))


def scales_of(net, theta, tool):
    """What a tool's membranes are of this library's, for each layer."""
    from minisnn.nir import TOOLS
    from minisnn.nir.write import scales

    if TOOLS[tool].unit:
        return [1.0] * len(net.blocks)
    found = []
    for b, _, _ in net.parameters(theta):
        whole, power = scales(b.neuron)
        found.append(1.0 if b.readout else power / whole)
    return found


def check(tool, title, net, theta, x, folder, said):
    """Both directions; whether they are as they should be. `said` collects what is not."""
    import nir

    from minisnn.nir import export_nir, from_nir
    from minisnn.nir.walk import chain_of

    name, inexact = type(tool).__name__, title in INEXACT
    allowed = MOST_INEXACT if inexact else MOST[name.lower()]
    frames = x.transpose(0, 1, 4, 2, 3) if x.ndim == 5 else x
    path = folder / f"{name}.nir"
    export_nir(path, net, theta, tool=name.lower())
    with contextlib.redirect_stdout(io.StringIO()):
        module = tool.load(path).double()
    graph = nir.read(path)
    nodes, loops, _ = chain_of(graph)
    layers = []
    rest = []
    firing = []
    for node in [*nodes][1:-1]:
        rest.append(module.get_submodule(node))
        if isinstance(graph.nodes[node], nir.CubaLIF):
            firing.append(rest[-1])
            back = module.get_submodule(f"{node[:-6]}_recurrent") if node in loops else None
            layers.append((*rest, back))
            rest = []

    def compared(direction, net, theta, of, firing, scales):
        ran = [run(tool, of, firing, one) for one in frames]
        found = compare(f"{name}, {direction}", net, theta, x, ran, scales)
        said.append(dict(tool=name, network=title, direction=direction, **found))
        return found["share"] <= allowed and (found["right"] or inexact), found

    right, there = compared(
        "there", net, theta, module, firing, scales_of(net, theta, name.lower())
    )
    right &= there["apart"] < APART
    kinds = nir.Flatten | nir.SumPool2d
    unwritten = name == "Norse" and any(isinstance(n, kinds) for n in graph.nodes.values())
    if (loops and len(net.input_shape) > 1) or (unwritten and not loops):
        return right  # of loops in images, and what it does not write
    if loops and tool.recurrent_fails:  # its exporter raises
        return right
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the graph does not say is known here
        own, written, dt = tool.own(layers, frames.shape[2:])
        found = from_nir(written, dt=dt, reset="zero")
    back = from_tool(found, net)
    theta = found.theta.astype(back.dtype)
    if not loops:  # else what was loaded runs
        kinds = "Synaptic", "LIFBoxCell", "CUBALIFNode"
        module, firing = own, [m for m in own.modules() if type(m).__name__ in kinds]
    same, _ = compared("back", back, theta, module, firing, [1.0] * len(back.blocks))
    return right and same


def from_tool(found, net):
    """What was read, in float64 and on the readable reference where it is small."""
    return type(net).from_configuration(
        {**found.net.configuration(), "dtype": "float64", "backend": net.backend}
    )


def recordings(count):
    """Pairs of shipped digits before the simulated camera, (count, 100, 16, 32, 2)."""
    import minisnn as ms

    images = ms.load_digits().images
    chosen = images[np.random.default_rng(0).choice(len(images), 2 * count, replace=False)]
    counts = list(ms.EventCamera().record_counts(chosen, range(2 * count), 0))
    return np.array([np.concatenate(counts[n : n + 2], 2) for n in range(0, 2 * count, 2)])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--make-environment", type=Path, metavar="ENV")
    parser.add_argument(
        "--network",
        default="double_nmnist_cuba.h5",
        help="checkpoint, name of a shipped one, or none",
    )
    parser.add_argument("--recordings", type=int, default=20)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of these networks alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=TOOLS)
    args = parser.parse_args()
    if args.make_environment:
        make_environment(args.make_environment)
        return 0
    sys.path.insert(0, str(ROOT))
    in_float64()
    import minisnn as ms

    cases, right = [*small_networks(), *listed_networks()], True
    if args.network != "none":
        found = ms.read(args.network, dtype=np.float64)
        x = recordings(args.recordings)
        ways = found.net.ways
        learned = found.inner.adapt(found.net, found.theta, x[:ways], np.arange(ways))
        title = f"{args.network}, having learned the first {ways} recordings"
        cases.append((title, found.net, learned, x))
    said: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, net, theta, x in cases:
            if args.only and name not in args.only:
                continue
            print(name)
            for kind in (SnnTorch, Norse, SpikingJelly):
                if kind.__name__.lower() in args.tools:
                    right &= check(kind(), name, net, theta, x, Path(folder), said)
    if args.json:
        args.json.write_text(json.dumps(figures_of(said), indent=1), encoding="utf-8")
    return 0 if right else 1


def small_networks():
    """(name, net, theta, x) of networks with random weights, every kind of layer among them."""
    import minisnn as ms

    for name, settings in {
        "max pooling": dict(input_shape=(8, 12, 2), channels=(4, 5), pool="max"),
        "mean of spikes": dict(input_shape=(10, 14, 2), channels=(4, 5), pool="mean", hidden=(6,)),
        "dense": dict(input_shape=(24,), channels=(), hidden=(8, 6)),
    }.items():
        rng = np.random.default_rng(1)
        neuron = ms.CubaLIF(alpha=0.8, beta=0.7, threshold=0.2, gain=3.0)
        net = ms.SpikingNet(
            **settings, ways=3, kernel=3, neuron=neuron, dtype=np.float64, backend="numpy"
        )
        x = rng.poisson(0.3, (4, 40, *net.input_shape))
        yield name, net, net.init(rng, x=x, rate=0.3), x


def listed_networks():
    """(name, net, theta, x) of lists of layers: recurrence, strides, kernels and pooling of a
    layer's own, of numbers that float32 holds; and learned constants, which it does not hold."""
    import minisnn as ms

    neuron = ms.CubaLIF(alpha=15 / 16, beta=7 / 8, threshold=0.5 + 2.0**-40, gain=8.0)
    slower = ms.CubaLIF(alpha=31 / 32, beta=3 / 4, threshold=0.25 + 2.0**-40)
    convolutions = [
        ms.Conv(8, kernel=3, stride=2, pool="none"),
        ms.Conv(6, kernel=5, pool="mean", neuron=slower),
        ms.Conv(6, kernel=1, pool="max"),
        ms.Dense(20, recurrent=True),
    ]
    twice = [ms.Dense(100, recurrent=True), ms.Dense(80, recurrent=True, neuron=slower)]
    for name, settings, recordings in (
        ("recurrent", dict(input_shape=(64,), layers=twice), 60),
        ("strides, kernels, pooling", dict(input_shape=(16, 24, 2), layers=convolutions), 12),
        (INEXACT[0], dict(input_shape=(64,), layers=twice, learn=("alpha", "beta")), 60),
    ):
        rng = np.random.default_rng(2)
        net = ms.SpikingNet(**settings, ways=5, neuron=neuron, dtype=np.float64, backend="numpy")
        x = rng.poisson(0.1, (recordings, 100, *net.input_shape))
        theta = net.init(rng, x=x[:8], rate=0.1).astype(np.float32).astype(np.float64)
        for key, view in net.views(theta).items():
            if key.endswith("recurrent"):
                drawn = rng.standard_normal(view.shape) * 2 / np.sqrt(len(view))
                view[...] = drawn.astype(np.float32)
            elif key.endswith(("alpha", "beta")):
                view[...] += rng.uniform(-0.5, 0.5)
        yield name, net, theta, x


def figures_of(said):
    """What was found as a record has it."""
    figures = {}
    for one in said:
        words = (one["tool"].lower(), one["network"].replace(",", "").replace(" ", "-"))
        key = "-".join((*words, one["direction"]))
        for name, of, unit in (
            ("wrong", "wrong", ""),
            ("spikes", "total", ""),
            ("share", "share", "%"),
            ("apart", "apart", ""),
        ):
            figures[f"{key}-{name}"] = dict(value=one[of], unit=unit)
    found = {name: version(name) for name in (*TOOLS, "nir", "nirtorch", "torch")}
    return dict(figures=figures, more=dict(versions=found))


if __name__ == "__main__":
    sys.exit(main())
