"""Beyond the paper: what recurrence and learned time constants are good for, where time carries the
class.

A pen draws one figure in five different orders (`pen`), so that looks alone answer by chance; or,
with --root, it writes characters. Small networks meta-train by class means (`meta.prototypes`):
layers hear their own spikes or do not, and the neuron's constants are learned, one per layer, or
stay at those of the paper. All designs have as many updates on the very same tasks, so that they
are compared seed by seed. A second layer in place of the recurrence has as many parameters.

Beside them stand a network that sees the same events with the steps of each recording in a random
order, hence their sum alone; networks with random weights; and nearest class means without a
network, of summed events and of events summed over stretches of time.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minisnn import Dense, SpikingNet, terminal
from minisnn.meta.optim import Adam, clip, cosine
from minisnn.meta.prototypes import ClassMeans, class_means, distance_logits
from minisnn.meta.tasks import Task
from minisnn.stopping import check
from minisnn.training import checkpoint as checkpoints
from minisnn.training.baselines import Adapted, Answers, Row, Rule, answers_of, rows_of
from minisnn.data.store.cache import identity
from minisnn.experiments.findings import Findings
from pen import shuffled, sliced
from minisnn.training.intervals import Estimate, of_trials
from minisnn.experiments.study import Settings, Study

TITLE = "Recurrence and learned time constants, where time carries the class"
DATASET = "pen:pens"
SEEDS = (0, 1, 2)
UPDATES, KEPT_EVERY = 1000, 100
WAYS, SHOTS, QUERIES = 5, 1, 5  # of the tasks of meta-training
WIDTH = 64
CONSTANTS = ("alpha", "beta", "gamma")
NORM, SCALE = 1.0, 1.0  # of clipped gradients, of the logits of class means
LOOKS = 4  # tasks whose support the random weights are scaled to
STRETCHES = (1, 5)
WEIGHTS, FIRST, TASKS = range(3)  # first part of the spawn keys


@dataclass(frozen=True)
class Design:
    """Dense layers, whether they are recurrent, the constants that they learn; whether they see the
    events in a random order; and Adam's first step."""

    recurrent: bool = False
    learn: tuple[str, ...] = ()
    layers: int = 1
    shuffled: bool = False
    lr: float = 1e-2

    def network(self, tasks: Any, steps: int) -> SpikingNet:
        layers = [Dense(WIDTH, self.recurrent)] * self.layers
        shape = tasks.input_shape
        return SpikingNet(shape, layers=layers, ways=WAYS, learn=self.learn, window=steps)

    def seen(self, task: Task) -> Task:
        return shuffled(task) if self.shuffled else task


PLAIN, LEARNED = "feed-forward", "feed-forward, learned constants"
RECURRENT, BOTH = "recurrent", "recurrent, learned constants"
DEEP, SUMMED = "feed-forward, two layers", "recurrent, learned constants, events in a random order"
DESIGNS = {
    PLAIN: Design(lr=1e-1),
    LEARNED: Design(learn=CONSTANTS, lr=1e-1),
    RECURRENT: Design(recurrent=True, lr=3e-2),
    BOTH: Design(recurrent=True, learn=CONSTANTS),
    DEEP: Design(layers=2),
    SUMMED: Design(recurrent=True, learn=CONSTANTS, shuffled=True),
}
EFFECTS = {  # what is asked: the design that has it, less the one that does not
    "recurrence, constants fixed": (RECURRENT, PLAIN),
    "recurrence, constants learned": (BOTH, LEARNED),
    "learned constants, feed-forward": (LEARNED, PLAIN),
    "learned constants, recurrent": (BOTH, RECURRENT),
    "both": (BOTH, PLAIN),
    "recurrence against a second layer": (RECURRENT, DEEP),
    "the order of the events": (BOTH, SUMMED),
}


def run(study: Study, found: Findings) -> None:
    networks = _networks(study)
    rows = _rows(study, networks)
    speaks = "episodes"
    if (lead := rows[PLAIN, SEEDS[0]].interval) is not None:
        speaks = lead.population
    _designs(study, found, networks, rows, speaks)
    _effects(found, rows, speaks)


# ---- meta-training


