"""Everything that defines a meta-training run, in one frozen dataclass of plain values, which
`fields` has by group."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from .fields import (
    READ_BY as READ_BY,
    PICTURES,
    READING,
    REPLACED,
    SOUNDS,
    UNALIGNED,
    USUAL,
    DataSettings,
    InnerSettings,
    NetworkSettings,
    OuterSettings,
    StartSettings,
    WatchSettings,
    checked,
)
from ..meta.rules import RULES

AS_GIVEN = (*SOUNDS, "written")  # sets that know themselves what is usual


@dataclass(frozen=True)
class TrainingConfig(
    # as Python has it, the fields of the last are the first
    WatchSettings,
    StartSettings,
    OuterSettings,
    InnerSettings,
    NetworkSettings,
    DataSettings,
):
    """Settings of `train`. Every field is a flag of `minisnn train`, and its metadata explains it.

    Raises ValueError where a value is of the wrong type or out of range.

    >>> config = ms.TrainingConfig(channels=(8, 16), inner_steps=3)
    >>> config.channels, config.rule
    ((8, 16), 'maml')
    """

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        for name in ("sensor", "size"):
            if len(getattr(self, name)) > 2:
                raise ValueError(
                    f"{name} must be two numbers, rows and columns, or one, of units, not "
                    f"{getattr(self, name)}"
                )
        wrong = (
            (
                self.gate_threshold is not None and self.gate_fraction is not None,
                "give gate_threshold or gate_fraction, not both",
            ),
            (
                self.first_order_updates and self.order == 1,
                "first_order_updates must be 0 for order 1: there is no second order to change to",
            ),
            (
                self.prototype_updates and RULES[self.rule].whole_set,
                f"prototype_updates must be 0 for rule {self.rule}, which has no tasks",
            ),
            (
                self.zero_readout and "readout" in self.freeze,
                "freeze must not name the readout where zero_readout starts it from zero: it "
                "would stay there",
            ),
            (
                self.channels and not self.layers and self.dataset in SOUNDS,
                f"channels must be none for {self.dataset}: sounds are no pictures to convolve; "
                "give hidden, such as 128",
            ),
            (self.align and self.dataset in SOUNDS, f"{UNALIGNED}: leave it out"),
            (
                self.distort and self.dataset in SOUNDS,
                f"distort must be 0 for {self.dataset}: it bends pictures, and sounds are none",
            ),
            (
                (self.draws or self.align) and self.dataset not in PICTURES,
                f"{'draws' if self.draws else 'align'} is not for {self.dataset}",
            ),
            (
                self.draws and self.root is not None and self.dataset != "written",
                "draws must be 0 where root gives recordings: they are as they were recorded",
            ),
        )
        for applies, text in wrong:
            if applies:
                raise ValueError(text)
        RULES[self.rule].check(self)

    def idle(self) -> dict[str, str]:
        """Settings that change nothing in this run, and why: {"momentum": "with optimiser
        adam"}."""
        rule = RULES[self.rule]
        chosen = f"with rule {self.rule}"
        neuron = "neuron alpha beta gamma rho firing_threshold slope gain"
        groups = (
            *(
                (self.dataset not in sets, f"with any dataset but {', '.join(sets)}", name)
                for name in READING
                if (sets := tuple(one for one, takes in READ_BY.items() if name in takes))
            ),
            (
                self.dataset not in PICTURES,
                "with any dataset but double-nmnist, omniglot and written",
                "align",
            ),
            (self.dataset != "written", "with any dataset but written", "strokes"),
            (
                self.model == "cnn",
                "with model cnn",
                f"pool window readings detach_reset {neuron} init_rounds",
            ),
            (self.neuron == "cuba", "with neuron cuba", "gamma rho"),
            (not (rule.scaled or self.prototype_updates), f"{chosen} alone", "scale"),
            (self.rule != "prototypes", chosen, "readings looks axes"),
            (not rule.proximal, chosen, "proximal cg_steps"),
            (
                not (rule.any_ways or self.prototype_updates),
                f"{chosen} alone",
                "train_ways train_queries",
            ),
            (self.rule == "prototypes", chosen, "step_size inner_steps prototype_updates"),
            (rule.whole_set, chosen, "ways shots step_size inner_steps"),
            (
                0 < self.first_order_updates <= self.prototype_updates,
                f"before update {self.prototype_updates}, where the second order begins",
                "first_order_updates",
            ),
            (not rule.second_order, chosen, "order"),
            (self.learn_step_size == "no", "where step sizes are not learned", "step_size_lr"),
            (self.optimiser == "adam", "with optimiser adam", "momentum"),
            (
                self.init == "orthogonal",
                "with init orthogonal",
                "init_rate init_variance init_rounds init_tasks",
            ),
            (self.zero_readout, "with zero_readout", "init_readout"),
            (
                self.start is not None,
                "with start",
                "init init_rate init_variance init_rounds init_readout init_tasks",
            ),
            (not self.channels, "without conv layers", "kernel pool"),
            (bool(self.layers) and self.model == "snn", "with layers", " ".join(REPLACED)),
            (self.model == "cnn", "with model cnn", "layers learn"),
            (
                self.rule in ("anil", "online", "classify", "prototypes"),
                chosen,
                "adapt_constants",  # the readout has none
            ),
            (not self.learn, "without learn", "adapt_constants"),
            (not self.evaluate_every, "where nothing is evaluated", "evaluate_episodes"),
            (not self.test_episodes, "without test episodes", "test_seed"),
        )
        return {name: why for applies, why, names in groups if applies for name in names.split()}

    def _meant(self, name: str) -> object:
        """The value of a setting, the usual one where nothing is said."""
        value = getattr(self, name)
        usual = USUAL.get(name) if self.dataset not in AS_GIVEN else None
        return usual if value is None else value

    @classmethod
    def from_mapping(cls, values: Mapping, source: str = "configuration") -> "TrainingConfig":
        """The settings of a dictionary, as read from JSON; `source` names it in errors.

        >>> ms.TrainingConfig.from_mapping({"inner_steps": 3}).inner_steps
        3
        """
        if not isinstance(values, Mapping):
            raise ValueError(
                f"{source}: expected named settings of a run, not {type(values).__name__}"
            )
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            names = ", ".join(repr(name)[:40] for name in unknown[:9])
            raise ValueError(
                f"{source}: unknown settings {names}; made by another version of minisnn?"
            )
        try:
            return cls(**values)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{source}: {' '.join(str(error).split())[:400]}") from None

    def changes_from(self, other: "TrainingConfig") -> list[str]:
        """The differences in words.

        >>> ms.TrainingConfig(inner_steps=3).changes_from(ms.TrainingConfig(inner_steps=1))
        ['inner_steps 1 -> 3']
        """
        pairs = ((f.name, other._meant(f.name), self._meant(f.name)) for f in fields(self))
        return [f"{name} {old} -> {new}" for name, old, new in pairs if old != new]
