"""Meta-training for the chip: the network learns to learn with the few bits that the chip has (quantisation-aware training).

A run starts from a network meta-trained in floating point. Its conv layers are first rounded by what that does to their
membranes (`calibrate`); then MAML goes on, with inner steps of the readout from the weights that the chip holds, and with outer
gradients straight through the rounding (`straight`). The outer loop keeps float weights theta behind the chip's Q(theta).

    a run folder of `minisnn train`, and    chip.json    word lengths and exponents
                                            start.h5     the rounded network that training started from
                                            network.h5   Q(theta) in the conv layers, theta in the readout: what the chip takes
                                            chip-result.json    accuracy of the integer chip on the test episodes
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from minisnn.training import checkpoint, run as training
from minisnn.data.store.shipped import find_checkpoint
from minisnn.training.evaluation import accuracy, ci95, open_set
from minisnn.parallel.executor import Executor
from minisnn.meta.inner import InnerLoop
from minisnn.training.folder import RunFolder, read_json, write_json
from minisnn.training.settings import TrainingConfig

from ..chip.calibrate import calibrate
from ..chip.learner import Learner, learn, readout_exponent, steps_of
from ..chip.network import IntegerNet, Words
from ..chip.quantise import WEIGHT_BITS
from .straight import Grid, OnChip

CALIBRATION = 8  # tasks whose support sets the layers are rounded on
CALIBRATE = 3  # first part of their spawn key; minisnn.training has 0 to 2
ROOM = 0.25  # of a step of the word: how far from Q(theta) a weight may start


@dataclass(frozen=True)
class ChipConfig:
    """Word lengths that a network is meta-trained for: of the conv layers and of the readout, 2 to 8 bits."""

    bits: int = 2
    readout_bits: int = 8

    def __post_init__(self):
        for name, bits in vars(self).items():
            if bits not in WEIGHT_BITS:
                raise ValueError(f"{name} must be {WEIGHT_BITS.start} to {WEIGHT_BITS.stop - 1}, not {bits}")


def settings(**changes) -> TrainingConfig:
    """Settings of a run for the chip: Table 1's network as it is shipped, going on with small steps."""
    base = dict(
        channels=(32, 64, 128),
        start="double_nmnist_maml.h5",
        rule="anil",
        learn_step_size="array",
        step_size=4.0,
        step_size_lr=2e-3,
        queries=10,
        updates=400,
        lr=5e-4,
        clip=5.0,
        evaluate_every=100,
        evaluate_episodes=20,
        checkpoint_every=20,
        test_episodes=100,
    )
    return TrainingConfig(**{**base, **changes})


def train(
    config: TrainingConfig,
    chip: ChipConfig,
    out: str | Path,
    resume: bool = False,
    progress: bool = True,
    *,
    force: bool = False,
    data=None,
    executor: Executor | None = None,
) -> dict:
    """Meta-train for the chip, then test the chip: what is written to chip-result.json; arguments as of `minisnn.train`.

    config   `start` names the float network, `rule` is "anil": on the chip the readout alone learns
    """
    if config.start is None or config.rule != "anil" or config.model != "snn" or config.learn_step_size == "no":
        raise ValueError("training for the chip needs start (a checkpoint), rule anil, model snn and learned step sizes")
    with RunFolder(out, OnChip.command) as folder:
        if not resume and not force:
            folder.check_free(config)
        if data is None:
            data = {split: open_set(config.dataset, split, config.root, progress) for split in ("train", "val", "test")}
        exponents = _resumed(folder, chip) if resume else _begin(folder, config, chip, data["train"], progress)
    words = {name: (chip.readout_bits if name == "readout" else chip.bits, e) for name, e in exponents.items()}
    held = OnChip(words, config.ways * config.shots)
    config = config if resume else replace(config, start=str(folder / "start.h5"))
    found = training.train(config, folder.path, resume, progress, data=data, executor=executor, held=held)
    network = found.theta.copy()
    for p in found.net.layout[:-2]:
        network[p.slice] = Grid(found.net, words)(found.theta)[0][p.slice]
    done = checkpoint.read(folder.path)
    checkpoint.save(
        folder / "network.h5",
        found.net,
        network,
        inner=found.inner,
        config=config,
        curve=found.curve,
        progress=done.progress,
        provenance=dict(chip=dict(**vars(chip), exponents=exponents)),
    )
    if not config.test_episodes:
        return {}
    result = chip_accuracy(found.net, network, found.inner, data["test"], chip, exponents, config, executor)
    result.update(bits=chip.bits, readout_bits=chip.readout_bits, exponents=exponents, updates=config.updates)
    write_json(folder / "chip-result.json", result)
    return result


