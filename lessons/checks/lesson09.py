"""Lesson 9: from photons to events to tasks."""

import numpy as np

from . import Wrong, answer, kept, mine, right, same, wrong

mine.prepare(__name__)


def _pixel(light, C, blind, renew="end", edge=False, first=1):
    s, reference, sees = np.zeros(len(light)), light[0], 0
    for t in range(len(light)):
        if t == sees and renew == "end":
            reference = light[t]
        change = light[t] - (light[max(t - 1, 0)] if renew == "step" else reference)
        if t >= sees and (abs(change) > C if edge else abs(change) >= C):
            s[t], sees = np.sign(change), t + blind
            reference = {"event": light[t], "by C": reference + np.sign(change) * C}.get(
                renew, reference
            )
    return s


def pixel(function):
    """9.1: a pixel of an event camera."""
    for seed, C, blind in ((0, 0.5, 3), (1, 0.75, 1), (2, 1.0, 6)):
        light = 12 + np.random.default_rng(seed).integers(-2, 3, 60).cumsum() * 0.25
        expected = _pixel(light, C, blind)
        same(
            "9.1",
            "s",
            answer("9.1", function, light, C, blind),
            expected,
            (
                (
                    _pixel(light, C, blind, "step"),
                    "slow changes add up: compare with the reference, not with the step before",
                ),
                (
                    _pixel(light, C, blind, "never"),
                    "after an event there is a new reference; yours is light[0] for ever",
                ),
                (
                    _pixel(light, C, blind, "event"),
                    "the new reference is the light at the end of the blind time, not at the event",
                ),
                (
                    _pixel(light, C, blind, "by C"),
                    "the new reference is the light that the pixel sees when it sees again, not "
                    "the old one moved by C",
                ),
                (
                    _pixel(np.log(light), C, blind),
                    "light is a logarithm already: do not take it again",
                ),
                (
                    _pixel(light, C, 1, "event"),
                    "after an event the pixel is blind for `blind` steps; yours sees at once",
                ),
                (
                    _pixel(light, C, 1),
                    "after an event the pixel is blind for `blind` steps; yours sees at once",
                ),
                (
                    _pixel(light, C, blind + 1),
                    "at step t + blind the pixel sees again; yours is blind for one step more",
                ),
                (_pixel(light, C, blind, edge=True), "a change of C itself is enough (>=)"),
                (-expected, "ON, which is 1, means brighter"),
                (np.abs(expected), "an OFF event is -1"),
                (
                    np.maximum(expected, 0),
                    "it gets darker too: an OFF event, -1, where the change is -C or less",
                ),
            ),
        )
    right("9.1", "It says nothing until something changes.")


def _file(seed):
    """Bytes, x, y, t, p, overflows before each event, and rows of a file with one overflow, then
    two in a row."""
    rng = np.random.default_rng(seed)
    (x, y), p = rng.integers(0, 34, (2, 30)), rng.integers(0, 2, 30)
    t = np.sort(rng.integers(100_000, 400_000, 30))
    over = np.repeat([0, 1, 3], 10)  # overflows before each event
    stored = t - 8192 * over
    rows, last = [], 0
    for n in range(30):
        rows += [(0, 240, 0, 0, 0)] * (over[n] - last)
        rows.append(
            (x[n], y[n], p[n] << 7 | stored[n] >> 16, stored[n] >> 8 & 255, stored[n] & 255)
        )
        last = over[n]
    return np.array(rows, np.uint8).ravel(), (x, y, t, p), over, rows


@kept("9.2")
def decode(function):
    """9.2: five bytes an event."""
    for seed in (0, 1):
        raw, (x, y, t, p), over, rows = _file(seed)
        try:
            found = answer("9.2", function, raw, returns=4)
        except Wrong as error:
            if isinstance(error.__cause__, OverflowError):
                raise wrong(
                    "9.2", "256 does not fit into a byte: compute with raw.astype(int)"
                ) from error.__cause__
            raise
        if any(one.shape == (len(rows),) for one in found):
            raise wrong(
                "9.2",
                "a row with y = 240 is no event: it says that the clock ran over, and is left out "
                "in the end",
            )
        b2, b3, b4 = (np.array([row[n] for row in rows if row[1] != 240]) for n in (2, 3, 4))
        wrapped = [
            (b4 + (b3 << 8 & inner) + (b2 % 128 << 16 & inner)) % size + 8192 * over
            for inner, size in ((0, 256), (0, 1 << 62), (65535, 65536))
        ]
        same("9.2", "x", found[0], x, ((y, "x is the first byte, y the second"),))
        same("9.2", "y", found[1], y)
        same(
            "9.2",
            "t",
            found[2],
            t,
            (
                (
                    t + (p << 23),
                    "the top bit of b2 is the polarity and must not get into the time: b2 % 128, "
                    "or b2 & 127",
                ),
                (
                    t - 8192 * over,
                    "where the clock ran over, 8192 us are missing from the times after it",
                ),
                (
                    t - 8192 * over + 8192 * (over > 0),
                    "every overflow row adds 8192 us again: count those so far, np.cumsum",
                ),
                (
                    t - 8192 * over + 8192 * over[-1],
                    "an overflow adds to the times after it, not to those before",
                ),
                *(
                    (
                        value,
                        "a byte that grows beyond 255 wraps around: turn the bytes into int before "
                        "you compute",
                    )
                    for value in wrapped
                ),
            ),
        )
        same("9.2", "p", found[3], p, ((1 - p, "the top bit is 1 for ON"),))
    right("9.2", "A format is understood when its traps are.")


