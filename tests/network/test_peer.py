"""Fifty random configurations against the values that PyTorch's automatic differentiation gives for
them.

peer_cases.npz has an array a name, all cases behind each other, and NAME.shapes of each of them:
shape (H, W, C); channels; options = ways, kernel, max pooling?, window, inner steps; constants =
alpha, beta, gamma, rho, threshold, slope, gain, step size; frozen, one a layer; theta, v, x_*, y_*;
and the results: logits, loss, gradient, hvp (H v) on the support set, query_loss, maml, fomaml
after the inner steps.
"""

from pathlib import Path

import numpy as np
import pytest
from conftest import arrays_off, off

import minisnn as ms

CASES = 50
CONSTANTS = ("alpha", "beta", "gamma", "rho", "threshold", "slope", "gain")


@pytest.fixture(scope="module")
def cases():
    path = Path(__file__).parents[1] / "golden" / "peer_cases.npz"
    with np.load(path, allow_pickle=False) as file:
        found = dict(file)
    parts = {}
    for name in (name for name in found if f"{name}.shapes" in found):
        shapes = found[f"{name}.shapes"]
        ends = shapes.prod(1, dtype=int).cumsum()
        split = np.split(found[name], ends[:-1])
        parts[name] = [part.reshape(shape) for part, shape in zip(split, shapes)]
    return [{name: part[n] for name, part in parts.items()} for n in range(CASES)]


@pytest.mark.parametrize("n", range(CASES))
def test_case(cases, backend, n):
    c = cases[n]
    ways, kernel, largest, window, steps = (int(a) for a in c["options"])
    *constants, step_size = c["constants"].tolist()
    net = ms.SpikingNet(
        c["shape"],
        c["channels"],
        ways,
        kernel,
        "max" if largest else "mean",
        ms.LIF(**dict(zip(CONSTANTS, constants))),
        window,
        np.float64,
        backend=backend,
    )
    theta, v = c["theta"].astype(np.float64), c["v"].astype(np.float64)
    task = ms.Task(c["x_support"], c["y_support"], c["x_query"], c["y_query"])

    assert off(net(theta, task.x_support), c["logits"]) < 1e-9
    loss, gradient, _, hvp = net.gradients(theta, task.x_support, task.y_support)
    assert loss == pytest.approx(float(c["loss"]), rel=1e-9)
    assert arrays_off(net, gradient, c["gradient"]) < 1e-9
    assert arrays_off(net, hvp(v), c["hvp"]) < 1e-9
    freeze = tuple(b.name for b, frozen in zip(net.blocks, c["frozen"]) if frozen)
    for order, name in ((2, "maml"), (1, "fomaml")):
        loss, gradient = ms.meta_gradient(net, theta, task, step_size, steps, order, freeze)
        assert loss == pytest.approx(float(c["query_loss"]), rel=1e-9)
        assert arrays_off(net, gradient, c[name]) < 1e-9, name
