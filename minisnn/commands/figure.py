"""A figure of Stewart & Neftci 2022, measured here: its numbers, the claims that it stands for, and the figure itself as PNG
and SVG.

2   example tasks
3   error against inner-loop updates
4   accuracy with frozen layers
5   histograms of updates, and their threshold
6   transfer learning, shot by shot"""

import argparse

from .studies import add_study, run_and_print

SUMMARY = "a figure of the paper, measured here"
EXAMPLES = """\
examples:
  minisnn figure 3                        with the networks that travel with it
  minisnn figure 4 --episodes 100         a quick look
  minisnn figure 5 --networks runs/mine   with networks of your own"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, choices=(2, 3, 4, 5, 6), help="number of the figure in the paper")
    add_study(parser)


def run(args: argparse.Namespace) -> None:
    run_and_print(f"figure-{args.number}", args)
