"""Presets, adapted to the settings that a run gives."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..meta.rules import RULES
from .settings import LONG, OMNIGLOT, PRESETS as PRESETS, SOUNDS, TrainingConfig

DEFAULT = "quick"
# For sounds: there is nothing to convolve, words may be over before the last steps, and gradients
# of a dense layer over all steps are large, so inner steps are smaller
OF_SOUNDS: dict[str, Any] = dict(channels=(), hidden=(128,), window=100, step_size=0.2)
# Of regression: ridge in closed form, the rule to beat; of gradient steps, small ones, each
# parameter's learned
OF_REGRESSION: dict[str, Any] = dict(
    rule="ridge",
    loss="squared",
    channels=(),
    hidden=(100, 100),
    alpha=0.8,
    beta=0.7,
    gain=4.0,
    step_size=0.1,
    learn_step_size="parameter",
    penalty=1.0,
    prototype_updates=0,
    init_rate=0.288,
    tasks=4,
    lr=1e-2,
    evaluate_every=500,
    evaluate_episodes=40,
)
OF_GENERATED: dict[str, dict[str, Any]] = {
    "waves": dict(OF_REGRESSION, ways=1, shots=10, queries=10, window=24),
    # of velocities at every step: no reset in the readout, and filters shorter than a reach
    "movement": dict(
        OF_REGRESSION,
        ways=2,
        shots=16,
        queries=16,
        window=30,
        readout="steps",
        neuron="cuba",
        hidden=(100,),
        alpha=0.5,
        beta=0.1,
        gain=1.0,
        penalty=10.0,
    ),
    "bars": dict(OF_REGRESSION, ways=2, shots=10, queries=10, window=24),
}
_OTHERS = ("rule", "order", "first_order_updates", "model")

preset = TrainingConfig.preset


def named(name: str | None, changes: Mapping[str, Any]) -> str:
    """Return the preset's name: the given one, or else DEFAULT, or "maml" where `changes` ask for a
    rule, order, model or first-order updates that DEFAULT does not train."""
    base = preset(name or DEFAULT)
    others = any(changes.get(key, getattr(base, key)) != getattr(base, key) for key in _OTHERS)
    return name or ("maml" if others else DEFAULT)


def chosen(name: str | None, changes: Mapping[str, Any]) -> TrainingConfig:
    """Return the settings of the preset `named`, with `changes`.

    Only digits have DEFAULT's short schedule, others LONG's. For sets of sounds, a dense layer
    replaces conv layers, all steps are differentiated, and inner steps start smaller. A preset's
    scenes and cameras are dropped for real recordings and for sets without any; for another number
    of updates, the share by class means stays. The rule's fixed settings (`fixed`), such as step
    sizes without a gradient, and better ones (`suits`) override the preset's.
    """
    base = preset(named(name, changes))
    dataset = changes.get("dataset", base.dataset)
    base = LONG if base is PRESETS[DEFAULT] and dataset != base.dataset else base
    # 64,000 turned drawings need only one recording each
    most = {"double-nmnist": base.draws, **dict.fromkeys(OMNIGLOT, 1)}.get(str(dataset), 0)
    base = replace(base, draws=0 if changes.get("root") is not None else min(base.draws, most))
    if isinstance(updates := changes.get("updates"), int):
        means = max(0, updates * base.prototype_updates // base.updates)
        base = replace(base, prototype_updates=means)
    of = OF_SOUNDS if dataset in SOUNDS else OF_GENERATED.get(str(dataset), {})
    if (rule := RULES.get(str(changes.get("rule", of.get("rule", base.rule))))) is not None:
        no_choice = {setting: value for setting, (value, _) in rule.fixed.items()}
        of = {**of, **rule.suits, **no_choice, "rule": rule.name}
    return replace(base, **{**of, **changes})
