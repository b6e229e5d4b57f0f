"""Class means along Fisher's axes: the axes against their definition, the rule's gradient, and runs
that fit them."""

import numpy as np
import pytest
from toy import toy_config, toy_data

from minisnn import fisher_axes, read, evaluate, train

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


@pytest.mark.parametrize("number, ridge", [(1, 3.0), (3, 0.1), (5, 1.0)])
def test_axes_are_those_of_the_definition(number, ridge):
    p, y = drawn(np.random.default_rng(0))
    axes = fisher_axes(p, y, number, ridge)
    within, between = scattered(p, y)
    wide = within + ridge * np.trace(within) / 5 * np.eye(5)
    ratios = [a @ between @ a / (a @ wide @ a) for a in axes.T]
    best = np.sort(np.linalg.eigvals(np.linalg.solve(wide, between)).real)[::-1]
    exact = 2.0**-11  # of a rounded number
    np.testing.assert_allclose(ratios, best[:number], rtol=10 * exact)
    assert (axes[np.abs(axes).argmax(0), np.arange(number)] > 0).all()
    assert np.trace(axes.T @ within @ axes) == pytest.approx(np.trace(within), rel=4 * exact)
    turned = fisher_axes(p[::-1], y[::-1], number, ridge)
    np.testing.assert_allclose(turned, axes, rtol=2 * exact)
    for a, ratio in zip(axes.T, ratios):  # where the ratio is stationary
        assert np.abs(between @ a - ratio * (wide @ a)).max() < 10 * exact * np.abs(wide @ a).max()


def test_what_axes_cannot_be_fitted_to():
    p, y = drawn(np.random.default_rng(0))
    for *wrong, word in (
        (p[:18], y[:18], 3, "axes"),
        (p, y, 1, 0.0, "ridge"),
        (p * np.nan, y, 1, "finite"),
        (p * 1j, y, 1, "real"),
        (np.ones_like(p), y, 1, "differ"),
        (p, np.zeros(len(y), int), 1, "classes"),
        (p[::6], y[::6], 1, "samples"),
        (p, y[1:], 1, "samples"),
    ):
        with pytest.raises(ValueError, match=word):
            fisher_axes(*wrong)


SETTINGS = dict(rule="prototypes", learn_step_size="no", step_size=1.0, scale=1.0, axes=3)


@pytest.mark.slow
def test_a_run_fits_them_at_its_end(tmp_path):
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
    plain = train(
        toy_config(**SETTINGS | {"axes": 0}), tmp_path / "c", data=toy_data(), progress=False
    )
    assert plain.theta.tobytes() == done.theta.tobytes() and plain.inner.axes is None
