"""A band of rows at one time step: filters, a neuron's step and its spike, on flat arrays. A band's
state stays in the processor's first cache for the whole sequence.

The loops are written once. They compile with the step of a neuron, whatever it is (`fast.step`),
and are called by their address from kernels that know no neuron (`forward`, `backward`, `pooling`),
which therefore compile once for all. The filters are those of core/linear.py, P behind Q, in one
of three chains:

    DELAYED    I = P + b, then P and Q advance, Q without its input
    CURRENT    Q += b is the current, I = (1 - beta) Q
    FILTERED   Q += b, P advances with it, and I = P

Arrays of a band of N numbers: u, du, u_dot, P, Q, total (N,), P of no size where there is one
filter; z (states, N); past and past_dot what else of a step its derivatives ask for, so many rows
of N; dV halo rows.
"""

from functools import cache
from typing import Any, NamedTuple

from ..fast.step import Step
from ..fast.traced import compiled, function
from ..parallel.compilation import njit
from ..vectors.llvm import apart, wide

DELAYED, CURRENT, FILTERED = 0, 1, 2
CHAINS = {(2, 2): DELAYED, (0, 1): CURRENT, (0, 2): FILTERED}  # of (delay, number of filters)
INLINE = njit(inline="always", error_model="numpy")


class Filters(NamedTuple):
    """A chain of filters: a step ahead and back, and P of a site, which is nothing where there is
    one filter."""

    ahead: Any
    back: Any
    take: Any
    put: Any


def _filters(chain: int) -> Filters:
    """ahead gives (I, P, Q) of a step from P, Q and b, and back (dV, dP, dQ, what the bias gets)
    one step earlier from the adjoints of I, P and Q. Q is kept in units of 1 - beta, so that events
    bring the weights as they are."""
    two = chain != CURRENT

    @INLINE
    def take(P, n, c):
        return P[n] if two else c.zero

    @INLINE
    def put(P, n, value):
        if two:
            P[n] = value

    @INLINE
    def ahead(P, Q, b, c):
        if chain == DELAYED:
            return P + b, c.alpha * P + c.rest * Q, c.beta * Q
        Q = Q + b
        if chain == CURRENT:
            return c.rest_beta * Q, P, c.beta * Q
        P = c.alpha * P + c.rest * Q
        return P, P, c.beta * Q

    @INLINE
    def back(dI, dP, dQ, c):
        if chain == DELAYED:
            dV = c.rest_beta * dQ
            return dV, c.alpha * dP + dI, c.beta * dQ + c.rest_alpha * dP, dI
        if chain == FILTERED:
            dP = dP + dI
            dI = c.rest_alpha * dP
        dQ = dQ + dI
        dV = c.rest_beta * dQ
        return dV, c.alpha * dP, c.beta * dQ, dV

    return Filters(ahead, back, take, put)


@cache
def tuples(count: int) -> tuple[Any, Any, Any]:
    """Functions of so many arrays: (views, take, put).

    views(a, size, i, n)    of rows of `size` numbers in a, each row[i : i + n]
    take(views, i)          what stands at i in each
    put(views, i, values)   these written there
    """
    puts = "; ".join(f"views[{n}][i] = values[{n}]" for n in range(count))
    return (
        _inlined("views(a, size, i, n)", _several("a[{0} * size + i : {0} * size + i + n]", count)),
        _inlined("take(views, i)", _several("views[{0}][i]", count)),
        _inlined("put(views, i, values)", puts or "pass"),
    )


@cache
def unpacked(count: int) -> Any:
    """A function that makes a tuple of so many numbers of an array."""
    return _inlined("unpacked(a)", _several("a[{0}]", count))


def _several(text: str, count: int) -> str:
    return f"return ({''.join(text.format(n) + ', ' for n in range(count))})"


def _inlined(head: str, body: str) -> Any:
    return INLINE(function(f"def {head}: {body}"))


