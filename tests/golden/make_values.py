"""networks.npz: what PyTorch's automatic differentiation, applied twice, gives for networks of every
kind of layer, in float64.

    python tests/golden/make_values.py           needs torch (CPU); writes networks.npz again
    python tests/golden/make_values.py --check   how far the values in the file are from it

The independent program is tests/benchmarks/torch_peer.py. Networks and inputs stay as the file has
them: net (configuration as JSON), theta, v, x_*, y_*, step_size, steps, freeze and adapt_constants of
the inner loop. Made from them are logits, loss, gradient and hvp (H v) of the support set, rates of
the layers, and query_loss, maml and fomaml: the meta-gradients of second and first order after the inner steps.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "benchmarks"), str(HERE.parents[1])]

import networks  # noqa: E402
import torch_peer as peer  # noqa: E402


def values(case: dict) -> dict[str, np.ndarray]:
    """What is made of a case."""
    net = networks.network(case, "numpy")
    theta, v = (torch.from_numpy(case[name].astype(float)) for name in ("theta", "v"))
    theta.requires_grad_()
    x = {part: peer.samples(case[f"x_{part}"], float) for part in ("support", "query")}

    def logits(theta, part):
        return peer.logits(net, peer.named(net, theta), x[part])

    def loss(theta, part):
        y = torch.from_numpy(case[f"y_{part}"])
        u = logits(theta, part)
        if net.loss_name == "squared":
            return 0.5 * ((u - y) ** 2).sum(-1).mean()
        return torch.nn.functional.cross_entropy(u, y)

    gate = torch.ones_like(theta)
    still = {b.name for b, frozen in zip(net.blocks, case["freeze"]) if frozen}
    for p in net.layout:
        layer, part = p.name.split(".")
        constant = part not in ("weight", "bias", "recurrent")
        if layer in still or (constant and not case["adapt_constants"]):
            gate[p.slice] = 0

    def meta(order):
        adapted = theta
        for _ in range(int(case["steps"])):
            (g,) = torch.autograd.grad(loss(adapted, "support"), adapted, create_graph=order == 2)
            adapted = adapted - float(case["step_size"]) * gate * g
        of_query = loss(adapted, "query")
        return of_query, torch.autograd.grad(of_query, theta)[0]

    support = loss(theta, "support")
    (gradient,) = torch.autograd.grad(support, theta, create_graph=True)
    (hvp,) = torch.autograd.grad(gradient @ v, theta)
    query_loss, maml = meta(2)
    found = dict(logits=logits(theta, "support"), loss=support, gradient=gradient, hvp=hvp)
    found |= dict(query_loss=query_loss, maml=maml, fomaml=meta(1)[1])
    found["rates"] = torch.stack(rates(net, peer.named(net, theta.detach()), x["support"]))
    return {name: a.detach().numpy() for name, a in found.items()}


def rates(net, w, x) -> list[torch.Tensor]:
    """The share of sites that fire, of every layer but the readout."""
    layers = peer.layers_of(net, w)
    sums = [torch.zeros((), dtype=x.dtype)] * len(layers)
    for s in (net.neuron.gain * x).unbind(1):
        for n, layer in enumerate(layers):
            s = layer.step(s)
            sums[n] = sums[n] + s.mean() / x.shape[1]
    return sums[:-1] or [torch.zeros((), dtype=x.dtype)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    cases, apart = networks.cases(), 0.0
    for case in cases.values():
        for name, made in values(case).items():
            apart = max(apart, float(abs(made - case[name]).max() / max(abs(made).max(), 1e-9)))
            case[name] = made
    print(f"{len(cases)} networks, largest relative difference from the file {apart:.1e}")
    if not check:
        networks.write(cases)
    return int(apart > 1e-9)


if __name__ == "__main__":
    sys.exit(main())
