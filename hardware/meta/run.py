"""Compare class-means meta-training in integers of 8 to 16 bits and in float: the same tasks,
initial weights and test episodes. An *arm* is one word length, or float.

    a folder    run.json            the settings of the run
                <arm>-<seed>.json   whether an arm's answers in the test episodes are right
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minisnn import terminal
from minisnn.core.neuron import LIF
from minisnn.data.sets.named import open_set
from minisnn.files import read_json, write_json
from minisnn.meta.optim import Adam, clip, cosine
from minisnn.meta.prototypes import ClassMeans
from minisnn.meta.tasks import Task
from minisnn.network.spiking import SpikingNet

from ..chip.formats import real
from ..chip.learner import samples_of
from ..chip.neuron import IntegerLIF
from . import loss
from .network import MetaNet, begun, settle
from .words import MetaWords

DATASET = "omniglot"
READING = dict(bin_ms=2, duration_ms=100, centred=True, turns=False)
SHAPE, STEPS = (16, 16, 2), 50  # shape and steps of a recording
INIT, TASKS = 3, 2  # first part of spawn keys
INIT_TASKS = 2
WINDOW = 20  # number of last steps through which the gradient is propagated
EVALUATION = 1 << 20  # update number in the random keys of evaluation
CLIP = 5.0  # limit of the float gradient, as in the presets of minisnn train
LR_END = 0.02  # last value of the float learning rate relative to the first, as in the presets


@dataclass(frozen=True)
class Plan:
    """The settings that all arms of a run share.

    channels     channels of the conv layers
    updates      number of outer updates
    log2_scale   scale of the logits, a power of two
    rate         first step of the integer network, in 2^-16
    lr           first learning rate of the float network's Adam
    """

    channels: tuple[int, ...] = (8, 16, 16)
    updates: int = 150
    log2_scale: int = 0
    rate: int = 512
    lr: float = 5e-3

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1 << 16:
            raise ValueError(
                f"rate is {self.rate}, expected 1 to 65,536, a step as long as the largest weight"
            )
        if not 0 < self.lr < float("inf"):
            raise ValueError(f"lr is {self.lr}, expected a positive number")


@dataclass(frozen=True)
class Settings:
    """The settings of a run: its plan, its tasks, and the arms that it compares.

    ways, queries             classes and queries of a training task, one shot
    test_ways, test_queries   classes and queries of a test episode, one shot
    alphabets                 test on the characters of the split's first alphabets; 0: all
    """

    plan: Plan = Plan()
    ways: int = 10
    queries: int = 1
    test_ways: int = 5
    test_queries: int = 3
    episodes: int = 100
    alphabets: int = 0


# ---- the arms: both have `update` and `logits`


class IntegerArm:
    """An integer network in training."""

    def __init__(self, net: MetaNet, plan: Plan):
        self.net, self.plan = net, plan

    def update(self, task: Task, n: int) -> None:
        """Perform update n, from 0 on."""
        plan = self.plan
        if n == 0:
            self.net.check(len(task.y_query))
            settle(self.net, task, plan.log2_scale)
            self.net.saturations.clear()
        gradients = self.net.gradients(task, n + 1, plan.log2_scale)
        rate = max(plan.rate * (plan.updates - n) // plan.updates, 1)
        self.net.learn(gradients, n + 1, rate)

    def logits(self, task: Task) -> np.ndarray:
        """Return minus the squared distances of the query samples from the class means."""
        p = self.net.features_of(samples_of(task), EVALUATION)
        n = len(task.y_support)
        c, _ = loss.means(p[:n], task.y_support)
        return -loss.distances(p[n:], c)


class FloatArm:
    """A float network in training, by Adam. It starts from the weights of an integer network."""

    def __init__(self, start: MetaNet, plan: Plan, ways: int):
        shape = start.layers[0].input_shape
        self.net: Any = SpikingNet(shape, plan.channels, ways=ways, window=start.window)
        self.plan = plan
        self.outer = Adam(self.net.size)
        self.inner = ClassMeans(steps=0, scale=2.0**plan.log2_scale)
        self.theta = np.zeros(self.net.size, self.net.dtype)
        views = self.net.views(self.theta)
        for n, layer in enumerate(start.layers):
            gain = self.net.neuron.gain if n == 0 else 1.0
            unit = 2.0 ** (layer.exponent - start.words.below) / gain
            views[f"{layer.name}.weight"][...] = layer.weight * unit
            views[f"{layer.name}.bias"][...] = real(layer.bias, start.words.fraction)

    def update(self, task: Task, n: int) -> None:
        plan = self.plan
        found = self.inner.meta_gradient(self.net, self.theta, task)
        lr = cosine(n, plan.updates, plan.lr, LR_END * plan.lr)
        self.theta = self.outer.step(self.theta, clip(found.gradient, CLIP)[0], lr)

    def logits(self, task: Task) -> np.ndarray:
        return self.inner.logits(self.net, self.theta, task)


# ---- the run


def arm_name(bits: int | None) -> str:
    """Return the name of an arm."""
    return "float" if bits is None else f"{bits} bits"


def place_of(folder: Path, bits: int | None, seed: int) -> Path:
    """Return the path of the file with an arm's answers."""
    return folder / f"{arm_name(bits).replace(' ', '-')}-{seed}.json"


