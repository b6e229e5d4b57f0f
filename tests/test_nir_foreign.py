"""Graphs from other tools: what a file does not say is asked for or told, what comes in is the same
network, or is refused."""

import contextlib
import io
import shlex
import warnings

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra minisnn[nir]")

import minisnn as ms  # noqa: E402
from foreign_chains import Random, dense, leaky, pool, simulate, synaptic, tutorial  # noqa: E402
from minisnn import cli, nir as ours  # noqa: E402
from minisnn.training.presets import chosen  # noqa: E402
from minisnn.training.update import start_of  # noqa: E402

LAST = dict(readout="membrane")
quiet = pytest.mark.filterwarnings("ignore:.*does not say everything")


def told(graph, **given):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):  # of which Python would show the first alone
            checkpoint = ours.from_nir(graph, **given)
    texts = {str(one.message) for one in found}
    assert len(found) == 3 and len(texts) == 1 and found[0].filename == __file__
    return checkpoint, texts.pop()


def test_everything_that_a_graph_does_not_say_is_told_each_time():
    checkpoint, text = told(dense())
    for words in (
        "a step of 0.0001 s, of which every r is tau / dt, forward Euler",
        "to zero in the step of the spike, as nobody says otherwise",
        'snnTorch writes its default, reset_mechanism="subtract"',
        "above the threshold, none at the threshold itself",
        "the membrane of 'lif1' at the last step, not a count of its spikes",
        "all states are zero before the first step",
        "taken as they are (a gain of 1)",
        "the surrogate is 1 / (10 |u - threshold| + 1)^2, the last 30 steps are differentiated",
        "the reset has its gradient",
    ):
        assert words in text
    assert checkpoint.provenance["not said by the graph"] == [
        line.strip() for line in text.splitlines()[1:]
    ]
    assert "as you say; snnTorch" in told(dense(), reset="zero")[1]


def test_what_minisnn_wrote_says_it_all():
    for neuron in (ms.CubaLIF(), ms.LIF()):
        net = ms.SpikingNet((5,), (), 2, hidden=(3,), neuron=neuron, backend="numpy")
        graph = ours.to_nir(net, np.zeros(net.size))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ours.from_nir(graph)
            with pytest.raises(ValueError, match="says its reset and its readout itself; leave"):
                ours.from_nir(graph, reset="subtract")
        graph.metadata = {}
        assert "a step of 0.001 s, " in told(graph)[1]
    with pytest.raises(ValueError, match="no neuron with an immediate reset"):
        ours.from_nir(graph, reset="zero")


def test_the_step_is_that_of_which_r_is_tau():
    """As snnTorch and SpikingJelly write it: with another step the decay 0.9 of a Leaky would be
    0."""
    for step in (1e-4, 1e-3, 2.5e-5):
        assert told(dense(dt=step))[0].net.neuron.alpha == pytest.approx(0.9, abs=1e-6)
    found, text = told(dense(), dt=5e-5)
    assert (
        found.net.neuron.alpha == pytest.approx(0.95, abs=1e-6)
        and "as you say, though every r is tau / 0.0001 s" in text
    )
    graph = dense()
    for n in range(2):
        graph.nodes[f"lif{n}"].tau[...], graph.nodes[f"lif{n}"].r[...] = 2e-3, 1
    assert (
        told(graph)[1]
        .splitlines()[1]
        .startswith("  a step of 0.001 s, as nobody says otherwise (snnTorch")
    )


def test_last_neurons_that_fire():
    graph = dense(last=1.0)
    with pytest.raises(
        ValueError,
        match="'lif1' fires at 1; expected the last layer to integrate alone.*or readout membrane",
    ):
        ours.from_nir(graph)
    found, text = told(graph, **LAST)
    assert "its threshold of 1 is left out, it never fires" in text
    x = np.random.default_rng(1).poisson(0.5, (1, 20, 7))
    np.testing.assert_allclose(
        found.net(found.theta, x)[0], simulate(graph, x[0], 1e-4, "lif1")[1], rtol=1e-4
    )


