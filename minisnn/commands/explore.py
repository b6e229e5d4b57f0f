"""What the paper did not try.

shots        accuracy against the recordings of each class in the support set
ways         accuracy against the number of classes, more than in meta-training
activity     accuracy against the spikes that the network makes
curvature    spectrum of the inner loss's Hessian before and after meta-training
cost         time and memory of FOMAML and MAML against inner steps
recordings   simulated recordings against real ones, and photographs of hands
shift        moved and enlarged recordings with more events or fewer, tasks aligned by their support"""

import argparse

from .studies import add_study, run_and_print

SUMMARY = "beyond the paper: shots, ways, activity, curvature, cost, recordings, shift"
EXAMPLES = """\
examples:
  minisnn explore shots
  minisnn explore curvature
  minisnn explore recordings --root ~/N-MNIST --asl-root hands.npz"""


def arguments(parser: argparse.ArgumentParser) -> None:
    what = ("shots", "ways", "activity", "curvature", "cost", "recordings", "shift")
    parser.add_argument("what", choices=what, help="what to explore")
    add_study(parser, 200)


def run(args: argparse.Namespace) -> None:
    run_and_print(args.what, args)
