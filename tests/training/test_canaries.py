"""Canaries: noise with random labels must end at chance, whatever the set of tasks, the rule and the split.

A recording is a take of a random picture of its own, under a label that has nothing to do with it. What is learned of it is of use
only where the same take is met again: in a window on the other side of a task, or in a split that is to be unseen. So accuracy
above chance is a leak, and each canary here falls silent over its own: the leak is put back, and must be heard.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minisnn.data.readers.events import event_array
from minisnn.data.sets import apart, double_asl, named, omniglot, recordings, takes
from minisnn.data.sets.pool import Pool
from minisnn.data.sets.recordings import SPLITS, Recordings
from minisnn.meta.rules import RULES
from minisnn.meta.tasks import Classification
from minisnn.training.baselines import baselines
from minisnn.training.evaluation import evaluate, open_sets
from minisnn.training.folder import RunFolder
from minisnn.training.presets import PRESETS, chosen
from minisnn.training.run import train
from minisnn.training.settings import TrainingConfig

SENSOR, CLASSES, TAKES = (8, 8), 12, 18
MOST = 4.0  # standard errors over recordings


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(RunFolder, "draw", lambda self, rows, chance: None)
    monkeypatch.chdir(tmp_path)


def noise(rng, sensor=SENSOR, duration_ms=20, events=120, picture=None):
    """A take of a random picture: the pixels that fire, and how often."""
    if picture is None:
        picture = rng.random(sensor) ** 6
    place = rng.choice(picture.size, events, p=(picture / picture.sum()).ravel())
    y, x = np.divmod(place, sensor[1])
    return event_array(x, y, np.sort(rng.integers(0, 1000 * duration_ms, events)), rng.integers(0, 2, events))


# ---- what users have -------------------------------------------------------------------------------------------------------


def folder(duration_ms=20, splits=("",)) -> dict:
    """A folder a class, maybe within train, val and test."""
    rng = np.random.default_rng(1)
    for label in range(CLASSES):
        for number in range(TAKES):
            place = Path("noise", splits[number % len(splits)], f"c{label}")
            place.mkdir(parents=True, exist_ok=True)
            np.save(place / f"{number}.npy", noise(rng, duration_ms=duration_ms, events=6 * duration_ms))
    return dict(root="noise")


def windows() -> dict:
    """Long takes, each cut into five."""
    return folder(100) | dict(hop_ms=20.0)


def index(subjects=0) -> dict:
    """Parts of takes in a table; or takes that are of few subjects, a picture each."""
    rng, rows = np.random.default_rng(2), []
    Path("noise").mkdir()
    for label in range(CLASSES):
        pictures = rng.random((max(subjects, 1), *SENSOR)) ** 6
        for number in range(TAKES):
            picture = pictures[number % subjects] if subjects else None
            np.save(f"noise/{label}-{number}.npy", noise(rng, duration_ms=60, events=360, picture=picture))
            of = f"s{number % subjects}" if subjects else ""
            rows += [f"{label}-{number}.npy,c{label},{20 * k},{20 * k + 20},{of}" for k in range(3)]
    Path("noise/index.csv").write_text("path,label,start_ms,stop_ms,subject\n" + "\n".join(rows))
    return dict(root="noise")


def nmnist() -> dict:
    """N-MNIST's files: Train and Test, recordings of noise."""
    rng = np.random.default_rng(3)
    for part, numbers in (("Train", 12), ("Test", 8)):
        for digit in range(10):
            place = Path("noise", part, str(digit))
            place.mkdir(parents=True)
            for number in range(1, numbers + 1):
                e = noise(rng, (32, 32), 100, 150)
                words = np.stack([e["x"], e["y"], e["p"] * 128 + (e["t"] >> 16), e["t"] >> 8 & 255, e["t"] & 255], 1)
                (place / f"{10 * number + digit:05d}.bin").write_bytes(words.astype(np.uint8).tobytes())
    return dict(dataset="double-nmnist", root="noise", sensor=(), duration_ms=100.0)


OF_CODE = """
import numpy as np
import minisnn as ms

def mine(split{more}):
    rng = np.random.default_rng(4)
    pool = [(rng.random((8, 8)) ** 6, n % 10) for n in range(180)]
    events = []
    for picture, label in pool:
        place = rng.choice(64, 120, p=(picture / picture.sum()).ravel())
        one = np.zeros(120, [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "?")])
        one["y"], one["x"] = np.divmod(place, 8)
        one["t"], one["p"] = np.sort(rng.integers(0, 20_000, 120)), rng.integers(0, 2, 120)
        events.append((one, label))
    data = ms.Recordings(events, sensor=(8, 8), duration_ms=20)
    {body}
"""


def code(more="", body="return data.split_recordings()[split]") -> dict:
    Path("mine.py").write_text(OF_CODE.format(more=more, body=body))
    return dict(dataset="mine.py:mine", sensor=(), duration_ms=100.0)


