"""Meta-training for the chip: weights rounded as the chip holds them.

Imports chip and minisnn.training.
"""
