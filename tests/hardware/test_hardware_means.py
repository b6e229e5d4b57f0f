"""Class means with counts: the bound on their error holds, and distances are those of the equation.
That C and WebAssembly have the same means is proven by `lives`."""

from fractions import Fraction

import numpy as np
import pytest

import minisnn as ms
from minisnn.hardware.c import export
from minisnn.hardware import CountedMeans, IntegerNet
from minisnn.hardware.page import make
from plain_means import NONE

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
def test_a_mean_lies_within_its_bound_of_the_exact_one(residuals, rounding):
    """After lessons and corrections in any order; and the bound is not ten times too wide."""
    rng = np.random.default_rng(7)
    means = CountedMeans(40, residuals, rounding)
    id = means.add()
    shots = []
    nearest = 0.0
    unit = 256 if residuals else 1
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
        p = traces(rng, 40)
        c = means.answering(one)
        assert means.distances(p) == [((p - 16 * c) ** 2).sum() // 256]
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
    means.known[0].shots = 65_535
    with pytest.raises(ValueError):
        means.learn(id, p)


def test_what_a_page_saved_belongs_to_the_export_of_the_same_network():
    """Whose readout class means never use."""
    chip = IntegerNet.of(ms.read("omniglot_fine.h5"))
    learner = chip.learner(rule="class-mean", rounding="nearest")
    ids = {export.constants(one, learner, 1)["id"] for one in (chip, make.empty(chip))}
    assert len(ids) == 1
    assert export.constants(chip, chip.learner(), 1)["id"] not in ids
