"""What meta-trains by class means in a comparison: the integer network, and the float network from the
same weights. Both have `update`, `logits` and `arrays`, the state that a checkpoint holds.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisnn.core.neuron import LIF
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

WINDOW = 20  # steps that are differentiated
EVALUATION = 1 << 20  # the update that random numbers of evaluation belong to
CLIP = 5.0  # of the float gradient, as by the presets of minisnn train
LR_END = 0.02  # of the learning rate, there
STATE = "weight bias momentum momentum_bias exponent amplitude shift".split()  # of a layer


@dataclass(frozen=True)
class Plan:
    """What all arms of a run share.

    channels     of the conv layers               updates      of the outer loop
    log2_scale   of the logits                    rate         first step of the integer network, 2^-16
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
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr is {self.lr}, expected a positive number")


def integer_start(x: np.ndarray, plan: Plan, bits: int, seed: int) -> MetaNet:
    """Random integers fitted to counts x, in words of so many bits."""
    neuron = IntegerLIF.of(LIF())
    return begun(x, plan.channels, neuron, MetaWords(bits), WINDOW, seed)


class IntegerArm:
    """An integer network on its way."""

    def __init__(self, net: MetaNet, plan: Plan):
        self.net, self.plan = net, plan

    def update(self, task: Task, n: int) -> float:
        """Update n, from 0 on; the share of query samples that were right before it."""
        plan = self.plan
        if n == 0:
            self.net.check(len(task.y_query))
            settle(self.net, task, plan.log2_scale)
            self.net.saturations.clear()
        gradients, found = self.net.gradients(task, n + 1, plan.log2_scale)
        rate = max(plan.rate * (plan.updates - n) // plan.updates, 1)
        self.net.learn(gradients, n + 1, rate)
        return float(np.mean(found.distances.argmin(1) == task.y_query))

    def logits(self, task: Task) -> np.ndarray:
        """Minus the squared distances of the query samples from the class means."""
        p = self.net.features_of(samples_of(task), EVALUATION)
        n = len(task.y_support)
        c, _ = loss.means(p[:n], task.y_support)
        return -loss.distances(p[n:], c)

    def arrays(self) -> dict[str, np.ndarray]:
        """Whole numbers only."""
        saturations = json.dumps(self.net.saturations).encode()
        found = {"top": np.array(self.net.top), "saturations": np.frombuffer(saturations, np.uint8)}
        for layer in self.net.layers:
            for name in STATE:
                found[f"{layer.name}.{name}"] = np.array(getattr(layer, name))
        return found

    def restore(self, held: dict[str, np.ndarray]) -> None:
        self.net.top = int(held["top"])
        self.net.saturations = json.loads(held["saturations"].tobytes())
        for layer in self.net.layers:
            for name in STATE:
                value = held[f"{layer.name}.{name}"]
                setattr(layer, name, value if value.ndim else int(value))


class FloatArm:
    """A float network of the library on its way, by Adam, from the weights of an integer one."""

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

    def update(self, task: Task, n: int) -> float:
        plan = self.plan
        found = self.inner.meta_gradient(self.net, self.theta, task)
        lr = cosine(n, plan.updates, plan.lr, LR_END * plan.lr)
        self.theta = self.outer.step(self.theta, clip(found.gradient, CLIP)[0], lr)
        return float(np.mean(found.query_logits.argmax(1) == task.y_query))

    def logits(self, task: Task) -> np.ndarray:
        return self.inner.logits(self.net, self.theta, task)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"theta": self.theta, **self.outer.state}

    def restore(self, held: dict[str, np.ndarray]) -> None:
        self.theta = held["theta"]
        self.outer.state = {name: held[name] for name in self.outer.state}
