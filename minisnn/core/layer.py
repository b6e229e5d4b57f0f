"""A layer: what comes in is filtered and weighed, drives the neuron's steps, is pooled and becomes
spikes; and the way back.

    p = filters(x)                         traces of what comes in
    I = W p + b c + V h                    c the filtered 1, h the filtered spikes of its own
    u, z' = neuron.forward(I, z)           membrane and states
    y = spike(pool(u)), or pool(spike(u)), or u of a readout

Filters act on x, so that W p is a function of W wherever p came from. A window that is
differentiated is one more call of `forward`, from the `State` of the steps before, whose numbers
are constants.

Time is the first axis of a sequence: x (n, B, H, W, C_in), p and u (n, B, H', W', C_out) before pooling. `forward`
and `backward` run on plain numbers, or on numbers with a derivative (`dual`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .dual import Array, cast, linear, stack, times, total, transposed, value
from .filters import advance, advance_back, decay_adjoints, traces, traces_back
from . import linear as maps
from .neuron import at_work, check_states
from .pool import QUARTER, gather, largest, scatter


def products() -> Any:
    """The linear map of a layer, and the adjoints of that."""
    return maps


summed = linear(lambda a: a.reshape(-1, a.shape[-1]).sum(0))  # over all but the channels


class State(NamedTuple):
    """What stands when a sequence ends.

    x     what the filters hold of what came in, each (B, H, W, C_in)
    one   the same of 1
    own   the same of its own spikes, each (B, H', W', C_out); where the neuron does not delay,
          before they have heard s
    z     the neuron's states, each (B, H', W', C_out)
    s     its spikes in the last step, (B, H', W', C_out)
    """

    x: tuple
    one: tuple
    own: tuple
    z: tuple
    s: Array

    def part(self, part: slice) -> "State":
        """Of a part of the batch."""
        cut = lambda arrays: tuple(a[part] for a in arrays)
        return State(cut(self.x), self.one, cut(self.own), cut(self.z), self.s[part])


class Weights(NamedTuple):
    """What theta holds for a layer; `constants` are those of its neuron that are learned."""

    weight: Any  # (k, k, C_in, C_out)
    bias: Any  # (C_out,)
    recurrent: Any  # V (C_out, C_out), or None
    constants: dict[str, Any]


class Tape(NamedTuple):
    """What `backward` needs of `forward`."""

    p: Any  # (n, B, H, W, C_in)
    of_x: list  # the steps of the filters of x, of 1 and of its own spikes
    c: Any  # (n, 1, 1, 1, 1), or 1
    of_one: list
    of_own: list
    heard: list  # h of each step, (B, H', W', C_out)
    I: list  # of each step, (B, H', W', C_out)
    z: list  # before each step
    u: Any  # (n, B, H', W', C_out)
    steps: list  # what made each step, and its spike as its own layer hears it
    v: Any  # u, or what is pooled of it
    spike: Any  # of v
    shares: Any


class Pass(NamedTuple):
    """What `forward` gives: y (n, B, H'', W'', C_out), the membranes u, the state behind them."""

    y: Any
    u: Any
    end: State
    tape: Tape


@dataclass(frozen=True)
class Layer:
    """The description of a layer, which holds no state."""

    name: str
    input_shape: tuple[int, int, int]  # (H, W, C_in) of a step; (1, 1, features) where it is dense
    channels: int
    kernel: int
    pool: str  # "max", "mean" (of the membrane), "spikes" (their mean) or "none"
    neuron: Any
    stride: int = 1
    recurrent: bool = False
    learn: tuple[str, ...] = ()  # constants of the neuron that theta holds
    detach_reset: bool = False
    readout: bool = False
    dense: bool = False
    maps: Callable[[], Any] = products  # or the same in another form

    @property
    def sites(self) -> tuple[int, int]:
        """(H', W') before pooling."""
        return -(-self.input_shape[0] // self.stride), -(-self.input_shape[1] // self.stride)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(H'', W'', C_out) of what it hands on at a step."""
        H, W = self.sites
        return (H, W, self.channels) if self.pool == "none" else (H // 2, W // 2, self.channels)

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(k, k, C_in, C_out)"""
        return (self.kernel, self.kernel, self.input_shape[2], self.channels)

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its arrays in theta, by name and in their order."""
        weight = self.weight_shape[2:] if self.dense else self.weight_shape
        shapes: dict[str, tuple[int, ...]] = {"weight": weight, "bias": (self.channels,)}
        if self.recurrent:
            shapes["recurrent"] = (self.channels, self.channels)
        return shapes | {name: () for name in self.learn}

    def begin(self, B: int, dtype: Any) -> State:
        """The state before the first step."""
        inside = np.zeros((B, *self.sites, self.channels), dtype)
        many = len(self.neuron.filtering)
        x = np.zeros((B, *self.input_shape), dtype)
        one = np.zeros((), dtype)
        states = (inside,) * len(self.neuron.states)
        return State((x,) * many, (one,) * many, (inside,) * many, states, inside)

    def decays(self, w: Weights) -> list:
        """Of its filters."""
        return [w.constants.get(name, getattr(self.neuron, name)) for name in self.neuron.filtering]

    @property
    def _filters_learn(self) -> bool:
        return any(name in self.neuron.filtering for name in self.learn)

    @property
    def _filters_bias(self) -> bool:
        """Whether the bias is one more synapse, from a source that fires at every step."""
        return bool(self.neuron.filtering) and not self.neuron.delay

    def traces(self, w: Weights, x: Any, start: State, steps: int) -> Any:
        """The filtered x, `filters.Filtered`."""
        x = x.reshape(*x.shape[:2], *self.input_shape)
        return traces(x, start.x, self.decays(w), self.neuron.delay, steps, self._filters_learn)

    def forward(
        self,
        w: Weights,
        x: Any,
        start: State,
        steps: int,
        form: str = "hard",
        recorded: Array | None = None,
    ) -> Pass:
        """So many steps from `start` on; x has that many, or `neuron.delay` fewer. A twin has a form
        and the recorded membranes (steps, B, H', W', C_out)."""
        neuron = self.neuron
        decays = self.decays(w)
        filtered = self.traces(w, x, start, steps)
        p = filtered.trace
        c: Any = 1
        of_one: list = []
        one: Any = start.one
        if self._filters_bias:
            ones = np.ones((steps, 1, 1, 1, 1), p.dtype)
            c, one, of_one = traces(ones, start.one, decays, 0, steps, self._filters_learn)
        I = self.maps().conv(p, w.weight, self.stride) + c * w.bias
        before = [None] * steps if recorded is None else recorded
        jet = neuron.jet(form)
        spikes = [jet.about(u0) for u0 in before]
        makers = [at_work(neuron, w.constants, jet.about(u0, self.detach_reset)) for u0 in before]
        own: Any = start.own
        z, s = start.z, start.s
        u, of_I, of_z, of_own, heard = [], [], [], [], []

        def hear():
            after = advance(own, s, decays, True)
            of_own.append((own, s, after))
            return after

        for t in range(steps):
            I_t = I[t]
            if self.recurrent:
                if not neuron.delay:  # of the step before
                    own = hear()
                heard.append(own[-1])
                I_t = I_t + times(own[-1], w.recurrent)
            of_I.append(I_t)
            of_z.append(z)
            u_t, z = makers[t].forward(I_t, z)
            check_states(neuron, z, neuron.states, "forward")
            u_t = cast(u_t, p.dtype)
            z = tuple(cast(a, p.dtype) for a in z)
            u.append(u_t)
            if self.recurrent:
                s = spikes[t].value(u_t)
                if neuron.delay:
                    own = hear()
        u = stack(u) if u else I
        end = State(tuple(filtered.end), tuple(one), tuple(own), z, s)
        shares, v, spike = self._pooled(u, jet, recorded)
        y = u if self.readout else spike.value(v)
        if self.pool == "spikes":
            y = gather(y, QUARTER)
        steps_made = list(zip(makers, spikes))
        kept = p, filtered.steps, c, of_one, of_own, heard, of_I, of_z, u, steps_made
        tape = Tape(*kept, v, spike, shares)
        return Pass(y, u, end, tape)

    def _pooled(self, u, jet, recorded):
        """(shares, v, the spike of v)."""
        if self.pool not in ("max", "mean"):
            return None, u, jet.about(recorded)
        seen = value(u) if recorded is None else recorded
        shares = largest(seen) if self.pool == "max" else QUARTER
        v = gather(u, shares)
        return shares, v, jet.about(None if recorded is None else gather(recorded, shares))

    def backward(
        self, w: Weights, tape: Tape, dy: Any, need_dx: bool = True
    ) -> tuple[Any, dict[str, Any]]:
        """(dx, {name: adjoint of an array or a constant}) from dy; dx has `neuron.delay` steps fewer,
        and is None where nobody needs it."""
        neuron = self.neuron
        decays = self.decays(w)
        du = self._of_membrane(tape, dy)
        dz = (np.zeros(tape.u.shape[1:], tape.u.dtype),) * len(neuron.states)
        down: list = [0.0] * len(decays)
        ds: Any = 0.0
        sums = dict.fromkeys(self.learn, 0.0)
        dV: Any = 0.0
        dI = []

        def unhear(t):  # own' = advance(own, s)
            ds, before, whole = advance_back(down, decays, True)
            self._add(sums, decay_adjoints(whole, tape.of_own[t], True))
            return ds, before

        for t in reversed(range(len(du))):
            maker, spike = tape.steps[t]
            u_t = tape.u[t]
            du_t = du[t]
            if self.recurrent:
                if neuron.delay:
                    ds, down = unhear(t)
                du_t = du_t + ds * spike.slope(u_t)
            dI_t, dz, *dk = maker.backward(tape.I[t], tape.z[t], u_t, du_t, dz)
            check_states(neuron, dz, neuron.states, "backward")
            dI_t = cast(dI_t, u_t.dtype)
            dz = tuple(cast(a, u_t.dtype) for a in dz)
            dI.append(dI_t)
            for name, a in zip(neuron.learnable, dk[0] if dk else ()):
                if name in sums:
                    sums[name] = sums[name] + total(a)
            if self.recurrent:  # I = W p + b c + V h
                dV = dV + self.maps().conv_weight(tape.heard[t], dI_t, 1)
                down[-1] = down[-1] + times(dI_t, transposed(w.recurrent))
                if not neuron.delay:
                    ds, down = unhear(t)
        dI = stack(dI[::-1]) if dI else du
        sums["weight"] = self.maps().conv_weight.later(tape.p, dI, self.kernel, self.stride)
        sums["bias"] = summed(dI * tape.c if self._filters_bias else dI)
        if self.recurrent:
            sums["recurrent"] = dV
        dx = None
        if need_dx or self._filters_learn:
            dp = self.maps().conv_input(dI, w.weight, self.stride, self.input_shape[:2])
            kept = tape.of_x if self._filters_learn else None
            dx, more = traces_back(dp, decays, neuron.delay, kept)
            self._add(sums, more)
        if self._filters_learn and self._filters_bias and len(dI):
            dc = stack([total(dI_t * w.bias) for dI_t in dI]).reshape(-1, 1, 1, 1, 1)
            self._add(sums, traces_back(dc, decays, 0, tape.of_one)[1])
        return dx, sums

    def _of_membrane(self, tape, dy):
        """du from dy, back through spike and pooling."""
        if self.readout:
            return dy
        if self.pool == "spikes":  # y = gather(spike(u))
            dy = scatter(dy, QUARTER, self.sites)
        dv = dy * tape.spike.slope(tape.v)  # y = spike(v)
        return dv if tape.shares is None else scatter(dv, tape.shares, self.sites)

    def _add(self, sums, of_decays):
        for name, a in zip(self.neuron.filtering, of_decays):
            if name in sums:
                sums[name] = sums[name] + a
