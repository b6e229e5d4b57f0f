"""The chip, a fixed-point model: formats, traces, neuron, network, learner and ranges.

Import from here: any module.
It may import: parallel, layers, network, meta, experiments, data.sets.
"""
