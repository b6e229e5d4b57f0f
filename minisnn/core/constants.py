"""What a neuron and a surrogate are to those who make them: constants, checked; and to files, their
names."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar

from ..arguments import must, number

SLOPE = 10.0
OWN = "own"  # a neuron's kind that no file can name
FIRST = "lif"  # the kind of a file that names none, as those of version 0.1


class Surrogate:
    """A surrogate derivative: three functions of arrays a = u - threshold, element by element, in
    a's dtype.

    sigma(a)    a primitive of `prime`: the spike of the smooth form
    prime(a)    the derivative that a spike is given
    second(a)   the derivative of `prime`
    kinks       where `second` jumps, if anywhere: checks of the smooth form keep clear of these a

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

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({values})"


class Constants:
    """What the network asks of a neuron (`neuron.Dynamics`). Its class is a frozen dataclass of floats, and says

    states      names of its states z
    learnable   names of constants of its step that can be learned, in the order of dk
    delay       steps from a spike to the membranes it reaches: 2, one for each of the synapse's
                filters (`LIF`), or 0 (`CubaLIF`)
    decaying    names of constants that lie in [0, 1); those of the classes it is made of stay
    pools       how a layer pools where it is asked for "max" or "mean": of the membrane, or the
                mean of the "spikes"
    fires       whether it has a spike at all; a readout need not
    scales      whether its spikes stay where current and threshold are scaled alike
    """

    states: ClassVar[tuple[str, ...]] = ()
    learnable: ClassVar[tuple[str, ...]] = ()
    delay: ClassVar[int] = 2
    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "mean"}
    fires: ClassVar[bool] = True
    scales: ClassVar[bool] = False
    learns: ClassVar[bool] = True  # in a step: whether anybody asks for dk
    forward: ClassVar[Callable]
    backward: ClassVar[Callable]
    alpha: float
    beta: float
    slope: Any
    surrogate: Any = None

    def __init_subclass__(cls, **more: Any) -> None:
        """What decays in a class decays in those made of it: your own neuron names what it adds.

        Raises ValueError for a `kind`, by which a file would give back the neuron that ships.
        """
        super().__init_subclass__(**more)
        if "kind" in vars(cls) and cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            raise ValueError(
                f"{cls.__name__} has the kind {vars(cls)['kind']!r}, which names a neuron that "
                "ships; leave kind out, and give files the neuron again: read(path, neuron=...)"
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
            must(
                f"{kind} {name}", name != "gain" or a, "other than 0, with which it sees nothing", a
            )
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
        """What `neuron_of` makes the neuron from; of parts of your own the words only."""
        kind = self.says("kind")
        if not kind:
            return {"kind": OWN, "words": repr(self)}
        constants = self._constants()
        if "surrogate" in constants:
            constants["surrogate"] = repr(constants["surrogate"])
        return constants if kind == FIRST else {"kind": kind, **constants}

    def says(self, what: str) -> str:
        """What its own class says that it is to files ("kind"), other tools ("nir") and integer
        models ("chip"); empty where it says nothing.

        >>> ms.CubaLIF().says("nir"), ms.LIF().says("nir")
        ('CubaLIF', '')
        """
        return vars(type(self)).get(what, "")

    @property
    def ships(self) -> bool:
        """Whether neuron and surrogate are minisnn's own."""
        return bool(self.says("kind")) and self.surrogate is None
