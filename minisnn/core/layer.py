"""One layer, forward and backward: filters, weights, the neuron's steps, pooling, spikes.

    p = filters(x)                         traces of the input
    I = W p + b c + V h                    c: the filtered 1, h: the layer's own spikes, filtered
    u, z' = neuron.forward(I, z)           membrane and states
    y = spike(pool(u)), or pool(spike(u)), or u in a readout

The filters act on x, before the weights. The tangent of W p is dW p + W dp (`dual.bilinear`); where
p is a constant, in the first layer or from before the window, only dW p remains. The window is one
more call of `forward`. It starts from the `State` that the call for the earlier steps returned, a
constant.

Time is the first axis of a sequence: x and p are (n, B, H, W, C_in), u is (n, B, H', W', C_out)
before pooling. All numbers may be plain or dual (`dual`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, log1p
from typing import Any, NamedTuple

import numpy as np

from . import linear
from .dual import Array, cast, logistic, stack, summed, times, total, transposed, value
from .linear import QUARTER, advance, advance_back, gather, largest, scatter, traces, traces_back
from .neuron import check_states


def products() -> Any:
    """Return the module that contains the convolution and its adjoints."""
    return linear


class State(NamedTuple):
    """A layer's state between two steps."""

    x: tuple  # states of the input's filters, each (B, H, W, C_in)
    one: tuple  # states of the filters of the constant 1 that drives the bias
    own: tuple  # states of the filters of its own spikes, each (B, H', W', C_out)
    z: tuple  # the neuron's states, each (B, H', W', C_out)
    s: Array  # its last output spikes

    def part(self, part: slice) -> "State":
        """Return the state of some samples of the batch."""
        cut = lambda arrays: tuple(a[part] for a in arrays)
        return State(cut(self.x), self.one, cut(self.own), cut(self.z), self.s[part])


class Weights(NamedTuple):
    """A layer's weights, and the learned constants of its neuron, taken from theta."""

    weight: Any  # (k, k, C_in, C_out)
    bias: Any  # (C_out,)
    recurrent: Any  # V (C_out, C_out), or None
    constants: dict[str, Any]


class Parameter(NamedTuple):
    """Where one of a layer's arrays is in theta."""

    layer: str  # the layer's name
    part: str  # weight, bias, recurrent, or the name of a learned constant
    shape: tuple[int, ...]
    slice: slice

    @property
    def name(self) -> str:
        """The array's name in `Network.views`, such as "conv1.weight"."""
        return f"{self.layer}.{self.part}"


class Tape(NamedTuple):
    """What `forward` records for `backward`."""

    p: Any  # (n, B, H, W, C_in)
    c: Any  # (n, 1, 1, 1, 1), or 1
    filters: list  # steps of the filters of x, of 1 and of its own spikes
    I: list  # current at each step, (B, H', W', C_out)
    z: list  # the neuron's states before each step
    u: Any  # (n, B, H', W', C_out)
    steps: list  # at each step, the neuron that computed it, and the spike that V receives
    v: Any  # u, or the pooled u
    spike: Any  # the `Spike` of v
    shares: Any  # share of each site in v, if u is pooled


class Pass(NamedTuple):
    """What `forward` returns: y (n, B, H'', W'', C_out), the membranes u, and the state at the
    end."""

    y: Any
    u: Any
    end: State
    tape: Tape


