"""Generated regression tasks: they need no recordings, and it is known exactly what is new in a
task.

    waves      y = A sin(x + phi) of Finn, Abbeel & Levine 2017 (ICML): amplitude and phase are new:
               phi acts inside the nonlinearity, A scales the target
    movement   the velocity of a hand from the spikes of 96 neurons, each day: some neurons are
               replaced, and all are tuned a little differently, so the input changes
    bars       the velocity of a bar from the events of a camera: each task's camera is turned, sees
               another part of the scene, and has other dead cells, so the input changes; turning
               the camera also turns the target velocities

Episode i of a split depends only on (seed, split, i), and the splits of a set share nothing.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...arguments import must, one_of, whole
from ...meta.tasks import Task
from .samples import SPLITS


@dataclass(frozen=True)
class Generated:
    """The base of generated sets, with `episode` and `sample_task` like all sets.

    split   "train", "val" or "test", whose tasks differ
    """

    split: str = "train"
    outputs: ClassVar[int] = 1
    input_shape: ClassVar[tuple[int, ...]]

    def __post_init__(self) -> None:
        one_of("split", self.split, SPLITS)

    def sample_task(
        self, rng: np.random.Generator, ways: int = 1, shots: int = 10, queries: int = 10
    ) -> Task:
        """Draw a task of `shots` support samples and `queries` query samples. `ways`, the number of
        outputs, is fixed."""
        must("ways", whole("ways", ways) == self.outputs, f"{self.outputs}, the outputs", ways)
        samples = whole("shots", shots, 1), whole("queries", queries, 1)
        x, y = self.samples(rng, sum(samples))
        return Task(x[:shots], y[:shots], x[shots:], y[shots:])

    def episode(
        self, seed: int, index: int, ways: int = 1, shots: int = 10, queries: int = 10
    ) -> Task:
        """Return task number `index` of the series `seed`."""
        key = SPLITS.index(self.split), whole("index", index, 0)
        sequence = np.random.SeedSequence(whole("seed", seed, 0), spawn_key=key)
        return self.sample_task(np.random.default_rng(sequence), ways, shots, queries)

    def samples(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return counts (n, T, units) and targets of one task."""
        raise NotImplementedError


