"""The non-spiking peer: a convolutional network on event frames, its gradient and Hessian-vector product by hand.

The same widths, pooling, interface and loops as the spiking network, without time, reset and surrogate: what of a
result is due to spikes shows beside it. Statistics are never shared across samples (no batch normalisation).
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from ..layers import frames as reference
from ..layers.loss import Loss
from ..layers.activation import Softplus
from ..parallel.arguments import array, number
from .base import Network, parts_of

PART = 2  # samples that go through the layers together; a constant, sums depend on it


class ConvNet(Network):
    """Convolutional network on frames, the events of a recording summed over time; the interface of `SpikingNet`.

    Every conv block is: k x k convolution (stride 1, zero padding (k - 1) / 2) -> softplus -> 2 x 2 max pooling (the
    first among equals, odd rests dropped); then dense softplus blocks (`hidden`) and a linear readout.

    The arguments are those of `SpikingNet` but for neuron, window, pool and detach_reset, and

    gain      frame = gain * counts; 0.1 turns the tens of events of an active site into numbers about one
    backend   "numba" (register tiles) or "numpy" (the readable reference; BLAS threads may change its last bits)

    `theta` is flat and laid out likewise. x is (B, T, H, W, C) counts, or their sums over time (B, H, W, C).

    The network is smooth but for the choices of max pooling: `record` notes those, and spike="jet" or "smooth" (the
    same here) keep them, for finite differences; spike="hard" is the network itself.

    Raises ValueError for a configuration that cannot be, and in its methods for theta, x or y that do not fit or are
    not finite.
    """

    window = 1  # a frame is a sequence of one step
    init_rate, init_rounds = 0.5, 1  # at variance 1 a softplus is nearly straight, at 9 it cuts off and features are sparse
    inference_part = PART

    def __init__(
        self,
        input_shape: int | Sequence[int] = (16, 32, 2),
        channels: Sequence[int] = (32, 64, 128),
        ways: int = 5,
        kernel: int = 5,
        dtype: str | type | np.dtype = np.float32,
        *,
        hidden: Sequence[int] = (),
        loss: str | Loss = "cross_entropy",
        backend: str = "numba",
        gain: float = 0.1,
    ):
        self._configure(input_shape, channels, hidden, ways, kernel, dtype, loss, backend)
        self.gain = number("gain", gain, "a finite positive number")
        if self.gain <= 0:
            raise ValueError(f"gain must be a finite positive number, not {gain!r}")
        self._lay_out("max", Softplus())

    def engine(self, spike: str = "hard") -> ModuleType:
        """The module with the four passes of a block, the same for twins."""
        if self.backend == "numpy":
            return reference
        from ..kernels import frames

        return frames

    def _parts(self, x, second):
        return parts_of(len(x), PART)

    def _input(self, x) -> np.ndarray:
        """The frames of x (B, 1, H, W, C): sums over time, checked."""
        x, shape = array("x", x), self.input_shape
        frames = x.ndim == 1 + len(shape)
        if x.ndim - len(shape) not in (1, 2) or x.shape[-len(shape) :] != shape:
            axes = "H, W, C" if len(shape) == 3 else "features"
            raise ValueError(f"x must be (B, T, {axes}) or (B, {axes}) with {shape} at each step, not {x.shape}")
        x = self._counts(x)
        x = x if frames else x.sum(1, dtype=np.float64 if x.dtype.kind == "f" else np.int64)
        return x.reshape(len(x), 1, *self.blocks[0].input_shape)
