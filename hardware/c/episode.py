"""selftest.bin: an episode as Python computed it, which the C library repeats (episode.h)."""

import numpy as np

from ..chip.learner import CLASS_MEAN, Learner, learn
from ..chip.means import CountedMeans
from ..chip.network import IntegerNet


def vectors(chip: IntegerNet, learner: Learner, x_support, y_support, x_query) -> bytes:
    """Return selftest.bin in the format of episode.h: sizes, labels, the events of every sample,
    and every expected number."""
    n = len(x_support)
    support = chip.spikes(x_support)
    # in this order
    p = chip.traces(np.concatenate([support, support, chip.spikes(x_query)]), seed=learner.seed)
    if learner.rule == CLASS_MEAN:
        expected = _by_means(chip, learner, p[n : 2 * n, -1], y_support, p[2 * n :])
    else:
        new = learn(chip, learner, p[n : 2 * n], y_support)
        after = chip.membranes(p[2 * n :], new.weight, new.bias)
        expected = [chip.membranes(p[:n]), new.weight, new.bias, after]
    parts = [np.array([len(x_support), len(x_query), x_support.shape[1]]), np.asarray(y_support)]
    parts += [array for x in (*x_support, *x_query) for array in events(x)[::-1]]
    parts += expected
    little = {np.dtype(np.uint8): "u1", np.dtype(np.uint16): "<u2"}
    return b"".join(
        np.ascontiguousarray(part, little.get(part.dtype, "<i4")).tobytes() for part in parts
    )


def means_of(chip: IntegerNet, learner: Learner) -> CountedMeans:
    """Return the class means of a device with this learner in their initial state, without
    classes."""
    return CountedMeans(
        len(chip.weight),
        learner.residuals,
        learner.rounding,
        learner.seed,
        learner.refuse,
        chip.nothing,
    )


def _by_means(chip: IntegerNet, learner: Learner, taught, y_support, asked) -> list[np.ndarray]:
    """Return the means (ways, inputs) after learning the support's traces (S, inputs), and the
    scores (Q, T, ways) of the query's traces (Q, T, inputs)."""
    means = means_of(chip, learner)
    ids = [means.add() for _ in range(chip.ways)]
    for p, label in zip(taught, y_support):
        means.learn(ids[label], p)
    scores = [[means.scores(p) for p in recording] for recording in asked]
    return [
        np.array([means.answering(known) for known in means.known]),
        np.array(scores, np.int64).reshape(len(asked), -1, chip.ways),
    ]


def events(x: np.ndarray, rng=None) -> tuple[np.ndarray, np.ndarray]:
    """Convert counts (T, H, W, C) to events. Return (events (n, 3), each an edge_event; the number
    of events in each step (T,), uint16). `rng` shuffles the events within each step.

    Raises ValueError for coordinates or counts that do not fit the words of an event.
    """
    if max(x.shape[1:]) > 256 or x.sum((1, 2, 3), dtype=np.int64).max(initial=0) > 65_535:
        raise ValueError(
            "an event can name at most 256 rows, columns and channels, and a step can hold at most "
            f"65,535 events; found {x.shape[1:]} and {x.sum((1, 2, 3), dtype=np.int64).max()}"
        )
    t, y, column, channel = np.repeat(np.argwhere(x), x[x > 0], 0).T
    order = np.lexsort((rng.random(len(t)), t)) if rng is not None else slice(None)
    found = np.stack([column, y, channel], 1)[order].astype(np.uint8)
    return np.ascontiguousarray(found), np.bincount(t, minlength=len(x)).astype(np.uint16)