def trained(tasks: Any, folder: Path, run: tuple[str, int]) -> np.ndarray:
    """theta of a design after UPDATES updates from the weights of a seed; `folder` keeps every
    KEPT_EVERY of them, and a run that was stopped goes on from there."""
    name, seed = run
    design = DESIGNS[name]
    net, theta = begun(tasks, design, seed)
    place = folder / f"{_short(name)}-{seed}.h5"
    adam = Adam(net.size, dtype=net.dtype)
    first = 0
    if place.exists():
        kept = checkpoints.read(place)
        theta, first = kept.theta, kept.progress["update"]
        adam.state = dict(kept.optimiser["outer"])
    inner = ClassMeans(steps=0, scale=SCALE)
    for u in range(first, UPDATES):
        check()
        task = design.seen(tasks.sample_task(_random(seed, TASKS, u), WAYS, SHOTS, QUERIES))
        gradient, _ = clip(inner.meta_gradient(net, theta, task).gradient, NORM)
        theta = adam.step(theta, gradient, cosine(u, UPDATES, design.lr, 0.0))
        if (u + 1) % KEPT_EVERY == 0 or u + 1 == UPDATES:
            told = dict(update=u + 1, updates=UPDATES)
            outer = {"outer": adam.state}
            checkpoints.save(place, net, theta, inner=inner, optimiser=outer, progress=told)
    return theta


def begun(tasks: Any, design: Design, seed: int) -> tuple[SpikingNet, np.ndarray]:
    """A design's network and its random weights, scaled to the support of first tasks."""
    first = (tasks.sample_task(_random(seed, FIRST, n), WAYS, SHOTS, QUERIES) for n in range(LOOKS))
    x = np.concatenate([design.seen(task).x_support for task in first])
    net = design.network(tasks, x.shape[1])
    return net, net.init(_random(seed, WEIGHTS), x)


