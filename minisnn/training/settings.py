"""The settings of a meta-training run, a frozen dataclass of plain values whose fields state their
meaning, limits and conflicts; and the presets.

NumPy is not imported here, so that the command line's help appears immediately.
"""

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from operator import ge, gt, le
from textwrap import fill, indent
from typing import Any

from ..arguments import must, one_of
from ..core.kinds import NEURONS, neuron_class
from ..data.written.words import of_split
from ..meta.rules import GROUPS, RULES

# settings of how recordings are read
READING = "sensor size bin_ms duration_ms hop_ms time flip_y columns".split()
USUAL = {"bin_ms": 1.0, "duration_ms": 100.0}  # defaults, except for sounds
SOUNDS = ("shd", "ssc")
UNALIGNED = "align shifts pictures; the units of a sound are frequencies, and a shifted sound is another one"
OMNIGLOT = ("omniglot", "omniglot-random", "omniglot-background")
PICTURES = ("double-nmnist", *OMNIGLOT, "written")  # recorded by a simulated sensor
GENERATED = ("waves", "movement", "bars")  # tasks of regression
AS_GIVEN = (*SOUNDS, "written")  # sets with their own defaults
READ_BY = {  # options of READING that sets have
    "recordings": READING,
    **dict.fromkeys((*OMNIGLOT, "written"), ["size", "bin_ms", "duration_ms"]),
    **dict.fromkeys(SOUNDS, ["size", "bin_ms", "duration_ms", "time"]),
    **dict.fromkeys(GENERATED, []),
}
REPLACED = ("channels", "hidden", "kernel", "pool")  # settings that `layers` replaces
NEURON = "neuron alpha beta gamma rho firing_threshold slope gain".split()
FORMER = dict(  # settings of early runs of 0.2, which must have these values
    gate_threshold=None,
    gate_fraction=None,
    online=False,
    error_threshold=None,
    optimiser="adam",
    momentum=0.0,
)
TITLES = {  # titles of groups of settings, by their first setting
    "dataset": "data",
    "model": "network",
    "step_size": "inner loop",
    "rule": "outer loop",
    "start": "initial weights",
    "evaluate_every": "watching",
}
KINDS = {int: "a whole number", float: "a finite number", str: "a text", bool: "true or false"}
LIMITS = (("above", "above", gt), ("least", "at least", ge), ("most", "at most", le))


def setting(default: Any, help: str, **limits: Any) -> Any:
    """Make a field with its help and limits: choices, least (allowed), above (not allowed), most.
    `kind` is the type of its values; in a list, whole numbers by default. None is allowed if it is
    the default."""
    kind = limits.pop("kind", int if isinstance(default, tuple) else type(default))
    metadata = dict(help=help, kind=kind, optional=default is None, **limits)
    return field(default=default, metadata=metadata)


def checked(f: Field, value: Any) -> Any:
    """Return the value in the field's type. Raises ValueError for another type or a value out of
    limits."""
    if value is None and f.metadata["optional"]:
        return None
    if not isinstance(f.default, tuple):
        return _within(f.name, value, f.metadata)
    must(f.name, isinstance(value, (list, tuple)), "a list", value)
    if f.name == "layers" and not all(isinstance(layer, str) for layer in value):
        from .words import in_texts

        value = in_texts(value)
    most = f.metadata.get("longest", math.inf)
    must(f.name, len(value) <= most, f"at most {most} numbers", value)
    return tuple(_within(f.name, part, f.metadata) for part in value)


def _within(name: str, value: Any, limits: Mapping[str, Any]) -> Any:
    kind = limits["kind"]
    if kind is float and type(value) is int:
        value = float(value)
    good = type(value) is kind and (kind is not float or math.isfinite(value))
    must(name, good, KINDS[kind], value)
    if choices := limits.get("choices"):
        must(name, value in choices, f"one of {', '.join(map(str, choices))}", value)
    for limit, words, holds in LIMITS:
        if limit in limits:
            must(name, holds(value, limits[limit]), f"{words} {limits[limit]}", value)
    return value


