"""What a script passes to a run: what holds the parameters while a task is learned, the float
network itself unless a device is to stand for it, and parts of a model of your own."""

from typing import Any, NamedTuple

import numpy as np

from .origin import TRAIN
from .settings import TrainingConfig
from ..arguments import must
from ..core.loss import Loss, loss_of
from ..meta.inner import InnerLoop
from ..meta.rules import MAML, RULES


class Held:
    """The float network: what is held is theta itself. A device overrides what differs
    (`minisnn.hardware.training.straight.OnChip`).

    The outer loop keeps and updates theta; inner loops start at the phi of `start` and ask the
    network of `of` for losses and derivatives, in training and when it is tested.
    """

    command = TRAIN  # continues a run, given --resume DIR

    def of(self, net):
        """What stands for the network in inner loops."""
        return net

    def start(self, net, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """(phi, slope): what is held of theta, and by what a gradient at phi is multiplied to be
        one at theta (None: by 1)."""
        return theta, None

    def inner(self, net, inner: InnerLoop) -> InnerLoop:
        """The inner loop as it is carried out."""
        return inner


class Own(NamedTuple):
    """Parts of a model of your own, in place of what the settings say: a neuron (or one that ships,
    with another surrogate), a `minisnn.Loss`, and a rule of learning, a `minisnn.MAML` whose `loop`
    returns the inner loop."""

    neuron: Any = None
    loss: Loss | None = None
    rule: MAML | None = None

    def rule_of(self, config: TrainingConfig) -> MAML:
        """What the run learns by."""
        return self.rule or RULES[config.rule]

    def rule_at(self, config: TrainingConfig, u: int) -> MAML:
        """What update u learns by."""
        return RULES["prototypes"] if u < config.prototype_updates else self.rule_of(config)

    def words(self) -> str | None:
        """What is your own, as far as files can say it."""
        parts = {"neuron": self.neuron, "loss": self.loss, "rule": self.rule}
        said = (
            (name, repr(part) if name != "rule" else _words_of(part))
            for name, part in parts.items()
            if part is not None
        )
        return ", ".join(f"{name}={word}" for name, word in said) or None

    def check(self, config: TrainingConfig) -> None:
        """ValueError for what is not such a part, and for settings that it leaves without
        effect."""
        idle: list[str] = []
        if self.neuron is not None:
            if config.model != "snn":
                raise ValueError(
                    f"neuron is given, and a network of model {config.model} has none; leave one "
                    "of them out"
                )
            idle += "neuron alpha beta gamma rho firing_threshold slope gain".split()
        if self.loss is not None:
            loss_of(self.loss)
        if self.rule is not None:
            learns = isinstance(self.rule, MAML) and not self.rule.whole_set
            must("rule", learns, "a minisnn.MAML that learns from tasks", self.rule)
            self.rule.check(config)
            idle.append("rule")
        defaults = TrainingConfig()
        for name in idle:
            if getattr(config, name) != getattr(defaults, name):
                part = "rule" if name == "rule" else "neuron"
                raise ValueError(
                    f"{name} is set to {getattr(config, name)!r}, which has no effect where {part} "
                    "is given"
                )


def _words_of(rule: MAML) -> str:
    """A rule's type and its numbers and texts; of what else it holds a file can say nothing."""
    plain = {
        name: value
        for name, value in sorted(vars(rule).items())
        if isinstance(value, bool | int | float | str | None)
    }
    values = ", ".join(f"{name}={value!r}" for name, value in plain.items())
    return type(rule).__name__ + f"({values})" * bool(values)
