"""The network and its meta-gradient in PyTorch, by automatic differentiation twice: one map a layer
and time step, or one a layer over all steps.

Written as a user of PyTorch would write it, to be timed next to minisnn and to agree with it. Needs
torch (CPU). Conv layers of any stride and pooling, dense and recurrent layers, LIF and CubaLIF, and
learned constants.
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


class Layer:
    """A layer in three parts: `filtered` is what its weights see, `mapped` what they make of it, for
    a step or for all of them, and `fire` what the neurons do in a step.

    block     layer of a minisnn network
    neuron    its own or the network's
    w         parameters by name, conv weights as OIHW
    """

    def __init__(self, block, neuron, w: dict[str, torch.Tensor]):
        self.block, self.neuron = block, neuron
        of = {name.split(".")[1]: a for name, a in w.items() if name.startswith(f"{block.name}.")}
        self.weight = of["weight"]
        self.bias = of["bias"]
        self.recurrent = of.get("recurrent")
        for name in ("alpha", "beta", "gamma"):
            learned = name in block.learn
            value = torch.sigmoid(of[name]) if learned else getattr(neuron, name, None)
            setattr(self, name, value)
        self.state: dict[str, torch.Tensor] = {}

    def begin(self, s: torch.Tensor) -> None:
        """A state of zeros, for a step s of the input."""
        zeros = torch.zeros_like(s)
        self.state = dict.fromkeys(self.states, torch.zeros((), dtype=s.dtype))
        self.state |= dict.fromkeys(self.of_input, zeros)

    def detach(self) -> None:
        """What was before is a constant from here on."""
        self.state = {name: a.detach() for name, a in self.state.items()}

    def linear(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        if self.weight.ndim == 2:
            return x @ self.weight if bias is None else x @ self.weight + bias
        padding = self.weight.shape[-1] // 2
        return F.conv2d(x, self.weight, bias, stride=self.block.stride, padding=padding)

    def spike(self, u: torch.Tensor) -> torch.Tensor:
        return Spike.apply(u - self.neuron.threshold, self.neuron.slope)

    def handed_on(self, u: torch.Tensor, fired: torch.Tensor) -> torch.Tensor:
        """Of the readout u, of other layers spikes, pooled."""
        if self.block.readout:
            return u
        pool = self.block.pool
        if pool == "max":
            return self.spike(F.max_pool2d(u, 2))
        if pool == "mean":
            return self.spike(F.avg_pool2d(u, 2))
        return F.avg_pool2d(fired, 2) if pool == "spikes" else fired

    def step(self, s: torch.Tensor) -> torch.Tensor:
        """What it hands on of a step (B, …) of its input."""
        if self.weight.ndim == 2 and s.ndim == 4:
            s = s.permute(0, 2, 3, 1).flatten(1)
        if not self.state:
            self.begin(s)
        return self.handed_on(*self.fire(self.mapped(self.filtered(s))))

    def steps(self, s: torch.Tensor) -> torch.Tensor:
        """The same of all steps (B, T, …), by one linear map."""
        if self.weight.ndim == 2 and s.ndim == 5:
            s = s.permute(0, 1, 3, 4, 2).flatten(2)
        if not self.state:
            self.begin(s[:, 0])
        seen = torch.stack([self.filtered(step) for step in s.unbind(1)], 1)
        I = self.mapped(seen.flatten(0, 1)).unflatten(0, seen.shape[:2])
        u, fired = (torch.stack(of, 1) for of in zip(*map(self.fire, I.unbind(1))))
        out = self.handed_on(u.flatten(0, 1), fired.flatten(0, 1))
        return out.unflatten(0, seen.shape[:2])


class LIF(Layer):
    """u = W p + b + V z - rho r; synapses filter twice, and spikes arrive two steps later."""

    of_input = ("p", "q")
    states = ("r", "z", "zq")

    def filtered(self, s):
        z, alpha, beta = self.state, self.alpha, self.beta
        p = z["p"]
        z["p"], z["q"] = alpha * p + (1 - alpha) * z["q"], beta * z["q"] + (1 - beta) * s
        return p

    def mapped(self, p):
        return self.linear(p, self.bias)

    def fire(self, I):
        z, alpha, beta = self.state, self.alpha, self.beta
        u = I - self.neuron.rho * z["r"]
        if self.recurrent is not None and z["z"].ndim:
            u = u + z["z"] @ self.recurrent
        fired = self.spike(u)
        z["r"] = self.gamma * z["r"] + (1 - self.gamma) * fired
        if self.recurrent is not None:
            z["z"] = alpha * z["z"] + (1 - alpha) * z["zq"]
            z["zq"] = beta * z["zq"] + (1 - beta) * fired
        return u, fired


class CubaLIF(Layer):
    """u = alpha v + (1 - alpha) I, I = W q + b c + V h, v = u (1 - s)."""

    of_input = ("q",)
    states = ("v", "c", "h", "s")

    def filtered(self, s):
        self.state["q"] = self.beta * self.state["q"] + (1 - self.beta) * s
        return self.state["q"]

    def mapped(self, q):
        return self.linear(q, None)

    def fire(self, I):
        z, alpha, beta = self.state, self.alpha, self.beta
        z["c"] = beta * z["c"] + 1 - beta
        bias = self.bias * z["c"]
        I = I + (bias if I.ndim == 2 else bias[:, None, None])
        if self.recurrent is not None and z["s"].ndim:
            z["h"] = beta * z["h"] + (1 - beta) * z["s"]
            I = I + z["h"] @ self.recurrent
        u = alpha * z["v"] + (1 - alpha) * I
        fired = self.spike(u)
        z["v"], z["s"] = u * (1 - fired), fired
        return u, fired


class Readout(CubaLIF):
    """u = W p + b d: a CubaLIF that never fires, both of whose filters may stand before its weights."""

    of_input = ("p", "q")
    states = ("c", "d")

    def filtered(self, s):
        q = super().filtered(s)
        self.state["p"] = self.alpha * self.state["p"] + (1 - self.alpha) * q
        return self.state["p"]

    def fire(self, I):
        z, alpha = self.state, self.alpha
        z["c"] = self.beta * z["c"] + 1 - self.beta
        z["d"] = alpha * z["d"] + (1 - alpha) * z["c"]
        u = I + self.bias * z["d"]
        return u, u


def layers_of(net, w: dict[str, torch.Tensor]) -> list[Layer]:
    found: list[Layer] = []
    for b in net.blocks:
        neuron = net.neuron if b.readout else b.neuron
        of_currents = Readout if b.readout else CubaLIF
        found.append((LIF if hasattr(neuron, "gamma") else of_currents)(b, neuron, w))
    return found


def logits(
    net, w: dict[str, torch.Tensor], x: torch.Tensor, by_layers=False, layers_of=layers_of
) -> torch.Tensor:
    """What `net.readout` makes of the readout's membranes, of x (B, T, C, H, W) or (B, T, features);
    only the last `window` steps are recorded for gradients."""
    layers = layers_of(net, w)
    T = x.shape[1]
    first = max(T - net.window, 0)
    for begin, end in ((0, first), (first, T)):
        with torch.set_grad_enabled(torch.is_grad_enabled() and end == T):
            s = net.neuron.gain * x[:, begin:end]
            for layer in layers if by_layers and end > begin else ():
                s = layer.steps(s)
            u = list(s.unbind(1)) if by_layers else []
            for step in () if by_layers else s.unbind(1):
                for layer in layers:
                    step = layer.step(step)
                u.append(step)
        if end < T:
            for layer in layers:
                layer.detach()
    if net.readout == "steps":
        return torch.stack(u, 1)
    if net.readout == "count":
        u = [layers[-1].spike(step) for step in u]
    return u[-1] if net.readout == "last" else torch.stack(u).mean(0)


def named(net, theta: torch.Tensor) -> dict[str, torch.Tensor]:
    """The parts of minisnn's flat theta by name, conv weights as OIHW."""
    parts = {p.name: theta[p.slice].reshape(p.shape) for p in net.layout}
    return {name: a.permute(3, 2, 0, 1) if a.ndim == 4 else a for name, a in parts.items()}


