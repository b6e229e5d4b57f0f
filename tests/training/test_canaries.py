"""Canaries: noise with random labels must end at chance, whatever the set of tasks, the rule and
the split.

A recording is a take of a random picture of its own, under a label that has nothing to do with it.
What is learned of it is of use only where the same take is met again: in a window on the other side
of a task, or in a split that is to be unseen. So accuracy above chance is a leak. That the canary
hears one is shown on recordings whose common origin is kept from the library.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import compare

from minisnn.data.sets import double_asl, omniglot, takes
from minisnn.data.sets.pool import Pool
import minisnn as ms
from minisnn import TrainingConfig, train
from minisnn.meta.rules import RULES
from minisnn.meta.tasks import Classification
from minisnn.training.baselines import Adapted, baselines
from minisnn.training.evaluation import open_sets
from minisnn.training.intervals import Drawn, Shared

SENSOR, CLASSES, TAKES = (8, 8), 12, 18
MOST = 4.0  # standard errors over recordings
pytestmark = pytest.mark.usefixtures("cached_here")


def noise(rng, sensor=SENSOR, duration_ms=20, events=120, picture=None):
    """A take of a random picture: the pixels that fire, and how often."""
    if picture is None:
        picture = rng.random(sensor) ** 6
    place = rng.choice(picture.size, events, p=(picture / picture.sum()).ravel())
    y, x = np.divmod(place, sensor[1])
    return ms.event_array(
        x, y, np.sort(rng.integers(0, 1000 * duration_ms, events)), rng.integers(0, 2, events)
    )


# ---- what users have


def folder(duration_ms=20, splits=("",), number_of=TAKES, classes=CLASSES) -> dict:
    """A folder a class, maybe within train, val and test."""
    rng = np.random.default_rng(1)
    for label in range(classes):
        for number in range(number_of):
            place = Path("noise", splits[number % len(splits)], f"c{label}")
            place.mkdir(parents=True, exist_ok=True)
            np.save(
                place / f"{number}.npy", noise(rng, duration_ms=duration_ms, events=6 * duration_ms)
            )
    return dict(root="noise")


def windows(number_of=TAKES, parts=5, classes=CLASSES) -> dict:
    """Long takes, each cut into some."""
    return folder(20 * parts, ("",), number_of, classes) | dict(hop_ms=20.0)


def index(subjects=0, number_of=TAKES, parts=3, classes=CLASSES) -> dict:
    """Parts of takes in a table; or takes that are of few subjects, a picture each."""
    rng = np.random.default_rng(2)
    rows = []
    Path("noise").mkdir()
    for label in range(classes):
        pictures = rng.random((max(subjects, 1), *SENSOR)) ** 6
        for number in range(number_of):
            picture = pictures[number % subjects] if subjects else None
            one = noise(rng, duration_ms=20 * parts, events=120 * parts, picture=picture)
            np.save(f"noise/{label}-{number}.npy", one)
            of = f"s{number % subjects}" if subjects else ""
            rows += [
                f"{label}-{number}.npy,c{label},{20 * k},{20 * k + 20},{of}" for k in range(parts)
            ]
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
                path = place / f"{100 * digit + number:05d}.bin"
                ms.write_nmnist(path, noise(rng, (32, 32), 100, 150))
    return dict(dataset="double-nmnist", root="noise", sensor=(), duration_ms=100.0)


OF_CODE = """
import numpy as np
import minisnn as ms

def mine(split{more}):
    rng = np.random.default_rng(4)
    pool = [(rng.random((8, 8)) ** 6, n % 20) for n in range(400)]
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

    def noise_of(shape, labels, numbers):
        rng = np.random.default_rng(numbers[:1].tolist() + [len(labels)])
        cells = int(np.prod(shape))
        found = [np.unique(rng.integers(0, cells, events)) for _ in labels]
        flat = np.concatenate(found)
        start = np.cumsum([0, *map(len, found)])
        return Pool(
            shape,
            flat.astype(np.uint32),
            np.ones(len(flat), np.uint8),
            start,
            np.array(labels),
            np.array(numbers),
        )

    def of_pictures(name, pictures, labels, numbers, noise, train, sight, *how, **made_from):
        where = np.flatnonzero(((numbers % 5 != 0) == train) | (train is None))
        return noise_of(sight.shape, labels[where], numbers[where])

    def of_takes(name, shape, *how, rows, **made_from):
        letters, subjects, moments = np.array(rows).T
        return noise_of(shape, letters, subjects * 60 + moments)

    monkeypatch.setattr(module, "pool_of_pictures", of_pictures, raising=False)
    monkeypatch.setattr(takes, "pool_of", of_takes)


# ---- the canary

SMALL = dict(
    dataset="recordings", sensor=SENSOR, duration_ms=20.0, channels=(), hidden=(), window=10, ways=2, queries=3, shots=1,
    tasks=1, updates=10, evaluate_every=0, test_episodes=0, init_tasks=1, step_size=1.0, learn_step_size="no",
)  # fmt: skip
OF_RULE = {
    "reptile": dict(inner_steps=2),
    "imaml": dict(inner_steps=5, step_size=0.2, zero_readout=True),
    "classify": dict(updates=120, lr=0.03, queries=6),
    "online": dict(step_size=0.1, neuron="cuba", firing_threshold=0.3, scale=10.0),
}


def config_of(rule: str, made: dict, **changes) -> TrainingConfig:
    return TrainingConfig(**{**SMALL, "rule": rule, **OF_RULE.get(rule, {}), **made, **changes})


