"""The settings of a run by group, a frozen dataclass each, of which `TrainingConfig` is made; a
setting as a field: what the command line says of it, its check, and its value in words.

NumPy is not needed here, so that the command line lists every setting at once.
"""

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from operator import ge, gt, le
from typing import Any, ClassVar

from ..data.written.words import of_split
from ..meta.rules import GROUPS, RULES
from ..arguments import must

# how dataset recordings is read
READING = "sensor size bin_ms duration_ms hop_ms time flip_y columns".split()
USUAL = {"bin_ms": 1.0, "duration_ms": 100.0}  # where nothing is said, but of sounds
SOUNDS = ("shd", "shd-other-speaker", "ssc", "ssc-other-speaker")
UNALIGNED = "align shifts pictures; the units of a sound are frequencies, and a shifted sound is another one"
OMNIGLOT = ("omniglot", "omniglot-random", "omniglot-background")
PICTURES = ("double-nmnist", *OMNIGLOT, "written")  # seen by a simulated sensor
READ_BY = {  # what of it other sets take
    "recordings": READING,
    **dict.fromkeys((*OMNIGLOT, "written"), ["size", "bin_ms", "duration_ms"]),
    **dict.fromkeys(SOUNDS, ["size", "bin_ms", "duration_ms", "time"]),
}
TYPES = {int: "a whole number", float: "a finite number", str: "a text", bool: "true or false"}
LIMITS = (("above", "above", gt), ("least", "at least", ge), ("most", "at most", le))


def setting(default: Any, help: str, **limits: Any) -> Any:
    """A field with what the command line says of it. limits: choices, least (allowed), above (not
    allowed), most; where None is the default it is allowed, and `kind` is the type of other values.
    """
    kind = limits.pop("kind", type(default))
    return field(
        default=default,
        metadata=dict(help=help, kind=kind, optional=default is None, **limits),
    )


def in_words(value: object) -> str:
    """A setting as the command line takes it: 8,16 or none."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return str(value)


def _in_texts(layers: Any) -> Any:
    """Layers as words."""
    if isinstance(layers, (list, tuple)) and all(isinstance(layer, str) for layer in layers):
        return layers
    from .words import in_texts

    return in_texts(layers)


def _layers(words: tuple[str, ...]) -> list[dict]:
    """The configurations of layers that are given as words."""
    from ..core.architecture import configuration_of
    from .words import read_text

    return [configuration_of(read_text(word)) for word in words]


def checked(f: Field, value: Any) -> Any:
    """The value in the field's own type, or ValueError."""
    limits, kind = f.metadata, f.metadata["kind"]
    if value is None and limits["optional"]:
        return None
    if isinstance(f.default, tuple):
        value = _in_texts(value) if f.name == "layers" else value
        kind = kind if kind is str else int
        good = isinstance(value, (list, tuple)) and all(type(one) is kind for one in value)
        must(f.name, good, f"a list of {'names' if kind is str else 'whole numbers'}", value)
        return tuple(_within(f.name, one, limits) for one in value)
    if kind is float and type(value) is int:
        value = float(value)
    good = type(value) is kind and (kind is not float or math.isfinite(value))
    must(f.name, good, TYPES[kind], value)
    return _within(f.name, value, limits)


def _within(name: str, value: Any, limits: Mapping[str, Any]) -> Any:
    choices = limits.get("choices") or (value,)
    must(name, value in choices, f"one of {', '.join(map(str, choices))}", value)
    for limit, words, holds in LIMITS:
        if limit in limits and not holds(value, limits[limit]):
            raise ValueError(f"{name} must be {words} {limits[limit]}, not {value}")
    return value


