"""Describe a checkpoint or run folder (its network, how it adapts, how it was trained and what it
reached), recordings (classes, rates, and what looks wrong), or labelled pictures."""

import argparse
from pathlib import Path

from .. import outputs
from .options import add_count, add_forms, add_input, add_output

EXAMPLES = """\
examples:
  minisnn info runs/quick-1                 a run: settings, progress, accuracy
  minisnn info checkpoint.h5                a checkpoint
  minisnn info ~/N-MNIST --sample 500       recordings, and what looks wrong
  minisnn info mine --sheet sheet.png       your own recordings, and what looks wrong, one row for each class
  minisnn info ~/N-MNIST/Train/0/00002.bin  a single recording
  minisnn info letters                      pictures for `minisnn record`"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_input(
        parser,
        "path",
        type=Path,
        help="checkpoint, run folder, folder of recordings, recording, or labelled pictures",
    )
    add_count(parser, "sample", 200, "recordings of a folder to look at")
    add_output(
        parser,
        "--sheet",
        kind=outputs.PICTURE,
        metavar="FILE",
        help="draw a contact sheet of a folder of recordings, one row for each class (.png, .svg, .pdf)",
    )
    add_forms(parser.add_argument_group("recordings of your own"))


def run(args: argparse.Namespace) -> None:
    from .describe import describe  # NumPy and all that reads files: help does without

    describe(args)