@quiet
@pytest.mark.parametrize("pooling", (nir.AvgPool2d, nir.SumPool2d))
@pytest.mark.parametrize("kernel", (3, 5))
@pytest.mark.parametrize("neuron", (leaky, synaptic))
def test_networks_of_tutorials_come_in(neuron, kernel, pooling):
    graph = tutorial(neuron, kernel, pooling=pooling, image=(9, 12), last=1.0)
    found = ours.from_nir(graph, reset="zero", **LAST)
    x = np.random.default_rng(0).poisson(0.4, (1, 12, 9, 12, 1))
    spikes, membrane = simulate(graph, x[0].transpose(0, 3, 1, 2), 1e-4, "last")
    np.testing.assert_allclose(found.net(found.theta, x)[0], membrane, rtol=1e-4, atol=1e-4)
    assert all(0.01 < of.mean() < 0.99 for name, of in spikes.items() if name != "last")


@quiet
@pytest.mark.parametrize("made", (dict(padding=2, stride=2), dict(pooling=None), dict(kernel=3)))
def test_strides_and_layers_without_pooling_come_in(made):
    graph = tutorial(image=(17, 18), last=1.0, **made)
    found = ours.from_nir(graph, reset="zero", **LAST)
    x = np.random.default_rng(0).poisson(0.4, (1, 12, 17, 18, 1))
    spikes, membrane = simulate(graph, x[0].transpose(0, 3, 1, 2), 1e-4, "last")
    np.testing.assert_allclose(found.net(found.theta, x)[0], membrane, rtol=1e-4, atol=1e-4)
    assert all(0.01 < of.mean() < 0.99 for name, of in spikes.items() if name != "last")


def recurrent():
    graph = dense()
    graph.nodes["lif0"] = dense()
    return graph


def integrate_and_fire():
    graph = dense()
    one = np.ones(6)
    graph.nodes["lif0"] = nir.IF(r=one, v_threshold=one)
    return graph


@pytest.mark.parametrize(
    "make, words",
    [
        (
            lambda: tutorial(padding=0),
            r"'conv1' .*\(0, 0\)\); expected odd and square, .*half of the kernel \(padding='same'\)",
        ),
        (
            lambda: tutorial(first="pooling"),
            "'pool1' .*: pooling is behind 'conv1'; expected neurons between them",
        ),
        (recurrent, "'lif0.linear0' .*: a synapse is behind 'linear0'; expected neurons between"),
        (integrate_and_fire, "'lif0' is a IF"),
        (lambda: dense(beta=1 - 1e-9), "tau is inf|NaN, infinity|never fades"),
    ],
)
def test_networks_of_tutorials_that_are_no_network_here(make, words):
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=words):
        ours.from_nir(make(), **LAST)


# ---- a threshold that is subtracted


def subtracting(graph, x, neurons):
    """[spikes of every layer (T, K)], membranes of the last (T, K): snnTorch's recursion, mem =
    beta mem + syn - reset thr."""
    membranes, spikes = [], []
    for n, (alpha, beta) in enumerate(neurons):
        weight, level = (
            graph.nodes[f"linear{n}"].weight.astype(float),
            graph.nodes[f"lif{n}"].v_threshold.astype(float),
        )
        syn = mem = np.zeros(len(level))
        membranes, out = [], []
        for value in x:
            reset = mem > level
            syn = alpha * syn + weight @ value
            mem = beta * mem + syn - reset * level
            membranes.append(mem)
            out.append(mem > level)
        x = np.array(out, float)
        spikes.append(x)
    return spikes, np.array(membranes)


@quiet
@pytest.mark.parametrize("kind, alpha", ((leaky, 0.0), (synaptic, 0.75)))
def test_the_threshold_subtracted_is_a_network_of_lif(kind, alpha):
    """Two steps later a layer, spike for spike; decays that float32 holds."""
    constants = dict(beta=0.875, **({"alpha": alpha} if alpha else {}))
    graph = dense(kind, widths=(7, 6, 5, 3), last=0.5, **constants)
    found = ours.from_nir(graph, reset="subtract")
    net = found.net.like(dtype=np.float64, backend="numpy")
    assert isinstance(net.neuron, ms.LIF) and (
        net.neuron.beta,
        net.neuron.alpha,
        net.neuron.gamma,
    ) == (alpha, 0.875, 0.875)
    x = np.random.default_rng(4).poisson(0.5, (1, 40, 7))
    spikes, membranes = subtracting(graph, x[0].astype(float), 3 * [(alpha, 0.875)])
    for n in (1, 2):
        own = net.spikes(found.theta.astype(float), x, f"hidden{n}")[0]
        assert (own[2 * n :] == spikes[n - 1][: -2 * n]).all() and 0.1 < own.mean() < 0.9
    np.testing.assert_allclose(
        net(found.theta.astype(float), x)[0], membranes[40 - 6 - 1], rtol=1e-5, atol=1e-5
    )
    assert "6 steps before the last" in told(graph, reset="subtract")[1]


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: dense(last=1.0, bias=0.5), "'lif0' has a bias before it.*expected bias=False"),
        (
            lambda: dense(),
            "'lif1' fires at 1e.09, never, and reset subtract makes a network of LIF",
        ),
        (lambda: dense(last=-1.0), "'lif1' fires at -1, which reset subtract would add"),
        (
            lambda: tutorial(last=1.0),
            "means of spikes, and reset subtract .* expected no AvgPool2d",
        ),
    ],
)
def test_subtracting_what_lif_is_not(make, words):
    with pytest.raises(ValueError, match=words):
        ours.from_nir(make(), reset="subtract")


