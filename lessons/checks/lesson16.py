"""Lesson 16: what a few episodes prove."""

import numpy as np

from scipy.stats import t as student

from . import answer, close, kept, mine, number, right, same, wrong

mine.prepare(__name__)


def _ends(m, n, middle=None, spread=None, of=None, errors=1.96, cut=True):
    """The interval of m right of n; each option makes one mistake."""
    q = (m + 2) / (n + 4)
    middle, spread = (q if one is None else m / n for one in (middle, spread))
    half = errors * np.sqrt(spread * (1 - spread) / (n + 4 if of is None else n + of))
    both = np.array([middle - half, middle + half])
    return np.clip(both, 0, 1) if cut else both


INTERVALS = (
    (
        lambda m, n: _ends(m, n, 0, 0, 0),
        "that is the plain interval. Where all are right it has no width at all, as if so few "
        "samples could make sure; add two right and two wrong ones first",
    ),
    (
        lambda m, n: _ends(m, n, None, 0, 0),
        "half the width is made of q and n + 4 too; yours of m / n and n",
    ),
    (lambda m, n: _ends(m, n, 0), "its middle is q, not m / n"),
    (lambda m, n: _ends(m, n, 0, 0), "q is (m + 2) / (n + 4); yours is m / n"),
    (
        lambda m, n: _ends(m, n, errors=1.0),
        "half the width is 1.96 standard errors; yours is one, which would hold in two of three "
        "cases",
    ),
    (
        lambda m, n: _ends(m, n, cut=False),
        "an accuracy lies neither above 1 nor below 0; cut off what does",
    ),
    (
        lambda m, n: [max(0, _ends(m, n, cut=False)[0]), _ends(m, n, cut=False)[1]],
        "an accuracy does not lie above 1; cut off what does",
    ),
    (
        lambda m, n: [_ends(m, n, cut=False)[0], min(1, _ends(m, n, cut=False)[1])],
        "an accuracy does not lie below 0; cut off what does",
    ),
    (
        lambda m, n: [(m + 2) / (n + 4), np.ptp(_ends(m, n, cut=False)) / 2],
        "return the ends, q - half and q + half",
    ),
    (lambda m, n: 100 * _ends(m, n), "shares from 0 to 1 are asked for, not per cent"),
    (
        lambda m, n: _ends(m, n, of=0),
        "the root has n + 4 in it, with the four that were added",
    ),
)


def interval(function):
    """16.1: what a count of right answers can show."""
    given, found = ((90, 90), (60, 90), (3, 20), (0, 15)), []
    for m, n in given:
        both = answer("16.1", function, m, n, returns=2)
        found.append([number("16.1", "each end", one) for one in both])
    expected = [_ends(m, n) for m, n in given]
    at = next((n for n, pair in enumerate(zip(found, expected)) if not close(*pair)), None)
    if at is not None:
        m, n = given[at]
        for how, text in INTERVALS:
            if all(close(one, how(*pair)) for one, pair in zip(found, given)):
                raise wrong("16.1", f"{m} of {n} right: {text}")
        same("16.1", f"interval of {m} right of {n}", found[at], expected[at])
    right("16.1", "All right of 90 is not 100 %, and the interval says so.")


