"""The chip in integers: formats, traces, neuron, network, learner, ranges, and the plain-integer reference.

Imports minisnn.parallel for threads; nothing else of hardware.
"""
