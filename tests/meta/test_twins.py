"""Every inner loop's meta-gradient against differences of the jet twin, and both engines."""

import numpy as np
import pytest
import small

import minisnn as ms

SCALE = 20.0  # untrained traces are small; at this scale the softmax is neither flat nor one-hot
AXES = np.random.default_rng(5).standard_normal((96, 5))
NETS = {
    "lif": dict(neuron=ms.LIF(gain=3.0)),
    "mean": dict(neuron=ms.LIF(gain=3.0), pool="mean", detach_reset=True),
    "cuba": dict(neuron=ms.CubaLIF(threshold=0.1)),
    "dense": dict(channels=(), hidden=(7,)),
    "learned": dict(neuron=ms.CubaLIF(threshold=0.1), learn=("alpha",)),
    "cnn": dict(kind=ms.ConvNet),
}
LOOPS = {
    "maml": (ms.InnerLoop(0.3, 2), "lif mean learned cnn"),
    "frozen": (ms.InnerLoop(0.3, 2, freeze=("conv1",)), "cuba"),
    "gate": (ms.InnerLoop(0.3, 2, threshold=1e-3), "mean"),
    "fraction": (ms.InnerLoop(0.3, 2, threshold_fraction=0.05), "lif"),
    "constants": (ms.InnerLoop(0.3, 2, adapt_constants=True), "learned"),
    "online": (ms.InnerLoop(0.3, online=True), "cuba"),
    "readout": (ms.OnlineReadout(2.0, scale=7.0), "cuba cnn"),
    "prototypes": (ms.ClassMeans(steps=0, scale=SCALE), "lif mean cuba dense learned"),
    "proto-maml": (ms.ClassMeans(0.5, 2, scale=SCALE), "lif mean cuba dense learned"),
    "looks": (ms.ClassMeans(steps=0, scale=SCALE, looks=5, readings=2), "cuba"),
    "axes": (ms.ClassMeans(steps=0, scale=SCALE, looks=9, readings=2, axes=AXES), "cuba"),
}
PAIRS = [(loop, net) for loop, (_, nets) in LOOPS.items() for net in nets.split()]


def network(name, backend="numpy", dtype="float64"):
    steps = {} if name == "cnn" else dict(window=14)
    return small.network(backend, input_shape=(8, 8, 2), dtype=dtype, **NETS[name], **steps)


@pytest.mark.parametrize("name, kind", PAIRS)
@pytest.mark.every(2)
def test_the_meta_gradient_is_the_slope_of_the_twin(name, kind):
    """Of theta and of the step sizes; the error falls by a hundred where the step falls by ten."""
    loop = LOOPS[name][0]
    net = network(kind)
    theta, task = small.fitted(net)
    found = loop.meta_gradient(net, theta, task)
    recorded = loop.record(net, theta, task)
    assert found.loss == pytest.approx(loop.loss(net, theta, task), rel=1e-12)
    same = loop.meta_gradient(net, theta, task, spike="jet", recorded=recorded)
    np.testing.assert_allclose(same.gradient, found.gradient, rtol=1e-9, atol=1e-12)
    v = np.random.default_rng(2).standard_normal(net.size)
    v /= np.linalg.norm(v)
    line = lambda h: loop.loss(net, theta + h * v, task, "jet", recorded) - found.loss
    errors = [abs(line(h) - h * (found.gradient @ v)) for h in (1e-2, 1e-3, 1e-4)]
    assert errors[1] < 0.02 * errors[0] and errors[2] < 0.02 * errors[1] + 1e-14
    if loop.steps:
        fields = {**vars(loop), "step_size": loop.step_size + 1e-5}
        ahead = type(loop)(**fields).loss(net, theta, task, "jet", recorded)
        behind = type(loop)(**fields | {"step_size": loop.step_size - 1e-5})
        slope = (ahead - behind.loss(net, theta, task, "jet", recorded)) / 2e-5
        assert found.step_size_gradient == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("name, kind", PAIRS)
@pytest.mark.every(3)
def test_the_engines_agree_and_keep_the_dtype(name, kind):
    loop = LOOPS[name][0]
    net = network(kind)
    theta, task = small.fitted(net)
    expected = loop.meta_gradient(net, theta, task)
    size = np.abs(expected.gradient).max()
    for dtype, near in (("float64", 1e-10), ("float32", 3e-3)):
        fast = network(kind, "numba", dtype)
        found = loop.meta_gradient(fast, theta.astype(dtype), task)
        assert found.gradient.dtype == dtype
        assert np.abs(found.gradient - expected.gradient).max() < near * size
        np.testing.assert_allclose(
            found.query_logits, expected.query_logits, rtol=0, atol=near * SCALE
        )
