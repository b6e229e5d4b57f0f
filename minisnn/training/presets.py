"""Named settings of `minisnn train`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..meta.rules import RULES
from ..arguments import one_of
from .fields import OMNIGLOT, SOUNDS
from .settings import TrainingConfig

_MAML = TrainingConfig(
    channels=(16, 32, 64),
    queries=5,
    step_size=5.0,
    learn_step_size="array",
    updates=1500,
    clip=5.0,
    init_rate=0.15,
    init_readout="zero",
    evaluate_every=250,
    evaluate_episodes=20,
)
_QUICK = replace(
    _MAML,
    rule="proto-maml",
    prototype_updates=1125,
    train_ways=20,
    train_queries=2,
    updates=1500,
    lr=3e-3,
    evaluate_every=100,
)
PRESETS = {
    # Stewart & Neftci 2022: Table 1 and the constants of the authors' public code (200 tasks an
    # epoch, 100 epochs): the defaults. Table 1 says padding 0, but its sizes need "same" padding;
    # its third output 8 x 8 x 128 is 8 x 4 x 128.
    "paper": TrainingConfig(),
    # MAML that takes off, Table 1 at half its width: a readout that starts from zero, and a step
    # size for every array.
    "maml": _MAML,
    # What a newcomer waits for: class means of tasks of twenty classes from random weights, which
    # need no second order and learn several times as fast (Snell et al. 2017), then MAML's second
    # order from there (Proto-MAML). One camera: at this width and length many of them cost more
    # accuracy than they bring, and tasks are aligned by their support.
    "quick": _QUICK,
    # Table 1's width, longer, and another scene and camera in every recording.
    "paper-fast": replace(
        _QUICK,
        channels=(32, 64, 128),
        lr=2e-3,
        draws=3,
        queries=10,
        prototype_updates=3300,
        updates=3700,
        evaluate_every=500,
        evaluate_episodes=40,
    ),
}
DEFAULT = "quick"
FEWEST = 150  # updates that are left where workers share the tasks of larger ones
# Of sounds, which are no pictures to convolve, and whose words may be over before the last steps;
# gradients of a dense layer over so many steps are large, and ask for smaller inner steps
OF_SOUNDS: dict[str, Any] = dict(channels=(), hidden=(128,), window=100, step_size=0.2)
_OTHERS = ("rule", "order", "first_order_updates", "model")


def preset(name: str) -> TrainingConfig:
    """The settings of a name in PRESETS."""
    one_of("preset", name, PRESETS)
    return PRESETS[name]


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
        base = replace(
            base, prototype_updates=max(0, updates * base.prototype_updates // base.updates)
        )
    if dataset in SOUNDS:
        base = replace(base, **OF_SOUNDS)
    rule = RULES.get(str(changes.get("rule", base.rule)))
    no_choice = (
        {} if rule is None else {setting: value for setting, (value, _) in rule.fixed.items()}
    )
    suited = {} if rule is None else rule.suits
    return replace(base, **{**suited, **no_choice, **changes})


def shared(name: str | None, changes: Mapping[str, Any], workers: int) -> dict[str, Any]:
    """`changes` by which an update of `chosen` has a task for each worker, where neither they nor
    the preset say how many it has. As many tasks are learned from in all, unless the number of
    updates is among the changes; then there are more."""
    base = chosen(name, changes)
    more = dict[str, Any]()
    most = workers if "updates" in changes else min(workers, base.updates // FEWEST)
    if "tasks" in changes or base.tasks > 1 or most < 2 or RULES[base.rule].whole_set:
        return dict(changes)
    if "updates" not in changes:
        every = ("updates", "evaluate_every", "first_order_updates")
        more = {one: -(-getattr(base, one) // most) for one in every}
    return {**more, **changes, "tasks": most}