def test_arguments_that_are_none():
    for given, words in (
        (dict(reset="none"), "reset must be one of zero, subtract, not 'none'"),
        (dict(readout="count"), "readout must be one of membrane"),
        (dict(steps="midpoint"), "steps must be one of euler, exponential"),
        (dict(steps="exponential"), "read in Euler steps"),
        (dict(dt=0), "dt must be a positive time"),
        (dict(dt="1"), "dt must be a positive time"),
    ):
        with pytest.raises(ValueError, match=words):
            ours.from_nir(dense(), **given)
    for graph in (None, 3, "net.nir", {}):
        with pytest.raises(ValueError, match="expected a nir.NIRGraph, found"):
            ours.from_nir(graph)


@quiet
def test_snntorch_itself():
    """What its eight neurons become: the same by one way, another network by every other."""
    torch = pytest.importorskip(
        "torch", reason="PyTorch is not installed; see tests/other_tools.py"
    )
    snn = pytest.importorskip(
        "snntorch", reason="snnTorch is not installed; see tests/other_tools.py"
    )
    from snntorch.export_nir import export_to_nir

    torch.manual_seed(0)
    x = np.random.default_rng(0).poisson(0.3, (4, 50, 20))

    def network(kind, reset, delay, last):
        def neuron(k, threshold):
            decays = dict(
                beta=torch.full((k,), 0.875),
                **({"alpha": torch.full((k,), 0.75)} if kind == "Synaptic" else {}),
            )
            how = dict(reset_mechanism=reset, reset_delay=delay, init_hidden=True)
            return getattr(snn, kind)(**decays, threshold=torch.full((k,), threshold), **how)

        linear = [torch.nn.Linear(a, b, bias=False) for a, b in ((20, 30), (30, 4))]
        return torch.nn.Sequential(linear[0], neuron(30, 1.0), linear[1], neuron(4, last))

    def apart(module, graph, late=0, **given):
        found, there = ours.from_nir(graph, **given), []
        with torch.no_grad():
            for one in x:
                module[1].reset_mem(), module[3].reset_mem()
                for frame in one[: len(one) - late]:
                    module(torch.tensor(frame[None], dtype=torch.float32))
                there.append(module[3].mem.numpy().ravel().copy())
        return np.abs(np.array(there) - found.net(found.theta, x)).max() / np.abs(there).max()

    def written(module):
        with contextlib.redirect_stdout(io.StringIO()):
            return export_to_nir(module, torch.zeros(1, 20), ignore_dims=[0])

    for kind in ("Leaky", "Synaptic"):
        for reset in ("subtract", "zero"):
            for delay in (True, False):
                module = network(kind, reset, delay, 1e30)
                same = reset == "zero" and not (delay and kind == "Synaptic")
                off = apart(module, written(module), reset="zero")
                assert off < 1e-5 if same else off > 0.05, (kind, reset, delay)
        module = network(kind, "subtract", True, 1.0)
        assert apart(module, written(module), late=4, reset="subtract") < 1e-5


# ---- what was read as another network, or crashed


def changed(change, make=lambda: tutorial(image=(8, 8))):
    graph = make()
    change(graph)
    return graph


def between(graph, name, node, before, after):
    graph.nodes[name] = node
    graph.edges.remove((before, after))
    graph.edges.extend([(before, name), (name, after)])


def field(node, name, value):
    return lambda g: setattr(g.nodes[node], name, np.full(g.nodes[node].r.shape, value))


