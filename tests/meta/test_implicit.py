"""Implicit MAML: the meta-gradient against dense solutions, against the way unrolled, and against
differences; what is refused; and a run by the rule."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import small
from differences import off
from toy import toy_config, toy_data

import minisnn as ms

LIF = ms.LIF(gain=4.0)
CUBA = ms.CubaLIF(gain=4.0)
NETS = {
    "lif": dict(neuron=LIF),
    "cuba": dict(neuron=CUBA, pool="mean"),
    "squared": dict(neuron=LIF, loss="squared"),
    "frames": dict(kind=ms.ConvNet),
    "learned": dict(neuron=CUBA, learn=("alpha", "beta")),
}


def case(name, backend="numpy"):
    net = small.network(backend, hidden=(4,), **NETS[name])
    return net, *small.task(net)


def hessian(net, theta, task, **twin):
    hvp = net.gradients(theta, task.x_support, task.y_support, **twin).hvp
    return np.array([hvp(e) for e in np.eye(net.size)]).T


# ---- the meta-gradient


@pytest.mark.parametrize("freeze", [(), ("conv1",), ("conv1", "hidden1")], ids=len)
@pytest.mark.parametrize("name", NETS)
@pytest.mark.every(3)
def test_equals_the_dense_solution(name, freeze, backend):
    net, theta, task = case(name, backend)
    loop = ms.ImplicitLoop(0.2, 10, freeze, proximal=1.0, cg_steps=200)
    found = loop.meta_gradient(net, theta, task)
    phi = loop.adapt(net, theta, task.x_support, task.y_support)
    H = hessian(net, phi, task)
    loss, g, logits, _ = net.gradients(phi, task.x_query, task.y_query, False)
    m = loop.gate(net, g).astype(bool)  # learned constants are moved by the outer loop alone
    assert np.linalg.eigvalsh(H[np.ix_(m, m)])[0] > -1.0
    expected = g.copy()
    expected[m] = np.linalg.solve(np.eye(m.sum()) + H[np.ix_(m, m)], g[m])
    expected[~m] -= H[np.ix_(~m, m)] @ expected[m]
    assert off(found.gradient, expected) < 1e-8
    assert off(found.gradient, g) > 1e-3
    assert found.loss == pytest.approx(loss, rel=1e-12) and off(found.query_logits, logits) < 1e-12
    assert off(found.support_logits, net(theta, task.x_support)) < 1e-12
    assert found.step_size_gradient == 0.0


@pytest.mark.parametrize("changes, warned", [(dict(), 0), (dict(steps=5), 1)])
def test_what_has_not_converged_is_said(backend, changes, warned):
    net, theta, task = case("lif", backend)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        replace(ms.ImplicitLoop(proximal=1.0), **changes).meta_gradient(net, theta, task)
    assert len(said) >= warned and bool(said) == bool(warned)


def test_the_solution_is_as_exact_as_it_is_asked_to_be():
    net, theta, task = case("lif")
    loop = ms.ImplicitLoop(0.2, 10, proximal=1.0, cg_steps=200)
    phi = loop.adapt(net, theta, task.x_support, task.y_support)
    A = np.eye(net.size) + hessian(net, phi, task)
    g = net.loss_and_gradient(phi, task.x_query, task.y_query).gradient

    def left(**changes):
        found = replace(loop, **changes).meta_gradient(net, theta, task).gradient
        return np.linalg.norm(g - A @ found) / np.linalg.norm(g)

    assert left() <= 1.1e-10
    assert 1e-6 < left(tolerance=1e-2) <= 1e-2
    assert left(cg_steps=1) > 2 * left(cg_steps=3) > 1e-6


def test_a_pull_that_is_too_weak_is_refused(backend):
    net, theta, task = case("lif", backend)
    strong = ms.ImplicitLoop(0.2, 10, proximal=1.0, cg_steps=200)
    weak = ms.ImplicitLoop(0.2, 10, proximal=3e-3, cg_steps=200)
    with pytest.raises(ValueError) as met:
        weak.meta_gradient(net, theta, task)
    curvature = met.value.curvature - 3e-3
    phi = weak.adapt(net, theta, task.x_support, task.y_support)
    assert np.linalg.eigvalsh(hessian(net, phi, task))[0] <= curvature * 0.99 < -3e-3
    assert np.isfinite(strong.meta_gradient(net, theta, task).gradient).all()
    weak.meta_gradient(net, theta, task, 1)  # which asks for no curvature


KINDS = [
    ms.ImplicitLoop(0.2, 4, ("conv1",), proximal=0.5, cg_steps=7, tolerance=1e-4),
    ms.InnerLoop(0.3, online=True),
    ms.OnlineReadout(0.5, 2, scale=3.0),
    ms.ClassMeans(steps=0, scale=0.3, looks=5, axes=np.eye(4, 2, dtype=np.float32)),
]


@pytest.mark.parametrize("loop", KINDS, ids=lambda loop: type(loop).__name__)
def test_checkpoints_keep_every_loop(tmp_path, loop):
    net, theta, _ = case("cuba")
    ms.save(tmp_path / "a.h5", net, theta, inner=loop)
    assert ms.read(tmp_path / "a.h5").inner == loop


def test_a_run_with_too_weak_a_pull_ends_with_the_sentence(tmp_path):
    weak = dict(rule="imaml", learn_step_size="no", step_size=0.5, proximal=1e-6, cg_steps=50)
    config = toy_config(inner_steps=3, **weak)
    with pytest.raises(ValueError, match="proximal"):
        ms.train(config, tmp_path / "run", data=toy_data(), progress=False)
