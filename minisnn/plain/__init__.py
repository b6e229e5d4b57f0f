"""A block's four passes in plain loops: what `minisnn.kernels` computes, to be read.

Three rungs compute the same numbers. `minisnn.layers` has the equations on whole arrays; `sample`
here has them in loops, for one sample, one after the other; the kernels have them fast. `neuron` is
what the loops are told of a neuron, and `block` runs a batch, with the signatures of the other two.

Import from here: `block`, `sample`, `neuron`.
It may import: parallel, layers, translation.
"""