class BandLoops:
    """The loops of a neuron's step with so many constants, each made when first asked for."""

    def __init__(self, step: Step, constants: int, chain: int):
        self.step = step
        self.filters = _filters(chain)
        self.constants = unpacked(constants)
        self.moved = unpacked(step.learned)
        self.made: dict[str, Any] = {}

    def loop(self, name: str) -> Any:
        """One of them, which lives as long as this: others know its address only."""
        if name not in self.made:
            fastmath = set() if name in ("slope", "curvature") else {"contract"}
            options = dict(nogil=True, cache=True, apart=True, borrows=True, error_model="numpy")
            self.made[name] = njit(fastmath=fastmath, **options)(getattr(self, name)())
        return self.made[name]

    def forward(self) -> Any:
        step = compiled(self.step.forward)
        ahead, _, take_P, put_P = self.filters
        constants = self.constants
        views, take, put = tuples(self.step.states)
        views_past, _, keep = tuples(self.step.past)

        def forward(u, past, z, P, Q, bias, c, own):
            """u from P, Q and b; then the states, P and Q advance. `bias` serves every row."""
            wide()
            apart()
            k = constants(own)
            N = Q.size
            row = bias.size
            for i in range(0, N, row):
                u_ = u[i : i + row]
                past_ = views_past(past, N, i, row)
                z_ = views(z, N, i, row)
                Q_ = Q[i : i + row]
                P_ = P[i : i + row]
                for n in range(row):
                    I, P_n, Q_[n] = ahead(take_P(P_, n, c), Q_[n], bias[n], c)
                    put_P(P_, n, P_n)
                    u_[n], after, kept = step(k, I, take(z_, n))
                    put(z_, n, after)
                    keep(past_, n, kept)

        return forward

    def backward(self) -> Any:
        step = compiled(self.step.backward)
        _, back, take_P, put_P = self.filters
        constants = self.constants
        views, take, put = tuples(self.step.states + self.step.learned)
        views_past, take_past, _ = tuples(self.step.past)

        def backward(u, past, du, z, P, Q, total, dV, g, c, own):
            """One step back: dV_t into halo rows, then the adjoints z, P, Q one step earlier;
            total += what the bias gets."""
            wide()
            apart()
            k = constants(own)
            N = Q.size
            row = g.row
            for h in range(g.height):
                i = h * row
                u_ = u[i : i + row]
                past_ = views_past(past, N, i, row)
                du_ = du[i : i + row]
                dV_ = dV[h * g.pitch + g.pad :][:row]
                z_ = views(z, N, i, row)
                P_ = P[i : i + row]
                Q_ = Q[i : i + row]
                total_ = total[i : i + row]
                for n in range(row):
                    dI, dz = step(k, take_past(past_, n), u_[n], du_[n], take(z_, n))
                    put(z_, n, dz)
                    dQ = Q_[n]
                    dV_[n], dP, Q_[n], db = back(dI, take_P(P_, n, c), dQ, c)
                    put_P(P_, n, dP)
                    total_[n] += db

        return backward

    def forward_tangent(self) -> Any:
        step = compiled(self.step.forward_tangent)
        ahead, _, take_P, put_P = self.filters
        constants, moved = self.constants, self.moved
        views, take, put = tuples(self.step.states)
        views_past, take_past, _ = tuples(self.step.past)
        views_dot, _, keep = tuples(self.step.past_dot)

        def forward_tangent(u, past, u_dot, past_dot, z, P, Q, bias, along, c, own):
            """u_dot from the tangents P, Q and b; then these advance as in `forward`."""
            wide()
            apart()
            k = constants(own)
            k_dot = moved(along)
            N = Q.size
            row = bias.size
            for i in range(0, N, row):
                u_ = u[i : i + row]
                past_ = views_past(past, N, i, row)
                v_ = u_dot[i : i + row]
                past_dot_ = views_dot(past_dot, N, i, row)
                z_ = views(z, N, i, row)
                P_ = P[i : i + row]
                Q_ = Q[i : i + row]
                for n in range(row):
                    I, P_n, Q_[n] = ahead(take_P(P_, n, c), Q_[n], bias[n], c)
                    put_P(P_, n, P_n)
                    before = take_past(past_, n)
                    v_[n], after, kept = step(k, k_dot, before, u_[n], I, take(z_, n))
                    put(z_, n, after)
                    keep(past_dot_, n, kept)

        return forward_tangent

    def backward_tangent(self) -> Any:
        step = compiled(self.step.backward_tangent)
        _, back, take_P, put_P = self.filters
        constants, moved = self.constants, self.moved
        views, take, put = tuples(self.step.states + self.step.learned)
        views_past, take_past, _ = tuples(self.step.past)
        views_dot, take_dot, _ = tuples(self.step.past_dot)

        def backward_tangent(
            u, past, u_dot, past_dot, du, du_dot, z, z_dot, P, Q, total, dV, along, g, c, own
        ):
            """`backward` differentiated along u_dot, du_dot: dV_dot, then the adjoints z and the
            tangents z_dot, P, Q one step earlier."""
            wide()
            apart()
            k = constants(own)
            k_dot = moved(along)
            N = Q.size
            row = g.row
            for h in range(g.height):
                i = h * row
                u_ = u[i : i + row]
                past_ = views_past(past, N, i, row)
                v_ = u_dot[i : i + row]
                past_dot_ = views_dot(past_dot, N, i, row)
                du_ = du[i : i + row]
                dv_ = du_dot[i : i + row]
                dV_ = dV[h * g.pitch + g.pad :][:row]
                z_ = views(z, N, i, row)
                w_ = views(z_dot, N, i, row)
                P_ = P[i : i + row]
                Q_ = Q[i : i + row]
                total_ = total[i : i + row]
                for n in range(row):
                    before = take_past(past_, n)
                    before_dot = take_dot(past_dot_, n)
                    here = u_[n], v_[n], du_[n], dv_[n]
                    adjoints = take(z_, n), take(w_, n)
                    dI_dot, dz, dz_dot = step(k, k_dot, before, before_dot, *here, *adjoints)
                    put(z_, n, dz)
                    put(w_, n, dz_dot)
                    dQ = Q_[n]
                    dV_[n], dP, Q_[n], db = back(dI_dot, take_P(P_, n, c), dQ, c)
                    put_P(P_, n, dP)
                    total_[n] += db

        return backward_tangent

    def slope(self) -> Any:
        step = compiled(self.step.slope)
        constants = self.constants

        def slope(v, d, out, c, own):
            """out = sigma'(v) d, for adjoints and tangents alike; it may be d."""
            wide()
            k = constants(own)
            for n in range(v.size):
                out[n] = step(k, v[n], d[n])

        return slope

    def curvature(self) -> Any:
        step = compiled(self.step.curvature)
        constants = self.constants

        def curvature(v, v_dot, dy, dy_dot, out, c, own):
            """out = dv_dot = sigma'(v) dy_dot + sigma''(v) v_dot dy; it may be dy_dot."""
            wide()
            k = constants(own)
            for n in range(v.size):
                out[n] = step(k, v[n], v_dot[n], dy[n], dy_dot[n])

        return curvature
