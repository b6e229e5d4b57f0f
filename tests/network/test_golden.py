"""Values of an independent automatic-differentiation program, of every kind of layer."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import arrays_off, off

import minisnn as ms

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = ["meta_gradient_max", "meta_gradient_avg", "cuba_max", "cuba_avg"]
FILES += ["layers_recurrent", "layers_mixed", "layers_cuba"]
FILES += ["readout_mean", "readout_count", "readout_steps", "readout_cuba_steps"]
CONSTANTS = ("alpha", "beta", "gamma", "rho", "slope", "gain", "threshold")


def listed(g, **how):
    """The network of a file that has a list of layers."""
    settings = json.loads(str(g["net"]))
    kind = {"lif": ms.LIF, "cuba": ms.CubaLIF}[settings["neuron"]]
    kinds = {"conv": ms.Conv, "dense": ms.Dense}
    layers = [kinds[layer.pop("kind")](**layer) for layer in settings["layers"]]
    how |= dict(layers=layers, neuron=kind(**settings["constants"]))
    how |= dict(ways=settings["ways"], learn=settings["learn"])
    how |= dict(
        readout=str(g.get("readout", "last")), loss=str(g.get("loss_name", "cross_entropy"))
    )
    return ms.SpikingNet(g["x_support"].shape[2:], **how)


def short(g, **how):
    constants = {name: g[name].item() for name in CONSTANTS if name in g}
    neuron = (ms.LIF if "rho" in g else ms.CubaLIF)(**constants)
    shape, channels = g["x_support"].shape[2:], g["channels"].tolist()
    pool = {"max": "max", "avg": "mean"}[g["pool"].item()]
    detach = bool(g.get("detach_reset", False))
    sizes = channels, int(g["ways"]), int(g["kernel"])
    return ms.SpikingNet(shape, *sizes, pool, neuron, detach_reset=detach, **how)


def network(g, backend):
    how = dict(window=int(g["window"]), dtype="float64", backend=backend)
    return (listed if "net" in g else short)(g, **how)


@pytest.mark.parametrize("name", FILES)
def test_values_of_an_independent_program(name, backend):
    g = dict(np.load(GOLDEN / f"{name}.npz"))
    net = network(g, backend)
    support = g["x_support"], g["y_support"]
    loss, gradient, logits, hvp = net.gradients(g["theta"], *support)
    assert loss == pytest.approx(g["loss"].item(), rel=1e-12)
    assert off(logits, g["logits"]) < 1e-12 and off(net(g["theta"], support[0]), logits) < 1e-12
    assert arrays_off(net, gradient, g["gradient"]) < 1e-11
    assert arrays_off(net, hvp(g["v"]), g["hvp"]) < 1e-11
    rates = list(net.activity(g["theta"], support[0]).values())
    assert rates == pytest.approx(g["rates"], rel=1e-12)
    task = ms.Task(*support, g["x_query"], g["y_query"])
    for rule, order, steps in (("fomaml", 1, 1), ("maml", 2, 3)):
        loop = ms.InnerLoop(g["step_size"].item(), steps, adapt_constants=bool(net.learned))
        meta = loop.meta_gradient(net, g["theta"], task, order)
        assert meta.loss == pytest.approx(g[f"{rule}_{steps}_loss"].item(), rel=1e-12)
        assert arrays_off(net, meta.gradient, g[f"{rule}_{steps}_gradient"]) < 1e-11