def integrator(g):
    node = g.nodes["lif2"]
    g.nodes["lif2"] = nir.LI(node.tau, node.r, node.v_leak)


WRONG = {
    "no reset in between": (
        integrator,
        "'lif2' .*: its threshold is none that is ever reached; expected neurons that fire",
    ),
    "never fires": (field("lif1", "v_threshold", 1e9), "'lif1' .*: its threshold is none"),
    "no output": (
        lambda g: (g.nodes.pop("output"), g.edges.pop()),
        "the graph ends in node 'last'.*expected one Output",
    ),
    "two outputs": (
        lambda g: between(g, "more", nir.Output(np.array([3])), "last", "output"),
        "ends in node 'output'",
    ),
    "pooled before all": (
        lambda g: between(g, "p", pool(), "input", "conv1"),
        "'p' .*: pooling is mean; expected one of an image",
    ),
    "pooled twice": (
        lambda g: between(g, "p", pool(), "pool1", "conv2"),
        "'p' .*: pooling is mean",
    ),
    "half flat": (
        lambda g: setattr(g.nodes["flatten"], "end_dim", 1),
        r"start_dim, end_dim is \(0, 1\); expected all of",
    ),
    "never flat": (
        lambda g: (g.nodes.pop("flatten"), g.edges.clear(), g.edges.extend(line(g))),
        "and a Flatten before it",
    ),
    "flat too early": (
        lambda g: between(
            g, "f", nir.Flatten({"input": np.array([4, 8, 8])}, 0, -1), "lif1", "pool1"
        ),
        "pooling",
    ),
    "r = 0": (field("lif1", "r", 0), "'lif1' .*: r is 0, so that nothing reaches its membrane"),
    "tau = 0": (field("lif1", "tau", 0), "'lif1' .*: tau is 0 s; expected a positive"),
    "tau < 0": (field("lif1", "tau", -1), "'lif1' .*: tau is -1 s; expected a positive"),
    "tau = inf": (field("lif1", "tau", np.inf), "'lif1' .*: tau is NaN, infinity"),
    "tau = NaN": (field("lif1", "tau", np.nan), "'lif1' .*: tau is NaN"),
    "tau without end": (
        field("lif1", "tau", 1e30),
        "'lif1' .*: tau is 1e.30 s, which never fades in steps of 0.0001 s",
    ),
    "tau of words": (field("lif1", "tau", "long"), "'lif1' .*: tau is NaN, infinity or no numbers"),
    "tau of nothing": (
        lambda g: setattr(g.nodes["lif1"], "tau", np.zeros((0,))),
        "'lif1' .*: tau is empty",
    ),
    "a threshold of NaN": (field("lif1", "v_threshold", np.nan), "'lif1' .*: v_threshold is NaN"),
    "thresholds of others": (
        lambda g: setattr(g.nodes["lif1"], "v_threshold", np.ones((4, 8, 7))),
        "v_threshold has shape",
    ),
    "a tau of others": (
        lambda g: setattr(g.nodes["lif1"], "tau", np.full((5, 8, 8), 1e-3)),
        "tau has shape",
    ),
    "complex weights": (
        lambda g: setattr(g.nodes["conv1"], "weight", g.nodes["conv1"].weight * 1j),
        "weight is NaN, infinity or no",
    ),
    "three strides": (
        lambda g: setattr(g.nodes["conv1"], "stride", (1, 1, 1)),
        r"stride is \[1, 1, 1\]; expected one or two",
    ),
    "no stride": (
        lambda g: setattr(g.nodes["conv1"], "stride", (0, 0)),
        r"stride, padding is \(\(0, 0\)",
    ),
    "a flat kernel": (
        lambda g: setattr(g.nodes["conv1"], "weight", np.ones((4, 1), np.float32)),
        "weight's shape is",
    ),
    "weights too large": (lambda g: g.nodes["linear"].weight.fill(3e38), "too large for float32"),
    "a circle": (
        lambda g: g.edges.append(("lif2", "conv1")),
        "'lif2' .* leads to 'conv1' and 'pool2'; expected one node",
    ),
    "a node of nobody": (
        lambda g: g.edges.append(("lif2", "ghost")),
        "an edge .*ghost.*; expected two of its nodes",
    ),
    "an edge twice": (lambda g: g.edges.append(g.edges[0]), "an edge twice"),
    "a shape of halves": (
        lambda g: g.nodes["input"].output_type.update(output=np.array([1.5, 8, 8])),
        "expected whole numbers",
    ),
    "four axes": (
        lambda g: g.nodes["input"].output_type.update(output=np.array([2, 1, 8, 8])),
        "expected .C, H, W. or one axis",
    ),
}


