"""NIR graphs of CubaLIF: their own equations are the network's, they come back exactly, what other
tools write is read.

tests/other_tools.py runs them in the tools themselves.
"""

import io

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra minisnn[nir]")

import minisnn as ms  # noqa: E402
from minisnn import cli, nir as ours  # noqa: E402
from minisnn.data.store.shipped import shipped  # noqa: E402
from minisnn.nir import TOOLS  # noqa: E402
from minisnn.nir.chain import NEVER  # noqa: E402

NETWORKS = {
    "max": dict(input_shape=(8, 12, 2), channels=(4, 5), ways=3, kernel=3, pool="max"),
    "max, odd sizes, hidden": dict(
        input_shape=(5, 9, 2), channels=(3,), ways=3, kernel=5, pool="max", hidden=(6, 4)
    ),
    "mean": dict(input_shape=(8, 12, 2), channels=(4, 5), ways=3, kernel=3, pool="mean"),
    "mean, odd sizes, hidden": dict(
        input_shape=(10, 14, 2), channels=(3, 4), ways=3, kernel=3, pool="mean", hidden=(6,)
    ),
    "dense": dict(input_shape=7, channels=(), hidden=(6, 5), ways=2),
    "an image, dense": dict(input_shape=(2, 3, 2), channels=(), hidden=(6,), ways=2),
}


def made(settings, dtype=np.float64, **neuron):
    rng = np.random.default_rng(0)
    constants = dict(alpha=0.8, beta=0.7, threshold=0.2, slope=7.0, gain=3.0)
    net = ms.SpikingNet(
        **settings,
        neuron=ms.CubaLIF(**{**constants, **neuron}),
        window=11,
        dtype=dtype,
        backend="numpy",
    )
    x = rng.poisson(0.3, (2, 25, *net.input_shape))
    return net, net.init(rng, x=x, rate=0.3), x


def simulate(graph, x, dt):
    """[spikes of every CubaLIF (T, ...)], membrane of the last at the last step: Euler steps of
    NIR's definition, in order."""
    order, spikes = ["input"], []
    while (after := dict(graph.edges).get(order[-1])) is not None:
        order.append(after)
    for name in order[1:-1]:
        node = graph.nodes[name]
        if isinstance(node, nir.Flatten):
            x = x.reshape(len(x), -1)
        elif isinstance(node, nir.Affine):
            x = x @ node.weight.T + node.bias
        elif isinstance(node, nir.Conv2d):
            x = np.array([conv2d(frame, node) for frame in x])
        else:
            i, v, out = np.zeros(node.r.shape), np.zeros(node.r.shape), []
            for frame in x:
                i = i + dt / node.tau_syn * (node.w_in * frame - i)
                v = v + dt / node.tau_mem * (node.r * i - v)
                out.append(v > node.v_threshold)
                v = np.where(out[-1], node.v_reset, v)
            spikes.append(np.array(out))
            x = np.array(out, float)
    return spikes[:-1], v.ravel()


def conv2d(frame, node):
    (ph, pw), (sy, sx), (k, m) = node.padding, node.stride, node.weight.shape[2:]
    frame = np.pad(frame, [(0, 0), (ph, ph), (pw, pw)])
    windows = np.lib.stride_tricks.sliding_window_view(frame, (k, m), (1, 2))[:, ::sy, ::sx]
    return np.einsum("chwij,ocij->ohw", windows, node.weight) + node.bias[:, None, None]


