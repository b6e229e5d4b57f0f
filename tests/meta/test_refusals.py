"""Settings that would give another number than the one that is asked for are refused by name."""

import numpy as np
import pytest
import small

import minisnn as ms
from toy import toy_config

NETS = {
    "lif": small.network(),
    "cuba": small.network(neuron=ms.CubaLIF()),
    "squared": small.network(loss="squared"),
    "units": small.network(input_shape=(6,), channels=()),
}
F = NETS["lif"].layout[-2].shape[0]
ONE = dict(steps=0)


@pytest.mark.parametrize(
    "kind, settings, net, word",
    [
        (ms.InnerLoop, dict(freeze=("conv9",)), "lif", "freeze"),
        (ms.InnerLoop, dict(steps=1.5), "lif", "steps"),
        (ms.InnerLoop, dict(adapt_constants=True), "lif", "adapt_constants"),
        (ms.InnerLoop, dict(step_size=np.ones(3)), "lif", "step_size"),
        (ms.InnerLoop, dict(threshold=-1.0), "lif", "threshold"),
        (ms.InnerLoop, dict(threshold=0.1, threshold_fraction=0.1), "lif", "threshold"),
        (ms.ImplicitLoop, dict(threshold=0.1), "lif", "threshold"),
        (ms.ImplicitLoop, dict(online=True), "lif", "online"),
        (ms.ImplicitLoop, dict(step_size=2.0), "lif", "step_size"),
        (ms.OnlineReadout, {}, "lif", "fire"),
        (ms.OnlineReadout, dict(freeze=("readout",)), "cuba", "freeze"),
        (ms.ClassMeans, {}, "squared", "loss"),
        (ms.ClassMeans, dict(looks=5), "lif", "looks"),
        (ms.ClassMeans, dict(looks=9) | ONE, "units", "looks"),
        (ms.ClassMeans, dict(readings=3), "lif", "readings"),
        (ms.ClassMeans, dict(axes=np.ones((F, 1))), "lif", "axes"),
        (ms.ClassMeans, dict(axes=np.ones((F + 1, 2))) | ONE, "lif", "axes"),
    ],
)
def test_loops_that_do_not_fit(kind, settings, net, word):
    with pytest.raises(ValueError, match=word):
        kind(**settings).check(NETS[net])


def test_calls_that_do_not_fit():
    net = NETS["lif"]
    theta, x, y = small.samples(net)
    task = ms.Task(x, y, x, y)
    two = ms.Task(x[:2], [0, 1], x[:2], [0, 1])
    for word, call in {
        "order": lambda: ms.meta_gradient(net, theta, task, order=3),
        "step_size": lambda: ms.adapt(net, theta, x, y, -1.0),
        "steps": lambda: ms.reptile_gradient(net, theta, task, 0.3, 1),
        "MAML": lambda: ms.ImplicitLoop(steps=0).meta_gradient(net, theta, task),
        "classes": lambda: ms.ClassMeans().meta_gradient(net, theta, two),
        "readings": lambda: ms.ClassMeans(steps=0, readings=2).adapt(net, theta, x, y),
    }.items():
        with pytest.raises(ValueError, match=word):
            call()


RUNS = {
    "protonet": [],
    "anil": [dict(freeze=("readout",))],
    "reptile": [
        dict(inner_steps=1),
        dict(learn_step_size="layer"),
        dict(freeze=("conv1",)),
        dict(first_order_updates=1),
        dict(learn=("alpha",)),
    ],
    "classify": [dict(learn_step_size="array"), dict(freeze=("conv1",))],
    "prototypes": [dict(freeze=("conv1",))],
    "online": [dict(freeze=("conv1",), neuron="cuba")],
    "imaml": [dict(learn_step_size="array")],
}


@pytest.mark.parametrize("rule, wrong", [(r, w) for r, each in RUNS.items() for w in each or [{}]])
def test_runs_that_do_not_fit(rule, wrong):
    usual = dict(rule=rule, learn_step_size="no", inner_steps=2, step_size=0.5)
    with pytest.raises(ValueError, match=next(iter(wrong), "rule")):
        toy_config(**usual | wrong)
