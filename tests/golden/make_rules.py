"""rules.npz: FOMAML, ANIL and Reptile by PyTorch's automatic differentiation, for three small
networks in float64 (those that spike by tests/benchmarks/torch_peer.py).

    python tests/golden/make_rules.py         needs torch (CPU); writes rules.npz beside this file,
                                              the same one every time

A case is a network: "max" and "mean" spike, "cnn" does not. Under its name lie net (type and
configuration as JSON), theta, step_size, x_support, y_support, x_query, y_query and, flat like
theta,

    fomaml_N                 N inner steps on the support set
    anil_N, anil_first_N     the readout alone takes the N steps; second and first order
    anil_N_step_size         the derivative of the query loss by the step size of those
    reptile_N                theta - theta_N after N steps of torch.optim.SGD on support and query
                             together
    loss_anil_N, loss_reptile_N      query loss at theta_N
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "benchmarks"), str(HERE.parents[1])]

import torch_peer as peer  # noqa: E402

import minisnn as ms  # noqa: E402
from minisnn.gradcheck import random_data, random_theta  # noqa: E402

SPIKING = dict(
    input_shape=(6, 8, 2),
    channels=(3, 4),
    ways=3,
    kernel=3,
    neuron=ms.LIF(gain=5.0, rho=0.8),
    window=16,
    dtype=np.float64,
)
NETWORKS = {
    "max": (lambda: ms.SpikingNet(**SPIKING), 0.5),
    "mean": (lambda: ms.SpikingNet(**SPIKING, pool="mean"), 0.5),
    "cnn": (lambda: ms.ConvNet((6, 8, 2), (3, 4), 3, 3, np.float64), 0.3),
}


def convolutional_logits(net, theta, x):
    """Of a `ConvNet`, softplus before pooling."""
    y = torch.from_numpy(net.gain * x.sum(1, dtype=np.float64)).permute(0, 3, 1, 2)
    for b, weight, bias in zip(net.blocks, net.layout[::2], net.layout[1::2]):
        w = theta[weight.slice].reshape(weight.shape)
        if b.name.startswith("conv"):
            y = torch.nn.functional.conv2d(
                y, w.permute(3, 2, 0, 1), theta[bias.slice], padding=net.kernel // 2
            )
            y = torch.nn.functional.max_pool2d(torch.nn.functional.softplus(y, threshold=1e9), 2)
        else:
            if y.ndim == 4:
                y = y.permute(0, 2, 3, 1).reshape(len(y), -1)
            y = y @ w + theta[bias.slice]
            y = y if b.readout else torch.nn.functional.softplus(y, threshold=1e9)
    return y


def loss_of(net, theta, x, y):
    """Cross-entropy of the network at a flat tensor theta, in minisnn's layout."""
    if isinstance(net, ms.ConvNet):
        logits = convolutional_logits(net, theta, x)
    else:
        logits = peer.logits(net, peer.named(net, theta), peer.samples(x, float))
    return torch.nn.functional.cross_entropy(logits, torch.from_numpy(y))


def fomaml(net, theta, task, a, steps):
    for _ in range(steps):
        theta = theta.detach().requires_grad_()
        theta = (
            theta
            - a * torch.autograd.grad(loss_of(net, theta, task.x_support, task.y_support), theta)[0]
        )
    theta = theta.detach().requires_grad_()
    return torch.autograd.grad(loss_of(net, theta, task.x_query, task.y_query), theta)[0]


def anil(net, theta, task, a, steps, order):
    """(query loss, its gradient, its derivative by a); body and readout are tensors of their
    own."""
    cut = net.layout[-2].slice.start
    body, readout, a = (
        t.clone().requires_grad_()
        for t in (theta[:cut], theta[cut:], torch.tensor(a, dtype=theta.dtype))
    )
    adapted = readout
    for _ in range(steps):
        loss = loss_of(net, torch.cat([body, adapted]), task.x_support, task.y_support)
        adapted = adapted - a * torch.autograd.grad(loss, adapted, create_graph=order == 2)[0]
    loss = loss_of(net, torch.cat([body, adapted]), task.x_query, task.y_query)
    d_body, d_readout, d_a = torch.autograd.grad(loss, (body, readout, a))
    return loss, torch.cat([d_body, d_readout]), d_a


def reptile(net, theta, task, a, steps):
    """(query loss at theta_N, theta - theta_N)."""
    x, y = (
        np.concatenate([task.x_support, task.x_query]),
        np.concatenate([task.y_support, task.y_query]),
    )
    moved = theta.clone().requires_grad_()
    optimiser = torch.optim.SGD([moved], lr=a)
    for _ in range(steps):
        optimiser.zero_grad()
        loss_of(net, moved, x, y).backward()
        optimiser.step()
    return loss_of(net, moved, task.x_query, task.y_query), theta - moved


def make() -> dict[str, np.ndarray]:
    """The arrays of rules.npz."""
    found = {}
    for number, (name, (build, a)) in enumerate(NETWORKS.items()):
        net, rng = build(), np.random.default_rng(number)
        theta = random_theta(net, rng)
        task = ms.Task(*random_data(net, rng, 3, 22), *random_data(net, rng, 5, 22))
        case = dict(
            net=np.array(json.dumps(dict(type=type(net).__name__, **net.configuration()))),
            theta=theta,
            step_size=np.array(a),
            x_support=task.x_support,
            y_support=task.y_support,
            x_query=task.x_query,
            y_query=task.y_query,
        )
        theta = torch.from_numpy(theta)
        for steps in (1, 3):
            case[f"fomaml_{steps}"] = fomaml(net, theta, task, a, steps)
            case[f"loss_anil_{steps}"], case[f"anil_{steps}"], case[f"anil_{steps}_step_size"] = (
                anil(net, theta, task, a, steps, 2)
            )
            case[f"anil_first_{steps}"] = anil(net, theta, task, a, steps, 1)[1]
        for steps in (2, 5):
            case[f"loss_reptile_{steps}"], case[f"reptile_{steps}"] = reptile(
                net, theta, task, a, steps
            )
        found.update(
            {
                f"{name}/{k}": v.detach().numpy() if isinstance(v, torch.Tensor) else v
                for k, v in case.items()
            }
        )
    return found


if __name__ == "__main__":
    np.savez_compressed(HERE / "rules.npz", **make())
    print(f"{HERE / 'rules.npz'}: {(HERE / 'rules.npz').stat().st_size} bytes")