@pytest.mark.parametrize("tool", (None, *TOOLS))
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.every(2)
def test_the_graph_fires_as_the_network_does(name, tool):
    net, theta, x = made(NETWORKS[name])
    graph = ours.to_nir(net, theta, tool=tool)
    assert {type(node).__name__ for node in graph.nodes.values()} <= {
        "Input",
        "Output",
        "Conv2d",
        "Affine",
        "Flatten",
        "CubaLIF",
    }
    for sample, logits in zip(x, net(theta, x)):
        frames = sample.transpose(0, 3, 1, 2) if sample.ndim == 4 else sample
        spikes, membrane = simulate(graph, frames, TOOLS[tool].dt if tool else 1e-3)
        apart = 1e-6 if tool == "norse" else 1e-12  # whose time constants are written in float32
        np.testing.assert_allclose(membrane, logits, rtol=0, atol=apart)
        if net.pool == "max":
            spikes = spikes[1 : 2 * len(net.channels) : 2] + spikes[2 * len(net.channels) :]
        for b, found in zip(net.blocks, spikes, strict=False):
            if net.pool == "mean" and b.name.startswith("conv"):
                h, w = (side // 2 for side in found.shape[2:])
                found = (
                    found[:, :, : 2 * h, : 2 * w].reshape(*found.shape[:2], h, 2, w, 2).mean((3, 5))
                )
            wanted = net.spikes(theta, sample[None], b.name)[0]
            wanted = wanted.transpose(0, 3, 1, 2) if wanted.ndim == 4 else wanted
            assert (found.reshape(wanted.shape) == wanted).all() and 0.02 < wanted.mean() < 0.95


@pytest.mark.parametrize("tool", (None, *TOOLS))
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.every(5)
def test_a_round_trip_is_exact(name, tool, tmp_path):
    for dtype, most in ((np.float32, 0), (np.float64, 2e-15)):
        net, theta, x = made(NETWORKS[name], dtype)
        inner = ms.InnerLoop(
            step_size=np.random.default_rng(1).random(net.size).astype(dtype),
            steps=2,
            freeze=("readout",),
        )
        ms.export_nir(tmp_path / "net.nir", net, theta, inner=inner, tool=tool)
        found = ms.import_nir(tmp_path / "net.nir")
        assert found.theta.dtype == dtype and np.abs(found.theta - theta).max() <= most
        assert found.net.configuration() == net.configuration() and found.inner.freeze == (
            "readout",
        )
        graph = nir.read(tmp_path / "net.nir")
        graph.metadata = {}  # then it is anybody's: the gain lies in the weights
        foreign = ours.from_nir(graph, dt=TOOLS[tool].dt if tool else None)
        apart = 1e-5 if dtype == np.float32 or tool == "norse" else 1e-12
        assert foreign.net.neuron.gain == 1 and foreign.net.neuron.alpha == pytest.approx(
            0.8, abs=apart / 10
        )
        np.testing.assert_allclose(foreign.net(foreign.theta, x), net(theta, x), rtol=0, atol=apart)


@pytest.mark.parametrize("tool", TOOLS)
def test_what_float32_holds_is_written_in_float32(tool):
    """Decays of 1 - 2^-n, a gain of 2^n and a threshold a hair above a float32 number: a tool that
    keeps every number of the graph in float32 has the network itself, and not one 1e-7 away."""
    net, theta, _ = made(
        NETWORKS["max"], np.float32, alpha=15 / 16, beta=7 / 8, threshold=0.5 + 2.0**-40, gain=8.0
    )
    graph, dt = ours.to_nir(net, theta, tool=tool), TOOLS[tool].dt
    power = 1.0 if tool == "norse" else 2.0**-7
    held = lambda array: np.asarray(array, np.float32).astype(np.float64)
    for n, b in enumerate(net.blocks):
        neuron, synapse, views = (
            graph.nodes[f"{b.name}_spike"],
            graph.nodes[f"{b.name}_synapse"],
            net.views(theta),
        )
        assert (held(synapse.weight) == synapse.weight).all() and (
            held(synapse.bias) == synapse.bias
        ).all()
        assert (synapse.bias == power * views[f"{b.name}.bias"]).all()
        for tau, leak in ((neuron.tau_syn, 1 / 8), (neuron.tau_mem, 1 / 16)):
            of_tool = (
                np.float32(dt) * (1 / np.float32(tau))
                if tool == "norse"
                else np.float32(1) - np.float32(1 - dt / tau)
            )
            assert (of_tool == np.float32(leak)).all()
        if not b.readout:
            level = neuron.v_threshold.ravel()[0]
            assert level == (0.5 + 2.0**-40 if tool == "spikingjelly" else 0.5), (
                "whose > 0.5 is the network's >= 0.5 + 2^-40"
            )


@pytest.mark.parametrize("tool", ("snntorch", "norse"))
def test_the_shipped_network_is_one_that_float32_holds(tool):
    found = ms.read(shipped("double_nmnist_cuba.h5"), dtype=np.float64)
    graph, neuron = ours.to_nir(found.net, found.theta, tool=tool), found.net.neuron
    for name, node in graph.nodes.items():
        for of in ("weight", "bias"):
            values = np.asarray(getattr(node, of, 0.0))
            assert (values.astype(np.float32) == values).all(), f"{of} of {name}"
    assert (neuron.alpha, neuron.beta) == (15 / 16, 7 / 8)
    level = graph.nodes["conv1_spike"].v_threshold.ravel()[0]
    assert level == np.float32(level) and 0 < neuron.threshold - level < 1e-11


def test_decays_of_float32_time_constants_are_simple():
    """As Norse writes them: known to a unit of float32, and of these numbers the one is taken that
    chips and float32 hold."""
    net, theta, _ = made(NETWORKS["dense"], alpha=15 / 16, beta=1 - 410 / 4096)
    graph = ours.to_nir(net, theta)
    graph.metadata = {}
    for name in ("hidden1_spike", "hidden2_spike", "readout_spike"):
        for tau in ("tau_mem", "tau_syn"):
            setattr(
                graph.nodes[name],
                tau,
                np.nextafter(getattr(graph.nodes[name], tau).astype(np.float32), np.float32(1)),
            )
    found = ours.from_nir(graph).net.neuron
    assert (found.alpha, found.beta) == (15 / 16, 1 - 410 / 4096)


def test_scales_that_a_reset_does_not_see_go_into_the_weights():
    """w_in, r and a threshold for every channel, as other tools have them, change no spike."""
    net, theta, x = made(NETWORKS["max"])
    graph = ours.to_nir(net, theta)
    graph.metadata, rng = {}, np.random.default_rng(2)
    for name in ("conv1_spike", "conv2_spike"):
        node, channels = graph.nodes[name], graph.nodes[name].r.shape[0]
        for fields in (("w_in",), ("r", "v_threshold"), ("v_threshold",)):
            factor = rng.uniform(0.5, 2, channels)[:, None, None]
            for field in fields:
                setattr(node, field, getattr(node, field) * factor)
            if "v_threshold" not in fields or len(fields) == 1:  # undone in the synapse
                synapse = graph.nodes[name.replace("spike", "synapse")]
                by = 1 / factor if fields == ("w_in",) else factor
                synapse.weight, synapse.bias = (
                    synapse.weight * by[..., None],
                    synapse.bias * by.ravel(),
                )
    found = ours.from_nir(graph)
    for name in ("conv1", "conv2"):
        assert (found.net.spikes(found.theta, x, name) == net.spikes(theta, x, name)).all()
    np.testing.assert_allclose(found.net(found.theta, x), net(theta, x), rtol=0, atol=1e-12)


def test_what_norse_and_others_write_is_read():
    """LI and LIF in a row for CubaLIF, AvgPool2d or SumPool2d for the mean, LI and LI as the
    readout."""
    net, theta, x = made(NETWORKS["mean"])
    written, dt = ours.to_nir(net, theta), 1e-3
    for pool, factor in ((nir.AvgPool2d, 1), (nir.SumPool2d, 0.25)):
        nodes, edges = {"input": nir.Input(np.array([2, 8, 12]))}, []

        def put(name, node, nodes=nodes, edges=edges):
            edges.append((list(nodes)[-1], name))
            nodes[name] = node

        views = net.views(theta)
        for n, b in enumerate(net.blocks):
            weight, bias = views[f"{b.name}.weight"], views[f"{b.name}.bias"]
            weight = weight * (net.neuron.gain if n == 0 else factor)
            if b.readout:
                weight = weight.reshape(2, 3, 5, 3).transpose(3, 2, 0, 1).reshape(3, -1)
                put("flatten", nir.Flatten({"input": np.array([5, 2, 3])}, 0, -1))
                put(b.name, nir.Affine(weight, bias))
                shape = (3,)
            else:
                shape = (b.channels, *b.input_shape[:2])
                put(
                    b.name,
                    nir.Conv2d(shape[1:], weight.transpose(3, 2, 0, 1), 1, "same", 1, 1, bias),
                )
            one, zero = np.ones(shape), np.zeros(shape)
            put(f"{b.name}_li", nir.LI(tau=one * dt / (1 - net.neuron.beta), r=one, v_leak=zero))
            if b.readout:
                put("last", nir.LI(tau=one * dt / (1 - net.neuron.alpha), r=one, v_leak=zero))
            else:
                lif = dict(
                    tau=one * dt / (1 - net.neuron.alpha), r=one, v_leak=zero, v_threshold=one * 0.2
                )
                put(f"{b.name}_lif", nir.LIF(**lif))
                put(f"{b.name}_pool", pool(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])))
        put("output", nir.Output(np.array([3])))
        found = ours.from_nir(nir.NIRGraph(nodes, edges))
        np.testing.assert_allclose(found.net(found.theta, x), net(theta, x), rtol=0, atol=1e-12)
    assert written.nodes["readout_spike"].v_threshold[0] == NEVER


