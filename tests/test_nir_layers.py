"""NIR graphs of lists of layers: recurrence, strides, kernels, pooling and neurons of a layer's own,
learned constants. The graph's own equations are the network's, by a simulator that knows nothing of
it; what comes back is the same to the last bit; nothing is written with constants of another layer.

tests/other_tools.py runs them in the tools themselves.
"""

import json

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra minisnn[nir]")

import minisnn as ms  # noqa: E402
from minisnn import cli, nir as ours  # noqa: E402
from minisnn.nir import TOOLS  # noqa: E402
from minisnn.nir.common import blocks_at  # noqa: E402
from nir_simulator import simulate, simulate_cuba  # noqa: E402
from slowly import after  # noqa: E402

quiet = pytest.mark.filterwarnings("ignore:.*does not say everything")


def neuron_of(kind, rng, gain=1.0):
    alpha, beta, gamma = rng.uniform(0.3, 0.9, 3)
    level = float(rng.uniform(0.1, 0.4))
    if kind == "cuba":
        return ms.CubaLIF(alpha, beta, threshold=level, gain=gain)
    return ms.LIF(alpha, beta, gamma, rng.uniform(0.2, 2), level, gain=gain)


def random_network(kind, seed, dtype="float64"):
    """Conv and dense layers of all kinds, some with neurons of their own, some constants learned."""
    rng = np.random.default_rng(seed)
    layers = []
    sides = [int(n) for n in rng.integers(4, 13, 2)]
    even = rng.random() < 0.5  # so that means of spikes can be said
    sides = [8 * -(-side // 8) for side in sides] if even else sides
    shape = [*sides, int(rng.integers(1, 3))]

    def own():
        return neuron_of(kind, rng) if rng.random() < 0.4 else None

    here = list(sides)
    for _ in range(int(rng.integers(0, 4))):
        stride = int(rng.choice([1, 1, 2, 3]))
        here = [-(-side // stride) for side in here]
        halves = min(here) > 1
        drops = kind == "lif" or here[0] % 2 == here[1] % 2
        pools = ["none"] + ["max"] * halves + ["mean"] * (halves and drops)
        pool = str(rng.choice(pools))
        here = here if pool == "none" else [side // 2 for side in here]
        kernel = int(rng.choice([1, 3, 5]))
        layers.append(ms.Conv(int(rng.integers(1, 4)), kernel, stride, pool, neuron=own()))
    for _ in range(int(rng.integers(0, 3)) or not layers):
        recurrent = bool(rng.random() < 0.6)
        layers.append(ms.Dense(int(rng.integers(1, 6)), recurrent, neuron=own()))
    known = ("alpha", "beta", "gamma") if kind == "lif" else ("alpha", "beta")
    learn = tuple(name for name in known if rng.random() < 0.3)
    neuron = neuron_of(kind, rng, float(rng.uniform(0.5, 4)))
    net = ms.SpikingNet(
        tuple(shape),
        layers=layers,
        ways=3,
        neuron=neuron,
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
        if name.endswith(("recurrent", "alpha", "beta", "gamma")):
            view[...] += rng.normal(size=view.shape)
        elif name.endswith("bias"):
            view[...] += 0.1 * rng.normal(size=view.shape)
    return net, theta, x


def frames_of(x):
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


def assert_same(net, theta, x, graph, dt, most):
    """What the graph's equations give is what the network gives, in every layer and step."""
    if isinstance(net.neuron, ms.CubaLIF):
        spikes, membranes = simulate_cuba(graph, frames_of(x[0]), dt)
        logits = membranes["readout_spike"].ravel()
        put = {name.replace("_or", "_fire"): of for name, of in spikes.items()}
    else:
        found, put = simulate(graph, frames_of(x[0]), dt)
        logits = found[-1]
    np.testing.assert_allclose(logits, net(theta, x)[0], rtol=0, atol=most)
    for b in net.blocks[:-1]:
        if b.pool == "spikes":
            continue
        name = f"{b.name}_spike" if b.pool == "none" else f"{b.name}_fire"
        wanted = frames_of(net.spikes(theta, x, b.name)[0])
        assert (put[name].reshape(wanted.shape) == wanted).all(), b.name


def assert_own_constants(net, theta, graph, dt):
    """Every node has the constants that its layer has at theta, and no other's."""
    for b in blocks_at(net, theta):
        cuba = isinstance(net.neuron, ms.CubaLIF)
        node = graph.nodes[f"{b.name}_spike" if cuba else f"{b.name}_trace"]
        for name, tau in (("alpha", node.tau_mem), ("beta", node.tau_syn)):
            np.testing.assert_allclose(1 - dt / tau, getattr(b.neuron, name), rtol=0, atol=3e-7)
        if not cuba:
            tau = graph.nodes[f"{b.name}_refractory"].tau
            np.testing.assert_allclose(1 - dt / tau, b.neuron.gamma, rtol=0, atol=1e-12)
            scale = graph.nodes[f"{b.name}_reset"].scale
            np.testing.assert_allclose(scale, -b.neuron.rho, rtol=1e-12)


def there_and_back(kind, seeds):
    """How many random networks had what: each is simulated, and comes back bit for bit and, without
    its metadata, as one that gives the same."""
    seen = dict(recurrent=0, learned=0, own=0, stride=0)
    for seed in seeds:
        net, theta, x = random_network(kind, seed)
        rng = np.random.default_rng(seed)
        tool = str(rng.choice([*TOOLS, ""])) or None if kind == "cuba" else None
        graph = ours.to_nir(net, theta, tool=tool)
        dt = TOOLS[tool].dt if tool else 1e-3
        most = 1e-5 if tool == "norse" else 1e-11
        assert_own_constants(net, theta, graph, dt)
        if tool != "norse":
            assert_same(net, theta, x, graph, dt, most)
        found = ours.from_nir(graph)
        assert found.theta.tobytes() == theta.tobytes(), seed
        assert found.net.configuration() == net.configuration(), seed
        graph.metadata = {}
        foreign = ours.from_nir(graph, dt=dt)
        assert not foreign.net.learn
        np.testing.assert_allclose(
            foreign.net(foreign.theta, x), net(theta, x), rtol=0, atol=most, err_msg=str(seed)
        )
        seen["recurrent"] += any(b.recurrent for b in net.blocks)
        seen["learned"] += bool(net.learn)
        seen["own"] += any(one.neuron is not None for one in net.layers)
        seen["stride"] += any(b.stride > 1 for b in net.blocks)
    return seen


@quiet
@pytest.mark.parametrize("kind", after(1, ("cuba", "lif")))
def test_random_networks_go_there_and_back(kind):
    seen = there_and_back(kind, range(14))
    assert min(seen.values()) > 2, seen


@quiet
@pytest.mark.slow
@pytest.mark.parametrize("kind", ("cuba", "lif"))
def test_many_random_networks_go_there_and_back(kind):
    seen = there_and_back(kind, range(1000, 1300))
    assert min(seen.values()) > 100, seen


def recurrent(kind=ms.CubaLIF, dtype="float32", **changes):
    settings = dict(
        input_shape=(6,),
        layers=[ms.Dense(5, recurrent=True), ms.Dense(4, recurrent=True)],
        ways=3,
        neuron=kind(alpha=0.75, beta=0.5),
        learn=("alpha", "beta"),
        dtype=dtype,
        backend="numpy",
    )
    net = ms.SpikingNet(**{**settings, **changes})
    rng = np.random.default_rng(1)
    theta = net.init(rng)
    return net, (theta + rng.normal(size=net.size)).astype(dtype)


@pytest.mark.parametrize("kind", (ms.CubaLIF, ms.LIF))
@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_a_file_keeps_learned_constants_to_the_last_bit(kind, dtype, tmp_path):
    net, theta = recurrent(kind, dtype)
    inner = ms.InnerLoop(step_size=np.full(net.size, 0.25, dtype), adapt_constants=True)
    ms.export_nir(tmp_path / "net.nir", net, theta, inner=inner)
    found = ms.import_nir(tmp_path / "net.nir")
    assert found.theta.tobytes() == theta.tobytes() and found.theta.dtype == dtype
    assert found.net.configuration() == net.configuration()
    assert found.inner.adapt_constants


@pytest.mark.parametrize("kind", (ms.CubaLIF, ms.LIF))
def test_a_constant_that_somebody_changed_is_the_one_that_comes_back(kind):
    """The theta of the metadata is not taken over what the graph then says."""
    net, theta = recurrent(kind, "float64")
    graph = ours.to_nir(net, theta)
    changed = ("dense2_spike",) if kind is ms.CubaLIF else ("dense2_trace", "dense2_heard")
    for name in changed:
        node = graph.nodes[name]
        taken = np.full(node.r.shape, 1e-3 / (1 - 0.6))
        node.r = node.r * taken / node.tau_mem if kind is ms.CubaLIF else node.r
        node.tau_mem = taken
    found = ours.from_nir(graph)
    views = found.net.views(found.theta)
    assert 1 / (1 + np.exp(-views["dense2.alpha"])) == pytest.approx(0.6, abs=1e-12)
    assert views["dense1.alpha"] == pytest.approx(net.views(theta)["dense1.alpha"], abs=1e-12)


@pytest.mark.parametrize("kind", (ms.CubaLIF, ms.LIF))
@quiet
def test_without_metadata_learned_constants_are_neurons_of_their_own(kind):
    net, theta = recurrent(kind, "float64")
    graph = ours.to_nir(net, theta)
    graph.metadata = {}
    found = ours.from_nir(graph)
    assert found.net.learn == () and not any(b.learn for b in found.net.blocks)
    for one, there in zip(found.net.blocks, blocks_at(net, theta)):
        for name in ("alpha", "beta"):
            here = getattr(one.neuron, name)
            assert here == pytest.approx(getattr(there.neuron, name), abs=1e-12)


def inside(graph, bias=None):
    """A recurrent graph as snnTorch has it in Python: the loop is a graph inside the graph."""
    nodes, edges = dict(graph.nodes), list(graph.edges)
    for layer in ("dense1", "dense2"):
        fires, back = (nodes.pop(f"{layer}_{what}") for what in ("spike", "recurrent"))
        k = np.array(fires.r.shape)
        back = back if bias is None else nir.Affine(back.weight, np.full(k, bias))
        nodes[layer] = nir.NIRGraph(
            {"input": nir.Input(k), "lif": fires, "w_rec": back, "output": nir.Output(k)},
            [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
        )
        edges = [edge for edge in edges if f"{layer}_recurrent" not in edge]
        name = f"{layer}_spike"
        edges = [(layer if a == name else a, layer if b == name else b) for a, b in edges]
    return nir.NIRGraph(nodes, edges)


@quiet
def test_a_loop_inside_a_graph_is_the_same_loop():
    net, theta = recurrent(dtype="float64")
    graph = ours.to_nir(net, theta)
    found = ours.from_nir(inside(graph))
    graph.metadata = {}
    wanted = ours.from_nir(graph)
    assert found.theta.tobytes() == wanted.theta.tobytes()
    assert found.net.configuration() == wanted.net.configuration()
    biased = ours.from_nir(inside(graph, bias=0.5))
    views = biased.net.views(biased.theta - wanted.theta)
    scale = graph.nodes["dense1_spike"].r[0] * graph.nodes["dense1_spike"].w_in[0]
    np.testing.assert_allclose(views["dense1.bias"], 0.5 * scale)
    assert not views["dense1.recurrent"].any()


@quiet
def test_what_a_loop_in_another_tool_may_look_like():
    """Behind a Flatten, as a Conv2d of 1 x 1, or back to the LI before a LIF."""
    net, theta = recurrent(dtype="float64", learn=())
    x = np.random.default_rng(3).poisson(0.5, (2, 20, 6))
    for tool in TOOLS:
        graph = ours.to_nir(net, theta, tool=tool)
        graph.metadata = {}
        found = ours.from_nir(graph, dt=TOOLS[tool].dt)
        np.testing.assert_allclose(found.net(found.theta, x), net(theta, x), atol=1e-6)
    graph = ours.to_nir(net, theta, tool="norse")
    graph.metadata = {}
    node = graph.nodes.pop("dense1_spike")
    zero = 0 * node.r
    graph.nodes["li"] = nir.LI(tau=node.tau_syn, r=node.w_in, v_leak=zero)
    lif = dict(tau=node.tau_mem, r=node.r, v_leak=zero, v_threshold=node.v_threshold)
    graph.nodes["lif"] = nir.LIF(**lif, v_reset=zero)
    edges = [("lif" if a == "dense1_spike" else a, b) for a, b in graph.edges]
    edges = [(a, "li" if b == "dense1_spike" else b) for a, b in edges]
    graph = nir.NIRGraph(graph.nodes, [*edges, ("li", "lif")])
    found = ours.from_nir(graph, dt=1e-3)
    np.testing.assert_allclose(found.net(found.theta, x), net(theta, x), atol=1e-6)


@quiet
@pytest.mark.parametrize("tool", (None, *TOOLS))
def test_what_nodes_leave_open_the_metadata_decide(tool):
    """Weights of zero repeat as those of a mean do; a kernel on one site is a dense layer, too."""
    for shape, layers in (
        ((4, 4, 1), [ms.Conv(2, 3, 1, "none")]),
        ((4, 4, 1), [ms.Conv(2, 3, 1, "mean")]),
        ((3, 3, 1), [ms.Conv(2, 3, 3, "none"), ms.Conv(3, 3, 1, "none"), ms.Dense(2)]),
    ):
        net = ms.SpikingNet(shape, layers=layers, ways=2, neuron=ms.CubaLIF(), backend="numpy")
        theta = np.random.default_rng(0).standard_normal(net.size).astype(np.float32)
        theta = net.without_readout(theta)
        graph = ours.to_nir(net, theta, tool=tool)
        found = ours.from_nir(graph)
        assert found.theta.tobytes() == theta.tobytes()
        assert found.net.configuration() == net.configuration()
        graph.metadata = {}
        x = np.random.default_rng(1).poisson(1.0, (2, 9, *shape))
        foreign = ours.from_nir(graph, dt=TOOLS[tool].dt if tool else None)
        np.testing.assert_allclose(foreign.net(foreign.theta, x), net(theta, x), atol=1e-6)


def twice(graph):
    graph.nodes["more"] = nir.Linear(np.ones((5, 5)))
    graph.edges += [("dense1_spike", "more"), ("more", "dense1_spike")]


FAULTS = {
    "heard twice": (twice, "'dense1_spike' .* hears itself twice; expected one loop"),
    "no weights": (
        lambda g: g.edges.append(("dense1_spike", "dense1_spike")),
        "'dense1_spike' .* hears itself (twice; expected one loop|through no weights; expected one)",
    ),
    "a loop of others": (
        lambda g: setattr(g.nodes["dense1_recurrent"], "weight", np.ones((4, 4))),
        "recurrence is .*; expected a dense layer, and from each of its neurons to each",
    ),
    "no square": (
        lambda g: setattr(g.nodes["dense1_recurrent"], "weight", np.ones((5, 4))),
        "'dense1_recurrent' .*: weight's shape is .5, 4.; expected as many rows as columns",
    ),
    "NaN": (
        lambda g: g.nodes["dense1_recurrent"].weight.fill(np.nan),
        "'dense1_recurrent' .*: weight is NaN",
    ),
    "from above": (
        lambda g: g.edges.append(("dense2_spike", "dense1_recurrent")),
        "leads to .*; expected one node after another|is not reached",
    ),
    "the readout": (
        lambda g: (
            g.nodes.update(back=nir.Linear(np.ones((3, 3)))),
            g.edges.extend([("readout_spike", "back"), ("back", "readout_spike")]),
        ),
        "'readout_spike' .*: the last layer is recurrent; expected one that does not hear itself",
    ),
}


@quiet
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("metadata", (True, False), ids=("ours", "foreign"))
def test_loops_that_are_none_are_named(fault, metadata):
    graph = ours.to_nir(*recurrent(dtype="float64"))
    graph.metadata = graph.metadata if metadata else {}
    damage, sentence = FAULTS[fault]
    damage(graph)
    with pytest.raises(ValueError, match=sentence) as error:
        ours.from_nir(graph)
    assert "\n" not in str(error.value)


def test_graphs_inside_graphs_that_are_no_loops():
    net, theta = recurrent(dtype="float64")
    for change, sentence in (
        (lambda g: g.nodes.pop("input"), "has 0 Input nodes; expected one"),
        (lambda g: g.nodes.update(more=inside(ours.to_nir(net, theta))), "has a graph inside it"),
        (lambda g: g.edges.clear(), "does not lead through neurons"),
        (lambda g: setattr(g, "nodes", None), "no nodes or no edges"),
        (lambda g: delattr(g, "edges"), "no nodes or no edges"),
        (lambda g: g.edges.append(3), "has an edge 3; expected two of its nodes"),
        (lambda g: g.nodes.update(itself=g), "has a graph inside it"),
    ):
        graph = inside(ours.to_nir(net, theta))
        change(graph.nodes["dense1"])
        with pytest.raises(ValueError, match=sentence):
            ours.from_nir(graph)


@pytest.mark.parametrize("what", ("kernel", "stride", "pool", "recurrent", "channels", "fewer"))
def test_metadata_of_other_layers_are_refused(what):
    layers = [ms.Conv(3, 3, 2, "none"), ms.Conv(2, 3, 1, "max"), ms.Dense(4, recurrent=True)]
    net = ms.SpikingNet((8, 8, 2), layers=layers, ways=2, neuron=ms.CubaLIF(), backend="numpy")
    graph = ours.to_nir(net, net.init(np.random.default_rng(0)))
    said = json.loads(graph.metadata["minisnn"])
    one = said["network"]["layers"]
    change = dict(kernel=5, stride=1, pool="mean", recurrent=False, channels=5)
    if what == "fewer":
        one.pop(1)
    else:
        one[2 if what == "recurrent" else 1 if what == "pool" else 0][what] = change[what]
    graph.metadata["minisnn"] = json.dumps(said)
    with pytest.raises(ValueError, match="metadata: |not pooled; expected|come"):
        ours.from_nir(graph)


def test_what_no_graph_says():
    mixed = ms.SpikingNet(
        (5,), layers=[ms.Dense(4, neuron=ms.LIF())], ways=2, neuron=ms.CubaLIF(), backend="numpy"
    )
    with pytest.raises(ValueError, match="layers of CubaLIF, .* and of LIF, .*expected one kind"):
        ours.to_nir(mixed, mixed.init(np.random.default_rng(0)))
    net, theta = recurrent(ms.LIF)
    with pytest.raises(ValueError, match="norse cannot run a network of LIF"):
        ours.to_nir(net, theta, tool="norse")
    net, theta = recurrent()
    net.views(theta)["dense1.alpha"][...] = 40
    with pytest.raises(ValueError, match="theta's constants of dense1: .*alpha must lie in"):
        ours.to_nir(net, theta)


def test_sentences_name_what_a_layer_has_of_its_own():
    net, _ = recurrent()
    text = " ".join(ours.unsaid(net))
    assert "hear their own spikes of the step before" in text
    own = ms.CubaLIF(slope=3.0)
    net = ms.SpikingNet((5,), layers=[ms.Dense(4, neuron=own)], ways=2, neuron=ms.CubaLIF())
    text = " ".join(ours.unsaid(net))
    assert "of dense1 1 / (3 |u - threshold| + 1)^2" in text and "hear" not in text


@quiet
def test_subtracting_loops_is_another_network():
    graph = ours.to_nir(*recurrent(dtype="float64"))
    graph.metadata = {}
    graph.nodes["readout_spike"].v_threshold[...] = 1
    for node in graph.nodes.values():
        if hasattr(node, "bias"):
            node.bias[...] = 0
        if hasattr(node, "tau_mem"):
            for name in ("tau_mem", "tau_syn", "r", "w_in"):
                getattr(node, name)[...] = 2e-3 if name.startswith("tau") else 2
    with pytest.raises(ValueError, match="hears itself a step later, .*; expected no loop"):
        ours.from_nir(graph, reset="subtract")


def test_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    net, theta = recurrent()
    ms.save("cuba.h5", net, theta)
    assert cli.main(["nir", "export", "cuba.h5", "net.nir", "--for", "spikingjelly"]) == 0
    assert "hear their own spikes of the step before" in capsys.readouterr().out
    assert cli.main(["nir", "import", "net.nir", "again.h5"]) == 0
    assert ms.read("again.h5").theta.tobytes() == theta.tobytes()
    assert cli.main(["convert", "snntorch", "cuba.h5", "no.npz"]) == 2
    assert "minisnn nir export --for snntorch" in capsys.readouterr().err
    net, theta = recurrent(ms.LIF)
    ms.save("lif.h5", net, theta)
    assert cli.main(["convert", "snntorch", "lif.h5", "no.npz"]) == 2
    said = capsys.readouterr().err
    assert "(dense1, dense2) hear their own spikes two steps later, snnTorch's RSynaptic" in said
    assert not (tmp_path / "no.npz").exists()


def test_no_command_line_is_proposed_for_neurons_of_a_layers_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    layers = [ms.Dense(4, neuron=ms.CubaLIF(alpha=0.5))]
    net = ms.SpikingNet((5,), layers=layers, ways=2, neuron=ms.CubaLIF(), backend="numpy")
    ms.save("own.h5", net, np.ones(net.size, net.dtype))
    assert cli.main(["nir", "export", "own.h5", "net.nir"]) == 0
    capsys.readouterr()
    assert cli.main(["nir", "import", "net.nir", "again.h5"]) == 0
    said = capsys.readouterr().out
    assert "neurons of their own, which no command line says" in said and "--start" not in said
    step = "found.loop.meta_gradient(found.net, found.theta, task).gradient"
    assert "found = ms.read('again.h5')" in said and step in said
    x, y = np.ones((2, 9, 5), np.uint8), np.arange(2)
    found, task = ms.read("again.h5"), ms.Task(x, y, x, y)
    assert found.net.layers == net.layers
    assert eval(step, dict(found=found, task=task)).shape == (net.size,)


@quiet
@pytest.mark.slow
def test_the_tools_themselves():
    """Spike for spike, where PyTorch and the three tools are installed."""
    for name in ("torch", "snntorch", "norse", "spikingjelly"):
        pytest.importorskip(name, reason=f"{name} is not installed; see tests/other_tools.py")
    import subprocess
    import sys
    from pathlib import Path

    script = Path(__file__).with_name("other_tools.py")
    only = ["recurrent", "strides, kernels, pooling", "learned constants"]
    line = [sys.executable, script, "--network", "none", "--only", *only]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
