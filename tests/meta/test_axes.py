"""Class means along Fisher's axes: the axes against their definition, the rule's gradient, and runs
that fit them."""

import numpy as np
import pytest
from toy import assert_same, toy_config, toy_data

from minisnn.core.neuron import CubaLIF
from minisnn.meta.discriminants import BITS, RIDGE, Scatter, fisher_axes, rounded
from minisnn.meta.prototypes import ClassMeans, class_means, distance_logits
from minisnn.meta.tasks import Task
from minisnn.network.spiking import SpikingNet
from minisnn.parallel.workers import Workers
from minisnn.training.checkpoint import read, save
from minisnn.training.evaluation import evaluate
from minisnn.training.run import train

SCALE = 20.0


def scattered(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S_w and S_b by their sums, a sample and a class at a time; without the noise of means."""
    classes = np.unique(y)
    means = [p[y == k].mean(0) for k in classes]
    middle = np.mean(means, 0)
    within = sum(np.outer(q - c, q - c) for k, c in zip(classes, means) for q in p[y == k])
    between = sum(np.outer(c - middle, c - middle) for c in means)
    within = within / (len(y) - len(classes))
    noise = within * np.mean([1 / (y == k).sum() for k in classes])
    return within, between / (len(classes) - 1) - noise


def drawn(rng, classes=9, each=6, features=5):
    y = np.repeat(np.arange(classes) * 3, each)
    centres = rng.standard_normal((y.max() + 1, features))
    mix = rng.standard_normal((features, features))
    return centres[y] + rng.standard_normal((len(y), features)) @ mix, y


@pytest.mark.parametrize("number, ridge", [(1, RIDGE), (3, 0.1), (5, 1.0)])
def test_axes_are_those_of_the_definition(number, ridge):
    p, y = drawn(np.random.default_rng(0))
    axes = fisher_axes(p, y, number, ridge)
    within, between = scattered(p, y)
    wide = within + ridge * np.trace(within) / 5 * np.eye(5)
    ratios = [a @ between @ a / (a @ wide @ a) for a in axes.T]
    best = np.sort(np.linalg.eigvals(np.linalg.solve(wide, between)).real)[::-1]
    exact = 2.0**-BITS  # of a rounded number
    np.testing.assert_allclose(ratios, best[:number], rtol=10 * exact)
    np.testing.assert_array_equal(axes, rounded(axes))
    assert (axes[np.abs(axes).argmax(0), np.arange(number)] > 0).all()
    assert np.trace(axes.T @ within @ axes) == pytest.approx(np.trace(within), rel=4 * exact)
    for a, ratio in zip(axes.T, ratios):  # where the ratio is stationary
        assert np.abs(between @ a - ratio * (wide @ a)).max() < 10 * exact * np.abs(wide @ a).max()


def test_samples_in_parts_and_in_any_order_give_the_same_axes():
    rng = np.random.default_rng(1)
    p, y = drawn(rng)
    found = Scatter()
    for rows in np.array_split(rng.permutation(len(y)), 4):
        found.add(p[rows], np.array([f"class {k}" for k in y])[rows])
    np.testing.assert_allclose(found.axes(3), fisher_axes(p, y, 3), rtol=2.0 ** (1 - BITS))


def test_what_axes_cannot_be_fitted_to():
    rng = np.random.default_rng(0)
    p, y = drawn(rng)
    for *wrong, word in (
        (p, y, 6, "axes"),
        (p[:18], y[:18], 3, "axes"),
        (p, y, 0, "axes"),
        (p, y, 1, 0.0, "ridge"),
        (p * np.nan, y, 1, "finite"),
        (p * 1j, y, 1, "real"),
        (np.eye(2)[y // 3 % 2], y // 3 % 2, 1, "differ"),
        (np.outer(np.arange(54) % 6, [1, 0]) + np.outer(y, [0, 9]), y, 1, "differ"),
        (p, np.zeros(len(y), int), 1, "classes"),
        (p[::6], y[::6], 1, "samples"),
        (np.ones_like(p), y, 1, "differ"),
        (p, y[1:], 1, "samples"),
    ):
        with pytest.raises(ValueError, match=word):
            fisher_axes(*wrong)


def make(backend="numpy", dtype=np.float64):
    net = SpikingNet(
        (8, 6, 2), (3, 4), 3, 3, "max", CubaLIF(threshold=0.1), 8, dtype, backend=backend
    )
    rng = np.random.default_rng(0)
    x = [(rng.random((3 * n, 9, 8, 6, 2)) < 0.1).astype(np.uint8) for n in (1, 2)]
    task = Task(x[0], np.arange(3), x[1], np.arange(6) % 3)
    return net, net.init(rng, task.x_support, rate=0.2), task, rng


def test_files_hold_them(tmp_path):
    net, theta, task, rng = make(dtype=np.float32)
    axes = rng.standard_normal((net.layout[-2].shape[0], 4)).astype(np.float32)
    loop = ClassMeans(steps=0, scale=SCALE, looks=5, axes=axes)
    save(tmp_path / "net.h5", net, theta, inner=loop)
    found = read(tmp_path / "net.h5").inner
    assert found == loop and found.axes.tobytes() == axes.tobytes()
    assert found.logits(net, theta, task).tobytes() == loop.logits(net, theta, task).tobytes()
    save(tmp_path / "none.h5", net, theta, inner=loop.once)
    assert read(tmp_path / "none.h5").inner.axes is None


SETTINGS = dict(rule="prototypes", learn_step_size="no", step_size=1.0, scale=1.0, axes=3)


@pytest.mark.slow
def test_a_run_fits_them_at_its_end_and_again_to_the_same_bits(tmp_path):
    config = toy_config(**SETTINGS)
    done = train(config, tmp_path / "a", data=toy_data(), progress=False)
    assert done.inner.axes.shape == (done.net.layout[-2].shape[0], 3)
    assert done.test["rules"]["own"]["mean"] != done.test["accuracy_after"]
    assert done.inner.axes.dtype == done.net.dtype
    found = read(tmp_path / "a" / "checkpoint.h5")
    assert found.inner.axes.tobytes() == done.inner.axes.tobytes()

    def tested(split: str, episodes: int, seed: int) -> float:
        of = found.net, found.theta, found.inner, toy_data()[split], split
        return evaluate(*of, episodes, seed, 3, 1, 2, progress=False)["accuracy_after"]

    assert tested("test", config.test_episodes, config.test_seed) == done.test["accuracy_after"]
    assert tested("val", config.evaluate_episodes, config.seed) == done.curve["validation"][-1]
    with Workers(2) as executor:
        train(config, tmp_path / "b", data=toy_data(), progress=False, executor=executor)
    assert_same(tmp_path / "a", tmp_path / "b")
    other = read(tmp_path / "b" / "checkpoint.h5").inner.axes
    assert other.tobytes() == found.inner.axes.tobytes()
    plain = train(
        toy_config(**SETTINGS | {"axes": 0}), tmp_path / "c", data=toy_data(), progress=False
    )
    assert plain.theta.tobytes() == done.theta.tobytes() and plain.inner.axes is None


def test_a_network_that_is_silent_is_compared_along_all_features(tmp_path, monkeypatch):
    config = toy_config(**SETTINGS)
    monkeypatch.setattr(SpikingNet, "features", lambda net, theta, x, **_: np.zeros((len(x), 36)))
    with pytest.warns(UserWarning, match="axes"):
        run = train(config, tmp_path / "a", data=toy_data(), progress=False)
    assert run.inner.axes is None
    assert read(tmp_path / "a" / "checkpoint.h5").progress["update"] == 12


def test_noise_with_random_labels_stays_at_chance():
    """Axes of noise tell nothing of other noise, and none of what a task's queries are."""
    rng = np.random.default_rng(0)
    p, y = rng.standard_normal((600, 40)), np.repeat(np.arange(60), 10)
    axes, right = fisher_axes(p, y, 10), []
    for _ in range(400):
        s, q = rng.standard_normal((5, 40)) @ axes, rng.standard_normal((25, 40)) @ axes
        answers = distance_logits(q, class_means(s, np.arange(5), 5)).argmax(1)
        right.append((answers == np.arange(25) % 5).mean())
    assert abs(np.mean(right) - 0.2) < 4 * np.std(right) / 20


def test_what_differs_within_classes_alone_no_longer_misleads():
    """Two features tell the classes, twenty louder ones nothing."""
    rng = np.random.default_rng(0)

    def samples(classes, each):
        y = np.repeat(np.arange(classes), each)
        centres = 2 * rng.standard_normal((classes, 2))
        telling = centres[y] + 0.3 * rng.standard_normal((len(y), 2))
        return np.hstack([telling, 3 * rng.standard_normal((len(y), 20))]), y

    axes = fisher_axes(*samples(50, 10), 2, ridge=0.1)
    right = {"all": [], "axes": []}
    for _ in range(100):
        p, y = samples(5, 6)
        first = np.arange(30) % 6 == 0
        for name, along in (("all", np.eye(22)), ("axes", axes)):
            means = class_means(p[first] @ along, y[first], 5)
            answers = distance_logits(p[~first] @ along, means).argmax(1)
            right[name].append((answers == y[~first]).mean())
    assert np.mean(right["all"]) < 0.4 < 0.7 < np.mean(right["axes"])
