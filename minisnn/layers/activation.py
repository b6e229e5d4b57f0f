"""Softplus, and the block of the non-spiking peer that ends in it: convolution, 2 x 2 max pooling, softplus.

    softplus(u) = log(1 + exp(u))       its slope s = 1 / (1 + exp(-u))       its curvature s (1 - s)

(Dugas et al. 2001). It is smooth everywhere, so gradient and Hessian of a network of it are true ones but where two
sites of a window tie. Block:

    u = W x + b      v = largest u of each 2 x 2 window (first among equals, odd rests dropped)      y = softplus(v)

Softplus rises, so pooling before it gives what pooling after it gives, at a quarter of the cost. A dense block is the
convolution of a 1 x 1 image and pools nothing; the readout's y is u.

Shapes: a frame is a sequence of one step, as `pool` takes it: x (B, 1, H, W, C_in), u (B, 1, H, W, C_out),
y (B, 1, H', W', C_out), weight (k, k, C_in, C_out). `products`,
`Reference` or `Compiled`, does the convolutions.
"""
from dataclasses import dataclass

import numpy as np

from ..kernels.linear import back_layout, dense_layout
from ..kernels.passes import correlate
from ..kernels.vector import gemm, zeros
from . import pool, synapse


def softplus(u: np.ndarray) -> tuple[np.ndarray, dict]:
    """(y, tape) with y = max(u, 0) + log(1 + exp(-|u|))."""
    e = np.exp(-np.abs(u))
    slope = np.where(u >= 0, u.dtype.type(1), e) / (1 + e)
    return np.maximum(u, 0) + np.log1p(e), {"slope": slope, "curvature": e / (1 + e) ** 2}


def softplus_backward(tape: dict, dy: np.ndarray) -> np.ndarray:
    """du = y' dy."""
    return dy * tape["slope"]


def softplus_forward_tangent(tape: dict, u_dot: np.ndarray) -> tuple[np.ndarray, dict]:
    """(y_dot, tape_dot) with y_dot = y' u_dot."""
    return u_dot * tape["slope"], {"u_dot": u_dot}


def softplus_backward_tangent(tape: dict, tape_dot: dict, dy: np.ndarray, dy_dot: np.ndarray) -> np.ndarray:
    """du_dot = y' dy_dot + y'' u_dot dy: `softplus_backward` differentiated along u_dot and dy_dot."""
    return dy_dot * tape["slope"] + dy * tape["curvature"] * tape_dot["u_dot"]


class Reference:
    """`synapse.correlate` and its adjoints; weights are taken as `prepare` gives them."""

    prepare = staticmethod(lambda weight: weight)
    correlate = staticmethod(synapse.correlate)
    correlate_input = staticmethod(synapse.correlate_input)
    correlate_weight = staticmethod(synapse.correlate_weight)