ODD = (
    0,
    -1.0,
    np.nan,
    np.inf,
    1e300,
    None,
    "x",
    b"y",
    [],
    [1, 2, 3],
    [[1], [2, 3]],
    1j,
    2**70,
    {},
    np.ones(50),
    "valid",
)


def damaged(rng):
    """A graph of this library's, of either neuron, with or without its metadata, and one or two
    things wrong."""
    neuron = (ms.CubaLIF, ms.LIF)[rng.integers(2)](0.8, 0.7, threshold=0.2)
    net = ms.SpikingNet(
        (4, 6, 2), (3,), 2, 3, neuron=neuron, pool=str(rng.choice(["max", "mean"])), backend="numpy"
    )
    graph = ours.to_nir(net, rng.standard_normal(net.size))
    graph.metadata = graph.metadata if rng.random() < 0.5 else {}
    for _ in range(rng.integers(1, 3)):
        names = list(graph.nodes)
        name = names[rng.integers(len(names))]
        what = rng.integers(10)
        held = list(vars(graph.nodes[name]))
        if what < 6:
            setattr(graph.nodes[name], held[rng.integers(len(held))], ODD[rng.integers(len(ODD))])
        elif what == 6 and held:
            delattr(graph.nodes[name], held[rng.integers(len(held))])
        elif what == 7:
            graph.edges.append((name, names[rng.integers(len(names))]))
        elif what == 8:
            graph.edges.pop(rng.integers(len(graph.edges)))
        else:
            graph.nodes.pop(name)
    return graph


def refused(seeds):
    """How many damaged graphs are refused; whatever is no ValueError is raised."""
    count = 0
    for seed in seeds:
        graph = damaged(np.random.default_rng(seed))
        try:
            assert np.isfinite(ours.from_nir(graph, dt=1e-3).theta).all()
        except ValueError:
            count += 1
    return count


@quiet
def test_damaged_graphs_are_refused_in_a_sentence():
    assert 40 < refused(range(60)) < 60


@quiet
@pytest.mark.slow
def test_many_damaged_graphs():
    assert 3000 < refused(range(1000, 6000)) < 5000


def line(graph):
    names = list(graph.nodes)
    return list(zip(names, names[1:]))


@pytest.mark.parametrize("fault", WRONG)
def test_what_would_be_another_network_is_named(fault):
    change, words = WRONG[fault]
    with pytest.raises(ValueError, match=words) as error:
        ours.from_nir(changed(change), dt=1e-4)
    assert "\n" not in str(error.value)


@quiet
def test_numbers_without_a_shape_and_of_float64():
    graph = dense()
    graph.nodes["linear1"].weight = graph.nodes["linear1"].weight.astype(np.float64) * (
        1 + 2.0**-40
    )
    graph = nir.NIRGraph(graph.nodes, graph.edges, type_check=False)
    for name in ("lif0", "lif1"):
        for of in ("tau", "r", "v_leak", "v_threshold", "v_reset"):
            node = graph.nodes[name]
            setattr(node, of, getattr(node, of)[0])
    found = ours.from_nir(graph)
    assert found.net.dtype == np.float64, "one float64 weight is enough to keep all of them"
    x = np.random.default_rng(1).poisson(0.5, (1, 20, 7))
    np.testing.assert_allclose(
        found.net(found.theta, x)[0], simulate(graph, x[0], 1e-4)[1], rtol=1e-6
    )


def differ(seeds):
    """How many random chains came in, and the seeds of those that are other networks then."""
    came, wrong = 0, []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        made = Random(rng)
        graph = made.graph()
        given = made.pick({}, LAST)
        try:
            found = ours.from_nir(graph, dt=made.dt, **given)
        except ValueError:
            continue
        came += 1
        net = found.net.like(dtype=np.float64, backend="numpy")
        x = rng.poisson(0.6, (1, 15, *net.input_shape))
        frames = x[0].transpose(0, 3, 1, 2) if x.ndim == 5 else x[0]
        membrane = simulate(graph, frames, made.dt, "last" if given else None)[1]
        if np.abs(net(found.theta.astype(float), x)[0] - membrane).max() > 1e-4 * max(
            1, np.abs(membrane).max()
        ):
            wrong.append(seed)
    return came, wrong