def _begin(folder: RunFolder, config: TrainingConfig, chip: ChipConfig, tasks, progress: bool) -> dict[str, int]:
    """Round the network to start from; the exponents. Without resume the folder is begun anew."""
    found = checkpoint.read(find_checkpoint(config.start))
    draw = (np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(CALIBRATE, k))) for k in range(CALIBRATION))
    x = np.concatenate([tasks.sample_task(rng, config.ways, config.shots, 1).x_support for rng in draw])
    convs = [b.name for b in found.net.blocks if not b.readout]
    rounded, exponents = calibrate(found.net, found.theta, dict.fromkeys(convs, chip.bits), x)
    steps = steps_of(found.net, found.inner or InnerLoop(config.step_size), config.ways * config.shots)
    exponents["readout"] = readout_exponent(steps["log2_weight"], chip.readout_bits)
    theta = near(found.net, found.theta, rounded, exponents)
    folder.path.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "checkpoint.h5", "chip-result.json", "network.h5"):
        (folder / name).unlink(missing_ok=True)
    checkpoint.save(folder / "start.h5", found.net, theta, inner=found.inner)
    write_json(folder / "chip.json", dict(**vars(chip), exponents=exponents))
    return exponents


def near(net, theta: np.ndarray, rounded: np.ndarray, exponents: dict[str, int]) -> np.ndarray:
    """The weights nearest to theta that lie within a quarter of a step of the rounded ones, and their biases.

    A weight in the middle between two words changes its word with the first noise; one on its word hardly ever.
    """
    found = rounded.copy()
    for n, (b, p) in enumerate(zip(net.blocks[:-1], net.layout[::2])):
        room = ROOM * 2.0 ** exponents[b.name] / (net.neuron.gain if n == 0 else 1.0)
        found[p.slice] = np.clip(theta[p.slice], rounded[p.slice] - room, rounded[p.slice] + room)
    return found


def _resumed(folder: RunFolder, chip: ChipConfig) -> dict[str, int]:
    path = folder / "chip.json"
    if not path.is_file():
        raise ValueError(f"{folder.path}: no run to go on with; expected a folder of minisnn hardware train, with chip.json")
    found = read_json(path)
    if {name: found.get(name) for name in vars(chip)} != vars(chip):
        raise ValueError(
            f"{path}: the run has {found.get('bits')} bits and {found.get('readout_bits')} in the readout, not "
            f"{chip.bits} and {chip.readout_bits}; it goes on with its own"
        )
    return {name: int(e) for name, e in found["exponents"].items()}


def chip_accuracy(
    net,
    theta: np.ndarray,
    inner: InnerLoop,
    tasks,
    chip: ChipConfig,
    exponents: dict[str, int],
    config: TrainingConfig,
    executor: Executor | None = None,
) -> dict:
    """Accuracy of the integer chip on test episodes: membrane rule, softmax errors, stochastic rounding, Theta 0."""
    steps = steps_of(net, inner, config.ways * config.shots)
    words = Words(weight_bits=chip.bits, readout_bits=chip.readout_bits)
    integers = IntegerNet(net, theta, words, exponents=exponents)
    found: list[float] = []
    one = partial(_episode, tasks, integers, steps, config.test_seed, config.queries, config.shots)
    (executor or Executor()).in_order(one, range(config.test_episodes), found.append)
    return dict(
        accuracy=float(np.mean(found)),
        ci95=ci95(found),
        episodes=config.test_episodes,
        seed=config.test_seed,
        per_episode=found,
    )


def _episode(tasks, chip: IntegerNet, steps: dict, seed: int, queries: int, shots: int, index: int) -> float:
    """Accuracy of the chip on a test episode."""
    task = tasks.episode(seed, index, chip.ways, shots, queries)
    p, n = chip.traces(chip.spikes(np.concatenate([task.x_support, task.x_query]))), len(task.y_support)
    new = learn(chip, Learner(seed=1 + index, **steps), p[:n], task.y_support)
    return accuracy(chip.membranes(p[n:], new.weight, new.bias)[:, -1], task.y_query)
