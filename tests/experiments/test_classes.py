"""Classes one by one: the readout that grows, beside plain formulas."""

from types import SimpleNamespace

import numpy as np
import pytest

import minisnn as ms
from minisnn.experiments.classes import FIRST, READOUT_RULES, Grown, _episode, area
from minisnn.experiments.study import recalled
from minisnn.layers.loss import cross_entropy


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    means = rng.random((6, 40))
    return (
        means,
        np.clip(means[:, None] + 0.1 * rng.normal(size=(6, 3, 40)), 0, 1).reshape(18, 40),
        np.arange(6).repeat(3),
    )


def grown(features, **how):
    readout = Grown(40, 0.3, **how)
    for p in features[0]:
        readout.meet(p)
    return readout


def test_without_a_step_it_is_the_nearest_class_mean_and_forgets_nothing(features):
    means, query, y = features
    readout = grown(features, step=0.0)
    np.testing.assert_allclose(
        readout.scores(query), -0.3 * ((query[:, None] - means) ** 2).sum(2), rtol=0, atol=1e-12
    )
    assert (readout.scores(query).argmax(1) == y).all() and readout.written == 6 * 41
    short = grown((means[:4],), step=0.0)
    np.testing.assert_array_equal(short.weight, readout.weight[:4])


def test_a_step_is_that_of_the_gradient(features):
    """Of the cross-entropy of the new class's recording over all classes met, by differences."""
    means, h = features[0], 1e-6
    before, after = grown((means[:5],), step=0.0), grown((means[:5],), step=0.0)
    for readout, step in ((before, 0.0), (after, 0.2)):
        readout.step = step
        readout.meet(means[5])

    def loss(weight):
        return cross_entropy(means[5:] @ weight.T + before.bias, np.array([5]))

    for place in ((5, 3), (0, 7), (2, 2)):
        up, down = before.weight.copy(), before.weight.copy()
        up[place] += h
        down[place] -= h
        assert (after.weight - before.weight)[place] == pytest.approx(
            -0.2 * (loss(up) - loss(down)) / (2 * h), rel=1e-5
        )
    gated = grown((means[:5],), step=0.0)
    gated.step, gated.gate = 0.2, 0.1
    gated.meet(means[5])
    assert 0 < (gated.weight != before.weight).mean() < (after.weight != before.weight).mean()


def test_8_bits_are_8_bits_and_unbiased(features):
    readout = grown(features, step=0.05, bits=True)
    unit = 0.6 / 128
    whole = readout.weight / unit
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-9)
    assert (
        whole.min() >= -128
        and whole.max() < 127.5
        and (readout.scores(features[1]).argmax(1) == features[2]).mean() > 0.8
    )
    draws = np.array(
        [
            Grown(1, 0.3, 0.0, bits=True, seed=s)._word(np.array([[0.4 * unit]]))[0, 0]
            for s in range(2000)
        ]
    )
    assert set(np.round(draws / unit).tolist()) == {
        0.0,
        1.0,
    } and draws.mean() / unit == pytest.approx(0.4, abs=0.04)


def test_every_rule_tells_classes_apart_and_refuses_others(features):
    means, query, y = features
    for name, how in READOUT_RULES.items():
        readout = grown((means[:4],), **how)
        scores, met = readout.scores(query), y < 4
        if not how.get("mean", True):  # what is known is unlearned: the last class is all there is
            assert (scores[met].argmax(1) == 3).mean() > 0.5
        else:
            assert (scores[met].argmax(1) == y[met]).mean() >= 0.75, name
            assert area(scores[met].max(1), scores[~met].max(1)) > 0.8, name


def test_area():
    assert (
        area(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
        and area(np.array([1.0]), np.array([2.0])) == 0
    )
    assert area(np.array([1.0, 1.0]), np.array([1.0])) == 0.5


def test_an_episode_tells_its_two_moments_apart(features):
    """After FIRST classes their queries are asked, after all of them all; each answer rests on its
    own recordings."""
    means, query, y = features
    numbers = np.arange(6)[:, None], np.arange(10, 28)[:, None]
    task = ms.Task(means[:, None], np.arange(6), query[:, None], y, recordings=numbers)
    net = SimpleNamespace(features=lambda theta, x: x[:, 0])
    tasks, settings = (
        SimpleNamespace(episode=lambda *asked: task),
        SimpleNamespace(seed=0, queries=3),
    )
    curves, *moments = _episode(tasks, settings, net, None, 0.3, 6, 0)
    for met, moment in zip((FIRST, 6), moments):
        found = recalled(*moment)
        assert found.right.shape == (len(READOUT_RULES), 3 * met)
        np.testing.assert_allclose(found.right.mean(1), [curve[met - 1][0] for curve in curves])
        np.testing.assert_array_equal(found.drawn.query, np.arange(10, 28)[y < met, None])
        np.testing.assert_array_equal(found.drawn.of, y[y < met])
        np.testing.assert_array_equal(found.drawn.support, np.arange(6)[:, None])
    assert not np.allclose(recalled(*moments[0]).right.mean(1), recalled(*moments[1]).right.mean(1))
