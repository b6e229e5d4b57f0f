"""Recorded days: a hand's velocities, or any other quantities described by a few numbers, to be
decoded from the binned counts of units."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...arguments import must, need, whole
from ...meta.tasks import Task
from ..readers.arrays import load
from ..readers.hdf5 import naming
from ..readers.matlab import variables
from .generated import Generated
from .samples import SPLITS


@dataclass(frozen=True)
class Days(Generated):
    """Tasks of decoding velocities from counts. Each task is one day, and each day is one file.

    split        "train", "val" or "test". Days are divided by date, the order of the files' names:
                 the last fifth is for testing and the fifth before it for validation, with at
                 least one day in each
    root         folder of the files: .npz, or .mat of MATLAB 5 to 7.3
    counts, velocities   names of the arrays, (bins, units) and (bins, outputs)
    steps        bins of a sample; a day is cut into consecutive samples

    Support is drawn from the first half of a day, and queries from the second. Targets (n, T,
    outputs) are the velocities divided by their root mean square in the training days. Raises
    ValueError, naming the file, if an array is missing, if days differ in their units or outputs,
    or if a half has too few samples.
    """

    root: str | Path = ""
    counts: str = "counts"
    velocities: str = "velocities"
    steps: int = 30
    days: list = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("steps", self.steps, 1)
        paths = sorted(p for p in Path(self.root).iterdir() if p.suffix in (".npz", ".mat"))
        must(f"the number of .npz and .mat files in {self.root}", len(paths) > 2, "3", len(paths))
        days = [self._read(path) for path in paths]
        units, outputs = (day.shape[1] for day in days[0])
        for path, day in zip(paths, days):
            sizes = day[0].shape[1], day[1].shape[1]
            expected = f"{units} and {outputs}, as in {paths[0].name}"
            need(f"{path}: units and outputs", sizes, sizes == (units, outputs), expected)
        fifth = max(1, len(days) // 5)
        parts = dict(zip(SPLITS, np.split(np.arange(len(days)), [-2 * fifth, -fifth])))
        train = np.concatenate([days[k][1] for k in parts["train"]])
        scale = float(np.sqrt(np.mean(train**2)))
        own = [(paths[k], days[k][0], days[k][1] / scale) for k in parts[self.split]]
        for name, value in dict(input_shape=(units,), outputs=outputs, days=own).items():
            object.__setattr__(self, name, value)

    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Return the counts and velocities of a day."""
        names = self.counts, self.velocities
        what = f"a day's {names[0]} (bins, units) and {names[1]} (bins, outputs)"
        with naming(path, what):
            matlab = path.suffix == ".mat"
            held = variables(path, names, what) if matlab else load(path, *names)
            need("the list of its arrays", sorted(held), len(held) == 2, what)
            counts, velocities = (held[name] for name in names)
            shapes = counts.shape, velocities.shape
            fits = counts.ndim == velocities.ndim == 2 and len(counts) == len(velocities)
            need("their shapes", shapes, fits, what)
            finite = np.isfinite(counts).all() and np.isfinite(velocities).all()
            need("a value", "not finite", finite and (counts >= 0).all(), "counts of 0 or more")
        return counts.astype(np.float32), velocities.astype(np.float64)

    def sample_task(
        self, rng: np.random.Generator, ways: int = 2, shots: int = 16, queries: int = 16
    ) -> Task:
        """Draw a task: one day, and its samples. `ways`, the number of outputs, is fixed by the
        set."""
        must("ways", whole("ways", ways) == self.outputs, f"{self.outputs}, the outputs", ways)
        path, *arrays = self.days[rng.integers(len(self.days))]
        x, y = (a[: len(a) // self.steps * self.steps] for a in arrays)
        x, y = (a.reshape(-1, self.steps, a.shape[1]) for a in (x, y))
        half = len(x) // 2
        sides = []
        for first, size, n in ((0, half, shots), (half, len(x) - half, queries)):
            need(f"{path}: samples in half of a day", size, whole("n", n, 1) <= size, f"{n}")
            chosen = first + rng.choice(size, n, replace=False)
            sides += [x[chosen], y[chosen]]
        return Task(*sides)