def paired(function):
    """16.2: the interval of a difference over the same tasks."""
    rng = np.random.default_rng(7)
    for N in (6, 15):
        hard = rng.random(N)
        a, b = hard + 0.05 * rng.random(N), hard + 0.05 * rng.random(N) - 0.02
        ends_of = answer("16.2", function, a, b, returns=2)
        found = np.array([number("16.2", "each end", one) for one in ends_of])
        d, t = a - b, student.ppf(0.975, N - 1)

        def ends(half, middle=d.mean()):
            return np.array([middle - half, middle + half])

        error = d.std(ddof=1) / np.sqrt(N)
        apart = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / N)
        same(
            "16.2",
            "interval",
            found,
            ends(t * error),
            (
                *(
                    (
                        ends(f * apart),
                        "a and b met the same tasks and vary together: take the difference in each "
                        "task first, and "
                        "how much *it* varies; yours is far too wide",
                    )
                    for f in (t, 1.96, student.ppf(0.975, 2 * N - 2))
                ),
                (
                    ends(1.96 * error),
                    "with few tasks s itself is uncertain: Student's t in place of 1.96",
                ),
                (ends(t * d.std() / np.sqrt(N)), "s is taken with N - 1: std(ddof=1)"),
                (
                    ends(1.96 * d.std() / np.sqrt(N)),
                    "s is taken with N - 1, and Student's t stands in place of 1.96",
                ),
                (
                    ends(t * d.std(ddof=1)),
                    "a mean of N tasks varies less than one of them: divide by the root of N",
                ),
                (
                    ends(t * d.var(ddof=1) / np.sqrt(N)),
                    "s is the standard deviation, the root of the variance",
                ),
                (ends(t * d.std(ddof=1) / N), "divide by the root of N, not by N"),
                (
                    ends(student.ppf(0.975, N) * error),
                    "N numbers around their own mean have N - 1 degrees of freedom",
                ),
                (
                    ends(student.ppf(0.95, N - 1) * error),
                    "2.5 % are left out at either end: the quantile 0.975",
                ),
                (ends(t * error, -d.mean()), "the difference is a - b; yours is b - a"),
                (np.array([d.mean(), t * error]), "return the ends, mean - half and mean + half"),
                (ends(t * error)[::-1], "the low end comes first"),
            ),
        )
    right("16.2", "What both share cancels in each task.")


@kept("16.3")
def nearest(function):
    """16.3: the nearest support sample."""
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 4, (12, 20, 3, 4, 2)).astype(np.uint8), np.array([2, 0, 1, 2, 0, 1])
    s, q = x[:6] * np.arange(1, 7, dtype=np.uint8)[:, None, None, None, None], x[6:] * np.uint8(3)
    q = np.concatenate([q, s[::-1][:, rng.permutation(20)]])
    _nearest(function, s, y, q)
    rates = rng.random((6, 1, 3, 4, 2))  # single events: only their number tells the samples apart
    _nearest(
        function,
        *(
            (rng.random((6, 60, 3, 4, 2)) < rates).astype(np.uint8) if k != 1 else y
            for k in range(3)
        ),
    )
    # samples that differ in one axis alone: mirrored along it
    one = rng.integers(0, 4, (20, 3, 4, 2)).astype(np.uint8)
    s = np.array([one, one[:, ::-1], one[:, :, ::-1], one[..., ::-1]])
    _nearest(function, s, np.arange(4), s[:, rng.permutation(20)])
    # a difference of 4 in one place is farther than one of 1 in each of five, though less in all
    far, near, none = np.zeros((3, 1, 20, 3, 4, 2), np.uint8)
    far[0, :4, 0, 0, 0] = 1
    near[0, 5, 0, :, 0] = near[0, 6, 1, 0, 0] = 1
    same(
        "16.3",
        "classes",
        answer("16.3", function, np.concatenate([far, near]), np.array([4, 2]), none),
        [2],
        (([4], "the Euclidean distance squares the differences; yours adds their sizes up"),),
    )
    right("16.3", "Whoever learns must beat this.")