def _random(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _short(name: str) -> str:
    return name.replace(",", "").replace(" ", "-")


def _networks(study: Study) -> dict[tuple[str, int], tuple[SpikingNet, np.ndarray]]:
    """(network, theta) of every design and seed."""
    tasks = study.tasks(DATASET, "train")
    data = identity([study.settings.root])
    folder = study.out / f"{study.name}-networks" / data[:8]
    folder.mkdir(parents=True, exist_ok=True)
    runs = [(name, seed) for seed in SEEDS for name in DESIGNS]
    thetas: list[np.ndarray] = []
    with terminal.bar(None, len(runs), "meta-training networks", study.progress) as bar:

        def collect(theta: np.ndarray) -> None:
            thetas.append(theta)
            bar.update()

        study.executor.in_order(partial(trained, tasks, folder), runs, collect)
    return {
        (name, seed): (begun(tasks, DESIGNS[name], seed)[0], theta)
        for (name, seed), theta in zip(runs, thetas)
    }


# ---- test


@dataclass(frozen=True, eq=False)
class Seeing:
    """A design's network, which answers tasks as the design lets it see them."""

    rule: Rule
    design: Design

    def __call__(self, task: Task) -> np.ndarray:
        return self.rule(self.design.seen(task))


@dataclass(frozen=True)
class Stretches:
    """Nearest class mean of the events summed over stretches of time."""

    number: int

    def __call__(self, task: Task) -> np.ndarray:
        support, query = (sliced(x, self.number) for x in (task.x_support, task.x_query))
        return distance_logits(query, class_means(support, task.y_support, task.ways))


def _told(number: int) -> str:
    return "no network, summed events" if number == 1 else f"no network, {number} stretches of time"


def _rows(study: Study, networks: Mapping) -> dict[tuple[str, int], Row]:
    """Answers of all networks and baselines to the same test episodes."""
    tasks = study.tasks(DATASET, "train")
    inner = ClassMeans(steps=0, scale=SCALE)
    rules: dict[tuple[str, int], Rule] = {}
    for (name, seed), (net, theta) in networks.items():
        rules[name, seed] = Seeing(Adapted(net, theta, inner), DESIGNS[name])
    for name in (PLAIN, RECURRENT):
        for seed in SEEDS:
            start = Adapted(*begun(tasks, DESIGNS[name], seed), inner)
            rules[f"{name}, random weights", seed] = Seeing(start, DESIGNS[name])
    rules |= {(_told(number), 0): Stretches(number) for number in STRETCHES}
    one = partial(_answers, study.tasks(DATASET, "test"), study.settings, list(rules.values()))
    found = study.each("recurrence", study.settings.episodes, one)
    return rows_of(list(rules), found)  # type: ignore[arg-type]


def _answers(tasks: Any, settings: Settings, rules: list[Rule], index: int) -> Answers:
    task = tasks.episode(settings.seed, index, ways=WAYS, shots=SHOTS, queries=settings.queries)
    return answers_of(task, rules)


# ---- what came out


def _designs(study: Study, found: Findings, networks: Mapping, rows: Mapping, speaks: str) -> None:
    cells = []
    for name in dict.fromkeys(name for name, _ in rows):
        of = [row for (one, _), row in rows.items() if one == name]
        known = [networks[name, seed] for seed in SEEDS if (name, seed) in networks]
        size = known[0][0].size if known else None
        each = [100 * row.mean for row in of]
        accuracy = (
            of_trials([row.mean for row in of]).percent() if len(of) > 1 else f"{each[0]:.1f}"
        )
        seeds = _numbers(each, 1) if len(of) > 1 else None
        wide = _widest(of, speaks)
        step = DESIGNS[name].lr if name in DESIGNS else None
        cells.append([name, size, step, accuracy, seeds, *wide])
        if name in (PLAIN, BOTH, SUMMED) or len(of) == 1:
            found.summary += f"{name}: {accuracy} %. "
    found.table(
        "recurrence",
        f"Accuracy on {_what(study)} after {UPDATES:,} updates from random weights (%)",
        f"network | parameters | Adam's step | accuracy ± 95 % over seeds | seeds | "
        f"{_over(speaks)}",
        cells,
        f"{study.settings.episodes} test episodes, {WAYS}-way {SHOTS}-shot, the same for all; "
        f"{len(SEEDS)} training seeds, intervals over them by Student's t. Layers of {WIDTH} "
        "neurons: one, except where a row says two. Class means.",
    )


def _over(speaks: str) -> str:
    """Headers of the intervals of a single network."""
    lead = "" if speaks == "episodes" else f"over new {speaks}, the widest | "
    return f"{lead}over episodes, the widest"


def _widest(estimates: list[Estimate], speaks: str) -> list[str]:
    halves = [[one.half for one in estimates]] * (speaks != "episodes")
    halves.append([math.inf if one.ci95 is None else one.ci95 for one in estimates])
    return [f"± {100 * max(each):.1f}" for each in halves]


def _what(study: Study) -> str:
    if study.settings.root is None:
        return "the order in which unseen figures are drawn"
    return "characters of an unseen alphabet as they are written"


def _numbers(values: Iterable[float], places: int, sign: str = "") -> str:
    return " ".join(f"{one:{sign}.{places}f}" for one in values)


def _effects(found: Findings, rows: Mapping, speaks: str) -> None:
    cells = []
    for what, (one, other) in EFFECTS.items():
        pairs = [(rows[one, seed], rows[other, seed]) for seed in SEEDS]
        apart = [a.mean - b.mean for a, b in pairs]
        whole = of_trials(apart)
        estimates = [a.less(b) for a, b in pairs]
        wide = _widest(estimates, speaks)
        said = verdict(whole, max(one.half for one in estimates))
        each = _numbers((100 * one for one in apart), 1, "+")
        cells.append([what, whole.points(), each, *wide, said])
        found.summary += f"{what}: {said} ({whole.points()} points). "
    found.table(
        "effects",
        "What each part changes: paired differences of accuracy (points)",
        f"what | accuracy less that without it ± 95 % over seeds | seeds | {_over(speaks)} | "
        "verdict",
        cells,
        f'"helps": both intervals, over {len(SEEDS)} training seeds and over new tasks, exclude zero.',
    )


def verdict(apart: Estimate, wide: float) -> str:
    """Verdict on a difference over seeds that must also hold for new tasks: `wide` is half the widest
    interval of a single seed's difference over tasks."""
    if abs(apart.mean) <= wide:
        return "no significant difference"
    if apart.low > 0:
        return "helps"
    return "harms" if apart.high < 0 else "no significant difference"
