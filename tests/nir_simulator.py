"""A simulator of NIR graphs that knows nothing of minisnn: the primitives' equations as the format
defines them, one time step after another. Edges into a node add up."""

import nir
import numpy as np


def apply(node, x):
    """A node without a state."""
    if isinstance(node, nir.Output):
        return x
    if isinstance(node, nir.Flatten):
        return x.reshape(node.output_type["output"])
    if isinstance(node, nir.Affine):
        return node.weight.astype(float) @ x + node.bias
    if isinstance(node, nir.Linear):
        return node.weight.astype(float) @ x
    if isinstance(node, (nir.AvgPool2d, nir.SumPool2d)):
        channels, h, w = x.shape
        four = x[:, : h // 2 * 2, : w // 2 * 2].reshape(channels, h // 2, 2, w // 2, 2)
        return four.sum((2, 4)) if isinstance(node, nir.SumPool2d) else four.mean((2, 4))
    assert isinstance(node, nir.Conv2d), node
    (h, w), (down, right) = node.padding, node.stride
    x, weight = np.pad(x, [(0, 0), (h, h), (w, w)]), node.weight.astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (1, 2))
    windows = windows[:, ::down, ::right]
    return np.einsum("chwij,ocij->ohw", windows, weight) + node.bias[:, None, None]


def simulate(graph: nir.NIRGraph, x: np.ndarray, dt: float):
    """({CubaLIF: its spikes (T, …)}, {it: its membrane at the last step, before its reset}) of Euler
    steps, all nodes within a step; what comes round a loop is of the step before."""
    sources = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
    state: dict[str, tuple] = {}
    spikes: dict[str, list] = {}
    membranes: dict[str, np.ndarray] = {}
    before: dict[str, np.ndarray] = {}
    (output,) = graph.outputs

    for frame in np.asarray(x, float):
        now: dict[str, np.ndarray] = {}
        busy: set[str] = set()

        def value(name, frame=frame, now=now, busy=busy):
            if name not in now:
                busy.add(name)
                node = graph.nodes[name]
                given = [
                    before.get(s, 0 * value_of_shape(graph, s)) if s in busy else value(s)
                    for s in sources[name]
                ]
                now[name] = frame if isinstance(node, nir.Input) else fired(name, node, sum(given))
                busy.discard(name)
            return now[name]

        def fired(name, node, x):
            if not isinstance(node, nir.CubaLIF):
                return apply(node, x)
            i, v = state.get(name, (0.0, 0.0))
            i = i + dt / node.tau_syn * (node.w_in * x - i)
            v = v + dt / node.tau_mem * (node.v_leak - v + node.r * i)
            membranes[name] = v
            out = (v > node.v_threshold).astype(float)
            spikes.setdefault(name, []).append(out)
            state[name] = (i, np.where(out > 0, node.v_reset, v))
            return out

        value(output)
        before = now
    return {name: np.array(of) for name, of in spikes.items()}, membranes


def value_of_shape(graph, name):
    """An array as a node puts out."""
    return np.ones(next(iter(graph.nodes[name].output_type.values())))
