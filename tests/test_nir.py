"""NIR: a round trip is exact, the graph's own equations are the network's, and a graph that does
not fit is named."""

import builtins
import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra minisnn[nir]")

import minisnn as ms  # noqa: E402
from minisnn import cli, nir as ours  # noqa: E402
from minisnn.data.sets.digits import load_digits  # noqa: E402
from minisnn.data.store.shipped import shipped  # noqa: E402
from nir_simulator import simulate  # noqa: E402

NETWORKS = {
    "max": dict(input_shape=(4, 8, 2), channels=(3, 4), ways=3, kernel=3, pool="max"),
    "mean, odd sizes, hidden": dict(
        input_shape=(5, 9, 2), channels=(3,), ways=3, kernel=3, pool="mean", hidden=(6,)
    ),
    "dense": dict(input_shape=7, channels=(), hidden=(6, 5), ways=2),
    "an image, dense": dict(input_shape=(2, 3, 2), channels=(), hidden=(6,), ways=2),
}


@pytest.fixture(params=NETWORKS, ids=str)
def settings(request):
    return NETWORKS[request.param]


def made(settings, dtype=np.float64, **neuron):
    """A network with every neuron constant its own, a theta with biases, and events."""
    rng = np.random.default_rng(0)
    constants = dict(alpha=0.8, beta=0.7, gamma=0.6, rho=1.5, threshold=0.1, slope=7.0, gain=3.0)
    net = ms.SpikingNet(
        **settings,
        neuron=ms.LIF(**{**constants, **neuron}),
        window=11,
        dtype=dtype,
        backend="numpy",
    )
    x = rng.poisson(0.3, (2, 25, *net.input_shape))
    theta = net.init(rng, x=x, rate=0.3)
    return net, (theta + 0.1 * rng.normal(size=net.size)).astype(dtype), x


def as_nir(x):
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


@pytest.mark.parametrize("steps", ("euler", "exponential"))
def test_the_equations_of_the_graph_are_those_of_the_network(settings, steps, tmp_path):
    net, theta, x = made(settings)
    ms.export_nir(tmp_path / "net.nir", net, theta, steps=steps)
    graph, logits = nir.read(tmp_path / "net.nir"), net(theta, x)
    for sample, wanted in zip(x, logits, strict=True):
        found, inside = simulate(graph, as_nir(sample), exponential=steps == "exponential")
        np.testing.assert_allclose(found[-1], wanted, rtol=0, atol=1e-12)
        assert inside["readout_spike"].any()
        for b in net.blocks[:-1]:
            name = f"{b.name}_fire" if b.pool != "none" else f"{b.name}_spike"
            spikes = net.spikes(theta, sample[None], b.name)[0]
            assert (inside[name] == as_nir(spikes)).all() and 0.02 < spikes.mean() < 0.9
    wrong, _ = simulate(graph, as_nir(x[0]), exponential=steps != "exponential")
    assert np.abs(wrong[-1] - logits[0]).max() > 1e-3, (
        "the two ways of stepping must not be the same here"
    )


def test_a_threshold_that_is_just_reached_fires(tmp_path):
    """A neuron without input and bias has u = 0 at first: this library's fires at threshold 0,
    NIR's > 0 would not."""
    for threshold in (0.0, 0.5, -0.25):
        net = ms.SpikingNet(
            2, (), 1, hidden=(2,), neuron=ms.LIF(threshold=threshold), loss="squared"
        )
        theta = np.zeros(net.size, np.float32)
        net.views(theta)["hidden1.bias"][...] = [
            threshold,
            np.nextafter(np.float32(threshold), np.float32(-1)) - 1e-6,
        ]
        ms.export_nir(tmp_path / "net.nir", net, theta)
        graph = nir.read(tmp_path / "net.nir")
        assert abs(graph.nodes["hidden1_spike"].threshold).min() >= np.finfo(np.float32).tiny, (
            "a subnormal may count as zero"
        )
        inside = simulate(graph, np.zeros((1, 2)))[1]
        assert (
            inside["hidden1_spike"].tolist()
            == [[1, 0]]
            == net.spikes(theta, np.zeros((1, 1, 2)))[0].tolist()
        )


