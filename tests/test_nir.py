"""NIR graphs of CubaLIF: their own equations are the network's, by a simulator that knows nothing of
it; what comes back is the same to the last bit; what other tools do not run is refused.

tests/other_tools.py runs them in the tools themselves.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra minisnn[nir]")

import minisnn as ms  # noqa: E402
from minisnn.nir import TOOLS, from_nir, to_nir  # noqa: E402
from nir_simulator import simulate  # noqa: E402
from processes import python  # noqa: E402
from slowly import after  # noqa: E402

quiet = pytest.mark.filterwarnings("ignore:.*does not say everything")


def neuron_of(rng, gain=1.0):
    alpha, beta = rng.uniform(0.3, 0.9, 2)
    return ms.CubaLIF(alpha, beta, threshold=float(rng.uniform(0.1, 0.4)), gain=gain)


def random_network(seed, dtype="float64"):
    """Conv and dense layers of all kinds, some with neurons of their own, some constants learned."""
    rng = np.random.default_rng(seed)
    layers = []
    sides = [int(n) for n in rng.integers(4, 13, 2)]
    even = rng.random() < 0.5  # so that means of spikes can be said
    sides = [8 * -(-side // 8) for side in sides] if even else sides
    shape = [*sides, int(rng.integers(1, 3))]

    def own():
        return neuron_of(rng) if rng.random() < 0.4 else None

    here = list(sides)
    for _ in range(int(rng.integers(0, 4))):
        stride = int(rng.choice([1, 1, 2, 3]))
        here = [-(-side // stride) for side in here]
        halves = min(here) > 1
        pools = ["none"] + ["max"] * halves + ["mean"] * (halves and here[0] % 2 == here[1] % 2)
        pool = str(rng.choice(pools))
        here = here if pool == "none" else [side // 2 for side in here]
        kernel = int(rng.choice([1, 3, 5]))
        layers.append(ms.Conv(int(rng.integers(1, 4)), kernel, stride, pool, neuron=own()))
    for _ in range(int(rng.integers(0, 3)) or not layers):
        recurrent = bool(rng.random() < 0.6)
        layers.append(ms.Dense(int(rng.integers(1, 6)), recurrent, neuron=own()))
    learn = tuple(name for name in ("alpha", "beta") if rng.random() < 0.3)
    net = ms.SpikingNet(
        tuple(shape),
        layers=layers,
        ways=3,
        neuron=neuron_of(rng, float(rng.uniform(0.5, 4))),
        learn=learn,
        dtype=dtype,
        backend="numpy",
    )
    x = rng.poisson(0.4, (1, 12, *shape))
    try:
        theta = net.init(rng, x=x, rate=0.3)
    except ValueError:  # a layer of few neurons may be silent
        theta = net.init(rng)
    for name, view in net.views(theta).items():
        if name.endswith(("recurrent", "alpha", "beta")):
            view[...] += rng.normal(size=view.shape)
        elif name.endswith("bias"):
            view[...] += 0.1 * rng.normal(size=view.shape)
    return net, theta, x


def small(dtype="float32", **neuron):
    """A network with an image, a pool, and a recurrent layer."""
    constants = dict(alpha=0.8, beta=0.7, threshold=0.2, slope=7.0, gain=3.0)
    layers = [ms.Conv(3, 3, 1, "max"), ms.Conv(2, 3, 1, "max"), ms.Dense(5, recurrent=True)]
    net = ms.SpikingNet(
        (8, 12, 2),
        layers=layers,
        ways=3,
        neuron=ms.CubaLIF(**{**constants, **neuron}),
        dtype=dtype,
        backend="numpy",
    )
    rng = np.random.default_rng(0)
    x = rng.poisson(0.3, (2, 25, *net.input_shape))
    return net, net.init(rng, x=x, rate=0.3), x


def frames_of(x):
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


def assert_same(net, theta, x, graph, dt):
    """The graph's equations give what the network gives, in every layer and step."""
    spikes, membranes = simulate(graph, frames_of(x), dt)
    np.testing.assert_allclose(
        membranes["readout_spike"].ravel(), net(theta, x[None])[0], rtol=0, atol=1e-11
    )
    for b in net.blocks[:-1]:
        name = f"{b.name}_or" if b.pool == "max" else f"{b.name}_spike"
        if b.pool != "spikes":
            wanted = frames_of(net.spikes(theta, x[None], b.name)[0])
            assert (spikes[name].reshape(wanted.shape) == wanted).all(), b.name