@dataclass(frozen=True)
class Layer:
    """A layer's settings and its two passes; it holds no state."""

    name: str
    input_shape: tuple[int, int, int]  # (H, W, C_in) of a step; (1, 1, features) if dense
    channels: int
    kernel: int
    pool: str  # "max", "mean" (of the membrane), "spikes" (their mean) or "none"
    neuron: Any
    stride: int = 1
    recurrent: bool = False
    learn: tuple[str, ...] = ()  # names of the neuron's learned constants
    detach_reset: bool = False
    readout: bool = False
    dense: bool = False
    # module of the linear maps, or a faster one with the same functions
    maps: Callable[[], Any] = products

    @property
    def sites(self) -> tuple[int, int]:
        """(H', W'), the size before pooling."""
        return -(-self.input_shape[0] // self.stride), -(-self.input_shape[1] // self.stride)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(H'', W'', C_out), the shape of y at one step."""
        H, W = self.sites
        return (H, W, self.channels) if self.pool == "none" else (H // 2, W // 2, self.channels)

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(k, k, C_in, C_out)"""
        return self.kernel, self.kernel, self.input_shape[2], self.channels

    # ---- theta

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the layer's arrays, by name, in the order in which theta stores them."""
        K = self.channels
        weight = self.weight_shape[2:] if self.dense else self.weight_shape
        recurrent = {"recurrent": (K, K)} if self.recurrent else {}
        return {"weight": weight, "bias": (K,), **recurrent, **dict.fromkeys(self.learn, ())}

    def weights(self, arrays: dict[str, Any]) -> Weights:
        """Return the weights, given the layer's arrays in theta. There a decay is stored as its
        logit a:

        alpha = 1 / (1 + exp(-a))       d alpha / da = alpha (1 - alpha)
        """
        logits = self.neuron.decaying
        constants = {
            name: logistic(arrays[name]) if name in logits else arrays[name] for name in self.learn
        }
        weight = arrays["weight"].reshape(self.weight_shape)
        return Weights(weight, arrays["bias"], arrays.get("recurrent"), constants)

    def chained(self, w: Weights, name: str, adjoint: Any) -> Any:
        """Convert the adjoint of an array or constant to the adjoint of its entry in theta. For a
        decay, which theta stores as a logit, this applies the chain rule."""
        if name in w.constants and name in self.neuron.decaying:
            return adjoint * w.constants[name] * (1 - w.constants[name])
        return adjoint

    def held(self, name: str) -> float:
        """Return the number that theta stores for a constant. For a decay this is its logit."""
        constant = getattr(self.neuron, name)
        if name not in self.neuron.decaying:
            return constant
        if constant == 0:
            raise ValueError(f"{self.name} cannot learn {name} starting from 0, which has no logit")
        return log(constant) - log1p(-constant)

    # ---- forward

    def begin(self, B: int, dtype: Any) -> State:
        """Return the state before the first step."""
        inside = np.zeros((B, *self.sites, self.channels), dtype)
        many = len(self.neuron.filtering)
        x = np.zeros((B, *self.input_shape), dtype)
        states = (inside,) * len(self.neuron.states)
        return State((x,) * many, (np.zeros((), dtype),) * many, (inside,) * many, states, inside)

    def decays(self, w: Weights) -> list:
        """Return the decays of the synapse's filters."""
        return [w.constants.get(name, getattr(self.neuron, name)) for name in self.neuron.filtering]

    def traces(self, w: Weights, x: Any, start: State, steps: int) -> tuple[Any, list, list]:
        """Apply the filters to x, see `linear.traces`."""
        x = x.reshape(*x.shape[:2], *self.input_shape)
        return traces(x, start.x, self.decays(w), self.neuron.delay, steps, self._filters_learn)

    @property
    def _filters_learn(self) -> bool:
        return any(name in self.neuron.filtering for name in self.learn)

    @property
    def _filters_bias(self) -> bool:
        """Return whether the bias passes through the filters, like a synapse whose source fires at
        every step."""
        return bool(self.neuron.filtering) and not self.neuron.delay

    def forward(
        self,
        w: Weights,
        x: Any,
        start: State,
        steps: int,
        form: str = "hard",
        recorded: Array | None = None,
    ) -> Pass:
        """Run `steps` steps from the state `start`; x has as many steps, or `neuron.delay` fewer. A
        twin needs its form and the recorded membranes (steps, B, H', W', C_out)."""
        neuron = self.neuron
        decays = self.decays(w)
        p, end_x, of_x = self.traces(w, x, start, steps)
        c: Any = 1
        end_one: Any = start.one
        of_one: list = []
        if self._filters_bias:
            ones = np.ones((steps, 1, 1, 1, 1), p.dtype)
            c, end_one, of_one = traces(ones, start.one, decays, 0, steps, self._filters_learn)
        I = self.maps().conv(p, w.weight, self.stride) + c * w.bias
        jet = neuron.jet(form)
        before = [None] * steps if recorded is None else recorded
        makers = [neuron.at_work(w.constants, jet.about(u0, self.detach_reset)) for u0 in before]
        spikes = [jet.about(u0) for u0 in before]
        own, z, s = list(start.own), start.z, start.s
        of_own, of_I, of_z, u = [], [], [], []
        for t in range(steps):
            I_t = I[t]
            if self.recurrent:  # V receives the spikes of earlier steps
                after = advance(own, s, decays, True) if t or not neuron.delay else own
                of_own.append((own, s, after))
                own = after
                I_t = I_t + times(own[-1], w.recurrent)
            of_I.append(I_t)
            of_z.append(z)
            u_t, z = makers[t].forward(I_t, z)
            check_states(neuron, z, neuron.states, "forward")
            u_t = cast(u_t, p.dtype)
            z = tuple(cast(a, p.dtype) for a in z)
            u.append(u_t)
            s = spikes[t].value(u_t) if self.recurrent else s
        u = stack(u) if u else I
        if self.recurrent and neuron.delay:
            own = advance(own, s, decays, True)
        end = State(tuple(end_x), tuple(end_one), tuple(own), z, s)
        v = u
        spike = jet.about(recorded)
        shares = None
        if self.pool in ("max", "mean"):
            seen = value(u) if recorded is None else recorded
            shares = largest(seen) if self.pool == "max" else QUARTER
            v = gather(u, shares)
            spike = jet.about(None if recorded is None else gather(recorded, shares))
        y = u if self.readout else spike.value(v)
        y = gather(y, QUARTER) if self.pool == "spikes" else y
        filters = [of_x, of_one, of_own]
        made = list(zip(makers, spikes))
        return Pass(y, u, end, Tape(p, c, filters, of_I, of_z, u, made, v, spike, shares))

    # ---- backward

    def backward(
        self, w: Weights, tape: Tape, dy: Any, need_dx: bool = True
    ) -> tuple[Any, dict[str, Any]]:
        """Return (dx, adjoints), given dy. `adjoints` is a dictionary from names to the adjoints of
        arrays and constants. dx has `neuron.delay` fewer steps than dy, and is None if it is not
        needed."""
        neuron = self.neuron
        decays = self.decays(w)
        of_x, of_one, of_own = tape.filters
        du = self._of_membrane(tape, dy)
        dz = (np.zeros(tape.u.shape[1:], tape.u.dtype),) * len(neuron.states)
        down: list = [0.0] * len(decays)
        ds: Any = 0.0
        sums: dict[str, Any] = dict.fromkeys(self.learn, 0.0)
        dV: Any = 0.0
        dI = []

        def add(names: Any, adjoints: Any) -> None:
            for name, a in zip(names, adjoints):
                if name in sums:
                    sums[name] = sums[name] + total(a)

        for t in reversed(range(len(du))):
            maker, spike = tape.steps[t]
            u_t = tape.u[t]
            du_t = du[t] + ds * spike.slope(u_t) if self.recurrent else du[t]
            dI_t, dz, *dk = maker.backward(tape.I[t], tape.z[t], u_t, du_t, dz)
            check_states(neuron, dz, neuron.states, "backward")
            dI_t = cast(dI_t, u_t.dtype)
            dz = tuple(cast(a, u_t.dtype) for a in dz)
            dI.append(dI_t)
            add(neuron.learnable, dk[0] if dk else ())
            if self.recurrent:  # I = W p + b c + V h, h the last of own' = advance(own, s)
                dV = dV + self.maps().conv_weight(of_own[t][2][-1], dI_t, 1)
                down[-1] = down[-1] + times(dI_t, transposed(w.recurrent))
                learns = self._filters_learn and (t > 0 or not neuron.delay)
                kept = of_own[t] if learns else None
                ds, down, of_decays = advance_back(down, decays, True, kept)
                add(neuron.filtering, of_decays)
        dI = stack(dI[::-1]) if dI else du
        sums["weight"] = self.maps().conv_weight(tape.p, dI, self.kernel, self.stride)
        sums["bias"] = summed(dI * tape.c if self._filters_bias else dI)
        if self.recurrent:
            sums["recurrent"] = dV
        dx = None
        if need_dx or self._filters_learn:
            dp = self.maps().conv_input(dI, w.weight, self.stride, self.input_shape[:2])
            dx, of_decays = traces_back(dp, decays, neuron.delay, of_x)
            add(neuron.filtering, of_decays)
        if of_one:
            dc = stack([total(dI_t * w.bias) for dI_t in dI]).reshape(-1, 1, 1, 1, 1)
            add(neuron.filtering, traces_back(dc, decays, 0, of_one)[1])
        return dx, sums

    def _of_membrane(self, tape: Tape, dy: Any) -> Any:
        """Compute du from dy, back through spike and pooling."""
        if self.readout:
            return dy
        if self.pool == "spikes":  # y = gather(spike(u))
            dy = scatter(dy, QUARTER, self.sites)
        dv = dy * tape.spike.slope(tape.v)  # y = spike(v)
        return dv if tape.shares is None else scatter(dv, tape.shares, self.sites)
