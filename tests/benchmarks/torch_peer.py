"""The same network and meta-gradient in PyTorch: one convolution a time step, or one a layer;
automatic differentiation twice.

Written as a user of PyTorch would write it, to be timed beside minisnn and to agree with it. Needs
torch (CPU).
"""

import numpy as np
import torch
import torch.nn.functional as F


class Spike(torch.autograd.Function):
    """Heaviside forward, 1 / (slope |a| + 1)^2 backward, itself differentiable."""

    @staticmethod
    def forward(ctx, a, slope):
        ctx.save_for_backward(a)
        ctx.slope = slope
        return (a >= 0).to(a.dtype)

    @staticmethod
    def backward(ctx, grad):
        (a,) = ctx.saved_tensors
        return grad / (ctx.slope * a.abs() + 1) ** 2, None


def parameters(net, theta: np.ndarray) -> list[torch.Tensor]:
    """minisnn's flat theta as PyTorch tensors (OIHW, and features in C, H, W order)."""
    tensors, features = [], net.blocks[-2].output_shape if len(net.blocks) > 1 else None
    for name, array in net.views(theta).items():
        if array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        elif name == "readout.weight" and features:
            array = array.reshape(*features, -1).transpose(3, 2, 0, 1).reshape(array.shape[1], -1)
        elif array.ndim == 2:
            array = array.T
        tensors.append(torch.from_numpy(np.ascontiguousarray(array)).requires_grad_())
    return tensors


def flat(net, gradients) -> np.ndarray:
    """PyTorch's gradients in minisnn's order."""
    features, out = net.blocks[-2].output_shape, []
    for p, g in zip(net.layout, gradients):
        g = g.detach().numpy()
        if g.ndim == 4:
            g = g.transpose(2, 3, 1, 0)
        elif p.name == "readout.weight":
            H, W, C = features
            g = g.reshape(-1, C, H, W).transpose(2, 3, 1, 0)
        out.append(g.ravel())
    return np.concatenate(out)


