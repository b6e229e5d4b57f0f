"""Forgetting and relearning: learn task A, then B, then A again, with one recording of each class
and one update each. Stewart & Neftci 2022 claim that a forgotten task is learned again in one shot.
"""

from .studies import study_command

EXAMPLES = """\
examples:
  minisnn relearn
  minisnn relearn --episodes 100 --root ~/N-MNIST"""
arguments, run = study_command("relearn")
