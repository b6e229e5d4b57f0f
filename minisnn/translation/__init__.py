"""A neuron's step for single numbers, as code that numba compiles into the kernels' loops.

`source` reads the methods of a neuron and its surrogate and writes them again as functions of
single numbers, in which every expression of constants is one number (`several`: comprehensions;
`made`: functions of syntax trees); `step` puts a neuron's functions together, and `check` says what
keeps one from being compiled.

Import from here: `step`, `check`.
It may import: parallel, layers.
"""
