"""What every network computes: logits, loss, gradient and Hessian-vector products, by loops over
its blocks.

    forward    x through the blocks, each of which leaves a tape
    reverse    the adjoint of the logits back through them: the gradient
    tangent    a direction v through both loops (Pearlmutter 1994): H v

Parts of a batch are computed side by side, and their results are summed in a fixed order.
"""

from typing import Any, Literal, overload

import numpy as np

from ..layers.block import EVERY_STEP
from ..layers.surrogate import FORMS
from ..parallel.arguments import generator, number, one_of, whole
from ..parallel.threads import in_order
from .found import Features, Gradients, LossAndGradient, Product, Record
from .initialisation import lsuv, orthogonal
from .layout import Array, Layout, NotFinite, Parameter
from .remembered import Seen, once

__all__ = [
    "Array",
    "Features",
    "Gradients",
    "Layout",
    "LossAndGradient",
    "Network",
    "NotFinite",
    "Parameter",
    "one_of",
]


def parts_of(batch: int, size: int) -> list[slice]:
    """Slices of nearly equal length, `size` at most."""
    edges = np.linspace(0, batch, -(-batch // size) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges, edges[1:])]


class Network(Layout):
    """A network over one flat theta; `SpikingNet` and `ConvNet` define what their blocks are made
    of.

    Every method takes theta (size,), x event counts, and y (B,) labels (or targets (B, ways) for
    the squared loss). spike="jet" or "smooth" with record=net.record(theta, x) computes a twin: the
    smooth function whose derivatives are the network's own. Raises ValueError for arguments that do
    not fit, and `NotFinite` for values that are not finite.
    """

    init_rate, init_rounds = 0.288, 5
    inference_part = 5  # samples that go through the blocks together where no tape is kept

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

    # ---- what the network computes

    def __call__(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record = None
    ) -> Array:
        """Logits (B, ways)."""
        if spike == "hard" and (seen := once(self, theta, x, self._seen)):
            return seen.logits
        engine, layers, theta, x, record = self._taken(theta, x, spike, record)
        logits: list[Array] = []

        def one(part):
            return self._forward(engine, layers, x[part], spike, _of(record, part), 0)[0]

        in_order(one, parts_of(len(x), self.inference_part), logits.append)
        return self._finite(np.concatenate(logits), theta)

    def loss(
        self, theta: Array, x: Array, y: Array, *, spike: str = "hard", record: Record = None
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
        self, theta: Array, x: Array, y: Array, *, spike: str = "hard", record: Record = None
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
        record: Record = None,
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

    @overload
    def gradients(
        self,
        theta: Array,
        x: Array,
        y: Array,
        second: Literal[True] = True,
        *,
        spike: str = "hard",
        record: Record = None,
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
        record: Record = None,
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
        record: Record = None,
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
        record: Record = None,
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
        engine, layers, theta, x, record = self._taken(theta, x, spike, record)
        y = self._target(y, len(x))
        parts = self._parts(x, second)
        loss = [0.0]
        gradient = np.zeros(self.size, self.dtype)
        logits: list[Array] = []
        tapes: list[list[Any]] = []

        def one(part):
            return self._reverse(
                engine, layers, x[part], y[part], spike, _of(record, part), second, len(x)
            )

        def add(found):
            part_loss, part_gradient, part_logits, part_tapes = found
            loss[0] += part_loss
            self._add(gradient, part_gradient)
            logits.append(part_logits)
            tapes.append(part_tapes)

        def hvp(v: Array) -> Array:
            dots = self.parameters(self._vector(v, "v"), engine)
            hv = np.zeros(self.size, self.dtype)

            def one(n):
                return self._tangent_of_reverse(
                    engine, layers, dots, tapes[n], logits[n], y[parts[n]], len(x)
                )

            in_order(one, range(len(parts)), lambda part_hv: self._add(hv, part_hv))
            release()
            return hv

        def release():
            """Others may want the memory before these weights are needed again."""
            for _, weight, _ in layers:
                engine.release(weight)

        in_order(one, parts, add)
        out = self._finite(np.concatenate(logits), theta)
        release()
        return Gradients(loss[0], gradient, out, hvp if second else None)

    def features(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record = None
    ) -> Array:
        """What the readout weighs, (B, F): in a spiking network, its presynaptic trace at the last
        step.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> net.features(net.init(np.random.default_rng(0), x), x).shape
        (3, 5)
        """
        if spike == "hard" and (seen := once(self, theta, x, self._seen)):
            return seen.p
        return self._features(theta, x, spike, record, 0).p

    def _seen(self, theta, x) -> Seen:
        """Features and logits by the same pass through the layers below the readout."""
        engine, layers, theta, x, _ = self._taken(theta, x, "hard", None)
        readout, weight, bias = layers[-1]
        found: list[Seen] = []

        def one(part):
            y = self.fit(readout, self._forward(engine, layers[:-1], x[part], "hard", None, 0)[0])
            logits, _ = engine.forward(readout, weight, bias, y, self.window, keep=0)
            return Seen(engine.features(readout, y, None, self.dtype), logits)

        in_order(one, parts_of(len(x), self.inference_part), found.append)
        p, logits = map(np.concatenate, zip(*found))
        return Seen(p, self._finite(logits, theta))

    def readout_bias(self, steps: int) -> float | None:
        """The factor of the readout's bias in the logits after this many steps; None where logits
        are not W p + a bias."""
        return 1.0

    def features_and_pullback(
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record = None
    ) -> Features:
        """Features and their pullback, which may be called once; theta and x must not change before
        that.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> p, pullback = net.features_and_pullback(net.init(np.random.default_rng(0), x), x)
        >>> p.shape, pullback(np.ones_like(p)).shape == (net.size,)
        ((3, 5), True)
        """
        return self._features(theta, x, spike, record, self.window)

    def _features(self, theta, x, spike, record, keep) -> Features:
        """Features, whose pullback has tapes of so many steps."""
        engine, layers, theta, x, record = self._taken(theta, x, spike, record)
        layers = layers[:-1]
        steps = min(self.window, x.shape[1])
        parts = self._parts(x, False) if keep else parts_of(len(x), self.inference_part)
        p: list[Array] = []
        tapes: list[list[Any]] = []

        def forward(part):
            frozen = _of(record, part)
            y, kept = self._forward(engine, layers, x[part], spike, frozen, keep)
            return engine.features(
                self.blocks[-1], self.fit(self.blocks[-1], y), frozen and frozen[-1], self.dtype
            ), kept

        def add(found):
            p.append(found[0])
            tapes.append(found[1])

        def pullback(dp: Array) -> Array:
            gradient = np.zeros(self.size, self.dtype)

            def one(n):
                dx = engine.features_backward(
                    self.blocks[-1], np.ascontiguousarray(dp[parts[n]], self.dtype), steps
                )
                if not layers:
                    return []
                dx = dx.reshape(*dx.shape[:2], *layers[-1][0].output_shape)
                return self._back(engine, layers, tapes[n], dx, False)

            in_order(one, range(len(parts)), lambda part: self._add(gradient, part))
            return gradient

        in_order(forward, parts, add)
        return Features(np.concatenate(p), pullback)

    def record(self, theta: Array, x: Array) -> list[dict[str, np.ndarray | None]]:
        """What a twin holds fixed, a dictionary for each block.

        In a spiking network these are the states at the window's start and the membrane u within
        the window; in a convolutional one, the sites that max pooling chose.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> record = net.record(theta, x)
        >>> bool(np.isclose(net.loss(theta, x, y, spike="jet", record=record), net.loss(theta, x, y)))
        True
        """
        engine = self.engine("jet")
        layers = self.parameters(self._vector(theta, "theta"), engine)
        tapes = self._forward(engine, layers, self._input(x), "hard", None, EVERY_STEP)[1]
        return [
            {name: tape.get(name) for name in engine.recorded(b)}
            for b, tape in zip(self.blocks, tapes)
        ]

    def activity(self, theta: Array, x: Array) -> dict[str, float]:
        """Mean output of every block below the readout, after pooling: over batch, time and sites.

        >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3)
        >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> [(name, 0 <= rate <= 1) for name, rate in net.activity(net.init(np.random.default_rng(0), x), x).items()]
        [('hidden1', True)]
        """
        engine = self.engine()
        rates = {}
        x = engine.enter(self._input(x), self.gain, self.dtype)
        for b, weight, bias in self.parameters(self._vector(theta, "theta"), engine)[:-1]:
            x, _ = engine.forward(b, weight, bias, self.fit(b, x), self.window, keep=0)
            rates[b.name] = float(x.mean())
        return rates

    def _taken(self, theta, x, spike, record):
        """(engine, layers, theta, x, record) of what a method is given, checked."""
        theta = self._vector(theta, "theta")
        x = self._input(x)
        one_of("spike", spike, FORMS)
        if spike != "hard" and record is None:
            raise ValueError(
                f"spike={spike!r} needs record=net.record(theta, x), what the twin freezes"
            )
        engine = self.engine(spike)
        return engine, self.parameters(theta, engine), theta, x, None if spike == "hard" else record

    # ---- the loops, for a part of the batch

    def _parts(self, x: Array, second: bool) -> list[slice]:
        """Parts of a batch that go through the blocks together, of which tapes are kept for a
        `second` derivative; sums depend on them."""
        raise NotImplementedError

    def _short(self, steps: int, n: int) -> int:
        """Of so many steps of the window, those in which the adjoint of block n can differ from
        zero: every synapse above it delays."""
        return steps - sum(b.neuron.delay for b in self.blocks[n + 1 :])

    def _forward(self, engine, layers, x, form, record, keep):
        """(logits, tapes); the readout's tape keeps so many steps of the window, those below what
        they can need."""
        x = engine.enter(x, self.gain, self.dtype)
        tapes = list[Any]()
        for n, (b, weight, bias) in enumerate(layers):
            frozen = record and record[n]
            steps = max(self._short(keep, n), min(keep, 1))
            x, tape = engine.forward(
                b, weight, bias, self.fit(b, x), self.window, form, frozen, steps
            )
            tapes.append(tape)
        return x, tapes

    def _reverse(self, engine, layers, x, y, form, record, second, batch):
        """(loss, gradient, logits, tapes): this part's share of a batch's mean loss, and its
        gradient as `_back` gives it."""
        logits, tapes = self._forward(engine, layers, x, form, record, self.window)
        loss = self.criterion.value(logits, y)
        dlogits = self._of_loss("backward", self.criterion.backward(logits, y), logits)
        dlogits = dlogits * self.dtype.type(len(x) / batch)
        return (
            float(loss) * len(x) / batch,
            self._back(engine, layers, tapes, dlogits, second),
            logits,
            tapes,
        )

    def _back(self, engine, layers, tapes, dx: Any, second) -> list[tuple[Array, Array]]:
        """(dweight, dbias) of each of these layers, from the adjoint of what the last of them hands
        on."""
        found = []
        for n, (b, weight, _) in reversed(list(enumerate(layers))):
            dx, *gradient = engine.backward(b, weight, tapes[n], dx, n > 0, second)
            if not second:
                tapes[n] = None  # nothing will need it, and it is large
            dx = dx.reshape(*dx.shape[:2], *self.blocks[n - 1].output_shape) if n else None
            found.append(gradient)
        return found[::-1]

    def _add(self, total: Array, part: list[tuple[Array, Array]]) -> None:
        """total, flat like theta, += what a part of the batch gives to the blocks from the first
        on."""
        for (_, weight, bias), (dweight, dbias) in zip(self.parameters(total), part):
            np.add(weight, dweight, out=weight)
            np.add(bias, dbias, out=bias)

    def _of_loss(self, name: str, found: Any, logits: Array) -> Array:
        """A derivative of the loss in the network's dtype; ValueError where it is of another
        shape."""
        if np.shape(found) != logits.shape:
            raise ValueError(
                f"{self.loss_name}.{name} returned shape {np.shape(found)}; expected "
                f"{logits.shape}, that of the logits"
            )
        return np.asarray(found, self.dtype)

    def _tangent_of_reverse(self, engine, layers, dots, tapes, logits, y, batch):
        """H v of the part's share, as `_back`: `_forward` and `_reverse` differentiated along the
        direction of `dots`."""
        steps = tapes[-1]["u"].shape[1]
        tapes_dot = list[Any]()
        x_dot: Any = None
        for n, ((b, weight, _), (_, weight_dot, bias_dot)) in enumerate(zip(layers, dots)):
            x_dot = None if x_dot is None else self.fit(b, x_dot)
            short = max(self._short(steps, n), 0)
            x_dot, tape_dot = engine.forward_tangent(
                b, weight, weight_dot, bias_dot, tapes[n], x_dot, short
            )
            tapes_dot.append(tape_dot)
        dlogits_dot = self.criterion.backward_tangent(logits, x_dot, y)
        dx_dot: Any = self._of_loss("backward_tangent", dlogits_dot, logits) * self.dtype.type(
            len(logits) / batch
        )
        found = []
        for n, (b, weight, _) in reversed(list(enumerate(layers))):
            dot = tapes_dot.pop()
            dx_dot, *hv = engine.backward_tangent(
                b, weight, dots[n][1], tapes[n], dot, dx_dot, n > 0
            )
            del dot
            dx_dot = (
                dx_dot.reshape(*dx_dot.shape[:2], *self.blocks[n - 1].output_shape) if n else None
            )
            found.append(hv)
        return found[::-1]


def _of(record, part):
    """A part of the batch of what a twin freezes."""
    return record and [
        {name: a if a is None else a[part] for name, a in of_block.items()} for of_block in record
    ]
