"""The engine of spiking networks on the kernels: the results of `core.network.Engine`, in the hard
form.

Sequences are (B, n, ...) here. A part of a batch stores its tapes for H v.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..core import network
from ..core.dual import Array, Dual, derivative, value
from ..core.layer import Weights
from ..core.loss import exchanged, logits_of, membranes_back
from ..parallel.arrays import aligned, aligned_zeros
from . import block as passes
from .events import Events, EventWeight, collect
from .layer import EVERY_STEP, block_of, fold, fold_weight, unfold, unfold_weight
from .neuron import neuron_of

Tape = dict[str, Any]


class Along(NamedTuple):
    """The weights at theta + v eps, with their derivatives in the kernels' layouts."""

    w: list[Weights]
    weights: list[EventWeight]
    biases: list[Array]


@dataclass
class Part:
    """A part of a batch: its input and, after the forward pass, the tapes of its layers."""

    x: Any  # Events
    steps: int  # steps of the window
    first: int  # first step of the window
    tapes: list[Tape] = field(default_factory=list)
    membranes: Any = None  # the readout's membranes, (B, n, ways)


class Engine(network.Engine):
    """The compiled engine: a network's layers, evaluated with one parameter vector theta."""

    def __post_init__(self) -> None:
        self.theta = aligned(self.theta)  # the kernels use views of it
        super().__post_init__()
        net = self.net
        self.blocks = [block_of(b, net.window, w.constants) for b, w in zip(net.blocks, self.w)]
        known: dict[tuple, Any] = {}
        for n, block in enumerate(self.blocks):
            key = id(block.neuron), block.learn
            if key not in known:  # slow for a user's class
                how = net.dtype, block.detach_reset, block.learn
                known[key] = neuron_of(block.neuron, *how)
            self.blocks[n] = replace(block, compiled=known[key])
        self.weights = self._prepared(self.w, value)
        self.biases = [w.bias for w in self.w]

    def _prepared(self, w: list[Weights], part: Callable) -> list[EventWeight]:
        """Return the weights in the form that the kernels need: either the values or the
        derivatives."""
        prepared = []
        for layer, block, of_layer in zip(self.net.blocks, self.blocks, w):
            weight = part(of_layer.weight)
            if layer.stride > 1:
                weight = fold_weight(weight, layer.stride)
            recurrent = None if of_layer.recurrent is None else part(of_layer.recurrent)
            constants = tuple(float(part(of_layer.constants[name])) for name in block.learn)
            prepared.append(EventWeight(weight, recurrent, constants))
        return prepared

    def along(self, v: Array) -> Along:
        w = super().along(aligned(v))
        return Along(
            w, self._prepared(w, derivative), [derivative(of_layer.bias) for of_layer in w]
        )

    @property
    def _spike(self) -> Any:
        """Return the spike function of the readout's neuron."""
        return self.net.blocks[-1].neuron.jet("hard")

    def _logits(self, membranes: Any) -> Any:
        return logits_of(self.net.readout, exchanged(membranes), self._spike)

    def release(self) -> None:
        for weight in self.weights:
            weight.release()

    # ---- one layer after the other

    def enter(self, x: Array) -> Events:
        return collect(x, self.net.dtype.type(self.net.gain))

    def layer(self, n: int, y: Any, membranes: bool = False) -> tuple[Any, Any]:
        y, tape = self._pass(n, y, EVERY_STEP if membranes else 0)
        return tape["u"], y

    def _pass(self, n: int, y: Events, keep: int) -> tuple[Any, Tape]:
        """Run one of a block's passes. If the layer has a stride, the events of its input are
        folded first."""
        s = self.net.blocks[n].stride
        y = y.folded(s, self.blocks[n].input_shape) if s > 1 else y
        return passes.forward(self.blocks[n], self.weights[n], self.biases[n], y, keep)

    def dense(self, y: Events) -> Array:
        return y.dense()

    def part(self, x: Array, part: slice, first: int | None = None) -> Part:
        steps = min(self.net.window, x.shape[1])
        return Part(self.enter(x[part]), steps, x.shape[1] - steps if first is None else first)

    def _short(self, n: int) -> int:
        """Return the number of steps, at the window's end, in which the adjoint of block n is zero
        because the synapses above it delay."""
        return sum(b.neuron.delay for b in self.blocks[n + 1 :])

    def _through(self, part: Part, many: int) -> Any:
        """Return the output of the first `many` blocks; if the last of these is the readout, return
        its membranes. The tapes cover the window, except for steps that cannot reach the logits."""
        y, part.x = part.x, None  # the tapes store the window's inputs
        for n in range(many):
            keep = max(part.steps - self._short(n), 1) if self.backs else 0
            y, tape = self._pass(n, y, keep)
            part.tapes.append(tape)
        return y

    def forward(
        self, w: Any, window: Part, x_dot: Array | None = None
    ) -> tuple[Any, tuple[list[Tape], list[Tape]]]:
        if not isinstance(w, Along):
            window.membranes = self._through(window, len(self.blocks))
            return self._logits(window.membranes), (window.tapes, [])
        d: Any = None
        if x_dot is not None:
            reach = max(window.steps - self._short(0) - self.blocks[0].neuron.delay, 0)
            d = x_dot[:, :reach]
        tapes_dot = []
        for n, block in enumerate(self.blocks):
            if d is not None:
                s = self.net.blocks[n].stride
                d = fold(d, s) if s > 1 else d.reshape(*d.shape[:2], *block.input_shape)
            steps = max(window.steps - self._short(n), 0)
            along = w.weights[n], w.biases[n], window.tapes[n], d, steps
            d, tape_dot = passes.forward_tangent(block, self.weights[n], *along)
            tapes_dot.append(tape_dot)
        return self._logits(Dual(window.membranes, d)), (window.tapes, tapes_dot)

    def back(self, w: Any, tapes: Any, dlogits: Any, need_dx: bool = False) -> tuple[Any, Array]:
        of_readout, moved = tapes[0][-1]["u"], tapes[1]
        u = Dual(of_readout, moved[-1]["u_dot"].u) if moved else of_readout
        du = membranes_back(self.net.readout, dlogits, exchanged(u), self._spike)
        return self._back(w, tapes, exchanged(du), need_dx)

    def _back(self, w: Any, tapes: Any, dy: Any, need_dx: bool) -> tuple[Any, Array]:
        """Return (dx, gradient), given the adjoint of the last layer's output. This frees the
        tangents, and also the tapes if no other backward pass follows."""
        tapes, tapes_dot = tapes
        along = isinstance(w, Along)
        dx = dy.d if along else dy
        flat = aligned_zeros((self.net.size,), self.net.dtype)
        views = self.net.views(flat)
        for n in reversed(range(len(tapes))):
            layer, block, tape = self.net.blocks[n], self.blocks[n], tapes[n]
            below = n > 0 or need_dx
            again = self.backs > 1
            dweight = views[f"{layer.name}.weight"].reshape(-1)
            if layer.stride > 1:
                dweight = aligned_zeros((prod(block.weight_shape),), self.net.dtype)
            given = block, self.weights[n], tape, dx, dweight
            # handed over, so that large arrays can be freed
            of_tangent = [(w.weights[n], tapes_dot.pop())] if along else [None]
            dx, adjoints = passes.backward(*given, below, again, of_tangent.pop())
            if not again:
                tapes[n] = {}  # frees a large tape
            if layer.stride > 1:
                folded = dweight.reshape(block.weight_shape)
                adjoints["weight"] = unfold_weight(folded, layer.stride, layer.kernel)
            for name, found in adjoints.items():
                if name in layer.learn and along:
                    found = layer.chained(w.w[n], name, Dual(tape[name], found)).d
                elif name in layer.learn:
                    tape[name] = found
                    found = layer.chained(w[n], name, found)
                view = views[f"{layer.name}.{name}"]
                view[...] = np.reshape(found, view.shape)
            if below and layer.stride > 1:
                dx = unfold(dx, layer.stride, layer.input_shape)
            elif below:
                shape = self.net.blocks[n - 1].output_shape if n else layer.input_shape
                dx = dx.reshape(*dx.shape[:2], *shape)
        return dx, flat

    def back_through(self, w: Any, tapes: Any, dy: Any, need_dx: bool = False) -> tuple[Any, Array]:
        dy = np.swapaxes(dy, 0, 1)
        if tapes[0]:
            dy = np.ascontiguousarray(dy).reshape(*dy.shape[:2], *self.net.blocks[-2].output_shape)
        return self._back(w, tapes, dy, need_dx)

    # ---- results

    def features(self, window: Part, at: Sequence[int]) -> tuple[Array, Any]:
        y = self._through(window, len(self.blocks) - 1)
        ends = [window.first + step + 1 for step in at]
        return passes.features(self.blocks[-1], y, ends), (window.tapes, [])

    def seen(self, window: Part) -> tuple[Array, Array]:
        y = self._through(window, len(self.blocks) - 1)
        membranes = self._pass(-1, y, 0)[0]
        return passes.features(self.blocks[-1], y, [y.steps]), self._logits(membranes)