@dataclass(frozen=True)
class DataSettings:
    """What is learned: recordings, and the tasks that are made of them."""

    TITLE: ClassVar = "data"

    dataset: str = setting(
        "double-nmnist",
        "double-nmnist: pairs of digits; double-asl: pairs of signed letters; omniglot: characters "
        "of other alphabets (-random: of all, turned ones too; -background: those that validate "
        "meta-train, too); written: by the strokes in root; shd, ssc: spoken words, held out "
        "(-other-speaker: and held-out speakers, support by one of them, query by others); "
        "recordings: those in root; or your own: file.py:NAME or package.module:NAME, a "
        "function, or an entry point of minisnn.datasets",
    )
    root: str | None = setting(
        None,
        "folder of real recordings (holds Train, Test or both; or shd_train.h5 and so on), or file "
        "of pen strokes; without it, simulated recordings of the shipped digits",
        kind=str,
    )
    sensor: tuple[int, ...] = setting(
        (), "rows and columns of dataset recordings' sensor, or units; none: its format's", above=0
    )
    size: tuple[int, ...] = setting(
        (),
        "rows and columns of cells that recordings are downscaled to, by area; with omniglot 16,16 "
        "or 32,32; with written 20,20; one number of units, with shd and ssc up to 700",
        above=0,
    )
    bin_ms: float | None = setting(
        None,
        "length of a time step of recordings, ms: 1; 14 with shd and ssc; 20 with written",
        kind=float,
        above=0,
        asked=True,
    )
    duration_ms: float | None = setting(
        None,
        "length of a recording, ms: 100 from its first event on, or 100 steps with omniglot; 1400 "
        "from time zero on with shd and ssc; 400 with written",
        kind=float,
        above=0,
        asked=True,
    )
    hop_ms: float | None = setting(
        None, "cut continuous recordings into parts, one every so many ms", kind=float, above=0
    )
    time: str | None = setting(
        None, "unit of times in files that do not state it: ns, us, ms or s", kind=str
    )
    flip_y: bool = setting(False, "whether y grows upwards in the recordings")
    columns: str | None = setting(
        None,
        "order of the columns in arrays and text without names, such as t,x,y,p (t_ms also gives "
        "the unit, - skips a column)",
        kind=str,
    )
    strokes: tuple[str, ...] = setting(
        (),
        "of dataset written, the words that apply: scaled, written (in time); "
        "new-drawers, drawers, order (asked); shuffled, summed (without time); alphabets that test",
        kind=str,
    )
    ways: int = setting(5, "classes of a task", least=2)
    shots: int = setting(1, "support samples of each class", least=1)
    train_ways: int = setting(
        0, "classes of a training task by prototypes or online, at most all; 0: as ways", least=0
    )
    train_queries: int = setting(0, "query samples a class in such a task; 0: as queries", least=0)
    draws: int = setting(
        0, "recordings of a training picture, each by another camera; 0: one, one camera", least=0
    )
    distort: float = setting(
        0.0,
        "how much samples of training tasks are turned, stretched, sheared and bent; 1: up to 7 "
        "degrees, a ninth; 0: not",
        least=0,
        most=3,
    )
    align: bool | None = setting(
        None,
        "shift the tasks that validate and test by the mean event of their support (default with "
        "double-nmnist); with omniglot, centre every recording, with written as a rule, and make it "
        "as large as others; pictures alone: a shifted sound is another sound",
        kind=bool,
    )
    queries: int = setting(
        10, "query samples of each class; with rule classify, all samples of an update", least=1
    )

    def recordings(self, split: str) -> dict[str, object]:
        """Options of the set of tasks of a split, where its recordings are not the usual ones."""
        names = READ_BY.get(self.dataset, ["size", "bin_ms"])
        given = {name: getattr(self, name) for name in names}
        given = {name: value for name, value in given.items() if value not in ((), None)}
        if self.dataset in SOUNDS:
            return given
        if self.dataset == "recordings":
            return {**USUAL, **given}
        if self.dataset == "written":
            return given | of_split(split, self.strokes, self.align, self.draws)
        seen = {name: value for name, value in given.items() if (name, value) != ("bin_ms", 1)}
        seen |= dict(centred=True) if self.dataset in OMNIGLOT and self.align else {}
        if split == "train":
            return seen | (dict(draws=self.draws) if self.draws else {})
        if self.align is None or self.dataset != "double-nmnist":
            return seen
        return seen | dict(align="support" if self.align else "none")


REPLACED = ("channels", "hidden", "kernel", "pool")  # by layers


