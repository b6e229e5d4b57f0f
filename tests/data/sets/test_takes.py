"""Takes: moments of one and the same hand, tasks by both protocols, and the table that compares
them with real takes."""

import dataclasses

import numpy as np
import pytest
from slowly import after, all_but

import minisnn as ms
from minisnn.data.sets import takes
from minisnn.data.sets.takes import Take

SUBJECTS = {"train": range(5), "val": range(5, 8), "test": range(8, 13)}


@dataclasses.dataclass(frozen=True)
class Unseen(Take):
    """A take of which nothing is drawn, and the camera before it."""

    def camera(self, camera: ms.EventCamera, t: float) -> "Unseen":
        return self

    def picture(self, t: float) -> np.ndarray:
        return np.zeros((2, 2))

    def record_counts(self, pictures, noise, *how) -> np.ndarray:
        return np.random.default_rng(noise).poisson(0.001, (1, 100, 30, 40, 2)).astype(np.uint8)


@pytest.mark.parametrize("protocol", after(1, ("same-take", "new-subject")))
@pytest.mark.parametrize("split", all_but(("test",), SUBJECTS))
def test_protocols(monkeypatch, split, protocol):
    monkeypatch.setattr(takes, "Take", Unseen)
    data = ms.DoubleASL(split, protocol=protocol, cache=False, progress=False)
    known = split == "train" or protocol == "same-take"
    subject, moment = np.divmod(data.pool.numbers - 1, 60)
    seen = set()
    for index in range(12):
        support, query = data.episode(1, index).recordings
        both = np.concatenate([support.ravel(), query.ravel()])
        assert not {*support.ravel()} & {*query.ravel()} and len({*subject[both]}) == 1
        seen |= {*subject[both]}
    assert seen <= {*SUBJECTS["train" if known else split]} and len(seen) > 1
    if known:
        assert ((1 + moment) % 5 != 0).all() == (split == "train")


def test_what_moves_slowly_has_its_moments_at_every_time(rng):
    found = np.array([takes.Slow(rng, (2,))(np.array([0.0, 0.1, 50.0])) for _ in range(2000)])
    assert np.abs(found.mean(0)).max() < 0.1 and np.abs(found.var(0) - 1).max() < 0.15
    near, far = ((found[:, 0] * found[:, k]).mean() for k in (1, 2))
    assert near > 0.9 > 0.2 > abs(far)
    place = Take(0, 3, 7).place(np.linspace(0, 60, 601))
    assert place.shape == (601, 2) and 1 < np.abs(np.diff(place[:, 0])).max() < 60
