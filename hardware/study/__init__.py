"""Float against fixed point: comparison, sweeps, where the two first differ, what an episode costs.

Import from here: `compare`, `ranges`, `refuse`, `episodes`, `floats`.
It may import: hardware.chip, hardware.loihi, minisnn.
"""