def _nearest(function, s, y, q):
    a, b = (one.astype(float).sum(1).reshape(len(one), -1) for one in (q, s))
    flat = [one.astype(float).reshape(len(one), -1) for one in (q, s)]
    place = ((a[:, None] - b) ** 2).sum(2).argmin(1)
    found = answer("16.3", function, s, y, q)
    space = [one.astype(float).sum((2, 3, 4)) for one in (q, s)]
    kinds = [one.astype(float).sum((2, 3)).reshape(len(one), -1) for one in (q, s)]
    short = [one.sum(1, dtype=one.dtype).reshape(len(one), -1).astype(float) for one in (q, s)]

    def by(u, v):
        return y[((u[:, None] - v) ** 2).sum(2).argmin(1)]

    with np.errstate(all="ignore"):
        cosine = (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    same(
        "16.3",
        "classes",
        found,
        y[place],
        (
            (
                place,
                "this is the sample's place in the support; asked for is its class, "
                "y_support[place]",
            ),
            (
                by(*flat),
                "sum over time first: yours compares step by step, and an event a millisecond "
                "later counts as another",
            ),
            (
                by(*space),
                "sum over time alone, axis 1: yours adds the places up and keeps the times",
            ),
            (
                by(*(one.astype(float)[:, -1].reshape(len(one), -1) for one in (q, s))),
                "sum over all steps; yours looks at the last one alone",
            ),
            (
                by(*(one[:, -1].reshape(len(one), -1) for one in (q, s))),
                "sum over all steps; yours looks at the last one alone",
            ),
            (
                by(*kinds),
                "sum over time alone, axis 1: yours adds the places up and keeps the times",
            ),
            (
                by(*short),
                "counts are stored as uint8, and their sums wrap around beyond 255: turn them into "
                "float first",
            ),
            (
                by(a.sum(1)[:, None], b.sum(1)[:, None]),
                "compare place by place; yours compares the number of events in all",
            ),
            *(
                (
                    by(*(one.astype(float).sum((1, axis)).reshape(len(one), -1) for one in (q, s))),
                    f"sum over time alone: yours adds up the {name} too, and takes for equal what "
                    "differs in them",
                )
                for axis, name in ((2, "rows"), (3, "columns"), (4, "polarities"))
            ),
            (
                y[(a @ b.T).argmax(1)],
                "yours goes not by distance: the largest product goes to whoever has the most "
                "events",
            ),
            (y[cosine.argmax(1)], "by Euclidean distance, not by the angle"),
            (
                y[((a[:, None] - b) ** 2).sum(2).argmax(1)],
                "the nearest has the smallest distance; yours takes the farthest",
            ),
            (
                y[np.abs(a[:, None] - b).sum(2).argmin(1)],
                "the Euclidean distance squares the differences",
            ),
            (
                by(*(one.astype(float).max(1).reshape(len(one), -1) for one in (q, s))),
                "count the events over time: their sum, not the largest",
            ),
        ),
    )


@kept("16.4")
def centred(function):
    """16.4: events, brought to the middle."""
    rng = np.random.default_rng(5)  # no mean lies half a pixel beside: either side were right
    for side in (16, 34, 7):
        x = np.minimum(rng.geometric(4 / side, 41) - 1, side - 1)  # most of them at one side
        y = side - 1 - np.minimum(rng.geometric(3 / side, 41) - 1, side - 1)
        found = answer("16.4", function, x.copy(), y.copy(), side, returns=2)
        for name, one, n in zip(("x", "y"), found, (x, y)):
            middle, between = (side - 1) / 2, (n.min() + n.max()) / 2
            expected, far = n + int(np.floor(side / 2 - n.mean())), middle - n.mean()
            same(
                "16.4",
                name,
                one,
                expected,
                (
                    (n + int(np.floor(side / 2 + 0.5 - n.mean())), MIDDLE),
                    (n + int(np.floor(side / 2 - n.mean() + 1)), MIDDLE),
                    (n + far, "events lie in whole pixels: move all of them by a whole number"),
                    (
                        n + int(np.floor(side / 2 - between)),
                        "their mean is asked for, not the middle between the outermost events: "
                        "one stray event would move it",
                    ),
                    (
                        n - int(np.floor(side / 2 - n.mean())),
                        "yours moves them the wrong way, twice as far from the middle",
                    ),
                    (n + int(far), "to the nearest whole number; yours cuts the rest off"),
                ),
            )
    right("16.4", "Where the camera stood matters no more.")


MIDDLE = "the pixels are 0 to side - 1, and so their middle is (side - 1) / 2"