def images(x: np.ndarray, dtype=np.float32) -> torch.Tensor:
    """(B, T, H, W, C) counts -> (B, T, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 1, 4, 2, 3)).astype(dtype))


def tensors(task, dtype=np.float32) -> dict:
    """What `meta_gradient` takes."""
    found = {name: images(getattr(task, name), dtype) for name in ("x_support", "x_query")}
    return found | {
        name: torch.from_numpy(getattr(task, name)) for name in ("y_support", "y_query")
    }


def logits(net, weights, x: torch.Tensor) -> torch.Tensor:
    """The readout's membrane at the last step; only the last `window` steps are recorded for
    gradients."""
    n, T = net.neuron, x.shape[1]
    pool = F.max_pool2d if net.pool == "max" else F.avg_pool2d
    if not hasattr(n, "gamma"):
        return _logits_of_cuba(net, weights, x, pool)
    state = [None] * len(net.blocks)
    for t in range(T):
        if t == T - net.window:
            state = [tuple(z.detach() for z in s) for s in state]
        with torch.set_grad_enabled(torch.is_grad_enabled() and t >= T - net.window):
            s = n.gain * x[:, t]
            for layer, (w, b) in enumerate(zip(weights[::2], weights[1::2])):
                if w.ndim == 2:
                    s = s.flatten(1)
                p, q, r = state[layer] or (torch.zeros_like(s), torch.zeros_like(s), 0.0)
                u = (
                    F.conv2d(p, w, b, padding=w.shape[-1] // 2)
                    if w.ndim == 4
                    else F.linear(p, w, b)
                )
                u = u - n.rho * r
                fired = Spike.apply(u - n.threshold, n.slope)
                state[layer] = (
                    n.alpha * p + (1 - n.alpha) * q,
                    n.beta * q + (1 - n.beta) * s,
                    n.gamma * r + (1 - n.gamma) * fired,
                )
                if layer < len(net.blocks) - 1:
                    s = Spike.apply(pool(u, 2) - n.threshold, n.slope)
    return u


def _logits_of_cuba(net, weights, x, pool) -> torch.Tensor:
    """The same of `CubaLIF`: u_t = alpha v_{t-1} + (1 - alpha) i_t with i_t = W q_t + b c_t, q and
    c the filtered x and 1; v_t = u_t (1 - s_t). The readout's u is W p_t + b d_t, filtered once
    more."""
    n, T, last = net.neuron, x.shape[1], len(net.blocks) - 1
    state, c, d = [None] * len(net.blocks), 0.0, 0.0
    for t in range(T):
        if t == T - net.window:
            state = [tuple(z.detach() for z in s) for s in state]
        c = n.beta * c + 1 - n.beta
        d = n.alpha * d + (1 - n.alpha) * c
        with torch.set_grad_enabled(torch.is_grad_enabled() and t >= T - net.window):
            s = n.gain * x[:, t]
            for layer, (w, b) in enumerate(zip(weights[::2], weights[1::2])):
                s = s.flatten(1) if w.ndim == 2 else s
                q, v = state[layer] or (torch.zeros_like(s), torch.zeros(()))
                q = n.beta * q + (1 - n.beta) * s
                if layer == last:
                    v = n.alpha * v + (1 - n.alpha) * q  # of the readout p, behind both filters
                    state[layer], u = (q, v), F.linear(v, w) + b * d
                    continue
                current = F.conv2d(q, w, padding=w.shape[-1] // 2) + (b * c)[:, None, None]
                u = n.alpha * v + (1 - n.alpha) * current
                fired = Spike.apply(u - n.threshold, n.slope)
                state[layer] = q, u * (1 - fired)
                s = (
                    Spike.apply(pool(u, 2) - n.threshold, n.slope)
                    if net.pool == "max"
                    else pool(fired, 2)
                )
    return u


def logits_by_layers(net, weights, x: torch.Tensor) -> torch.Tensor:
    """The same numbers with one convolution a layer over all steps, and elementwise loops over
    time."""
    n, T = net.neuron, x.shape[1]
    pool = F.max_pool2d if net.pool == "max" else F.avg_pool2d
    if not hasattr(n, "gamma"):
        return _logits_of_cuba_by_layers(net, weights, x, pool)
    state = [None] * len(net.blocks)
    for begin, end in ((0, T - net.window), (T - net.window, T)):
        with torch.set_grad_enabled(torch.is_grad_enabled() and end == T):
            s = n.gain * x[:, begin:end]
            for layer, (w, b) in enumerate(zip(weights[::2], weights[1::2])):
                s, traces, membranes = s.flatten(2) if w.ndim == 2 else s, [], []
                p, q, r = state[layer] or (
                    torch.zeros_like(s[:, 0]),
                    torch.zeros_like(s[:, 0]),
                    0.0,
                )
                for t in range(end - begin):
                    traces.append(p)
                    p, q = n.alpha * p + (1 - n.alpha) * q, n.beta * q + (1 - n.beta) * s[:, t]
                together = torch.stack(traces, 1).flatten(0, 1)
                current = (
                    F.conv2d(together, w, b, padding=w.shape[-1] // 2)
                    if w.ndim == 4
                    else F.linear(together, w, b)
                )
                for I in current.unflatten(0, (len(x), -1)).unbind(1):
                    membranes.append(I - n.rho * r)
                    r = n.gamma * r + (1 - n.gamma) * Spike.apply(
                        membranes[-1] - n.threshold, n.slope
                    )
                state[layer] = p.detach(), q.detach(), r.detach()
                if layer < len(net.blocks) - 1:
                    pooled = pool(torch.stack(membranes, 1).flatten(0, 1), 2)
                    s = Spike.apply(pooled - n.threshold, n.slope).unflatten(0, (len(x), -1))
    return membranes[-1]


def _logits_of_cuba_by_layers(net, weights, x, pool) -> torch.Tensor:
    """`_logits_of_cuba` with one convolution a layer over all steps: q does not hear the spikes of
    its own layer."""
    n, T, last = net.neuron, x.shape[1], len(net.blocks) - 1
    state, c = [None] * len(net.blocks), [0.0]
    for _ in range(T):
        c.append(n.beta * c[-1] + 1 - n.beta)
    d = 0.0
    for level in c[1:]:
        d = n.alpha * d + (1 - n.alpha) * level
    for begin, end in ((0, T - net.window), (T - net.window, T)):
        with torch.set_grad_enabled(torch.is_grad_enabled() and end == T):
            s = n.gain * x[:, begin:end]
            for layer, (w, b) in enumerate(zip(weights[::2], weights[1::2])):
                s = s.flatten(2) if w.ndim == 2 else s
                q, v = state[layer] or (torch.zeros_like(s[:, 0]), torch.zeros(()))
                filtered = []
                for t in range(end - begin):
                    q = n.beta * q + (1 - n.beta) * s[:, t]
                    filtered.append(q)
                if layer == last:
                    for q in filtered:
                        v = n.alpha * v + (1 - n.alpha) * q
                    state[layer] = q.detach(), v.detach()
                    continue
                together = torch.stack(filtered, 1).flatten(0, 1)
                current = F.conv2d(together, w, padding=w.shape[-1] // 2)
                membranes, spikes = [], []
                for level, I in zip(c[begin + 1 :], current.unflatten(0, (len(x), -1)).unbind(1)):
                    u = n.alpha * v + (1 - n.alpha) * (I + (b * level)[:, None, None])
                    fired = Spike.apply(u - n.threshold, n.slope)
                    v = u * (1 - fired)
                    membranes.append(u)
                    spikes.append(fired)
                state[layer] = q.detach(), v.detach()
                if net.pool == "max":
                    pooled = pool(torch.stack(membranes, 1).flatten(0, 1), 2)
                    s = Spike.apply(pooled - n.threshold, n.slope)
                else:
                    s = pool(torch.stack(spikes, 1).flatten(0, 1), 2)
                s = s.unflatten(0, (len(x), -1))
    return F.linear(v, weights[-2]) + weights[-1] * d


def meta_gradient(net, weights, task, step_size=1.0, steps=1, order=2, logits=logits):
    """(query loss, gradients) of MAML (order 2) or FOMAML (order 1)."""
    adapted = weights
    for _ in range(steps):
        loss = F.cross_entropy(logits(net, adapted, task["x_support"]), task["y_support"])
        gradients = torch.autograd.grad(loss, adapted, create_graph=order == 2)
        adapted = [w - step_size * g for w, g in zip(adapted, gradients)]
    loss = F.cross_entropy(logits(net, adapted, task["x_query"]), task["y_query"])
    return loss.item(), torch.autograd.grad(loss, weights)
