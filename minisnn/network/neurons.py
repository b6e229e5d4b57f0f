"""What a network may be given as its neuron: one that a file can name by its kind, or one of your
own, whose class has the four passes of a step (`neuron`)."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..layers.cuba import LeakyIntegrator
from ..layers.neuron import FIRST, OWN, PASSES, SLOPE, Dynamics

if TYPE_CHECKING:
    from ..layers.surrogate import Surrogate

NEURONS = {"lif": "LIF", "cuba": "CubaLIF"}  # a kind is a file of this room, which has its class


def class_of(kind: str) -> Any:
    """The class of a kind of neuron. Raises ValueError where there is none."""
    if kind not in NEURONS:
        raise ValueError(f"the neuron's kind must be one of {', '.join(NEURONS)}, not {kind!r}")
    return getattr(import_module(f"..layers.{kind}", __package__), NEURONS[kind])


def neuron_of(configuration: dict[str, Any]) -> Any:
    """The neuron of a `configuration()`; without a "kind" it is an LIF, as in checkpoints of
    version 0.1."""
    constants = dict(configuration)
    kind = constants.pop("kind", FIRST)
    if kind == OWN or "surrogate" in constants:
        what = (
            f"neuron is {constants.get('words')}"
            if kind == OWN
            else f"neuron has the surrogate {constants['surrogate']}"
        )
        raise ValueError(
            f"the network's {what}, an object of your own; in Python: load(path, neuron=...)"
        )
    return class_of(kind)(**constants)


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
    readout is then a `LeakyIntegrator`. A class in a file is compiled, and runs on the numba backend;
    one that was typed into a console runs on NumPy. Other tools and chips do not know them.
    `gradcheck.check(net)` proves the passes.

    >>> class Plain(ms.Neuron):
    ...     def forward(self, I, z, spike):
    ...         return I, z
    ...     def backward(self, at, du, dz):
    ...         return du, dz
    ...     def forward_tangent(self, at, I_dot, z_dot):
    ...         return I_dot, z_dot
    ...     def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
    ...         return du_dot, dz_dot
    >>> net = ms.SpikingNet((4,), (), ways=2, neuron=Plain(), window=8, backend="numpy")
    >>> ms.gradcheck.check(net, inner_steps=()).ok
    True
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.0
    slope: float = SLOPE
    gain: float = 10.0
    surrogate: "Surrogate | None" = field(default=None, kw_only=True)

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

    @property
    def readout(self) -> Any:
        """The neuron of the readout."""
        return self if self.delay else LeakyIntegrator(self.alpha, self.beta)
