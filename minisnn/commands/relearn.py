"""Forgetting and relearning: task A, then B, then A again, one recording of each class and one update each. Stewart & Neftci
2022 claim that a forgotten task is learned again in one shot."""

import argparse

from .studies import add_study, run_and_print

SUMMARY = "forget a task and learn it again in one shot"
EXAMPLES = """\
examples:
  minisnn relearn
  minisnn relearn --episodes 100 --root ~/N-MNIST"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_study(parser)


def run(args: argparse.Namespace) -> None:
    run_and_print("relearn", args)
