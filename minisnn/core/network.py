"""The class `Network`: settings, theta by name, initialisation, features, and Jacobian products.

The gradient and H v are in its base class, `loops.Loops`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from inspect import signature
from typing import Any, NamedTuple, Self

import numpy as np

from ..arguments import (
    array,
    finite,
    floating,
    generator,
    is_sequence,
    must,
    number,
    one_of,
    whole,
    wholes,
)
from ..parallel.threads import in_order
from .architecture import Named, built, configuration_of, loss_of, neuron_of
from .dual import Array, derivative
from .init import lsuv, orthogonal
from .layer import Parameter
from .linear import at_steps, traces, traces_back
from .loops import Gradients, Loops, Passes, Record, parts_of
from .loss import LOSSES

__all__ = ["Gradients", "LossAndGradient", "Network", "Seen", "at_steps", "parts_of"]
BACKENDS = ("numba", "numpy")


class Seen(NamedTuple):
    """Features p (B, F) and logits (B, ways) of the same samples."""

    p: Array
    logits: Array


class LossAndGradient(NamedTuple):
    """The mean loss over the batch, and its gradient, which is flat like theta."""

    loss: float
    gradient: Array


class Features(NamedTuple):
    """Features p (B, F), which are the inputs of the readout's weights, and their pullback: dp (B,
    F) -> (dp / dtheta)^T dp, flat and zero in the readout."""

    p: Array
    pullback: Callable[[Array], Array]


class Jvp(NamedTuple):
    """The logits (B, ways), and their directional derivative."""

    logits: Array
    logits_dot: Array


class Adjoints(NamedTuple):
    """J^T dlogits, in two arrays: dtheta, flat like theta, and dx, in the shape of the event counts
    x."""

    dtheta: Array
    dx: Array


class Vjp(NamedTuple):
    """The logits (B, ways), and their pullback: dlogits (B, ways) -> `Adjoints`."""

    logits: Array
    pullback: Callable[[Array], Adjoints]


class Linearized(NamedTuple):
    """The logits (B, ways) for one theta and one x, and products with their Jacobian J.

    jvp(theta_dot, x_dot)   logits_dot (B, ways); either may be None, meaning zero
    vjp(dlogits)            `Adjoints`
    """

    logits: Array
    jvp: Callable[..., Array]
    vjp: Callable[[Array], Adjoints]


def each(of_part: Callable, parts: Sequence) -> list:
    """Return the results of `of_part` for all parts, in order."""
    results: list = []
    in_order(of_part, parts, results.append)
    return results


class Engine(Passes):
    """`Passes`, together with further computations on the layers: single layers, and features."""

    def layer(self, n: int, y: Any, membranes: bool = False) -> tuple[Any, Any]:
        """Return (membranes in the window, output) for layer n, given its input y from the first
        step on."""
        layer = self.net.blocks[n]
        result = layer.forward(self.w[n], y, layer.begin(y.shape[1], self.net.dtype), len(y))
        return result.u[-self.net.window :], result.y

    def dense(self, y: Any) -> Array:
        """Return a layer's output as an array (B, T, H, W, C)."""
        return np.swapaxes(y, 0, 1)

    def outputs(self, x: Array) -> Iterator[Array]:
        """Yield the output of each layer below the readout."""
        y = self.enter(x)
        for n in range(len(self.net.blocks) - 1):
            y = self.layer(n, y)[1]
            yield self.dense(y)

    def features(self, window: Any, at: Sequence[int]) -> tuple[Array, Any]:
        """Return (features, passes). The features (B, readings F) are the readout's traces at some
        steps of the window."""
        passes = self.passes(self.w[:-1], window)
        y = passes[-1].y if passes else window.x
        readout, start = self.net.blocks[-1], window.starts[-1]
        p = readout.traces(self.w[-1], y, start, len(window.x))[0][list(at)]
        return np.swapaxes(p, 0, 1).reshape(p.shape[1], -1), passes

    def seen(self, window: Any) -> tuple[Array, Array]:
        """Return (features at the last step, logits), both from one pass."""
        logits, passes = self.forward(self.w, window)
        return passes[-1].tape.p[-1].reshape(len(logits), -1), logits


