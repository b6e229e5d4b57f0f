"""Learning to learn in integers: class-means meta-training of all layers, from random integers to a
network, without floats.

Import from here: `measure`, `run`, `words`.
It may import: hardware.chip, minisnn.
"""
