"""Tasks of regression that are generated: no recordings, no labels to run out of, and what is new in a
task is known exactly.

    waves      y = A sin(x + phi) of Finn, Abbeel & Levine 2017 (ICML): amplitude and phase are new, and
               act behind a nonlinearity (phi) and in front of the answer (A)
    movement   the velocity of a hand from the spikes of 96 neurons, each day: some neurons are others,
               and all are tuned a little differently

Episode i of a split depends on (seed, split, i) alone, and the splits of a set share nothing.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...arguments import must, number, one_of, whole
from ...meta.tasks import Task
from .samples import SPLITS


@dataclass(frozen=True)
class Generated:
    """What sets of generated tasks have: `episode` and `sample_task`, as all sets.

    split   "train", "val" or "test", of tasks that differ
    """

    split: str = "train"
    outputs: ClassVar[int] = 1
    input_shape: ClassVar[tuple[int, ...]]

    def __post_init__(self) -> None:
        one_of("split", self.split, SPLITS)

    def sample_task(
        self, rng: np.random.Generator, ways: int = 1, shots: int = 10, queries: int = 10
    ) -> Task:
        """A task of `shots` support samples and `queries` query samples. `ways`, the number of
        outputs, is the set's."""
        must("ways", whole("ways", ways) == self.outputs, f"{self.outputs}, the outputs", ways)
        samples = whole("shots", shots, 1), whole("queries", queries, 1)
        x, y = self.samples(rng, sum(samples))
        return Task(x[:shots], y[:shots], x[shots:], y[shots:])

    def episode(
        self, seed: int, index: int, ways: int = 1, shots: int = 10, queries: int = 10
    ) -> Task:
        """Task number `index` of the series `seed`."""
        key = SPLITS.index(self.split), whole("index", index, 0)
        sequence = np.random.SeedSequence(whole("seed", seed, 0), spawn_key=key)
        return self.sample_task(np.random.default_rng(sequence), ways, shots, queries)

    def samples(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts (n, T, units) and targets of one task."""
        raise NotImplementedError


@dataclass(frozen=True)
class Waves(Generated):
    """y = A sin(x + phi), A from 0.1 to 5, phi from 0 to pi, x from -5 to 5, from spikes of a
    population that codes x.

    steps   T of a sample
    width   of a unit's Gaussian tuning; 48 units prefer x from -5 to 5
    rate    probability of a spike a step where x is the one that a unit prefers

    Source: Finn, Abbeel & Levine 2017, section 5.1, there with x as a number.

    >>> ms.Waves().episode(0, 0, shots=5)
    Task: 1 real outputs; 5 support and 10 query samples of shape (24, 48), uint8
    """

    steps: int = 24
    width: float = 0.6
    rate: float = 0.5
    input_shape = (48,)

    def samples(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Spikes (n, T, 48) and y (n, 1) of one wave."""
        amplitude, phase = rng.uniform(0.1, 5), rng.uniform(0, np.pi)
        x = rng.uniform(-5, 5, n)
        away = (x[:, None] - np.linspace(-5, 5, *self.input_shape)) / self.width
        chance = self.rate * np.exp(-0.5 * away**2)
        spikes = rng.random((n, self.steps, *self.input_shape)) < chance[:, None]
        return spikes.astype(np.uint8), amplitude * np.sin(x + phase)[:, None]


@dataclass(frozen=True)
class Movement(Generated):
    """Reaches of a hand, decoded from the counts of 96 neurons in bins of 20 ms; a task is a day.

    A neuron of preferred direction d fires Poisson spikes at a rate that is no straight line of the
    velocity v (Moran & Schwartz 1999, J. Neurophysiology 82:2676, have the terms):

        rate = peak sigmoid(base + direct d.v + speed |v|)

    A day replaces a share of the neurons by others, turns all preferred directions by one angle, and
    scales the tuning of each neuron.

    steps      bins of a reach
    replaced   share of the neurons that a day replaces
    turned     standard deviation of the angle, radians
    scaled     standard deviation of the logarithm of a neuron's scale

    Targets are (n, T, 2), the velocities at each step, in units of the fastest reach's.

    >>> ms.Movement().episode(0, 0, 2, shots=4, queries=8).y_query.shape
    (8, 30, 2)
    """

    steps: int = 30
    replaced: float = 0.3
    turned: float = 0.5
    scaled: float = 0.3
    input_shape = (96,)
    outputs = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        good = 0 <= number("replaced", self.replaced) <= 1
        must("replaced", good, "a share, 0 to 1", self.replaced)

    def _tuning(self, rng: np.random.Generator) -> dict[str, Any]:
        """Of 96 neurons."""
        units = self.input_shape[0]
        return dict(
            direction=rng.uniform(-np.pi, np.pi, units),
            direct=rng.uniform(1, 4, units),
            speed=rng.uniform(-1, 2, units),
            base=rng.uniform(-3.5, -1, units),
            peak=rng.uniform(0.5, 1.5, units),  # spikes a bin
        )

    def _reaches(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Velocities (n, T, 2): bell-shaped, as of least jerk (Flash & Hogan 1985), with a bend."""
        angle = rng.uniform(-np.pi, np.pi, n)[:, None]
        begin = rng.uniform(0, 0.35, n)[:, None]
        length = rng.uniform(0.45, 0.65, n)[:, None]
        s = np.clip((np.arange(self.steps) / self.steps - begin) / length, 0, 1)
        size = rng.uniform(0.4, 1, n)[:, None] * 16 * (s * (1 - s)) ** 2
        heading = angle + rng.normal(0, 0.6, n)[:, None] * (s - 0.5)
        return np.stack([size * np.cos(heading), size * np.sin(heading)], 2)

    def samples(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts (n, T, 96) and velocities (n, T, 2) of one day."""
        usual = self._tuning(np.random.default_rng(0))  # the population, whatever the day
        others = self._tuning(rng)
        new = rng.random(self.input_shape) < self.replaced
        today = {name: np.where(new, others[name], a) for name, a in usual.items()}
        heading = today["direction"] + rng.normal(0, self.turned)
        scale = np.exp(rng.normal(0, self.scaled, self.input_shape))
        v = self._reaches(rng, n)
        along = v @ np.stack([np.cos(heading), np.sin(heading)])
        drive = (
            today["direct"] * along + today["speed"] * np.hypot(*np.moveaxis(v, 2, 0))[..., None]
        )
        rate = today["peak"] / (1 + np.exp(-today["base"] - scale * drive))
        return rng.poisson(rate).astype(np.uint8), v


def waves(split: str, root: Any = None, progress: bool = True) -> Waves:
    """The set of that name, which reads nothing."""
    return Waves(split)


def movement(split: str, root: Any = None, progress: bool = True) -> Movement:
    """The set of that name, which reads nothing."""
    return Movement(split)
