"""Toy tasks, small enough that a run takes a second: every class is a picture, a sample random
events of it."""

import numpy as np

from minisnn import Recordings, TrainingConfig, Task, read
from minisnn.training.baselines import answers, rows_of
from written import read_json

SPLITS = ("train", "val", "test")
SYMBOLS, SHAPE = 8, (14, 8, 6, 2)  # of `small_set`


class ToySet:
    """Tasks of ten classes a split; `calls` counts the tasks drawn, and `at_call` maps a count to
    what to do then."""

    input_shape = (6, 6, 2)

    def __init__(self, split: str, at_call: dict | None = None):
        self.first = 10 * SPLITS.index(split)
        self.calls = 0
        self.at_call = at_call or {}
        self.classes = tuple(str(self.first + k) for k in range(10))

    def sample_task(self, rng, ways=3, shots=1, queries=2) -> Task:
        self.calls += 1
        self.at_call.get(self.calls, lambda: None)()
        classes = rng.choice(len(self.classes), ways, replace=False)
        pictures = [
            np.random.default_rng(self.first + c).random(self.input_shape) ** 4 for c in classes
        ]

        def samples(n):
            x = np.concatenate([rng.random((n, 14, *self.input_shape)) < 0.6 * p for p in pictures])
            return x.astype(np.uint8), np.repeat(np.arange(ways), n)

        names = tuple(self.classes[k] for k in classes)
        return Task(*samples(shots), *samples(queries), names)

    def episode(self, seed, index, *size, **sizes) -> Task:
        return self.sample_task(np.random.default_rng((seed, index)), *size, **sizes)


class Waves:
    """Regression: where a bar lies, as two numbers; every task has its own scale."""

    input_shape, away = (6, 6, 2), 0.0

    def sample_task(self, rng, ways=2, shots=4, queries=4) -> Task:
        scale = rng.uniform(0.5, 1.5)

        def samples(n):
            at = rng.integers(0, 6, n)
            x = (rng.random((n, 14, 6, 6, 2)) < 0.05).astype(np.uint8)
            for one, column in zip(x, at):
                one[::2, :, column] = 1
            return x, scale * np.stack([at / 5, 1 - at / 5], 1) + self.away

        return Task(*samples(shots), *samples(queries))

    episode = ToySet.episode


def toy_data(at_call: dict | None = None) -> dict[str, ToySet]:
    """A ToySet for every split; `at_call` is that of the training set."""
    return {split: ToySet(split, at_call if split == "train" else None) for split in SPLITS}


def toy_config(**changes) -> TrainingConfig:
    """Settings of a run of a second."""
    settings = dict(
        channels=(4,),
        kernel=3,
        window=8,
        ways=3,
        queries=2,
        pool="mean",
        backend="numba",
        step_size=5.0,
        learn_step_size="array",
        clip=5.0,
        updates=12,
        tasks=2,
        evaluate_every=6,
        evaluate_episodes=3,
        checkpoint_every=5,
        test_episodes=4,
        init_tasks=2,
    )
    settings |= changes
    fitted = settings.get("init", "lsuv") == "lsuv" and settings.get("start") is None
    if fitted and settings.get("model", "snn") == "snn":
        settings.setdefault("init_rounds", 2)  # of five, which a small run takes long for
    return TrainingConfig(**settings)


def interrupt():
    """Ctrl-C, for `at_call`."""
    raise KeyboardInterrupt


def state(folder):
    """All that a run ends with, but for the time it took."""
    found = read(folder)
    arrays = {"theta": found.theta, "step_size": np.asarray(found.inner.step_size)}
    for of, part in found.optimiser.items():
        arrays |= {f"{of}/{name}": array for name, array in part.items()}
    arrays |= {name: column for name, column in found.curve.items() if name != "seconds"}
    arrays["test"] = np.array(read_json(folder / "result.json")["per_episode"])
    return arrays


def assert_same(folder, other):
    one = state(folder)
    two = state(other)
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name], err_msg=name)


def small_set(split: str = "test", share: float = 0.7, seed: int = 5) -> Recordings:
    """Pairs of eight symbols, thirty recordings of each: random events of a picture that is the
    symbol's own, the fewer the smaller `share` is."""
    rng = np.random.default_rng(seed)
    pictures = rng.random((SYMBOLS, *SHAPE[1:])) ** 3
    counts = (
        (rng.random((30, SYMBOLS, *SHAPE)) < share * pictures[:, None])
        .astype(np.uint8)
        .reshape(-1, *SHAPE)
    )
    labels = np.tile(np.arange(SYMBOLS), 30)
    pairs = [(a, b) for a in range(SYMBOLS) for b in range(SYMBOLS) if split == "test" or a != b]
    return Recordings(
        counts,
        labels,
        duration_ms=SHAPE[0],
        made_of={f"{a}{b}": (a, b) for a, b in pairs},
        source="small recordings",
    )


def compare(tasks, rules: dict, episodes: int, seed=0, ways=5, shots=1, queries=10) -> dict:
    """{name: row} of all rules on the same episodes."""
    found = [
        answers(tasks, [*rules.values()], seed, ways, shots, queries, n) for n in range(episodes)
    ]
    return rows_of([*rules], found)
