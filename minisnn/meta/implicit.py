"""Implicit MAML (Rajeswaran, Finn, Kakade & Levine 2019, NeurIPS): learns a task to the minimum of
a proximal problem, and differentiates that minimum instead of the steps that led to it.

With the support loss L_s, the query loss L_q, the start theta and lambda > 0 (`proximal`):

    phi  = argmin  L_s(phi) + lambda / 2 |phi - theta|^2               their Eq. 3
    0    = grad L_s(phi) + lambda (phi - theta)                        at phi, so that
    d phi / d theta = (I + H / lambda)^-1                              H = Hessian of L_s at phi (Lemma 1)
    meta-gradient   = (I + H / lambda)^-1 grad L_q(phi) = lambda y     (H + lambda) y = grad L_q(phi)

phi is found by gradient steps on the proximal problem, and y by conjugate gradients (Hestenes &
Stiefel 1952) with one Hessian-vector product per iteration. These require that H + lambda is
positive definite, that is, that phi is a minimum; a large enough lambda makes it one.

Frozen layers are constants of the problem. With A the parameters that adapt and F the frozen ones,

    meta-gradient_A = lambda y_A           (H_AA + lambda) y_A = grad_A L_q(phi)
    meta-gradient_F = grad_F L_q(phi) - H_FA y_A

The loss of a spiking network is piecewise constant and has no such minimum. As in MAML, gradient
and Hessian are the surrogate ones: phi is the point at which the surrogate gradient and the pull to
the start balance, and the meta-gradient is the true one of the jet twin at that point.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.dual import Array

from ..core.network import Network
from ..arguments import must, number, whole
from .inner import LIMITS, InnerLoop, twin
from .path import Adjoint, MetaGradient, Recorded, Step
from .tasks import Task

STEP_SIZE, STEPS = 0.05, 40
PROXIMAL = 1.0
CG_STEPS = 10
CONVERGED = 0.2  # largest residual without a warning; jumps of spikes make it about 0.1


class NegativeCurvature(ValueError):
    """The matrix A of conjugate gradients is not positive definite: `curvature` is <v, A v> / <v,
    v> < 0 for some direction v."""

    def __init__(self, message: str, curvature: float = math.nan):
        super().__init__(message)
        self.curvature = curvature


def conjugate_gradients(
    product: Callable[[Array], Array], b: Array, steps: int, tolerance: float
) -> Array:
    """Solve A y = b for a symmetric matrix A, given as the function product(v) = A v, using at most
    `steps` products.

    It starts from zero and ends when |b - A y| <= tolerance |b|. Sums are in float64, y has the
    dtype of b. Raises `NegativeCurvature` if <v, A v> <= 0 for a direction v. Warns if a residual
    of more than CONVERGED |b| is left.

    >>> from minisnn.meta.implicit import conjugate_gradients
    >>> A, b = np.diag([1.0, 2.0, 4.0]), np.ones(3)
    >>> conjugate_gradients(lambda v: A @ v, b, 3, 1e-12).round(12).tolist()
    [1.0, 0.5, 0.25]
    """
    y = np.zeros(len(b))
    rest = b.astype(np.float64)
    direction = rest.copy()
    square = float(rest @ rest)
    enough = tolerance**2 * square
    for _ in range(steps):
        if square <= enough:
            break
        along = product(direction.astype(b.dtype)).astype(np.float64)
        curvature = float(direction @ along)
        if curvature <= 0:
            found = curvature / float(direction @ direction)
            raise NegativeCurvature(
                f"the curvature along a direction is {found:.3g}, not positive", found
            )
        length = square / curvature
        y += length * direction
        rest -= length * along
        before = square
        square = float(rest @ rest)
        direction = rest + (square / before) * direction
    left = math.sqrt(square) / (np.linalg.norm(b) or 1)
    if left > CONVERGED:
        warnings.warn(
            f"conjugate gradients have not converged: after {steps} of them the residual is {left:.2g} "
            f"of the query gradient, expected at most {CONVERGED}; take more cg_steps (--cg-steps) "
            "or a larger proximal (--proximal)",
            stacklevel=2,
        )
    return y.astype(b.dtype)


@dataclass(frozen=True)
class ImplicitLoop(InnerLoop):
    """Implicit MAML's inner loop: steps on L_s + lambda / 2 |phi - theta|^2, of which only the last
    point is differentiated.

        theta_{n+1} = theta_n - a (grad L_s(theta_n) + lambda (theta_n - theta_0))        phi = theta_N

    proximal    lambda > 0, the strength of the pull to the start
    cg_steps    maximum number of conjugate-gradient iterations, each a Hessian-vector product
    tolerance   relative residual at which these end; None: 1e-10 in float64, 1e-5 in float32

    The meta-gradient is exact if phi is the minimum. `residual` measures the distance from it, and
    a warning reports more than 0.2 before the last step. The step size has no gradient, and Eq. 6's
    gates are not allowed, because phi would then depend on the steps. Raises ValueError for
    settings that do not fit, and `NegativeCurvature` if H + lambda is not positive definite.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> loop = ms.ImplicitLoop(proximal=10.0)
    >>> found = loop.meta_gradient(case.net, case.theta, case.task)
    >>> found.gradient.shape == case.theta.shape, found.step_size_gradient
    (True, 0.0)
    """

    step_size: float | Array = STEP_SIZE
    steps: int = STEPS
    proximal: float = PROXIMAL
    cg_steps: int = CG_STEPS
    tolerance: float | None = None

    def check(self, net: Network) -> None:
        """Raise ValueError if these settings do not fit the network."""
        super().check(net)
        must("proximal", number("proximal", self.proximal) > 0, "a positive number", self.proximal)
        whole("cg_steps", self.cg_steps, 1)
        must(
            "tolerance",
            self.tolerance is None or number("tolerance", self.tolerance) >= 0,
            "0 or more",
            self.tolerance,
        )
        for name, off in {**dict.fromkeys(LIMITS), "online": False}.items():
            given = getattr(self, name)
            why = "for implicit MAML, whose minimum does not depend on the way to it"
            must(name, given == off, f"{off} {why}", given)
        pulls = float(np.max(self.step_size)) * self.proximal
        must(
            "step_size times proximal", pulls < 2, "below 2, else steps do not come to rest", pulls
        )

    def update(self, theta: Array, start: Array, m: Array, g: Array) -> Array:
        """theta - a m (g + lambda (theta - start))"""
        return super().update(theta, start, m, self._pulled(theta, start, g))

    def update_backward(
        self, theta: Array, start: Array, m: Array, g: Array, lam: Array
    ) -> Adjoint:
        """Return the adjoints of `update`'s arguments; the meta-gradient does not use them."""
        back = self._times(m, lam, theta.dtype)
        pull = self.proximal * back
        return Adjoint(lam - pull, pull, -back, -(m * self._pulled(theta, start, g) * lam))

    def _descend(self, net, theta, *given) -> tuple[Array, list[Step]]:
        """Make the steps of `InnerLoop`, and warn if they have not converged."""
        phi, path = super()._descend(net, theta, *given)
        left = self._left(theta, path, path[-1].theta, path[-1].gradient) if path else 0.0
        if left > CONVERGED:
            warnings.warn(
                f"the inner steps have not converged: after {len(path)} of them the residual is "
                f"{left:.2g}, expected at most {CONVERGED}; take more steps (--inner-steps), or a "
                "smaller step_size (--step-size) if they jump around the minimum",
                stacklevel=3,
            )
        return phi, path

    def _left(self, start: Array, path: list[Step], theta: Array, g: Array) -> float:
        """Return the norm that the gradient of the proximal problem has at theta, relative to its
        norm at the start."""
        first = float(np.linalg.norm(path[0].gate * path[0].gradient))
        left = float(np.linalg.norm(path[0].gate * self._pulled(theta, start, g)))
        return left / first if first else 0.0

    def _pulled(self, theta: Array, start: Array, g: Array) -> Array:
        """Return the gradient of the proximal problem, which includes the pull to the start."""
        return g + theta.dtype.type(self.proximal) * (theta - start)

    def residual(self, net: Network, theta: Array, x: Array, y: Array) -> float:
        """|grad L_s + lambda (phi - theta)| at the adapted parameters phi, relative to that at
        theta: 0 at the minimum, 1 if nothing is learned.

        >>> net = ms.ConvNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> few, many = (ms.ImplicitLoop(0.2, n, proximal=1.0) for n in (1, 20))
        >>> many.residual(net, theta, x, y) < few.residual(net, theta, x, y) < 1
        True
        """
        phi, path = super()._descend(net, theta, x, y)
        if not path:
            return 1.0
        return self._left(theta, path, phi, net.loss_and_gradient(phi, x, y).gradient)

    def meta_gradient(
        self,
        net: Network,
        theta: Array,
        task: Task,
        order: int = 2,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> MetaGradient:
        """Return (I + H / lambda)^-1 grad L_q(phi), the gradient of `loss` if phi is the minimum;
        with order=1, grad L_q(phi). The gradient of the step sizes is zero."""
        must("order", whole("order", order) in (1, 2), "1 (without the Hessian) or 2", order)
        must("steps", self.steps, "at least 1 for implicit MAML", self.steps)
        support = task.x_support, task.y_support
        phi, path = self._descend(net, theta, *support, False, spike, recorded)
        before = path[0].logits
        del path
        loss, gradient, after, _ = net.gradients(
            phi, task.x_query, task.y_query, False, **twin(spike, recorded, -1)
        )
        if order == 2:
            hvp = net.gradients(phi, *support, True, **twin(spike, recorded, -2)).hvp
            gradient = self._through_minimum(net, hvp, gradient)
        return MetaGradient(loss, gradient, self._no_step(net), before, after)

    def _through_minimum(self, net: Network, hvp: Callable[[Array], Array], g: Array) -> Array:
        """Return (d phi / d theta)^T g, computed by conjugate gradients."""
        strength = net.dtype.type(self.proximal)
        m = self.gate(net, g)
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = 1e-10 if net.dtype == np.float64 else 1e-5

        def product(v: Array) -> Array:
            return m * hvp(v) + strength * v

        try:
            y = conjugate_gradients(product, m * g, self.cg_steps, tolerance)
        except NegativeCurvature as met:
            least = self.proximal - met.curvature
            raise NegativeCurvature(
                f"the support loss has a curvature of {-least:.3g} at the parameters that were "
                f"learned, and a proximal term of {self.proximal:g} does not compensate for it, so "
                f"they are not a minimum; use a larger proximal (--proximal), above {least:.3g}",
                met.curvature,
            ) from None
        gradient = strength * y
        if not m.all():  # some layers are frozen, or constants change only in the outer loop
            gradient += (1 - m) * (g - hvp(y))
        return gradient

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """Return the records of `InnerLoop.record`, with one more before the query's record: that
        of the support set at phi, which the Hessian needs."""
        found = super().record(net, theta, task)
        phi = self.adapt(net, theta, task.x_support, task.y_support)
        support = net.record(phi, task.x_support)
        return Recorded([*found.records[:-1], support, found.records[-1]], found.gates)
