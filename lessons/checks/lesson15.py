"""Lesson 15: learning on the edge."""

import numpy as np

from minisnn.hardware.chip import errors

from . import answer, close, kept, mine, right, same, wrong, tested

mine.prepare(__name__)


def _error(u, label):
    e = np.empty(len(u), np.int64)
    errors.error(np.asarray(u, np.int64), label, errors.SOFTMAX, e)
    return e


@kept("15.1")
def error(function):
    """15.1: the softmax error in eight bits."""
    rng = np.random.default_rng(0)
    cases = [(rng.integers(-3000, 3000, 5), n % 5) for n in range(20)] + [
        (np.array([32767, -32768, 0]), n) for n in (2, 0)
    ]
    for u, label in cases:
        found, expected = answer("15.1", function, u, label), _error(u, label)
        if found.dtype.kind == "f":
            raise wrong(
                "15.1",
                "e must be whole numbers, in units of 1/128; yours are floats. Use // in place of "
                "/",
            )
        hot = np.eye(len(u), dtype=int)[label]
        places = np.minimum(u.max() - u >> 6, 256)
        z = np.append(errors.EXPONENTIAL, 0)[places]
        S, nearest = z.sum(), (256 * z + z.sum()) // (2 * z.sum())
        same(
            "15.1",
            "e",
            found,
            expected,
            (
                (
                    np.minimum(128 * z // S - 128 * hot, 127),
                    "round to nearest: yours is floored. (256 z + S) // (2 S)",
                ),
                (
                    nearest - 128 * hot,
                    "128 does not fit a signed word of 8 bits, which ends at 127",
                ),
                (
                    np.minimum(nearest, 127) - 128 * hot,
                    "a neuron that is right and sure has the error 0, and yours has -1: clip after "
                    "the "
                    "label's 128 is taken away",
                ),
                (
                    np.clip(nearest - 128 * hot, -127, 127),
                    "only 128 does not fit: a word of 8 bits goes down to -128",
                ),
                (
                    np.minimum(nearest, 127),
                    "a neuron's error is softmax minus one at its label: take 128 away at `label`",
                ),
                (
                    nearest,
                    "a neuron's error is softmax minus one at its label: take 128 away at `label`",
                ),
                (-expected, "the sign: softmax counts plus, the label minus"),
                (
                    np.clip((256 * (z - 128 * hot) + S) // (2 * S), -128, 127),
                    "the label's 128 are units of 1/128, as e has them: take them from e, after "
                    "the division, and not from z",
                ),
                (np.minimum(nearest - hot, 127), "one is 128 units of 1/128: take away 128, not 1"),
                (
                    np.minimum((254 * z + S) // (2 * S) - 127 * hot, 127),
                    "a unit is 1/128, so the scale is 128, not 127",
                ),
            ),
        )
    right("15.1", "A softmax without a float: a table, a sum, and a division a class.")


@kept("15.2")
def update(function):
    """15.2: the thresholded update with noise."""
    rng = np.random.default_rng(1)
    for k, theta, high, size in ((6, 40, 127, 300), (9, 0, 7, 2000), (4, 15, 1, 60)):
        W, G = rng.integers(-high - 1, high + 1, (20, 3)), rng.integers(-size, size + 1, (20, 3))
        G.flat[:4], noise = (theta, -theta, theta + 1, -theta - 1), rng.integers(0, 2**k, (20, 3))

        passed = np.abs(G) > theta

        def of(D, gate=None, sign=1):
            gate = passed if gate is None else gate
            return np.clip(W - sign * np.where(gate, D, 0), -high - 1, high)

        D = (G + noise) >> k
        size_first = np.sign(G) * ((np.abs(G) + noise) >> k)
        found = answer("15.2", function, W, G, k, theta, noise, high)
        if found.dtype.kind == "f":
            raise wrong(
                "15.2",
                "the new W must be whole numbers, yours are floats: >> shifts integers, a division "
                "makes floats",
            )
        same(
            "15.2",
            "W",
            found,
            of(D),
            (
                (of(D, sign=-1), "W minus D: the other way is uphill"),
                (
                    W - np.where(np.abs(G) > theta, D, 0),
                    f"the new W must stay between the ends of the word, {-high - 1} and {high}",
                ),
                (
                    of((G >> k) + noise),
                    "the noise is added before the shift; behind it, it would be far too much",
                ),
                (of(G >> k), "the noise is left out: (G + noise) >> k"),
                (of(D, np.abs(G + noise) > theta), "the gate looks at G itself, without the noise"),
                (of(D, np.abs(D) > theta), "the gate looks at G itself, not at the shifted D"),
                (of(D, G > theta), "large negative G pass too: the gate looks at |G|"),
                (of(D, np.abs(G) >= theta), "|G| = least does not pass: only what is larger does"),
                (
                    of(D, np.ones(G.shape, bool)),
                    "least is left out: where |G| <= least nothing changes",
                ),
                (
                    of(size_first),
                    "shift G with its sign: >> floors negative numbers too, and only so the mean "
                    "over all noises is G",
                ),
                (
                    np.clip(W - np.where(np.abs(G) > theta, D, 0), -high, high),
                    f"the word goes down to {-high - 1}",
                ),
            ),
        )
    right("15.2", "One comparison, one addition, one shift, and a clip.")


def tally(function):
    """15.3: written, gated, lost."""
    rng = np.random.default_rng(2)
    before, G = rng.integers(-3, 4, (9, 4)), rng.integers(-90, 91, (9, 4))
    G[0], theta = (30, -30, 31, -31), 30
    passed = np.abs(G) > theta
    after = before + np.where(
        passed & (rng.random(G.shape) < 0.6), -np.sign(G) * rng.integers(1, 4, G.shape), 0
    )
    written = before != after
    expected = np.array([written.sum(), (~passed).sum(), (passed & ~written).sum()])
    found = np.array(
        [
            float(one) if one.ndim == 0 else np.nan
            for one in answer("15.3", function, before, after, G, theta, returns=3)
        ]
    )
    if np.isnan(found).any():
        raise wrong("15.3", "three numbers, not arrays: end each with .sum()")
    if close(found, expected / G.size):
        raise wrong("15.3", "these are shares; asked for are counts")
    same(
        "15.3",
        "written",
        found[0],
        expected[0],
        (
            (
                passed.sum(),
                "not all that pass the gate are written: an update rounds to zero, or meets the "
                "end of the word",
            ),
            ((~written).sum(), "written are those that differ; yours counts those that stayed"),
            ((before < after).sum(), "a weight that fell was written as well: before != after"),
            ((before > after).sum(), "a weight that rose was written as well: before != after"),
            (np.abs(after - before).sum(), "count synapses, not by how much they changed"),
        ),
    )
    same(
        "15.3",
        "gated",
        found[1],
        expected[1],
        (
            (
                (~written).sum(),
                "some that passed the gate stayed as they were: gated is only where |G| <= least",
            ),
            ((np.abs(G) < theta).sum(), "|G| = least is gated too"),
            ((G <= theta).sum(), "the gate looks at |G|, not at G"),
        ),
    )
    same(
        "15.3",
        "lost",
        found[2],
        expected[2],
        (
            (
                (~written).sum(),
                "lost are those that passed the gate and stayed; yours counts the gated ones too",
            ),
            (
                0,
                "some passed the gate and stayed as they were: |G| > least, and before equals "
                "after",
            ),
        ),
    )
    right("15.3", "Three counts that add up to all synapses.")


def update_tested(test, hint=0):
    """15.2t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("15.2t", test, hint)
