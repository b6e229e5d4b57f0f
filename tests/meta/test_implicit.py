"""Implicit MAML: the meta-gradient against dense solutions, against the way unrolled, and against
differences; what is refused; and a run by the rule."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from differences import off
from toy import toy_config, toy_data

import minisnn as ms
from minisnn.gradcheck import random_data, random_theta
from minisnn.meta.implicit import conjugate_gradients
from minisnn.meta.online import OnlineReadout
from minisnn import train

SILENT = dict(progress=False)
SMALL = dict(input_shape=(5, 4, 2), channels=(3,), hidden=(4,), ways=3, kernel=3, dtype="float64")
NETS = {
    "lif": dict(neuron=ms.LIF(gain=4.0), window=9),
    "cuba": dict(neuron=ms.CubaLIF(gain=4.0), window=9, pool="mean"),
    "squared": dict(neuron=ms.LIF(gain=4.0), window=9, loss="squared"),
    "frames": dict(kind=ms.ConvNet),
    "learned": dict(neuron=ms.CubaLIF(gain=4.0), window=9, learn=("alpha", "beta")),
}


def network(name, backend="numpy"):
    settings = {**SMALL, **NETS[name], "backend": backend}
    return settings.pop("kind", ms.SpikingNet)(**settings)


def case(net, seed=0):
    rng = np.random.default_rng(seed)
    return random_theta(net, rng), ms.Task(
        *random_data(net, rng, 4, 14), *random_data(net, rng, 5, 14)
    )


def hessian(net, theta, task, **twin):
    hvp = net.gradients(theta, task.x_support, task.y_support, **twin).hvp
    return np.array([hvp(e) for e in np.eye(net.size)]).T


# ---- the meta-gradient


@pytest.mark.parametrize("freeze", [(), ("conv1",), ("conv1", "hidden1")], ids=len)
@pytest.mark.parametrize("name", NETS)
@pytest.mark.every(3)
def test_equals_the_dense_solution(name, freeze, backend):
    net = network(name, backend)
    theta, task = case(net)
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
    net = network("lif", backend)
    theta, task = case(net)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        replace(ms.ImplicitLoop(proximal=1.0), **changes).meta_gradient(net, theta, task)
    assert len(said) >= warned and bool(said) == bool(warned)


# ---- conjugate gradients


def test_conjugate_gradients_end_where_they_are_asked_to():
    rng = np.random.default_rng(2)
    Q, _ = np.linalg.qr(rng.standard_normal((30, 30)))
    A = Q @ np.diag(np.geomspace(0.1, 10, 30)) @ Q.T
    b = rng.standard_normal(30)
    calls = []

    def product(v):
        calls.append(v)
        return A @ v

    y = conjugate_gradients(product, b, 200, 1e-12)
    assert off(y, np.linalg.solve(A, b)) < 1e-10 and len(calls) < 60
    calls.clear()
    rough = conjugate_gradients(product, b, 200, 1e-2)
    assert np.linalg.norm(b - A @ rough) <= 1e-2 * np.linalg.norm(b) and len(calls) < 40
    calls.clear()
    conjugate_gradients(product, b, 3, 0.0)
    assert len(calls) == 3
    assert not conjugate_gradients(product, 0 * b, 5, 0.0).any()


def test_a_pull_that_is_too_weak_is_refused(backend):
    net = network("lif", backend)
    theta, task = case(net)
    strong = ms.ImplicitLoop(0.2, 10, proximal=1.0, cg_steps=200)
    weak = ms.ImplicitLoop(0.2, 10, proximal=3e-3, cg_steps=200)
    with pytest.raises(ValueError, match="proximal") as met:
        weak.meta_gradient(net, theta, task)
    curvature = met.value.curvature - 3e-3
    phi = weak.adapt(net, theta, task.x_support, task.y_support)
    assert np.linalg.eigvalsh(hessian(net, phi, task))[0] <= curvature * 0.99 < -3e-3
    assert np.isfinite(strong.meta_gradient(net, theta, task).gradient).all()
    weak.meta_gradient(net, theta, task, 1)  # which asks for no curvature


IMAML = dict(rule="imaml", step_size=0.5, inner_steps=3, learn_step_size="no", zero_readout=True)


KINDS = [
    ms.ImplicitLoop(0.2, 4, ("conv1",), proximal=0.5, cg_steps=7, tolerance=1e-4),
    ms.InnerLoop(0.3, online=True),
    OnlineReadout(0.5, 2, scale=3.0),
    ms.ClassMeans(steps=0, scale=0.3, looks=5, axes=np.eye(4, 2, dtype=np.float32)),
]


@pytest.mark.parametrize("loop", KINDS, ids=lambda loop: type(loop).__name__)
def test_checkpoints_keep_every_loop(tmp_path, loop):
    net = network("cuba")
    ms.save(tmp_path / "a.h5", net, case(net)[0], inner=loop)
    assert ms.read(tmp_path / "a.h5").inner == loop


def test_a_run_with_too_weak_a_pull_ends_with_the_sentence(tmp_path):
    weak = {**IMAML, "zero_readout": False, "proximal": 1e-6, "cg_steps": 50}
    with pytest.raises(ValueError, match="proximal"):
        train(toy_config(**weak), tmp_path / "run", data=toy_data(), **SILENT)
