"""The outer loop's optimisers, which work on flat parameters; its step-size schedule; and gradient
clipping.

An optimiser's state is a dictionary of arrays, which a checkpoint can store directly.
"""

import math

import numpy as np

from ..arguments import array, floating, must, need, number, whole


class SGD:
    """Stochastic gradient descent with momentum.

        v <- momentum v + gradient
        theta <- theta - lr v

    >>> ms.SGD(size=3, momentum=0.9).state["velocity"].shape
    (3,)
    """

    def __init__(self, size: int, momentum: float = 0.0, dtype: str | type | np.dtype = np.float32):
        size = whole("size", size, 1)
        dtype = floating("dtype", dtype)
        self.momentum = number("momentum", momentum)
        must("momentum", 0 <= self.momentum < 1, "in [0, 1)", momentum)
        self.state = {"velocity": np.zeros(size, dtype)}

    def step(self, theta: np.ndarray, gradient: np.ndarray, lr: float) -> np.ndarray:
        """The new theta, as a new array. Raises ValueError for arrays that are not flat or have the
        wrong size.

        >>> ms.SGD(size=2).step(np.ones(2), np.array([1.0, -2.0]), lr=0.1).tolist()
        [0.9, 1.2]
        """
        _check(theta, gradient, self.state["velocity"])
        v = self.momentum * self.state["velocity"] + gradient
        self.state["velocity"] = v.astype(gradient.dtype)
        return (theta - lr * v).astype(theta.dtype)


class Adam:
    """Adam (Kingma & Ba 2015).

        m <- beta1 m + (1 - beta1) gradient              m_hat = m / (1 - beta1^n)
        v <- beta2 v + (1 - beta2) gradient^2            v_hat = v / (1 - beta2^n)
        theta <- theta - lr m_hat / (sqrt(v_hat) + eps)

    >>> sorted(ms.Adam(size=3).state)
    ['m', 'n', 'v']
    """

    def __init__(
        self,
        size: int,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        dtype: str | type | np.dtype = np.float32,
    ):
        size = whole("size", size, 1)
        dtype = floating("dtype", dtype)
        self.beta1 = number("beta1", beta1)
        self.beta2 = number("beta2", beta2)
        self.eps = number("eps", eps)
        must("beta1", 0 <= self.beta1 < 1, "in [0, 1)", beta1)
        must("beta2", 0 <= self.beta2 < 1, "in [0, 1)", beta2)
        self.state = {
            "m": np.zeros(size, dtype),
            "v": np.zeros(size, dtype),
            "n": np.zeros((), np.int64),
        }

    def step(self, theta: np.ndarray, gradient: np.ndarray, lr: float) -> np.ndarray:
        """The new theta, as a new array. Raises ValueError for arrays that are not flat or have the
        wrong size.

        >>> theta = ms.Adam(size=2).step(np.ones(2), np.array([1.0, -2.0]), lr=0.1)
        >>> theta.round(3).tolist()
        [0.9, 1.1]
        """
        s = self.state
        n = int(self.state["n"]) + 1
        _check(theta, gradient, s["m"])
        m = self.beta1 * s["m"] + (1 - self.beta1) * gradient
        v = self.beta2 * s["v"] + (1 - self.beta2) * gradient * gradient
        self.state = {
            "m": m.astype(theta.dtype),
            "v": v.astype(theta.dtype),
            "n": np.array(n, np.int64),
        }
        m_hat = m / (1 - self.beta1**n)
        v_hat = v / (1 - self.beta2**n)
        return (theta - lr * m_hat / (np.sqrt(v_hat) + self.eps)).astype(theta.dtype)


def _check(theta: np.ndarray, gradient: np.ndarray, state: np.ndarray) -> None:
    """Raise ValueError unless theta and gradient have the optimiser's size and are floating-point
    arrays."""
    for name, given in (("theta", theta), ("gradient", gradient)):
        vector = array(name, given)  # rejects masked arrays
        good = isinstance(given, np.ndarray) and vector.shape == state.shape
        need(
            name,
            f"{vector.dtype} of shape {vector.shape}",
            good and vector.dtype.kind == "f",
            f"a flat floating-point array of {state.size} parameters",
        )


def cosine(step: int, total: int, start: float, end: float) -> float:
    """Return the learning rate of a cosine schedule, which is `start` at step 0, and `end` from step
    `total` on.

    >>> from minisnn.meta.optim import cosine
    >>> [round(cosine(step, 100, 1.0, 0.1), 2) for step in (0, 50, 100, 200)]
    [1.0, 0.55, 0.1, 0.1]
    """
    x = min(max(step / max(total, 1), 0.0), 1.0)
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * x))


def clip(gradient: np.ndarray, norm: float | None) -> tuple[np.ndarray, float]:
    """Scale a gradient so that its norm is at most `norm`. Return (gradient, its norm before
    scaling).

    With norm=None, or if its own norm is not finite, the gradient is returned unchanged. Raises
    ValueError if `norm` is not positive, or the gradient not floating-point.

    >>> from minisnn.meta.optim import clip
    >>> gradient, before = clip(np.array([3.0, 4.0]), 1.0)
    >>> gradient.round(3).tolist(), before
    ([0.6, 0.8], 5.0)
    """
    must("norm", norm is None or number("norm", norm) > 0, "a positive number", norm)
    must("gradient", array("gradient", gradient).dtype.kind == "f", "of floating point", gradient)
    found = float(np.sqrt(np.sum(gradient * gradient, dtype=np.float64)))
    if norm is None or found <= norm or not math.isfinite(found):
        return gradient, found
    return gradient * gradient.dtype.type(norm / found), found
