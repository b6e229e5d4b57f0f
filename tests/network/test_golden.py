"""Values of PyTorch's automatic differentiation (tests/golden/make_values.py), of every kind of
layer."""

import sys
from pathlib import Path

import pytest
from differences import arrays_off, off
from slowly import all_but

import minisnn as ms

sys.path.append(str(Path(__file__).parents[1] / "golden"))
import networks  # noqa: E402

CASES = networks.cases()
FIRST = [name for name in CASES if "random" not in name or name[-1] in "08"]


@pytest.mark.parametrize("name", all_but(FIRST, CASES))
def test_values_of_an_independent_program(name, backend):
    g = CASES[name]
    net = networks.network(g, backend)
    theta = g["theta"]
    x = g["x_support"]
    loss, gradient, logits, hvp = net.gradients(theta, x, g["y_support"])
    assert loss == pytest.approx(g["loss"].item(), rel=1e-10)
    assert off(logits, g["logits"]) < 1e-10 and off(net(theta, x), logits) < 1e-12
    assert arrays_off(net, gradient, g["gradient"]) < 1e-10
    assert arrays_off(net, hvp(g["v"]), g["hvp"]) < 1e-10
    rates = list(net.activity(theta, x).values()) or [0.0]
    assert rates == pytest.approx(g["rates"], rel=1e-12)
    task = ms.Task(x, g["y_support"], g["x_query"], g["y_query"])
    loop = networks.inner_loop(g, net, int(g["steps"]))
    for order, rule in ((1, "fomaml"), (2, "maml")):
        meta = loop.meta_gradient(net, theta, task, order)
        assert meta.loss == pytest.approx(g["query_loss"].item(), rel=1e-10)
        assert arrays_off(net, meta.gradient, g[rule]) < 1e-9
