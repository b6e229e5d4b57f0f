"""How often the intervals of `evaluate` hold the truth, where the truth is known.

    python tests/benchmarks/interval_coverage.py                                   the twelve settings, 2,000 worlds each
    python tests/benchmarks/interval_coverage.py --only digits rivals

Episodes are drawn by the library, of recordings without content: 5 ways, 1 shot, 10 queries a
class. What an answer rests on decides its chance of being right,

    logit = mean + class + sum over sides (query recording + own support recording)
            - sum over the four rivals (their class + their support recording)

with effects drawn again for every world, so the mean over all recordings (and all classes, where
the interval speaks of new ones) is an integral over one normal variable. A second rule is half a
logit worse; its effects correlate by 0.8 with those of the first. A hundredth of the worlds share a
series of episodes. For every setting: the share of worlds that the leading interval holds, half its
width, the share that the ± over episodes holds; and the same of the paired difference of both rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import comb

import findings
import numpy as np

from minisnn.data.sets.pool import Pool
from minisnn import Recordings, Task
from minisnn.training.intervals import DIFFERENCES, Drawn, Shared

WAYS, QUERIES = 5, 10
# the test classes of Double N-MNIST
PAIRS = "02 17 25 32 36 46 47 49 55 57 66 67 68 73 78 80 83 86 92 96".split()
ALIKE, WORSE = 0.8, -0.5  # the second rule's effects and mean
EPISODES = (100, 600)
SERIES = 100
KINDS = "mean", "difference"
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


@dataclass(frozen=True)
class World:
    """Symbols, recordings of each, and standard deviations of effects, in logits; hard: the share
    of recordings that are 7 logits harder as queries (5 by the second rule) and 4 as support.
    pairs: classes are the test pairs of ten digits."""

    symbols: int
    each: int
    mean: float
    query: float = 0.0
    own: float = 0.0
    rival: float = 0.0
    of_class: float = 0.0
    rival_class: float = 0.0
    hard: float = 0.0
    pairs: bool = False


SETTINGS = {
    "50 classes": World(50, 20, 2.5, query=1.0, own=0.7),
    "digits": World(10, 100, 3.0, query=0.7, own=0.5, rival=0.2, of_class=0.6, pairs=True),
    "hard": World(50, 20, 4.0, query=0.3, own=0.3, hard=0.03),
    "rivals": World(50, 20, 3.0, query=0.8, own=0.6, rival=0.6),
    "10 classes differ": World(
        10, 100, 3.0, query=0.8, own=0.6, rival=0.3, of_class=0.8, rival_class=0.3
    ),
    "50 classes differ": World(
        50, 20, 3.0, query=0.8, own=0.6, rival=0.3, of_class=0.8, rival_class=0.3
    ),
}


def recordings(world: World) -> Recordings:
    """A set of recordings that hold an event each, and nothing to be told apart by."""
    n = world.symbols * world.each
    labels = np.repeat(np.arange(world.symbols), world.each)
    pool = Pool(
        (1, 1, 1, 2),
        np.zeros(n, np.uint16),
        np.ones(n, np.uint8),
        np.arange(n + 1),
        labels,
        np.arange(n),
    )
    made_of = {name: (int(name[0]), int(name[1])) for name in PAIRS}
    return Recordings(pool, made_of=made_of if world.pairs else None)


class Series:
    """The first episodes of a seed, drawn by the library, and what they share."""

    def __init__(self, tasks: Recordings, episodes: list[Task]):
        number = {name: k for k, name in enumerate(tasks.classes)}
        self.symbols = np.array([tasks.made_of[name] for name in tasks.classes])
        self.pool = len(tasks.pool)
        support, query = zip(*(task.recordings for task in episodes))
        self.support = np.stack(support)  # (E, ways, S), (E, Q, S)
        self.query = np.stack(query)
        self.classes = np.array([[number[name] for name in task.classes] for task in episodes])
        self.own = episodes[0].y_query
        self.shared = Shared(
            [
                Drawn(of_query, task.y_query, of_support, task.y_support, task.classes)
                for of_query, of_support, task in zip(query, support, episodes)
            ]
        )


def effects(world: World, series: Series, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """(2, n) of each kind, for both rules."""

    def both(n: int, deviation: float) -> np.ndarray:
        first, second = deviation * rng.standard_normal((2, n))
        return np.stack([first, ALIKE * first + (1 - ALIKE**2) ** 0.5 * second])

    n, classes = series.pool, len(series.symbols)
    sizes = dict(query=n, own=n, rival=n, of_class=classes, rival_class=classes)
    found = {name: both(size, getattr(world, name)) for name, size in sizes.items()}
    if world.pairs:  # a digit's part of its pairs
        digits = both(world.symbols, world.of_class)[:, series.symbols].mean(2)
        found["of_class"] = (found["of_class"] + digits) / 2**0.5
    hard = rng.random(n) < world.hard
    found["query"] = found["query"] - np.array([[7.0], [5.0]]) * hard
    found["own"] = found["own"] - 4.0 * hard
    return found


def answers(
    world: World, series: Series, of: dict[str, np.ndarray], rule: int, rng: np.random.Generator
) -> np.ndarray:
    """Which answers are right, (n,)."""
    own, rival = (of[name][rule][series.support].sum(2) for name in ("own", "rival"))  # (E, ways)
    own = own + of["of_class"][rule][series.classes]
    rival = rival + of["rival_class"][rule][series.classes]
    of_class = own + rival - rival.sum(1, keepdims=True)
    logit = (
        world.mean + WORSE * rule + of["query"][rule][series.query].sum(2) + of_class[:, series.own]
    )
    return (rng.random(logit.shape) * (1 + np.exp(-logit)) < 1).ravel()


def truth(world: World, series: Series, of: dict[str, np.ndarray], rule: int) -> float:
    """The mean accuracy over all recordings; of these classes where they are pairs, else of all
    classes, too."""
    sides = series.symbols.shape[1]
    deviation2 = (
        sides * (world.query**2 + world.own**2 + (WAYS - 1) * world.rival**2)
        + (WAYS - 1) * world.rival_class**2
    )
    centres = world.mean + WORSE * rule + (of["of_class"][rule] if world.pairs else np.zeros(1))
    deviation2 += 0.0 if world.pairs else world.of_class**2
    mean, query, support = 0.0, (7.0, 5.0)[rule], 4.0
    hard = world.hard
    chances = [comb(sides, k) * hard**k * (1 - hard) ** (sides - k) for k in range(sides + 1)]
    for asked, p in enumerate(chances):
        for learned, q in enumerate(chances):
            logit = (centres - query * asked - support * learned)[:, None] + deviation2**0.5 * NODES
            mean += p * q * float(((1 / (1 + np.exp(-logit))) @ WEIGHTS).mean() / WEIGHTS.sum())
    return mean


def held(world: World, series: Series, rng: np.random.Generator) -> list[float]:
    """Of a world: whether the accuracy is within the leading interval, half of it, and whether it is
    within the ± over episodes; the same of the paired difference."""
    of = effects(world, series, rng)
    first, second = (answers(world, series, of, rule, rng) for rule in (0, 1))
    one, other = (truth(world, series, of, rule) for rule in (0, 1))
    found: list[float] = []
    paired = first.astype(float) - second
    for right, target, *within in ((first, one), (paired, one - other, DIFFERENCES)):
        estimate = series.shared.estimate(right, *within)
        lead, miss = estimate.interval, abs(right.mean() - target)
        found += [lead.low <= target <= lead.high, lead.half, miss <= estimate.ci95]
    return found


def measure(
    names: list[str], worlds: int, seed: int, series: int = SERIES
) -> dict[tuple[str, int], np.ndarray]:
    """{(setting, episodes): what `held` says of each world, (worlds, 6)}."""
    values: dict[tuple[str, int], list] = {}
    for name, first in product(names, range(seed, seed + series)):
        world = SETTINGS[name]
        tasks = recordings(world)
        episodes = [tasks.episode(first, index, WAYS, 1, QUERIES) for index in range(max(EPISODES))]
        for number in EPISODES:
            part = Series(tasks, episodes[:number])
            rng = np.random.default_rng([first, number, *name.encode()])
            rows = [held(world, part, rng) for _ in range(-(-worlds // series))]
            values.setdefault((name, number), []).extend(rows)
    return {key: np.array(rows, float) for key, rows in values.items()}


def found_in(values: dict) -> findings.Findings:
    """Shares of worlds whose truth the leading interval holds, and the ± over episodes; of the mean
    and of the difference."""
    heads = ("leading interval", "half its width", "± over episodes")
    found = findings.Findings("setting", *(f"{of}: {head}" for of in KINDS for head in heads))
    for (name, number), rows in values.items():
        names = []
        for what, shares in zip(("", "-difference"), rows.mean(0).reshape(2, 3)):
            key = findings.slug(name, number) + what
            for ending, share in zip(("", "-half", "-episodes"), shares):
                names.append(found.add(key + ending, share, "%"))
        found.row(f"{name}, {number} episodes", *names)
    found.add("least", min(rows.mean(0)[[0, 3]].min() for rows in values.values()), "%")
    found.more = {"worlds": len(rows)}
    return found


def main() -> None:
    """The table."""
    args = findings.command_line(__doc__, worlds=2000, only=SETTINGS, seed=0).parse_args()
    found_in(measure(args.only, args.worlds, args.seed)).write(args.json)


if __name__ == "__main__":
    main()
