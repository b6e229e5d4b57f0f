"""The non-spiking peer: a convolutional network on event frames, its gradient and Hessian-vector product by hand.

The same widths, pooling, interface and loops as the spiking network, without time, reset and surrogate: what of a
result is due to spikes shows beside it. Statistics are never shared across samples (no batch normalisation).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .base import FlatNetwork, parts_of
from ..layers import frames as layer
from ..layers.block import Block
from ..layers.convolution import Reference
from ..layers.loss import LOSSES
from ..layers.surrogate import FORMS
from ..parallel.threads import in_order

PART = 2  # samples that go through the layers together; a constant, sums depend on it


class ConvNet(FlatNetwork):
    """Convolutional network on frames, the events of a recording summed over time; the interface of `SpikingNet`.

    Every conv block is: k x k convolution (stride 1, zero padding (k - 1) / 2) -> softplus -> 2 x 2 max pooling (the
    first among equals, odd rests dropped); then dense softplus blocks (`hidden`) and a linear readout.

    input_shape   (H, W, C) of the event counts; (features,) or an int for networks without conv blocks
    channels      widths of the conv blocks, () for none          hidden   widths of dense blocks before the readout
    ways          number of classes                               kernel   odd size of the conv kernels
    dtype         float32 to train, float64 to check              loss     "cross_entropy" or "squared"
    backend       "numba" (register tiles) or "numpy" (the readable reference; BLAS threads may change its last bits)
    gain          frame = gain * counts; 0.1 turns the tens of events of an active site into numbers about one

    `theta` is flat: layer by layer, weight then bias; `views` names its parts. Conv weights are (k, k, C_in, C_out),
    dense weights (H W C, K) with features flattened in (H, W, C) order. x is (B, T, H, W, C) counts, or their sums over
    time (B, H, W, C).

    The network is smooth but for the choices of max pooling: `record` notes those, and spike="jet" or "smooth" (the
    same here) keep them, for finite differences; spike="hard" is the network itself.

    Raises ValueError for a configuration that cannot be, and in its methods for theta, x or y that do not fit or are
    not finite.
    """

    def __init__(
        self,
        input_shape: int | Sequence[int] = (16, 32, 2),
        channels: Sequence[int] = (32, 64, 128),
        ways: int = 5,
        kernel: int = 5,
        dtype: str | type | np.dtype = np.float32,
        *,
        hidden: Sequence[int] = (),
        loss: str = "cross_entropy",
        backend: str = "numba",
        gain: float = 0.1,
    ):
        self._configure(input_shape, channels, hidden, ways, kernel, dtype, loss, backend)
        if isinstance(gain, bool) or not isinstance(gain, (int, float)) or not 0 < gain < np.inf:
            raise ValueError(f"gain must be a finite positive number, not {gain!r}")
        self.gain = float(gain)
        self._lay_out(self._build("max"))

    def configuration(self) -> dict:
        """Everything `ConvNet(**configuration)` needs to build this network again, in plain JSON types."""
        return dict(
            input_shape=list(self.input_shape),
            channels=list(self.channels),
            ways=self.ways,
            kernel=self.kernel,
            dtype=self.dtype.name,
            hidden=list(self.hidden),
            loss=self.loss_name,
            backend=self.backend,
            gain=self.gain,
        )

    @classmethod
    def from_configuration(cls, configuration: dict, **changes: Any) -> "ConvNet":
        """The network of a `configuration()`; keyword arguments replace entries of it."""
        return cls(**{**configuration, **changes})

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={tuple(v) if isinstance(v, list) else v!r}" for k, v in self.configuration().items())
        return f"ConvNet({settings}), {self.size} parameters"

    def init(
        self,
        rng: np.random.Generator,
        x: np.ndarray | None = None,
        rate: float = 0.5,
        readout: str = "fit",
        variance: float = 1.0,
    ) -> np.ndarray:
        """Orthogonal weights and zero biases; where x is given, scaled and shifted to it, layer by layer.

        u, what a softplus or the logits are taken of, then has this variance and P(u > 0) = rate over batch and sites
        (LSUV, Mishkin & Matas 2016). At variance 1 a softplus is nearly straight, at 9 it cuts off and features are sparse.
        readout "zero" starts from no readout at all, as in `SpikingNet.init`.
        """
        from .initialisation import orthogonal

        if readout not in ("fit", "zero"):
            raise ValueError(f"readout must be 'fit' or 'zero', not {readout!r}")
        if not 0 < rate < 1:
            raise ValueError(f"rate must lie in (0, 1), not {rate}")
        theta = orthogonal(self, rng)
        x = None if x is None else self._input(x)
        for b, weight, bias in self.parameters(theta):
            if b.readout and readout == "zero":
                weight[...] = 0
            elif x is not None:
                u = layer.forward(b, Reference, weight, bias, self.fit(b, x))[1]["u"]
                spread = float(u.std(dtype=np.float64)) / variance**0.5
                if spread == 0:
                    raise ValueError(f"{b.name} sees the same everywhere in the data given to init; give samples with events")
                weight /= self.dtype.type(spread)
                bias[...] = -np.quantile(u / self.dtype.type(spread), 1 - rate)
                x = layer.forward(b, Reference, weight, bias, self.fit(b, x))[0]
        return theta

    # ---- what the network computes -----------------------------------------------------------------------------------

    def __call__(self, theta: np.ndarray, x: np.ndarray, *, spike: str = "hard", record: list | None = None) -> np.ndarray:
        """Logits (B, ways)."""
        theta, x = self._vector(theta, "theta"), self._input(x)
        return self._logits(theta, x, self._frozen(spike, record))

    def loss(
        self, theta: np.ndarray, x: np.ndarray, y: np.ndarray, *, spike: str = "hard", record: list | None = None
    ) -> float:
        """Mean loss over the batch."""
        theta, x = self._vector(theta, "theta"), self._input(x)
        y = self._target(y, len(x))
        return LOSSES[self.loss_name][0](self._logits(theta, x, self._frozen(spike, record)), y)

    def loss_and_gradient(
        self,
        theta: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        *,
        spike: str = "hard",
        record: list | None = None,
        logits: bool = False,
    ) -> tuple[Any, ...]:
        """(loss, gradient), the gradient flat like theta; with `logits` also those, (B, ways)."""
        loss, gradient, out, _ = self._gradient(theta, x, y, self._frozen(spike, record), second=False)
        return (loss, gradient, out) if logits else (loss, gradient)

    def hessian_vector_product(
        self, theta: np.ndarray, x: np.ndarray, y: np.ndarray, v: np.ndarray, *, spike: str = "hard", record: list | None = None
    ) -> np.ndarray:
        """H v of the loss at theta, flat like theta; v flat."""
        return self.gradient_and_hvp(theta, x, y, spike=spike, record=record)[2](v)

    def gradient_and_hvp(
        self,
        theta: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        *,
        spike: str = "hard",
        record: list | None = None,
        logits: bool = False,
    ) -> tuple[Any, ...]:
        """(loss, gradient, hvp), then logits where asked for; `hvp(v)` = H v reuses the passes as often as called."""
        loss, gradient, out, hvp = self._gradient(theta, x, y, self._frozen(spike, record), second=True)
        return (loss, gradient, hvp, out) if logits else (loss, gradient, hvp)

    def record(self, theta: np.ndarray, x: np.ndarray) -> list[dict[str, np.ndarray | None]]:
        """The choices of max pooling, {"choice": (B, 1, H', W', C)} a block, None where nothing is pooled."""
        x = self._input(x)
        found: list[dict[str, np.ndarray | None]] = []
        for b, weight, bias in self.parameters(self._vector(theta, "theta")):
            x, tape = layer.forward(b, Reference, weight, bias, self.fit(b, x))
            found.append({"choice": tape.get("choice")})
        return found

    def activity(self, theta: np.ndarray, x: np.ndarray) -> dict[str, float]:
        """Mean output of every block below the readout, after pooling, over batch and sites."""
        x, products, means = self._input(x), self.products, {}
        for b, weight, bias in self.parameters(self._vector(theta, "theta"), products)[:-1]:
            x, _ = layer.forward(b, products, weight, bias, self.fit(b, x))
            means[b.name] = float(x.mean())
        return means

    # ---- the loops ---------------------------------------------------------------------------------------------------

    @property
    def products(self) -> type:
        """The class with the convolutions and their adjoints that the backend asks for."""
        if self.backend == "numpy":
            return Reference
        from ..kernels.frames import Compiled

        return Compiled

    def parameters(self, theta: np.ndarray, products: Any = Reference) -> list[tuple[Block, Any, np.ndarray]]:
        """(block, weight (k, k, C_in, C_out) as the products take it, bias) of every block, views into theta."""
        v = self.views(theta)
        return [(b, products.prepare(v[f"{b.name}.weight"].reshape(b.weight_shape)), v[f"{b.name}.bias"]) for b in self.blocks]

    @staticmethod
    def fit(b: Block, x: np.ndarray) -> np.ndarray:
        """Flatten (H, W, C) where a dense block follows."""
        return x.reshape(len(x), 1, *b.input_shape)

    def _forward(self, parameters, x, choices):
        tapes = []
        for n, (b, weight, bias) in enumerate(parameters):
            x, tape = layer.forward(b, self.products, weight, bias, self.fit(b, x), choices[n])
            tapes.append(tape)
        return x.reshape(len(x), self.ways), tapes

    def _logits(self, theta, x, record):
        parameters = self.parameters(theta, self.products)
        found: list[np.ndarray] = []
        in_order(
            lambda part: self._forward(parameters, x[part], self._choices(record, part))[0],
            parts_of(len(x), PART),
            found.append,
        )
        return np.concatenate(found)

    def _gradient(self, theta, x, y, record, second):
        """(loss, gradient, logits, hvp): parts of the batch side by side, summed in their order."""
        theta, x = self._vector(theta, "theta"), self._input(x)
        y = self._target(y, len(x))
        parameters, parts = self.parameters(theta, self.products), parts_of(len(x), PART)
        loss, gradient = LOSSES[self.loss_name], np.zeros(self.size, self.dtype)
        of_parts: list[np.ndarray] = []
        kept: list[Any] = []

        def add(found):
            part_gradient, part_logits, tapes = found
            np.add(gradient, part_gradient, out=gradient)
            of_parts.append(part_logits)
            kept.append(tapes)

        in_order(
            lambda part: self._reverse(parameters, x[part], y[part], len(x), self._choices(record, part), second), parts, add
        )
        logits = np.concatenate(of_parts)

        def hvp(v: np.ndarray) -> np.ndarray:
            dots, hv = self.parameters(self._vector(v, "v"), self.products), np.zeros(self.size, self.dtype)

            def one(n):
                return self._tangent_of_reverse(parameters, dots, kept[n], logits[parts[n]], y[parts[n]], len(y))

            in_order(one, range(len(parts)), lambda part: np.add(hv, part, out=hv))
            return hv

        return loss[0](logits, y), gradient, logits, hvp

    def _reverse(self, parameters, x, y, batch, choices, second):
        """(gradient, logits, tapes) of a part of the batch, which counts len(y) / batch."""
        logits, tapes = self._forward(parameters, x, choices)
        dx = LOSSES[self.loss_name][1](logits, y) * self.dtype.type(len(y) / batch)
        gradient = np.empty(self.size, self.dtype)
        parts = self.parameters(gradient)
        for n in reversed(range(len(self.blocks))):
            b, weight, _ = parameters[n]
            dx, parts[n][1][...], parts[n][2][...] = layer.backward(
                b, self.products, weight, tapes[n], dx.reshape(len(y), 1, *b.output_shape), n > 0
            )
            if not second:
                tapes[n] = None
        return gradient, logits, tapes

    def _tangent_of_reverse(self, parameters, dots, tapes, logits, y, batch):
        """H v of a part of the batch: the tangent loop, then the reversed tangent loop (Pearlmutter 1994)."""
        tapes_dot: list[Any] = []
        x_dot: Any = None
        for n, ((b, weight, _), (_, weight_dot, bias_dot)) in enumerate(zip(parameters, dots)):
            x_dot = None if x_dot is None else self.fit(b, x_dot)
            x_dot, tape_dot = layer.forward_tangent(b, self.products, weight, weight_dot, bias_dot, tapes[n], x_dot)
            tapes_dot.append(tape_dot)
        dx_dot = LOSSES[self.loss_name][2](logits, x_dot.reshape(logits.shape), y) * self.dtype.type(len(y) / batch)
        hv = np.empty(self.size, self.dtype)
        parts = self.parameters(hv)
        for n in reversed(range(len(self.blocks))):
            (b, weight, _), (_, weight_dot, _) = parameters[n], dots[n]
            dx_dot, parts[n][1][...], parts[n][2][...] = layer.backward_tangent(
                b,
                self.products,
                weight,
                weight_dot,
                tapes[n],
                tapes_dot.pop(),
                dx_dot.reshape(len(y), 1, *b.output_shape),
                n > 0,
            )
        return hv

    # ---- checks of what comes in -------------------------------------------------------------------------------------

    def _frozen(self, spike, record):
        """The record where a twin is asked for, else None."""
        if spike not in FORMS:
            raise ValueError(f"spike must be one of {', '.join(FORMS)}, not {spike!r}")
        if spike != "hard" and record is None:
            raise ValueError(f"spike={spike!r} needs record=net.record(theta, x), the choices of pooling to keep")
        return None if spike == "hard" else record

    def _choices(self, record, part):
        """Recorded choices of a part of the batch, one a block."""
        if record is None:
            return [None] * len(self.blocks)
        return [None if r["choice"] is None else r["choice"][part] for r in record]

    def _input(self, x) -> np.ndarray:
        """The frames (B, 1, H, W, C) of x in the network's dtype: gain * sum over time, checked."""
        x, shape = np.asarray(x), self.input_shape
        frames = x.ndim == 1 + len(shape)
        if x.ndim - len(shape) not in (1, 2) or x.shape[-len(shape) :] != shape:
            axes = "H, W, C" if len(shape) == 3 else "features"
            raise ValueError(f"x must be (B, T, {axes}) or (B, {axes}) with {shape} at each step, not {x.shape}")
        self._check_numbers(x)
        x = x if frames else x.sum(1, dtype=np.float64 if x.dtype.kind == "f" else np.int64)
        x = np.multiply(x, self.gain, dtype=np.float64).astype(self.dtype)
        return x.reshape(len(x), 1, *self.blocks[0].input_shape)
