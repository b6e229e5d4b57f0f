"""What a network computes over one flat theta: logits, loss, gradient and Hessian-vector products.

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
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments import array, one_of
from ..parallel.checks import Checks
from ..parallel.threads import in_order
from .dual import Array, Dual, derivative, value
from .layer import Layer, Pass, State, Weights
from .neuron import FORMS
from .readout import logits_of, membranes_back

Record = list[dict[str, Any]]  # what a twin freezes of each layer, of `Network.record`
# membranes of the samples that go through the layers together, at least one; a third for H v
PART_BYTES = 12 << 20
PART = 8  # and at most so many


class Gradients(NamedTuple):
    """Mean loss over the batch, its gradient, the logits, and `hvp(v)` = H v, or None."""

    loss: float
    gradient: Array
    logits: Array
    hvp: Any


class Window(NamedTuple):
    """The steps of a part of the batch that are differentiated."""

    x: Any  # (n, B, H, W, C), times the gain
    starts: list[State]  # of each layer
    recorded: list  # of a twin: the membranes of each layer (n, B, H', W', C_out)


@dataclass(frozen=True)
class Parameter:
    """Where an array is in theta: a layer's weight, bias, recurrent weights, learned constants."""

    name: str
    shape: tuple[int, ...]
    slice: slice

    @property
    def layer(self) -> str:
        """The name of its layer."""
        return self.name.partition(".")[0]

    @property
    def part(self) -> str:
        """What it is there: weight, bias, recurrent, or the name of a constant."""
        return self.name.partition(".")[2]


