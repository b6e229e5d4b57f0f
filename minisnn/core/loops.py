"""Logits, loss, gradient and Hessian-vector products of a network, over one flat theta.

    forward    x through the layers; each returns a tape for the backward pass
    back       the adjoint of the last layer's output, back through the layers: the gradient
    H v        both again, at theta + v eps (`dual`): the gradient is then g + H v eps

Only the last `window` steps are differentiated. The layers run through earlier steps once, on plain
numbers; the state after these (`layer.State`) is a constant, from which the window starts. If
synapses delay, a layer's last steps cannot reach the logits, and are skipped.

A batch is computed in parts, on several threads. `Loops._sum` adds their gradients in a fixed
order.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments import array, finite, must, one_of
from ..parallel.threads import in_order
from .dual import Array, Dual, derivative, value
from .layer import Layer, Parameter, Pass, State, Weights
from .neuron import FORMS
from .loss import logits_of, membranes_back

# states and membranes of each layer for a twin, from `Network.record`
Record = list[dict[str, Any]]
PART_BYTES = 12 << 20  # bytes of membranes in a part of a batch; a third of it for H v
PART = 8  # most samples in a part
MOST_COUNT = 1e9  # of events; far beyond any camera, and sums of so many still fit into float32


class Gradients(NamedTuple):
    """Mean loss over the batch, its gradient, the logits, and the function hvp(v) = H v, or
    None."""

    loss: float
    gradient: Array
    logits: Array
    hvp: Any


class Window(NamedTuple):
    """The steps that are differentiated, for one part of the batch."""

    x: Any  # (n, B, H, W, C), times the gain
    starts: list[State]  # each layer's state before them
    recorded: list  # for a twin: each layer's recorded membranes (n, B, H', W', C_out)


def parts_of(batch: int, size: int) -> list[slice]:
    """Divide a batch into slices of nearly equal length, which is at most `size`, and return
    them."""
    edges = np.linspace(0, batch, -(-batch // size) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges, edges[1:])]


@dataclass
class Passes:
    """The layers of a network, evaluated with one theta; the methods take a part of a batch. This
    is the reference engine; `kernels.network.Engine` computes the same event by event.

    form, record   for a twin (see `neuron.Spike`)
    backs          how often each part will be differentiated: 0 (never), 1 (once), or 2 (more than
                   once, as for H v)
    """

    net: Any
    theta: Array
    form: str = "hard"
    record: Record | None = None
    backs: int = 2

    def __post_init__(self) -> None:
        self.w = self.net.weights(self.theta)

    def along(self, v: Array) -> Any:
        """Return the weights at theta + v eps."""
        return self.net.weights(Dual(self.theta, v))

    def enter(self, x: Array) -> Any:
        """Convert event counts to the first layer's input."""
        return self.net._enter(x)

    def through(
        self,
        w: list[Weights],
        x: Any,
        starts: Sequence[State],
        steps: Sequence[int] = (),
        recorded: Sequence = (),
    ) -> Iterator[Pass]:
        """Run the first len(w) layers one after another. Each begins with its state in `starts`,
        and runs as many steps as `steps` says (by default, all of x)."""
        for n, w_layer in enumerate(w):
            many = steps[n] if steps else len(x)
            frozen = recorded[n][:many] if recorded else None
            result = self.net.blocks[n].forward(w_layer, x, starts[n], many, self.form, frozen)
            x = result.y
            yield result

    def part(self, x: Array, part: slice, first: int | None = None) -> Any:
        """Return the window of a part, which begins at step `first`, after running the steps before
        it, `window` steps at a time to save memory. A twin uses the recorded state instead."""
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
        """Run the first len(w) layers through those steps of the window that can reach the
        logits."""
        steps = [len(window.x)]
        for layer in reversed(self.net.blocks[1:]):
            steps.insert(0, max(steps[0] - layer.neuron.delay, 0))
        return list(self.through(w, window.x, window.starts, steps, window.recorded))

    def forward(self, w: Any, window: Any, x_dot: Array | None = None) -> tuple[Any, Any]:
        """Return (logits, passes). They are dual along x_dot (B, n, ...) if it is given."""
        if x_dot is not None:
            window = window._replace(x=Dual(window.x, np.swapaxes(x_dot, 0, 1)))
        passes = self.passes(w, window)
        logits = logits_of(self.net.readout, passes[-1].u, passes[-1].tape.spike)
        return logits.reshape(*logits.shape[:-3], self.net.ways), passes

    def back(self, w: Any, passes: Any, dlogits: Any, need_dx: bool = False) -> tuple[Any, Array]:
        """Return (dx (B, n, ...), gradient), given the adjoint of the logits. If this adjoint is
        dual, return (dx, H v)."""
        dlogits = dlogits.reshape(*dlogits.shape[:-1], 1, 1, self.net.ways)
        du = membranes_back(self.net.readout, dlogits, passes[-1].u, passes[-1].tape.spike)
        return self.back_through(w, passes, du, need_dx)

    def back_through(
        self, w: Any, passes: Any, dy: Any, need_dx: bool = False
    ) -> tuple[Any, Array]:
        """Do the same as `back`, given dy (n, B, ...), the adjoint of the last layer's output."""
        of = derivative if isinstance(dy, Dual) else value
        gradient = np.zeros(self.net.size, self.net.dtype)
        places = {(p.layer, p.part): p.slice for p in self.net.layout}
        for n in reversed(range(len(passes))):
            layer = self.net.blocks[n]
            dy = dy.reshape(*dy.shape[:2], *layer.output_shape)
            dy, sums = layer.backward(w[n], passes[n].tape, dy, need_dx or n > 0)
            for name, adjoint in sums.items():
                a = layer.chained(w[n], name, adjoint)
                gradient[places[layer.name, name]] = np.ravel(of(a))
        return np.swapaxes(dy, 0, 1) if need_dx else None, gradient

    def gradient(self, w: Any, window: Any, y: Array, batch: int) -> tuple[float, Array, Array]:
        """Return (loss, gradient, logits) for a part; loss and gradient are the part's share of the
        batch's mean. With dual weights, H v replaces the gradient."""
        logits, passes = self.forward(w, window)
        seen, criterion = value(logits), self.net.criterion
        loss = float(criterion.value(seen, y)) * len(y) / batch
        dlogits: Any = self._of_loss("backward", criterion.backward(seen, y), seen, batch)
        if isinstance(logits, Dual):
            tangent = criterion.backward_tangent(seen, logits.d, y)
            dlogits = Dual(dlogits, self._of_loss("backward_tangent", tangent, seen, batch))
        return loss, self.back(w, passes, dlogits)[1], seen

    def _of_loss(self, name: str, of_loss: Any, logits: Any, batch: int) -> Array:
        """Scale a derivative of the loss to the part's share of the batch's mean, and check the
        derivative's shape."""
        if np.shape(of_loss) != logits.shape:
            raise ValueError(
                f"{self.net.criterion.name}.{name} returned shape {np.shape(of_loss)}; expected "
                f"{logits.shape}, that of the logits"
            )
        dtype = self.net.dtype
        return np.asarray(of_loss, dtype) * dtype.type(len(logits) / batch)

    def release(self) -> None:
        """Free memory whose contents can be computed again; this engine has none."""


