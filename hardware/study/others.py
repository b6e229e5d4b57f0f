"""What else learns the same episodes: all layers by random feedback, conv layers rounded by their
membranes, and a network trained for the chip."""

from dataclasses import replace
from functools import partial

import numpy as np

from minisnn.experiments.findings import Findings
from minisnn.experiments.statistics import difference, estimate

from ..chip.calibrate import calibrate
from ..chip.feedback import Feedback, learn_all
from ..chip.learner import one_shot
from ..chip.network import IntegerNet
from ..chip.words import trained_for
from .episodes import Comparison, speaks, task_of, told
from .floats import float_learn_all

EPISODES = 100  # at most
STEPS = (-10, -8, -6)  # log2 of the conv layers' step; that of their biases is 2^-4 of it
ROUNDED = (2, 3)  # bits of the conv layers that are rounded by their membranes
ROUNDED_ON = 8  # meta-training tasks whose support they are rounded on
TRAINED = "double-nmnist/chip-snn"


def measure(c: Comparison, findings: Findings) -> None:
    """Add the accuracy of each, paired with the 8-bit readout alone on the same episodes."""
    chip = c.chip(8)
    trained = c.study.network(TRAINED)
    training = c.study.tasks("double-nmnist", "train")
    support = [
        training.episode(c.settings.seed, k, c.net.ways, 1, 1).x_support for k in range(ROUNDED_ON)
    ]
    chips = {"readout alone": chip}
    chips |= _rounded(c, np.concatenate(support)) | _trained(c, trained)
    feedback = [
        f"random feedback, step 2^{step}{twin}" for step in STEPS for twin in ("", ", float twin")
    ]
    names = ["readout alone", *feedback, *list(chips)[1:]]

    one = partial(_episode, c.tasks, names, chips, c.net, c.theta, c.settings)
    found = c.few(
        "others",
        EPISODES,
        names,
        one,
        (names, ROUNDED_ON, None if trained is None else trained.theta),
        "other ways",
    )
    plain = found["readout alone"]
    findings.table(
        "others",
        "Other ways to learn, and other chips",
        "what learns | accuracy (%) | less readout alone (points)",
        [
            [
                name,
                estimate(row).percent(),
                None if row is plain else difference(row, plain).percent(),
            ]
            for name, row in found.items()
        ],
        f"{len(plain.per_episode)} episodes; weights of 8 bits where none are named, stochastic "
        "rounding. Random feedback is direct feedback alignment through fixed signs, not "
        f"backpropagation.{speaks(plain)}",
    )


def _rounded(c: Comparison, x: np.ndarray) -> dict[str, IntegerNet]:
    """Conv layers of few bits, rounded by what that does to their membranes on counts x."""
    found = {}
    for bits in ROUNDED:
        theta, exponents = calibrate(
            c.net, c.theta, {b.name: bits for b in c.net.blocks if b.name.startswith("conv")}, x
        )
        for readout_bits in (8, bits):
            words = replace(c.words, weight_bits=bits, readout_bits=readout_bits)
            name = f"rounded by the membrane: {bits} bits, {readout_bits} in the readout"
            found[name] = IntegerNet.of(replace(c.found, theta=theta), words, exponents)
    return found


def _trained(c: Comparison, trained) -> dict[str, IntegerNet]:
    """The network trained for the chip; empty where there is none, or another architecture's."""
    known = {} if trained is None else trained_for(trained.provenance.get("chip"))
    if not known or (trained.net.input_shape, trained.net.ways) != (c.net.input_shape, c.net.ways):
        return {}
    found, bits = {}, known["bits"]
    for readout_bits in dict.fromkeys((known["readout_bits"], bits)):
        words = replace(c.words, weight_bits=bits, readout_bits=readout_bits)
        name = f"meta-trained for the chip: {bits} bits, {readout_bits} in the readout"
        found[name] = IntegerNet.of(trained, words)
    return found


def _episode(
    tasks, names: list[str], chips: dict[str, IntegerNet], net, theta, settings, index: int
) -> list:
    """What each of the names answers to an episode; the first of the chips learns through feedback,
    too."""
    task = task_of(tasks, settings, net.ways, index)
    chip = next(iter(chips.values()))
    seed = 1 + index
    found = {
        name: one_shot(one, one.learner(seed=seed), task).u[:, -1] for name, one in chips.items()
    }
    learner = chip.learner(seed=seed)
    for step in STEPS:
        how = Feedback(step, step - 4, seed=seed)
        name = f"random feedback, step 2^{step}"
        whole, _ = learn_all(chip, learner, how, task.x_support, task.y_support)
        found[name] = whole(task.x_query)
        found[f"{name}, float twin"] = net(
            float_learn_all(net, theta, learner, how, task.x_support, task.y_support), task.x_query
        )
    return told(task, [found[name] for name in names])