def parameters(net, theta: np.ndarray) -> dict[str, torch.Tensor]:
    """The same as leaves of a graph, as a user of PyTorch has them."""
    parts = named(net, torch.from_numpy(theta))
    return {
        name: a.clone(memory_format=torch.contiguous_format).requires_grad_()
        for name, a in parts.items()
    }


def flat(net, gradients: dict[str, torch.Tensor]) -> np.ndarray:
    """PyTorch's gradients in minisnn's order."""
    parts = [gradients[p.name].detach() for p in net.layout]
    return np.concatenate(
        [(g.permute(2, 3, 1, 0) if g.ndim == 4 else g).numpy().ravel() for g in parts]
    )


def samples(x: np.ndarray, dtype=np.float32) -> torch.Tensor:
    """(B, T, H, W, C) counts -> (B, T, C, H, W); (B, T, features) stay."""
    x = x.transpose(0, 1, 4, 2, 3) if x.ndim == 5 else x
    return torch.from_numpy(np.ascontiguousarray(x, dtype))


def tensors(task, dtype=np.float32) -> dict[str, torch.Tensor]:
    """What `meta_gradient` takes."""
    found = {name: samples(getattr(task, name), dtype) for name in ("x_support", "x_query")}
    return found | {
        name: torch.from_numpy(getattr(task, name)) for name in ("y_support", "y_query")
    }


def meta_gradient(net, w, task, step_size=1.0, steps=1, order=2, **how):
    """(query loss, gradients by name) of MAML (order 2) or FOMAML (order 1), whose steps leave
    learned constants as they are."""
    moving = [name for name in w if name.split(".")[1] in ("weight", "bias", "recurrent")]
    adapted = dict(w)
    for _ in range(steps):
        found = logits(net, adapted, task["x_support"], **how)
        loss = F.cross_entropy(found, task["y_support"])
        of = [adapted[name] for name in moving]
        gradients = torch.autograd.grad(loss, of, create_graph=order == 2)
        adapted |= {name: a - step_size * g for name, a, g in zip(moving, of, gradients)}
    loss = F.cross_entropy(logits(net, adapted, task["x_query"], **how), task["y_query"])
    return loss.item(), dict(zip(w, torch.autograd.grad(loss, list(w.values()))))