def in_words(value: object) -> str:
    """Format a setting for the command line: 8,16 or none."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0")


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of `train`; every one is an option of `minisnn train`.

    Raises ValueError if a value is of the wrong type or out of range.

    >>> config = ms.TrainingConfig(channels=(8, 16), inner_steps=3)
    >>> config.channels, config.rule
    ((8, 16), 'maml')

    The settings, with their defaults:

    """

    # data
    dataset: str = setting(
        "double-nmnist",
        "double-nmnist: pairs of digits; double-asl: pairs of signed letters; omniglot: characters "
        "of other alphabets (-random: of all, turned ones too; -background: those that validate "
        "meta-train, too); written: by the strokes in root; shd, ssc: spoken words, held out; "
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
        (),
        "rows and columns, or number of units, of the sensor of dataset recordings; none: those of "
        "the file format",
        above=0,
        longest=2,
    )
    size: tuple[int, ...] = setting(
        (),
        "rows and columns of cells that recordings are downscaled to, by area; with omniglot 16,16 "
        "or 32,32; with written 20,20; one number of units, with shd and ssc up to 700",
        above=0,
        longest=2,
    )
    bin_ms: float | None = setting(
        None,
        "length of a time step of recordings, ms: 1; 14 with shd and ssc; 20 with written",
        kind=float,
        above=0,
    )
    duration_ms: float | None = setting(
        None,
        "length of a recording, ms: 100 from its first event on, or 100 steps with omniglot; 1400 "
        "from time zero on with shd and ssc; 400 with written",
        kind=float,
        above=0,
    )
    hop_ms: float | None = setting(
        None, "cut continuous recordings into parts, one every X ms", kind=float, above=0
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
        "for dataset written, words for the task (new-drawers, order), a control without time "
        "(shuffled, summed), and the test's alphabets",
        kind=str,
    )
    ways: int = setting(5, "classes of a task; of regression, outputs", least=1)
    shots: int = setting(1, "support samples of each class", least=1)
    train_ways: int = setting(
        0, "classes of a training task by prototypes or online, at most all; 0: as ways", least=0
    )
    train_queries: int = setting(
        0, "query samples per class in such a task; 0: as queries", least=0
    )
    draws: int = setting(
        0,
        "recordings of each training picture, each by another camera; 0: one, by one camera",
        least=0,
    )
    distort: float = setting(
        0.0,
        "how much training samples are turned, stretched, sheared and bent at random; 1: up to 7 "
        "degrees, a ninth; 0: not at all",
        least=0,
        most=3,
    )
    align: bool | None = setting(
        None,
        "shift validation and test tasks by the mean event of their support (default with "
        "double-nmnist); with omniglot, centre every recording; with written, centre and scale it "
        "(default); only for pictures, since a shifted sound is another sound",
        kind=bool,
    )
    queries: int = setting(
        10, "query samples of each class; with rule classify, all samples of an update", least=1
    )

    # network
    model: str = setting(
        "snn",
        "spiking network, or the CNN baseline on frames (kernel, channels and hidden apply to both)",
        choices=("snn", "cnn"),
    )
    channels: tuple[int, ...] = setting((32, 64, 128), "widths of the conv layers", above=0)
    hidden: tuple[int, ...] = setting((), "widths of dense layers before the readout", above=0)
    layers: tuple[str, ...] = setting(
        (),
        "layers one by one, instead of channels, hidden, kernel and pool: conv64-k3-s2-none "
        "(kernel, stride and pooling where they are not 5, 1 and max), dense128-recurrent",
        kind=str,
    )
    learn: tuple[str, ...] = setting(
        (), "learned constants of the neurons, one per layer: alpha,beta,gamma", kind=str
    )
    kernel: int = setting(5, "size of the conv kernels", least=1)
    neuron: str = setting(
        "lif", "lif: the paper's; cuba: Loihi's (current-based, hard reset)", choices=tuple(NEURONS)
    )
    pool: str = setting(
        "max", "pooling of the membrane; with cuba, of its spikes", choices=("max", "mean")
    )
    window: int = setting(30, "number of time steps, at the end, that are differentiated", least=1)
    detach_reset: bool = setting(False, "no gradient through the reset")
    readout: str = setting(
        "last",
        "output of the readout: its last membrane, its mean membrane or spikes per step in the "
        "window, or its membranes at all steps",
        choices=("last", "mean", "count", "steps"),
    )
    loss: str = setting(
        "cross_entropy",
        "cross-entropy of labels, or half the squared error of real targets or one-hot labels",
        choices=("cross_entropy", "squared"),
    )
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

    # inner loop
    step_size: float = setting(1.0, "step size; the starting value if it is learned", above=0)
    inner_steps: int = setting(
        1,
        "gradient steps on the support set; 0 with rule maml: pooled, all tasks learned as one",
        least=0,
        most=1000,
    )
    learn_step_size: str = setting(
        "no",
        "learn the step size: one for all, or one per layer, per weight or bias array, or per parameter",
        choices=GROUPS,
    )
    step_size_lr: float = setting(0.01, "Adam's learning rate of log(step size)", above=0)
    scale: float = setting(
        0.1,
        "factor on squared distances from class means (prototypes, proto-maml), or on the query's "
        "logits (online)",
        above=0,
    )
    penalty: float = setting(
        0.1, "weight of squared weights in rule ridge; choose it on validation tasks", above=0
    )
    readings: int = setting(
        1, "equal parts of a recording, after each of which prototypes reads its features", least=1
    )
    looks: int = setting(
        1,
        "looks at each validation or test sample, whose features prototypes averages: 5: as it is, "
        "and a cell up, down, left and right; 9: diagonally, too",
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
    adapt_constants: bool = setting(
        False, "inner steps also change the learned constants; otherwise only the outer loop does"
    )

    # outer loop
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
    first_order_updates: int = setting(0, "first-order updates before those of order 2", least=0)
    updates: int = setting(20000, "meta-updates", least=1)
    tasks: int = setting(1, "tasks of an update, whose gradients are averaged", least=1)
    lr: float = setting(2e-3, "learning rate at the start", above=0)
    lr_end: float = setting(
        0.02, "learning rate at the end, as a fraction of lr (cosine in between)", least=0, most=1
    )
    clip: float | None = setting(None, "largest norm of the meta-gradient", kind=float, above=0)
    seed: int = setting(0, "seed of everything random: weights and tasks", least=0)

    # initial weights
    start: str | None = setting(
        None,
        "checkpoint to start from, with its weights and learned step sizes, instead of random "
        "weights; for another number of classes, each starts from their mean",
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

    # watching
    evaluate_every: int = setting(500, "updates between validations; 0: none", least=0)
    evaluate_episodes: int = setting(40, "tasks of a validation", least=1)
    checkpoint_every: int = setting(100, "updates between checkpoints", least=1)
    test_episodes: int = setting(100, "test tasks at the end; 0: none", least=0)
    test_seed: int = setting(0, "seed of the test tasks, which are the same for every run", least=0)

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        sounds = self.dataset in SOUNDS
        wrong = {
            "ways must be at least 2 for loss cross_entropy: one class is always right": (
                self.ways == 1 and self.loss == "cross_entropy"
            ),
            "first_order_updates must be 0 for order 1: there is no second order to change to": (
                self.first_order_updates and self.order == 1
            ),
            f"prototype_updates must be 0 for rule {self.rule}, which has no tasks": (
                self.prototype_updates and RULES[self.rule].whole_set
            ),
            "freeze must not name the readout where zero_readout starts it from zero: it would stay "
            "there": self.zero_readout and "readout" in self.freeze,
            f"channels must be none for {self.dataset}: sounds are no pictures to convolve; give "
            "hidden, such as 128": self.channels and not self.layers and sounds,
            f"{UNALIGNED}: leave it out": self.align and sounds,
            f"distort must be 0 for {self.dataset}: it bends pictures, and sounds are none": (
                self.distort and sounds
            ),
            f"{'draws' if self.draws else 'align'} is not for {self.dataset}": (
                (self.draws or self.align) and self.dataset not in PICTURES
            ),
            "draws must be 0 for recordings in root, which cannot be drawn again": (
                self.draws and self.root is not None and self.dataset != "written"
            ),
        }
        for text, applies in wrong.items():
            if applies:
                raise ValueError(text)
        RULES[self.rule].check(self)

    def idle(self) -> dict[str, str]:
        """Return the settings without effect in this run, with the reason: {"kernel": "without conv
        layers"}."""
        rule = RULES[self.rule]
        by_rule = f"with rule {self.rule}"
        cnn = self.model == "cnn"
        takers = {
            name: [one for one, names in READ_BY.items() if name in names] for name in READING
        }
        of_lsuv = "init_rate init_variance init_rounds init_tasks"
        begins = self.prototype_updates
        table = (
            *(
                (self.dataset not in sets, f"with any dataset but {', '.join(sets)}", name)
                for name, sets in takers.items()
            ),
            (
                self.dataset not in PICTURES,
                "with any dataset but double-nmnist, omniglot and written",
                "align",
            ),
            (self.dataset != "written", "with any dataset but written", "strokes"),
            (
                cnn,
                "with model cnn",
                f"pool window readings detach_reset readout {' '.join(NEURON)} init_rounds layers learn",
            ),
            (self.neuron == "cuba", "with neuron cuba", "gamma rho"),
            (not (rule.scaled or begins), f"{by_rule} only", "scale"),
            (not (rule.any_ways or begins), f"{by_rule} only", "train_ways train_queries"),
            (self.rule != "prototypes", by_rule, "readings looks axes"),
            (self.rule == "prototypes", by_rule, "prototype_updates"),
            (self.rule in ("prototypes", "ridge"), by_rule, "step_size inner_steps"),
            (not rule.proximal, by_rule, "proximal cg_steps"),
            (self.rule != "ridge", by_rule, "penalty"),
            (rule.whole_set, by_rule, "ways shots step_size inner_steps"),
            (not rule.second_order, by_rule, "order"),
            (
                0 < self.first_order_updates <= begins,
                f"before update {begins}, where the second order begins",
                "first_order_updates",
            ),
            (self.learn_step_size == "no", "where step sizes are not learned", "step_size_lr"),
            (self.init == "orthogonal", "with init orthogonal", of_lsuv),
            (self.zero_readout, "with zero_readout", "init_readout"),
            (self.start is not None, "with start", f"init init_readout {of_lsuv}"),
            (not self.channels, "without conv layers", "kernel pool"),
            (bool(self.layers) and not cnn, "with layers", " ".join(REPLACED)),
            # the readout has none
            (
                self.rule in ("anil", "online", "classify", "prototypes", "ridge"),
                by_rule,
                "adapt_constants",
            ),
            (not self.learn, "without learn", "adapt_constants"),
            (not self.evaluate_every, "where nothing is evaluated", "evaluate_episodes"),
            (not self.test_episodes, "without test episodes", "test_seed"),
        )
        return {name: why for applies, why, names in table if applies for name in names.split()}

    def recordings(self, split: str) -> dict[str, object]:
        """Return the options of a split's set of tasks that differ from its defaults."""
        names = READ_BY.get(self.dataset, ["size", "bin_ms"])
        given = {name: getattr(self, name) for name in names}
        given = {name: value for name, value in given.items() if value not in ((), None)}
        if self.dataset in SOUNDS:
            return given
        if self.dataset == "recordings":
            return {**USUAL, **given}
        if self.dataset == "written":
            return given | of_split(split, self.strokes, self.align, self.draws)
        options = {name: value for name, value in given.items() if (name, value) != ("bin_ms", 1)}
        options |= dict(centred=True) if self.dataset in OMNIGLOT and self.align else {}
        if split == "train":
            return options | (dict(draws=self.draws) if self.draws else {})
        if self.align is None or self.dataset != "double-nmnist":
            return options
        return options | dict(align="support" if self.align else "none")

    def network(self, input_shape: tuple[int, ...], neuron: Any = None) -> dict:
        """Return the network's configuration, for `SpikingNet.from_configuration`; `neuron`
        replaces that of the settings."""
        names = "channels hidden ways kernel pool window dtype detach_reset readout loss backend"
        shared = {name: getattr(self, name) for name in names.split()}
        if self.layers and self.model == "snn":
            shared = {name: a for name, a in shared.items() if name not in REPLACED}
            from ..core.architecture import configuration_of
            from .words import read_text

            shared["layers"] = [configuration_of(read_text(word)) for word in self.layers]
        if self.learn:
            shared["learn"] = list(self.learn)
        if neuron is None:
            # constants that are settings; others keep the neuron's defaults
            constants = {f.name for f in fields(neuron_class(self.neuron))}
            constants &= {*self.__dataclass_fields__}
            neuron = {"kind": self.neuron, **{name: getattr(self, name) for name in constants}}
            if self.firing_threshold is not None:
                neuron["threshold"] = self.firing_threshold
        return dict(shared, input_shape=tuple(input_shape), neuron=neuron)

    @classmethod
    def preset(cls, name: str = "quick") -> "TrainingConfig":
        """Return the settings of a preset: "quick", which `minisnn train` runs, "maml", "paper" or
        "paper-fast".

        >>> ms.TrainingConfig.preset("quick").rule
        'proto-maml'
        """
        one_of("preset", name, PRESETS)
        return PRESETS[name]

    @classmethod
    def groups(cls) -> dict[str, list[Field]]:
        """Return the settings by group: data, network and so on.

        >>> [*ms.TrainingConfig.groups()][:3]
        ['data', 'network', 'inner loop']
        """
        groups: dict[str, list[Field]] = {}
        title = ""
        for f in fields(cls):
            title = TITLES.get(f.name, title)
            groups.setdefault(title, []).append(f)
        return groups

    @classmethod
    def from_mapping(cls, values: Mapping, source: str = "configuration") -> "TrainingConfig":
        """Return the settings in a dictionary, such as one read from JSON; `source` names it in
        errors.

        >>> ms.TrainingConfig.from_mapping({"inner_steps": 3}).inner_steps
        3
        """
        try:
            must("it", isinstance(values, Mapping), "named settings of a run", values)
            values = {k: v for k, v in values.items() if FORMER.get(k, cls) != v}
            if unknown := sorted(set(values) - set(cls.__dataclass_fields__)):
                names = ", ".join(repr(name)[:40] for name in unknown[:9])
                raise ValueError(f"unknown settings {names}; made by another version of minisnn?")
            return cls(**values)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{source}: {' '.join(str(error).split())[:400]}") from None

    def changes_from(self, other: "TrainingConfig") -> list[str]:
        """Describe the differences from other settings.

        >>> ms.TrainingConfig(inner_steps=3).changes_from(ms.TrainingConfig(inner_steps=1))
        ['inner_steps 1 -> 3']
        """
        pairs = ((f.name, other._meant(f.name), self._meant(f.name)) for f in fields(self))
        return [f"{name} {old} -> {new}" for name, old, new in pairs if old != new]

    def _meant(self, name: str) -> object:
        """Return the value of a setting, or its default if it is None."""
        value = getattr(self, name)
        usual = USUAL.get(name) if self.dataset not in AS_GIVEN else None
        return usual if value is None else value


def _explained(f: Field) -> str:
    """Format a setting with its default and meaning, for `help`."""
    text = f"{f.name}={f.default!r}   {f.metadata['help']}"
    return indent(fill(text, 92, subsequent_indent="    ", break_on_hyphens=False), " " * 8)


TrainingConfig.__doc__ = f"{TrainingConfig.__doc__}" + "\n".join(
    "\n".join([f"    {title}", *map(_explained, settings), ""])
    for title, settings in TrainingConfig.groups().items()
)

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
LONG = replace(  # of any data; for digits, quick is shorter
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
    # MAML that starts to learn reliably, at half of Table 1's width: the readout starts from zero,
    # and every array has its step size.
    "maml": _MAML,
    # For a quick start: class means on tasks of twenty classes from random weights, which need no
    # second order and learn several times as fast (Snell et al. 2017), then MAML's second order
    # from there (Proto-MAML). One camera: with this width and length many cameras cost more
    # accuracy than they bring, and tasks are aligned by their support. Half as long as LONG;
    # chosen by cross-validation over the classes that are not of the test.
    "quick": replace(LONG, updates=750, prototype_updates=640, lr=8e-3, window=20),
    # Table 1's width, a longer run, and another scene and camera for every recording.
    "paper-fast": replace(
        LONG,
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