@pytest.mark.slow
def test_the_shipped_network_sees_recordings_alike(tmp_path):
    """The meta-trained network on recordings of two digits, through the file and the simulator."""
    net, theta = ms.load(shipped("double_nmnist_maml.h5"), dtype=np.float64, backend="numpy")
    ms.export_nir(tmp_path / "net.nir", net, theta)
    x = np.concatenate(
        list(ms.EventCamera().record_counts(load_digits().images[[10, 4000]], [1, 2], 0)), 2
    )[None, :60]
    found, inside = simulate(nir.read(tmp_path / "net.nir"), as_nir(x[0]))
    np.testing.assert_allclose(found[-1], net(theta, x)[0], rtol=0, atol=1e-12)
    assert inside["conv3_fire"].any()


@pytest.mark.parametrize("dtype", (np.float32, np.float64))
@pytest.mark.parametrize("inner", (None, "scalar", "array"))
@pytest.mark.every(5)
def test_a_round_trip_is_exact(settings, dtype, inner, tmp_path):
    net, theta, _ = made(settings, dtype)
    if inner is not None:
        step = 0.3 if inner == "scalar" else np.random.default_rng(1).random(net.size).astype(dtype)
        inner = ms.InnerLoop(step_size=step, steps=2, freeze=("readout",), threshold=0.01)
    ms.export_nir(tmp_path / "net.nir", net, theta, inner=inner, dt=2e-3, steps="exponential")
    with pytest.raises(
        ValueError,
        match="net.nir: dt is 0.001, where minisnn wrote the graph for 0.002; leave dt out",
    ):
        ms.import_nir(tmp_path / "net.nir", dt=1e-3)
    found = ms.import_nir(tmp_path / "net.nir", steps="exponential")
    assert found.theta.dtype == dtype and found.theta.tobytes() == theta.tobytes()
    assert found.net.configuration() == net.configuration()
    if inner is None:
        assert found.inner is None
    else:
        np.testing.assert_array_equal(found.inner.step_size, inner.step_size)
        assert {**vars(found.inner), "step_size": 0} == {**vars(inner), "step_size": 0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.nir"]


@pytest.mark.parametrize("steps", ("euler", "exponential"))
def test_a_graph_without_our_metadata_and_names_is_read_too(settings, steps):
    net, theta, x = made(settings, rho=0.9)
    graph = ours.to_nir(net, theta, dt=1e-4, steps=steps)
    names = {name: f"n{7 * n % 31}" for n, name in enumerate(graph.nodes)}
    foreign = nir.NIRGraph(
        {names[name]: node for name, node in reversed(graph.nodes.items())},
        [(names[a], names[b]) for a, b in reversed(graph.edges)],
    )
    found = ours.from_nir(foreign, dt=1e-4, steps=steps)
    assert (
        found.theta.tobytes() == theta.tobytes()
        and found.net.blocks[0].input_shape == net.blocks[0].input_shape
    )
    for name in ("alpha", "beta", "gamma", "rho", "threshold", "gain"):
        assert getattr(found.net.neuron, name) == pytest.approx(
            getattr(net.neuron, name), abs=1e-12
        )
    np.testing.assert_allclose(found.net(found.theta, x), net(theta, x), rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match="LIF alpha must lie"):
        ours.from_nir(foreign, dt=1.0, steps="euler")


def cuba(shape, **changes):
    return nir.CubaLIF(*(np.ones(shape) for _ in range(5)))


FAULTS = {  # what is done to a graph of the first network -> what the sentence names
    "a hard reset": (
        lambda g: g.nodes.update(conv1_spike=cuba((3, 4, 8))),
        r"is a Scale beside neurons that are reset",
    ),
    "a weight's shape": (
        lambda g: setattr(g.nodes["conv2_synapse"], "weight", np.ones((4, 3, 3, 5))),
        r"'conv2_synapse' \(Conv2d\): weight has shape",
    ),
    "NaN": (
        lambda g: g.nodes["readout_synapse"].bias.fill(np.nan),
        r"'readout_synapse' \(Affine\): bias holds NaN",
    ),
    "another time constant": (
        lambda g: g.nodes["conv2_trace"].tau_mem.fill(0.1),
        r"'conv2_trace' \(CubaLI\): tau_mem is 0.1",
    ),
    "another reset": (
        lambda g: g.nodes["conv1_reset"].scale.fill(-3),
        r"'conv1_reset' \(Scale\): scale is -3",
    ),
    "another refractory trace": (
        lambda g: g.nodes["conv2_refractory"].tau.fill(1),
        r"'conv2_refractory' \(LI\): tau is 1",
    ),
    "a resistance": (
        lambda g: g.nodes["conv2_trace"].r.fill(2),
        r"'conv2_trace' \(CubaLI\): r is 2",
    ),
    "a leak": (
        lambda g: g.nodes["conv2_trace"].v_leak.fill(2),
        r"'conv2_trace' \(CubaLI\): v_leak is 2",
    ),
    "a gain": (
        lambda g: g.nodes["conv2_trace"].w_in.fill(2),
        r"'conv2_trace' \(CubaLI\): w_in is 2",
    ),
    "a threshold of its own": (
        lambda g: g.nodes["conv2_spike"].threshold.fill(1),
        r"'conv2_spike' \(Threshold\): threshold",
    ),
    "a stride": (
        lambda g: setattr(g.nodes["conv1_synapse"], "stride", (2, 2)),
        r"'conv1_synapse' \(Conv2d\): stride is 2",
    ),
    "no padding": (
        lambda g: setattr(g.nodes["conv1_synapse"], "padding", "valid"),
        r"\(Conv2d\): padding is valid",
    ),
    "groups": (
        lambda g: setattr(g.nodes["conv1_synapse"], "groups", 3),
        r"'conv1_synapse' \(Conv2d\): groups is 3",
    ),
    "wider pooling": (
        lambda g: setattr(g.nodes["conv1_pool"], "kernel_size", np.array([3, 3])),
        r"'conv1_pool' .*kernel_size",
    ),
    "an input of another size": (
        lambda g: g.nodes["input"].output_type.update(output=np.array([2, 9, 9])),
        "'input'",
    ),
    "a loop that is missing": (
        lambda g: g.edges.remove(("conv2_reset", "conv2_spike")),
        r"'conv2_reset' \(Scale\) leads to",
    ),
    "a loop too many": (
        lambda g: g.edges.append(("conv2_refractory", "conv1_reset")),
        r"'conv2_refractory' \(LI\) leads to",
    ),
    "an edge elsewhere": (
        lambda g: (
            g.edges.remove(("conv1_refractory", "conv1_reset")),
            g.edges.append(("conv1_refractory", "conv2_reset")),
        ),
        "leads to|scale has shape",
    ),
    "a node apart": (
        lambda g: g.nodes.update(alone=nir.Scale(np.ones(3))),
        r"'alone' \(Scale\) is not reached",
    ),
    "two inputs": (
        lambda g: g.nodes.update(more=nir.Input(np.array([3]))),
        "2 inputs: input, more",
    ),
    "no input": (lambda g: g.nodes.pop("input"), "0 inputs; expected one"),
    "no synapse": (
        lambda g: g.edges.remove(("conv1_trace", "conv1_synapse")),
        "no Conv2d and no Affine",
    ),
}


# of them what is a network, too, where no metadata say that it is another
ANOTHER = (
    "another time constant",
    "another reset",
    "another refractory trace",
    "a threshold of its own",
)


@pytest.mark.filterwarnings("ignore:.*does not say everything")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("metadata", (True, False), ids=("ours", "foreign"))
@pytest.mark.every(2)
def test_what_does_not_fit_is_named(fault, metadata):
    net, theta, _ = made(NETWORKS["max"])
    graph = ours.to_nir(net, theta)
    graph.metadata = graph.metadata if metadata else {}
    assert ours.from_nir(graph).theta.tobytes() == theta.tobytes()
    damage, sentence = FAULTS[fault]
    damage(graph)
    if not metadata and fault in ANOTHER:
        x = np.random.default_rng(5).poisson(0.3, (1, 25, *net.input_shape))
        found = ours.from_nir(graph)
        logits = simulate(graph, as_nir(x[0]))[0][-1]
        np.testing.assert_allclose(found.net(found.theta, x)[0], logits, rtol=0, atol=1e-12)
        assert any(layer.neuron for layer in found.net.layers)
        return
    if not metadata:  # the first of their kind are believed, and those that follow then do not fit
        sentence = {
            "an input of another size": "'readout_synapse'",
            "a stride": "conv2 would pool an image of 1 x 2",
            "a loop that is missing": "the graph has no Scale; expected",
        }.get(fault, sentence)
    with pytest.raises(ValueError, match=sentence) as error:
        ours.from_nir(graph)
    assert "expected" in str(error.value) or "allows" in str(error.value)


def test_metadata_that_disagree_or_are_damaged():
    net, theta, _ = made(NETWORKS["max"])

    def refused(sentence, **changes):
        graph = ours.to_nir(net, theta, inner=ms.InnerLoop())
        said = json.loads(graph.metadata["minisnn"])
        graph.metadata["minisnn"] = json.dumps({**said, **changes})
        with pytest.raises(ValueError, match=sentence):
            ours.from_nir(graph)

    network = net.configuration()
    refused("version 2", version=2)
    refused(
        "'conv1_trace'.*tau_mem", network={**network, "neuron": {**network["neuron"], "alpha": 0.5}}
    )
    refused("metadata: the network", network={"a": 1})
    refused("metadata: the inner loop", inner_loop={"freeze": [], "colour": 1})
    refused("freeze must name", inner_loop={"freeze": ["conv9"]})
    refused("3 Conv2d and Affine nodes; expected 2", network={**network, "channels": [3]})
    graph = ours.to_nir(net, theta)
    graph.metadata["minisnn"] = "{"
    with pytest.raises(ValueError, match="metadata: what minisnn noted is damaged"):
        ours.from_nir(graph)


def test_what_cannot_be_exported(tmp_path):
    net, theta, _ = made(NETWORKS["dense"], alpha=0.0)
    cnn = ms.ConvNet((4, 8, 2), (3,), 2, kernel=3)
    for arguments, options, sentence in (
        ((cnn, np.zeros(cnn.size)), {}, "no softplus"),
        ((net, theta[1:]), {}, "theta must"),
        ((net, theta * np.nan), {}, "NaN"),
        ((net, theta), {"dt": 0}, "dt must"),
        ((net, theta), {"steps": "exponential"}, "decay of 0 has no time constant"),
        ((net, theta), {"steps": "midpoint"}, "steps must be"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ms.export_nir(tmp_path / "net.nir", *arguments, **options)
    assert not list(tmp_path.iterdir())


@dataclass(frozen=True)
class Mine(ms.InnerLoop):
    """An inner loop of your own."""


def test_an_inner_loop_of_your_own_is_named_and_left_out(tmp_path):
    """As `load` does of a checkpoint: the weights are what they were."""
    net = ms.SpikingNet((6,), (), ways=3)
    theta = net.init(np.random.default_rng(0))
    ms.export_nir(tmp_path / "net.nir", net, theta, inner=Mine(0.5, steps=2))
    with pytest.warns(UserWarning, match="no inner loop: the network learns by Mine, an object of"):
        found = ms.import_nir(tmp_path / "net.nir")
    assert found.inner is None and np.array_equal(found.theta, theta)
    assert "Mine" in found.provenance["not said by the graph"][0]


def test_files_that_are_no_graphs(tmp_path):
    net, theta, _ = made(NETWORKS["dense"])
    good, bad = tmp_path / "good.nir", tmp_path / "bad.nir"
    ms.export_nir(good, net, theta)

    def refused(sentence):
        with pytest.raises(ValueError, match=f"bad.nir: .*{sentence}"):
            ms.import_nir(bad)

    bad.write_bytes(good.read_bytes()[:4000])
    refused("truncated")
    bad.write_text("no HDF5")
    refused("not readable as HDF5")
    with h5py.File(bad, "w"):
        pass
    refused("not a NIR graph")

    def changed(change):
        bad.write_bytes(good.read_bytes())
        with h5py.File(bad, "a") as file:
            change(file["node/nodes"])

    def put(nodes, name, value):
        del nodes[name]
        nodes[name] = value

    changed(
        lambda nodes: put(
            nodes, "hidden1_synapse/weight", h5py.ExternalLink("good.nir", "/node/version")
        )
    )
    refused("weight is a link")
    # a group that contains itself
    changed(lambda nodes: put(nodes, "hidden1_trace", nodes["hidden2_trace"].parent))
    refused("too deep or among too many")
    changed(lambda nodes: nodes.create_dataset("more", (1 << 40,), "f4", chunks=(1 << 10,)))
    refused("node/nodes/more asks for 1099511627776 values")
    changed(
        lambda nodes: (
            put(nodes, "input/shape", [1 << 40]),
            nodes.parent.create_dataset("type_check", data=False),
        )
    )
    refused("type mismatch")  # before anything of that size is made
    changed(lambda nodes: put(nodes, "hidden1_spike/type", "Volcano"))
    refused("not a NIR graph, or a damaged one")
    with pytest.raises(FileNotFoundError):
        ms.import_nir(tmp_path / "absent.nir")


@pytest.mark.parametrize(
    "text, words",
    [
        ("[" * 100_000, "what minisnn noted is damaged"),
        ('{"version": 1' + "0" * 5000 + "}", "what minisnn noted is damaged"),
        ("[]", "what minisnn noted is damaged"),
        ('{"dt": 1', "what minisnn noted is damaged"),
    ],
)
def test_metadata_of_any_text(tmp_path, text, words):
    refused_with(tmp_path, lambda file: put(file, "node/metadata/minisnn", text), words)


@pytest.mark.parametrize(
    "dt", [10**400, -1, 0, True, "1", None, [1], 1e300, 1e10, float("inf"), float("nan")]
)
def test_steps_of_any_length(tmp_path, dt):
    def change(file):
        said = json.loads(file["node/metadata/minisnn"].asstr()[()])
        put(file, "node/metadata/minisnn", json.dumps({**said, "dt": dt}))

    refused_with(tmp_path, change, "dt must be a positive time in seconds, not ")


def test_numbers_of_the_neuron_that_no_float_holds(tmp_path):
    def change(file):
        text = file["node/metadata/minisnn"].asstr()[()]
        put(file, "node/metadata/minisnn", text.replace('"alpha": 0.8', f'"alpha": {10**400}'))

    refused_with(tmp_path, change, "alpha|too large")


def test_types_that_no_array_holds(tmp_path):
    """A float of 128 bits with an exponent of 63: h5py says "Insufficient precision" and not of
    what."""

    def change(file):
        odd = h5py.h5t.IEEE_F64LE.copy()
        odd.set_size(16)
        odd.set_precision(128)
        odd.set_fields(127, 64, 63, 0, 63)
        odd.set_ebias((1 << 62) - 1)
        h5py.h5d.create(file.id, b"node/odd", odd, h5py.h5s.create_simple((2,)))

    refused_with(tmp_path, change, "Insufficient precision")


def test_names_of_nodes_keep_to_one_line(tmp_path):
    refused_with(
        tmp_path,
        lambda file: file.copy("node/nodes/input", "node/nodes/in\nput"),
        "the graph has 2 inputs",
    )


def put(file, name: str, text: str) -> None:
    del file[name]
    file[name] = text


def refused_with(folder, change, words: str) -> None:
    """A file of this library's with a change is refused in one line that names it."""
    net, theta, _ = made(dict(input_shape=(4, 4, 2), channels=(2,), ways=2, kernel=3), np.float32)
    path = folder / "net.nir"
    ms.export_nir(path, net, theta)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=words) as error:
        ms.import_nir(path)
    assert (
        str(error.value).startswith(f"{path}: ")
        and "\n" not in str(error.value)
        and len(str(error.value)) < 1000
    )


def test_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["nir", "export", "double_nmnist_maml.h5", "net.nir"]) == 0
    assert cli.main(["nir", "import", "net.nir", "net.h5"]) == 0
    assert (
        capsys.readouterr().out.count(
            "SpikingNet for inputs 16 x 32 x 2, 5 classes, 262,949 parameters, with how it"
        )
        == 2
    )
    first, second = ms.read(shipped("double_nmnist_maml.h5")), ms.read("net.h5")
    assert (
        first.theta.tobytes() == second.theta.tobytes()
        and second.provenance["imported from"] == "NIR"
    )
    np.testing.assert_array_equal(first.inner.step_size, second.inner.step_size)
    assert cli.main(["nir", "import", "net.h5", "other.h5"]) == 2 and not Path("other.h5").exists()
    assert cli.main(["nir", "export", "double_nmnist_maml_cnn.h5", "cnn.nir"]) == 2
    assert "no softplus" in capsys.readouterr().err and not Path("cnn.nir").exists()


def test_without_the_library(monkeypatch, capsys, tmp_path):
    load = builtins.__import__

    def missing(name, *arguments):
        if name == "nir" and not (arguments and len(arguments) > 3 and arguments[3]):
            raise ImportError("no nir")
        return load(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert cli.main(["nir", "export", "double_nmnist_maml.h5", str(tmp_path / "net.nir")]) == 2
    assert 'pip install "minisnn[nir]"' in capsys.readouterr().err
