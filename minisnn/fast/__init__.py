"""A neuron's step as straight-line code on single numbers, which the kernels' loops compile.

`traced` runs the methods of a neuron once on symbols and records the operations; `step` makes the
passes of a step from this record, with the derivatives of `core`'s dual numbers.

It may import: parallel, core, vectors.
"""
