"""A table of Stewart & Neftci 2022, measured here, beside the paper's values.

2   one-shot accuracy on both data sets: MAML and FOMAML, spiking and not
3   magnitudes of the readout's updates: inner loop, outer loop, training
    without meta-learning"""

import argparse

from .studies import add_study, run_and_print

SUMMARY = "a table of the paper, measured here"
EXAMPLES = """\
examples:
  minisnn table 2                     with the networks that travel with minisnn
  minisnn table 2 --episodes 100      a quick look
  minisnn table 2 --root ~/N-MNIST    on real recordings
  minisnn table 3 --out runs/mine     into another folder"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, choices=(2, 3), help="number of the table in the paper")
    add_study(parser)


def run(args: argparse.Namespace) -> None:
    run_and_print(f"table-{args.number}", args)