def heard(
    config: TrainingConfig, data=None, episodes=60, splits=("val", "test")
) -> dict[str, float]:
    """How many standard errors above or below chance each split ends, and the baselines beside;
    what is furthest off."""
    made = train(config, "run", progress=False, force=True, data=data)
    sets = data or open_sets(replace(config, evaluate_every=1, test_episodes=1), progress=False)
    whole, found = RULES[config.rule].whole_set, {}
    for split in splits:
        tasks = Classification(sets[split], sets["train"].classes) if whole else sets[split]
        size = dict(ways=made.net.ways, shots=config.shots, queries=config.queries)
        rules = {
            "": Adapted(made.net, made.theta, made.inner),
            **({} if whole else baselines(made.net, made.theta, sets[split], inner=made.inner)),
        }
        for name, row in compare(tasks, rules, episodes, **size).items():
            right, of = row.right, row.shared.query[0].reshape(len(row.right), -1)
            if sets[split].groups is not None:  # those of one subject and label are as good as one
                pairs = 1000 * sets[split].groups + sets[split].pool.labels
                numbers = np.arange(len(pairs)) if sets[split].takes is None else sets[split].takes
                of = np.vectorize(dict(zip(numbers.tolist(), pairs.tolist())).__getitem__)(of)
            chance = 1 / made.net.ways
            error = max(
                over_recordings(right, of, episodes) / 1.96,
                (chance * (1 - chance) / len(np.unique(of))) ** 0.5,
            )
            found[f"{split} {name}".strip()] = (row.mean - chance) / error
    return found


def over_recordings(right: np.ndarray, of: np.ndarray, episodes: int) -> float:
    """Half the interval over recordings (or what stands for them, of (n, k)) of the queries alone,
    whatever their labels."""
    nothing = np.zeros((0, of.shape[1]), np.int64)
    labels = np.zeros(len(right) // episodes, np.int64)
    drawn = [
        Drawn(part, labels, nothing, nothing[:, 0], ("any",)) for part in np.split(of, episodes)
    ]
    return Shared(drawn).estimate(right).ci95_recordings


def assert_silent(found: dict[str, float]) -> None:
    assert max(found.values()) < MOST and min(found.values()) > -MOST, found


def assert_loud(found: dict[str, float]) -> None:
    """The network or a baseline is above chance on each split."""
    for split in ("val", "test"):
        assert max(value for name, value in found.items() if name.startswith(split)) > MOST, found


@pytest.mark.parametrize("rule", ["classify", "maml", "prototypes"])
@pytest.mark.every(2)
def test_a_leak_is_heard(rule):
    """Recordings that share a picture end at chance if the library knows of it, and above if not."""
    rng = np.random.default_rng(5)
    events = []
    labels = []
    common = []
    whole = RULES[rule].whole_set
    classes, pictures, each = (12, 18, 5) if whole else (120, 2, 5)
    for label in range(classes):
        for number in range(pictures):
            picture = rng.random(SENSOR) ** 6
            events += [noise(rng, picture=picture) for _ in range(each)]
            labels += [label] * each
            common += [f"{label}-{number}"] * each
    config = config_of(rule, {} if whole else dict(ways=5))
    known, unknown = (
        ms.Recordings(events, labels, sensor=SENSOR, duration_ms=20, groups=groups)
        for groups in ({"take": common}, {})
    )
    split = ms.Recordings.split_recordings if whole else ms.Recordings.split
    assert_silent(heard(config, split(known)))
    assert_loud(heard(config, split(unknown)))


@pytest.mark.parametrize(
    "made, rule",
    [
        (folder, "classify"),
        (windows, "classify"),
        (index, "classify"),
        (lambda: index(9, 36, 1), "classify"),
        (lambda: folder(splits=("train", "test", "val")), "classify"),
        (lambda: windows(2, 5, 120) | dict(ways=5), "maml"),
        (lambda: index(0, 2, 5, 120) | dict(ways=5), "prototypes"),
        (lambda: folder(classes=24), "anil"),
    ],
    ids="folder windows parts subjects splits windows-of-tasks parts-of-tasks samples".split(),
)
@pytest.mark.every(8)
def test_noise_in_a_users_folder(made, rule):
    assert_silent(heard(config_of(rule, made())))


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted(RULES.keys() - {"ridge"}))  # it classifies nothing
@pytest.mark.parametrize(
    "made", [folder, windows, index, nmnist, code], ids=lambda made: made.__name__
)
def test_noise_by_any_rule(made, rule):
    whole = RULES[rule].whole_set
    if made is code and not whole:
        given = code(body="return data.split()[split]")
    else:
        given = made(classes=24) if made is folder and not whole else made()
    config = config_of(rule, given)
    if made is nmnist and not whole:
        config = replace(config, window=30)
    assert_silent(heard(config))


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["maml", "classify", "prototypes"])
@pytest.mark.parametrize(
    "dataset",
    ["double-asl", "double-asl-same-take", "double-asl-new-subject", "omniglot", "omniglot-random"],
)
def test_noise_in_the_sets_that_ship(dataset, rule, monkeypatch):
    noisy(monkeypatch, omniglot if dataset.startswith("omniglot") else double_asl)
    config = config_of(rule, dict(dataset=dataset, sensor=(), duration_ms=100.0))
    assert_silent(heard(config, episodes=30))


def test_noise_of_a_users_code():
    """A function that forgets the split it is asked for is refused; one that knows it is at
    chance."""
    config = config_of("classify", code())
    assert_silent(heard(config))
    forgetful = config_of("classify", code(body="return data"))
    with pytest.raises(ValueError, match="train and val share 400 of 400 recordings"):
        heard(replace(forgetful, evaluate_every=5))
