"""A table of Stewart & Neftci 2022, measured here, beside the paper's values.

2   one-shot accuracy on both data sets: MAML and FOMAML, spiking and not
3   magnitudes of the readout's updates: inner loop, outer loop, training
    without meta-learning"""

from .studies import study_command

EXAMPLES = """\
examples:
  minisnn table 2                     with the networks that ship with minisnn
  minisnn table 2 --episodes 100      a quick look
  minisnn table 2 --root ~/N-MNIST    on real recordings
  minisnn table 3 --out runs/mine     into another folder"""
arguments, run = study_command("table-{}", (2, 3), "number of the table in the paper")
