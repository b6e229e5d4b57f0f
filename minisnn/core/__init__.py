"""The reference engine, in NumPy: layers over one flat theta, their gradient by hand, and second
derivatives by the same code on dual numbers.

Read `dual`, `neuron`, `layer`, then `network`.

Import from here: any module.
It may import: files, parallel.
"""
