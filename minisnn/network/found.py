"""What the methods of a network return."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from .engine import Array


class LossAndGradient(NamedTuple):
    """Mean loss over the batch, and its gradient, flat like theta."""

    loss: float
    gradient: Array


Product = Callable[[Array], Array]  # v -> H v, both flat
Hvp = TypeVar("Hvp", Product, None, Product | None)


class Gradients(NamedTuple, Generic[Hvp]):
    """Mean loss over the batch, its gradient, the logits (B, ways), and `hvp(v)` = H v; None where
    it was not asked for."""

    loss: float
    gradient: Array
    logits: Array
    hvp: Hvp


class Features(NamedTuple):
    """p (B, F), what the readout weighs, and its pullback: dp (B, F) -> (dp / dtheta)^T dp, flat
    and zero in the readout."""

    p: Array
    pullback: Callable[[Array], Array]


class Jvp(NamedTuple):
    """The logits (B, ways), and their directional derivative."""

    logits: Array
    logits_dot: Array


class Adjoints(NamedTuple):
    """J^T dlogits: of the parameters, flat like theta, and of the event counts, in the shape of
    x."""

    dtheta: Array
    dx: Array


class Vjp(NamedTuple):
    """The logits (B, ways), and their pullback: dlogits (B, ways) -> `Adjoints`."""

    logits: Array
    pullback: Callable[[Array], Adjoints]


class Linearized(NamedTuple):
    """A network at one theta and x: the logits (B, ways), and products with their Jacobian J.

    jvp(theta_dot, x_dot)   logits_dot (B, ways); either may be None, which is zero
    vjp(dlogits)            `Adjoints`
    """

    logits: Array
    jvp: Callable[..., Array]
    vjp: Callable[[Array], Adjoints]
