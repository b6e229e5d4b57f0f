"""A band of rows at one time step: filters, a neuron's step and its spike, on flat arrays. A band's
state stays in the processor's first cache for the whole sequence.

The loops are written once. They compile with the step of a neuron, whatever it is, as its class has
it (`translation`), and are called by their address from kernels that know no neuron (`forward`,
`backward`, `pooling`), which therefore compile once for all. The filters are those of
core/filters.py, P behind Q, in one of three chains:

    DELAYED    I = P + b, then P and Q advance, Q without its input
    CURRENT    Q += b is the current, I = (1 - beta) Q
    FILTERED   Q += b, P advances with it, and I = P

Arrays of a band of N numbers: u, du, u_dot, P, Q, total (N,), P of no size where there is one
filter; z (states, N); past and past_dot what else of a step its derivatives ask for, I and the
states (1 + states, N) or nothing; dV halo rows.
"""

from pathlib import Path
from typing import Any, NamedTuple

from ..parallel.compilation import njit
from ..translation.check import SiteAt, SiteDot
from ..translation.source import spike
from ..translation.step import NeuronStep, Past, tuples, unpacked
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


def _at(step: NeuronStep, detach: bool) -> Any:
    """at(k, u, past, constants): the step where its derivatives are taken; what of it is not asked
    for, no code is made for. Slope and curvature are zero where the reset is detached."""
    prime = step.prime
    second = step.second
    split = _split(step.past)

    @INLINE
    def at(k, u, past, constants, c):
        a = u - c.threshold
        slope = c.zero if detach else prime(k, a)
        curvature = c.zero if detach else second(k, a)
        I, z = split(past, c)
        return SiteAt(I, z, u, constants, spike(k, u), slope, curvature)

    return at


def _split(past: Past) -> Any:
    """split(kept): I and z of what is kept of a step."""
    keeps_I = past.I

    @INLINE
    def split(kept, c):
        I = kept[0] if keeps_I else c.zero
        return I, (kept[1:] if keeps_I else kept)

    return split