def cut(graph):
    graph.edges.remove(("conv1_pool", "conv1_or"))
    graph.edges.append(("conv1_pool", "conv2_synapse"))


FAULTS = {
    "another decay": (
        lambda g: g.nodes["conv2_spike"].tau_mem.fill(0.1),
        r"'conv2_spike' \(CubaLIF\): its decays",
    ),
    "a decay a neuron": (
        lambda g: g.nodes["conv2_spike"].tau_mem.__setitem__(0, 0.1),
        "tau_mem is not the same everywhere",
    ),
    "a short time": (
        lambda g: g.nodes["conv1_spike"].tau_syn.fill(1e-5),
        "tau_syn is 1e-05 s; expected at least",
    ),
    "a leak": (lambda g: g.nodes["conv2_spike"].v_leak.fill(2), "v_leak or v_reset is 2"),
    "a reset elsewhere": (
        lambda g: g.nodes["conv2_spike"].v_reset.fill(-1),
        "v_leak or v_reset is 1",
    ),
    "a readout that fires": (
        lambda g: g.nodes["readout_spike"].v_threshold.fill(1),
        "'readout_spike' fires at 1; expected",
    ),
    "NaN": (
        lambda g: g.nodes["conv1_synapse"].bias.fill(np.nan),
        r"'conv1_synapse' \(Conv2d\): bias is NaN",
    ),
    "a stride": (
        lambda g: setattr(g.nodes["conv1_synapse"], "stride", (3, 3)),
        r"'conv1_spike' \(CubaLIF\): tau_mem has shape",
    ),
    "groups": (
        lambda g: setattr(g.nodes["conv1_synapse"], "groups", 2),
        r"weight's shape \(groups, dilation\)",
    ),
    "no OR": (
        lambda g: g.nodes["conv1_or"].v_threshold.fill(1.5),
        r"'conv1_pool' \(Conv2d\): kernel, stride, padding is",
    ),
    "no pooling": (
        lambda g: g.nodes["conv1_or"].v_threshold.fill(-1.5),
        r"'conv1_pool' \(Conv2d\): kernel, stride, padding is",
    ),
    "two synapses": (cut, "'conv2_synapse' .*: a synapse is behind 'conv1_pool'|not reached"),
    "a branch": (
        lambda g: g.edges.append(("conv1_spike", "conv2_spike")),
        "'conv1_spike' .* leads to .*; expected one node after",
    ),
    "a width": (
        lambda g: setattr(g.nodes["readout_synapse"], "weight", np.ones((3, 7))),
        "weight's shape is",
    ),
    "a foreign node": (
        lambda g: g.nodes.update(scale=nir.Scale(np.ones(3))),
        "'scale' is a Scale beside neurons",
    ),
}


