"""The chip, a fixed-point model: formats, traces, neuron, network, learner, ranges, and the
plain-integer reference.

Import from here: any module.
It may import: parallel, layers, network, meta, experiments.
"""
