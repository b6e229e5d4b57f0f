"""The loops over the blocks of a network, for a part of a batch.

    forward    x through the blocks, each of which leaves a tape
    back       the adjoint of what the last one hands on, back through them: the gradient
    tangent    a direction v through both loops (Pearlmutter 1994): H v

Each calls the passes of an `Engine`, block by block.
"""

from typing import Any

import numpy as np

from .engine import Engine, Tape, Twin, TwinEngine
from .layout import Array, Layout

Sums = list[tuple[Array, Array]]  # (of the weight, of the bias) of each block


def parts_of(batch: int, size: int) -> list[slice]:
    """Slices of nearly equal length, `size` at most."""
    edges = np.linspace(0, batch, -(-batch // size) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges, edges[1:])]


class Loops:
    """The loops at one theta."""

    def __init__(self, net: Layout, engine: Engine, theta: Array):
        self.net = net
        self.engine = engine
        self.layers = net.parameters(theta, engine)
        self.theta = theta
        self.chain = net.chain(theta)

    def dots(self, v: Array) -> list[tuple]:
        """A direction of theta, flat, as the passes take it."""
        return self.net.parameters(self.theta, self.engine, self.chain.tangent(v))

    def release(self) -> None:
        """Others may want the memory before these weights are needed again."""
        for _, weight, _ in self.layers:
            self.engine.release(weight)

    def short(self, steps: int, n: int) -> int:
        """Of so many steps of the window, those in which the adjoint of block n can differ from
        zero: every synapse above it delays."""
        return steps - sum(b.neuron.delay for b in self.net.blocks[n + 1 :])

    def forward(
        self, x: Array, keep: int, twin: Twin | None = None, blocks: int | None = None
    ) -> tuple[Any, list[Tape]]:
        """(what the last of so many blocks hands on, tapes); logits of them all. The readout's tape
        keeps so many steps of the window, those below what they can need."""
        y: Any = self.engine.enter(x, self.net.gain, self.net.dtype)
        tapes = []
        for n, (b, weight, bias) in enumerate(self.layers[:blocks]):
            y = self.net.fit(b, y)
            if twin is None:
                steps = max(self.short(keep, n), min(keep, 1))
                y, tape = self.engine.forward(b, weight, bias, y, steps)
            else:
                engine: TwinEngine = self.engine  # type: ignore[assignment]
                y, tape = engine.twin(b, weight, bias, y, twin.form, twin.record[n])
            tapes.append(tape)
        return y, tapes

    def loss(
        self, x: Array, y: Array, twin: Twin | None, batch: int
    ) -> tuple[float, Array, Array, list[Tape]]:
        """(loss, dlogits, logits, tapes): this part's share of a batch's mean loss."""
        net = self.net
        logits, tapes = self.forward(x, net.window, twin)
        loss = float(net.criterion.value(logits, y)) * len(x) / batch
        dlogits = self._of_loss("backward", net.criterion.backward(logits, y), logits, batch)
        return loss, dlogits, logits, tapes

    def back(
        self, tapes: list[Tape], dx: Any, second: bool, need_dx: bool = False
    ) -> tuple[Any, Sums]:
        """(dx of what comes in, where it is needed, and (dweight, dbias) of each block that has a
        tape), from the adjoint of what the last of them hands on."""
        found: Sums = []
        for n in reversed(range(len(tapes))):
            b, weight, _ = self.layers[n]
            needed = n > 0 or need_dx
            dx, dweight, dbias = self.engine.backward(b, weight, tapes[n], dx, needed, second)
            if not second:
                tapes[n] = {}  # nothing will need it, and it is large
            dx = self._below(n, dx)
            found.append((dweight, dbias))
        return dx, found[::-1]

    def push(
        self, dots: list[tuple], tapes: list[Tape], x_dot: Array | None = None
    ) -> tuple[Any, list[Tape]]:
        """(logits_dot, tapes): `forward` differentiated along the direction of `dots`, and of x_dot
        at the window's steps that reach the logits."""
        steps = tapes[-1]["u"].shape[1]
        tapes_dot = []
        for n, (b, weight, _) in enumerate(self.layers):
            _, weight_dot, bias_dot = dots[n]
            x_dot = None if x_dot is None else self.net.fit(b, x_dot)
            short = max(self.short(steps, n), 0)
            x_dot, tape_dot = self.engine.forward_tangent(
                b, weight, weight_dot, bias_dot, tapes[n], x_dot, short
            )
            tapes_dot.append(tape_dot)
        return x_dot, tapes_dot

    def tangent(
        self, dots: list[tuple], tapes: list[Tape], logits: Array, y: Array, batch: int
    ) -> Sums:
        """H v of the part's share: `forward` and `back` differentiated along the direction of
        `dots`."""
        logits_dot, tapes_dot = self.push(dots, tapes)
        found = self.net.criterion.backward_tangent(logits, logits_dot, y)
        dx_dot: Any = self._of_loss("backward_tangent", found, logits, batch)
        sums: Sums = []
        for n, (b, weight, _) in reversed(list(enumerate(self.layers))):
            # handed over, so that the engine can let go of what is large
            tape_dot = tapes_dot.pop()
            dx_dot, dweight_dot, dbias_dot = self.engine.backward_tangent(
                b, weight, dots[n][1], tapes[n], tape_dot, dx_dot, n > 0
            )
            del tape_dot
            dx_dot = self._below(n, dx_dot)
            sums.append((dweight_dot, dbias_dot))
        return sums[::-1]

    def add(self, total: Array, part: Sums) -> None:
        """total, flat like theta, += what a part of the batch gives to the blocks from the first
        on."""
        for b, (dweight, dbias) in zip(self.net.blocks, part):
            self.net.add(total, b, dweight, dbias)

    def _below(self, n: int, dx: Any) -> Any:
        """The adjoint of what block n - 1 hands on, from that of what block n takes."""
        return dx if dx is None else self.net.unfit(n, dx)

    def _of_loss(self, name: str, found: Any, logits: Array, batch: int) -> Array:
        """A derivative of the loss, the part's share, in the network's dtype; ValueError where it is
        of another shape."""
        if np.shape(found) != logits.shape:
            raise ValueError(
                f"{self.net.loss_name}.{name} returned shape {np.shape(found)}; expected "
                f"{logits.shape}, that of the logits"
            )
        dtype = self.net.dtype
        return np.asarray(found, dtype) * dtype.type(len(logits) / batch)
