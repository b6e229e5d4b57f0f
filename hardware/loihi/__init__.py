"""Loihi's current-based neuron, bit for bit, and a network of it.

`neuron.run` is one layer of it. Imports chip.
"""

from .neuron import run

__all__ = ["run"]