def there_and_back(seeds, folder):
    """How many random networks had what: each is simulated, and comes back bit for bit and, without
    its metadata, as one that gives the same."""
    seen = dict(recurrent=0, learned=0, own=0, stride=0)
    for seed in seeds:
        net, theta, x = random_network(seed, ("float64", "float32")[seed % 4 == 3])
        tool = [*TOOLS, None][seed % 4]
        ms.export_nir(folder / "net.nir", net, theta, tool=tool)
        graph = nir.read(folder / "net.nir")
        if tool != "norse" and net.dtype == np.float64:
            assert_same(net, theta, x[0], graph, TOOLS[tool].dt if tool else 1e-3)
        found = ms.import_nir(folder / "net.nir")
        assert found.theta.tobytes() == theta.tobytes(), seed
        assert found.net.configuration() == net.configuration(), seed
        graph.metadata = {}  # then it is anybody's
        foreign = from_nir(graph, dt=TOOLS[tool].dt if tool else 1e-3)
        assert not foreign.net.learn and foreign.net.neuron.gain == 1
        most = 1e-5 if tool == "norse" or net.dtype == np.float32 else 1e-11
        np.testing.assert_allclose(
            foreign.net(foreign.theta, x), net(theta, x), rtol=0, atol=most, err_msg=str(seed)
        )
        seen["recurrent"] += any(b.recurrent for b in net.blocks)
        seen["learned"] += bool(net.learn)
        seen["own"] += any(layer.neuron is not None for layer in net.layers)
        seen["stride"] += any(b.stride > 1 for b in net.blocks)
    return seen


@quiet
def test_random_networks_go_there_and_back(tmp_path):
    seen = there_and_back(range(16), tmp_path)
    assert min(seen.values()) > 2, seen


@pytest.mark.parametrize("tool", after(2, [None, "norse", "snntorch", "spikingjelly"]))
@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_a_file_keeps_how_the_network_adapts(dtype, tool, tmp_path):
    net, theta, _ = small(dtype)
    step = np.random.default_rng(1).random(net.size).astype(dtype)
    inner = ms.InnerLoop(step_size=step, steps=2, freeze=("readout",), threshold=0.01)
    ms.export_nir(tmp_path / "net.nir", net, theta, inner=inner, tool=tool)
    found = ms.import_nir(tmp_path / "net.nir")
    assert found.theta.dtype == dtype and found.theta.tobytes() == theta.tobytes()
    np.testing.assert_array_equal(found.inner.step_size, step)
    assert {**vars(found.inner), "step_size": 0} == {**vars(inner), "step_size": 0}
    assert [path.name for path in tmp_path.iterdir()] == ["net.nir"]
    with pytest.raises(ValueError):
        ms.import_nir(tmp_path / "net.nir", dt=1e-3)


@pytest.mark.parametrize("threshold", (0.0, 0.5, -0.25))
def test_a_threshold_that_is_just_reached_fires(threshold):
    """This library's neurons fire at u = threshold, NIR's > would not."""
    net = ms.SpikingNet(
        2, (), 1, hidden=(2,), neuron=ms.CubaLIF(0.0, 0.0, threshold=threshold), loss="squared"
    )
    theta = np.zeros(net.size, np.float32)
    less = np.nextafter(np.float32(threshold), np.float32(-1)) - 1e-6
    net.views(theta)["hidden1.bias"][...] = [threshold, less]
    spikes, _ = simulate(to_nir(net, theta), np.zeros((1, 2)), 1e-3)
    wanted = net.spikes(theta, np.zeros((1, 1, 2)))[0].tolist()
    assert spikes["hidden1_spike"].tolist() == [[1, 0]] == wanted


