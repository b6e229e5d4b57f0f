"""How often the intervals of `evaluate` hold the truth, where the truth is known.

    python tests/benchmarks/interval_coverage.py                                   the twelve settings, 2,000 worlds each
    python tests/benchmarks/interval_coverage.py --only digits rivals --out FILE   goes on where FILE ends

Episodes are drawn by the library, of recordings without content: 5 ways, 1 shot, 10 queries a
class. What an answer rests on decides its chance of being right,

    logit = mean + class + sum over sides (query recording + own support recording)
            - sum over the four rivals (their class + their support recording)

with effects drawn again for every world, so the mean over all recordings (and all classes, where
the interval speaks of new ones) is an integral over one normal variable. A second rule is half a
logit worse; its effects correlate by 0.8 with those of the first. A hundredth of the worlds share a
series of episodes. For every setting: how many worlds in a hundred the leading interval holds, from
low to high and as mean ± half; half its width in points; how many the ± over episodes holds; and
the same of the paired difference of both rules.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import findings
import numpy as np

from minisnn.data.sets.double_nmnist import CLASSES
from minisnn.data.sets.pool import Pool
from minisnn.data.sets.recordings import Recordings
from minisnn.meta.tasks import Task
from minisnn.training.baselines import drawn_by
from minisnn.training.intervals import ANSWERS, DIFFERENCES, Shared

WAYS, QUERIES = 5, 10
ALIKE, WORSE = 0.8, -0.5  # the second rule's effects and mean
EPISODES = (100, 600)
SERIES = 100
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
    made_of = (
        {name: (int(name[0]), int(name[1])) for name in CLASSES["test"]} if world.pairs else None
    )
    return Recordings(pool, made_of=made_of)


class Series:
    """The first episodes of a seed, drawn by the library, and what they share."""

    def __init__(self, tasks: Recordings, episodes: list[Task]):
        number = {name: k for k, name in enumerate(tasks.classes)}
        self.symbols = np.array([tasks.made_of[name] for name in tasks.classes])
        self.pool = len(tasks.pool)
        self.support = np.stack([task.recordings[0] for task in episodes])  # (E, ways, S)
        self.query = np.stack([task.recordings[1] for task in episodes])  # (E, Q, S)
        self.classes = np.array([[number[name] for name in task.classes] for task in episodes])
        self.own = episodes[0].y_query
        self.shared = Shared([drawn_by(task) for task in episodes])


def effects(world: World, series: Series, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """(2, n) of each kind, for both rules."""

    def both(n: int, deviation: float) -> np.ndarray:
        first, second = deviation * rng.standard_normal((2, n))
        return np.stack([first, ALIKE * first + (1 - ALIKE**2) ** 0.5 * second])

    n, classes = series.pool, len(series.symbols)
    found = {name: both(n, getattr(world, name)) for name in ("query", "own", "rival")}
    found.update(
        {name: both(classes, getattr(world, name)) for name in ("of_class", "rival_class")}
    )
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
    chances = [_binomial(sides, k, world.hard) for k in range(sides + 1)]
    for asked, p in enumerate(chances):
        for learned, q in enumerate(chances):
            logit = (centres - query * asked - support * learned)[:, None] + deviation2**0.5 * NODES
            mean += p * q * float(((1 / (1 + np.exp(-logit))) @ WEIGHTS).mean() / WEIGHTS.sum())
    return mean


def _binomial(n: int, k: int, p: float) -> float:
    return (
        (1, n, 1)[k * 2 // n] * p**k * (1 - p) ** (n - k) if n == 2 else p**k * (1 - p) ** (1 - k)
    )


def held(world: World, series: Series, rng: np.random.Generator) -> list[float]:
    """Of a world: is the accuracy within low to high, mean ± half, ± over episodes, over
    recordings; half; the same of the paired difference; and the accuracy."""
    of = effects(world, series, rng)
    first, second = (answers(world, series, of, rule, rng) for rule in (0, 1))
    true = [truth(world, series, of, rule) for rule in (0, 1)]
    found: list[float] = []
    apart = first.astype(float) - second
    for right, target, within in (
        (first, true[0], ANSWERS),
        (apart, true[0] - true[1], DIFFERENCES),
    ):
        mean, one = right.mean(), series.shared.intervals(right, within)
        miss = abs(mean - target)
        lead = one.lead
        found += [
            lead.low <= target <= lead.high,
            miss <= lead.half,
            miss <= one.episodes,
            miss <= one.recordings,
            lead.half,
        ]
    return [float(value) for value in (*found, true[0])]


def measure(
    settings: dict[str, World], worlds: int, seed: int, out: Path | None, series: int = SERIES
) -> dict:
    """{(setting, episodes): (worlds, 11)}; a line of `out` for each series and setting, from which
    it goes on. SystemExit where `out` is of another seed, or of other numbers of worlds, series or
    episodes."""
    values: dict[tuple[str, int], list] = {}
    done: set[tuple[str, int]] = set()
    each = -(-worlds // series)
    head = {"seed": seed, "worlds of a series": each, "series": series, "episodes": list(EPISODES)}
    for name, which, episodes, rows in _kept(out, head):
        done.add((name, which))
        values.setdefault((name, episodes), []).extend(rows)
    by_pool = sorted(
        settings,
        key=lambda name: (settings[name].symbols, settings[name].each, settings[name].pairs),
    )
    for _, names in groupby(
        by_pool, lambda name: (settings[name].symbols, settings[name].each, settings[name].pairs)
    ):
        left, tasks = list(names), None
        for which in range(series):
            todo = [name for name in left if (name, which) not in done]
            if not todo:
                continue
            tasks = tasks or recordings(settings[todo[0]])
            episodes = [
                tasks.episode(seed + which, index, WAYS, 1, QUERIES)
                for index in range(max(EPISODES))
            ]
            of = {number: Series(tasks, episodes[:number]) for number in EPISODES}
            for name in todo:
                lines = []
                for number, one in of.items():
                    rng = np.random.default_rng([seed, which, number, *name.encode()])
                    rows = [held(settings[name], one, rng) for _ in range(each)]
                    values.setdefault((name, number), []).extend(rows)
                    lines.append(json.dumps([name, which, number, rows]) + "\n")
                if out is not None:
                    with open(out, "a") as file:
                        file.write("".join(lines))
    return {key: np.array(rows) for key, rows in values.items() if key[0] in settings}


def _kept(out: Path | None, head: dict) -> list:
    """The lines of a file that begins with `head`, which a new one is given."""
    if out is None:
        return []
    if not out.exists():
        out.write_text(json.dumps(head) + "\n")
    first, *lines = out.read_text().splitlines() or [""]
    if first != json.dumps(head):
        raise SystemExit(
            f"{out}: its first line is {first[:120]!r}; expected {json.dumps(head)}, or a new file"
        )
    return [json.loads(line) for line in lines]


def table(settings: dict[str, World], values: dict) -> list[str]:
    """A line for every setting."""
    columns = f"{'ends':>7}{'±':>7}{'points':>8}{'episodes':>10}{'recordings':>12}"
    lines = [f"{'':<34}{'mean: in 100 worlds':>44}{'difference: in 100 worlds':>44}"]
    lines.append(f"{'setting':<22}{'episodes':>8}{'':>4}{columns}{columns}  worlds  accuracy")
    for name in settings:
        for number in EPISODES:
            rows = values[name, number]
            shown = ""
            for k in (0, 5):
                ends, printed, over_episodes, over_recordings, half = 100 * rows[:, k : k + 5].mean(
                    0
                )
                shown += f"{ends:>7.1f}{printed:>7.1f}{half:>8.2f}{over_episodes:>10.1f}{over_recordings:>12.1f}"
            lines.append(
                f"{name:<22}{number:>8}{'':>4}{shown}{len(rows):>8}{100 * rows[:, 10].mean():>9.1f}%"
            )
    return lines


def found_in(settings: dict[str, World], values: dict) -> findings.Findings:
    """Shares of worlds whose truth the leading interval holds, and the ± over episodes; of the mean
    and of the difference."""
    heads = (
        "mean: leading interval",
        "half its width",
        "± over episodes",
        "difference: leading interval",
        "half its width",
    )
    found = findings.Findings("setting", *heads, "± over episodes")
    for name in settings:
        for number in EPISODES:
            rows, names = values[name, number], []
            for k, what in ((0, ""), (5, "-difference")):
                ends, _, over_episodes, _, half = rows[:, k : k + 5].mean(0)
                key = findings.slug(name, number) + what
                names += [found.add(key, ends, "%"), found.add(f"{key}-half", half, "%")]
                names.append(found.add(f"{key}-episodes", over_episodes, "%"))
            found.row(f"{name}, {number} episodes", *names)
    found.add(
        "least",
        min(
            one["value"]
            for key, one in found.figures.items()
            if not key.endswith(("half", "episodes"))
        ),
        "%",
    )
    found.more = {"worlds": len(next(iter(values.values()))), "printed": table(settings, values)}
    return found


def main(words: list[str] | None = None) -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--worlds", type=int, default=2000, help="of each setting (default: %(default)s)"
    )
    parser.add_argument("--only", nargs="+", choices=SETTINGS, help="these settings")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the first series of episodes and of the worlds"
    )
    parser.add_argument("--out", type=Path, help="keeps what is done, and goes on from there")
    findings.option(parser)
    args = parser.parse_args(words)
    settings = {name: SETTINGS[name] for name in args.only or SETTINGS}
    values = measure(settings, args.worlds, args.seed, args.out)
    print(*table(settings, values), sep="\n")
    found_in(settings, values).write(args.json)


if __name__ == "__main__":
    main()