class BandLoops:
    """The loops of a neuron's step, each made when first asked for."""

    def __init__(self, step: NeuronStep, chain: int, detach: bool):
        self.step = step
        self.filters = _filters(chain)
        self.at = _at(step, detach)
        self.constants = unpacked(len(step.translation.constants))
        self.learnable = unpacked(step.learnable, len(step.translation.constants))
        self.moved = unpacked(step.learnable)
        self.carried = step.states + step.learnable
        self.name = f"{step.name}_{chain}{'_detached' * detach}"
        self.made: dict[str, Any] = {}

    def loop(self, name: str) -> Any:
        """One of them, which lives as long as this: others know its address alone."""
        if name not in self.made:
            self.made[name] = getattr(self, name)()
        return self.made[name]

    def kept(self, function: Any, fastmath: Any = frozenset({"contract"})) -> Any:
        """A loop as a kernel that is kept beside the neuron's class."""
        code = function.__code__
        name = f"{self.name}_{function.__name__}"
        function.__code__ = code.replace(
            co_filename=self.step.filename, co_name=name, co_qualname=name
        )
        function.__name__ = name
        function.__qualname__ = name
        options = {"fastmath": set(fastmath), "error_model": "numpy", "borrows": True}
        keeps = Path(self.step.filename).exists()
        return njit(nogil=True, cache=keeps, apart=True, **options)(function)

    def forward(self) -> Any:
        step = self.step.forward
        states = self.step.states
        keeps_I, keeps_z = self.step.past
        first = int(keeps_I)
        ahead, _, take_P, put_P = self.filters
        constants, learnable = self.constants, self.learnable
        views, take, put = tuples(states)

        def forward(u, past, z, P, Q, bias, c, own):
            """u from P, Q and b; then the states, P and Q advance. `bias` serves every row."""
            wide()
            apart()
            k = constants(own)
            learned = learnable(own)
            N = Q.size
            row = bias.size
            for i in range(0, N, row):
                u_ = u[i : i + row]
                z_ = views(z, 0, N, i, row)
                Q_ = Q[i : i + row]
                P_ = P[i : i + row]
                if keeps_I:
                    I_ = past[i : i + row]
                if keeps_z:
                    before_ = views(past, first, N, i, row)
                for n in range(row):
                    I, P_n, Q_[n] = ahead(take_P(P_, n, c), Q_[n], bias[n], c)
                    put_P(P_, n, P_n)
                    before = take(z_, n)
                    u_[n], after = step(k, I, before + learned)
                    put(z_, n, after)
                    if keeps_I:
                        I_[n] = I
                    if keeps_z:
                        put(before_, n, before)

        return self.kept(forward)

    def backward(self) -> Any:
        step = self.step.backward
        _, back, take_P, put_P = self.filters
        at = self.at
        constants, learnable = self.constants, self.learnable
        views, take, put = tuples(self.carried)
        views_past, take_past, _ = tuples(self.step.past.size(self.step.states))

        def backward(u, past, du, z, P, Q, total, dV, g, c, own):
            """One step back: dV_t into halo rows, then the adjoints z, P, Q one step earlier;
            total += what the bias gets."""
            wide()
            apart()
            k = constants(own)
            learned = learnable(own)
            N = Q.size
            row = g.row
            for h in range(g.height):
                i = h * row
                u_ = u[i : i + row]
                past_ = views_past(past, 0, N, i, row)
                du_ = du[i : i + row]
                dV_ = dV[h * g.pitch + g.pad :][:row]
                z_ = views(z, 0, N, i, row)
                P_ = P[i : i + row]
                Q_ = Q[i : i + row]
                total_ = total[i : i + row]
                for n in range(row):
                    here = at(k, u_[n], take_past(past_, n), learned, c)
                    dI, dz = step(k, here, du_[n], take(z_, n))
                    put(z_, n, dz)
                    dQ = Q_[n]
                    dV_[n], dP, Q_[n], db = back(dI, take_P(P_, n, c), dQ, c)
                    put_P(P_, n, dP)
                    total_[n] += db

        return self.kept(backward)

    def forward_tangent(self) -> Any:
        step = self.step.forward_tangent
        states = self.step.states
        keeps_I, keeps_z = self.step.past_dot
        first = int(keeps_I)
        ahead, _, take_P, put_P = self.filters
        at = self.at
        constants, learnable, moved = self.constants, self.learnable, self.moved
        views, take, put = tuples(states)
        views_past, take_past, _ = tuples(self.step.past.size(states))

        def forward_tangent(u, past, u_dot, past_dot, z, P, Q, bias, along, c, own):
            """u_dot from the tangents P, Q and b; then these advance as in `forward`."""
            wide()
            apart()
            k = constants(own)
            learned = learnable(own)
            learned_dot = moved(along)
            N = Q.size
            row = bias.size
            for i in range(0, N, row):
                u_ = u[i : i + row]
                past_ = views_past(past, 0, N, i, row)
                v_ = u_dot[i : i + row]
                z_ = views(z, 0, N, i, row)
                P_ = P[i : i + row]
                Q_ = Q[i : i + row]
                if keeps_I:
                    I_ = past_dot[i : i + row]
                if keeps_z:
                    before_ = views(past_dot, first, N, i, row)
                for n in range(row):
                    I, P_n, Q_[n] = ahead(take_P(P_, n, c), Q_[n], bias[n], c)
                    put_P(P_, n, P_n)
                    here = at(k, u_[n], take_past(past_, n), learned, c)
                    before = take(z_, n)
                    v_[n], after = step(k, here, I, before + learned_dot)
                    put(z_, n, after)
                    if keeps_I:
                        I_[n] = I
                    if keeps_z:
                        put(before_, n, before)

        return self.kept(forward_tangent)

    def backward_tangent(self) -> Any:
        step = self.step.backward
        step_dot = self.step.backward_tangent
        split = _split(self.step.past_dot)
        _, back, take_P, put_P = self.filters
        at = self.at
        constants, learnable, moved = self.constants, self.learnable, self.moved
        views, take, put = tuples(self.carried)
        states = self.step.states
        views_past, take_past, _ = tuples(self.step.past.size(states))
        views_dot, take_dot, _ = tuples(self.step.past_dot.size(states))

        def backward_tangent(
            u, past, u_dot, past_dot, du, du_dot, z, z_dot, P, Q, total, dV, along, g, c, own
        ):
            """`backward` differentiated along u_dot, du_dot: dV_dot, then the adjoints z and the
            tangents z_dot, P, Q one step earlier."""
            wide()
            apart()
            k = constants(own)
            learned = learnable(own)
            learned_dot = moved(along)
            N = Q.size
            row = g.row
            for h in range(g.height):
                i = h * row
                u_ = u[i : i + row]
                past_ = views_past(past, 0, N, i, row)
                v_ = u_dot[i : i + row]
                past_dot_ = views_dot(past_dot, 0, N, i, row)
                du_ = du[i : i + row]
                dv_ = du_dot[i : i + row]
                dV_ = dV[h * g.pitch + g.pad :][:row]
                z_ = views(z, 0, N, i, row)
                w_ = views(z_dot, 0, N, i, row)
                P_ = P[i : i + row]
                Q_ = Q[i : i + row]
                total_ = total[i : i + row]
                for n in range(row):
                    here = at(k, u_[n], take_past(past_, n), learned, c)
                    dz = take(z_, n)
                    _, dz_before = step(k, here, du_[n], dz)
                    I_dot, z_dot_n = split(take_dot(past_dot_, n), c)
                    dot = SiteDot(I_dot, z_dot_n, v_[n], learned_dot)
                    dI_dot, dz_dot = step_dot(k, here, dot, du_[n], dz, dv_[n], take(w_, n))
                    put(z_, n, dz_before)
                    put(w_, n, dz_dot)
                    dQ = Q_[n]
                    dV_[n], dP, Q_[n], db = back(dI_dot, take_P(P_, n, c), dQ, c)
                    put_P(P_, n, dP)
                    total_[n] += db

        return self.kept(backward_tangent)

    def slope(self) -> Any:
        prime = self.step.prime
        constants = self.constants

        def slope(v, d, out, c, own):
            """out = sigma'(v) d, for adjoints and tangents alike; it may be d."""
            wide()
            k = constants(own)
            for n in range(v.size):
                out[n] = prime(k, v[n] - c.threshold) * d[n]

        return self.kept(slope, ())

    def curvature(self) -> Any:
        prime = self.step.prime
        second = self.step.second
        constants = self.constants

        def curvature(v, v_dot, dy, dy_dot, out, c, own):
            """out = dv_dot = sigma'(v) dy_dot + sigma''(v) v_dot dy; it may be dy_dot."""
            wide()
            k = constants(own)
            for n in range(v.size):
                a = v[n] - c.threshold
                out[n] = prime(k, a) * dy_dot[n] + second(k, a) * v_dot[n] * dy[n]

        return self.kept(curvature, ())