class Compiled:
    """The same in register tiles. Every sum has a fixed order: no number of threads, no other sample changes a bit."""

    @staticmethod
    def prepare(weight):
        """(weight, dense layout, back layout) of `kernels.linear`: of the map and of its adjoint."""
        return weight, dense_layout(weight), back_layout(weight)

    @staticmethod
    def _map(x, matrix, k, n_out):
        H, W, n_in = x.shape[-3:]
        x = np.ascontiguousarray(x)
        y, none = np.empty((*x.shape[:-1], n_out), x.dtype), np.empty((0, 0), x.dtype)
        correlate(0, x.size // (H * W * n_in), x.reshape(-1, H * W * n_in), matrix, none, matrix,
                  y.reshape(-1, H * W * n_out), (H, W, n_in, n_out, k), np.zeros(10, x.dtype))
        return y

    @staticmethod
    def correlate(x, weight):
        return Compiled._map(x, weight[1], len(weight[0]), weight[0].shape[3])

    @staticmethod
    def correlate_input(dy, weight):
        return Compiled._map(dy, weight[2], len(weight[0]), weight[0].shape[2])

    @staticmethod
    def correlate_weight(x, dy, k):
        """As one product: a row of `seen` is what the kernel sees at a site (Chellapilla et al. 2006)."""
        seen, dy = Compiled._seen(x, k), np.ascontiguousarray(dy).ravel()
        sites, M, N = *seen.shape, dy.size // len(seen)
        seen = seen.ravel()
        c = zeros(M * N, seen)
        gemm(seen, 0, 0, 1, M, dy, 0, 0, N, c, 0, N, M, N, 1, sites)
        return c.reshape(k, k, -1, N)

    @staticmethod
    def _seen(x, k):
        """Images (..., H, W, C) -> (sites, k k C), zeros beyond the edge."""
        H, W, C = x.shape[-3:]
        if k == 1:
            return np.ascontiguousarray(x).reshape(-1, C)
        h = k // 2
        padded = np.zeros((x.size // (H * W * C), H + 2 * h, W + 2 * h, C), x.dtype)
        padded[:, h:h + H, h:h + W] = x.reshape(-1, H, W, C)
        image, row, column, one = padded.strides
        view = np.lib.stride_tricks.as_strided(padded, (len(padded), H, W, k, k * C), (image, row, column, row, one))
        return view.reshape(len(padded) * H * W, k * k * C)


@dataclass(frozen=True)
class Block:
    """The static description of one block. `readout` hands on u itself."""

    name: str
    input_shape: tuple[int, int, int]      # (H, W, C_in); a dense block sees (1, 1, features)
    channels: int
    kernel: int
    pool: str                              # "max" or "none"
    readout: bool = False

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        return (self.kernel, self.kernel, self.input_shape[2], self.channels)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        return (*pool.pooled_shape(*self.input_shape[:2], self.pool), self.channels)


def forward(block: Block, products, weight, bias, x, choice=None):
    """(y, tape); `choice` (B, 1, H', W', C_out) is a recorded one of `pool.choose`, kept instead of the largest."""
    u = products.correlate(x, weight) + bias
    tape = {"x": x, "u": u}
    if block.readout:
        return u, tape
    if block.pool == "max" and choice is None:
        choice = pool.choose(u)
    tape["choice"] = choice
    y, tape["activation"] = softplus(pool.gather(u, block.pool, choice))
    return y, tape


def backward(block: Block, products, weight, tape, dy, need_dx=True):
    """(dx, dweight, dbias) from dy; dx is None where it is not needed."""
    tape["dy"] = dy
    if not block.readout:
        dy = pool.scatter(softplus_backward(tape["activation"], dy), block.pool, tape["choice"], block.input_shape[:2])
    tape["du"], dx = dy, None
    if need_dx:
        dx = products.correlate_input(dy, weight)
    return dx, products.correlate_weight(tape["x"], dy, block.kernel), dy.sum((0, 1, 2, 3))


def forward_tangent(block: Block, products, weight, weight_dot, bias_dot, tape, x_dot):
    """(y_dot, tape_dot); x_dot is None where the input is data."""
    u_dot = products.correlate(tape["x"], weight_dot)
    if x_dot is not None:
        u_dot = u_dot + products.correlate(x_dot, weight)
    u_dot = u_dot + bias_dot
    if block.readout:
        return u_dot, {"x_dot": x_dot}
    v_dot = pool.gather(u_dot, block.pool, tape["choice"])
    y_dot, tape_dot = softplus_forward_tangent(tape["activation"], v_dot)
    return y_dot, {"x_dot": x_dot, "activation": tape_dot}


def backward_tangent(block: Block, products, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    if not block.readout:
        dv_dot = softplus_backward_tangent(tape["activation"], tape_dot["activation"], tape["dy"], dy_dot)
        dy_dot = pool.scatter(dv_dot, block.pool, tape["choice"], block.input_shape[:2])
    dx_dot = None
    if need_dx:
        dx_dot = products.correlate_input(dy_dot, weight) + products.correlate_input(tape["du"], weight_dot)
    dweight_dot = products.correlate_weight(tape["x"], dy_dot, block.kernel)
    if tape_dot["x_dot"] is not None:
        dweight_dot = dweight_dot + products.correlate_weight(tape_dot["x_dot"], tape["du"], block.kernel)
    return dx_dot, dweight_dot, dy_dot.sum((0, 1, 2, 3))
