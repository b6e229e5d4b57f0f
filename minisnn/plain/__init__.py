"""A block's four passes as plain loops: between `minisnn.layers`, which reads like the equations on
whole arrays, and `minisnn.kernels`, which is fast.

Import from here: `block`.
It may import: parallel, layers, translation.
"""
