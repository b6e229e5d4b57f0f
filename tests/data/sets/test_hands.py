"""The drawn hands: the same for a seed, all letters different, no easier than they should be."""

import numpy as np
import pytest

from minisnn.data.sets.hands import LETTERS, draw_hand, hand_picture

PER_LETTER = 6


def hand_pictures(per_letter, seed, size=(120, 160)):
    """Pictures of all letters, sorted by letter: uint8 (24 per_letter, H, W)."""
    return np.stack(
        [hand_picture(letter, n, seed, size) for letter in range(24) for n in range(per_letter)]
    )


@pytest.fixture(scope="module")
def drawn():
    return [hand_pictures(PER_LETTER, seed).reshape(24, PER_LETTER, 120, 160) for seed in (0, 1)]


def test_what_is_returned(drawn):
    images = hand_pictures(2, 3, (60, 80))
    assert images.shape == (48, 60, 80) and images.dtype == np.uint8
    assert "".join(LETTERS) == "abcdefghiklmnopqrstuvwxy"
    hand = draw_hand(0, np.random.default_rng(0))
    assert hand.shape == (120, 160) and hand.dtype.kind == "f" and 0 <= hand.min() < hand.max() <= 1


def _compared(images: np.ndarray) -> np.ndarray:
    """Pictures (24, n, pixels) of mean 0 and length 1: brightness does not count."""
    images = images.reshape(*images.shape[:2], -1).astype(float)
    images = images - images.mean(axis=2, keepdims=True)
    return images / np.linalg.norm(images, axis=2, keepdims=True)


@pytest.mark.slow
def test_letters_differ_more_than_seeds():
    """Mean pictures of two letters lie further apart than those of one letter from two seeds, in
    all pairs."""
    one, other = (
        _compared(hand_pictures(150, seed, (36, 48)).reshape(24, 150, -1)).mean(axis=1)
        for seed in (0, 1)
    )
    distance = np.linalg.norm(one[:, None] - other[None], axis=2)
    same, apart = np.diag(distance), distance + np.diag(np.full(24, np.inf))
    assert np.all(same < apart.min(axis=0)) and np.all(same < apart.min(axis=1))
    assert same.mean() < 0.5 * distance[~np.eye(24, dtype=bool)].mean()


def test_one_shot_nearest_neighbour_is_no_easier_than_on_photographs():
    """Untrained 5-way one-shot accuracy, correlation of pictures: 0.48 on photographs of these
    letters at 28 x 28."""
    images = hand_pictures(12, 0)[:, :, 20:140].reshape(24, 12, 30, 4, 30, 4).mean(axis=(3, 5))
    images = _compared(images)
    rng, right = np.random.default_rng(0), []
    for _ in range(600):
        letters = rng.choice(24, 5, replace=False)
        support, query = np.stack([images[k, rng.choice(12, 2, replace=False)] for k in letters], 1)
        right.append((query @ support.T).argmax(1) == np.arange(5))
    assert 0.37 < np.mean(right) < 0.52
