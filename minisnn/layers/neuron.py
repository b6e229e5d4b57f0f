"""What every neuron is: constants, checked, and the four passes of one step.

    forward(I, z, spike) -> (u, z')                   u the membrane, spike(u) its spike, z' the states
                                                      of the next step
    backward(at, du, dz) -> (dI, dz)                  from the adjoints of u and z' to those of I and z
    forward_tangent(at, I_dot, z_dot) -> (u_dot, z_dot')
    backward_tangent(at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot)

`lif` and `cuba` are the neurons that ship, `Neuron` is the base of your own. Nothing else in the
library knows what a neuron does in a step. Each says

    states    names of its states z
    delay     steps from a spike to the membranes it reaches, one for each of the synapse's filters, or 0
    decays    of the synapse's filters, the first one first
    readout   what the readout of a network of such neurons is given
    pools     how a block pools where the network is asked for "max" or "mean": of the membrane, or
              the mean of the "spikes"
    spike     the surrogate of its spike
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..parallel.arguments import number, shown
from . import surrogate as jets

Array = np.ndarray
PASSES = ("forward", "backward", "forward_tangent", "backward_tangent")
SLOPE = 10.0
OWN = "own"  # a neuron's kind that no file can name
FIRST = "lif"  # what a file means that names no kind, as those of version 0.1


class At:
    """A step where its derivatives are taken: the current I, the states z before it, the membrane u,
    and value, slope and curvature of its spike (slope and curvature zero where the reset is
    detached), each computed when it is first asked for. Arrays (B, H, W, C)."""

    def __init__(self, I: Array, z: tuple[Array, ...], u: Array, spike: "Callable[[Any], Array]"):
        self.I = I
        self.z = z
        self.u = u
        self._jet = spike

    @cached_property
    def spike(self) -> Array:
        return self._jet(jets.value)

    @cached_property
    def slope(self) -> Array:
        return self._jet(jets.derivative)

    @cached_property
    def curvature(self) -> Array:
        return self._jet(jets.curvature)


class Dot(NamedTuple):
    """Directional derivatives at a step of I, z and u."""

    I: Array
    z: tuple[Array, ...]
    u: Array


class Dynamics:
    """Constants: finite floats, decays in [0, 1), a positive slope; and what a step needs of a
    neuron, which its class says. Those that fire may have a surrogate of their own."""

    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    states: ClassVar[tuple[str, ...]] = ()
    delay: ClassVar[int] = 2
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "mean"}
    alpha: float
    beta: float
    forward: ClassVar[Callable]
    backward: ClassVar[Callable]
    forward_tangent: ClassVar[Callable]
    backward_tangent: ClassVar[Callable]

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
        if not isinstance(found, jets.Surrogate):
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
    def spike(self) -> "Surrogate":
        """The surrogate of the neuron's spike."""
        return getattr(self, "surrogate", None) or jets.FastSigmoid(getattr(self, "slope", SLOPE))

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
        kind = vars(type(self)).get("kind")
        if kind is None:
            return {"kind": OWN, "words": repr(self)}
        constants = self._constants()
        if "surrogate" in constants:
            constants["surrogate"] = repr(constants["surrogate"])
        return {**({} if kind == FIRST else {"kind": kind}), **constants}

    @property
    def decays(self) -> tuple[float, ...]:
        """Of the synapse's filters: the current's, and where it delays the membrane's."""
        return (self.beta, self.alpha) if self.delay else (self.beta,)

    @property
    def readout(self) -> Any:
        """The neuron of the readout."""
        if self.delay:
            return self
        from .cuba import LeakyIntegrator

        return LeakyIntegrator(self.alpha, self.beta)


@dataclass(frozen=True, repr=False)
class Neuron(Dynamics):
    """The base of a neuron of your own: its constants, and the four passes of ONE step.

    It is a dataclass (frozen=True) whose constants are all floats. The passes work element by
    element: no site sees another. `states` names the states z, which are zero at the start:

        forward(I, z, spike) -> (u, z')
        backward(at, du, dz) -> (dI, dz)
        forward_tangent(at, I_dot, z_dot) -> (u_dot, z_dot')
        backward_tangent(at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot)

    forward gives the membrane u, whose spike is spike(u), and the states z' of the next step;
    backward goes from the adjoints of u and z' to those of I and z, and backward_tangent is
    `backward` differentiated line by line.

    z, dz, … are tuples; `at` is an `At`, `dot` a `Dot`. Adjoints of the spike continue by at.slope,
    and their tangents also by at.curvature dot.u. The passes need not know whether the reset is
    detached, which twin is computed, or where the window begins.

    I is W p_t + b of presynaptic traces as of `LIF`, with its delay of two steps. In a class with
    `delay = 0` it is the current i_t = beta i_{t-1} + (1 - beta) (W x_t + b) of `CubaLIF`, and the
    readout is then a `LeakyIntegrator`. Networks of such neurons run on the NumPy backend; other
    tools and chips do not know them. `gradcheck.check(net)` proves the passes.

    >>> class Plain(ms.Neuron):
    ...     def forward(self, I, z, spike):
    ...         return I, z
    ...     def backward(self, at, du, dz):
    ...         return du, dz
    ...     def forward_tangent(self, at, I_dot, z_dot):
    ...         return I_dot, z_dot
    ...     def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
    ...         return du_dot, dz_dot
    >>> net = ms.SpikingNet((4,), (), ways=2, neuron=Plain(), window=8)
    >>> net.backend, ms.gradcheck.check(net, inner_steps=()).ok
    ('numpy', True)
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.0
    slope: float = SLOPE
    gain: float = 10.0
    surrogate: "jets.Surrogate | None" = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        lacks = [name for name in PASSES if not callable(getattr(self, name, None))]
        if lacks:
            raise ValueError(
                f"{type(self).__name__} lacks {', '.join(lacks)}; a neuron has the passes "
                f"{', '.join(PASSES)}"
            )
        if self.delay not in (0, 2):
            raise ValueError(
                f"{type(self).__name__} delay must be 2 (traces as of LIF) or 0 (a current), not "
                f"{self.delay!r}"
            )
