"""The network classes: their settings, their input, and the engine that computes them.

Import from here: any module.
It may import: parallel, core, kernels.
"""
