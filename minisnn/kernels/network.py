"""What a spiking network computes on the kernels: the same as `core.network`, in the hard form.

    forward    x through the blocks, each of which leaves a tape
    back       the adjoint of what the last one hands on, back through them: the gradient
    tangent    a direction of theta through both: H v

Parts of a batch are computed next to each other, and their results are summed in a fixed order.
Sequences are (B, n, ...) here.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.dual import Array, Dual, derivative, value
from ..core.linear import traces_back
from ..core.loops import Gradients, at_steps, parts_of
from ..core.network import Features, Seen
from ..parallel.threads import in_order
from . import block as passes
from .events import Events, EventWeight
from .layer import Joint, block_of, fold, fold_weight, unfold, unfold_weight
from .neuron import neuron_of

Tape = dict[str, Any]
Sums = list[dict[str, Array]]  # of each block, the adjoints of its arrays and constants by name


class Loops:
    """The loops at one theta."""

    def __init__(self, net: Any, theta: Array):
        self.net = net
        self.theta = theta
        self.w = net.weights(theta)
        self.blocks = [block_of(b, net.window, w.constants) for b, w in zip(net.blocks, self.w)]
        known: dict[tuple, Any] = {}
        for n, block in enumerate(self.blocks):
            key = id(block.neuron), block.learn
            if key not in known:  # of a class of the user's it takes a while
                how = net.dtype, block.detach_reset, block.learn
                known[key] = neuron_of(block.neuron, *how)
            self.blocks[n] = replace(block, compiled=known[key])
        self.weights = self._prepared(value)
        self.biases = [w.bias for w in self.w]

    def _prepared(self, part: Callable, w: Any = None) -> list:
        """The weights as the passes take them: the value of each, or its derivative."""
        prepared = []
        for layer, block, of_layer in zip(self.net.blocks, self.blocks, w or self.w):
            weight = part(of_layer.weight)
            if layer.stride > 1:
                weight = fold_weight(weight, layer.stride)
            recurrent = None if of_layer.recurrent is None else part(of_layer.recurrent)
            constants = tuple(float(part(of_layer.constants[name])) for name in block.learn)
            prepared.append(EventWeight(weight, recurrent, constants))
        return prepared

    def release(self) -> None:
        """Others may want the memory before these weights are needed again."""
        for weight in self.weights:
            weight.release()

    def short(self, steps: int, n: int) -> int:
        """Of so many steps of the window, those in which the adjoint of block n can differ from
        zero: every synapse above it delays."""
        return steps - sum(b.neuron.delay for b in self.blocks[n + 1 :])

    # ---- the passes of all blocks

    def forward(self, x: Array, keep: int, many: int | None = None) -> tuple[Any, list[Tape]]:
        """(what the last of so many blocks hands on, tapes); logits of them all. The readout's tape
        keeps so many steps of the window, those below what they can need."""
        y: Any = self.enter(x)
        tapes = []
        for n, block in enumerate(self.blocks[:many]):
            steps = max(self.short(keep, n), min(keep, 1))
            y, tape = passes.forward(block, self.weights[n], self.biases[n], self.fit(n, y), steps)
            tapes.append(tape)
        return y, tapes

    def enter(self, x: Array) -> Events:
        """Event counts as the first block's input, times the gain."""
        return passes.enter(x, self.net.gain, self.net.dtype)

    def fit(self, n: int, y: Events) -> Events:
        """Events as block n takes them."""
        s = self.net.blocks[n].stride
        return y.folded(s, self.blocks[n].input_shape) if s > 1 else y

    def back(
        self, tapes: list[Tape], dx: Any, second: bool, need_dx: bool = False
    ) -> tuple[Any, Sums]:
        """(dx of what comes in, where it is needed, and the adjoints of each block that has a tape),
        from the adjoint of what the last of them hands on."""
        sums: Sums = []
        for n in reversed(range(len(tapes))):
            below = n > 0 or need_dx
            found = passes.backward(
                self.blocks[n], self.weights[n], tapes[n], dx, need_dx=below, second=second
            )
            if not second:
                tapes[n] = {}  # nothing will need it, and it is large
            dx = self._below(n, found[0]) if below else None
            sums.append(self._named(n, *found[1:]))
        return dx, sums[::-1]

    def push(
        self, dots: tuple, tapes: list[Tape], x_dot: Array | None = None
    ) -> tuple[Any, list[Tape]]:
        """(logits_dot, tapes): `forward` differentiated along the direction `dots`, and along x_dot
        at the window's steps that reach the logits."""
        weights_dot, biases_dot = dots
        steps = tapes[-1]["u"].shape[1]
        tapes_dot = []
        for n, block in enumerate(self.blocks):
            if x_dot is not None:
                x_dot = self._above(n, x_dot)
            along = weights_dot[n], biases_dot[n], tapes[n], x_dot, max(self.short(steps, n), 0)
            x_dot, tape_dot = passes.forward_tangent(block, self.weights[n], *along)
            tapes_dot.append(tape_dot)
        return x_dot, tapes_dot

    def tangent(self, dots: tuple, tapes: list[Tape], logits: Array, y: Array, batch: int) -> Sums:
        """H v of a part's share: `forward` and `back` differentiated along the direction `dots`."""
        logits_dot, tapes_dot = self.push(dots, tapes)
        found = self.net.criterion.backward_tangent(logits, logits_dot, y)
        dx_dot: Any = self.net._of_loss("backward_tangent", found, logits, batch)
        sums: Sums = []
        for n in reversed(range(len(tapes))):
            # handed over, so that the engine can let go of what is large
            along = dots[0][n], tapes[n], tapes_dot.pop(), dx_dot, n > 0
            block = self.blocks[n]
            dx_dot, *adjoints = passes.backward_tangent(block, self.weights[n], *along)
            del along
            if n > 0:
                dx_dot = self._below(n, dx_dot)
            sums.append(self._named(n, *adjoints))
        return sums[::-1]

    def _above(self, n: int, x_dot: Array) -> Array:
        """A tangent as block n takes it."""
        s = self.net.blocks[n].stride
        if s > 1:
            return fold(x_dot, s)
        return x_dot.reshape(*x_dot.shape[:2], *self.blocks[n].input_shape)

    def _below(self, n: int, dx: Array) -> Array:
        """The adjoint of what block n - 1 hands on, from that of what block n takes."""
        layer = self.net.blocks[n]
        if layer.stride > 1:
            return unfold(dx, layer.stride, layer.input_shape)
        shape = self.net.blocks[n - 1].output_shape if n else layer.input_shape
        return dx.reshape(*dx.shape[:2], *shape)

    def _named(self, n: int, dweight: Any, dbias: Array) -> dict[str, Array]:
        """The adjoints of a block by name."""
        named = {"bias": dbias}
        layer = self.net.blocks[n]
        if isinstance(dweight, Joint):
            if layer.recurrent:
                named["recurrent"] = dweight.recurrent
            named |= dict(zip(layer.learn, dweight.constants))
            dweight = dweight.weight
        if layer.stride > 1:
            dweight = unfold_weight(dweight, layer.stride, layer.kernel)
        return {"weight": dweight, **named}

    # ---- sums over the parts of a batch

    def _sum(self, of_part: Callable[[int], Sums], many: int) -> Sums:
        total: Sums = []

        def add(part: Sums) -> None:
            if not total:
                total.extend(part)
                return
            for of_block, more in zip(total, part, strict=True):
                for name in of_block:
                    of_block[name] += more[name]

        in_order(of_part, range(many), add)
        return total

    def flat(self, total: Sums, along: tuple[list, Sums] | None = None) -> Array:
        """The gradient, flat like theta, zero for blocks that have none; or H v, from the weights
        moving with theta, the adjoints' tangents, and in `total` the adjoints of constants."""
        flat = np.zeros(self.net.size, self.net.dtype)
        views = self.net.views(flat)
        for n, of_block in enumerate(along[1] if along else total):
            layer = self.net.blocks[n]
            for name, found in of_block.items():
                if along is None:
                    found = layer.chained(self.w[n], name, found)
                elif name in layer.learn:
                    found = Dual(total[n][name], found)
                    found = derivative(layer.chained(along[0][n], name, found))
                view = views[f"{layer.name}.{name}"]
                view[...] = np.reshape(found, view.shape)
        return flat

    def along(self, v: Array) -> tuple[list, tuple]:
        """(the weights of theta + v eps, their derivatives as the passes take them)."""
        w = self.net.weights(Dual(self.theta, v))
        return w, (self._prepared(derivative, w), [derivative(of_layer.bias) for of_layer in w])

    # ---- what the network asks for

    def _each(self, of_part: Callable[[int], Any], many: int) -> list:
        """What a function gives of each part."""
        found: list[Any] = []
        in_order(of_part, range(many), found.append)
        return found

    def seen(self, x: Array) -> Seen:
        """Features and logits by the same pass through the layers below the readout."""
        readout = self.blocks[-1]
        parts = parts_of(len(x), self.net.inference_part)

        def of_part(n: int) -> Seen:
            y = self.fit(-1, self.forward(x[parts[n]], 0, -1)[0])
            logits, _ = passes.forward(readout, self.weights[-1], self.biases[-1], y, 0)
            return Seen(passes.features(readout, y, (x.shape[1],)), logits)

        return Seen(*map(np.concatenate, zip(*self._each(of_part, len(parts)))))

    def gradients(self, x: Array, y: Array, second: bool) -> Gradients:
        """As of the network."""
        net = self.net
        parts = net._parts(x, second)
        kept: list[Any] = [None] * len(parts)  # (loss, logits, tapes)

        def of_part(n: int) -> Sums:
            part = parts[n]
            logits, tapes = self.forward(x[part], net.window)
            loss = float(net.criterion.value(logits, y[part])) * len(logits) / len(x)
            found = net.criterion.backward(logits, y[part])
            dlogits = net._of_loss("backward", found, logits, len(x))
            sums = self.back(tapes, dlogits, second)[1]
            kept[n] = loss, logits, tapes
            return sums

        def hvp(v: Array) -> Array:
            w, dots = self.along(net._vector(v, "v"))

            def of_part(n: int) -> Sums:
                _, logits, tapes = kept[n]
                return self.tangent(dots, tapes, logits, y[parts[n]], len(x))

            hv = self._sum(of_part, len(parts))
            self.release()
            return self.flat(learned, (w, hv))

        total = self._sum(of_part, len(parts))
        learned = [{name: of[name] for name in b.learn} for b, of in zip(net.blocks, total)]
        losses, logits, _ = zip(*kept)
        self.release()
        return Gradients(
            sum(losses), self.flat(total), np.concatenate(logits), hvp if second else None
        )

    def features(self, x: Array, ends: list[int], pull: bool) -> Features:
        """As of the network, after so many steps each."""
        net = self.net
        readout = self.blocks[-1]
        steps = min(net.window, x.shape[1])
        at = [end - 1 - (x.shape[1] - steps) for end in ends]
        parts = net._parts(x, False) if pull else parts_of(len(x), net.inference_part)
        tapes: list[Any] = [None] * len(parts)

        def of_part(n: int) -> Array:
            y, tapes[n] = self.forward(x[parts[n]], net.window if pull else 0, -1)
            return passes.features(readout, self.fit(-1, y), ends)

        def pullback(dp: Array) -> Array:
            def of_part(n: int) -> Sums:
                of_readings = np.asarray(dp[parts[n]], net.dtype).reshape(
                    len(x[parts[n]]), len(at), -1
                )
                dtrace = at_steps(np.swapaxes(of_readings, 0, 1), steps, at)
                decays = [getattr(readout.neuron, name) for name in readout.neuron.filtering]
                dy, _ = traces_back(dtrace, decays, readout.neuron.delay)
                dy = np.ascontiguousarray(np.swapaxes(dy, 0, 1))
                if not tapes[n]:
                    return []
                shape = net.blocks[-2].output_shape
                return self.back(tapes[n], dy.reshape(*dy.shape[:2], *shape), False)[1]

            return self.flat(self._sum(of_part, len(parts)))

        return Features(np.concatenate(self._each(of_part, len(parts))), pullback)

    def linearize(self, x: Array) -> tuple[Array, Callable, Callable]:
        """(logits, (theta_dot, x_dot) -> logits_dot, dlogits -> (dtheta, dx)), x as it enters."""
        net = self.net
        parts = net._parts(x, True)
        tapes: list[Any] = [None] * len(parts)
        pulled = [False] * len(parts)
        steps = min(net.window, x.shape[1])
        reach = max(self.short(steps, 0) - self.blocks[0].neuron.delay, 0)
        window = slice(x.shape[1] - steps, x.shape[1] - steps + reach)

        def collected(of_part: Callable[[int], Array]) -> Array:
            found = self._each(of_part, len(parts))
            self.release()
            return np.concatenate(found)

        def of_part(n: int) -> Array:
            out, tapes[n] = self.forward(x[parts[n]], net.window)
            return out

        logits = collected(of_part)

        def back(n: int, dlogits: Array, need_dx: bool) -> tuple[Any, Sums]:
            pulled[n] = True
            return self.back(tapes[n], np.ascontiguousarray(dlogits), True, need_dx)

        def push(theta_dot: Array | None, x_dot: Array | None) -> Array:
            _, dots = self.along(np.zeros(net.size, net.dtype) if theta_dot is None else theta_dot)
            along = None if x_dot is None else np.ascontiguousarray(x_dot[:, window])

            def of_part(n: int) -> Array:
                if not pulled[n]:  # the tangent's place is behind `backward`
                    back(n, np.zeros_like(logits[parts[n]]), False)
                return self.push(dots, tapes[n], None if along is None else along[parts[n]])[0]

            return collected(of_part)

        def pull(dlogits: Array) -> tuple[Array, Array]:
            dx = np.zeros(x.shape, net.dtype)

            def of_part(n: int) -> Sums:
                of_x, sums = back(n, dlogits[parts[n]], True)
                dx[parts[n], window] = of_x
                return sums

            dtheta = self.flat(self._sum(of_part, len(parts)))
            self.release()
            return dtheta, dx

        return logits, push, pull

    def outputs(self, x: Array) -> Any:
        """Of each block below the readout what it hands on."""
        y: Any = self.enter(x)
        for n, block in enumerate(self.blocks[:-1]):
            y, _ = passes.forward(block, self.weights[n], self.biases[n], self.fit(n, y), 0)
            yield y

    def layer(self, n: int, y: Events) -> tuple[Array, Any]:
        """The membranes of a block in the window, and what it hands on."""
        block = self.blocks[n]
        y, tape = passes.forward(block, self.weights[n], self.biases[n], self.fit(n, y))
        return tape["u"], y