class Loops:
    """The base class of networks: their gradients.

    Methods take theta (size,), event counts x, and y (B,) labels (or, for the squared loss, targets
    in the shape of the logits). With spike="jet" or "smooth" and record=net.record(theta, x) they
    compute a twin: a smooth function whose derivatives are the network's surrogate ones. They raise
    ValueError for arguments that do not fit, and `NotFinite` for values that are not finite.
    """

    reference = Passes
    inference_part = 5  # samples in a part when no tape is stored
    size: int
    ways: int
    dtype: np.dtype[Any]
    criterion: Any  # a `bases.Loss`
    window: int  # time steps that are differentiated
    gain: float  # factor on the event counts
    readout: str = "last"  # how logits are computed from membranes, see `loss`
    backend: str
    input_shape: tuple[int, ...]
    blocks: tuple[Layer, ...]
    layout: tuple[Parameter, ...]

    # ---- inputs

    def weights(self, theta: Any) -> list[Weights]:
        """Return the weights of each layer, as views into theta. theta may be dual."""
        arrays: dict[str, dict[str, Any]] = {layer.name: {} for layer in self.blocks}
        for p in self.layout:
            arrays[p.layer][p.part] = theta[p.slice].reshape(p.shape)
        return [layer.weights(arrays[layer.name]) for layer in self.blocks]

    def _taken(self, theta, x, spike="hard", record=None) -> tuple[Array, Array, tuple]:
        """Check a method's arguments; return (theta, x, (form, record))."""
        theta = self._vector(theta, "theta")
        x = self._input(x)
        one_of("spike", spike, FORMS)
        if spike != "hard" and record is None:
            raise ValueError(f"spike={spike!r} needs record=net.record(theta, x)")
        return theta, x, (spike, None if spike == "hard" else record)

    def _input(self, x: Any) -> Array:
        """Check x (B, T, H, W, C), and return it in the first layer's input shape."""
        x = array("x", x)
        if x.ndim != 2 + len(self.input_shape) or x.shape[2:] != self.input_shape:
            axes = "(B, T, H, W, C)" if len(self.input_shape) == 3 else "(B, T, features)"
            raise ValueError(
                f"x must be {axes} with {self.input_shape} at each step, not {x.shape}"
            )
        return self._counts(x).reshape(*x.shape[:2], *self.blocks[0].input_shape)

    def _flat(self, vector: Any, name: str) -> None:
        """Check that a vector has the expected shape."""
        good = isinstance(vector, np.ndarray) and vector.shape == (self.size,)
        what = f"a flat array of {self.size} parameters"
        must(name, good, what, getattr(vector, "shape", type(vector).__name__))

    def _vector(self, vector: Any, name: str) -> Array:
        """Check a flat vector, and return it in the network's dtype."""
        self._flat(vector, name)
        vector = array(name, vector)
        must(name, vector.dtype.kind in "fiu", "of real numbers", str(vector.dtype))
        return finite(name, vector, self.dtype)

    @staticmethod
    def _counts(x: Array) -> Array:
        """Check event counts. Booleans count as zero or one."""
        x = x.view(np.uint8) if x.dtype.kind == "b" else x
        good = x.size and x.dtype.kind in "uif"
        what = "event counts of at least one sample and one time step"
        must("x", good, what, f"{x.dtype} of shape {x.shape}")
        if x.dtype != np.uint8:
            least, most = x.min(), x.max()
            what = f"finite event counts, 0 to {MOST_COUNT:.0e}"
            must("x", 0 <= least and most <= MOST_COUNT, what, f"{least} to {most}")
        return x

    def _target(self, y: Any, logits: tuple[int, ...]) -> Array:
        """Check the targets y of the loss: labels, or real targets in the shape of the logits. If
        the loss takes targets, labels become one-hot rows."""
        y = array("y", y)
        one_hot = self.criterion.one_hot
        labels = not one_hot or self.ways > 1 and len(logits) == 2
        if labels and y.dtype.kind in "ui" and y.ndim == 1:
            good = len(y) == logits[0] and 0 <= y.min() and y.max() < self.ways
            must("y", good, f"{logits[0]} labels from 0 to {self.ways - 1}", y)
            return np.eye(self.ways, dtype=self.dtype)[y] if one_hot else y
        what = [f"{logits[0]} integer labels"] * labels
        what += [f"real (floating-point) targets of shape {logits}"] * one_hot
        good = one_hot and y.dtype.kind == "f" and y.shape == logits
        must("y", good, " or ".join(what), f"{y.dtype} of shape {y.shape}")
        return finite("y", y, self.dtype)

    def _enter(self, x: Array) -> Array:
        """Return gain times a part of x, time first, in the network's dtype."""
        x = np.ascontiguousarray(np.swapaxes(x, 0, 1))
        return x.astype(self.dtype) * self.dtype.type(self.gain)

    def _logits_shape(self, x: Array) -> tuple[int, ...]:
        """Return the shape of the logits: (B, ways), or (B, n, ways) for readout "steps"."""
        steps = (min(self.window, x.shape[1]),) if self.readout == "steps" else ()
        return len(x), *steps, self.ways

    def _parts(self, x: Array, second: bool) -> list[slice]:
        """Return the slices into which a batch is divided; they are smaller if a `second`
        derivative follows. This division determines the last bits of a sum."""
        sites = sum(prod(layer.sites) * layer.channels for layer in self.blocks)
        of_sample = min(self.window, x.shape[1]) * sites * self.dtype.itemsize
        size = PART_BYTES // (3 if second else 1) // of_sample
        return parts_of(len(x), min(max(size, 1), PART))

    def _engine(self, theta: Array, twin: tuple = ("hard", None), backs: int = 2) -> Any:
        """Return the engine that computes the layers with this theta."""
        form, record = twin
        kind = self._kernels() if self.backend == "numba" and form == "hard" else self.reference
        return kind(self, theta, form, record, backs)

    def _kernels(self) -> type[Passes]:
        """Return the engine for the backend "numba"."""
        return self.reference

    # ---- gradients

    def _sum(self, engine: Passes, of_part: Callable[[int], Array], parts: int) -> Array:
        """Sum a vector over the parts of a batch, in their order."""
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
        """Return (loss, gradient, logits, hvp); hvp(v) = H v can be called any number of times.

        theta and x must not change before the last call of hvp. second=False saves memory; hvp is
        then None.

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
        logits = finite("logits", np.concatenate([of_part[2] for of_part in kept]), self.dtype)
        loss = sum(of_part[1] for of_part in kept)
        return Gradients(loss, gradient, logits, hvp if second else None)
