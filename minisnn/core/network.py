"""A network over one flat theta: logits, loss, gradient, Hessian-vector products, features, records,
and products with its Jacobian.

    forward    x through the layers, each of which leaves a tape
    back       the adjoint of what the last one hands on, back through them: the gradient
    H v        both again, at theta + v eps (`dual`): the gradient comes out as g + H v eps

Before the window all numbers are constants of theta: the layers go through those steps once, on
plain numbers, and what stands behind them (`layer.State`) is where the window begins. A synapse that
delays hands nothing of its last steps to the layers above, so each layer goes through as many steps
fewer.

Parts of a batch are computed next to each other, and their results are summed in a fixed order.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any, NamedTuple, Self

import numpy as np

from ..arguments import (
    array,
    floating,
    generator,
    is_sequence,
    number,
    one_of,
    whole,
    wholes,
)
from ..parallel.checks import Checks, NotFinite
from ..parallel.threads import in_order
from .architecture import Builder, configuration_of
from .dual import Array, Dual, derivative, linear, value
from .filters import traces, traces_back
from .init import lsuv, orthogonal
from .layer import Layer, Pass, State, Weights
from .loss import LOSSES, cross_entropy_backward_tangent, loss_of
from .neuron import neuron_of
from .remembered import Seen, once
from .surrogate import FORMS
from .theta import Parameter, array_views, chained, flat, held, layout_of, weights_of

Record = list[dict[str, Any]]  # what a twin freezes of each layer, of `Network.record`
BACKENDS = ("numba", "numpy")


class LossAndGradient(NamedTuple):
    """Mean loss over the batch, and its gradient, flat like theta."""

    loss: float
    gradient: Array


class Gradients(NamedTuple):
    """Mean loss over the batch, its gradient, the logits (B, ways), and `hvp(v)` = H v; None where
    it was not asked for."""

    loss: float
    gradient: Array
    logits: Array
    hvp: Any


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


class Window(NamedTuple):
    """The steps of a part of the batch that are differentiated."""

    x: Any  # (n, B, H, W, C), times the gain
    starts: list[State]  # of each layer
    form: str
    recorded: list  # of a twin: the membranes of each layer (n, B, H', W', C_out)


def parts_of(batch: int, size: int) -> list[slice]:
    """Slices of nearly equal length, `size` at most."""
    edges = np.linspace(0, batch, -(-batch // size) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges, edges[1:])]


@linear
def at_steps(a: Array, steps: int, at: Sequence[int]) -> Array:
    """A sequence that is zero but at some steps; a (len(at), ...)."""
    sequence = np.zeros((steps, *a.shape[1:]), a.dtype)
    sequence[list(at)] = a
    return sequence


class Network(Checks):
    """A network over one flat theta; `SpikingNet` and `ConvNet` say what its layers are.

    Every method takes theta (size,), x event counts, and y (B,) labels (or targets (B, ways) for
    the squared loss). spike="jet" or "smooth" with record=net.record(theta, x) computes a twin: the
    smooth function whose derivatives are the network's own. Raises ValueError for arguments that do
    not fit, and `NotFinite` for values that are not finite.
    """

    init_rate = 0.288
    init_rounds = 5
    inference_part = 5  # samples that go through the layers together where no tape is kept
    window: int  # time steps that are differentiated
    gain: float  # factor on the counts that come in
    threshold = 0.0  # of u; what initialisation holds the rate against
    input_shape: tuple[int, ...]
    blocks: tuple[Layer, ...]
    layout: tuple[Parameter, ...]
    learned: list[Parameter]
    size: int
    dtype: np.dtype[Any]

    # ---- settings

    def _configure(
        self, input_shape, layers, ways, dtype, loss, backend, neuron, detach_reset=False, learn=()
    ) -> None:
        """What all networks have: the layers of these and of a readout, and where their arrays are
        in theta."""
        shape = input_shape if is_sequence(input_shape) else (whole("input_shape", input_shape),)
        self.input_shape = wholes("input_shape", shape)
        if len(self.input_shape) not in (1, 3) or min(self.input_shape) < 1:
            raise ValueError(
                f"input_shape must be (H, W, C) or (features,), positive, not {self.input_shape}"
            )
        self.ways = whole("ways", ways, 1)
        self.dtype = floating("dtype", dtype)
        self.criterion = loss_of(loss)
        self.loss_name = self.criterion.name
        one_of("backend", backend, BACKENDS)
        self.backend = backend
        built = Builder(self.input_shape, neuron, detach_reset, learn)
        for name, layer in layers:
            built.add(name, layer)
        built.readout(self.ways)
        self.blocks = tuple(built.layers)
        self.layout = layout_of(self.blocks)
        self.size = self.layout[-1].slice.stop
        self.learned = [p for p in self.layout if p.part in learn]
        for of_layer in self.blocks:
            for constant in of_layer.learn:
                held(of_layer, constant)

    def configuration(self) -> dict[str, Any]:
        """All settings that `from_configuration` needs to build this network again, in plain JSON
        types.

        A neuron or loss of your own appears in words only, and must then be given again.

        >>> settings = ms.SpikingNet((6,), (), ways=3).configuration()
        >>> settings["input_shape"], settings["ways"], settings["pool"]
        ([6], 3, 'max')
        """
        settings = {
            **vars(self),
            "loss": self.loss_name if self.loss_name in LOSSES else {"words": self.loss_name},
            "dtype": self.dtype.name,
        }
        if settings.get("layers"):
            settings["layers"] = [configuration_of(layer) for layer in settings["layers"]]
        if "neuron" in settings:
            settings["neuron"] = settings["neuron"].configuration()
        plain: dict[str, Any] = {}
        for name in signature(type(self)).parameters:
            a = settings[name]
            if a or name not in ("layers", "learn"):
                plain[name] = list(a) if isinstance(a, tuple) else a
        return plain

    @classmethod
    def from_configuration(cls, configuration: dict[str, Any], **changes: Any) -> Self:
        """The network of a `configuration()`; keyword arguments replace its entries.

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
        """In words, the parts that are objects of your own, which no file or tool can hold; empty
        where there are none."""
        settings = self.configuration()
        loss = settings["loss"]
        layers = settings.get("layers", ())
        neurons = [settings.get("neuron", {}), *(layer.get("neuron", {}) for layer in layers)]
        words = [neuron.get("words") or neuron.get("surrogate") for neuron in neurons]
        words.append(loss if isinstance(loss, str) else loss["words"])
        return " and ".join(word for word in words if word and word not in LOSSES)

    @property
    def beyond(self) -> str:
        """In words, what of it is more than conv layers that are all alike, dense ones and a
        readout of one neuron; empty where nothing is.

        >>> ms.SpikingNet((6,), layers=[ms.Dense(5, recurrent=True)], ways=3, learn=("alpha",)).beyond
        'layers given as a list, learned constants (alpha)'
        """
        listed = "layers given as a list" if getattr(self, "layers", None) else ""
        learn = ", ".join(getattr(self, "learn", ()))
        learned = f"learned constants ({learn})" if learn else ""
        return ", ".join(word for word in (listed, learned) if word)

    def like(self, **changes: Any) -> Self:
        """This network with other settings.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> net.like(dtype="float64").dtype, net.like(ways=5).ways
        (dtype('float64'), 5)
        """
        settings = {**vars(self), "loss": self.criterion, **changes}
        return type(self)(**{name: settings[name] for name in signature(type(self)).parameters})

    def __repr__(self) -> str:
        loss: Any = self.loss_name if self.loss_name in LOSSES else self.criterion
        settings = {**vars(self), "loss": loss, "dtype": self.dtype.name}
        words = ", ".join(f"{name}={settings[name]!r}" for name in signature(type(self)).parameters)
        return f"{type(self).__name__}({words}), {self.size} parameters"

    @property
    def apart(self) -> bool:
        """Whether the bits of what a sample gives do not depend on the samples next to it.

        >>> ms.SpikingNet((6,), (), ways=3).apart
        True
        """
        return self.backend == "numba"

    # ---- theta

    def views(self, theta: Array) -> dict[str, Array]:
        """The arrays in theta by name; views, not copies.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> theta = np.zeros(net.size, np.float32)
        >>> net.views(theta)["readout.bias"][...] = 1
        >>> {name: array.shape for name, array in net.views(theta).items()}, float(theta.sum())
        ({'readout.weight': (6, 3), 'readout.bias': (3,)}, 3.0)
        """
        self._check_vector(theta, "theta")
        return array_views(self.layout, theta)

    def slice_of(self, layer: str) -> slice:
        """Where a layer's arrays are in theta.

        >>> ms.SpikingNet((6,), (), hidden=(5,), ways=3).slice_of("readout")
        slice(35, 53, None)
        """
        parts = [p.slice for p in self.layout if p.layer == layer]
        return slice(parts[0].start, parts[-1].stop)

    def weights(self, theta: Any) -> list[Weights]:
        """What each layer computes with, views into theta; theta may have a derivative."""
        arrays: dict[str, dict[str, Any]] = {layer.name: {} for layer in self.blocks}
        for p in self.layout:
            arrays[p.layer][p.part] = theta[p.slice].reshape(p.shape)
        return [weights_of(layer, arrays[layer.name]) for layer in self.blocks]

    def parameters(self, theta: Array) -> list[tuple[Layer, Array, Array]]:
        """(layer, weight (k, k, C_in, C_out), bias) of every layer: views into theta; the layer's
        neuron at the constants that theta holds."""
        self._check_vector(theta, "theta")
        triples = []
        for layer, w in zip(self.blocks, self.weights(theta)):
            constants = {name: float(a) for name, a in w.constants.items()}
            if constants:
                layer = replace(layer, neuron=replace(layer.neuron, **constants))
            triples.append((layer, w.weight, w.bias))
        return triples

    def constants(self, theta: Array) -> dict[str, float]:
        """The learned constants by name, as the neurons have them: a decay, not its logit.

        >>> net = ms.SpikingNet((6,), layers=[ms.Dense(5)], ways=3, learn=("alpha",))
        >>> found = net.constants(net.init(np.random.default_rng(0)))
        >>> {name: round(constant, 6) for name, constant in found.items()}
        {'dense1.alpha': 0.95}
        """
        self._check_vector(theta, "theta")
        by_layer = zip(self.blocks, self.weights(theta))
        return {
            f"{b.name}.{name}": float(a) for b, w in by_layer for name, a in w.constants.items()
        }

    def without_readout(self, vector: Array) -> Array:
        """A copy of a vector, flat like theta, that is zero in the readout.

        >>> net = ms.SpikingNet((6,), (), ways=3, hidden=(5,))
        >>> int(net.without_readout(np.ones(net.size)).sum()) == net.size - (5 * 3 + 3)
        True
        """
        vector = vector.copy()
        vector[self.slice_of("readout")] = 0
        return vector

    @property
    def silent_bias(self) -> float:
        """A bias so far below the threshold that no readout neuron fires while it learns; any value,
        where none ever does."""
        return self.blocks[-1].neuron.silent_bias

    def with_silent_readout(self, theta: Array) -> Array:
        """A copy of theta whose readout has weights of zero and one bias for all classes,
        `silent_bias`."""
        theta = self.without_readout(theta)
        self.views(theta)["readout.bias"][...] = self.silent_bias
        return theta

    def readout_bias(self, steps: int) -> float | None:
        """The factor of the readout's bias in the logits after this many steps; None where logits
        are not W p + a bias, for the readout of `LIF` is reset."""
        readout = self.blocks[-1].neuron
        if readout.fires:
            return None
        decays = [getattr(readout, name) for name in readout.filtering]
        return float(
            traces(np.ones((steps, 1)), [0.0] * len(decays), decays, 0, steps).trace[-1, 0]
        )

    def init(
        self,
        rng: np.random.Generator,
        x: Array | None = None,
        rate: float | None = None,
        readout: str = "fit",
        variance: float = 1.0,
        rounds: int | None = None,
    ) -> Array:
        """A theta to start from: orthogonal weights and zero biases, scaled and shifted to x where
        it is given (`lsuv`).

        x          event counts, as of the other methods
        rate       share of the membranes that then exceed the threshold; None: the network's
                   default
        variance   that the membranes (of a `ConvNet` the inputs of the softplus) then have
        readout    "fit", or "zero": weights and biases of zero, so that no class is preferred
        rounds     of the fit; None: the network's default

        With readout="zero" the first inner step makes the readout a classifier by similarity to the
        support, and meta-training makes progress at once. Kao, Chiu & Chen 2022 ("MAML is a noisy
        contrastive learner in classification", ICLR) call this the zeroing trick and explain why it
        helps.

        >>> net = ms.SpikingNet((8, 8, 2), channels=(4,), ways=3)
        >>> theta = net.init(np.random.default_rng(0), readout="zero")
        >>> theta.shape == (net.size,), float(np.abs(net.views(theta)["readout.weight"]).max())
        (True, 0.0)
        """
        generator("rng", rng)
        one_of("readout", readout, ("fit", "zero"))
        if number("variance", variance, "a positive number") <= 0:
            raise ValueError(f"variance must be a positive number, not {variance}")
        if rounds is not None:
            whole("rounds", rounds, 1)
        theta = orthogonal(self, rng)
        if x is not None:
            rate = self.init_rate if rate is None else rate
            rounds = self.init_rounds if rounds is None else rounds
            theta = lsuv(self, theta, x, rate, variance, rounds, readout == "fit")
        return self.without_readout(theta) if readout == "zero" else theta

    # ---- the two loops

    def _begin(self, x: Array) -> list[State]:
        return [layer.begin(x.shape[1], self.dtype) for layer in self.blocks]

    def _through(
        self,
        w: list[Weights],
        x: Any,
        starts: list[State],
        steps: Sequence[int] = (),
        form: str = "hard",
        recorded: Sequence = (),
    ) -> Iterator[Pass]:
        """The pass of each layer that has weights, one after the other; of so many `steps` each, or
        of all of x."""
        for n, w_layer in enumerate(w):
            many = steps[n] if steps else len(x)
            frozen = recorded[n][:many] if recorded else None
            found = self.blocks[n].forward(w_layer, x, starts[n], many, form, frozen)
            x = found.y
            yield found

    def _window(
        self, w: list[Weights], x: Array, part: slice, twin: tuple, first: int | None = None
    ) -> Window:
        """The last steps of a part of the batch, from the step `first` on, and where they begin.
        What is before goes through the layers `window` steps at a time, so that it takes no more
        memory than what is differentiated."""
        form, record = twin
        x = self._enter(x[part])
        K = max(len(x) - self.window, 0) if first is None else first
        if record is not None:
            starts = [of_layer["start"].part(part) for of_layer in record]
            recorded = [np.swapaxes(of_layer["u"][part], 0, 1) for of_layer in record]
            return Window(x[K:], starts, form, recorded)
        starts = self._begin(x)
        for start in range(0, K, self.window):
            past = x[start : min(start + self.window, K)]
            starts = [found.end for found in self._through(w, past, starts)]
        return Window(x[K:], starts, form, [])

    def _forward(self, w: list[Weights], window: Window) -> list[Pass]:
        """The passes of the window's layers that have weights, of each as many steps as reach the
        logits."""
        steps = [len(window.x)]
        for layer in reversed(self.blocks[1:]):
            steps.insert(0, max(steps[0] - layer.neuron.delay, 0))
        return list(self._through(w, window.x, window.starts, steps, window.form, window.recorded))

    def _back(
        self, w: list[Weights], passes: list[Pass], dy: Any, need_dx: bool = False
    ) -> tuple[Any, list]:
        """(dx of what comes in, the adjoints in theta with their places) from dy, that of what the
        last of these layers hands on."""
        places = {p.name: p.slice for p in self.layout}
        pieces = []
        for n in reversed(range(len(passes))):
            layer = self.blocks[n]
            dy = dy.reshape(*dy.shape[:2], *layer.output_shape)
            dy, sums = layer.backward(w[n], passes[n].tape, dy, need_dx or n > 0)
            for name, adjoint in sums.items():
                pieces.append((places[f"{layer.name}.{name}"], chained(layer, w[n], name, adjoint)))
        return dy, pieces

    def _flat(self, pieces: list, of: Callable = value) -> Array:
        return flat(self.size, self.dtype, pieces, of)

    def _read(self, passes: list[Pass]) -> Any:
        """The logits (B, ways): the readout's membrane at the last step."""
        return passes[-1].u[-1].reshape(-1, self.ways)

    def _unread(self, passes: list[Pass], dlogits: Any) -> Any:
        """The adjoint of the readout's membranes, (n, B, 1, 1, ways)."""
        steps = len(passes[-1].u)
        return at_steps(dlogits.reshape(1, -1, 1, 1, self.ways), steps, [steps - 1])

    def _gradient(
        self, w: list[Weights], window: Window, y: Array, batch: int, of: Callable
    ) -> tuple[float, Array, Array]:
        """(loss, gradient, logits): a part's share of a batch's mean loss; of the gradient its
        `value`, or where theta has a derivative its `derivative`, H v."""
        passes = self._forward(w, window)
        logits = self._read(passes)
        loss = float(self.criterion.value(value(logits), y)) * len(y) / batch
        dlogits: Any = self._of_loss(
            "backward", self.criterion.backward(value(logits), y), logits, batch
        )
        if isinstance(logits, Dual):
            found = self.criterion.backward_tangent(logits.x, logits.d, y)
            dlogits = Dual(dlogits, self._of_loss("backward_tangent", found, logits, batch))
        _, pieces = self._back(w, passes, self._unread(passes, dlogits))
        return loss, self._flat(pieces, of), value(logits)

    def _of_loss(self, name: str, found: Any, logits: Any, batch: int) -> Array:
        """A derivative of the loss, the part's share, in the network's dtype; ValueError where it is
        of another shape."""
        if np.shape(found) != logits.shape:
            raise ValueError(
                f"{self.loss_name}.{name} returned shape {np.shape(found)}; expected "
                f"{logits.shape}, that of the logits"
            )
        return np.asarray(found, self.dtype) * self.dtype.type(len(logits) / batch)

    def _taken(self, theta, x, spike="hard", record=None) -> tuple[Array, Array, tuple]:
        """(theta, x, (form, record of a twin)) of what a method is given, checked."""
        theta = self._vector(theta, "theta")
        x = self._input(x)
        one_of("spike", spike, FORMS)
        if spike != "hard" and record is None:
            raise ValueError(
                f"spike={spike!r} needs record=net.record(theta, x), what the twin freezes"
            )
        return theta, x, (spike, None if spike == "hard" else record)

    # ---- what the network computes

    def __call__(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Array:
        """Logits (B, ways)."""
        if spike == "hard":
            seen = once(self, theta, x, self._seen) or self._seen(theta, x)
            return seen.logits
        return self.linearize(theta, x, spike=spike, record=record).logits

    def _seen(self, theta, x) -> Seen:
        """Features and logits by the same pass."""
        theta, x, twin = self._taken(theta, x)
        compiled = self._compiled(theta, "hard")
        if compiled:
            p, logits = compiled.seen(x)
            return Seen(p, self._finite(logits, theta))
        w = self.weights(theta)
        seen: list[Seen] = []

        def of_part(part: slice) -> Seen:
            found = self._forward(w, self._window(w, x, part, twin))
            return Seen(found[-1].tape.p[-1].reshape(len(x[part]), -1), self._read(found))

        in_order(of_part, parts_of(len(x), self.inference_part), seen.append)
        p, logits = map(np.concatenate, zip(*seen))
        return Seen(p, self._finite(logits, theta))

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
        return float(self.criterion.value(logits, self._target(y, len(logits))))

    def loss_and_gradient(
        self, theta: Array, x: Array, y: Array, *, spike: str = "hard", record: Record | None = None
    ) -> LossAndGradient:
        """(loss, gradient): the mean loss over the batch, and its gradient, flat like theta.

        A spiking network's gradient has surrogate derivatives at every spike and is otherwise exact
        backpropagation through the last `window` steps, the reset included. In the jet form, at its
        own record, these are the very same numbers.

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
        """H v: the Hessian of the loss at theta times v, both flat like theta. H itself is never
        formed.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> net.hessian_vector_product(theta, x, y, np.ones_like(theta)).shape == theta.shape
        True
        """
        return self.gradients(theta, x, y, spike=spike, record=record).hvp(v)

    def gradients(
        self,
        theta: Array,
        x: Array,
        y: Array,
        second: bool = True,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Gradients:
        """(loss, gradient, logits, hvp); hvp(v) = H v, for any number of v.

        theta and x must not change before the last call of hvp, which begins where the window does.
        second=False saves the memory of that; hvp is then None.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> loss, gradient, logits, hvp = net.gradients(theta, x, y)
        >>> logits.shape, np.allclose(hvp(2 * gradient), 2 * hvp(gradient), rtol=1e-3, atol=1e-6)
        ((3, 3), True)
        """
        theta, x, twin = self._taken(theta, x, spike, record)
        y = self._target(y, len(x))
        compiled = self._compiled(theta, spike)
        if compiled:
            found = compiled.gradients(x, y, second)
            self._finite(found.logits, theta)
            return found
        w = self.weights(theta)
        parts = self._parts(x, second)
        kept: list[Any] = [None] * len(parts)  # (window, loss, logits)

        def of_part(n: int) -> Array:
            window = self._window(w, x, parts[n], twin)
            loss, gradient, logits = self._gradient(w, window, y[parts[n]], len(x), value)
            kept[n] = window if second else None, loss, logits
            return gradient

        def hvp(v: Array) -> Array:
            moving = self.weights(Dual(theta, self._vector(v, "v")))

            def of_part(n: int) -> Array:
                found = self._gradient(moving, kept[n][0], y[parts[n]], len(x), derivative)
                return found[1]

            return self._sum(of_part, parts)

        gradient = self._sum(of_part, parts)
        logits = self._finite(np.concatenate([of_part[2] for of_part in kept]), theta)
        loss = sum(of_part[1] for of_part in kept)
        return Gradients(loss, gradient, logits, hvp if second else None)

    def _sum(self, of_part: Callable[[int], Array], parts: list[slice]) -> Array:
        """The sum of vectors over the parts of a batch, in their order."""
        total = np.zeros(self.size, self.dtype)
        in_order(of_part, range(len(parts)), total.__iadd__)
        return total

    def record(self, theta: Array, x: Array) -> Record:
        """What a twin holds fixed, a dictionary for each layer: `start`, its state at the window's
        start, and `u`, its membranes within the window (B, n, H, W, C).

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> record = net.record(theta, x)
        >>> bool(np.isclose(net.loss(theta, x, y, spike="jet", record=record), net.loss(theta, x, y)))
        True
        """
        theta, x, twin = self._taken(theta, x)
        w = self.weights(theta)
        window = self._window(w, x, slice(None), twin)
        passes = self._through(w, window.x, window.starts)
        membranes = [np.swapaxes(found.u, 0, 1) for found in passes]
        return [{"start": start, "u": u} for start, u in zip(window.starts, membranes)]

    def _by_layer(self, theta: Array, x: Array) -> tuple[Any, Callable]:
        """(what enters, (theta, n, y) -> (membranes of layer n in the window, what it hands on))."""
        compiled = self._compiled(theta, "hard")
        if compiled:
            return compiled.enter(x), lambda theta, n, y: self._compiled(theta, "hard").layer(n, y)

        def of_layer(theta: Array, n: int, y: Array) -> tuple[Array, Array]:
            start = self.blocks[n].begin(y.shape[1], self.dtype)
            found = self.blocks[n].forward(self.weights(theta)[n], y, start, len(y))
            return found.u[-self.window :], found.y

        return self._enter(x), of_layer

    def activity(self, theta: Array, x: Array) -> dict[str, float]:
        """Mean output of every layer below the readout, after pooling: over batch, time and sites.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> [(name, 0 <= rate <= 1) for name, rate in net.activity(net.init(np.random.default_rng(0), x), x).items()]
        [('hidden1', True)]
        """
        theta, x, _ = self._taken(theta, x)
        outputs = self._outputs(theta)(x)
        return {layer.name: float(y.mean()) for layer, y in zip(self.blocks, outputs)}

    def _outputs(self, theta: Array) -> Callable[[Array], Iterator[Any]]:
        """A function of x: what each layer below the readout hands on, (B, T, H, W, C)."""
        compiled = self._compiled(theta, "hard")
        if compiled:
            return compiled.outputs
        w = self.weights(theta)[:-1]

        def outputs(x: Array) -> Iterator[Array]:
            x = self._enter(x)
            for found in self._through(w, x, self._begin(x)):
                yield np.swapaxes(found.y, 0, 1)

        return outputs

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
        """What the readout weighs, (B, F): in a spiking network, its presynaptic trace at the last
        step.

        readings   R: the trace at the last step of each R-th of the recording, one behind the other,
                   (B, R F), which says when something happened. A twin's window has to reach into
                   the first of them.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> net.features(net.init(np.random.default_rng(0), x), x).shape
        (3, 5)
        """
        if spike == "hard" and readings == 1:
            return (once(self, theta, x, self._seen) or self._seen(theta, x)).p
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
        """Features and their pullback, which may be called once; theta and x must not change before
        that. The window has to reach into the first of several `readings`.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> p, pullback = net.features_and_pullback(net.init(np.random.default_rng(0), x), x)
        >>> p.shape, pullback(np.ones_like(p)).shape == (net.size,)
        ((3, 5), True)
        """
        return self._features(theta, x, spike, record, readings, True)

    def _features(self, theta, x, spike, record, readings, pull) -> Features:
        theta, x, twin = self._taken(theta, x, spike, record)
        readout = self.blocks[-1]
        w = self.weights(theta)
        ends, first = self._readings(x.shape[1], readings, pull or spike != "hard")
        compiled = self._compiled(theta, spike)
        if compiled:
            return compiled.features(x, ends, pull)
        at = [end - 1 - first for end in ends]
        n = x.shape[1] - first
        parts = self._parts(x, False) if pull else parts_of(len(x), self.inference_part)
        tapes: list[Any] = [None] * len(parts)
        p: list[Array] = []

        def of_part(k: int) -> Array:
            window = self._window(w, x, parts[k], twin, first)
            below = self._forward(w[:-1], window)
            y = below[-1].y if below else window.x
            trace = readout.traces(w[-1], y, window.starts[-1], n).trace[at]  # (R, B, 1, 1, F)
            tapes[k] = below if pull else None
            return np.swapaxes(trace, 0, 1).reshape(trace.shape[1], -1)

        def pullback(dp: Array) -> Array:
            def of_part(k: int) -> Array:
                of_readings = np.asarray(dp[parts[k]], self.dtype).reshape(-1, len(at), 1, 1, F)
                dtrace = at_steps(np.swapaxes(of_readings, 0, 1), n, at)
                dy, _ = traces_back(dtrace, readout.decays(w[-1]), readout.neuron.delay)
                return self._flat(self._back(w, tapes[k], dy)[1])

            return self._sum(of_part, parts)

        F = readout.input_shape[2]
        in_order(of_part, range(len(parts)), p.append)
        return Features(np.concatenate(p), pullback)

    def _readings(self, steps: int, readings: int, in_window: bool) -> tuple[list[int], int]:
        """(how many steps are over at the end of each of `readings` equal stretches, the first step
        that they need). Raises ValueError where a window does not reach into the first of them."""
        if whole("readings", readings, 1) > steps:
            raise ValueError(
                f"readings must be at most the recording's steps, {steps}, not {readings}"
            )
        ends = [round(steps * k / readings) for k in range(1, readings + 1)]
        first = max(steps - self.window, 0)
        if ends[0] <= first and in_window:
            raise ValueError(
                f"the first of {readings} readings is after step {ends[0]} of {steps}; expected a "
                f"window of at least {steps - ends[0] + 1} steps, not {self.window}"
            )
        return ends, min(first, ends[0] - 1)

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
        at = self.linearize(theta, x, spike=spike, record=record)
        return Jvp(at.logits, at.jvp(theta_dot, x_dot))

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
        at = self.linearize(theta, x, spike=spike, record=record)
        return Vjp(at.logits, at.vjp)

    def linearize(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Linearized:
        """(logits, jvp, vjp): products with the Jacobian at one theta and x, for any number of
        directions and adjoints.

            jvp(theta_dot, x_dot) = J (theta_dot, x_dot)          either may be left out
            vjp(dlogits)          = J^T dlogits = (dtheta, dx)

        The two are each other's adjoints: <dlogits, jvp(a, b)> = <dtheta, a> + <dx, b>. theta and x
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
        compiled = self._compiled(theta, spike)
        if compiled:
            found = compiled.linearize(x, shape)
            self._finite(found.logits, theta)
            return found
        w = self.weights(theta)
        parts = self._parts(x, True)
        windows: list[Any] = [None] * len(parts)
        tapes: list[Any] = [None] * len(parts)

        def of_part(k: int) -> Array:
            windows[k] = self._window(w, x, parts[k], twin)
            tapes[k] = self._forward(w, windows[k])
            return self._read(tapes[k])

        def collected(of_part: Callable[[int], Array]) -> Array:
            found: list[Array] = []
            in_order(of_part, range(len(parts)), found.append)
            return np.concatenate(found)

        def jvp(theta_dot: Array | None = None, x_dot: Array | None = None) -> Array:
            if theta_dot is None and x_dot is None:
                raise ValueError("jvp needs theta_dot, x_dot or both; both are None")
            moving: Any = theta
            if theta_dot is not None:
                moving = Dual(theta, self._vector(theta_dot, "theta_dot"))
            w = self.weights(moving)
            along = None if x_dot is None else self._entering(self._real("x_dot", x_dot, shape))

            def of_part(k: int) -> Array:
                window = windows[k]
                if along is not None:
                    d = np.swapaxes(along[parts[k]], 0, 1)[-len(window.x) :]
                    window = window._replace(x=Dual(window.x, d * self.dtype.type(self.gain)))
                return derivative(self._read(self._forward(w, window)))

            return collected(of_part)

        def vjp(dlogits: Array) -> Adjoints:
            dlogits = self._real("dlogits", dlogits, logits.shape)
            dx = np.zeros(x.shape, self.dtype)
            first = x.shape[1] - len(windows[0].x)

            def of_part(k: int) -> Array:
                dy = self._unread(tapes[k], dlogits[parts[k]])
                of_x, pieces = self._back(w, tapes[k], dy, True)
                of_x = np.swapaxes(of_x, 0, 1) * self.dtype.type(self.gain)
                there = dx[parts[k], first : first + of_x.shape[1]]
                there[...] = of_x.reshape(there.shape)
                return self._flat(pieces)

            return Adjoints(self._sum(of_part, parts), self._entered(dx, shape))

        logits = self._finite(collected(of_part), theta)
        return Linearized(logits, jvp, vjp)

    def gauss_newton(
        self,
        theta: Array,
        x: Array,
        y: Array,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Callable[[Array], Array]:
        """v -> G v, the Gauss-Newton products of `gauss_newton_product`, for any number of v.

        >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> G = net.gauss_newton(theta, x, y)
        >>> v = np.ones(net.size)
        >>> np.allclose(G(2 * v), 2 * G(v))
        True
        """
        at = self.linearize(theta, x, spike=spike, record=record)
        y = self._target(y, len(at.logits))

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
        at = self.linearize(theta, x, spike=spike, record=record)
        logits_dot = at.jvp(self._vector(v, "v"))
        dlogits = cross_entropy_backward_tangent(at.logits, logits_dot, at.logits)
        return at.vjp(dlogits).dtheta

    def _real(self, name: str, values: Any, shape: tuple[int, ...]) -> Array:
        """Finite numbers of a shape, in the network's dtype."""
        values = array(name, values)
        if values.shape != shape or values.dtype.kind not in "fiu":
            raise ValueError(
                f"{name} must be real numbers of shape {shape}, not {values.dtype} of shape "
                f"{values.shape}"
            )
        with np.errstate(over="ignore"):
            values = values.astype(self.dtype)
        if not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            raise NotFinite(
                f"{name} must be finite in {self.dtype}; {count} values are NaN or infinite"
            )
        return values

    # ---- what a subclass says

    def _compiled(self, theta: Array, spike: str) -> Any:
        """What computes this in place of the loops here, `kernels.network.Loops`, or None."""
        return None

    def _input(self, x: Any) -> Array:
        """x (B, T, H, W, C) as the first layer's shape asks, checked."""
        raise NotImplementedError

    def _enter(self, x: Array) -> Array:
        """gain times a part of it, time first and in the network's dtype."""
        x = np.ascontiguousarray(np.swapaxes(x, 0, 1))
        return x.astype(self.dtype) * self.dtype.type(self.gain)

    def _entering(self, x_dot: Array) -> Array:
        """The tangent of `_input`, from x_dot in the shape of x."""
        return x_dot.reshape(*x_dot.shape[:2], *self.blocks[0].input_shape)

    def _entered(self, dx: Array, shape: tuple[int, ...]) -> Array:
        """`_entering` backwards: the adjoint of x, whose shape is given."""
        return dx.reshape(shape)

    def _parts(self, x: Array, second: bool) -> list[slice]:
        """Parts of a batch that go through the layers together, for a `second` derivative or
        without; sums depend on them."""
        raise NotImplementedError