def noisy(monkeypatch, module, events=300) -> None:
    """Noise in place of what the camera would see."""

    def pool_of(name, shape, made_from, batches, keep, code):
        raise AssertionError("not reached")

    def noise_of(shape, labels, numbers):
        rng, cells = np.random.default_rng(numbers[:1].tolist() + [len(labels)]), int(np.prod(shape))
        found = [np.unique(rng.integers(0, cells, events)) for _ in labels]
        flat, start = np.concatenate(found), np.cumsum([0, *map(len, found)])
        return Pool(shape, flat.astype(np.uint32), np.ones(len(flat), np.uint8), start, np.array(labels), np.array(numbers))

    def of_pictures(name, shape, pictures, labels, numbers, where, sight, keep, what, noise, code, **made_from):
        return noise_of(shape, labels[where], numbers[where])

    def of_takes(subjects, which, shape, sight, keep):
        moments = [k for k in range(1, takes.MOMENTS + 1) if which(k)]
        rows = [(letter, subject, k) for letter in range(24) for subject in subjects for k in moments]
        numbers = np.array([subject * takes.MOMENTS + k for _, subject, k in rows])
        pool = noise_of(shape, np.array([letter for letter, _, _ in rows]), numbers)
        return pool, (pool.numbers - 1) // takes.MOMENTS

    monkeypatch.setattr(module, "pool_of_pictures", of_pictures, raising=False)
    monkeypatch.setattr(takes, "pool_of_takes", of_takes)


# ---- the canary ------------------------------------------------------------------------------------------------------------

SMALL = dict(
    dataset="recordings", sensor=SENSOR, duration_ms=20.0, channels=(), hidden=(), window=10, ways=2, queries=3, shots=1, tasks=1,
    updates=10, evaluate_every=0, test_episodes=0, init_tasks=1, step_size=1.0, learn_step_size="no", backend="numba",
)  # fmt: skip
OF_RULE = {
    "reptile": dict(inner_steps=2),
    "classify": dict(updates=120, lr=0.03, queries=6),
    "online": dict(step_size=0.1),
}


def config_of(rule: str, made: dict, **changes) -> TrainingConfig:
    return TrainingConfig(**{**SMALL, "rule": rule, **OF_RULE.get(rule, {}), **made, **changes})


def heard(config: TrainingConfig, data=None, episodes=60, splits=("val", "test")) -> dict[str, float]:
    """How many standard errors above or below chance each split ends, and the baselines beside; what is furthest off."""
    made = train(config, "run", progress=False, force=True, data=data)
    sets = data or open_sets(replace(config, evaluate_every=1, test_episodes=1), progress=False)
    whole, found = RULES[config.rule].whole_set, {}
    for split in splits:
        tasks = Classification(sets[split], sets["train"].classes) if whole else sets[split]
        beside = None if whole else lambda tasks: baselines(made.net, made.theta, tasks, inner=made.inner)
        size = dict(ways=made.net.ways, shots=config.shots, queries=config.queries)
        result = evaluate(made.net, made.theta, made.inner, tasks, split, episodes, progress=False, beside=beside, **size)
        rows = {"": (result["accuracy_after"], result["ci95_recordings"])}
        rows |= {name: (row["mean"], row["ci95_recordings"]) for name, row in result["rules"].items()}
        for name, (mean, half) in rows.items():
            found[f"{split} {name}".strip()] = (mean - 1 / made.net.ways) / (half / 1.96)
    return found


def assert_silent(found: dict[str, float]) -> None:
    assert max(found.values()) < MOST and min(found.values()) > -MOST, found


def assert_loud(found: dict[str, float], splits=("val", "test")) -> None:
    assert all(found[split] > MOST for split in splits), found


# ---- leaks, put back -------------------------------------------------------------------------------------------------------


def meets_training_recordings(monkeypatch):
    """Every split has the recordings that train."""
    real = apart.divided
    monkeypatch.setattr(apart, "divided", lambda labels, groups, shares, seed: real(labels, groups, shares, seed) * 0)


@pytest.mark.parametrize("made", [folder, windows, index])
def test_try(made, monkeypatch):
    import time
    how = made()
    for rule in RULES:
        config = config_of(rule, how)
        t = time.time()
        print(made.__name__, rule, {k: round(v, 1) for k, v in heard(config).items()}, round(time.time() - t, 1))
        with monkeypatch.context() as leak:
            if RULES[rule].whole_set:
                leak.setattr(named, "_drawn", lambda tasks, *_: dict.fromkeys(SPLITS, tasks))
                leak.setattr("minisnn.training.run.check_apart", lambda *_: None)
            else:
                leak.setattr(recordings, "draw_samples", lambda rng, made_of, sizes, shots, queries, groups: (lambda s: (s, np.repeat(s, queries, 1)))(real(rng, made_of, sizes, shots, queries, groups)[0]))
            print("  leak", {k: round(v, 1) for k, v in heard(config).items()})

real = recordings.draw_samples