@dataclass(frozen=True)
class NetworkSettings:
    """The network and its neuron."""

    TITLE: ClassVar = "network"

    model: str = setting(
        "snn",
        "spiking network, or the CNN baseline on frames (kernel, channels and hidden serve both)",
        choices=("snn", "cnn"),
    )
    channels: tuple[int, ...] = setting((32, 64, 128), "widths of the conv layers", above=0)
    hidden: tuple[int, ...] = setting((), "widths of dense layers before the readout", above=0)
    layers: tuple[str, ...] = setting(
        (),
        "in place of channels, hidden, kernel and pool, layers one by one: conv64-k3-s2-none "
        "(kernel, stride and pooling where they are not 5, 1 and max), dense128-recurrent",
        kind=str,
    )
    learn: tuple[str, ...] = setting(
        (), "constants of the neurons that are learned, one a layer: alpha,beta,gamma", kind=str
    )
    kernel: int = setting(5, "size of the conv kernels", least=1)
    neuron: str = setting(
        "lif", "the paper's neuron, or Loihi's (current-based, hard reset)", choices=("lif", "cuba")
    )
    pool: str = setting(
        "max", "pooling of the membrane; with cuba, of its spikes", choices=("max", "mean")
    )
    window: int = setting(30, "number of time steps, at the end, that are differentiated", least=1)
    detach_reset: bool = setting(False, "no gradient through the reset")
    alpha: float = setting(0.95, "decay of the membrane in a time step")
    beta: float = setting(0.9, "decay of the synapse in a time step")
    gamma: float = setting(0.65, "decay of the refractory trace in a time step")
    rho: float = setting(1.0, "strength of the reset")
    firing_threshold: float | None = setting(
        None, "membrane at which a neuron fires; none: 0 for lif, 0.3 for cuba", kind=float
    )
    slope: float = setting(10.0, "kappa of the surrogate derivative", above=0)
    gain: float = setting(10.0, "factor on the event counts")
    dtype: str = setting("float32", "floating-point type", choices=("float32", "float64"))
    backend: str = setting(
        "numba", "fast kernels or the readable reference", choices=("numba", "numpy")
    )

    def network(self, input_shape: tuple[int, ...], neuron: Any = None) -> dict:
        """The configuration of the network, for `SpikingNet.from_configuration`; its neuron may be
        one of your own."""
        names = "channels hidden ways kernel pool window dtype detach_reset backend"
        shared = {name: getattr(self, name) for name in names.split()}
        if self.layers and self.model == "snn":
            shared = {name: a for name, a in shared.items() if name not in REPLACED}
            shared["layers"] = _layers(self.layers)
        if self.learn:
            shared["learn"] = list(self.learn)
        return dict(shared, input_shape=tuple(input_shape), neuron=neuron or self._neuron())

    def _neuron(self) -> dict[str, Any]:
        """Its kind, and its constants as far as they are settings; others have its own defaults."""
        from ..core.architecture import NEURONS

        constants = {f.name for f in fields(NEURONS[self.neuron])} & {f.name for f in fields(self)}
        neuron = {"kind": self.neuron, **{name: getattr(self, name) for name in constants}}
        if self.firing_threshold is not None:
            neuron["threshold"] = self.firing_threshold
        return neuron


@dataclass(frozen=True)
class InnerSettings:
    """The inner loop: learning a task."""

    TITLE: ClassVar = "inner loop"

    step_size: float = setting(1.0, "step size; the starting value if it is learned", above=0)
    inner_steps: int = setting(1, "gradient steps on the support set", least=1, most=1000)
    learn_step_size: str = setting(
        "no",
        "learn the step size: one for all, or one a layer, a weight or bias array, a parameter",
        choices=GROUPS,
    )
    step_size_lr: float = setting(0.01, "Adam's learning rate of log(step size)", above=0)
    scale: float = setting(
        0.1,
        "factor on squared distances from class means (prototypes, proto-maml), or on the query's "
        "logits (online)",
        above=0,
    )
    readings: int = setting(
        1, "equal parts of a recording, after each of which prototypes reads its features", least=1
    )
    looks: int = setting(
        1,
        "looks of prototypes at what validates or tests, whose features are averaged: 5, as it is "
        "and a cell up, down, left and right; 9, diagonally too",
        choices=(1, 5, 9),
    )
    axes: int = setting(
        0, "axes along which prototypes compares, fitted to training tasks at the end", least=0
    )
    proximal: float = setting(
        1.0,
        "lambda of imaml, which pulls inner steps to their start; below 2 / step_size, and above "
        "the support loss's negative curvature",
        above=0,
    )
    cg_steps: int = setting(
        10, "conjugate-gradient iterations of imaml at most, a Hessian-vector product each", least=1
    )
    freeze: tuple[str, ...] = setting((), "layers that do not adapt, such as conv1,conv2", kind=str)
    gate_threshold: float | None = setting(
        None, "make only updates larger than this (Eq. 6)", kind=float, least=0
    )
    gate_fraction: float | None = setting(
        None, "the same, as a fraction of the range of updates in each layer", kind=float, least=0
    )
    adapt_constants: bool = setting(
        False, "inner steps move the constants of learn, too; otherwise the outer loop alone does"
    )
    online: bool = setting(False, "update after every support sample, not once after all")
    error_threshold: float | None = setting(
        None, "make updates only for errors larger than this (SOEL)", kind=float, least=0
    )


