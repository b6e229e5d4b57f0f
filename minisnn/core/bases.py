"""Base classes of surrogates, neurons and losses: what each must define, and the checks of their
constants."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar

from ..arguments import must, number

SLOPE = 10.0
OWN = "own"  # the kind of a custom neuron, which files cannot store
FIRST = "lif"  # the kind of a neuron in files without a kind, which version 0.1 wrote


def in_words(part: Any) -> str:
    """Describe a surrogate or a loss by its class and its attributes."""
    values = ", ".join(f"{name}={value!r}" for name, value in vars(part).items())
    return f"{type(part).__name__}({values})"


class Surrogate:
    """A surrogate derivative: three functions of an array a = u - threshold. Each works element by
    element, and returns an array of the same dtype.

    sigma(a)    a primitive of `prime`: the spike in the smooth form
    prime(a)    the derivative of the spike
    second(a)   the derivative of `prime`, the spike's curvature
    kinks       values of a at which `second` jumps: checks of the smooth form avoid them

    >>> class Triangle(ms.Surrogate):
    ...     kinks = (-1.0, 0.0, 1.0)
    ...     def sigma(self, a):
    ...         return np.where(abs(a) < 1, a - a * abs(a) / 2, np.sign(a) / 2)
    ...     def prime(self, a):
    ...         return np.maximum(1 - abs(a), 0)
    ...     def second(self, a):
    ...         return np.where(abs(a) < 1, -np.sign(a), 0)
    >>> neuron = ms.LIF(surrogate=Triangle())
    >>> net = ms.SpikingNet((4,), (), ways=2, neuron=neuron, window=8, backend="numpy")
    >>> ms.gradcheck.check(net, inner_steps=()).ok
    True
    """

    kinks: tuple[float, ...] = ()
    sigma: Callable[[Any], Any]
    prime: Callable[[Any], Any]
    second: Callable[[Any], Any]
    __repr__ = in_words


class Loss:
    """A loss, computed from the logits (B, ways), or (B, n, ways) with readout="steps", and the
    targets y. To write a loss of your own, subclass `Loss` and define:

    value(logits, y)                           the mean loss over the samples, a number. Large
                                               batches come in parts, so a sample's loss must not
                                               depend on the others
    backward(logits, y)                        its gradient dlogits, in the shape of the logits
    backward_tangent(logits, logits_dot, y)    the directional derivative of that gradient along
                                               logits_dot

    one_hot   True: y has the shape and dtype of the logits; labels become one-hot rows, and
              real-valued targets are accepted. False: y is (B,) labels, nothing else

    >>> class Quartic(ms.Loss):
    ...     def value(self, logits, y):
    ...         return ((logits - y) ** 4).sum() / len(y)
    ...     def backward(self, logits, y):
    ...         return 4 * (logits - y) ** 3 / len(y)
    ...     def backward_tangent(self, logits, logits_dot, y):
    ...         return 12 * (logits - y) ** 2 * logits_dot / len(y)
    >>> net = ms.SpikingNet((4,), (), ways=2, loss=Quartic(), window=8)
    >>> ms.gradcheck.check(net, inner_steps=()).ok
    True
    """

    one_hot: bool = True
    kind: str  # the name of a built-in loss in settings and files
    value: Callable
    backward: Callable
    backward_tangent: Callable
    __repr__ = in_words

    @property
    def name(self) -> str:
        """The loss's name in files and messages.

        >>> ms.SpikingNet((4,), (), ways=2, loss="squared").criterion.name
        'squared'
        """
        return vars(type(self)).get("kind") or repr(self)


class Constants:
    """A neuron's constants, and those of its properties, besides its step (see `neuron.Dynamics`),
    that a network needs. A subclass is a frozen dataclass of floats, and sets

    states      names of its states z
    learnable   names of constants of its step that can be learned, in the order of dk
    delay       steps from a spike to the membranes it reaches: 2, one for each of the synapse's
                filters (`LIF`), or 0 (`CubaLIF`)
    decaying    names of further constants in [0, 1), whose logits are in theta where they are
                learned; those of its base classes are kept
    pools       how a layer implements the poolings "max" and "mean": on the membrane, or as the
                mean of the "spikes"
    fires       False if it never spikes, which is allowed in a readout
    """

    states: ClassVar[tuple[str, ...]] = ()
    learnable: ClassVar[tuple[str, ...]] = ()
    delay: ClassVar[int] = 2
    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "mean"}
    fires: ClassVar[bool] = True
    learns: ClassVar[bool] = True  # whether a step must compute dk
    forward: ClassVar[Callable]
    backward: ClassVar[Callable]
    alpha: float
    beta: float
    slope: Any
    surrogate: Any = None

    def __init_subclass__(cls, **more: Any) -> None:
        """Add the names that the base classes list in `decaying` to those of the new class.

        Raises ValueError for a custom class with a `kind`, which would be read from files as the
        built-in neuron of that name.
        """
        super().__init_subclass__(**more)
        if "kind" in vars(cls) and cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            raise ValueError(
                f"{cls.__name__} has the kind {vars(cls)['kind']!r}, which names a built-in "
                "neuron; leave kind out, and give files the neuron again: read(path, neuron=...)"
            )
        inherited = [name for base in cls.__mro__[1:] for name in getattr(base, "decaying", ())]
        cls.decaying = tuple(dict.fromkeys((*inherited, *cls.decaying)))

    def __post_init__(self) -> None:
        kind = type(self).__name__
        constants = {name: a for name, a in self._constants().items() if name != "surrogate"}
        for name, a in constants.items():
            a = number(f"{kind} {name}", a)
            object.__setattr__(self, name, a)
            must(f"{kind} {name}", name not in self.decaying or 0 <= a < 1, "in [0, 1)", a)
            what = "other than 0, which would remove the input"
            must(f"{kind} {name}", name != "gain" or a, what, a)
            must(f"{kind} {name}", name != "slope" or a > 0, "positive", a)
        if self.surrogate is not None:
            what = "a minisnn.Surrogate with sigma, prime and second"
            must(f"{kind} surrogate", isinstance(self.surrogate, Surrogate), what, self.surrogate)
            what = "left out where a surrogate is given, which takes its place"
            must(f"{kind} slope", constants.get("slope", SLOPE) == SLOPE, what, self.slope)

    def __repr__(self) -> str:
        constants = ", ".join(f"{name}={value!r}" for name, value in self._constants().items())
        return f"{type(self).__name__}({constants})"

    def _constants(self) -> dict[str, Any]:
        constants = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {name: a for name, a in constants.items() if name != "surrogate" or a is not None}

    def configuration(self) -> dict[str, Any]:
        """Return plain values from which `architecture.neuron_of` rebuilds the neuron. For a custom
        neuron this is only its repr."""
        kind = self.says("kind")
        if not kind:
            return {"kind": OWN, "words": repr(self)}
        constants = self._constants()
        if "surrogate" in constants:
            constants["surrogate"] = repr(constants["surrogate"])
        return constants if kind == FIRST else {"kind": kind, **constants}

    def says(self, what: str) -> str:
        """Return the class's name (not a base class's) in files ("kind"), in other tools ("nir") or
        in integer models ("chip"); empty if there is none.

        >>> ms.CubaLIF().says("nir"), ms.LIF().says("nir")
        ('CubaLIF', '')
        """
        return vars(type(self)).get(what, "")

    @property
    def ships(self) -> bool:
        """True if both the neuron and its surrogate are built in."""
        return bool(self.says("kind")) and self.surrogate is None
