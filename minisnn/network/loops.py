"""The gradient of a network and its Hessian-vector products, by loops over its blocks.

    forward    x through the blocks, each of which leaves a tape
    back       the adjoint of what the last one hands on, back through them: the gradient
    tangent    a direction v through both loops (Pearlmutter 1994): H v

Each calls the passes of an `Engine`, block by block. Parts of a batch are computed side by side, and
their results are summed in a fixed order.
"""

from typing import Any, Literal, overload

import numpy as np

from ..layers.surrogate import FORMS
from ..layers.together import Weights
from ..arguments import one_of, whole
from ..parallel.threads import in_order
from .engine import Engine, Record, Tape, Twin, TwinEngine
from .found import Gradients, Product
from .layout import Array, Layout

Sums = list[tuple[Array, Array]]  # (of the weight, of the bias) of each block


def parts_of(batch: int, size: int) -> list[slice]:
    """Slices of nearly equal length, `size` at most."""
    edges = np.linspace(0, batch, -(-batch // size) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges, edges[1:])]


def ends_of(steps: int, readings: int, window: int) -> list[int]:
    """How many steps are over at the end of each of `readings` equal stretches. Raises ValueError
    where the first of them ends before the window begins."""
    if whole("readings", readings, 1) > steps:
        raise ValueError(f"readings must be at most the recording's steps, {steps}, not {readings}")
    ends = [round(steps * k / readings) for k in range(1, readings + 1)]
    if ends[0] <= steps - window:
        raise ValueError(
            f"the first of {readings} readings is after step {ends[0]} of {steps}; expected a "
            f"window of at least {steps - ends[0] + 1} steps, not {window}"
        )
    return ends


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

    @staticmethod
    def add(total: Sums, part: Sums) -> None:
        """total, empty before the first part of a batch, += what a part gives to the blocks from the
        first on. The arrays of the first part become the total's."""
        if not total:
            total += part
            return
        for n, ((dweight, dbias), more) in enumerate(zip(total, part, strict=True)):
            total[n] = _added(dweight, more[0]), _added(dbias, more[1])

    def flat(self, total: Sums) -> Array:
        """The total of all parts, flat like theta; zero for blocks that have none."""
        found = np.zeros(self.net.size, self.net.dtype)
        for b, (dweight, dbias) in zip(self.net.blocks, total):
            self.net.add(found, b, dweight, dbias)
        return found

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


def _added(total: Any, part: Any) -> Any:
    """total + part, in total's memory."""
    if not isinstance(part, Weights):
        return np.add(total, part, out=total)
    recurrent = (
        part.recurrent if part.recurrent is None else _added(total.recurrent, part.recurrent)
    )
    constants = np.add(total.constants, part.constants)
    return Weights(_added(total.weight, part.weight), recurrent, constants)


class Passes(Layout):
    """What `Network` inherits: its gradient and Hessian-vector products, by the loops."""

    @overload
    def gradients(
        self,
        theta: Array,
        x: Array,
        y: Array,
        second: Literal[True] = True,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Gradients[Product]:
        """With the tapes for Hessian-vector products."""

    @overload
    def gradients(
        self,
        theta: Array,
        x: Array,
        y: Array,
        second: Literal[False],
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Gradients[None]:
        """Without them."""

    @overload
    def gradients(
        self,
        theta: Array,
        x: Array,
        y: Array,
        second: bool,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Gradients[Product | None]:
        """Either."""

    def gradients(
        self,
        theta: Array,
        x: Array,
        y: Array,
        second: bool = True,
        *,
        spike: str = "hard",
        record: Record | None = None,
    ) -> Gradients[Any]:
        """(loss, gradient, logits, hvp); hvp(v) = H v, for any number of v from the same two loops.

        theta and x must not change before the last call of hvp. second=False saves the memory of
        its tapes; hvp is then None.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> loss, gradient, logits, hvp = net.gradients(theta, x, y)
        >>> logits.shape, np.allclose(hvp(2 * gradient), 2 * hvp(gradient), rtol=1e-3, atol=1e-6)
        ((3, 3), True)
        """
        loops, theta, x, twin = self._taken(theta, x, spike, record)
        y = self._target(y, len(x))
        parts = self._parts(x, second)
        loss = 0.0
        total: Sums = []
        logits: list[Array] = []
        tapes: list[list[Tape]] = []

        def one(part: slice) -> tuple[float, Sums, Array, list[Tape]]:
            found = loops.loss(x[part], y[part], twin and twin.part(part), len(x))
            part_loss, dlogits, part_logits, part_tapes = found
            return part_loss, loops.back(part_tapes, dlogits, second)[1], part_logits, part_tapes

        def add(found: tuple[float, Sums, Array, list[Tape]]) -> None:
            nonlocal loss
            part_loss, sums, part_logits, part_tapes = found
            loss += part_loss
            loops.add(total, sums)
            logits.append(part_logits)
            tapes.append(part_tapes)

        def hvp(v: Array) -> Array:
            v = self._vector(v, "v")
            dots = loops.dots(v)
            hv: Sums = []

            def one(n: int) -> Sums:
                return loops.tangent(dots, tapes[n], logits[n], y[parts[n]], len(x))

            in_order(one, range(len(parts)), lambda sums: loops.add(hv, sums))
            loops.release()
            return loops.chain.product(gradient, v, loops.flat(hv))

        in_order(one, parts, add)
        gradient = loops.flat(total)
        out = self._finite(np.concatenate(logits), theta)
        loops.release()
        return Gradients(loss, loops.chain.gradient(gradient), out, hvp if second else None)

    def _taken(self, theta, x, spike, record) -> tuple[Loops, Array, Array, Twin | None]:
        """(loops, theta, x, twin) of what a method is given, checked."""
        theta = self._vector(theta, "theta")
        x = self._input(x)
        one_of("spike", spike, FORMS)
        if spike == "hard":
            return Loops(self, self.engine(), theta), theta, x, None
        if record is None:
            raise ValueError(
                f"spike={spike!r} needs record=net.record(theta, x), what the twin freezes"
            )
        return Loops(self, self.twin_engine(), theta), theta, x, Twin(spike, record)

    def _parts(self, x: Array, second: bool) -> list[slice]:
        """Parts of a batch that go through the blocks together, of which tapes are kept for a
        `second` derivative; sums depend on them."""
        raise NotImplementedError