@dataclass(frozen=True)
class OuterSettings:
    """The outer loop: learning to learn."""

    TITLE: ClassVar = "outer loop"

    rule: str = setting("maml", "; ".join(one.help for one in RULES.values()), choices=tuple(RULES))
    order: int = setting(
        2,
        "of maml, anil, online, imaml, proto-maml; 1: no second-order term (FOMAML)",
        choices=(1, 2),
    )
    zero_readout: bool = setting(
        False,
        "start every task from a readout of zero weights, which does not fire and is not "
        "meta-learned (Kao, Chiu & Chen 2022); use it with small step sizes",
    )
    prototype_updates: int = setting(
        0, "updates by rule prototypes, before those by the rule itself", least=0
    )
    first_order_updates: int = setting(0, "updates before those of order 2, of any rule", least=0)
    updates: int = setting(20000, "meta-updates", least=1)
    tasks: int = setting(1, "tasks of an update, whose gradients are averaged", least=1)
    optimiser: str = setting("adam", "optimiser of the outer loop", choices=("adam", "sgd"))
    lr: float = setting(2e-3, "learning rate at the start", above=0)
    lr_end: float = setting(
        0.02, "learning rate at the end, as a fraction of lr (cosine in between)", least=0, most=1
    )
    momentum: float = setting(0.0, "momentum of sgd", least=0)
    clip: float | None = setting(None, "largest norm of the meta-gradient", kind=float, above=0)
    seed: int = setting(0, "seed of everything random: weights and tasks", least=0)

    def order_of(self, update: int) -> int:
        """The order of an update, counted from 0: first order is cheap, and enough to begin with
        (Antoniou et al. 2019)."""
        return 1 if update < self.first_order_updates else self.order


@dataclass(frozen=True)
class StartSettings:
    """Where it starts."""

    TITLE: ClassVar = "initial weights"

    start: str | None = setting(
        None,
        "checkpoint to start from, with its weights and learned step sizes, in place of random "
        "weights; of another number of classes, each begins as their mean",
        kind=str,
    )
    init: str = setting(
        "lsuv",
        "weights scaled and shifted to the data, or orthogonal with zero biases",
        choices=("lsuv", "orthogonal"),
    )
    init_rate: float = setting(0.288, "firing rate that lsuv aims at", above=0, most=0.99)
    init_variance: float = setting(1.0, "membrane variance that lsuv aims at", above=0)
    init_rounds: int = setting(5, "number of times that lsuv scales and shifts a layer", least=1)
    init_readout: str = setting(
        "fit",
        "fit the readout like the other layers, or zero: no class is preferred",
        choices=("fit", "zero"),
    )
    init_tasks: int = setting(1, "training tasks whose support sets lsuv uses", least=1)


@dataclass(frozen=True)
class WatchSettings:
    """How it is watched and tested."""

    TITLE: ClassVar = "watching"

    evaluate_every: int = setting(500, "updates between validations; 0: none", least=0)
    evaluate_episodes: int = setting(40, "tasks of a validation", least=1)
    checkpoint_every: int = setting(100, "updates between checkpoints", least=1)
    test_episodes: int = setting(100, "test tasks at the end; 0: none", least=0)
    test_seed: int = setting(0, "seed of the test tasks, which are the same for every run", least=0)
