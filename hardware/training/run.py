"""Meta-training for the chip: the network learns to learn with the few bits that the chip has
(quantisation-aware training).

A run starts from a network meta-trained in floating point. Its conv layers are first rounded by
what that does to their membranes (`calibrate`); then MAML goes on, with inner steps of the readout
from the weights that the chip holds, and with outer gradients straight through the rounding
(`straight`). The outer loop keeps float weights theta behind the chip's Q(theta).

    a run folder of `minisnn train`, and    chip.json    word lengths and exponents
                                            start.h5     the rounded network that training started
                                                         from
                                            network.h5   Q(theta) in the conv layers, theta in the
                                                         readout: what the chip takes
                                            chip-result.json    accuracy of the integer chip on the test episodes
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.data.store.shipped import find_checkpoint
from minisnn.meta.inner import InnerLoop
from minisnn.network.spiking import SpikingNet
from minisnn.parallel.executor import Executor
from minisnn.training import checkpoint, run as training
from minisnn.training.baselines import Answers, correct, drawn_by, rows_of
from minisnn.training.evaluation import open_sets
from minisnn.files import read_json, write_json
from minisnn.training.folder import RunFolder
from minisnn.training.origin import Origin
from minisnn.training.settings import READING, TrainingConfig
from minisnn.training.update import network_of, start_of

from ..chip.calibrate import calibrate
from ..chip.formats import whole
from ..chip.learner import one_shot, readout_exponent, steps_of
from ..chip.network import IntegerNet
from ..chip.words import Words, trained_for
from ..chip.quantise import WEIGHT_BITS
from .straight import OnChip

# files in addition to those of any run
OF_CHIP = ("chip.json", "start.h5", "network.h5", "chip-result.json")
CALIBRATION = 8  # tasks whose support sets the layers are rounded on
CALIBRATE = 3  # first part of their spawn key; minisnn.training has 0 to 2
ROOM = 0.25  # share of a word's step by which a weight may start from Q(theta)


@dataclass(frozen=True)
class ChipConfig:
    """The word lengths for which a network is meta-trained: bits of the conv layers and of the
    readout, each 2 to 8."""

    bits: int = 2
    readout_bits: int = 8

    def __post_init__(self):
        whole(WEIGHT_BITS[0], WEIGHT_BITS[-1], **vars(self))

    @property
    def words(self) -> Words:
        return Words(self.bits, self.readout_bits)

    def held(self, exponents: dict[str, int], samples: int) -> OnChip:
        """Return the weights in layers of these exponents."""
        bits = dict.fromkeys(exponents, self.bits) | {"readout": self.readout_bits}
        return OnChip({name: (bits[name], e) for name, e in exponents.items()}, samples)


def settings(**changes) -> TrainingConfig:
    """Return the settings of a training run for the chip: by default the shipped network of Table 1
    is trained further, with small steps.

    Network and recordings are always those of `start`; recordings only if a command can open them.
    """
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
    if "start" in changes:
        start = checkpoint.read(find_checkpoint(changes["start"]))
        found = start.net.configuration()
        same = "ways channels hidden kernel pool window detach_reset dtype backend"
        changes |= {name: found[name] for name in same.split() if name in found}
        if isinstance(start.net, SpikingNet):
            neuron = start.net.neuron
            changes |= {"neuron": neuron.kind, "firing_threshold": neuron.threshold}
            names = set(vars(neuron)) - {"threshold", "surrogate"}
            changes |= {name: getattr(neuron, name) for name in names}
        if start.config is not None and start.origin.data == start.config.dataset:
            changes = _recordings(start.config, start.origin) | changes
    return TrainingConfig(**{**base, **changes})


def _recordings(config: TrainingConfig, origin: Origin) -> dict[str, Any]:
    """Return the settings of the recordings that a network learned from, as they were read."""
    found = {name: getattr(config, name) for name in ("dataset", "root", "strokes", *READING)}
    if config.dataset != "double-nmnist":  # alignment of test tasks is chosen by this run
        found["align"] = config.align
    if origin.how is not None:  # an option that had no effect there may have one here
        how = origin.options(config.dataset)
        usual = TrainingConfig()
        found |= {name: how.get(name, getattr(usual, name)) for name in READING}
    return found


def train(
    config: TrainingConfig,
    chip: ChipConfig | None,
    out: str | Path,
    resume: bool = False,
    progress: bool = True,
    *,
    force: bool = False,
    data=None,
    executor: Executor | None = None,
) -> dict:
    """Meta-train for the chip, test the chip, and write the result to chip-result.json; arguments
    as in `minisnn.train`.

    config   `start` names the float network, `rule` is "anil": on the chip only the readout learns
    chip     word lengths; None with resume: those of the run

    Nothing in `out` is changed before all arguments have been checked.
    """
    if resume:
        RunFolder(out, OnChip.command).check_made(data)
    kind = config.rule, config.model
    if config.start is None or kind != ("anil", "snn") or config.learn_step_size == "no":
        raise ValueError(
            "training for the chip needs start (a checkpoint), rule anil, model snn and learned "
            "step sizes"
        )
    with RunFolder(out, OnChip.command, OF_CHIP) as folder:
        if not resume and not force:
            folder.check_free()
        if data is None:
            data = open_sets(config, progress)
        if resume or chip is None:
            chip, exponents = _resumed(folder, chip)
        else:
            exponents = _begin(folder, config, chip, data["train"])
            config = replace(config, start=str(folder / "start.h5"))
        samples = config.ways * config.shots
        more: dict[str, Any] = dict(data=data, executor=executor)
        held = chip.held(exponents, samples)
        found = training.train(config, folder, resume, progress, force=True, held=held, **more)
        network = found.theta.copy()
        for p in found.net.layout[:-2]:
            network[p.slice] = held.start(found.net, found.theta)[0][p.slice]
        notes = dict(**vars(chip), exponents=exponents)
        checkpoint.save(
            folder / "network.h5",
            found.net,
            network,
            inner=found.inner,
            config=config,
            curve=found.curve,
            progress=checkpoint.read(folder.path).progress,
            provenance=dict(chip=notes, origin=asdict(folder.origin)),
        )
        if not config.test_episodes:
            return {}
        trained = checkpoint.Checkpoint(found.net, network, found.inner)
        integers = IntegerNet.of(trained, chip.words, exponents, samples)
        result = chip_accuracy(integers, data["test"], config, executor)
        result |= dict(notes, updates=config.updates)
        write_json(folder / "chip-result.json", result)
        return result


def _begin(folder: RunFolder, config: TrainingConfig, chip: ChipConfig, tasks) -> dict[str, int]:
    """Round the network from which training starts, write it to the folder, and return the
    exponents."""
    found = start_of(config, network_of(config, tasks.input_shape, config.ways))
    samples = config.ways * config.shots
    try:
        IntegerNet.of(found, chip.words, samples=samples)
    except ValueError as error:
        raise ValueError(f"{config.start}: {error}") from None
    x = []
    for k in range(CALIBRATION):
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(CALIBRATE, k)))
        x.append(tasks.sample_task(rng, config.ways, config.shots, 1).x_support)
    net = found.net
    convs = dict.fromkeys([b.name for b in net.blocks if not b.readout], chip.bits)
    rounded, exponents = calibrate(net, found.theta, convs, np.concatenate(x))
    steps = steps_of(net, found.inner or InnerLoop(config.step_size), samples)
    exponents["readout"] = readout_exponent(steps["log2_weight"], chip.readout_bits)
    theta = near(net, found.theta, rounded, exponents)
    for name in folder.files:
        (folder / name).unlink(missing_ok=True)
    checkpoint.save(folder / "start.h5", net, theta, inner=found.inner)
    write_json(folder / "chip.json", dict(**vars(chip), exponents=exponents))
    return exponents


def near(net, theta: np.ndarray, rounded: np.ndarray, exponents: dict[str, int]) -> np.ndarray:
    """Return parameters whose weights are the nearest to theta within a quarter of a step of the
    rounded weights. The biases are those of the rounded network.

    A weight midway between two words would change its word at the first noisy update; a weight near
    its word hardly ever does.
    """
    found = rounded.copy()
    for n, (b, p) in enumerate(zip(net.blocks[:-1], net.layout[::2])):
        room = ROOM * 2.0 ** exponents[b.name] / (net.neuron.gain if n == 0 else 1.0)
        found[p.slice] = np.clip(theta[p.slice], rounded[p.slice] - room, rounded[p.slice] + room)
    return found


def _resumed(folder: RunFolder, chip: ChipConfig | None) -> tuple[ChipConfig, dict[str, int]]:
    """Return the run's word lengths and exponents. Raises ValueError if `chip` is given and differs
    from them."""
    path = folder / "chip.json"
    if not path.is_file():
        raise ValueError(
            f"{folder.path}: no run to resume; expected a folder of minisnn hardware train, with "
            "chip.json"
        )
    notes = trained_for(read_json(path), str(path))
    found = ChipConfig(notes["bits"], notes["readout_bits"])
    if chip not in (None, found):
        raise ValueError(f"{path}: the run has {found}, not {chip}; it continues with its own")
    return found, notes["exponents"]


def chip_accuracy(
    chip: IntegerNet, tasks, config: TrainingConfig, executor: Executor | None = None
) -> dict:
    """Measure the accuracy of the integer chip on test episodes: membrane rule, softmax errors,
    stochastic rounding, Theta 0.

    `interval` is the one to quote, {half, low, high, population}; `ci95` is half the interval over
    episodes only.
    """
    answered: list[Answers] = []
    one = partial(_episode, tasks, chip, config)
    (executor or Executor()).in_order(one, range(config.test_episodes), answered.append)
    row = rows_of(["chip"], answered)["chip"]
    return dict(
        accuracy=row.mean,
        interval=row.interval and row.interval.as_json(),
        ci95=row.ci95,
        episodes=config.test_episodes,
        seed=config.test_seed,
        per_episode=row.per_episode,
    )


def _episode(tasks, chip: IntegerNet, config: TrainingConfig, index: int) -> Answers:
    """Return the chip's answers to a test episode."""
    task = tasks.episode(config.test_seed, index, chip.ways, config.shots, config.queries)
    logits = one_shot(chip, chip.learner(seed=1 + index), task).u[:, -1]
    return Answers(correct(logits, task), drawn_by(task))