def parts_of(batch: int, size: int) -> list[slice]:
    """Slices of nearly equal length, `size` at most."""
    edges = np.linspace(0, batch, -(-batch // size) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges, edges[1:])]


@dataclass
class Passes:
    """The layers of a network at one theta, for a part of a batch. This is the reference;
    `kernels.network.Engine` computes the same event by event. A twin has a form and a record;
    `backs` is how often the way back through a part is taken: 0, 1, or 2 for any number (H v)."""

    net: Any
    theta: Array
    form: str = "hard"
    record: Record | None = None
    backs: int = 2

    def __post_init__(self) -> None:
        self.w = self.net.weights(self.theta)

    def along(self, v: Array) -> Any:
        """The weights of theta + v eps."""
        return self.net.weights(Dual(self.theta, v))

    def enter(self, x: Array) -> Any:
        """Event counts as the first layer takes them."""
        return self.net._enter(x)

    def through(
        self,
        w: list[Weights],
        x: Any,
        starts: Sequence[State],
        steps: Sequence[int] = (),
        recorded: Sequence = (),
    ) -> Iterator[Pass]:
        """The pass of each layer that has weights, from its start: its `steps`, or all of x."""
        for n, w_layer in enumerate(w):
            many = steps[n] if steps else len(x)
            frozen = recorded[n][:many] if recorded else None
            result = self.net.blocks[n].forward(w_layer, x, starts[n], many, self.form, frozen)
            x = result.y
            yield result

    def part(self, x: Array, part: slice, first: int | None = None) -> Any:
        """The steps of a part from `first` on, and where they begin, which a twin has recorded.
        What is before goes through `window` steps at a time, in no more memory than these."""
        net = self.net
        x = self.enter(x[part])
        K = max(len(x) - net.window, 0) if first is None else first
        if self.record is not None:
            starts = [of_layer["start"].part(part) for of_layer in self.record]
            recorded = [np.swapaxes(of_layer["u"][part], 0, 1) for of_layer in self.record]
            return Window(x[K:], starts, recorded)
        starts = [layer.begin(x.shape[1], net.dtype) for layer in net.blocks]
        for start in range(0, K, net.window):
            past = x[start : min(start + net.window, K)]
            starts = [result.end for result in self.through(self.w, past, starts)]
        return Window(x[K:], starts, [])

    def passes(self, w: list[Weights], window: Window) -> list[Pass]:
        """The passes of the layers that have weights, in the steps that reach the logits."""
        steps = [len(window.x)]
        for layer in reversed(self.net.blocks[1:]):
            steps.insert(0, max(steps[0] - layer.neuron.delay, 0))
        return list(self.through(w, window.x, window.starts, steps, window.recorded))

    def forward(self, w: Any, window: Any, x_dot: Array | None = None) -> tuple[Any, Any]:
        """(logits, tapes), along x_dot (B, n, ...)."""
        if x_dot is not None:
            window = window._replace(x=Dual(window.x, np.swapaxes(x_dot, 0, 1)))
        passes = self.passes(w, window)
        logits = logits_of(self.net.readout, passes[-1].u, passes[-1].tape.spike)
        return logits.reshape(*logits.shape[:-3], self.net.ways), passes

    def back(self, w: Any, passes: Any, dlogits: Any, need_dx: bool = False) -> tuple[Any, Array]:
        """(dx (B, n, ...), the gradient) from the adjoint of the logits; H v where that is dual."""
        dlogits = dlogits.reshape(*dlogits.shape[:-1], 1, 1, self.net.ways)
        du = membranes_back(self.net.readout, dlogits, passes[-1].u, passes[-1].tape.spike)
        return self.back_through(w, passes, du, need_dx)

    def back_through(
        self, w: Any, passes: Any, dy: Any, need_dx: bool = False
    ) -> tuple[Any, Array]:
        """The same from the adjoint of what the last of these layers hands on, time first."""
        of = derivative if isinstance(dy, Dual) else value
        gradient = np.zeros(self.net.size, self.net.dtype)
        places = {p.name: p.slice for p in self.net.layout}
        for n in reversed(range(len(passes))):
            layer = self.net.blocks[n]
            dy = dy.reshape(*dy.shape[:2], *layer.output_shape)
            dy, sums = layer.backward(w[n], passes[n].tape, dy, need_dx or n > 0)
            for name, adjoint in sums.items():
                a = layer.chained(w[n], name, adjoint)
                gradient[places[f"{layer.name}.{name}"]] = np.ravel(of(a))
        return np.swapaxes(dy, 0, 1) if need_dx else None, gradient

    def gradient(self, w: Any, window: Any, y: Array, batch: int) -> tuple[float, Array, Array]:
        """(loss, gradient, logits): a part's share of a batch's; H v where the weights are dual."""
        logits, passes = self.forward(w, window)
        seen, criterion = value(logits), self.net.criterion
        loss = float(criterion.value(seen, y)) * len(y) / batch
        dlogits: Any = self._of_loss("backward", criterion.backward(seen, y), seen, batch)
        if isinstance(logits, Dual):
            tangent = criterion.backward_tangent(seen, logits.d, y)
            dlogits = Dual(dlogits, self._of_loss("backward_tangent", tangent, seen, batch))
        return loss, self.back(w, passes, dlogits)[1], seen

    def _of_loss(self, name: str, of_loss: Any, logits: Any, batch: int) -> Array:
        """The part's share of a derivative of the loss; ValueError where its shape is another."""
        if np.shape(of_loss) != logits.shape:
            raise ValueError(
                f"{self.net.criterion.name}.{name} returned shape {np.shape(of_loss)}; expected "
                f"{logits.shape}, that of the logits"
            )
        dtype = self.net.dtype
        return np.asarray(of_loss, dtype) * dtype.type(len(logits) / batch)

    def release(self) -> None:
        """Others may want the memory before these weights are needed again."""


class Loops(Checks):
    """What a network with these layers computes.

    Every method takes theta (size,), x event counts, and y (B,) labels (or, for the squared loss,
    targets in the shape of the logits). spike="jet" or "smooth" with record=net.record(theta, x) computes a twin: the
    smooth function whose derivatives are the network's own. Raises ValueError for arguments that do
    not fit, and `NotFinite` for values that are not finite.
    """

    reference = Passes
    inference_part = 5  # samples that go through the layers together where no tape is kept
    window: int  # time steps that are differentiated
    gain: float  # factor on the counts that come in
    readout: str = "last"  # what the loss is given of the last layer's membranes
    backend: str
    input_shape: tuple[int, ...]
    blocks: tuple[Layer, ...]
    layout: tuple[Parameter, ...]

    # ---- what comes in

    def weights(self, theta: Any) -> list[Weights]:
        """What each layer computes with, views into theta; theta may have a derivative."""
        arrays: dict[str, dict[str, Any]] = {layer.name: {} for layer in self.blocks}
        for p in self.layout:
            arrays[p.layer][p.part] = theta[p.slice].reshape(p.shape)
        return [layer.weights(arrays[layer.name]) for layer in self.blocks]

    def _taken(self, theta, x, spike="hard", record=None) -> tuple[Array, Array, tuple]:
        """(theta, x, (form, record of a twin)) of what a method is given, checked."""
        theta = self._vector(theta, "theta")
        x = self._input(x)
        one_of("spike", spike, FORMS)
        if spike != "hard" and record is None:
            raise ValueError(f"spike={spike!r} needs record=net.record(theta, x), what it freezes")
        return theta, x, (spike, None if spike == "hard" else record)

    def _input(self, x: Any) -> Array:
        """x (B, T, H, W, C) as the first layer's shape asks, checked."""
        x = array("x", x)
        if x.ndim != 2 + len(self.input_shape) or x.shape[2:] != self.input_shape:
            axes = "(B, T, H, W, C)" if len(self.input_shape) == 3 else "(B, T, features)"
            raise ValueError(
                f"x must be {axes} with {self.input_shape} at each step, not {x.shape}"
            )
        return self._counts(x).reshape(*x.shape[:2], *self.blocks[0].input_shape)

    def _enter(self, x: Array) -> Array:
        """gain times a part of it, time first and in the network's dtype."""
        x = np.ascontiguousarray(np.swapaxes(x, 0, 1))
        return x.astype(self.dtype) * self.dtype.type(self.gain)

    def _logits_shape(self, x: Array) -> tuple[int, ...]:
        """(B, ways), or (B, n, ways) of n steps."""
        steps = (min(self.window, x.shape[1]),) if self.readout == "steps" else ()
        return len(x), *steps, self.ways

    def _parts(self, x: Array, second: bool) -> list[slice]:
        """Parts of a batch that go through the layers together, for a `second` derivative or
        without; sums depend on them."""
        sites = sum(prod(layer.sites) * layer.channels for layer in self.blocks)
        of_sample = min(self.window, x.shape[1]) * sites * self.dtype.itemsize
        size = PART_BYTES // (3 if second else 1) // of_sample
        return parts_of(len(x), min(max(size, 1), PART))

    def _engine(self, theta: Array, twin: tuple = ("hard", None), backs: int = 2) -> Any:
        """What computes the layers at theta."""
        form, record = twin
        kind = self._kernels() if self.backend == "numba" and form == "hard" else self.reference
        return kind(self, theta, form, record, backs)

    def _kernels(self) -> type[Passes]:
        return self.reference

    # ---- gradients

    def _sum(self, engine: Passes, of_part: Callable[[int], Array], parts: int) -> Array:
        """The sum of vectors over the parts of a batch, in their order."""
        total = np.zeros(self.size, self.dtype)
        in_order(of_part, range(parts), total.__iadd__)
        engine.release()
        return total

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
        y = self._target(y, self._logits_shape(x))
        engine = self._engine(theta, twin, 2 if second else 1)
        parts = self._parts(x, second)
        kept: list[Any] = [None] * len(parts)  # (window, loss, logits)

        def of_part(n: int) -> Array:
            window = engine.part(x, parts[n])
            loss, gradient, logits = engine.gradient(engine.w, window, y[parts[n]], len(x))
            kept[n] = window if second else None, loss, logits
            return gradient

        def hvp(v: Array) -> Array:
            moving = engine.along(self._vector(v, "v"))

            def of_part(n: int) -> Array:
                return engine.gradient(moving, kept[n][0], y[parts[n]], len(x))[1]

            return self._sum(engine, of_part, len(parts))

        gradient = self._sum(engine, of_part, len(parts))
        logits = self._finite(np.concatenate([of_part[2] for of_part in kept]), theta)
        loss = sum(of_part[1] for of_part in kept)
        return Gradients(loss, gradient, logits, hvp if second else None)