def train_task(tasks: Any, settings: Settings, seed: int, *key: int) -> Task:
    """Return a training task that depends only on (seed, key)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    return tasks.sample_task(rng, settings.ways, 1, settings.queries)


def begin(tasks: Any, settings: Settings, bits: int | None, seed: int) -> FloatArm | IntegerArm:
    """Return an arm before its first update. The float arm starts from the weights of the 16-bit
    arm."""
    first = (train_task(tasks, settings, seed, INIT, k) for k in range(INIT_TASKS))
    x = np.concatenate([task.x_support for task in first])
    plan = settings.plan
    words = MetaWords(bits or 16)
    start = begun(x, plan.channels, IntegerLIF.of(LIF()), words, WINDOW, 1 + seed)
    if bits is None:
        return FloatArm(start, plan, settings.test_ways)
    return IntegerArm(start, plan)


def trained(
    tasks: Any, settings: Settings, bits: int | None, seed: int, progress: bool
) -> FloatArm | IntegerArm:
    """Return the arm after all updates; the result is reproducible."""
    arm = begin(tasks, settings, bits, seed)
    text = f"{arm_name(bits)}, seed {seed}"
    for n in terminal.bar(range(settings.plan.updates), None, text, progress):
        arm.update(train_task(tasks, settings, seed, TASKS, n), n)
    return arm


def answers(tasks: Any, settings: Settings, arm: FloatArm | IntegerArm) -> list[list[int]]:
    """Return, for every test episode, whether each query sample is classified correctly, 1 or 0."""
    found = []
    for index in range(settings.episodes):
        task = episode(tasks, settings, index)
        found.append((arm.logits(task).argmax(1) == task.y_query).astype(int).tolist())
    return found


def episode(tasks: Any, settings: Settings, index: int) -> Task:
    """Return test episode `index`, the same for all arms and seeds."""
    return tasks.episode(0, index, settings.test_ways, 1, settings.test_queries)


def testing(settings: Settings, split: str, progress: bool) -> Any:
    """Return the recordings for the test. Raises ValueError if they contain fewer alphabets than
    `settings` asks for."""
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
    """List the arms seed by seed, every word length and then float, as (bits or None, seed)."""
    return [(length, seed) for seed in seeds for length in (*bits, None)]


def resumed(folder: Path) -> tuple[Settings, list[tuple[int | None, int]], str]:
    """Return (settings, arms, split) of the run in a folder. Raises ValueError if there is none."""
    path = folder / "run.json"
    if not path.is_file():
        raise ValueError(
            f"{folder}: no run to resume; expected a folder of minisnn hardware metatrain, with run.json"
        )
    found = read_json(path)
    arms = [(bits, seed) for bits, seed in found.pop("arms")]
    split = found.pop("split")
    plan = found.pop("plan")
    plan["channels"] = tuple(plan["channels"])
    return Settings(Plan(**plan), **found), arms, split


def run(
    settings: Settings,
    arms: Sequence[tuple[int | None, int]],
    folder: Path,
    progress: bool,
    split: str = "test",
) -> None:
    """Train and test every arm that the folder does not contain yet."""
    tests = testing(settings, split, progress)  # raises before anything is written
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "run.json", {**asdict(settings), "arms": list(arms), "split": split})
    tasks = open_set(DATASET, "train", None, progress=progress, **READING)
    for bits, seed in arms:
        place = place_of(folder, bits, seed)
        if place.exists():
            continue
        arm = trained(tasks, settings, bits, seed, progress)
        found: dict[str, Any] = dict(right=answers(tests, settings, arm))
        if isinstance(arm, IntegerArm):
            untrained = answers(tests, settings, begin(tasks, settings, bits, seed))
            found |= dict(saturations=arm.net.saturations, untrained=untrained)
        write_json(place, found)
