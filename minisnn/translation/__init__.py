"""A neuron's step for single numbers, as code that numba compiles into the kernels' loops.

`writer` reads a method of a neuron or its surrogate and writes it again as a function of single
numbers, in which every expression of constants is one number (`several`: comprehensions; `made`:
functions of syntax trees, and whether a file still has what was loaded). `source` holds what is
written of one neuron, `step` puts it together, and `check` says what keeps one from being compiled.

Import from here: `step`, `check`, `source`, `made`.
It may import: parallel, core.
"""
