"""Graphs from other tools: what a file does not say is asked for or shown, what comes in is the same
network, or is refused."""

import warnings

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra minisnn[nir]")

import minisnn as ms  # noqa: E402
from foreign_chains import at_random, dense, leaky, pool, synaptic, tutorial  # noqa: E402
from minisnn.nir import from_nir  # noqa: E402
from nir_simulator import simulate  # noqa: E402

LAST = dict(readout="membrane")
quiet = pytest.mark.filterwarnings("ignore:.*does not say everything")


def told(graph, **given):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):  # of which Python would show the first alone
            checkpoint = from_nir(graph, **given)
    texts = {str(one.message) for one in found}
    assert len(found) == 3 and len(texts) == 1 and found[0].filename == __file__
    return checkpoint, texts.pop()


def test_everything_that_a_graph_does_not_say_is_shown_each_time():
    checkpoint, text = told(dense())
    assert "0.0001 s" in text and "subtract" in text and "slope" not in text
    assert checkpoint.provenance["not said by the graph"] == [
        line.strip() for line in text.splitlines()[1:]
    ]


def test_the_step_is_that_of_which_r_is_tau():
    """As snnTorch and SpikingJelly write it: with another step the decay 0.9 of a Leaky would be
    0."""
    for step in (1e-4, 1e-3, 2.5e-5):
        assert told(dense(dt=step))[0].net.neuron.alpha == pytest.approx(0.9, abs=1e-6)
    found, text = told(dense(), dt=5e-5)
    assert found.net.neuron.alpha == pytest.approx(0.95, abs=1e-6)
    assert "as you say, though every r is tau / 0.0001 s" in text


@quiet
@pytest.mark.parametrize(
    "made",
    (
        dict(kernel=3, pooling=nir.SumPool2d),
        dict(neuron=synaptic, kernel=5, image=(9, 12)),
        dict(padding=2, stride=2, image=(17, 18)),
        dict(pooling=None),
    ),
)
def test_networks_of_tutorials_come_in(made, rng):
    graph = tutorial(**{"image": (9, 12), **made}, last=1.0)
    found = from_nir(graph, reset="zero", **LAST)
    x = rng.poisson(0.4, (1, 12, *found.net.input_shape))
    spikes, membranes = simulate(graph, x[0].transpose(0, 3, 1, 2), 1e-4, "last")
    logits = found.net(found.theta, x)[0]
    np.testing.assert_allclose(logits, membranes["last"], rtol=1e-4, atol=1e-4)
    assert all(0.01 < of.mean() < 0.99 for name, of in spikes.items() if name != "last")


# ---- a threshold that is subtracted


def subtracting(graph, x, neurons):
    """[spikes of every layer (T, K)], membranes of the last (T, K): snnTorch's recursion, mem =
    beta mem + syn - reset thr."""
    membranes = []
    spikes = []
    for n, (alpha, beta) in enumerate(neurons):
        weight = graph.nodes[f"linear{n}"].weight.astype(float)
        level = graph.nodes[f"lif{n}"].v_threshold.astype(float)
        syn = mem = np.zeros(len(level))
        membranes = []
        out = []
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
    found = from_nir(graph, reset="subtract")
    net = found.net.like(dtype=np.float64, backend="numpy")
    assert isinstance(net.neuron, ms.LIF) and (
        net.neuron.beta,
        net.neuron.alpha,
        net.neuron.gamma,
    ) == (alpha, 0.875, 0.875)
    x = np.random.default_rng(4).poisson(0.5, (1, 40, 7))
    spikes, membranes = subtracting(graph, x[0].astype(float), 3 * [(alpha, 0.875)])
    for n in (1, 2):
        own = net.spikes(found.theta.astype(float), x, f"dense{n}")[0]
        assert (own[2 * n :] == spikes[n - 1][: -2 * n]).all() and 0.1 < own.mean() < 0.9
    np.testing.assert_allclose(
        net(found.theta.astype(float), x)[0], membranes[40 - 6 - 1], rtol=1e-5, atol=1e-5
    )
    assert "6 silent steps" in told(graph, reset="subtract")[1]
    longer = np.concatenate([x, np.zeros((1, 6, 7), x.dtype)], 1)
    logits = net(found.theta.astype(float), longer)[0]
    np.testing.assert_allclose(logits, membranes[-1], rtol=1e-5, atol=1e-5)


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


def leak(g):
    """An LI as a graph's first neurons are."""
    node = g.nodes["lif1"]
    return nir.LI(node.tau, node.r, node.v_leak)


def integrator(g):
    node = g.nodes["lif2"]
    g.nodes["lif2"] = nir.LI(node.tau, node.r, node.v_leak)


WRONG = {
    "no reset in between": (integrator, "lif2"),
    "never fires": (field("lif1", "v_threshold", 1e9), "lif1"),
    "no output": (lambda g: (g.nodes.pop("output"), g.edges.pop()), "Output"),
    "pooled before all": (lambda g: between(g, "p", pool(), "input", "conv1"), "'p'"),
    "never flat": (
        lambda g: (g.nodes.pop("flatten"), g.edges.clear(), g.edges.extend(line(g))),
        "Flatten",
    ),
    "two synapses": (
        lambda g: (
            between(g, "a", leak(g), "conv1", "lif1"),
            between(g, "b", leak(g), "a", "lif1"),
        ),
        "'b'",
    ),
    "groups": (lambda g: setattr(g.nodes["conv2"], "groups", 2), "groups"),
    "a width": (lambda g: setattr(g.nodes["linear"], "weight", np.ones((3, 7))), "weight's shape"),
    "weights too large": (lambda g: g.nodes["linear"].weight.fill(3e38), "too large"),
    "two inputs": (lambda g: g.nodes.update(more=nir.Input(np.array([3]))), "inputs"),
    "four axes": (
        lambda g: g.nodes["input"].output_type.update(output=np.array([2, 1, 8, 8])),
        "shape",
    ),
}


