"""Intervals over recordings and over trials: how often they hold what they are said to hold."""

import numpy as np
import pytest

from minisnn.training.intervals import over_recordings, over_trials


def experiment(rng, recordings=60, episodes=200, spread=0.15):
    """Answers whose chance depends on the recordings they rest on, and their recordings."""
    effect = spread * rng.standard_normal(recordings)
    which = rng.integers(0, recordings, (episodes, 2))
    chance = np.clip(0.8 + effect[which].mean(1), 0, 1)
    return rng.random(episodes) < chance, which


def test_coverage_where_recordings_are_shared():
    """Over many pools, nine in ten intervals or more hold the true mean; those over answers far fewer."""
    rng = np.random.default_rng(0)
    truth = np.mean([experiment(rng, 2000, 20000)[0].mean() for _ in range(10)])
    held, naive = [], []
    for _ in range(200):
        right, which = experiment(rng, 30, 3000)
        miss = abs(right.mean() - truth)
        held.append(miss <= over_recordings(right, which, resamples=400))
        naive.append(miss <= 1.96 * right.std(ddof=1) / len(right) ** 0.5)
    assert 0.88 <= np.mean(held) <= 0.99 and np.mean(naive) < 0.75


def test_answers_that_share_nothing_have_the_usual_interval():
    rng = np.random.default_rng(1)
    right = rng.random(3000) < 0.9
    usual = 1.96 * right.std(ddof=1) / len(right) ** 0.5
    assert over_recordings(right, np.arange(3000)[:, None]) == pytest.approx(usual, rel=0.1)
    assert over_recordings(right, np.arange(6000).reshape(3000, 2)) == pytest.approx(2**0.5 * usual, rel=0.1)
    with_none = np.stack([np.arange(3000), np.full(3000, -1)], 1)
    assert over_recordings(right, with_none) == over_recordings(right, np.arange(3000)[:, None])


def test_two_recordings_alone():
    """All answers of one right, all of the other wrong: resamples have 0, 1/2 or 1."""
    assert over_recordings([1, 1, 0, 0], np.array([[7], [7], [9], [9]])) == 0.5


def test_one_seed_one_interval():
    right, which = experiment(np.random.default_rng(2))
    assert over_recordings(right, which) == over_recordings(right, which) != over_recordings(right, which, seed=1)


def test_all_right():
    assert over_recordings(np.ones(5), np.arange(5)[:, None]) == 0


@pytest.mark.parametrize("right, which", [([], np.zeros((0, 1))), ([1, 0], np.zeros((3, 1), int)), ([1, 0], np.zeros(2, int))])
def test_shapes_that_do_not_fit(right, which):
    with pytest.raises(ValueError, match="expected"):
        over_recordings(right, which)


def test_students_t():
    values = [0.1, 0.2, 0.3]
    assert over_trials(values) == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)
    ten = np.arange(10.0)
    assert over_trials(ten) == pytest.approx(2.2622 * ten.std(ddof=1) / 10**0.5, rel=1e-4)
    assert over_trials([0.5]) is None