# ---- what no other tool runs


@dataclass(frozen=True)
class Adapting(ms.CubaLIF):
    """A CubaLIF with equations of its own, and no constant more."""

    def forward(self, I, z, spike):
        u, z = super().forward(I, z, spike)
        return 2 * u, z


def noted(graph, **changes):
    kept = json.loads(graph.metadata["minisnn"])
    graph.metadata["minisnn"] = json.dumps({**kept, **changes})


CHANGES = {  # after which the metadata are no longer those of the nodes
    "a bias": lambda g: g.nodes["readout_synapse"].bias.__setitem__(1, 5.0),
    "another version": lambda g: noted(g, version=1),
    "an inner loop of none": lambda g: noted(g, inner_loop={"colour": 1}),
    "no theta": lambda g: g.metadata.pop("theta"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_metadata_that_are_not_of_the_nodes_are_left_out(change):
    """Then the nodes are read, as those of another tool are."""
    net, theta, x = small("float64")
    graph = to_nir(net, theta)
    CHANGES[change](graph)
    with pytest.warns(UserWarning, match="metadata"):
        found = from_nir(graph, dt=1e-3)
    _, membranes = simulate(graph, frames_of(x[0]), 1e-3)
    logits = found.net(found.theta, x[:1])[0]
    np.testing.assert_allclose(logits, membranes["readout_spike"].ravel(), rtol=0, atol=1e-11)


def refused():
    """{what is wrong: (arguments of export_nir, options, a word of the sentence)}."""
    net, theta, _ = small()
    cnn = ms.ConvNet((4, 8, 2), (3,), 2, kernel=3)
    lif = net.like(neuron=ms.LIF())
    layers = [ms.Dense(4, neuron=Adapting())]
    some = ms.SpikingNet((5,), layers=layers, ways=2, neuron=ms.CubaLIF(), backend="numpy")
    return {
        "ConvNet": ((cnn, np.zeros(cnn.size)), {}),
        "LIF": ((lif, np.zeros(lif.size)), {}),
        "Adapting": ((some, np.zeros(some.size)), {}),
        "theta": ((net, theta[1:]), {}),
        "NaN": ((net, theta * np.nan), {}),
        "dt": ((net, theta), {"dt": 0}),
        "nest": ((net, theta), {"tool": "nest"}),
    }


@pytest.mark.parametrize("word", ("ConvNet", "LIF", "Adapting", "theta", "NaN", "dt", "nest"))
def test_what_no_tool_runs_is_refused(word, tmp_path):
    arguments, options = refused()[word]
    with pytest.raises(ValueError, match=word):
        ms.export_nir(tmp_path / "net.nir", *arguments, **options)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path):
    net, theta, _ = small()
    good = tmp_path / "good.nir"
    bad = tmp_path / "bad.nir"
    ms.export_nir(good, net, theta)
    for content in (good.read_bytes()[:4000], b"no HDF5", b""):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match="bad.nir: "):
            ms.import_nir(bad)


def test_by_command_and_back(here, command):
    code, out, _ = command("nir export double_nmnist_cuba.h5 net.nir --for snntorch")
    assert code == 0 and "mem of the last Synaptic" in out
    code, out, _ = command("nir import net.nir net.h5")
    assert code == 0 and "does not say everything" not in out
    first = ms.read("double_nmnist_cuba.h5")
    second = ms.read("net.h5")
    assert first.theta.tobytes() == second.theta.tobytes()
    np.testing.assert_array_equal(first.inner.step_size, second.inner.step_size)


@quiet
@pytest.mark.slow
def test_the_tools_themselves():
    """Spike for spike, where PyTorch and the three tools are installed."""
    for name in ("torch", "snntorch", "norse", "spikingjelly"):
        pytest.importorskip(name, reason=f"{name} is not installed; see tests/other_tools.py")
    script = Path(__file__).with_name("other_tools.py")
    only = ["recurrent", "strides, kernels, pooling", "learned constants"]
    done = python(script, "--network", "none", "--only", *only)
    assert done.returncode == 0, done.stdout + done.stderr
