"""What else learns the same episodes: all layers by random feedback, Loihi's neurons, conv layers rounded by their
membranes, and a network trained for the chip."""

from dataclasses import replace
from functools import partial

import numpy as np

from minisnn.training.evaluation import accuracy
from minisnn.meta.inner import predict
from minisnn.experiments.findings import Table
from minisnn.experiments.statistics import difference, estimate

from ..chip.calibrate import calibrate
from .compare import Choice
from .feedback import Feedback, float_learn_all, learn_all
from ..chip.learner import learn, readout_exponent, steps_of
from ..loihi.network import LoihiConfig, LoihiNet
from ..chip.network import IntegerNet

EPISODES = 100  # at most
STEPS = (-10, -8, -6)  # log2 of the conv layers' step; that of their biases is 2^-4 of it
CALIBRATION = 2  # meta-training tasks that Loihi's thresholds are matched on
ROUNDED = (2, 3)  # bits of the conv layers that are rounded by their membranes
ROUNDED_ON = 8  # meta-training tasks whose support they are rounded on
TRAINED = "double-nmnist/chip-snn"


def measure(comparison) -> Table:
    """Accuracy of each, paired with the 8-bit readout alone on the same episodes."""
    c, choice = comparison, Choice(8)
    chip, trained = c.chip(8, choice), c.study.network(TRAINED)
    support = _support(c)
    loihi = LoihiNet(
        c.net, c.theta, LoihiConfig(), readout_exponent(c.steps["log2_weight"], 8), np.concatenate(support[:CALIBRATION])
    )
    chips = {"readout alone": (chip, c.steps), "Loihi's neurons and words": (loihi, c.steps)}
    chips |= _rounded(c, np.concatenate(support)) | _trained(c, trained)
    feedback = [f"random feedback, step 2^{step}{twin}" for step in STEPS for twin in ("", ", float twin")]
    names = ["readout alone", *feedback, *list(chips)[1:]]

    one = partial(_episode, c.tasks, names, chips, chip, choice, c.net, c.theta, c.steps, c.study.settings)
    learned = None if trained is None else trained.theta
    made_from = (c.net.configuration(), c.theta, c.inner, repr(c.words), names, ROUNDED_ON, learned)
    values = np.array(
        c.study.each(
            "hardware-others", "double-nmnist", min(c.study.settings.episodes, EPISODES), one, made_from, "hardware, other ways"
        )
    )
    rows = [
        [name, estimate(values[:, k]).percent(), difference(values[:, k], values[:, 0]).percent() if k else None]
        for k, name in enumerate(names)
    ]
    return Table(
        "others",
        "Other ways to learn, and other chips",
        ["what learns", "accuracy (%)", "less readout alone (points)"],
        rows,
        f"{len(values)} episodes; weights of 8 bits where none are named, stochastic rounding. Random feedback is "
        "direct feedback alignment through fixed signs, not backpropagation.",
    )


def _support(c) -> list[np.ndarray]:
    """Support samples of ROUNDED_ON tasks of meta-training classes."""
    training, s = c.study.tasks("double-nmnist", "train"), c.study.settings
    return [training.episode(s.seed, k, c.net.ways, 1, 1).x_support for k in range(ROUNDED_ON)]


def _rounded(c, x: np.ndarray) -> dict:
    """{name: (IntegerNet, steps)}: conv layers of few bits, rounded by what that does to their membranes on counts x."""
    found = {}
    for bits in ROUNDED:
        layers = {b.name: bits for b in c.net.blocks if b.name.startswith("conv")}
        theta, exponents = calibrate(c.net, c.theta, layers, x)
        for readout_bits in (8, bits):
            words = replace(c.words, weight_bits=bits, readout_bits=readout_bits)
            whole = exponents | {"readout": readout_exponent(c.steps["log2_weight"], readout_bits)}
            name = f"rounded by the membrane: {bits} bits, {readout_bits} in the readout"
            found[name] = IntegerNet(c.net, theta, words, exponents=whole), c.steps
    return found


def _trained(c, trained) -> dict:
    """{name: (IntegerNet, steps)} of the network trained for the chip; empty where there is none, or another architecture's."""
    if trained is None or (trained.net.input_shape, trained.net.ways) != (c.net.input_shape, c.net.ways):
        return {}
    found, known = {}, trained.provenance["chip"]
    bits, steps = known["bits"], steps_of(trained.net, trained.inner, trained.net.ways)
    for readout_bits in dict.fromkeys((known["readout_bits"], bits)):
        words, exponents = replace(c.words, weight_bits=bits, readout_bits=readout_bits), dict(known["exponents"])
        if readout_bits != known["readout_bits"]:
            exponents["readout"] = readout_exponent(steps["log2_weight"], readout_bits)
        name = f"meta-trained for the chip: {bits} bits, {readout_bits} in the readout"
        found[name] = IntegerNet(trained.net, trained.theta, words, exponents=exponents), steps
    return found


def _episode(tasks, names, chips, chip, choice, net, theta, steps, settings, index: int) -> list[float]:
    """Accuracy of each of the names on an episode; chips {name: (IntegerNet, steps)}, `chip` learns through feedback."""
    task, found = tasks.episode(settings.seed, index, net.ways, 1, settings.queries), {}
    both, n = np.concatenate([task.x_support, task.x_query]), len(task.y_support)
    for name, (integers, its_steps) in chips.items():
        p = integers.traces(integers.spikes(both), seed=1 + index)
        new = learn(integers, choice.learner(its_steps, 1 + index), p[:n], task.y_support)
        found[name] = accuracy(integers.membranes(p[n:], new.weight, new.bias)[:, -1], task.y_query)
    learner = choice.learner(steps, 1 + index)
    for step in STEPS:
        how, name = Feedback(step, step - 4, seed=1 + index), f"random feedback, step 2^{step}"
        whole, _ = learn_all(chip, learner, how, task.x_support, task.y_support)
        found[name] = accuracy(whole(task.x_query), task.y_query)
        twin = float_learn_all(net, theta, learner, how, task.x_support, task.y_support)
        found[f"{name}, float twin"] = accuracy(predict(net, twin, task.x_query), task.y_query)
    return [found[name] for name in names]
