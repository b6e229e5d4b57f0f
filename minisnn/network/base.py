"""What every network computes: logits, loss, features, records, and by `loops` its gradient and
Hessian-vector products; and where its theta starts."""

import numpy as np

from ..layers.block import EVERY_STEP
from ..arguments import generator, number, one_of, whole
from ..parallel.threads import in_order
from .derivatives import Derivatives
from .engine import Record, Tape, TwinEngine
from .found import Features, Gradients, LossAndGradient
from .initialisation import lsuv, orthogonal
from .layout import Array, Layout, NotFinite
from .loops import Loops, Sums, ends_of, parts_of
from ..core.remembered import Seen, once
from .theta import Parameter

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


class Network(Derivatives):
    """A network over one flat theta; `SpikingNet` and `ConvNet` define what their blocks are made
    of.

    Every method takes theta (size,), x event counts, and y (B,) labels (or targets (B, ways) for
    the squared loss). spike="jet" or "smooth" with record=net.record(theta, x) computes a twin: the
    smooth function whose derivatives are the network's own. Raises ValueError for arguments that do
    not fit, and `NotFinite` for values that are not finite.
    """

    init_rate, init_rounds = 0.288, 5
    inference_part = 5  # samples that go through the blocks together where no tape is kept

    @property
    def apart(self) -> bool:
        """Whether the bits of what a sample gives do not depend on the samples beside it.

        >>> ms.SpikingNet((6,), (), ways=3).apart
        True
        """
        return self.backend == "numba"

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
        self, theta: Array, x: Array, *, spike: str = "hard", record: Record | None = None
    ) -> Array:
        """Logits (B, ways)."""
        if spike == "hard" and (seen := once(self, theta, x, self._seen)):
            return seen.logits
        loops, theta, x, twin = self._taken(theta, x, spike, record)
        logits: list[Array] = []

        def one(part):
            return loops.forward(x[part], 0, twin and twin.part(part))[0]

        in_order(one, parts_of(len(x), self.inference_part), logits.append)
        return self._finite(np.concatenate(logits), theta)

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
        if spike == "hard" and readings == 1 and (seen := once(self, theta, x, self._seen)):
            return seen.p
        return self._features(theta, x, spike, record, 0, readings).p

    def _seen(self, theta, x) -> Seen:
        """Features and logits by the same pass through the layers below the readout."""
        loops, theta, x, _ = self._taken(theta, x, "hard", None)
        readout, weight, bias = loops.layers[-1]
        found: list[Seen] = []

        def one(part):
            y = self.fit(readout, loops.forward(x[part], 0, blocks=-1)[0])
            logits, _ = loops.engine.forward(readout, weight, bias, y, 0)
            return Seen(loops.engine.features(readout, y, (x.shape[1],)), logits)

        in_order(one, parts_of(len(x), self.inference_part), found.append)
        p, logits = map(np.concatenate, zip(*found))
        return Seen(p, self._finite(logits, theta))

    def readout_bias(self, steps: int) -> float | None:
        """The factor of the readout's bias in the logits after this many steps; None where logits
        are not W p + a bias."""
        return 1.0

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
        return self._features(theta, x, spike, record, self.window, readings)

    def _features(self, theta, x, spike, record, keep, readings) -> Features:
        """Features, whose pullback has tapes of so many steps."""
        loops, theta, x, twin = self._taken(theta, x, spike, record)
        readout = self.blocks[-1]
        steps = min(self.window, x.shape[1])
        ends = ends_of(x.shape[1], readings, steps if keep or twin else x.shape[1])
        in_window = [n - (x.shape[1] - steps) for n in ends]
        parts = self._parts(x, False) if keep else parts_of(len(x), self.inference_part)
        p: list[Array] = []
        tapes: list[list[Tape]] = []

        def forward(part):
            frozen = twin and twin.part(part)
            y, kept = loops.forward(x[part], keep, frozen, blocks=-1)
            y = self.fit(readout, y)
            if frozen is None:
                return loops.engine.features(readout, y, ends), kept
            engine: TwinEngine = loops.engine  # type: ignore[assignment]
            return engine.twin_features(readout, y, frozen.record[-1], in_window), kept

        def add(found):
            p.append(found[0])
            tapes.append(found[1])

        def pullback(dp: Array) -> Array:
            total: Sums = []

            def one(n: int) -> Sums:
                of_part = np.ascontiguousarray(dp[parts[n]], self.dtype)
                dx = loops.engine.features_backward(readout, of_part, steps, in_window)
                if not tapes[n]:
                    return []
                dx = dx.reshape(*dx.shape[:2], *self.blocks[-2].output_shape)
                return loops.back(tapes[n], dx, False)[1]

            in_order(one, range(len(parts)), lambda sums: loops.add(total, sums))
            return loops.chain.gradient(loops.flat(total))

        in_order(forward, parts, add)
        return Features(np.concatenate(p), pullback)

    def record(self, theta: Array, x: Array) -> Record:
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
        engine = self.twin_engine()
        loops = Loops(self, engine, self._vector(theta, "theta"))
        tapes = loops.forward(self._input(x), EVERY_STEP)[1]
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
        loops = Loops(self, self.engine(), self._vector(theta, "theta"))
        rates = {}
        x = loops.engine.enter(self._input(x), self.gain, self.dtype)
        for b, weight, bias in loops.layers[:-1]:
            x, _ = loops.engine.forward(b, weight, bias, self.fit(b, x), 0)
            rates[b.name] = float(x.mean())
        return rates