@quiet
def test_random_chains_come_in_as_they_are_or_not_at_all():
    came, wrong = differ(range(80))
    assert not wrong and came > 15


@quiet
@pytest.mark.slow
def test_many_random_chains():
    came, wrong = differ(range(1000, 6000))
    assert not wrong and came > 1500


# ---- bit for bit


def random_network(rng):
    """A network of either neuron and type with random constants, and its theta of all sizes."""
    alpha, beta, gamma = rng.uniform(0, 0.999, 3)
    alpha = 1 - 10.0 ** -rng.uniform(1, 12) if rng.random() < 0.2 else alpha
    gain, threshold = (
        float(np.exp(rng.uniform(-6, 6))),
        float(rng.choice([rng.uniform(0.01, 3), 0.0, -rng.uniform(0, 2)])),
    )
    rest = dict(threshold=threshold, gain=gain)
    cuba = rng.random() < 0.7
    neuron = (
        ms.CubaLIF(alpha, beta, **rest)
        if cuba
        else ms.LIF(alpha, beta, gamma, rng.uniform(0, 3), **rest)
    )
    sides = 2 * int(rng.integers(2, 5)), 2 * int(rng.integers(2, 5))
    image = rng.random() < 0.5
    shape = (
        dict(input_shape=(*sides, 2), channels=(3,))
        if image
        else dict(input_shape=int(rng.integers(1, 9)), channels=())
    )
    settings = dict(
        ways=3,
        kernel=3,
        pool=str(rng.choice(["max", "mean"])),
        hidden=(4,) if rng.random() < 0.5 else (),
    )
    dtype = np.float64 if rng.random() < 0.7 else np.float32
    net = ms.SpikingNet(**shape, **settings, neuron=neuron, dtype=dtype, backend="numpy")
    theta = rng.standard_normal(net.size) * 10.0 ** rng.uniform(-4, 4, net.size)
    return net, theta.astype(dtype), (str(rng.choice([*ours.TOOLS, ""])) or None) if cuba else None


def come_back(seeds, path):
    kept = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        net, theta, tool = random_network(rng)
        graph = ours.to_nir(
            net, theta, tool=tool, dt=float(rng.choice([1e-3, rng.uniform(1e-5, 1)]))
        )
        if path is not None:
            nir.write(path, graph)
        found = ours.from_nir(graph) if path is None else ours.import_nir(path)
        assert (
            found.theta.tobytes() == theta.tobytes()
            and found.net.configuration() == net.configuration()
        ), seed
        kept += "theta" in graph.metadata
    return kept


def test_every_network_comes_back_bit_for_bit(tmp_path):
    assert come_back(range(25), None) > 3, (
        "of float64 some are not what division makes of a product"
    )
    come_back(range(100, 102), tmp_path / "net.nir")


@pytest.mark.slow
def test_hundreds_of_networks_come_back_bit_for_bit(tmp_path):
    come_back(range(1000, 1600), tmp_path / "net.nir")


def test_weights_that_somebody_changed_are_those_that_come_back():
    """The theta in the metadata is that of the weights beside it, or it is not taken."""
    net = ms.SpikingNet(
        5,
        (),
        2,
        hidden=(3,),
        neuron=ms.CubaLIF(0.7, 0.6, gain=3.0),
        dtype=np.float64,
        backend="numpy",
    )
    theta = np.random.default_rng(0).standard_normal(net.size)
    graph = ours.to_nir(net, theta)
    assert "theta" in graph.metadata
    graph.nodes["readout_synapse"].bias[1] += 1
    found = ours.from_nir(graph).theta
    assert np.flatnonzero(np.abs(found - theta) > 1e-12).tolist() == [net.size - 1]
    for damaged in (theta[1:], theta * np.nan, theta.astype(str)):
        graph.metadata["theta"] = damaged
        with pytest.raises(
            ValueError, match=f"metadata: theta is .*; expected {net.size} finite numbers"
        ):
            ours.from_nir(graph)


# ---- by command


def trained_on_with(shown):
    return next(
        one for one in shown.splitlines() if one.startswith("train it on with: minisnn ")
    ).split("minisnn ", 1)[1]


