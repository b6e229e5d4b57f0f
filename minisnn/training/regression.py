"""Baselines of regression, on the same tasks: the mean of the support, and ridge regression on the
inputs, on a random network's features, on the network's features, and on these with weights drawn
towards the network's readout.

Each task's support chooses the penalty: the one with the least squared error of samples that are left
out, one after the other (Allen 1974, Technometrics 16:125, has it in closed form).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..meta.ridge import Ridge, ridge
from ..meta.tasks import Task
from ..network.spiking import SpikingNet

PENALTIES = 10.0 ** np.arange(-4, 5)


def chosen(F: np.ndarray, Y: np.ndarray, samples: int) -> float:
    """The penalty under which samples that are left out have the least squared error; F (n, d) and Y
    (n, ways) hold equally many rows of each sample, one behind the other.

    With H = F (F^T F + penalty I)^-1 F^T the residuals of rows g that are left out are
    (I - H_gg)^-1 (Y - H Y)_g.
    """
    U, s, _ = np.linalg.svd(F.astype(np.float64), full_matrices=False)
    each = len(F) // samples

    def error(penalty: float) -> float:
        H = (U * (s**2 / (s**2 + penalty))) @ U.T
        left = (Y - H @ Y).reshape(samples, each, -1)
        own = np.stack([H[n : n + each, n : n + each] for n in range(0, len(F), each)])
        return float(np.sum(np.linalg.solve(np.eye(each) - own, left) ** 2))

    return float(min(PENALTIES, key=error)) if samples > 1 else 1.0


def mean_of_support(task: Task) -> np.ndarray:
    """Answer every query sample with the support's mean."""
    return np.broadcast_to(task.y_support.mean(0), task.y_query.shape)


@dataclass(frozen=True, eq=False)
class RidgeOn:
    """Ridge regression on the features of a network at theta. Without theta, on the inputs: their
    sums over time, or, if every step has an answer, the inputs after the network's synaptic
    filters.

    towards   whether weights are penalised by their distance from the network's readout instead of
              zero, by fitting the residuals of its answers
    """

    net: Any
    theta: np.ndarray | None = None
    towards: bool = False

    def _rows(self, x: np.ndarray) -> np.ndarray:
        steps = self.net.readout == "steps"
        net = self.net.like(readout="last") if self.net.readout == "count" else self.net
        theta = self.theta
        if theta is None and not steps:
            F = x.reshape(*x.shape[:2], -1).sum(1, dtype=np.float64)
            return np.pad(F, ((0, 0), (0, 1)), constant_values=1)
        if theta is None:
            x = x.reshape(*x.shape[:2], -1)
            how = dict(readout="steps", loss="squared", window=net.window, neuron=net.neuron)
            net = SpikingNet(x.shape[2:], (), net.ways, backend=net.backend, **how)
            theta = np.zeros(net.size, net.dtype)
        return Ridge()._rows(net, theta, x, False, {"spike": "hard", "record": None}).F

    def __call__(self, task: Task) -> np.ndarray:
        sets = task.x_support, task.x_query
        answers = [self.net(self.theta, x) if self.towards else 0 for x in sets]
        F, Y = self._rows(task.x_support), (task.y_support - answers[0]).reshape(-1, task.ways)
        W = ridge(F, Y.astype(F.dtype), chosen(F, Y, len(task.y_support)))
        return answers[1] + (self._rows(task.x_query) @ W).reshape(task.y_query.shape)


def rivals(net: Any, theta: np.ndarray, random: np.ndarray | None) -> dict[str, Any]:
    """Return the rules by name, for a network and random weights of it."""
    rules: dict[str, Any] = {"mean": mean_of_support, "inputs": RidgeOn(net)}
    if random is not None:
        rules["random"] = RidgeOn(net, random)
    rules["own"] = RidgeOn(net, theta)
    if theta[net.slice_of("readout")].any():  # towards a readout of zeros is towards zero
        rules["towards"] = RidgeOn(net, theta, towards=True)
    return rules
