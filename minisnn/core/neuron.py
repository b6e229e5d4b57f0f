"""What every neuron is: constants, checked, and one step forward and one back.

    forward(I, z) -> (u, z')                     the membrane u, and the states of the next step
    backward(I, z, u, du, dz) -> (dI, dz, dk)    adjoints; dk those of the constants in `learnable`

I is the current of its synapse, z a tuple of the states before the step, zero at the start; du and
dz on the way in are the adjoints of u and z'. In a step self.spike(u) is the spike and self.slope(u)
its derivative, the surrogate; a constant that is learned is a number that may have a derivative, and
so may all that a step is given (`dual`): the second derivatives are these same two methods'.

Both work element by element: no site sees another. They need not know whether the reset is
detached, which twin is computed, or where the window begins.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, fields
from math import exp, inf
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..arguments import number, one_of, shown
from ..parallel.once import once
from .dual import Array, Dual, cast, curve, derivative, logistic, value
from .surrogate import FastSigmoid, Spike, Surrogate

SLOPE = 10.0
OWN = "own"  # a neuron's kind that no file can name
FIRST = "lif"  # what a file means that names no kind, as those of version 0.1
TANGENTS = ("forward_tangent", "backward_tangent")


class computed:
    """A property that a step gives another value (`at_work`)."""

    def __init__(self, function: Callable[[Any], Any]):
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, neuron: Any, owner: type | None = None) -> Any:
        return self if neuron is None else self.function(neuron)


class Dynamics:
    """What the network asks of a neuron. Its class is a frozen dataclass of floats, and says

    states      names of its states z
    learnable   names of constants of its step that can be learned, in the order of dk
    delay       steps from a spike to the membranes it reaches: 2, one for each of the synapse's
                filters (`LIF`), or 0 (`CubaLIF`)
    decaying    names of constants that lie in [0, 1); those of the classes it is made of stay
    pools       how a layer pools where it is asked for "max" or "mean": of the membrane, or the
                mean of the "spikes"
    fires       whether it has a spike at all; a readout need not
    scales      whether its spikes stay where current and threshold are scaled alike
    """

    states: ClassVar[tuple[str, ...]] = ()
    learnable: ClassVar[tuple[str, ...]] = ()
    delay: ClassVar[int] = 2
    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "mean"}
    fires: ClassVar[bool] = True
    scales: ClassVar[bool] = False
    learns: ClassVar[bool] = True  # in a step: whether anybody asks for dk
    kind: ClassVar[str]
    alpha: float
    beta: float
    forward: ClassVar[Callable]
    backward: ClassVar[Callable]

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
            if f.name != "surrogate":
                constant = number(f"{kind} {f.name}", getattr(self, f.name))
                object.__setattr__(self, f.name, constant)
        for name in self.decaying:
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{kind} {name} must lie in [0, 1), not {getattr(self, name)}")
        if getattr(self, "gain", 1) == 0:
            raise ValueError(f"{kind} gain must not be 0, with which a network sees nothing")
        if getattr(self, "slope", 1) <= 0:
            raise ValueError(f"{kind} slope must be positive, not {getattr(self, 'slope', 1)}")
        self._check_surrogate(kind)

    def _check_surrogate(self, kind: str) -> None:
        surrogate = getattr(self, "surrogate", None)
        if surrogate is None:
            return
        if not isinstance(surrogate, Surrogate):
            raise ValueError(
                f"{kind} surrogate must be a minisnn.Surrogate with sigma, prime and second, not "
                f"{shown(surrogate)}"
            )
        if getattr(self, "slope", SLOPE) != SLOPE:
            raise ValueError(
                f"{kind} surrogate is given, so slope, that of the surrogate in its place, has no "
                "effect; leave one of them out"
            )

    def __repr__(self) -> str:
        constants = ", ".join(f"{name}={value!r}" for name, value in self._constants().items())
        return f"{type(self).__name__}({constants})"

    def _constants(self) -> dict[str, Any]:
        constants = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {name: a for name, a in constants.items() if name != "surrogate" or a is not None}

    def configuration(self) -> dict[str, Any]:
        """What `neuron_of` makes the neuron from; of parts of your own the words only."""
        kind = self.says("kind")
        if not kind:
            return {"kind": OWN, "words": repr(self)}
        constants = self._constants()
        if "surrogate" in constants:
            constants["surrogate"] = repr(constants["surrogate"])
        return {**({} if kind == FIRST else {"kind": kind}), **constants}

    @computed
    def spike(self) -> Any:
        """The surrogate of the neuron's spike; in a step, the spike itself as a function of u."""
        return getattr(self, "surrogate", None) or FastSigmoid(getattr(self, "slope", SLOPE))

    def jet(self, form: str) -> Any:
        """Its spike and the slope of that, as functions."""
        return Spike(self.spike, getattr(self, "threshold", 0.0), form)

    @property
    def filtering(self) -> tuple[str, ...]:
        """Constants that are the decays of the synapse's filters: the current's, and where it
        delays the membrane's.

        >>> ms.LIF().filtering, ms.CubaLIF().filtering
        (('beta', 'alpha'), ('beta',))
        """
        return ("beta", "alpha") if self.delay else ("beta",)

    @property
    def readout(self) -> "Dynamics":
        """The neuron of the readout."""
        return self if self.delay else Leaky(self.alpha, self.beta)

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