@dataclass(frozen=True)
class Waves(Generated):
    """Sine waves y = A sin(x + phi), with A from 0.1 to 5, phi from 0 to pi and x from -5 to 5. The
    input is spikes of a population that codes x.

    steps   T, the time steps of a sample
    width   width of a unit's Gaussian tuning; 48 units prefer x from -5 to 5
    rate    probability of a spike per step at the x that a unit prefers

    Source: Finn, Abbeel & Levine 2017, section 5.1, where x is a number.

    >>> ms.Waves().episode(0, 0, shots=5)
    Task: 1 real outputs; 5 support and 10 query samples of shape (24, 48), uint8
    """

    steps: int = 24
    width: float = 0.6
    rate: float = 0.5
    input_shape = (48,)

    def samples(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return spikes (n, T, 48) and y (n, 1) of one wave."""
        amplitude, phase = rng.uniform(0.1, 5), rng.uniform(0, np.pi)
        x = rng.uniform(-5, 5, n)
        away = (x[:, None] - np.linspace(-5, 5, *self.input_shape)) / self.width
        chance = self.rate * np.exp(-0.5 * away**2)
        spikes = rng.random((n, self.steps, *self.input_shape)) < chance[:, None]
        return spikes.astype(np.uint8), amplitude * np.sin(x + phase)[:, None]


@dataclass(frozen=True)
class Movement(Generated):
    """Reaches of a hand, decoded from the spike counts of 96 neurons in bins of 20 ms; a task is a
    day.

    A neuron with preferred direction d fires Poisson spikes at a rate that is not linear in the
    velocity v (Moran & Schwartz 1999, J. Neurophysiology 82:2676, have the terms):

        rate = peak sigmoid(base + direct d.v + speed |v|)

    On each day, a share of the neurons is replaced by others, all preferred directions are turned
    by one angle, and each neuron's tuning is scaled.

    steps      number of bins in a reach
    replaced   share of the neurons that are replaced on each day
    turned     standard deviation of the angle, radians
    scaled     standard deviation of the logarithm of a neuron's scale

    Targets are (n, T, 2), the velocities at each step, as fractions of the fastest reach's.

    >>> ms.Movement().episode(0, 0, 2, shots=4, queries=8).y_query.shape
    (8, 30, 2)
    """

    steps: int = 30
    replaced: float = 0.3
    turned: float = 0.5
    scaled: float = 0.3
    input_shape = (96,)
    outputs = 2

    def _tuning(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return the tuning of 96 neurons."""
        units = self.input_shape[0]
        return dict(
            direction=rng.uniform(-np.pi, np.pi, units),
            direct=rng.uniform(1, 4, units),
            speed=rng.uniform(-1, 2, units),
            base=rng.uniform(-3.5, -1, units),
            peak=rng.uniform(0.5, 1.5, units),  # spikes per bin
        )

    def _reaches(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return velocities (n, T, 2): bell-shaped, as for minimum jerk (Flash & Hogan 1985), with
        a bend."""
        angle = rng.uniform(-np.pi, np.pi, n)[:, None]
        begin = rng.uniform(0, 0.35, n)[:, None]
        length = rng.uniform(0.45, 0.65, n)[:, None]
        s = np.clip((np.arange(self.steps) / self.steps - begin) / length, 0, 1)
        size = rng.uniform(0.4, 1, n)[:, None] * 16 * (s * (1 - s)) ** 2
        heading = angle + rng.normal(0, 0.6, n)[:, None] * (s - 0.5)
        return np.stack([size * np.cos(heading), size * np.sin(heading)], 2)

    def samples(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return counts (n, T, 96) and velocities (n, T, 2) of one day."""
        usual = self._tuning(np.random.default_rng(0))  # the population, the same on all days
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


@dataclass(frozen=True)
class Bars(Generated):
    """The velocity of a bar that crosses the scene, to be found from the events of 12 x 12 cells; a
    task is a camera.

    A cell reports the bar's front edge (polarity 0) and its rear edge (polarity 1) at the steps in
    which they pass it. A camera is turned by an angle, shows a part of the scene, and some of its
    cells are dead.

    steps      T, the time steps of a sample
    turned     largest angle, radians, to either side
    cropped    largest share of the scene's width that a camera does not show
    dead       largest share of dead cells
    noise      probability of a noise event, per cell and step

    Targets are (n, 2), the velocities in the scene, at right angles to the bar, as fractions of the
    fastest. Only this component of a bar's velocity can be measured (Wuerger et al. 1996,
    Perception 25:1317).

    >>> ms.Bars().episode(0, 0, 2, shots=4, queries=8)
    Task: 2 real outputs; 4 support and 8 query samples of shape (24, 12, 12, 2), uint8
    """

    steps: int = 24
    turned: float = np.pi
    cropped: float = 0.5
    dead: float = 0.4
    noise: float = 0.002
    input_shape = (12, 12, 2)
    outputs = 2

    def samples(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return events (n, T, 12, 12, 2) and velocities (n, 2) that one camera sees."""
        side = np.linspace(-1, 1, self.input_shape[0])
        angle, size = rng.uniform(-self.turned, self.turned), 1 - rng.uniform(0, self.cropped)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        cells = size * np.stack(np.meshgrid(side, side), 2) @ turn
        cells += (1 - size) * rng.uniform(-1, 1, 2)
        alive = rng.random(cells.shape[:2]) >= rng.uniform(0, self.dead)

        direction, speed = rng.uniform(-np.pi, np.pi, n), rng.uniform(0.2, 1, n)
        heading = np.stack([np.cos(direction), np.sin(direction)], 1)
        along = np.einsum("rcd,nd->nrc", cells, heading)
        pace = 0.3 * speed[:, None, None]  # the scene is 2 wide
        front = rng.uniform(0.3, 0.7, (n, 1, 1)) * self.steps + along / pace
        edges = np.stack([front, front + 0.5 / pace], 3)
        edges = np.floor(edges + rng.normal(0, 0.5, edges.shape)).astype(int)
        reports = (0 <= edges) & (edges < self.steps) & alive[..., None]
        x = rng.random((n, self.steps, *self.input_shape)) < self.noise
        sample, row, column, polarity = np.nonzero(reports)
        x[sample, edges[reports], row, column, polarity] = True
        return x.astype(np.uint8), speed[:, None] * heading
