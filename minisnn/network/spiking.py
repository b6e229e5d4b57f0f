"""The spiking network: a list of blocks over one flat parameter vector, its gradient and Hessian-vector product.

Gradient = the reversed loop over the blocks; Hessian-vector product = the tangent loop, then the reversed tangent loop
(Pearlmutter 1994).
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from .base import FlatNetwork, one_of, parts_of
from ..layers import block as reference
from ..layers.block import Block
from ..layers.loss import LOSSES
from ..layers.neuron import LIF
from ..layers.surrogate import FORMS
from ..parallel.threads import in_order

PART_BYTES = 5 << 20  # membranes of the samples that go through the kernels together, at least one sample
INFERENCE_PART = 5  # samples, where no membranes are kept


class SpikingNet(FlatNetwork):
    """Convolutional spiking network with a readout on the membrane (Stewart & Neftci 2022, Table 1, Eq. 4, 5).

    Every conv block is: 5 x 5 synapse -> LIF membrane with reset -> 2 x 2 pooling of the membrane -> spike; then dense LIF
    blocks (`hidden`, no pooling) and a dense LIF readout of `ways` neurons whose membranes at the last step are the logits.

    input_shape   (H, W, C) of the event counts; (features,) or an int for networks without conv blocks
    channels      widths of the conv blocks, () for none          hidden   widths of dense blocks before the readout
    ways          number of classes                               kernel   odd size of the conv kernels
    pool          "max" (Table 1) or "mean" (the authors' code)   neuron   `LIF` constants
    window        the last `window` steps are differentiated; the states at their start are constants of theta
    dtype         float32 to train, float64 to check              detach_reset   True: no gradient through the reset
    loss          "cross_entropy" (y: (B,) labels) or "squared" (y: (B, ways) targets, or labels for one-hot targets)
    backend       "numba" (event-driven kernels) or "numpy" (the readable reference)

    `theta` is flat: layer by layer, weight then bias; `views` names its parts. Conv weights are (k, k, C_in, C_out), dense
    weights (H W C, K) with features flattened in (H, W, C) order. x is (B, T, H, W, C) event counts, (B, T, features) where
    input_shape has one axis; y (B,) integer labels.

    spike="jet" or "smooth" with record=net.record(theta, x) is a twin of the network, a smooth function whose derivatives are
    the network's surrogate ones; spike="hard" is the network itself.

    Raises ValueError for a configuration that cannot be, and in its methods for theta, x or y that do not fit or are not
    finite, naming what was expected.
    """

    def __init__(
        self,
        input_shape: int | Sequence[int] = (16, 32, 2),
        channels: Sequence[int] = (32, 64, 128),
        ways: int = 5,
        kernel: int = 5,
        pool: str = "max",
        neuron: LIF | None = None,
        window: int = 30,
        dtype: str | type | np.dtype = np.float32,
        *,
        hidden: Sequence[int] = (),
        loss: str = "cross_entropy",
        detach_reset: bool = False,
        backend: str = "numba",
    ):
        self._configure(input_shape, channels, hidden, ways, kernel, dtype, loss, backend)
        self.pool, self.window, self.neuron, self.detach_reset = pool, int(window), neuron or LIF(), bool(detach_reset)
        one_of("pool", pool, ("max", "mean"))
        if self.window < 1:
            raise ValueError(f"window must be at least one step, not {self.window}")
        self._lay_out(self._build(pool, self.neuron, self.detach_reset))

    def __repr__(self) -> str:
        return (
            f"SpikingNet(input_shape={self.input_shape}, channels={self.channels}, ways={self.ways}, "
            f"kernel={self.kernel}, pool={self.pool!r}, neuron={self.neuron}, window={self.window}, "
            f"dtype={self.dtype.name}, hidden={self.hidden}, loss={self.loss_name!r}, "
            f"detach_reset={self.detach_reset}, backend={self.backend!r}), {self.size} parameters"
        )

    def configuration(self) -> dict:
        """Everything `SpikingNet(**configuration)` needs to build this network again, in plain JSON types."""
        return dict(
            input_shape=list(self.input_shape),
            channels=list(self.channels),
            ways=self.ways,
            kernel=self.kernel,
            pool=self.pool,
            neuron=dict(vars(self.neuron)),
            window=self.window,
            dtype=self.dtype.name,
            hidden=list(self.hidden),
            loss=self.loss_name,
            detach_reset=self.detach_reset,
            backend=self.backend,
        )

    @classmethod
    def from_configuration(cls, configuration: dict, **changes: Any) -> "SpikingNet":
        """The network of a `configuration()`; keyword arguments replace entries of it."""
        settings = {**configuration, **changes}
        if isinstance(settings.get("neuron"), dict):
            settings["neuron"] = LIF(**settings["neuron"])
        return cls(**settings)

    def init(
        self, rng: np.random.Generator, x: np.ndarray | None = None, rate: float = 0.288, readout: str = "fit", **options: Any
    ) -> np.ndarray:
        """Orthogonal weights and zero biases; where x is given, scaled and shifted to it (`initialisation.lsuv`).

        readout "zero" starts from no readout at all: no class is preferred, and the first inner step makes of it a
        classifier by similarity to the support. Meta-training takes off from there at once.
        """
        from .initialisation import lsuv, orthogonal

        if readout not in ("fit", "zero"):
            raise ValueError(f"readout must be 'fit' or 'zero', not {readout!r}")
        theta = orthogonal(self, rng)
        if x is not None:
            theta = lsuv(self, theta, x, rate=rate, readout=readout == "fit", **options)
        if readout == "zero":
            for name in ("readout.weight", "readout.bias"):
                self.views(theta)[name][...] = 0
        return theta

    # ---- what the network computes -------------------------------------------------------------------------------

    def __call__(self, theta: np.ndarray, x: np.ndarray, *, spike: str = "hard", record: list | None = None) -> np.ndarray:
        """Logits (B, ways): the readout's membrane at the last step."""
        theta, x = self._vector(theta, "theta"), self._input(x)
        return self._logits(theta, x, spike, record)

    def loss(
        self, theta: np.ndarray, x: np.ndarray, y: np.ndarray, *, spike: str = "hard", record: list | None = None
    ) -> float:
        """Mean loss over the batch."""
        theta, x = self._vector(theta, "theta"), self._input(x)
        y = self._target(y, len(x))
        return LOSSES[self.loss_name][0](self._logits(theta, x, spike, record), y)

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
        """(loss, gradient), the gradient flat like theta; with `logits` also those, (B, ways).

        Surrogate derivatives at every spike; exact backpropagation through the last `window` steps, the reset included.
        In the jet form at its own record these are the very same numbers.
        """
        theta, x = self._vector(theta, "theta"), self._input(x)
        y = self._target(y, len(x))
        loss, gradient, out, _ = self._in_parts(self.parameters(theta, self.engine(spike)), x, y, spike, record)
        return (loss, gradient, out) if logits else (loss, gradient)

    def _in_parts(self, parameters, x, y, spike="hard", record=None, second=False):
        """Mean loss, gradient, logits and where `second` the tapes: parts of the batch side by side, summed in order."""
        sums: list[Any] = [0.0, np.zeros(self.size, self.dtype)]
        logits: list[np.ndarray] = []
        tapes: list[list[Any]] = []
        sites = sum(int(np.prod(b.input_shape[:2])) * b.channels for b in self.blocks)
        size = max(PART_BYTES // (min(self.window, x.shape[1]) * sites * self.dtype.itemsize), 1)
        parts = parts_of(len(x), min(size, 8) if spike == "hard" else len(x))

        def add(found):
            (part_loss, part_gradient, part_tapes), part = found, parts[len(logits)]
            share = (part.stop - part.start) / len(x)
            sums[0] += share * part_loss
            part_gradient *= self.dtype.type(share)
            sums[1] += part_gradient
            logits.append(part_tapes[-1])
            tapes.append(part_tapes)

        in_order(lambda part: self._reverse(parameters, x[part], y[part], spike, record, second), parts, add)
        return *sums, np.concatenate(logits), list(zip(parts, tapes))

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
        """(loss, gradient, hvp), then logits where asked for; `hvp(v)` = H v reuses the two passes as often as called.

        theta and x must stay as they are until the last of these calls.
        """
        theta, x = self._vector(theta, "theta"), self._input(x)
        y = self._target(y, len(x))
        parameters = self.parameters(theta, self.engine(spike))
        loss, gradient, out, tapes = self._in_parts(parameters, x, y, spike, record, second=True)
        self._release(self.engine(spike), parameters)

        def hvp(v: np.ndarray) -> np.ndarray:
            return self._tangent_of_reverse(parameters, tapes, y, v, spike)

        return (loss, gradient, hvp, out) if logits else (loss, gradient, hvp)

    def record(self, theta: np.ndarray, x: np.ndarray) -> list[dict[str, np.ndarray]]:
        """What a twin freezes, one dictionary a block: window-start states p, q, r and the membrane u in the window."""
        parameters = self.parameters(self._vector(theta, "theta"))
        _, tapes = self._passes(reference, parameters, self._input(x), "hard", None, True)
        return [{"p": t["p"], "q": t["q"], "r": t["r"], "u": t["u"]} for t in tapes]

    def activity(self, theta: np.ndarray, x: np.ndarray) -> dict[str, float]:
        """Mean of every spiking block's output, after pooling, over batch, time and sites."""
        engine, rates = self.engine(), {}
        x = self.enter(engine, self._input(x))
        for b, weight, bias in self.parameters(self._vector(theta, "theta"))[:-1]:
            x, _ = engine.forward(b, weight, bias, self.fit(b, x), self.window, keep=False)
            rates[b.name] = float(x.mean())
        return rates

    def spikes(self, theta: np.ndarray, x: np.ndarray, name: str | None = None) -> np.ndarray:
        """Output spikes of a block, after pooling: bool (B, T, H, W, C), or (B, T, C) of a dense one; without a name of
        the last block below the readout. Raises ValueError where the network has no such block."""
        names = [b.name for b in self.blocks if not b.readout]
        if not names or name not in (None, *names):
            raise ValueError(f"name must be one of {', '.join(names) or 'no block, there is only a readout'}, not {name!r}")
        engine, parameters = self.engine(), self.parameters(self._vector(theta, "theta"), self.engine())
        x = self._input(x)
        found: list[np.ndarray] = []
        last = names.index(name or names[-1]) + 1

        def one(part):
            spikes = self.enter(engine, x[part])
            for b, weight, bias in parameters[:last]:
                spikes, _ = engine.forward(b, weight, bias, self.fit(b, spikes), self.window, keep=False)
            return spikes != 0 if isinstance(spikes, np.ndarray) else spikes.where()

        in_order(one, parts_of(len(x), INFERENCE_PART), found.append)
        shape = parameters[last - 1][0].output_shape
        return np.concatenate(found).reshape(*x.shape[:2], *(shape if shape[:2] != (1, 1) else shape[2:]))

    # ---- the loops -----------------------------------------------------------------------------------------------

    def engine(self, spike: str = "hard") -> ModuleType:
        """The module with the four passes of a block; twins always run on the readable reference."""
        if self.backend == "numpy" or spike != "hard":
            return reference
        from ..kernels import block as kernels

        return kernels

    def parameters(self, theta: np.ndarray, engine: ModuleType = reference) -> list[tuple[Block, Any, np.ndarray]]:
        """(block, weight (k, k, C_in, C_out), bias) of every block, views into theta, prepared for the engine."""
        v = self.views(theta)
        return [(b, engine.prepare(v[f"{b.name}.weight"].reshape(b.weight_shape)), v[f"{b.name}.bias"]) for b in self.blocks]

    def enter(self, engine: ModuleType, x: np.ndarray, record: list | None = None) -> Any:
        """The event counts as the first block's input: times gain, window only in a twin."""
        if record is not None:
            x = x[:, -record[0]["u"].shape[1] :]
        gain = self.dtype.type(self.neuron.gain)
        return x.astype(self.dtype) * gain if engine is reference else engine.events(x, gain)

    @staticmethod
    def fit(b: Block, x: Any) -> Any:
        """Flatten (H, W, C) where a dense block follows."""
        return x.reshape(*x.shape[:2], *b.input_shape) if isinstance(x, np.ndarray) else x

    def _passes(self, engine, parameters, x, spike, record, keep):
        x = self.enter(engine, x, record)
        tapes = []
        for n, (b, weight, bias) in enumerate(parameters):
            # "needed": the adjoint is zero in the last steps, two more of them for every synapse above
            steps = max(self.window - 2 * (len(parameters) - 1 - n), 1) if keep == "needed" else keep
            x, tape = engine.forward(
                b, weight, bias, self.fit(b, x), self.window, spike, None if record is None else record[n], steps
            )
            tapes.append(tape)
        return x, tapes

    def _forward(self, parameters, x, spike, record, keep):
        if spike not in FORMS:
            raise ValueError(f"spike must be one of {', '.join(FORMS)}, not {spike!r}")
        if spike != "hard" and record is None:
            raise ValueError(f"spike={spike!r} needs record=net.record(theta, x), what the twin freezes")
        return self._passes(self.engine(spike), parameters, x, spike, record if spike != "hard" else None, keep)

    def _logits(self, theta, x, spike, record):
        """Logits alone; of the network itself part by part, to save memory."""
        parameters = self.parameters(theta, self.engine(spike))
        if spike != "hard":
            return self._forward(parameters, x, spike, record, False)[0]
        logits: list[np.ndarray] = []
        in_order(
            lambda part: self._forward(parameters, x[part], spike, None, False)[0],
            parts_of(len(x), INFERENCE_PART),
            logits.append,
        )
        return np.concatenate(logits)

    def _reverse(self, parameters, x, y, spike, record, second):
        engine = self.engine(spike)
        logits, tapes = self._forward(parameters, x, spike, record, "needed")
        loss, loss_backward, _ = LOSSES[self.loss_name]
        dx = loss_backward(logits, y)
        gradient = np.empty(self.size, self.dtype)
        parts = self.parameters(gradient)
        for n in reversed(range(len(self.blocks))):
            b, weight, _ = parameters[n]
            if n < len(self.blocks) - 1:
                dx = dx.reshape(*dx.shape[:2], *b.output_shape)
            dx, parts[n][1][...], parts[n][2][...] = engine.backward(b, weight, tapes[n], dx, n > 0, second)
            if not second:
                tapes[n] = None  # nothing will need it, and it is large
        tapes.append(logits)
        return loss(logits, y), gradient, tapes

    def _tangent_of_reverse(self, parameters, tapes, y, v, spike):
        """H v, part by part of the batch like `_in_parts`; tapes: (samples, tapes) of every part."""
        engine, hv = self.engine(spike), np.zeros(self.size, self.dtype)
        dots = self.parameters(self._vector(v, "v"), engine)

        def one(part):
            samples, part_tapes = part
            share = self.dtype.type((samples.stop - samples.start) / len(y))
            part_hv = self._tangent_of_part(engine, parameters, dots, part_tapes, y[samples])
            part_hv *= share
            return part_hv

        in_order(one, tapes, lambda part: np.add(hv, part, out=hv))
        self._release(engine, parameters)
        return hv

    @staticmethod
    def _release(engine, parameters):
        """Others may want the memory before these weights are needed again."""
        for _, weight, _ in parameters:
            engine.release(weight)

    def _tangent_of_part(self, engine, parameters, dots, tapes, y):
        """H v of the mean loss of a part of the batch."""
        *tapes, logits = tapes
        n_steps = tapes[-1]["u"].shape[1]
        # steps in which each block's adjoint can differ from zero: two fewer for every synapse above it
        steps = [max(n_steps - 2 * d, 0) for d in reversed(range(len(self.blocks)))]
        tapes_dot: list[Any] = []
        x_dot: Any = None
        for n, ((b, weight, _), (_, weight_dot, bias_dot)) in enumerate(zip(parameters, dots)):
            if x_dot is not None:
                x_dot = x_dot.reshape(*x_dot.shape[:2], *b.input_shape)
            x_dot, tape_dot = engine.forward_tangent(b, weight, weight_dot, bias_dot, tapes[n], x_dot, steps[n])
            tapes_dot.append(tape_dot)
        dx_dot = LOSSES[self.loss_name][2](logits, x_dot, y)
        hv = np.empty(self.size, self.dtype)
        parts = self.parameters(hv)
        for n in reversed(range(len(self.blocks))):
            (b, weight, _), (_, weight_dot, _) = parameters[n], dots[n]
            if n < len(self.blocks) - 1:
                dx_dot = dx_dot.reshape(*dx_dot.shape[:2], *b.output_shape)
            dx_dot, parts[n][1][...], parts[n][2][...] = engine.backward_tangent(
                b, weight, weight_dot, tapes[n], tapes_dot.pop(), dx_dot, n > 0
            )
        return hv

    # ---- checks of what comes in ---------------------------------------------------------------------------------

    def _input(self, x) -> np.ndarray:
        x = np.asarray(x)
        if x.ndim != 2 + len(self.input_shape) or x.shape[2:] != self.input_shape:
            axes = "(B, T, H, W, C)" if len(self.input_shape) == 3 else "(B, T, features)"
            raise ValueError(f"x must be {axes} with {self.input_shape} at each step, not {x.shape}")
        self._check_numbers(x)
        return x.reshape(*x.shape[:2], *self.blocks[0].input_shape)
