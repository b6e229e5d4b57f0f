"""Values of an independent automatic-differentiation implementation, to 1e-9 of each parameter
array's largest."""

from pathlib import Path

import numpy as np
import pytest
from conftest import arrays_off, off

import minisnn as ms

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module", params=["max", "avg"])
def golden(request):
    with np.load(GOLDEN / f"meta_gradient_{request.param}.npz", allow_pickle=False) as file:
        return dict(file)


def network(g, backend):
    neuron = ms.LIF(
        **{n: g[n].item() for n in ("alpha", "beta", "gamma", "rho", "slope", "gain", "threshold")}
    )
    pool = {"max": "max", "avg": "mean"}[g["pool"].item()]
    return ms.SpikingNet(
        g["x_support"].shape[2:],
        tuple(g["channels"]),
        int(g["ways"]),
        int(g["kernel"]),
        pool,
        neuron,
        int(g["window"]),
        np.float64,
        backend=backend,
    )


def test_logits_loss_gradient_and_hessian_vector_product(golden, backend):
    net, g = network(golden, backend), golden
    assert net.size == len(g["theta"])
    assert off(net(g["theta"], g["x_support"]), g["logits"]) < 1e-9
    loss, gradient = net.loss_and_gradient(g["theta"], g["x_support"], g["y_support"])
    assert loss == pytest.approx(float(g["loss"]), rel=1e-9)
    assert arrays_off(net, gradient, g["gradient"]) < 1e-9
    hv = net.hessian_vector_product(g["theta"], g["x_support"], g["y_support"], g["v"])
    assert arrays_off(net, hv, g["hvp"]) < 1e-9


def test_activity_of_every_layer(golden, backend):
    net = network(golden, backend)
    found = net.activity(golden["theta"], golden["x_support"])
    assert list(found.values()) == pytest.approx(golden["rates"], rel=1e-12)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("order, name", [(2, "maml"), (1, "fomaml")])
def test_meta_gradient(golden, backend, order, name, steps):
    net, g = network(golden, backend), golden
    task = ms.Task(g["x_support"], g["y_support"], g["x_query"], g["y_query"])
    loss, gradient = ms.meta_gradient(net, g["theta"], task, float(g["step_size"]), steps, order)
    assert loss == pytest.approx(float(g[f"{name}_{steps}_loss"]), rel=1e-9)
    assert arrays_off(net, gradient, g[f"{name}_{steps}_gradient"]) < 1e-9
