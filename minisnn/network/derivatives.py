"""Products with a network's Jacobian, for uses beside meta-learning: along parameters and events,
forwards and backwards; Gauss-Newton and Fisher products.

With z(theta, x) the logits (B, ways) and J = dz / d(theta, x), by the passes of the blocks:

    logits_dot   = J (theta_dot, x_dot)                   forward, then its tangent
    (dtheta, dx) = J^T dlogits                            forward, then backward
    G v          = J^T H_loss J v                         both, J with respect to theta, and H_loss
                                                          the Hessian of the loss in the logits

x is event counts; the first block takes gain times these. Steps before the gradient window are
constants, so that dx is zero there.
"""

from typing import Any

import numpy as np

from ..layers.loss import cross_entropy_backward_tangent
from ..arguments import array
from ..parallel.threads import in_order
from .engine import Array, Record, Tape
from .found import Adjoints, Jvp, Linearized, Product, Vjp
from .layout import NotFinite
from .loops import Passes, Sums

__all__ = ["Derivatives"]


class Derivatives(Passes):
    """What `Network` inherits: products with the Jacobian of its logits.

    Derivatives of spikes are surrogate ones, as everywhere; spike="jet" or "smooth" with
    record=net.record(theta, x) gives those of a twin. Methods raise ValueError for arguments that
    do not fit, and `NotFinite` for values that are not finite.
    """

    def jvp(
        self,
        theta: Array,
        x: Array,
        theta_dot: Array | None = None,
        x_dot: Array | None = None,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Jvp:
        """(logits, logits_dot): the directional derivative of the logits, J (theta_dot, x_dot).

            logits_dot = (dz / dtheta) theta_dot + (dz / dx) x_dot

        theta_dot   flat like theta; None: zero
        x_dot       real numbers in the shape of x; None: zero. What it has before the gradient
                    window counts nothing

        For several directions at one theta and x see `linearize`. Source: forward mode, Griewank &
        Walther 2008, Evaluating Derivatives, chapter 3.

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> logits, logits_dot = net.jvp(theta, x, x_dot=np.ones(x.shape))
        >>> logits.shape, logits_dot.shape
        ((3, 3), (3, 3))
        """
        found = self.linearize(theta, x, spike=spike, record=record)
        return Jvp(found.logits, found.jvp(theta_dot, x_dot))

    def vjp(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Vjp:
        """(logits, pullback); pullback(dlogits) = (dtheta, dx), for any number of dlogits, each
        (B, ways).

            dtheta = (dz / dtheta)^T dlogits      flat like theta, summed over the batch
            dx     = (dz / dx)^T dlogits          in the shape of x, with respect to event counts

        dx says what one more event, anywhere, would do to <dlogits, logits>: with the loss's
        dlogits (`net.criterion.backward(logits, y)`) to the loss, with a one for a class to its
        logit. It is zero before the gradient window, and in the last steps too where neurons delay.
        theta and x must not change before the last call. Source: reverse mode, Griewank & Walther
        2008, chapter 3; as a picture of what a network looks at, Simonyan, Vedaldi & Zisserman 2014
        (ICLR workshop).

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> logits, pullback = net.vjp(theta, x)
        >>> dtheta, dx = pullback(net.criterion.backward(logits, y))
        >>> np.allclose(dtheta, net.loss_and_gradient(theta, x, y).gradient), dx.shape == x.shape
        (True, True)
        """
        found = self.linearize(theta, x, spike=spike, record=record)
        return Vjp(found.logits, found.vjp)

    def linearize(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Linearized:
        """(logits, jvp, vjp): products with the Jacobian at one theta and x, for any number of
        directions and adjoints from one forward pass.

            jvp(theta_dot, x_dot) = J (theta_dot, x_dot)          either may be left out
            vjp(dlogits)          = J^T dlogits = (dtheta, dx)

        The two are each other's adjoints: <dlogits, jvp(a, b)> = <dtheta, a> + <dx, b>. theta and x
        must not change before the last call, and tapes are kept as for a Hessian-vector product.

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> at = net.linearize(theta, x)
        >>> a, dlogits = np.ones(net.size), np.ones((3, 3))
        >>> bool(np.isclose(np.vdot(dlogits, at.jvp(a)), np.vdot(at.vjp(dlogits).dtheta, a)))
        True
        """
        at = _Point(self, theta, x, spike, record)

        def jvp(theta_dot: Array | None = None, x_dot: Array | None = None) -> Array:
            if theta_dot is None and x_dot is None:
                raise ValueError("jvp needs theta_dot, x_dot or both; both are None")
            return at.push(theta_dot, x_dot)

        def vjp(dlogits: Array) -> Adjoints:
            return Adjoints(*at.pull(dlogits, True))

        return Linearized(at.logits, jvp, vjp)

    def gauss_newton(
        self,
        theta: Array,
        x: Array,
        y: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Product:
        """v -> G v, the Gauss-Newton products of `gauss_newton_product`, for any number of v from
        one forward pass.

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> G = net.gauss_newton(theta, x, y)
        >>> v = np.ones(net.size)
        >>> np.allclose(G(2 * v), 2 * G(v))
        True
        """
        at = _Point(self, theta, x, spike, record)
        y = self._target(y, len(at.logits))

        def product(v: Array) -> Array:
            logits_dot = at.push(v, None, "v")
            return at.pull(self.criterion.backward_tangent(at.logits, logits_dot, y), False)[0]

        return product

    def gauss_newton_product(
        self,
        theta: Array,
        x: Array,
        y: Array,
        v: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Array:
        """G v = J^T H_loss J v, flat like theta: the (generalised) Gauss-Newton matrix of the mean
        loss times v.

        J = dz / dtheta, and H_loss is the Hessian of the loss in the logits, as
        `net.criterion.backward_tangent` has it. G is the Hessian less what the curvature of the
        network itself brings, H = G + sum_i (dloss / dz_i) (d2 z_i / dtheta2). It is symmetric, and
        positive semi-definite where the loss is convex in the logits, as both are that ship. For
        the squared loss H_loss = I / B, for the cross-entropy G is the Fisher matrix, see
        `fisher_product`. Source: Schraudolph 2002 (Neural Computation 14); Martens 2020 (JMLR 21).

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> v = np.random.default_rng(1).standard_normal(net.size)
        >>> bool(v @ net.gauss_newton_product(theta, x, y, v) >= 0)
        True
        """
        return self.gauss_newton(theta, x, y, spike=spike, record=record)(v)

    def fisher_product(
        self,
        theta: Array,
        x: Array,
        v: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Array:
        """F v, flat like theta: the Fisher information of the model softmax(z) times v, its mean
        over the samples of x.

            F = mean_b E_k [g_bk g_bk^T]       k ~ softmax(z_b), g_bk = d log p(k | x_b) / dtheta
              = J^T diag_b((diag(s_b) - s_b s_b^T) / B) J          s_b = softmax(z_b)

        The expectation is over the model's own labels, so that no y is needed. For a network with
        loss "cross_entropy" this is `gauss_newton_product`, whatever y. It is not the *empirical*
        Fisher, mean_b g_b g_b^T with the labels of the data, which is neither (Kunstner, Balles &
        Hennig 2019, NeurIPS); the gradients of single samples that one is made of are those of
        `loss_and_gradient`. Source: Amari 1998 (Neural Computation 10); Martens 2020 (JMLR 21).

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> v = np.ones(net.size)
        >>> np.allclose(net.fisher_product(theta, x, v), net.gauss_newton_product(theta, x, y, v))
        True
        """
        at = _Point(self, theta, x, spike, record)
        logits_dot = at.push(v, None, "v")
        return at.pull(cross_entropy_backward_tangent(at.logits, logits_dot, at.logits), False)[0]

    # ---- what `Network` and its subclasses say

    def _entering(self, x_dot: Array) -> Array:
        """The tangent of what enters the first block but for the gain, (B, n, H, W, C) like
        `_input`, from x_dot in the shape of x."""
        return x_dot.reshape(*x_dot.shape[:2], *self.entry_shape)

    def _entered(self, dx: Array, shape: tuple[int, ...]) -> Array:
        """`_entering` backwards: the adjoint of x, whose shape is given."""
        return dx.reshape(shape)


class _Point:
    """The loops at one theta and x, and the tapes that forward left of each part of the batch."""

    def __init__(self, net: Derivatives, theta: Array, x: Array, spike: str, record: Any):
        self.net = net
        self.shape = np.shape(x)
        self.loops, theta, x, twin = net._taken(theta, x, spike, record)
        self.entered = x.shape
        self.parts = net._parts(x, True)
        self.tapes: list[list[Tape]] = []
        self.pulled = [False] * len(self.parts)
        logits: list[Array] = []

        def one(part: slice) -> tuple[Array, list[Tape]]:
            return self.loops.forward(x[part], net.window, twin and twin.part(part))

        def add(found: tuple[Array, list[Tape]]) -> None:
            logits.append(found[0])
            self.tapes.append(found[1])

        in_order(one, self.parts, add)
        self.loops.release()
        self.logits = net._finite(np.concatenate(logits), theta)

    @property
    def window(self) -> slice:
        """The steps of x that reach the logits within the gradient window."""
        steps = min(self.net.window, self.entered[1])
        first = self.entered[1] - steps
        many = self.loops.short(steps, 0) - self.net.blocks[0].neuron.delay
        return slice(first, first + max(many, 0))

    def push(self, theta_dot: Array | None, x_dot: Array | None, name: str = "theta_dot") -> Array:
        """logits_dot (B, ways)."""
        net = self.net
        theta_dot = np.zeros(net.size) if theta_dot is None else theta_dot
        dots = self.loops.dots(net._vector(theta_dot, name))
        enters = None if x_dot is None else self._direction(x_dot)
        logits_dot: list[Array] = []

        def one(n: int) -> Array:
            if not self.pulled[n]:  # the tangent's place is behind `backward`
                self._back(n, np.zeros_like(self.logits[self.parts[n]]), False)
            of_part = None if enters is None else enters[self.parts[n]]
            return self.loops.push(dots, self.tapes[n], of_part)[0]

        in_order(one, range(len(self.parts)), logits_dot.append)
        self.loops.release()
        return np.concatenate(logits_dot)

    def pull(self, dlogits: Array, need_dx: bool) -> tuple[Array, Any]:
        """(dtheta, dx); dx is None where it is not needed."""
        net = self.net
        dlogits = self._real("dlogits", dlogits, self.logits.shape)
        total: Sums = []
        dx = np.zeros(self.entered if need_dx else 0, net.dtype)
        parts = iter(self.parts)

        def one(n: int) -> tuple[Any, Sums]:
            return self._back(n, np.ascontiguousarray(dlogits[self.parts[n]]), need_dx)

        def add(found: tuple[Any, Sums]) -> None:
            self.loops.add(total, found[1])
            part = next(parts)
            if need_dx:
                dx[part, self.window] = found[0] * net.dtype.type(net.gain)

        in_order(one, range(len(self.parts)), add)
        self.loops.release()
        dtheta = self.loops.chain.gradient(self.loops.flat(total))
        return dtheta, net._entered(dx, self.shape) if need_dx else None

    def _back(self, n: int, dlogits: Array, need_dx: bool) -> tuple[Any, Sums]:
        self.pulled[n] = True
        return self.loops.back(self.tapes[n], dlogits, True, need_dx)

    def _direction(self, x_dot: Array) -> Array:
        """What enters the first block along x_dot, at the steps that count."""
        x_dot = self.net._entering(self._real("x_dot", x_dot, self.shape))
        return np.ascontiguousarray(x_dot[:, self.window] * self.net.dtype.type(self.net.gain))

    def _real(self, name: str, values: Array, shape: tuple[int, ...]) -> Array:
        """Finite numbers of a shape, in the network's dtype."""
        values = array(name, values)
        if values.shape != shape or values.dtype.kind not in "fiu":
            raise ValueError(
                f"{name} must be real numbers of shape {shape}, not {values.dtype} of shape "
                f"{values.shape}"
            )
        with np.errstate(over="ignore"):
            values = values.astype(self.net.dtype)
        if not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            raise NotFinite(
                f"{name} must be finite in {self.net.dtype}; {count} values are NaN or infinite"
            )
        return values
