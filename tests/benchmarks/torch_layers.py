"""Networks of `layers` in PyTorch, LIF neurons: strides, recurrent layers, learned constants; one
linear map a layer and time step, automatic differentiation twice.

Written as a user of PyTorch would write it, to be timed beside minisnn and to agree with it. Needs
torch (CPU).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch_peer import Spike


def parameters(net, theta: np.ndarray, dtype=np.float32) -> dict[str, torch.Tensor]:
    """minisnn's theta by the names of `net.views`, conv weights as OIHW, leaves of a graph."""
    found = {}
    for name, array in net.views(theta).items():
        array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
        found[name] = torch.from_numpy(np.array(array, dtype)).requires_grad_()
    return found


def flat(net, gradients: dict[str, torch.Tensor]) -> np.ndarray:
    """PyTorch's gradients in minisnn's order."""
    out = []
    for p in net.layout:
        g = gradients[p.name].detach().numpy()
        out.append((g.transpose(2, 3, 1, 0) if g.ndim == 4 else g).ravel())
    return np.concatenate(out)


def tensors(net, task, dtype=np.float32) -> dict[str, torch.Tensor]:
    """What `meta_gradient` takes: samples as (B, T, C, H, W), or (B, T, features)."""
    found = {}
    for part in ("support", "query"):
        x = getattr(task, f"x_{part}").astype(dtype)
        x = x.transpose(0, 1, 4, 2, 3) if x.ndim == 5 else x
        found[f"x_{part}"] = torch.from_numpy(np.ascontiguousarray(x))
        found[f"y_{part}"] = torch.from_numpy(getattr(task, f"y_{part}"))
    return found


def logits(net, w: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The readout's membrane at the last step."""
    n, T = net.neuron, x.shape[1]
    states: list = [None] * len(net.blocks)
    for t in range(T):
        if t and t == T - net.window:
            states = [tuple(z.detach() for z in s) for s in states]
        with torch.set_grad_enabled(torch.is_grad_enabled() and t >= T - net.window):
            s = n.gain * x[:, t]
            for layer, b in enumerate(net.blocks):
                states[layer], s = _step(n, b, w, states[layer], s)
    return s


def _step(n, b, w, state, s):
    """(state, what the layer hands on; of the readout u) after a step."""
    weight, bias = w[f"{b.name}.weight"], w[f"{b.name}.bias"]
    alpha, beta, gamma = (
        torch.sigmoid(w[f"{b.name}.{name}"]) if name in b.learn else getattr(n, name)
        for name in ("alpha", "beta", "gamma")
    )
    if weight.ndim == 2 and s.ndim == 4:
        s = s.permute(0, 2, 3, 1).flatten(1)
    zero = torch.zeros(())
    p, q, r, z, zq = state or (torch.zeros_like(s), torch.zeros_like(s), zero, zero, zero)
    if weight.ndim == 4:
        u = F.conv2d(p, weight, bias, stride=b.stride, padding=weight.shape[-1] // 2)
    else:
        u = p @ weight + bias
    if b.recurrent and z.ndim:
        u = u + z @ w[f"{b.name}.recurrent"]
    u = u - n.rho * r
    fired = Spike.apply(u - n.threshold, n.slope)
    state = (
        alpha * p + (1 - alpha) * q,
        beta * q + (1 - beta) * s,
        gamma * r + (1 - gamma) * fired,
        alpha * z + (1 - alpha) * zq if b.recurrent else z,
        beta * zq + (1 - beta) * fired if b.recurrent else zq,
    )
    if b.readout:
        return state, u
    if b.pool == "none":
        return state, fired
    pool = F.max_pool2d if b.pool == "max" else F.avg_pool2d
    return state, Spike.apply(pool(u, 2) - n.threshold, n.slope)


def meta_gradient(net, weights, task, step_size=1.0):
    """(query loss, gradients by name) of second-order MAML with one step, which leaves learned
    constants alone."""
    moving = [name for name in weights if name.split(".")[1] in ("weight", "bias", "recurrent")]
    loss = F.cross_entropy(logits(net, weights, task["x_support"]), task["y_support"])
    moved = torch.autograd.grad(loss, [weights[name] for name in moving], create_graph=True)
    adapted = dict(weights)
    for name, g in zip(moving, moved):
        adapted[name] = weights[name] - step_size * g
    loss = F.cross_entropy(logits(net, adapted, task["x_query"]), task["y_query"])
    gradients = torch.autograd.grad(loss, list(weights.values()))
    return loss.item(), dict(zip(weights, gradients))