# of them what is a network, too, where no metadata say that it is another
ANOTHER = ("another decay", "no OR", "no pooling")


@pytest.mark.filterwarnings("ignore:.*does not say everything")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("metadata", (True, False), ids=("ours", "foreign"))
@pytest.mark.every(2)
def test_what_does_not_fit_is_named(fault, metadata):
    net, theta, _ = made(NETWORKS["max"])
    graph = ours.to_nir(net, theta)
    graph.metadata = graph.metadata if metadata else {}
    damage, sentence = FAULTS[fault]
    damage(graph)
    if not metadata and fault in ANOTHER:
        x = np.random.default_rng(5).poisson(0.3, (1, 25, *net.input_shape))
        found = ours.from_nir(graph)
        membrane = simulate(graph, x[0].transpose(0, 3, 1, 2), 1e-3)[1]
        np.testing.assert_allclose(found.net(found.theta, x)[0], membrane, rtol=0, atol=1e-12)
        assert any(layer.neuron for layer in found.net.layers)
        return
    with pytest.raises(ValueError, match=sentence) as error:
        ours.from_nir(graph)
    assert "expected" in str(error.value)


def test_what_cannot_be_written():
    net, theta, _ = made(NETWORKS["dense"])
    lif = ms.SpikingNet(4, (), 2)
    odd, theta_odd, _ = made(
        dict(input_shape=(5, 8, 2), channels=(3,), ways=2, kernel=3, pool="mean")
    )
    for arguments, options, sentence in (
        ((net, theta), {"steps": "exponential"}, "Euler steps"),
        ((net, theta), {"tool": "nest"}, "tool must be one of snntorch, norse, spikingjelly"),
        ((lif, np.zeros(lif.size)), {"tool": "norse"}, "norse cannot run a network of LIF"),
        ((odd, theta_odd), {}, "readout would need a mean over 5 x 8 sites"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ours.to_nir(*arguments, **options)
    with pytest.raises(ValueError, match="read in Euler steps"):
        graph = ours.to_nir(net, theta)
        graph.metadata = {}
        ours.from_nir(graph, steps="exponential")


def test_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    net, theta, _ = made(NETWORKS["max"], np.float32)
    ms.save("cuba.h5", net, theta)
    assert cli.main(["nir", "export", "cuba.h5", "net.nir", "--for", "snntorch"]) == 0
    assert (
        "logits: the membrane at the last step, mem of the last Synaptic" in capsys.readouterr().out
    )
    assert cli.main(["nir", "import", "net.nir", "again.h5"]) == 0
    assert ms.read("again.h5").theta.tobytes() == theta.tobytes()
    assert cli.main(["nir", "export", "double_nmnist_maml.h5", "lif.nir"]) == 0
    assert "no other tool is known to run this graph" in capsys.readouterr().out
    assert cli.main(["nir", "export", "double_nmnist_maml.h5", "lif.nir", "--for", "norse"]) == 2
    assert "norse cannot run a network of LIF" in capsys.readouterr().err


def test_files_keep_what_graphs_hold():
    net, theta, _ = made(NETWORKS["mean"])
    buffer = io.BytesIO()
    nir.write(buffer, ours.to_nir(net, theta, tool="norse"))
    buffer.seek(0)
    assert np.abs(ours.from_nir(nir.read(buffer)).theta - theta).max() < 2e-15
