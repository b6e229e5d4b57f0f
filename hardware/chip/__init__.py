"""The chip, a fixed-point model in integers: formats, traces, neuron, network, learner, ranges, and the plain-integer reference.

Import from here: any module.
It may import: minisnn.
"""
