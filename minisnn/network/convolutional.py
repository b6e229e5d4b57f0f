"""The CNN baseline: the same layers on event frames, with a softplus in place of a neuron.

It has the widths, pooling and interface of the spiking network, but no time, reset or surrogate, so
a difference in results is due to these. There is no batch normalisation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..arguments import array, must, number, wholes
from ..core.architecture import odd, short_form
from ..core.cuba import Leaky
from ..core.dual import Array, curve, logistic
from ..core.layer import products
from ..core.loops import parts_of
from ..core.bases import Loss
from ..core.network import Network
from ..core.neuron import Dynamics

PART = 2  # samples in a part of a batch; the last bits of a sum depend on it


def _tiles() -> Any:
    """Return the module with compiled convolutions or, if there is no compiler, the one in
    NumPy."""
    from numba import config

    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return products()
    from ..kernels import frames

    return frames


@dataclass(frozen=True, repr=False)
class Softplus(Dynamics):
    """The CNN's activation, in place of a neuron: no time, no state, and a smooth "spike" (Dugas et
    al. 2001)

        y = log(1 + exp(u))       its slope s = 1 / (1 + exp(-u))       its curvature s (1 - s)
    """

    delay: ClassVar[int] = 0
    fires: ClassVar[bool] = False
    threshold: ClassVar[float] = 0.0
    decaying: ClassVar[tuple[str, ...]] = ()
    filtering = ()
    forward = Leaky.forward
    backward = Leaky.backward

    def jet(self, form: str) -> Any:
        """Return the object itself, which is smooth in every form."""
        return self

    def about(self, recorded: Any, detached: bool = False) -> Any:
        """Return the object itself, since there is nothing to record."""
        return self

    def value(self, u: Any) -> Any:
        """log(1 + exp(u)), without overflow."""
        return curve(lambda a: np.logaddexp(0, a), logistic)(u)

    def slope(self, u: Any) -> Any:
        """1 / (1 + exp(-u))"""
        return logistic(u)


class ConvNet(Network):
    """A convolutional network on frames, which are a recording's events summed over time. It has
    the interface of `SpikingNet`.

    Every conv block is: k x k convolution (stride 1, zero padding (k - 1) / 2) -> softplus -> 2 x 2
    max pooling (the first among equals; odd rows and columns are dropped). Dense softplus blocks
    (`hidden`) and a linear readout follow. Softplus is monotonic, so pooling before or after it is
    the same.

    The arguments are those of `SpikingNet` without neuron, window, pool and detach_reset, plus

    gain      frame = gain * counts; with 0.1 an active site, of some ten events, is about one
    backend   "numba" (register tiles) or "numpy" (the readable reference; BLAS threads may change
              its last bits)

    `theta` is flat and laid out in the same way. x is (B, T, H, W, C) counts, or their sums over
    time (B, H, W, C).

    The network is smooth except for the choices of max pooling. `record` stores these, and
    spike="jet" or "smooth" (the same here) keeps them fixed, for finite differences.

    Raises ValueError for impossible settings. Methods raise ValueError for theta, x or y that do
    not fit or are not finite.

    >>> net = ms.ConvNet((8, 8, 2), channels=(4,), ways=3)
    >>> x = np.random.default_rng(0).poisson(0.3, (2, 20, 8, 8, 2))
    >>> theta = net.init(np.random.default_rng(0), x)
    >>> net.size, np.allclose(net(theta, x), net(theta, x.sum(1)))
    (399, True)
    """

    window = 1  # a frame is a sequence of one step
    # at variance 1 a softplus is nearly linear; at 9 it rectifies, and features are sparse
    init_rate = 0.5
    init_rounds = 1
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
        self.gain = number("gain", gain, "a finite positive number")
        must("gain", self.gain > 0, "a finite positive number", gain)
        self.channels = wholes("channels", channels)
        self.hidden = wholes("hidden", hidden)
        self.kernel = odd("kernel", kernel)
        named = short_form(self.channels, self.hidden, self.kernel, "max")
        maps = _tiles if backend == "numba" else products
        self._configure(input_shape, named, ways, dtype, loss, backend, Softplus(), maps=maps)

    def _parts(self, x: Array, second: bool) -> list[slice]:
        return parts_of(len(x), PART)

    def _input(self, x: Any) -> Array:
        """Check x and sum it over time. Return frames (B, 1, H, W, C)."""
        x = array("x", x)
        shape = self.input_shape
        frames = x.ndim == 1 + len(shape)
        if x.ndim - len(shape) not in (1, 2) or x.shape[-len(shape) :] != shape:
            axes = "H, W, C" if len(shape) == 3 else "features"
            raise ValueError(
                f"x must be (B, T, {axes}) or (B, {axes}) with {shape} at each step, not {x.shape}"
            )
        x = self._counts(x)
        x = x if frames else x.sum(1, dtype=np.float64 if x.dtype.kind == "f" else np.int64)
        return x.reshape(len(x), 1, *self.blocks[0].input_shape)

    def _enter(self, x: Array) -> Array:
        x = np.multiply(np.swapaxes(x, 0, 1), self.gain, dtype=np.float64)
        return np.ascontiguousarray(x, self.dtype)

    def _entering(self, x_dot: Array) -> Array:
        """Return the tangent of a frame. Like the frame, it is a sum over time."""
        if x_dot.ndim > 1 + len(self.input_shape):
            x_dot = x_dot.sum(1)
        return x_dot.reshape(len(x_dot), 1, *self.blocks[0].input_shape)

    def _entered(self, dx: Array, shape: tuple[int, ...]) -> Array:
        """Return the adjoint of the counts. At every step it equals the frame's adjoint."""
        dx = dx.reshape(len(dx), *self.input_shape)
        return dx if len(shape) == dx.ndim else np.repeat(dx[:, None], shape[1], 1)
