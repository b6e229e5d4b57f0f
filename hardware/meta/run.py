"""The comparison: class-means meta-training in integers of 8 to 16 bits and in float, on the same tasks,
from the same weights, tested on the same episodes.

    a folder    run.json           what the run is
                <arm>-<seed>.npz   an arm on its way, or done
                <arm>-<seed>.json  what it answered to the test episodes
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minisnn import terminal
from minisnn.data.sets.named import open_set
from minisnn.files import read_json, read_whole, write_json, write_whole
from minisnn.meta.tasks import Task

from .arms import FloatArm, IntegerArm, Plan, integer_start

DATASET = "omniglot"
READING = dict(bin_ms=2, duration_ms=100, centred=True, turns=False)
SHAPE, STEPS = (16, 16, 2), 50  # of a recording read so
INIT, TASKS = 3, 2  # first part of spawn keys
INIT_TASKS = 2
EVERY = 25  # updates between checkpoints
MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class Settings:
    """Of a run: its plan, what tasks are, what is compared.

    ways, queries             of a training task; one shot
    test_ways, test_queries   of a test episode; one shot
    alphabets                 the first of the split's, whose characters test; 0: all
    """

    plan: Plan = Plan()
    ways: int = 10
    queries: int = 1
    test_ways: int = 5
    test_queries: int = 3
    episodes: int = 100
    alphabets: int = 0


def arm_name(bits: int | None) -> str:
    return "float" if bits is None else f"{bits}-bits"


def train_task(tasks: Any, settings: Settings, seed: int, *key: int) -> Task:
    """A training task, of (seed, key) alone."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    return tasks.sample_task(rng, settings.ways, 1, settings.queries)


def begin(tasks: Any, settings: Settings, bits: int | None, seed: int) -> FloatArm | IntegerArm:
    """An arm before its first update. Float starts from the integers of 16 bits."""
    first = (train_task(tasks, settings, seed, INIT, k) for k in range(INIT_TASKS))
    x = np.concatenate([task.x_support for task in first])
    start = integer_start(x, settings.plan, bits or 16, 1 + seed)
    if bits is None:
        return FloatArm(start, settings.plan, settings.test_ways)
    return IntegerArm(start, settings.plan)


def trained(
    tasks: Any, settings: Settings, bits: int | None, seed: int, path: Path, progress: bool
) -> FloatArm | IntegerArm:
    """The arm after all updates; it goes on from the checkpoint at `path`, which it keeps."""
    arm = begin(tasks, settings, bits, seed)
    right: list[float] = []
    if path.exists():
        content = io.BytesIO(read_whole(path, "a checkpoint", MOST_BYTES))
        held = dict(np.load(content, allow_pickle=False))
        right = held.pop("right").tolist()
        arm.restore(held)
    updates = settings.plan.updates
    text = f"{arm_name(bits)}, seed {seed}"
    with terminal.bar(None, updates, text, progress, initial=len(right)) as bar:
        for n in range(len(right), updates):
            right.append(arm.update(train_task(tasks, settings, seed, TASKS, n), n))
            bar.update()
            if (n + 1) % EVERY == 0 or n + 1 == updates:
                arrays: dict[str, Any] = dict(arm.arrays(), right=np.array(right))
                content = io.BytesIO()
                np.savez(content, **arrays)
                write_whole(path, content.getvalue())
    return arm


def answers(tasks: Any, settings: Settings, arm: FloatArm | IntegerArm) -> list[list[int]]:
    """Which query samples of every test episode are right, 0 or 1."""
    found = []
    for index in range(settings.episodes):
        task = episode(tasks, settings, index)
        found.append((arm.logits(task).argmax(1) == task.y_query).astype(int).tolist())
    return found


def episode(tasks: Any, settings: Settings, index: int) -> Task:
    """Test episode `index`, the same for all arms and seeds."""
    return tasks.episode(0, index, settings.test_ways, 1, settings.test_queries)


def testing(settings: Settings, split: str, progress: bool) -> Any:
    """The recordings that test. ValueError where they are of fewer alphabets than `settings`
    says."""
    tasks = open_set(DATASET, split, None, progress=progress, **READING)
    few = settings.alphabets
    alphabet_of = {name: name.rpartition("-")[0] for name in tasks.classes}
    alphabets = list(dict.fromkeys(alphabet_of.values()))
    if few > len(alphabets):
        raise ValueError(
            f"alphabets is {few}; split {split} has {len(alphabets)}: expected at most as many, or "
            "0 for all"
        )
    first = alphabets[:few]
    return (
        tasks.only([name for name in tasks.classes if alphabet_of[name] in first]) if few else tasks
    )


def arms_of(bits: Sequence[int], seeds: Sequence[int]) -> list[tuple[int | None, int]]:
    """Integers of every word length and float, seed by seed: (bits or None, seed)."""
    return [(one, seed) for seed in seeds for one in (*bits, None)]


class Said(NamedTuple):
    """What run.json says."""

    settings: Settings
    arms: list[tuple[int | None, int]]
    split: str


def resumed(folder: Path) -> Said:
    """What the run in a folder is. ValueError where there is none."""
    path = folder / "run.json"
    if not path.is_file():
        raise ValueError(
            f"{folder}: no run to resume; expected a folder of minisnn hardware metatrain, with run.json"
        )
    found = read_json(path)
    try:
        arms = [(bits, seed) for bits, seed in found.pop("arms")]
        split = found.pop("split")
        plan = found.pop("plan")
        plan["channels"] = tuple(plan["channels"])
        return Said(Settings(Plan(**plan), **found), arms, split)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path}: is damaged; expected settings, arms and split") from None


def run(
    settings: Settings,
    arms: Sequence[tuple[int | None, int]],
    folder: Path,
    progress: bool,
    split: str = "test",
) -> None:
    """Train and test every arm that the folder does not hold yet."""
    tests = testing(settings, split, progress)  # or refuse them, before anything is made
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "run.json", {**asdict(settings), "arms": list(arms), "split": split})
    tasks = open_set(DATASET, "train", None, progress=progress, **READING)
    for bits, seed in arms:
        place = folder / f"{arm_name(bits)}-{seed}.json"
        if place.exists():
            continue
        arm = trained(tasks, settings, bits, seed, place.with_suffix(".npz"), progress)
        found: dict[str, Any] = dict(right=answers(tests, settings, arm))
        if isinstance(arm, IntegerArm):
            untrained = answers(tests, settings, begin(tasks, settings, bits, seed))
            found |= dict(saturations=arm.net.saturations, untrained=untrained)
        write_json(place, found)
