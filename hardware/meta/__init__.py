"""Meta-training in integers: all layers are trained by class means from random integers, without
floats.

Import from here: `measure`, `run`, `words`.
It may import: hardware.chip, minisnn.
"""