def _count(x, y, t, p, start, often=True):
    counts, step = np.zeros((100, 16, 16, 2)), (t - start) // 1000
    for place in zip(step, y // 2, x // 2, p):
        if place[0] < 100 and max(place[1:3]) < 16:
            counts[place] = counts[place] + 1 if often else 1
    return counts


@kept("9.3")
def count(function):
    """9.3: the count tensor."""
    rng = np.random.default_rng(0)
    for size in (400, 6000):
        x, y, p, t = (
            *rng.integers(0, 34, (2, size)),
            rng.integers(0, 2, size),
            np.sort(rng.integers(7_300, 150_000, size)),
        )
        x, y = (
            np.where(rng.random(size) < 0.5, x // 8, x),
            np.where(rng.random(size) < 0.5, y // 8, y),
        )
        x[0], t[0] = 33, t[0] - 2500  # the first event lies outside
        first = t[(x < 32) & (y < 32)][0]
        expected = _count(x, y, t, p, t[0])
        same(
            "9.3",
            "counts",
            answer("9.3", function, x, y, t, p),
            expected,
            (
                (
                    _count(x, y, t, p, t[0], False),
                    "where several events fall into one cell, counts[...] += 1 adds 1 only once; "
                    "np.add.at adds for each",
                ),
                (
                    _count(y, x, t, p, t[0]),
                    "y is the row, x the column: counts[step, row, column, polarity]",
                ),
                (_count(x, y, t, 1 - p, t[0]), "channel 0 is OFF and 1 is ON, just p"),
                (_count(x, y, t, p, 0), "time begins with the first event: subtract its time"),
                (
                    _count(x, y, t, p, first),
                    "time begins with the recording's first event, wherever it lies; yours begins "
                    "with the first that is kept",
                ),
                (
                    _count(np.minimum(x, 31), np.minimum(y, 31), t, p, t[0]),
                    "events at x or y of 32 and more are left out; yours go into the last cells",
                ),
            ),
        )
    right("9.3", "This is what the first synapse of a network gets.")


@kept("9.4")
def deal(function):
    """9.4: support and query."""
    rng, seen, asked = np.random.default_rng(0), set(), set()
    for n, shots, queries in [(8, 2, 3)] * 40 + [(6, 1, 5), (40, 5, 10)]:
        dealt = answer("9.4", function, rng, n, shots, queries, returns=2)
        if any(one.ndim != 1 for one in dealt):
            raise wrong("9.4", "support and query are lists of numbers, with one axis each")
        support, query = (one.tolist() for one in dealt)
        if (len(support), len(query)) != (shots, queries):
            raise wrong(
                "9.4", f"asked for {shots} and {queries}, got {len(support)} and {len(query)}"
            )
        if not set(support + query) <= set(range(n)):
            raise wrong(
                "9.4",
                f"numbers must be whole and lie in 0 .. {n - 1}; got "
                f"{sorted(set(support + query))}",
            )
        if len(set(support)) < shots or len(set(query)) < queries:
            raise wrong(
                "9.4",
                f"a recording was dealt twice to the same side: {support}, {query}; draw without "
                "replacement",
            )
        if set(support) & set(query):
            raise wrong(
                "9.4",
                f"recording {min(set(support) & set(query))} is in support and query: whoever has "
                "seen it "
                "already need not understand it. Shuffle once, and deal to both from one heap",
            )
        seen.add((tuple(support), tuple(query)))
        asked |= set(query) if n == 8 else set()
    if len(seen) < 20:
        raise wrong(
            "9.4",
            "the recordings are to be drawn at random, others in every task; yours are nearly "
            "always the same",
        )
    if {n for both in seen for n in both[0] if len(both[0]) == 2} != set(range(8)):
        raise wrong(
            "9.4",
            "every recording must have its chance to be in the support; in forty tasks some never "
            "were",
        )
    if asked != set(range(8)):
        raise wrong(
            "9.4",
            "every recording must have its chance to be in the query; in forty tasks some never "
            "were: draw the query at random too",
        )
    one, again = (
        answer("9.4", function, np.random.default_rng(3), 50, 5, 10, returns=2) for _ in range(2)
    )
    if not all(np.array_equal(a, b) for a, b in zip(one, again)):
        raise wrong(
            "9.4",
            "the same rng must deal the same cards, or no examination can be repeated: take all "
            "random numbers from the rng that is given",
        )
    right("9.4", "Nobody has seen a question of the examination before.")
