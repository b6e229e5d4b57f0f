"""Beyond the paper: how much the surrogate matters, its slope, its shape, and its curvature, which
the second order takes.

    triangle      slope max(0, 1 - kappa |a|)         curvature -kappa sign(a) where |a| < 1 / kappa
    exponential   slope exp(-kappa |a|)               curvature -kappa sign(a) exp(-kappa |a|)

(Neftci, Mostafa & Zenke 2019, IEEE Signal Processing Magazine 36(6), list these shapes.) Small
networks, each meta-trained by Proto-MAML, which is quick to learn, on the same tasks from the same
weights; those with a surrogate that the kernels do not know take the NumPy engine. A wrong
curvature is that of the fast sigmoid times a factor: a Hessian of no surrogate.
"""

from dataclasses import replace

import numpy as np

from minisnn import LIF, Surrogate
from minisnn.training.baselines import Adapted, Rule, baselines
from minisnn.training.progress import RULE_NAMES
from minisnn.training.presets import preset
from minisnn.experiments.findings import Findings
from minisnn.experiments.sweep import some_of
from minisnn.experiments.study import Study
from trained import trained

TITLE = "The surrogate: its slope, its shape and its curvature, at first and second order"
DATASET = "double-nmnist"
UPDATES = 120
RIGHT = "fast sigmoid, κ 10"
EPISODES = 40  # at most
_SMALL: dict = dict(
    rule="proto-maml",
    channels=(8, 16),
    kernel=3,
    window=20,
    queries=3,
    lr=5e-3,
    evaluate_every=0,
    test_episodes=0,
)


class Triangle(Surrogate):
    def __init__(self, slope: float):
        self.slope = slope
        self.kinks = (-1 / slope, 0.0, 1 / slope)

    def sigma(self, a: np.ndarray) -> np.ndarray:
        a = np.clip(a, -1 / self.slope, 1 / self.slope)
        return a - 0.5 * self.slope * a * np.abs(a)

    def prime(self, a: np.ndarray) -> np.ndarray:
        return np.maximum(0, 1 - self.slope * np.abs(a))

    def second(self, a: np.ndarray) -> np.ndarray:
        return -self.slope * np.sign(a) * (self.slope * np.abs(a) < 1)


class Exponential(Surrogate):
    kinks = (0.0,)

    def __init__(self, slope: float):
        self.slope = slope

    def sigma(self, a: np.ndarray) -> np.ndarray:
        return np.sign(a) * (1 - np.exp(-self.slope * np.abs(a))) / self.slope

    def prime(self, a: np.ndarray) -> np.ndarray:
        return np.exp(-self.slope * np.abs(a))

    def second(self, a: np.ndarray) -> np.ndarray:
        return -self.slope * np.sign(a) * np.exp(-self.slope * np.abs(a))


class WrongCurvature(type(LIF().spike)):  # type: ignore[misc]  # the paper's surrogate
    """A fast sigmoid whose curvature is `factor` times too large."""

    def __init__(self, slope: float, factor: float):
        super().__init__(slope)
        self.factor = factor

    def second(self, a: np.ndarray) -> np.ndarray:
        return self.factor * super().second(a)


SLOPES = {f"fast sigmoid, κ {slope:g}": LIF(slope=slope) for slope in (1.0, 3.0, 10.0, 30.0, 100.0)}
SHAPES = {
    f"{type(one).__name__.lower()}, κ {one.slope:g}": LIF(surrogate=one)
    for one in (Triangle(2.0), Exponential(5.0))
}
WRONG = {
    f"{RIGHT}, curvature times {f:g}": LIF(surrogate=WrongCurvature(10.0, f))
    for f in (0.0, -1.0, 3.0)
}
NEURONS = {**SLOPES, **SHAPES, **WRONG}


def run(study: Study, found: Findings) -> None:
    rows = []
    values = {}
    episodes = min(some_of(study.settings.episodes), EPISODES)
    for name, neuron in NEURONS.items():
        for order in (2,) if name in WRONG else (1, 2):
            values[name, order] = _accuracy(study, name, neuron, order, episodes)
    for (name, order), row in values.items():
        right = values[RIGHT, order]
        gain = row.less(values[name, 1]).points() if order == 2 and (name, 1) in values else None
        against = None if row is right else row.less(right).points()
        rows.append([name, order, *row.columns(), gain, against])
    net, theta, inner = _trained(study, RIGHT, NEURONS[RIGHT], 2)
    floor = baselines(net, theta, study.tasks(DATASET))
    rows += [
        [RULE_NAMES.get(name, name), None, *row.columns(), None, None]
        for name, row in study.rows(
            "surrogate-baselines", DATASET, floor, ways=net.ways, episodes=episodes
        ).items()
    ]
    found.table(
        "surrogate",
        "Accuracy on unseen classes after one update (%)",
        "surrogate | order | accuracy ± 95 % CI | over episodes | second less first order | less κ "
        "10, paired (points)",
        rows,
        f"{UPDATES} tasks each, the same ones, one training seed, {episodes} test episodes: "
        "differences over episodes say nothing about other seeds.",
    )


def _trained(study: Study, name: str, neuron: LIF, order: int):
    """(network, theta, inner loop) of a neuron."""
    made = trained(
        study,
        f"{name.replace('κ', 'k')}-order-{order}",
        DATASET,
        replace(preset("maml"), **_SMALL, updates=UPDATES, order=order),
        **({} if neuron == LIF() else {"neuron": neuron}),
    )
    return made.net, made.theta, made.inner


def _accuracy(study: Study, name: str, neuron: LIF, order: int, episodes: int):
    net, theta, inner = _trained(study, name, neuron, order)
    rules: dict[str, Rule] = {"adapted": Adapted(net, theta, inner)}
    return study.rows(
        f"surrogate-{name}-{order}", DATASET, rules, ways=net.ways, episodes=episodes
    )["adapted"]
