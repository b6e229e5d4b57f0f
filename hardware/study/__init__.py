"""Float against fixed point: comparison, sweeps, where they first differ, what an episode costs.

Imports chip, loihi and minisnn.experiments.
"""
