"""Softplus, the activation of the CNN baseline (Dugas et al. 2001):

    y = log(1 + exp(u))       its slope s = 1 / (1 + exp(-u))       its curvature s (1 - s)

It is smooth everywhere, so gradient and Hessian of a network of it are true ones but where two
sites of a pooling window tie. Any shape; u, y, and their adjoints and tangents have the same.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Softplus:
    """What a block without spikes is given in place of a neuron."""

    delay = 0  # steps: there is no time

    @property
    def readout(self) -> "Softplus":
        """What the readout is made of."""
        return self


def forward(u: np.ndarray) -> tuple[np.ndarray, dict]:
    """(y, tape) with y = max(u, 0) + log(1 + exp(-|u|))."""
    e = np.exp(-np.abs(u))
    slope = np.where(u >= 0, u.dtype.type(1), e) / (1 + e)
    return np.maximum(u, 0) + np.log1p(e), {"slope": slope, "curvature": e / (1 + e) ** 2}


def backward(tape: dict, dy: np.ndarray) -> np.ndarray:
    """du = y' dy."""
    return dy * tape["slope"]


def forward_tangent(tape: dict, u_dot: np.ndarray) -> tuple[np.ndarray, dict]:
    """(y_dot, tape_dot) with y_dot = y' u_dot."""
    return u_dot * tape["slope"], {"u_dot": u_dot}


def backward_tangent(tape: dict, tape_dot: dict, dy: np.ndarray, dy_dot: np.ndarray) -> np.ndarray:
    """du_dot = y' dy_dot + y'' u_dot dy: `backward` differentiated along u_dot and dy_dot."""
    return dy_dot * tape["slope"] + dy * tape["curvature"] * tape_dot["u_dot"]
