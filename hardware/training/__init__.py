"""Meta-training for the fixed-point model: weights are rounded as the chip holds them.

Import from here: `run`, `straight`.
It may import: hardware.chip, minisnn.
"""
