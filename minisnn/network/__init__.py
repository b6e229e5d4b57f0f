"""The networks that one makes: their settings, how a recording enters, and which engine computes
them.

Import from here: any module.
It may import: parallel, core, kernels.
"""
