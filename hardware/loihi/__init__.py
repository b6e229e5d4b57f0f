"""Loihi's current-based neuron, bit for bit, and a network of it.

`neuron.run` is one layer of it.

Import from here: `network`, `neuron`.
It may import: hardware.chip, minisnn.
"""

from .neuron import run

__all__ = ["run"]
