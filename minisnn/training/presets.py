"""What a preset becomes where a run states some of its settings itself."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..meta.rules import RULES
from .settings import OMNIGLOT, PRESETS as PRESETS, SOUNDS, TrainingConfig

DEFAULT = "quick"
# Of sounds, which are no pictures to convolve, and whose words may be over before the last steps;
# gradients of a dense layer over so many steps are large, and ask for smaller inner steps
OF_SOUNDS: dict[str, Any] = dict(channels=(), hidden=(128,), window=100, step_size=0.2)
_OTHERS = ("rule", "order", "first_order_updates", "model")

preset = TrainingConfig.preset


def named(name: str | None, changes: Mapping[str, Any]) -> str:
    """The preset of that name; None: DEFAULT, but "maml" where `changes` ask for another rule,
    order or model than it trains, or for updates of the first order."""
    base = preset(name or DEFAULT)
    others = any(changes.get(key, getattr(base, key)) != getattr(base, key) for key in _OTHERS)
    return name or ("maml" if others else DEFAULT)


def chosen(name: str | None, changes: Mapping[str, Any]) -> TrainingConfig:
    """The settings of the preset `named` with `changes`.

    Sets of sounds have a dense layer in place of conv layers, all steps are differentiated, and
    inner steps begin smaller.
    Scenes and cameras that a preset draws give way to real recordings and to sets that have none to
    draw; of another number of updates the same share is made by class means. Where the rule leaves
    no choice (`fixed`), as of step sizes that have no gradient, the preset's gives way to it, and to
    what suits the rule better (`suits`).
    """
    base = preset(named(name, changes))
    dataset = changes.get("dataset", base.dataset)
    # of 64,000 turned drawings one each is enough
    most = {"double-nmnist": base.draws, **dict.fromkeys(OMNIGLOT, 1)}.get(str(dataset), 0)
    base = replace(base, draws=0 if changes.get("root") is not None else min(base.draws, most))
    if isinstance(updates := changes.get("updates"), int):
        means = max(0, updates * base.prototype_updates // base.updates)
        base = replace(base, prototype_updates=means)
    if dataset in SOUNDS:
        base = replace(base, **OF_SOUNDS)
    if (rule := RULES.get(str(changes.get("rule", base.rule)))) is not None:
        no_choice = {setting: value for setting, (value, _) in rule.fixed.items()}
        base = replace(base, **{**rule.suits, **no_choice, "rule": rule.name, **changes})
    return replace(base, **changes)