@dataclass(frozen=True, repr=False)
class LIF(Dynamics):
    """Constants of the paper's neuron.

    Its states p, q, r start at zero; x_t are presynaptic spikes, or gain * event count in the first
    layer.

        u_t = W p_t + b - rho r_t                p_{t+1} = alpha p_t + (1 - alpha) q_t
        s_t = 1 if u_t >= threshold else 0       q_{t+1} = beta  q_t + (1 - beta)  x_t
                                                 r_{t+1} = gamma r_t + (1 - gamma) s_t

    alpha, beta, gamma   decay per step of the membrane, synaptic and refractory trace, in [0, 1)
    rho                  strength of the reset; 0 switches it off
    threshold            firing threshold of u
    slope                kappa of the surrogate derivative 1 / (kappa |u - threshold| + 1)^2
    gain                 factor on the event counts that enter the first layer
    surrogate            a `Surrogate` in place of that derivative, or None

    The defaults are the constants of the paper's authors (steps of 1 ms: time constants 19.5, 9.5
    and 2.3 ms). Raises ValueError for constants out of range. Source: Stewart & Neftci 2022, Eq. 4
    and 5.

    >>> ms.LIF(rho=0.0)
    LIF(alpha=0.95, beta=0.9, gamma=0.65, rho=0.0, threshold=0.0, slope=10.0, gain=10.0)
    """

    alpha: float = 0.95
    beta: float = 0.9
    gamma: float = 0.65
    rho: float = 1.0
    threshold: float = 0.0
    slope: Any = SLOPE
    gain: float = 10.0
    surrogate: Surrogate | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "lif"
    chip: ClassVar[str] = "lif"
    states: ClassVar[tuple[str, ...]] = ("r",)
    learnable: ClassVar[tuple[str, ...]] = ("gamma",)
    decaying: ClassVar[tuple[str, ...]] = ("gamma",)

    def forward(self, I, z):
        (r,) = z
        u = I - self.rho * r
        return u, (self.gamma * r + (1 - self.gamma) * self.spike(u),)

    def backward(self, I, z, u, du, dz):
        (r,) = z
        (dr,) = dz
        du = du + (1 - self.gamma) * dr * self.slope(u)  # r' = gamma r + (1 - gamma) spike(u)
        dgamma = dr * (r - self.spike(u)) if self.learns else None
        return du, (self.gamma * dr - self.rho * du,), (dgamma,)  # u = I - rho r

    @property
    def silent_bias(self) -> float:
        """What has just fired is reset, and a small inner step moves the membrane by less."""
        return self.threshold - 10 * self.rho

    @classmethod
    def from_time_constants(
        cls,
        tau_membrane: float = 19.5e-3,
        tau_synapse: float = 9.5e-3,
        tau_refractory: float = 2.3e-3,
        dt: float = 1e-3,
        **others: Any,
    ) -> "LIF":
        """The neuron with decays exp(-dt / tau); all times in seconds. Raises ValueError for times
        that are not positive.

        >>> neuron = ms.LIF.from_time_constants(tau_membrane=20e-3, dt=1e-3)
        >>> round(neuron.alpha, 4)
        0.9512
        """
        times = dict(tau_membrane=tau_membrane, tau_synapse=tau_synapse)
        times |= dict(tau_refractory=tau_refractory, dt=dt)
        for name, time in times.items():
            if not time > 0:
                raise ValueError(f"LIF {name} must be a positive time in seconds, not {time!r}")
        taus = (tau_membrane, tau_synapse, tau_refractory)
        return cls(*(exp(-dt / tau) for tau in taus), **others)


