"""What holds the parameters while a task is learned: the float network itself, unless a device is to stand for it."""

import numpy as np

from .origin import TRAIN
from ..meta.inner import InnerLoop


class Held:
    """The float network: what is held is theta itself. A device overrides what differs (`hardware.training.straight.OnChip`).

    The outer loop keeps and updates theta; inner loops start at the phi of `start` and ask the network of `of` for losses and
    derivatives, in training and when it is tested.
    """

    command = TRAIN  # goes on with a run, given --resume DIR

    def of(self, net):
        """What stands for the network in inner loops."""
        return net

    def start(self, net, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """(phi, slope): what is held of theta, and by what a gradient at phi is multiplied to be one at theta (None: by 1)."""
        return theta, None

    def inner(self, net, inner: InnerLoop) -> InnerLoop:
        """The inner loop as it is carried out."""
        return inner
