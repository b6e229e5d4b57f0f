"""Everything that defines a meta-training run, in one frozen dataclass of plain values.

Only the standard library is needed here, so that the command line can list every setting without
loading NumPy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from .fields import checked, setting
from ..layers.neurons import NEURONS, class_of
from ..meta.rules import GROUPS, RULES


_data = partial(setting, "data")
_network = partial(setting, "network")
_inner = partial(setting, "inner loop")
_outer = partial(setting, "outer loop")
_start = partial(setting, "initial weights")
_watch = partial(setting, "watching")


FLOAT32 = 3.4e38  # the largest number
# how dataset recordings is read
READING = "sensor size bin_ms duration_ms hop_ms time flip_y columns".split()


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of `train`. Every field is a flag of `minisnn train`, and its metadata explains it.

    Raises ValueError where a value is of the wrong type or out of range.

    >>> config = ms.TrainingConfig(channels=(8, 16), inner_steps=3)
    >>> config.channels, config.rule
    ((8, 16), 'maml')
    """

    # ---- what is learned
    dataset: str = _data(
        "double-nmnist",
        "double-nmnist: pairs of digits; double-asl: pairs of signed letters; omniglot: "
        "characters; recordings: those in root; "
        "or your own: file.py:NAME or package.module:NAME, a function, or an entry point of "
        "minisnn.datasets",
    )
    root: str | None = _data(
        None,
        "folder of real recordings (holds Train, Test or both); without it, simulated recordings "
        "of the shipped digits",
        kind=str,
    )
    sensor: tuple[int, ...] = _data(
        (),
        "rows and columns of the sensor of dataset recordings; none: those of its format",
        above=0,
    )
    size: tuple[int, ...] = _data(
        (),
        "rows and columns of cells that recordings are downscaled to, by area; with omniglot 16,16 "
        "or 32,32",
        above=0,
    )
    bin_ms: float = _data(
        1.0, "length of a time step of recordings, ms; with omniglot 1 to 3", above=0
    )
    duration_ms: float = _data(100.0, "length of a recording, from its first event on, ms", above=0)
    hop_ms: float | None = _data(
        None, "cut continuous recordings into parts, one every so many ms", kind=float, above=0
    )
    time: str | None = _data(
        None, "unit of times in files that do not state it: ns, us, ms or s", kind=str
    )
    flip_y: bool = _data(False, "whether y grows upwards in the recordings")
    columns: str | None = _data(
        None,
        "order of the columns in arrays and text without names, such as t,x,y,p (t_ms also gives "
        "the unit, - skips a column)",
        kind=str,
    )
    ways: int = _data(5, "classes of a task", least=2)
    shots: int = _data(1, "support samples of each class", least=1)
    train_ways: int = _data(
        0,
        "classes of a training task of rules prototypes and online, or all where the set has "
        "fewer; 0: as ways",
        least=0,
    )
    train_queries: int = _data(
        0, "query samples of each class in such a task; 0: as queries", least=0
    )
    draws: int = _data(
        0,
        "simulated training recordings of each picture, each with its own scene and camera; 0: "
        "one, with one camera",
        least=0,
    )
    align: bool | None = _data(
        None,
        "shift the tasks that validate and test by the mean event of their support (default with "
        "double-nmnist); with "
        "omniglot, centre every recording",
        kind=bool,
    )
    queries: int = _data(
        10, "query samples of each class; with rule classify, all samples of an update", least=1
    )

    # ---- the network
    model: str = _network(
        "snn",
        "spiking network, or the CNN baseline on frames (kernel, channels and hidden serve both)",
        choices=("snn", "cnn"),
    )
    channels: tuple[int, ...] = _network((32, 64, 128), "widths of the conv layers", above=0)
    hidden: tuple[int, ...] = _network((), "widths of dense layers before the readout", above=0)
    kernel: int = _network(5, "size of the conv kernels", least=1)
    neuron: str = _network(
        "lif", "the paper's neuron, or Loihi's (current-based, hard reset)", choices=tuple(NEURONS)
    )
    pool: str = _network(
        "max", "pooling of the membrane; with cuba, of its spikes", choices=("max", "mean")
    )
    window: int = _network(30, "number of time steps, at the end, that are differentiated", least=1)
    detach_reset: bool = _network(False, "no gradient through the reset")
    alpha: float = _network(0.95, "decay of the membrane in a time step")
    beta: float = _network(0.9, "decay of the synapse in a time step")
    gamma: float = _network(0.65, "decay of the refractory trace in a time step")
    rho: float = _network(1.0, "strength of the reset")
    firing_threshold: float | None = _network(
        None, "membrane at which a neuron fires; none: 0 for lif, 0.3 for cuba", kind=float
    )
    slope: float = _network(10.0, "kappa of the surrogate derivative", above=0)
    gain: float = _network(10.0, "factor on the event counts")
    dtype: str = _network("float32", "floating-point type", choices=("float32", "float64"))
    backend: str = _network(
        "numba", "fast kernels or the readable reference", choices=("numba", "numpy")
    )

    # ---- the inner loop: learning a task
    step_size: float = _inner(1.0, "step size; the starting value if it is learned", above=0)
    inner_steps: int = _inner(1, "gradient steps on the support set", least=1, most=1000)
    learn_step_size: str = _inner(
        "no",
        "learn the step size: one for all, for every layer, for every weight or bias array, or for "
        "every parameter",
        choices=GROUPS,
    )
    step_size_lr: float = _inner(0.01, "Adam's learning rate of log(step size)", above=0)
    scale: float = _inner(
        0.1,
        "factor on squared distances from class means (prototypes, proto-maml), or on the query's "
        "logits (online)",
        above=0,
    )
    freeze: tuple[str, ...] = _inner((), "layers that do not adapt, such as conv1,conv2", kind=str)
    gate_threshold: float | None = _inner(
        None, "make only updates larger than this (Eq. 6)", kind=float, least=0
    )
    gate_fraction: float | None = _inner(
        None, "the same, as a fraction of the range of updates in each layer", kind=float, least=0
    )
    online: bool = _inner(False, "update after every support sample, not once after all")
    error_threshold: float | None = _inner(
        None, "make updates only for errors larger than this (SOEL)", kind=float, least=0
    )

    # ---- the outer loop: learning to learn
    rule: str = _outer(
        "maml", "; ".join(rule.help for rule in RULES.values()), choices=tuple(RULES)
    )
    order: int = _outer(
        2,
        "for maml, anil and proto-maml: 2 with the second-order term, 1 without (FOMAML)",
        choices=(1, 2),
    )
    zero_readout: bool = _outer(
        False,
        "start every task from a readout of zero weights, which does not fire and is not "
        "meta-learned: the zeroing trick "
        "(Kao, Chiu & Chen 2022); use it with small step sizes",
    )
    prototype_updates: int = _outer(
        0, "updates by rule prototypes, before those by the rule itself", least=0
    )
    first_order_updates: int = _outer(0, "updates of order 1, before those of order 2", least=0)
    updates: int = _outer(20000, "meta-updates", least=1)
    tasks: int = _outer(1, "tasks of an update, whose gradients are averaged", least=1)
    optimiser: str = _outer("adam", "optimiser of the outer loop", choices=("adam", "sgd"))
    lr: float = _outer(2e-3, "learning rate at the start", above=0)
    lr_end: float = _outer(
        0.02, "learning rate at the end, as a fraction of lr (cosine in between)", least=0, most=1
    )
    momentum: float = _outer(0.0, "momentum of sgd", least=0)
    clip: float | None = _outer(None, "largest norm of the meta-gradient", kind=float, above=0)
    seed: int = _outer(0, "seed of everything random: weights and tasks", least=0)

    # ---- where it starts
    start: str | None = _start(
        None,
        "checkpoint to start from, with its weights and learned step sizes, in place of random "
        "weights",
        kind=str,
    )
    init: str = _start(
        "lsuv",
        "weights scaled and shifted to the data, or orthogonal with zero biases",
        choices=("lsuv", "orthogonal"),
    )
    init_rate: float = _start(0.288, "firing rate that lsuv aims at", above=0, most=0.99)
    init_variance: float = _start(1.0, "membrane variance that lsuv aims at", above=0)
    init_rounds: int = _start(5, "number of times that lsuv scales and shifts a layer", least=1)
    init_readout: str = _start(
        "fit",
        "fit the readout like the other layers, or zero: no class is preferred",
        choices=("fit", "zero"),
    )
    init_tasks: int = _start(4, "training tasks whose support sets lsuv uses", least=1)

    # ---- watching it
    evaluate_every: int = _watch(500, "updates between validations; 0: none", least=0)
    evaluate_episodes: int = _watch(40, "tasks of a validation", least=1)
    checkpoint_every: int = _watch(100, "updates between checkpoints", least=1)
    test_episodes: int = _watch(100, "test tasks at the end; 0: none", least=0)
    test_seed: int = _watch(0, "seed of the test tasks, which are the same for every run", least=0)

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        for name, value in vars(self).items():
            if type(value) is float and self.dtype == "float32" and abs(value) > FLOAT32:
                raise ValueError(f"{name} must be at most {FLOAT32:g} in float32, not {value:g}")
        for name in ("sensor", "size"):
            if len(getattr(self, name)) not in (0, 2):
                raise ValueError(
                    f"{name} must be two numbers, rows and columns, not {getattr(self, name)}"
                )
        if self.gate_threshold is not None and self.gate_fraction is not None:
            raise ValueError("give gate_threshold or gate_fraction, not both")
        if self.first_order_updates and self.order == 1:
            raise ValueError(
                "first_order_updates must be 0 for order 1: there is no second order to change to"
            )
        if self.prototype_updates and RULES[self.rule].whole_set:
            raise ValueError(
                f"prototype_updates must be 0 for rule {self.rule}, which has no tasks"
            )
        if self.zero_readout and "readout" in self.freeze:
            raise ValueError(
                "freeze must not name the readout where zero_readout starts it from zero: it would "
                "stay there"
            )
        if (self.draws or self.align) and self.dataset not in ("double-nmnist", "omniglot"):
            raise ValueError(f"{'draws' if self.draws else 'align'} is not for {self.dataset}")
        if self.draws and self.root is not None:
            raise ValueError(
                "draws must be 0 where root gives recordings: they are as they were recorded"
            )
        RULES[self.rule].check(self)

    def order_of(self, update: int) -> int:
        """The order of an update, counted from 0: first order is cheap, and enough to begin with
        (Antoniou et al. 2019)."""
        return 1 if update < self.first_order_updates else self.order

    def recordings(self, split: str) -> dict[str, object]:
        """Options of the set of tasks of a split, where its recordings are not made or met in the
        usual way."""
        if self.dataset == "recordings":
            given = ((name, getattr(self, name)) for name in READING)
            return {name: value for name, value in given if value not in ((), None)}
        seen: dict[str, object] = dict(size=self.size) if self.size else {}
        seen |= dict(bin_ms=self.bin_ms) if self.bin_ms != 1 else {}
        seen |= dict(centred=True) if self.dataset == "omniglot" and self.align else {}
        if split == "train":
            return seen | (dict(draws=self.draws) if self.draws else {})
        if self.align is None or self.dataset != "double-nmnist":
            return seen
        return seen | dict(align="support" if self.align else "none")

    def idle(self) -> dict[str, str]:
        """Settings that change nothing in this run, and why: {"momentum": "with optimiser
        adam"}."""
        rule = RULES[self.rule]
        chosen = f"with rule {self.rule}"
        neuron = "neuron alpha beta gamma rho firing_threshold slope gain"
        groups = (
            (
                self.dataset != "recordings",
                "with any dataset but recordings",
                " ".join(name for name in READING if name not in ("size", "bin_ms")),
            ),
            (
                self.dataset not in ("recordings", "omniglot"),
                "with any dataset but recordings and omniglot",
                "size bin_ms",
            ),
            (
                self.dataset not in ("double-nmnist", "omniglot"),
                "with any dataset but double-nmnist and omniglot",
                "align",
            ),
            (
                self.model == "cnn",
                "with model cnn",
                f"pool window detach_reset {neuron} init_rounds",
            ),
            (self.neuron == "cuba", "with neuron cuba", "gamma rho"),
            (not (rule.scaled or self.prototype_updates), f"{chosen} alone", "scale"),
            (
                not (rule.any_ways or self.prototype_updates),
                f"{chosen} alone",
                "train_ways train_queries",
            ),
            (self.rule == "prototypes", chosen, "step_size inner_steps prototype_updates"),
            (rule.whole_set, chosen, "ways shots step_size inner_steps"),
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
            (not self.evaluate_every, "where nothing is evaluated", "evaluate_episodes"),
            (not self.test_episodes, "without test episodes", "test_seed"),
        )
        return {name: why for applies, why, names in groups if applies for name in names.split()}

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
            names = ", ".join(
                name if name.isidentifier() and len(name) < 40 else repr(name)[:40]
                for name in unknown[:9]
            )
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
        pairs = ((f.name, getattr(other, f.name), getattr(self, f.name)) for f in fields(self))
        return [f"{name} {old} -> {new}" for name, old, new in pairs if old != new]

    def network(self, input_shape: tuple[int, ...], neuron: Any = None) -> dict:
        """The configuration of the network, for `SpikingNet.from_configuration`; its neuron may be
        one of your own."""
        names = "channels hidden ways kernel pool window dtype detach_reset backend"
        shared = {name: getattr(self, name) for name in names.split()}
        neuron = self._neuron() if neuron is None else neuron
        return dict(shared, input_shape=tuple(input_shape), neuron=neuron)

    def _neuron(self) -> dict[str, Any]:
        constants = {f.name for f in fields(class_of(self.neuron))} - {"threshold", "surrogate"}
        neuron = {"kind": self.neuron, **{name: getattr(self, name) for name in constants}}
        if self.firing_threshold is not None:
            neuron["threshold"] = self.firing_threshold
        return neuron