@dataclass(frozen=True, repr=False)
class CubaLIF(Dynamics):
    """Constants of the current-based neuron with a hard reset: what Loihi and most simulators call
    LIF.

    Its states are zero at the start, and there is no delay within a step. x_t are presynaptic
    spikes, or gain * event count in the first layer.

        i_t = beta i_{t-1} + (1 - beta) (W x_t + b)        w_t = alpha v_{t-1} + (1 - alpha) i_t
        s_t = 1 if w_t >= threshold else 0                 v_t = w_t (1 - s_t)

    The bias is one more synapse, from a source that fires at every step. "max" pooling is the OR of
    four spikes, "mean" their mean. The readout is a leaky integrator (`Leaky`). Stewart et al. 2024
    (arXiv 2408.15800) meta-train this neuron.

    alpha, beta   decay per step of the membrane and of the current, in [0, 1)
    threshold     firing threshold of w
    slope         kappa of the surrogate 1 / (kappa |w - threshold| + 1)^2
    gain          factor on the event counts that enter the first layer
    surrogate     a `Surrogate` in its place, or None

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF(threshold=0.5))
    >>> net.neuron.threshold, net.blocks[-1].neuron.fires
    (0.5, False)
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.3
    slope: Any = SLOPE
    gain: float = 10.0
    surrogate: Surrogate | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "cuba"
    nir: ClassVar[str] = "CubaLIF"
    chip: ClassVar[str] = "cuba"
    scales: ClassVar[bool] = True
    states: ClassVar[tuple[str, ...]] = ("v",)
    learnable: ClassVar[tuple[str, ...]] = ("alpha",)
    delay: ClassVar[int] = 0
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "spikes"}

    def forward(self, I, z):
        (v,) = z
        u = I + self.alpha * (v - I)
        return u, (u * (1 - self.spike(u)),)

    def backward(self, I, z, u, du, dz):
        (v,) = z
        (dv,) = dz
        du = du + dv * (1 - self.spike(u) - u * self.slope(u))  # v' = u (1 - spike(u))
        dalpha = du * (v - I) if self.learns else None
        return (1 - self.alpha) * du, (self.alpha * du,), (dalpha,)  # u = alpha v + (1 - alpha) I


@dataclass(frozen=True, repr=False)
class Leaky(Dynamics):
    """The readout of a network of `CubaLIF`: the synapse's two filters, no spike and no reset.

    v_t = alpha v_{t-1} + (1 - alpha) i_t      the membrane, is what the second filter gives
    """

    alpha: float
    beta: float
    delay: ClassVar[int] = 0
    fires: ClassVar[bool] = False
    threshold: ClassVar[float] = inf  # never reached

    @property
    def filtering(self) -> tuple[str, ...]:
        """Both filters are the synapse's."""
        return ("beta", "alpha")

    def forward(self, I, z):
        return I, z

    def backward(self, I, z, u, du, dz):
        return du, dz, ()


@dataclass(frozen=True, repr=False)
class Softplus(Dynamics):
    """What a layer of the CNN has in place of a neuron: no time, no state, and a smooth "spike"
    (Dugas et al. 2001)

        y = log(1 + exp(u))       its slope s = 1 / (1 + exp(-u))       its curvature s (1 - s)
    """

    delay: ClassVar[int] = 0
    fires: ClassVar[bool] = False
    threshold: ClassVar[float] = 0.0
    filtering = ()
    forward = Leaky.forward
    backward = Leaky.backward

    def __post_init__(self) -> None:
        """There are no constants to check."""

    def jet(self, form: str) -> Any:
        """Itself: it is smooth in every form."""
        return self

    def about(self, recorded: Any, detached: bool = False) -> Any:
        """Itself: there is nothing to freeze."""
        return self

    def value(self, u: Any) -> Any:
        """log(1 + exp(u)), without overflow."""
        return curve(lambda a: np.logaddexp(0, a), logistic)(u)

    def slope(self, u: Any) -> Any:
        """1 / (1 + exp(-u))"""
        return logistic(u)

    @property
    def readout(self) -> "Softplus":
        """The same: a readout hands on its u."""
        return self


