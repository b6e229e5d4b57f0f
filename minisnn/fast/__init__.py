"""A neuron's step as straight-line code of single numbers, for the kernels' loops to compile.

`traced` runs the methods of a neuron once on symbols and notes what is computed of what; `step`
makes the passes of a step of it: the derivatives are those of `core`'s dual numbers, run on symbols.

It may import: parallel, core, vectors.
"""
