"""A Loihi-style fixed-point model: Loihi's current-based neuron, bit for bit, and a network of it.

`neuron.run` is one layer of it; `cuba` holds a network of CubaLIF as it is.

Import from here: `cuba`, `measure`, `neuron`.
It may import: hardware.chip, minisnn.
"""

from .neuron import run

__all__ = ["run"]