def line(graph):
    names = list(graph.nodes)
    return list(zip(names, names[1:]))


@pytest.mark.parametrize("fault", WRONG)
def test_what_would_be_another_network_is_named(fault):
    change, words = WRONG[fault]
    with pytest.raises(ValueError, match=words):
        from_nir(changed(change), dt=1e-4)


def differ(seeds):
    """How many random chains came in, and the seeds of those that are other networks then."""
    came, wrong = 0, []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        graph, dt = at_random(rng)
        given = {} if rng.random() < 0.5 else LAST
        try:
            found = from_nir(graph, dt=dt, reset="zero", **given)
        except ValueError:
            continue
        came += 1
        net = found.net.like(dtype=np.float64, backend="numpy")
        x = rng.poisson(0.6, (1, 15, *net.input_shape))
        frames = x[0].transpose(0, 3, 1, 2) if x.ndim == 5 else x[0]
        last = [name for name, node in graph.nodes.items() if hasattr(node, "v_threshold")][-1]
        membrane = simulate(graph, frames, dt, last if given else None)[1][last].ravel()
        off = np.abs(net(found.theta.astype(float), x)[0] - membrane).max()
        wrong += [seed] * bool(off > 1e-4 * max(1, np.abs(membrane).max()))
    return came, wrong


@quiet
def test_random_chains_come_in_as_they_are_or_not_at_all():
    came, wrong = differ(range(60))
    assert not wrong and came > 15


# ---- loops


def heard(bias=None, nested=False, li=False):
    """Two layers, the first of which hears itself: by a Linear or an Affine, in a graph inside the
    graph as snnTorch has it, or from an LIF to the LI before it as Norse has it."""
    graph = dense(synaptic, widths=(6, 5, 3), last=1e9)
    weight = np.random.default_rng(9).standard_normal((5, 5)).astype(np.float32)
    back = nir.Linear(weight) if bias is None else nir.Affine(weight, np.full(5, bias, np.float32))
    nodes = dict(graph.nodes)
    edges = [tuple(edge) for edge in graph.edges]
    node = nodes["lif0"]
    if nested:
        k = np.array([5])
        nodes["lif0"] = nir.NIRGraph(
            {"input": nir.Input(k), "lif": node, "w_rec": back, "output": nir.Output(k)},
            [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
        )
        return nir.NIRGraph(nodes, edges)
    nodes["back"] = back
    entrance = "lif0"
    if li:
        nodes["li"] = nir.LI(tau=node.tau_syn, r=node.w_in, v_leak=node.v_leak)
        nodes["lif0"] = nir.LIF(
            tau=node.tau_mem,
            r=node.r,
            v_leak=node.v_leak,
            v_threshold=node.v_threshold,
            v_reset=node.v_reset,
        )
        edges = [(a, "li" if b == "lif0" else b) for a, b in edges] + [("li", "lif0")]
        entrance = "li"
    return nir.NIRGraph(nodes, [*edges, ("lif0", "back"), ("back", entrance)])


@quiet
def test_a_loop_is_the_same_however_it_is_written():
    plain = from_nir(heard())
    assert plain.net.blocks[0].recurrent
    x = np.random.default_rng(3).poisson(0.5, (2, 20, 6))
    for how in (dict(nested=True), dict(li=True)):
        found = from_nir(heard(**how))
        np.testing.assert_allclose(found.net(found.theta, x), plain.net(plain.theta, x), atol=1e-6)
    biased = from_nir(heard(bias=0.5))
    views = biased.net.views(biased.theta - plain.theta)
    assert views["dense1.bias"].all()
    assert not views["dense1.recurrent"].any()


LOOPS = {
    "heard twice": lambda g: (
        g.nodes.update(more=nir.Linear(np.ones((5, 5)))),
        g.edges.extend([("lif0", "more"), ("more", "lif0")]),
    ),
    "without weights": lambda g: g.edges.append(("lif0", "lif0")),
    "of others": lambda g: setattr(g.nodes["back"], "weight", np.ones((4, 4))),
    "no square": lambda g: setattr(g.nodes["back"], "weight", np.ones((5, 4))),
    "NaN": lambda g: g.nodes["back"].weight.fill(np.nan),
    "from above": lambda g: g.edges.append(("lif1", "back")),
    "of the readout": lambda g: (
        g.nodes.update(more=nir.Linear(np.ones((3, 3)))),
        g.edges.extend([("lif1", "more"), ("more", "lif1")]),
    ),
}


@pytest.mark.parametrize("fault", LOOPS)
def test_loops_that_are_none_are_named(fault):
    graph = heard()
    LOOPS[fault](graph)
    with pytest.raises(ValueError, match="lif0|lif1|back"):
        from_nir(graph)
