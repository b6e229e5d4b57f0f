"""A neuron's step for single numbers, as code that numba compiles into the kernels' loops.

`source` reads the methods of a neuron and its surrogate and writes them again as functions of
scalars, in which every expression of constants is one number; `step` puts a neuron's functions
together.

Import from here: `step`.
It may import: parallel, layers.
"""
