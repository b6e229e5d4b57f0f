"""What every neuron is: constants, checked, and the four passes of one step.

    forward(I, z, spike) -> (u, z')
    backward(at, du, dz) -> (dI, dz)
    forward_tangent(at, I_dot, z_dot) -> (u_dot, z_dot')
    backward_tangent(at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot)

u is the membrane, spike(u) its spike, z' the states of the next step. `backward` goes from the
adjoints of u and z' to those of I and z. `lif` and `cuba` are the neurons that ship,
`neurons.Neuron` is the base of your own. Each says

    states    names of its states z
    learnable names of constants of the step that may be learned: they follow the states in z, and
              stay as they are
    delay     steps from a spike to the membranes it reaches: one for each of the synapse's filters,
              or 0
    decays    of the synapse's filters, the first one first
    readout   what the readout of a network of such neurons is given
    pools     how a block pools where the network is asked for "max" or "mean": of the membrane, or
              the mean of the "spikes"
    spike     the surrogate of its spike
    fires     whether it has a spike at all; a readout need not
    scales    whether its spikes stay where current and threshold are scaled alike

and, where `says` asks, what it is to others, for which it is not enough to be made of a class that
says so, as that one's equations may have changed:

    kind      the name by which files and command lines know it; only neurons that ship have one
    nir       the neuron of NIR with the same equations
    chip      the integer model that computes it, of `minisnn.hardware`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ..arguments import number, shown
from ..parallel.once import once

if TYPE_CHECKING:
    from numpy import ndarray as Array

    from .surrogate import Surrogate

PASSES = ("forward", "backward", "forward_tangent", "backward_tangent")
SLOPE = 10.0
OWN = "own"  # a neuron's kind that no file can name
FIRST = "lif"  # what a file means that names no kind, as those of version 0.1


class At:
    """A step where its derivatives are taken: the current I, the states z before it, the membrane u,
    the constants that may be learned; and value, slope and curvature of its spike, each computed
    when it is first asked for.

    Slope and curvature are zero where the reset is detached. Arrays (B, H, W, C).
    """

    def __init__(
        self,
        I: Array,
        z: tuple[Array, ...],
        u: Array,
        constants: tuple[Array, ...],
        spike: Callable[[str], Array],
    ):
        self.I = I
        self.z = z
        self.u = u
        self.constants = constants
        self._jet = spike

    @once
    def spike(self) -> Array:
        """Its value, 1 or 0."""
        return self._jet("value")

    @once
    def slope(self) -> Array:
        """Its first derivative by u."""
        return self._jet("derivative")

    @once
    def curvature(self) -> Array:
        """Its second derivative by u."""
        return self._jet("curvature")


class Dot(NamedTuple):
    """Directional derivatives at a step of I, z, u and the constants that may be learned."""

    I: Array
    z: tuple[Array, ...]
    u: Array
    constants: tuple[Array, ...] = ()


class Dynamics:
    """Constants: finite floats, decays in [0, 1), a positive slope; and what a step needs of a
    neuron, which its class says. Those that fire may have a surrogate of their own."""

    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    states: ClassVar[tuple[str, ...]] = ()
    learnable: ClassVar[tuple[str, ...]] = ()
    delay: ClassVar[int] = 2
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "mean"}
    fires: ClassVar[bool] = True
    scales: ClassVar[bool] = False
    alpha: float
    beta: float
    kind: ClassVar[str]
    forward: ClassVar[Callable]
    backward: ClassVar[Callable]
    forward_tangent: ClassVar[Callable]
    backward_tangent: ClassVar[Callable]

    def __init_subclass__(cls, **more: Any) -> None:
        """What decays in a class decays in those made of it: your own neuron names what it adds.

        Raises ValueError for a `kind`, by which a file would give back the neuron that ships.
        """
        super().__init_subclass__(**more)
        if "kind" in vars(cls) and cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            raise ValueError(
                f"{cls.__name__} has the kind {cls.kind!r}, which names a neuron that ships; leave "
                "kind out, and give files the neuron again: load(path, neuron=...)"
            )
        inherited = [name for base in cls.__mro__[1:] for name in getattr(base, "decaying", ())]
        cls.decaying = tuple(dict.fromkeys((*inherited, *cls.decaying)))

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for f in fields(self):  # type: ignore[arg-type]
            v = getattr(self, f.name)
            if f.name == "surrogate":
                self._check_surrogate(v, f"{kind} surrogate")
                continue
            object.__setattr__(self, f.name, number(f"{kind} {f.name}", v))
        for name in self.decaying:
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{kind} {name} must lie in [0, 1), not {getattr(self, name)}")
        if getattr(self, "gain", 1) == 0:
            raise ValueError(f"{kind} gain must not be 0, with which a network sees nothing")
        slope = getattr(self, "slope", 1)
        if slope <= 0:
            raise ValueError(f"{kind} slope must be positive, not {slope}")

    def _check_surrogate(self, found: Any, name: str) -> None:
        if found is None:
            return
        from .surrogate import Surrogate

        if not isinstance(found, Surrogate):
            raise ValueError(
                f"{name} must be a minisnn.Surrogate with sigma, prime and second, not "
                f"{shown(found)}"
            )
        if getattr(self, "slope", SLOPE) != SLOPE:
            raise ValueError(
                f"{name} is given, so slope, that of the surrogate in its place, has no effect; "
                "leave one of them out"
            )

    @property
    def spike(self) -> Surrogate:
        """The surrogate of the neuron's spike."""
        from .surrogate import FastSigmoid

        return getattr(self, "surrogate", None) or FastSigmoid(getattr(self, "slope", SLOPE))

    def __repr__(self) -> str:
        constants = ", ".join(f"{name}={value!r}" for name, value in self._constants().items())
        return f"{type(self).__name__}({constants})"

    def _constants(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in vars(self).items()
            if name != "surrogate" or value is not None
        }

    def configuration(self) -> dict[str, Any]:
        """What `neurons.neuron_of` makes the neuron from; of parts of your own the words alone."""
        kind = self.says("kind")
        if not kind:
            return {"kind": OWN, "words": repr(self)}
        constants = self._constants()
        if "surrogate" in constants:
            constants["surrogate"] = repr(constants["surrogate"])
        return {**({} if kind == FIRST else {"kind": kind}), **constants}

    @property
    def carried(self) -> tuple[str, ...]:
        """What z holds: states, and constants that may be learned.

        >>> ms.LIF().carried, ms.LIF().learning(("gamma",)).carried
        (('r',), ('r', 'gamma'))
        """
        return self.states + self.learnable

    @property
    def filtering(self) -> tuple[str, ...]:
        """Constants that are the decays of the synapse's filters: the current's, and where it
        delays the membrane's.

        >>> ms.LIF().filtering, ms.CubaLIF().filtering
        (('beta', 'alpha'), ('beta',))
        """
        return ("beta", "alpha") if self.delay else ("beta",)

    @property
    def decays(self) -> tuple[float, ...]:
        """Of the synapse's filters."""
        return tuple(getattr(self, name) for name in self.filtering)

    def learning(self, names: tuple[str, ...]) -> Any:
        """The neuron whose constants of these names are learned.

        >>> ms.LIF().learning(("alpha",)) == ms.LIF()  # alpha is the synapse's
        True
        """
        return self

    @property
    def readout(self) -> Any:
        """The neuron of the readout."""
        return self

    @property
    def silent_bias(self) -> float:
        """A bias with which it does not fire as long as a step that learns is small."""
        return 0.0

    def says(self, what: str) -> str:
        """What its own class says that it is to files ("kind"), other tools ("nir") and integer
        models ("chip"); empty where it says nothing.

        >>> ms.CubaLIF().says("nir"), ms.LIF().says("nir")
        ('CubaLIF', '')
        """
        return vars(type(self)).get(what, "")

    @property
    def named(self) -> bool:
        """Whether a file can name it by a kind."""
        return bool(self.says("kind"))

    @property
    def ships(self) -> bool:
        """Whether neuron and surrogate are minisnn's own."""
        return self.named and getattr(self, "surrogate", None) is None
