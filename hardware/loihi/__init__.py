"""A Loihi-style fixed-point model: Loihi's current-based neuron, bit for bit, and a network of it.

`neuron.run` is one layer; `cuba` holds a network of CubaLIF without rescaling.

Import from here: `cuba`, `measure`, `neuron`.
It may import: hardware.chip, minisnn.
"""

from .neuron import run

__all__ = ["run"]
