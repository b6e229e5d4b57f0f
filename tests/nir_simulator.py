"""A simulator of NIR graphs that knows nothing of minisnn: the primitives' equations as the format
defines them, one time step after another. Edges into a node add up."""

import nir
import numpy as np

TWO = (nir.CubaLIF, nir.CubaLI)  # filters; LIF and LI have one


def apply(node, x):
    """A node without a state."""
    if isinstance(node, nir.Flatten):
        first = node.start_dim % x.ndim
        last = node.end_dim % x.ndim
        return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])
    if isinstance(node, (nir.Affine, nir.Linear)):
        return x @ node.weight.astype(float).T + getattr(node, "bias", 0.0)
    if isinstance(node, (nir.AvgPool2d, nir.SumPool2d)):
        channels, h, w = x.shape
        four = x[:, : h // 2 * 2, : w // 2 * 2].reshape(channels, h // 2, 2, w // 2, 2)
        return four.sum((2, 4)) if isinstance(node, nir.SumPool2d) else four.mean((2, 4))
    if isinstance(node, nir.Conv2d):
        k, padding = node.weight.shape[2], node.padding
        padding = dict(same=k // 2, valid=0)[padding] if isinstance(padding, str) else padding
        (top, left) = np.broadcast_to(padding, 2)
        (down, right) = np.broadcast_to(node.stride, 2)
        x = np.pad(x, [(0, 0), (top, top), (left, left)])
        weight = node.weight.astype(float)
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (1, 2))[:, ::down, ::right]
        return np.einsum("chwij,ocij->ohw", windows, weight) + node.bias[:, None, None]
    assert isinstance(node, nir.Output), node
    return x


def simulate(graph: nir.NIRGraph, x: np.ndarray, dt: float, silent: str | None = None):
    """({neurons: their spikes (T, …)}, {neurons: their membrane at the last step, before its reset})
    of Euler steps, all nodes within a step; what comes round a loop is of the step before. `silent`
    never fires."""
    sources = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
    (output,) = [name for name, node in graph.nodes.items() if isinstance(node, nir.Output)]
    state: dict[str, tuple] = {}
    spikes: dict[str, list] = {}
    membranes: dict[str, np.ndarray] = {}
    before: dict[str, np.ndarray] = {}

    def fired(name, node, x):
        i, v = state.get(name, (0.0, 0.0))
        i = i + dt / np.asarray(node.tau_syn) * (node.w_in * x - i) if isinstance(node, TWO) else x
        tau = np.asarray(node.tau_mem if isinstance(node, TWO) else node.tau, float)
        membranes[name] = v = v + dt / tau * (node.v_leak - v + node.r * i)
        if not hasattr(node, "v_threshold"):
            state[name] = (i, v)
            return v
        out = (v > node.v_threshold) & (name != silent)
        spikes.setdefault(name, []).append(out)
        state[name] = (i, np.where(out, node.v_reset, v))
        return out.astype(float)

    def value(name, frame, now, busy):
        if name in busy and name not in now:  # a loop
            return before.get(name, np.zeros(next(iter(graph.nodes[name].output_type.values()))))
        if name not in now:
            node = graph.nodes[name]
            given = [value(one, frame, now, {*busy, name}) for one in sources[name]]
            kind = fired if hasattr(node, "v_leak") else lambda _, *x: apply(*x)
            now[name] = frame if isinstance(node, nir.Input) else kind(name, node, sum(given))
        return now[name]

    for frame in np.asarray(x, float):
        now: dict[str, np.ndarray] = {}
        value(output, frame, now, set())
        before = now
    return {name: np.array(of) for name, of in spikes.items()}, membranes