# the function that computes (features, logits); `meta.remembered` replaces it by one that caches
answer: ContextVar[Callable] = ContextVar("answer", default=lambda net, *of: net._seen(*of))


class Network(Loops):
    """The base class of `SpikingNet` and `ConvNet`: a network over one flat theta."""

    reference = Engine
    init_rate = 0.288
    init_rounds = 5
    threshold = 0.0  # initialisation makes a share `init_rate` of the readout's membranes exceed it

    # ---- settings

    def _configure(
        self,
        input_shape: Any,
        named: list[Named],
        ways: Any,
        dtype: Any,
        loss: Any,
        backend: Any,
        neuron: Any,
        learn: tuple[str, ...] = (),
        **how: Any,
    ) -> None:
        """Check and store the settings that all networks have, and lay out theta."""
        shape = input_shape if is_sequence(input_shape) else (input_shape,)
        self.input_shape = wholes("input_shape", shape)
        good = len(self.input_shape) in (1, 3) and min(self.input_shape) > 0
        must("input_shape", good, "(H, W, C) or (features,), positive", input_shape)
        self.ways = whole("ways", ways, 1)
        self.dtype = floating("dtype", dtype)
        self.criterion = loss_of(loss)
        self.loss_name = self.criterion.name
        one_of("backend", backend, BACKENDS)
        self.backend = backend
        self.blocks = built(named, self.ways, self.input_shape, neuron, learn, **how)
        layout: list[Parameter] = []
        self.size = 0
        for layer in self.blocks:
            for name, shape in layer.parameters().items():
                part = slice(self.size, self.size + int(np.prod(shape)))
                layout.append(Parameter(layer.name, name, shape, part))
                self.size = part.stop
        self.layout = tuple(layout)
        self.learned = [p for p in self.layout if p.part in learn]
        for layer in self.blocks:
            for name in layer.learn:
                layer.held(name)

    def _settings(self) -> dict[str, Any]:
        """Return the arguments with which the network was created."""
        settings = {**vars(self), "loss": self.criterion}
        return {name: settings[name] for name in signature(type(self)).parameters}

    def configuration(self) -> dict[str, Any]:
        """All settings in plain JSON types, from which `from_configuration` builds the network
        again. A custom neuron or loss appears only as text, and must be passed to
        `from_configuration` again.

        >>> settings = ms.SpikingNet((6,), (), ways=3).configuration()
        >>> settings["input_shape"], settings["ways"], settings["pool"]
        ([6], 3, 'max')
        """
        plain = {name: configuration_of(a) for name, a in self._settings().items()}
        return {name: a for name, a in plain.items() if a or name not in ("layers", "learn")}

    @classmethod
    def from_configuration(cls, configuration: dict[str, Any], **changes: Any) -> Self:
        """Build the network that a `configuration()` describes. Keyword arguments replace entries
        of the configuration.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> ms.SpikingNet.from_configuration(net.configuration(), ways=5).ways
        5
        """
        settings = {**configuration, **changes}
        if isinstance(settings.get("neuron"), dict):
            settings["neuron"] = neuron_of(settings["neuron"])
        return cls(**settings)

    @property
    def own(self) -> str:
        """A text that lists the network's custom objects, which files and other tools cannot store.
        It is empty if there are none."""
        settings = self.configuration()
        parts = [settings, *settings.get("layers", ())]
        plain = [*(part.get("neuron") for part in parts), settings["loss"]]
        words = [a.get("words") or a.get("surrogate") for a in plain if isinstance(a, dict)]
        return " and ".join(word for word in words if word)

    @property
    def beyond(self) -> str:
        """A text that lists every feature of the network beyond identical conv layers, dense layers
        and a readout of the last membrane. It is empty if there are none.

        >>> ms.SpikingNet((6,), layers=[ms.Dense(5, recurrent=True)], ways=3, learn=("alpha",)).beyond
        'layers given as a list, learned constants (alpha)'
        """
        settings = self.configuration()
        words = ["layers given as a list"] if "layers" in settings else []
        learn = ", ".join(settings.get("learn", ()))
        words += [f"learned constants ({learn})"] * bool(learn)
        return ", ".join(words + [f"readout {self.readout!r}"] * (self.readout != "last"))

    def like(self, **changes: Any) -> Self:
        """Return a network like this one, but with some settings changed.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> net.like(dtype="float64").dtype, net.like(ways=5).ways
        (dtype('float64'), 5)
        """
        return type(self)(**{**self._settings(), **changes})

    def __repr__(self) -> str:
        loss: Any = self.loss_name if self.loss_name in LOSSES else self.criterion
        settings = {**self._settings(), "loss": loss, "dtype": self.dtype.name}
        words = ", ".join(f"{name}={a!r}" for name, a in settings.items())
        return f"{type(self).__name__}({words}), {self.size} parameters"

    @property
    def apart(self) -> bool:
        """True if a sample's results do not depend, to the bit, on the rest of its batch.

        >>> ms.SpikingNet((6,), (), ways=3).apart
        True
        """
        return self.backend == "numba"

    # ---- theta

    def views(self, theta: Array) -> dict[str, Array]:
        """The arrays in theta by name. They are views, not copies.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> theta = np.zeros(net.size, np.float32)
        >>> net.views(theta)["readout.bias"][...] = 1
        >>> {name: array.shape for name, array in net.views(theta).items()}, float(theta.sum())
        ({'readout.weight': (6, 3), 'readout.bias': (3,)}, 3.0)
        """
        self._flat(theta, "theta")
        return {p.name: theta[p.slice].reshape(p.shape) for p in self.layout}

    def slice_of(self, layer: str) -> slice:
        """The slice of theta that holds a layer's arrays.

        >>> ms.SpikingNet((6,), (), hidden=(5,), ways=3).slice_of("readout")
        slice(35, 53, None)
        """
        parts = [p.slice for p in self.layout if p.layer == layer]
        return slice(parts[0].start, parts[-1].stop)

    def parameters(self, theta: Array) -> list[tuple[Any, Array, Array]]:
        """Return (layer, weight (k, k, C_in, C_out), bias) for every layer. The weight and bias are
        views into theta, and the layer's neuron has the learned constants."""
        self._flat(theta, "theta")
        triples = []
        for layer, w in zip(self.blocks, self.weights(theta)):
            constants = {name: float(a) for name, a in w.constants.items()}
            layer = replace(layer, neuron=replace(layer.neuron, **constants))
            triples.append((layer, w.weight, w.bias))
        return triples

    def constants(self, theta: Array) -> dict[str, float]:
        """The learned constants by name. A decay is given as itself, not as its logit.

        >>> net = ms.SpikingNet((6,), layers=[ms.Dense(5)], ways=3, learn=("alpha",))
        >>> constants = net.constants(net.init(np.random.default_rng(0)))
        >>> {name: round(constant, 6) for name, constant in constants.items()}
        {'dense1.alpha': 0.95}
        """
        layers = [layer for layer, _, _ in self.parameters(theta)]
        return {f"{b.name}.{name}": getattr(b.neuron, name) for b in layers for name in b.learn}

    def without_readout(self, vector: Array) -> Array:
        """Return a copy of a vector that is flat like theta, with zeros for the readout.

        >>> net = ms.SpikingNet((6,), (), ways=3, hidden=(5,))
        >>> int(net.without_readout(np.ones(net.size)).sum()) == net.size - (5 * 3 + 3)
        True
        """
        vector = vector.copy()
        vector[self.slice_of("readout")] = 0
        return vector

    def with_silent_readout(self, theta: Array) -> Array:
        """Return a copy of theta in which the readout's weights are zero. Its bias is the same for
        all classes, and so low that no readout neuron fires in the first inner steps."""
        theta = self.without_readout(theta)
        self.views(theta)["readout.bias"][...] = self.blocks[-1].neuron.silent_bias
        return theta

    def readout_bias(self, steps: int) -> float | None:
        """Return the factor by which the readout's bias enters the logits after this many steps.
        Return None if the readout resets, like that of `LIF`, because the logits are then not
        linear in the bias."""
        neuron = self.blocks[-1].neuron
        decays = [getattr(neuron, name) for name in neuron.filtering]
        ones = np.ones((steps, 1))
        return None if neuron.fires else float(traces(ones, [0.0, 0.0], decays, 0, steps)[0][-1, 0])

    def init(
        self,
        rng: np.random.Generator,
        x: Array | None = None,
        rate: float | None = None,
        readout: str = "fit",
        variance: float = 1.0,
        rounds: int | None = None,
    ) -> Array:
        """Return an initial theta: orthogonal weights and zero biases, scaled and shifted to fit x
        if it is given (`init.lsuv`).

        x          event counts, as in the other methods
        rate       share of membranes above the threshold after the fit; None: the network's default
        variance   variance of the membranes (in a `ConvNet`: of the softplus's inputs) after the fit
        readout    "fit", or "zero": zero weights and biases, so that no class is preferred
        rounds     rounds of the fit; None: the network's default

        With readout="zero" the first inner step makes the readout a classifier by similarity to the
        support, so that meta-training makes progress from the beginning. Kao, Chiu & Chen 2022
        ("MAML is a noisy contrastive learner in classification", ICLR) call this the zeroing trick
        and explain why it helps.

        >>> net = ms.SpikingNet((8, 8, 2), channels=(4,), ways=3)
        >>> theta = net.init(np.random.default_rng(0), readout="zero")
        >>> theta.shape == (net.size,), float(np.abs(net.views(theta)["readout.weight"]).max())
        (True, 0.0)
        """
        generator("rng", rng)
        one_of("readout", readout, ("fit", "zero"))
        what = "a positive number"
        must("variance", number("variance", variance, what) > 0, what, variance)
        if rounds is not None:
            whole("rounds", rounds, 1)
        theta = orthogonal(self, rng)
        if x is not None:
            rate = self.init_rate if rate is None else rate
            rounds = self.init_rounds if rounds is None else rounds
            theta = lsuv(self, theta, x, rate, variance, rounds, readout == "fit")
        return self.without_readout(theta) if readout == "zero" else theta

    # ---- logits and losses

    def __call__(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Array:
        """Logits (B, ways)."""
        return self._answer(theta, x, spike, record).logits

    def _answer(self, theta, x, spike, record) -> Seen:
        if spike == "hard":
            return answer.get()(self, theta, x)
        return self._seen(theta, x, spike, record)

    def _seen(self, theta, x, spike="hard", record=None) -> Seen:
        theta, x, twin = self._taken(theta, x, spike, record)
        engine = self._engine(theta, twin, 0)
        parts = parts_of(len(x), self.inference_part)
        seen = each(lambda part: engine.seen(engine.part(x, part)), parts)
        p, logits = map(np.concatenate, zip(*seen))
        return Seen(p, finite("logits", logits, self.dtype))

    def loss(
        self, theta: Array, x: Array, y: Array, *, spike: str = "hard", record: Record | None = None
    ) -> float:
        """Mean loss over the batch.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> isinstance(net.loss(theta, x, y), float)
        True
        """
        logits = self(theta, x, spike=spike, record=record)
        return float(self.criterion.value(logits, self._target(y, logits.shape)))

    def loss_and_gradient(
        self, theta: Array, x: Array, y: Array, *, spike: str = "hard", record: Record | None = None
    ) -> LossAndGradient:
        """Return (loss, gradient): the mean loss over the batch, and its gradient, which is flat
        like theta.

        A spiking network's gradient has surrogate derivatives at every spike and is otherwise exact
        backpropagation through the last `window` steps, the reset included. The jet form, at its
        own record, has exactly the same loss and gradient.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> loss, gradient = net.loss_and_gradient(theta, x, y)
        >>> gradient.shape == theta.shape
        True
        """
        return LossAndGradient(*self.gradients(theta, x, y, False, spike=spike, record=record)[:2])

    def hessian_vector_product(
        self,
        theta: Array,
        x: Array,
        y: Array,
        v: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Array:
        """H v, where H is the Hessian of the loss at theta; both v and H v are flat like theta. H
        itself is never formed.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> net.hessian_vector_product(theta, x, y, np.ones_like(theta)).shape == theta.shape
        True
        """
        return self.gradients(theta, x, y, spike=spike, record=record).hvp(v)

    def record(self, theta: Array, x: Array) -> Record:
        """Return the quantities that a twin keeps fixed. For each layer this is a dictionary with
        `start`, the layer's state at the window's start, and `u`, its membranes within the window
        (B, n, H, W, C).

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> record = net.record(theta, x)
        >>> bool(np.isclose(net.loss(theta, x, y, spike="jet", record=record), net.loss(theta, x, y)))
        True
        """
        theta, x, _ = self._taken(theta, x)
        engine = Engine(self, theta)
        window = engine.part(x, slice(None))
        passes = engine.through(engine.w, window.x, window.starts)
        membranes = [np.swapaxes(result.u, 0, 1) for result in passes]
        return [{"start": start, "u": u} for start, u in zip(window.starts, membranes)]

    def activity(self, theta: Array, x: Array) -> dict[str, float]:
        """The mean output of each layer below the readout, after pooling; the mean is over batch,
        time and sites.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> [(name, 0 <= rate <= 1) for name, rate in net.activity(net.init(np.random.default_rng(0), x), x).items()]
        [('hidden1', True)]
        """
        theta, x, _ = self._taken(theta, x)
        outputs = self._engine(theta, backs=0).outputs(x)
        return {layer.name: float(y.mean(dtype=float)) for layer, y in zip(self.blocks, outputs)}

    # ---- features

    def features(
        self,
        theta: Array,
        x: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
        readings: int = 1,
    ) -> Array:
        """The inputs of the readout's weights, (B, F). In a spiking network these are the readout's
        presynaptic traces at the last step.

        readings   R: the traces at the ends of R equal parts of the recording, concatenated to (B, R
                   F); they show when something happened. A twin's window must reach into
                   the first part.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> net.features(net.init(np.random.default_rng(0), x), x).shape
        (3, 5)
        """
        if readings == 1:
            return self._answer(theta, x, spike, record).p
        return self._features(theta, x, spike, record, readings, False).p

    def features_and_pullback(
        self,
        theta: Array,
        x: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
        readings: int = 1,
    ) -> Features:
        """Return the features and their pullback. The pullback may be called once, and theta and x
        must not change before that call. With several `readings`, the window must reach into the
        first part of the recording.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> p, pullback = net.features_and_pullback(net.init(np.random.default_rng(0), x), x)
        >>> p.shape, pullback(np.ones_like(p)).shape == (net.size,)
        ((3, 5), True)
        """
        return self._features(theta, x, spike, record, readings, True)

    def _features(self, theta, x, spike, record, readings, pull) -> Features:
        """Return the features and their pullback, at the ends of `readings` equal parts of the
        recording, or, if `readings` is None, at each step of the window."""
        theta, x, twin = self._taken(theta, x, spike, record)
        steps = x.shape[1]
        first = max(steps - self.window, 0)
        if readings is None:
            ends = [*range(first + 1, steps + 1)]
        else:
            must("readings", whole("readings", readings, 1) <= steps, f"at most {steps}", readings)
            ends = [round(steps * k / readings) for k in range(1, readings + 1)]
        if ends[0] <= first and (pull or spike != "hard"):
            raise ValueError(
                f"the first of {readings} readings is after step {ends[0]} of {steps}; expected a "
                f"window of at least {steps - ends[0] + 1} steps, not {self.window}"
            )
        first = min(first, ends[0] - 1)
        at = [end - 1 - first for end in ends]
        readout = self.blocks[-1]
        engine = self._engine(theta, twin, int(pull))
        parts = self._parts(x, False) if pull else parts_of(len(x), self.inference_part)
        tapes: list[Any] = [None] * len(parts)

        def of_part(k: int) -> Array:
            p, below = engine.features(engine.part(x, parts[k], first), at)
            tapes[k] = below if pull else None
            return p

        def pullback(dp: Array) -> Array:
            def of_part(k: int) -> Array:
                of_readings = np.asarray(dp[parts[k]], self.dtype)
                of_readings = of_readings.reshape(-1, len(at), *readout.input_shape)
                dtrace = at_steps(np.swapaxes(of_readings, 0, 1), steps - first, at)
                decays = readout.decays(engine.w[-1])
                dy, _ = traces_back(dtrace, decays, readout.neuron.delay)
                return engine.back_through(engine.w, tapes[k], dy)[1]

            return self._sum(engine, of_part, len(parts))

        return Features(np.concatenate(each(of_part, range(len(parts)))), pullback)

    # ---- products with the Jacobian

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
        """Return (logits, logits_dot), where logits_dot is the logits' directional derivative J
        (theta_dot, x_dot).

            logits_dot = (dz / dtheta) theta_dot + (dz / dx) x_dot

        theta_dot   flat like theta; None: zero
        x_dot       real numbers in the shape of x; None: zero. Steps before the window are ignored

        For several directions at one theta and x see `linearize`. Source: forward mode, Griewank &
        Walther 2008, Evaluating Derivatives, chapter 3.

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> logits, logits_dot = net.jvp(theta, x, x_dot=np.ones(x.shape))
        >>> logits.shape, logits_dot.shape
        ((3, 3), (3, 3))
        """
        at = self.linearize(theta, x, spike=spike, record=record)
        return Jvp(at.logits, at.jvp(theta_dot, x_dot))

    def vjp(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Vjp:
        """Return (logits, pullback). pullback(dlogits) returns (dtheta, dx), and can be called with
        any number of dlogits, each (B, ways).

            dtheta = (dz / dtheta)^T dlogits      flat like theta, summed over the batch
            dx     = (dz / dx)^T dlogits          in the shape of x, with respect to event counts

        dx is the effect of one more event, anywhere, on <dlogits, logits>: on the loss for the
        loss's dlogits (`net.criterion.backward(logits, y)`), on one class's logit if dlogits is one
        for that class and zero elsewhere. It is zero before the window, and if neurons delay also
        in the last steps. theta and x must not change before the last call. Source: reverse mode,
        Griewank & Walther 2008, chapter 3; as a picture of what a network looks at, Simonyan,
        Vedaldi & Zisserman 2014 (ICLR workshop).

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> logits, pullback = net.vjp(theta, x)
        >>> dtheta, dx = pullback(net.criterion.backward(logits, y))
        >>> np.allclose(dtheta, net.loss_and_gradient(theta, x, y).gradient), dx.shape == x.shape
        (True, True)
        """
        at = self.linearize(theta, x, spike=spike, record=record)
        return Vjp(at.logits, at.vjp)

    def linearize(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Linearized:
        """Return (logits, jvp, vjp): the products with the Jacobian for one theta and one x, with
        any number of directions and adjoints.

            jvp(theta_dot, x_dot) = J (theta_dot, x_dot)          either may be left out
            vjp(dlogits)          = J^T dlogits = (dtheta, dx)

        The two are adjoint to each other: <dlogits, jvp(a, b)> = <dtheta, a> + <dx, b>. theta and x
        must not change before the last call, and tapes are kept until then.

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> at = net.linearize(theta, x)
        >>> a, dlogits = np.ones(net.size), np.ones((3, 3))
        >>> bool(np.isclose(np.vdot(dlogits, at.jvp(a)), np.vdot(at.vjp(dlogits).dtheta, a)))
        True
        """
        shape = np.shape(x)
        theta, x, twin = self._taken(theta, x, spike, record)
        engine = self._engine(theta, twin)
        logits, push, pull = self._linear(engine, x)
        gain = self.dtype.type(self.gain)

        def jvp(theta_dot: Array | None = None, x_dot: Array | None = None) -> Array:
            if theta_dot is None and x_dot is None:
                raise ValueError("jvp needs theta_dot, x_dot or both; both are None")
            if theta_dot is not None:
                theta_dot = self._vector(theta_dot, "theta_dot")
            if x_dot is not None:
                x_dot = self._entering(self._real("x_dot", x_dot, shape)) * gain
            return push(theta_dot, x_dot)

        def vjp(dlogits: Array) -> Adjoints:
            dtheta, dx = pull(self._real("dlogits", dlogits, logits.shape))
            return Adjoints(dtheta, self._entered(dx * gain, shape))

        return Linearized(finite("logits", logits, self.dtype), jvp, vjp)

    def _linear(self, engine: Engine, x: Array) -> tuple[Array, Callable, Callable]:
        """Return (logits, (theta_dot, x_dot) -> logits_dot, dlogits -> (dtheta, dx)), for the
        network's input x."""
        parts = self._parts(x, True)
        many = range(len(parts))
        first = max(x.shape[1] - self.window, 0)
        windows = each(lambda part: engine.part(x, part), parts)
        passes = each(lambda window: engine.forward(engine.w, window), windows)

        def push(theta_dot: Array | None, x_dot: Array | None) -> Array:
            moving = engine.along(
                np.zeros(self.size, self.dtype) if theta_dot is None else theta_dot
            )

            def of_part(k: int) -> Array:
                d = None if x_dot is None else x_dot[parts[k], first:]
                return derivative(engine.forward(moving, windows[k], d)[0])

            return np.concatenate(each(of_part, many))

        def pull(dlogits: Array) -> tuple[Array, Array]:
            dx = np.zeros(x.shape, self.dtype)

            def of_part(k: int) -> Array:
                of_x, gradient = engine.back(engine.w, passes[k][1], dlogits[parts[k]], True)
                there = dx[parts[k], first : first + of_x.shape[1]]
                there[...] = of_x.reshape(there.shape)
                return gradient

            return self._sum(engine, of_part, len(parts)), dx

        return np.concatenate([logits for logits, _ in passes]), push, pull

    def gauss_newton(
        self,
        theta: Array,
        x: Array,
        y: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Callable[[Array], Array]:
        """Return the function v -> G v (see `gauss_newton_product`), which can be called any number
        of times.

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> G = net.gauss_newton(theta, x, y)
        >>> v = np.ones(net.size)
        >>> np.allclose(G(2 * v), 2 * G(v))
        True
        """
        at = self.linearize(theta, x, spike=spike, record=record)
        y = self._target(y, at.logits.shape)

        def product(v: Array) -> Array:
            logits_dot = at.jvp(self._vector(v, "v"))
            return at.vjp(self.criterion.backward_tangent(at.logits, logits_dot, y)).dtheta

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
        """G v, flat like theta, where G = J^T H_loss J is the (generalised) Gauss-Newton matrix of
        the mean loss.

        J = dz / dtheta, and H_loss is the Hessian of the loss in the logits, as
        `net.criterion.backward_tangent` computes it. G is the Hessian without the curvature of the
        network itself, H = G + sum_i (dloss / dz_i) (d2 z_i / dtheta2). It is symmetric, and
        positive semi-definite if the loss is convex in the logits, as both built-in losses are. For
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
        """F v, flat like theta, where F is the Fisher information of the model softmax(z), averaged
        over the samples in x.

            F = mean_b E_k [g_bk g_bk^T]       k ~ softmax(z_b), g_bk = d log p(k | x_b) / dtheta
              = J^T diag_b((diag(s_b) - s_b s_b^T) / B) J          s_b = softmax(z_b)

        The expectation is over the model's own labels, so no y is needed. With readout="steps", a
        sample has a label at every step, and the steps' Fisher matrices are summed. For a network
        with loss "cross_entropy" this equals `gauss_newton_product` for any y. It differs from the
        *empirical* Fisher, mean_b g_b g_b^T with the labels of the data (Kunstner, Balles & Hennig
        2019, NeurIPS), which `loss_and_gradient` of single samples gives. Source: Amari 1998
        (Neural Computation 10); Martens 2020 (JMLR 21).

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> v = np.ones(net.size)
        >>> np.allclose(net.fisher_product(theta, x, v), net.gauss_newton_product(theta, x, y, v))
        True
        """
        at = self.linearize(theta, x, spike=spike, record=record)
        logits_dot = at.jvp(self._vector(v, "v"))
        dlogits_dot = LOSSES["cross_entropy"].backward_tangent(at.logits, logits_dot, at.logits)
        return at.vjp(dlogits_dot).dtheta

    def _real(self, name: str, values: Any, shape: tuple[int, ...]) -> Array:
        """Check that numbers are finite and have this shape; return them in the network's dtype."""
        values = array(name, values)
        good = values.shape == shape and values.dtype.kind in "fiu"
        found = f"{values.dtype} of shape {values.shape}"
        must(name, good, f"real numbers of shape {shape}", found)
        return finite(name, values, self.dtype)

    def _entering(self, x_dot: Array) -> Array:
        """Return the tangent of `_input`, given x_dot in the shape of x."""
        return x_dot.reshape(*x_dot.shape[:2], *self.blocks[0].input_shape)

    def _entered(self, dx: Array, shape: tuple[int, ...]) -> Array:
        """Return the adjoint of x, in this shape; this is the backward pass of `_entering`."""
        return dx.reshape(shape)
