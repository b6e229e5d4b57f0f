"""Intervals over recordings and over trials: how often they hold what they are said to hold."""

import numpy as np
import pytest

from minisnn.training.intervals import ci95, intervals, over_recordings, over_trials, rule_of_three


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


def test_rule_of_three_holds_what_it_says():
    """Of the chance 3 / n, n cases without one come up once in twenty times."""
    for n in (20, 100, 1000):
        assert (1 - rule_of_three(n)) ** n == pytest.approx(0.05, abs=0.012)
    assert rule_of_three(2) == 1


def test_intervals_of_answers():
    """Usual ones where answers differ, and the rule of three where none does, in answers and in recordings."""
    right, which = experiment(np.random.default_rng(3))
    each = right.reshape(20, 10).mean(1).tolist()
    assert intervals(right, which, 20) == (ci95(each), over_recordings(right, which))
    seen = len(np.unique(which))
    for same in (np.ones(200, bool), np.zeros(200)):
        assert intervals(same, which, 20) == (3 / 200, 3 / seen)
    assert intervals(np.ones(200), np.zeros((200, 0), int), 20) == (3 / 200, None)
    assert intervals(np.ones(10), which[:10], 1)[0] is None


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
