"""Class means with counts: the fast path is plain integers, and the bound on their error holds."""

from fractions import Fraction

import numpy as np
import pytest
from plain_means import Means

import minisnn as ms
from minisnn.data.store.shipped import shipped
from minisnn.hardware.c import export
from minisnn.hardware.chip.formats import seed_state
from minisnn.hardware.chip.learner import CLASS_MEAN
from minisnn.hardware import CountedMeans, IntegerNet
from minisnn.hardware.chip.means import MOST_SHOTS, NONE
from minisnn.hardware.page import make

KINDS = [(r, s) for r in (False, True) for s in ("nearest", "stochastic")]


def traces(rng, inputs=6):
    """Of a shot: silent inputs, full ones, and what lies between."""
    kind = rng.integers(4, size=inputs)
    return np.choose(
        kind, [0, 4096, rng.integers(4097, size=inputs), rng.integers(60, size=inputs)]
    )


def state(means):
    return {one.id: [one.shots, one.slack, one.mean.tolist()] for one in means.known}


@pytest.mark.parametrize("residuals, rounding", KINDS)
def test_the_fast_path_equals_plain_integers(residuals, rounding):
    rng = np.random.default_rng(3)
    fast = CountedMeans(6, residuals, rounding, seed=5, refuse=90_000)
    plain = Means(6, seed_state(5), residuals, rounding == "stochastic", refuse=90_000)
    taught: list[tuple[int, np.ndarray]] = []
    answers = set()
    for _ in range(300):
        what, p = rng.integers(8), traces(rng)
        ids = list(plain.classes)
        if what == 0 and len(ids) < 7:
            assert fast.add() == plain.add()
        elif what == 1 and len(ids) > 3:
            gone = int(rng.choice(ids))
            fast.remove(gone)
            del plain.classes[gone]
            taught = [one for one in taught if one[0] != gone]
        elif what == 2 and taught:
            old, p = taught.pop(int(rng.integers(len(taught))))
            new = int(rng.choice([NONE, *ids]))
            fast.correct(old, new, p)
            if new != old:
                plain.shot(old, p.tolist(), -1)
            if new not in (old, NONE):
                plain.shot(new, p.tolist(), 1)
            taught += [(new, p)] * (new != NONE)
        elif ids:
            id = int(rng.choice(ids))
            fast.learn(id, p)
            plain.shot(id, p.tolist(), 1)
            taught.append((id, p))
        assert state(fast) == plain.classes and fast.noise == plain.noise
        p = traces(rng)
        assert fast.distances(p).tolist() == plain.distances(p.tolist())
        assert fast.scores(p).tolist() == plain.scores(p.tolist())
        assert fast.nearest(p) == plain.nearest(p.tolist())
        answers.add(fast.nearest(p))
    assert NONE in answers and len(answers) > 4


@pytest.mark.parametrize("residuals, rounding", KINDS)
def test_a_mean_lies_within_its_bound_of_the_exact_one(residuals, rounding):
    """After lessons and corrections in any order; and the bound is not ten times too wide."""
    rng = np.random.default_rng(7)
    means = CountedMeans(40, residuals, rounding)
    id, shots, nearest, unit = means.add(), [], 0.0, 256 if residuals else 1
    for n in range(160):
        if shots and rng.integers(4) == 0:
            means.correct(id, NONE, shots.pop(int(rng.integers(len(shots)))))
        else:
            shots.append(traces(rng, 40))
            means.learn(id, shots[-1])
        one = means.known[0]
        assert one.shots == len(shots)
        if not shots:
            assert not one.mean.any() and one.slack == 0
            continue
        bound = one.bound * (2 if rounding == "stochastic" else 1)
        sums = np.minimum(shots, 4080).sum(0).tolist()
        error = max(
            abs(c - Fraction(s * unit, 16 * len(shots))) for c, s in zip(one.mean.tolist(), sums)
        )
        assert error <= Fraction(bound), n
        nearest = max(nearest, float(error) / bound)
    assert nearest > 0.1


def test_what_cannot_be_is_refused_and_changes_nothing():
    means = CountedMeans(3)
    id = means.add()
    p = np.array([1, 2, 3])
    for error, call in (
        (KeyError, lambda: means.learn(7, p)),
        (KeyError, lambda: means.remove(NONE)),
        (ValueError, lambda: means.correct(id, NONE, p)),
        (ValueError, lambda: means.learn(id, p[:2])),
        (ValueError, lambda: means.distances(p / 2)),
        (ValueError, lambda: means.learn(id, p + [0, 0, 4094])),
        (ValueError, lambda: CountedMeans(3, rounding="floor")),
    ):
        with pytest.raises(error):
            call()
    assert state(means) == {0: [0, 0, [0, 0, 0]]} and means.nearest(p) == NONE
    means.known[0].shots = MOST_SHOTS
    with pytest.raises(ValueError):
        means.learn(id, p)


def test_stochastic_means_go_on_where_nearest_ones_stand_still():
    """Of many shots, the nearest rounding leaves out what is less than half a place a shot."""
    found = {}
    for rounding in ("nearest", "stochastic"):
        means = CountedMeans(200, rounding=rounding)
        id = means.add()
        for n in range(600):
            means.learn(id, np.full(200, 0 if n < 300 else 1600))
        found[rounding] = means.known[0].mean.mean()
    assert abs(found["stochastic"] - 50) < 1 < 20 < abs(found["nearest"] - 50)


def test_what_a_page_saved_belongs_to_the_export_of_the_same_network():
    """Whose readout class means never use."""
    chip = IntegerNet.of(ms.read(shipped("omniglot_fine.h5")))
    learner = chip.learner(rule=CLASS_MEAN, rounding="nearest")
    ids = {export.constants(one, learner, 1)["id"] for one in (chip, make.empty(chip))}
    assert len(ids) == 1
    assert export.constants(chip, chip.learner(), 1)["id"] not in ids