def to_train(shown, path):
    """The network of the settings that a printed command line asks for, from the checkpoint that it
    starts from."""
    words = shlex.split(trained_on_with(shown))
    args = cli.parsed(words)
    config = chosen(
        None, {name: vars(args)[name] for name in args.given & set(vars(chosen(None, {})))}
    )
    assert not set(config.idle()) & args.given, "a flag that does nothing is refused"
    shape = ms.read(path).net.input_shape
    net = ms.SpikingNet.from_configuration(config.network(shape))
    return net, start_of(config, net)


@pytest.mark.parametrize(
    "given", ((), ("--reset", "subtract"), ("--reset", "zero", "--readout", "membrane"))
)
def test_by_command(given, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nir.write("theirs.nir", dense(widths=(7, 6, 4), last=1.0 if given else 1e9))
    assert cli.main(["nir", "import", "theirs.nir", "mine.h5", *given]) == 0
    shown = capsys.readouterr().out
    for words in (
        "theirs.nir does not say everything; taken were:",
        "the reset: ",
        "a step of 0.0001 s",
        "the logits: ",
    ):
        assert words in shown
    assert (
        shown.count("4 a step") == 0 and "your own set of tasks with samples of 7 a step" in shown
    )
    net, found = to_train(
        shown.replace("FILE.py:NAME, your own set of tasks with samples of 7 a step", "own"),
        "mine.h5",
    )
    assert (
        net.configuration() == ms.read("mine.h5").net.configuration()
        and found.theta.size == net.size
    )
    assert cli.main(["nir", "export", "mine.h5", "back.nir", "--reset", "zero"]) == 2
    assert "--reset would do nothing in an export" in capsys.readouterr().err
    assert cli.main(["nir", "export", "mine.h5", "back.nir"]) == 0
    shown = capsys.readouterr().out
    assert (
        "NIR does not say everything" in shown
        and "the surrogate is 1 / (10" in shown
        and "all states are zero" in shown
    )


@pytest.mark.parametrize(
    "shape, more",
    (((16, 32, 2), ""), ((8, 12, 2), " --dataset recordings --root FOLDER --size 8,12")),
)
@pytest.mark.parametrize(
    "settings",
    (
        dict(
            neuron=ms.CubaLIF(0.75, 0.5, 0.25, 5.0, 3.0),
            pool="mean",
            window=7,
            dtype=np.float64,
            backend="numpy",
        ),
        dict(neuron=ms.LIF(0.75, 0.5, 0.25, 2.0, 0.125), kernel=3, detach_reset=True, hidden=(6,)),
    ),
)
def test_the_line_that_trains_on_is_of_the_same_network(
    shape, more, settings, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    net = ms.SpikingNet(shape, (3, 4), 3, **settings)
    ms.save("a.h5", net, np.random.default_rng(0).standard_normal(net.size).astype(net.dtype))
    assert cli.main(["nir", "export", "a.h5", "a.nir"]) == 0
    assert cli.main(["nir", "import", "a.nir", "b.h5"]) == 0
    shown = capsys.readouterr().out
    assert trained_on_with(shown).endswith(more) and "does not say everything; taken" not in shown
    again, found = to_train(shown, "b.h5")
    assert again.configuration() == net.configuration() == found.net.configuration()


@pytest.mark.slow
def test_the_line_that_trains_on_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["nir", "export", "double_nmnist_cuba.h5", "a.nir", "--for", "snntorch"]) == 0
    graph = nir.read("a.nir")
    graph.metadata = {}
    nir.write("b.nir", graph)
    for name in ("a", "b"):
        capsys.readouterr()
        assert cli.main(["nir", "import", f"{name}.nir", f"{name}.h5"]) == 0
        words = shlex.split(trained_on_with(capsys.readouterr().out))
        short = "--updates 1 --test-episodes 1 --evaluate-every 0 --queries 1 --quiet --out".split()
        assert cli.main([*words, *short, f"run-{name}"]) == 0


def test_the_room_is_there_without_the_library(monkeypatch):
    """ms.nir completes, so it is there; what needs the library says how to install it."""
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    assert {"import_nir", "export_nir", "from_nir", "to_nir", "unsaid"} <= set(dir(ms.nir))
    for call in (
        lambda: ms.nir.from_nir(None),
        lambda: ms.nir.import_nir("net.nir"),
        lambda: ms.nir.to_nir(None, None),
    ):
        with pytest.raises(ValueError, match=r'install it with: pip install "minisnn\[nir\]"'):
            call()
