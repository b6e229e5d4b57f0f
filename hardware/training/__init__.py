"""Meta-training for the chip: weights rounded as the chip holds them.

Import from here: `run`, `straight`.
It may import: hardware.chip, minisnn.
"""