@dataclass(frozen=True, repr=False)
class Neuron(Dynamics):
    """The base of a neuron of your own: its constants, and ONE step, forward and backward.

    It is a dataclass (frozen=True) whose constants are all floats, and names what `Dynamics` lists
    as far as that differs. `states` names the states z, which are zero at the start:

        forward(I, z) -> (u, z')
        backward(I, z, u, du, dz) -> (dI, dz, dk)

    forward gives the membrane u and the states z' of the next step; backward goes from the adjoints
    of u and z' to those of I and z, and to dk, those of the constants that `learnable` names: of
    each its part at every site, () where there are none. In both self.spike(u) is the spike of u
    and self.slope(u) its derivative. What they compute must be arithmetic, or a function that
    `dual.RULES` has (np.exp, np.tanh, ...): second derivatives come by the same two methods.

    I is W p_t + b of presynaptic traces as of `LIF`, with its delay of two steps. In a class with
    `delay = 0` it is the current i_t = beta i_{t-1} + (1 - beta) (W x_t + b) of `CubaLIF`, and the
    readout is then a leaky integrator. Other tools and chips do not know such neurons.
    `gradcheck.check(net)` proves the two methods.

    A class of version 0.2 with four passes (forward(I, z, spike), backward(at, du, dz),
    forward_tangent, backward_tangent) still runs.

    >>> class Plain(ms.Neuron):
    ...     def forward(self, I, z):
    ...         return I, z
    ...     def backward(self, I, z, u, du, dz):
    ...         return du, dz, ()
    >>> net = ms.SpikingNet((4,), (), ways=2, neuron=Plain(), window=8, backend="numpy")
    >>> ms.gradcheck.check(net, inner_steps=()).ok
    True
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.0
    slope: Any = SLOPE
    gain: float = 10.0
    surrogate: Surrogate | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        kind = type(self).__name__
        tangents = [name for name in TANGENTS if hasattr(self, name)]
        needed = ("forward", "backward", *(TANGENTS if tangents else ()))
        lacks = [name for name in needed if not callable(getattr(self, name, None))]
        if lacks:
            raise ValueError(
                f"{kind} lacks {', '.join(lacks)}; a neuron has the methods {', '.join(needed)}"
            )
        if self.delay not in (0, 2):
            raise ValueError(
                f"{kind} delay must be 2 (traces as of LIF) or 0 (a current), not {self.delay!r}"
            )


NEURONS = {"lif": LIF, "cuba": CubaLIF}  # by the kind that files name


def neuron_of(configuration: dict[str, Any]) -> Any:
    """The neuron of a `configuration()`; without a "kind" it is an LIF, as in checkpoints of
    version 0.1."""
    constants = dict(configuration)
    kind = constants.pop("kind", FIRST)
    if kind == OWN or "surrogate" in constants:
        what = f"neuron is {constants.get('words')}"
        if kind != OWN:
            what = f"neuron has the surrogate {constants['surrogate']}"
        raise ValueError(
            f"the network's {what}, an object of your own; in Python: load(path, neuron=...)"
        )
    one_of("the neuron's kind", kind, NEURONS)
    return NEURONS[kind](**constants)


# ---- at work


def at_work(neuron: Any, constants: dict[str, Any], jet: Any) -> Any:
    """What makes the steps of a layer: the neuron with its learned constants at these values,
    self.spike and self.slope the functions of `jet`."""
    if hasattr(neuron, "forward_tangent"):
        return FourPasses(neuron, constants, jet)
    worker = copy(neuron)
    learns = any(name in neuron.learnable for name in constants)
    vars(worker).update(constants, spike=jet.value, slope=jet.slope, learns=learns)
    return worker


class At:
    """A step of four passes where its derivatives are taken: the current I, the states z before it,
    the membrane u, the constants that may be learned; and value, slope and curvature of its spike.

    Slope and curvature are zero where the reset is detached. Arrays (B, H, W, C).
    """

    def __init__(self, I: Array, z: tuple, u: Array, constants: tuple, jet: Any):
        self.I = I
        self.z = z
        self.u = u
        self.constants = constants
        self._jet = jet

    @once
    def spike(self) -> Array:
        """Its value, 1 or 0."""
        return self._jet.value(self.u)

    @once
    def slope(self) -> Array:
        """Its first derivative by u."""
        return self._jet.slope(self.u)

    @once
    def curvature(self) -> Array:
        """Its second derivative by u."""
        return derivative(self._jet.slope(Dual(self.u, np.ones_like(self.u))))


class Dot(NamedTuple):
    """Directional derivatives at a step of I, z, u and the constants that may be learned."""

    I: Array
    z: tuple[Array, ...]
    u: Array
    constants: tuple[Array, ...] = ()


class FourPasses:
    """The two methods of a neuron that has four passes, with derivatives by its own tangents:

        forward(I, z, spike) -> (u, z')
        backward(at, du, dz) -> (dI, dz)
        forward_tangent(at, I_dot, z_dot) -> (u_dot, z_dot')
        backward_tangent(at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot)

    To these, constants that may be learned are states behind the others, which keep their values.
    """

    def __init__(self, neuron: Any, constants: dict[str, Any], jet: Any):
        self.neuron = copy(neuron)
        vars(self.neuron).update({name: value(a) for name, a in constants.items()})
        self.constants = [constants.get(name, getattr(neuron, name)) for name in neuron.learnable]
        self.jet = jet

    def forward(self, I, z):
        z = (*z, *self._constants_like(I))
        u, after = self.neuron.forward(value(I), _values(z), self.jet.value)
        self._check(after, "forward")
        if _any_dual(I, *z):
            at = self._at(I, z, u)
            u_dot, after_dot = self.neuron.forward_tangent(at, derivative(I), _derivatives(z))
            self._check(after_dot, "forward_tangent")
            u = _dual(u, u_dot)
            after = tuple(map(_dual, after, after_dot))
        return u, after[: len(self.neuron.states)]

    def backward(self, I, z, u, du, dz):
        n = len(z)
        constants = self._constants_like(I)
        z = (*z, *constants)
        dz = (*dz, *(np.zeros_like(value(I)) for _ in constants))
        at = self._at(I, z, value(u))
        dI, before = self.neuron.backward(at, value(du), _values(dz))
        self._check(before, "backward")
        if _any_dual(I, *z, du, *dz):
            z_dot = _derivatives(z)
            dot = Dot(derivative(I), z_dot[:n], derivative(u), z_dot[n:])
            adjoints = value(du), _values(dz), derivative(du), _derivatives(dz)
            dI_dot, before_dot = self.neuron.backward_tangent(at, dot, *adjoints)
            self._check(before_dot, "backward_tangent")
            dI = _dual(dI, dI_dot)
            before = tuple(map(_dual, before, before_dot))
        return dI, before[:n], before[n:]

    def _constants_like(self, I):
        return tuple(a + np.zeros_like(value(I)) for a in self.constants)

    def _at(self, I, z, u):
        n = len(self.neuron.states)
        z = _values(z)
        return At(value(I), z[:n], u, z[n:], self.jet)

    def _check(self, states, name):
        names = (*self.neuron.states, *self.neuron.learnable)
        check_states(self.neuron, states, names, name)


def check_states(neuron: Any, states: Any, names: tuple[str, ...], method: str) -> None:
    """ValueError where a method does not return one array for each state."""
    if isinstance(states, tuple) and len(states) == len(names):
        return
    found = type(states).__name__
    if hasattr(states, "__len__"):
        found = f"{len(states)} in a {found}"
    raise ValueError(
        f"{type(neuron).__name__}.{method} returned {found} for its states; expected a tuple of "
        f"{len(names)} ({', '.join(names) or 'none'})"
    )


def _any_dual(*numbers):
    return any(isinstance(a, Dual) for a in numbers)


def _dual(x, d):
    return Dual(x, cast(d, x.dtype))


def _values(z):
    return tuple(value(a) for a in z)


def _derivatives(z):
    return tuple(derivative(a) for a in z)
