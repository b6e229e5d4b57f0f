"""The fixed-point model in C: the export of a network, and the program that runs it, here or on a board.

Import from here: `export`, `episode`, `readme`, `sizes`.
It may import: hardware.chip, minisnn.
"""
