"""Fetch real recordings: N-MNIST (Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience
9:437; CC BY-SA 4.0) from Mendeley Data, checked and unpacked into a folder that serves as --root of
train and evaluate. Files that are there already are used; a download that is stopped begins
again."""

import argparse
import functools
from pathlib import Path

from .. import outputs
from ..data.store import fetch
from .options import add_output, add_quiet, add_yes

EXAMPLES = """\
examples:
  minisnn fetch nmnist                            both parts, into ./N-MNIST
  minisnn fetch nmnist --part test --out ~/data   the 10,000 test recordings only
  minisnn fetch nmnist --no-keep-zips             without their archives
  minisnn fetch nmnist --base http://127.0.0.1:8000    from a place of your own
  minisnn train --root N-MNIST                    train on them

Train.zip and Test.zip that lie in the folder, from wherever you have them, are checked and used. Downloading needs the
library pooch: pip install "minisnn[fetch]"."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", choices=("nmnist",), help="the data set: nmnist")
    add_output(
        parser,
        "--out",
        kind=outputs.DATA,
        default=Path("N-MNIST"),
        metavar="DIR",
        help="folder to put it into (default: N-MNIST)",
    )
    parser.add_argument(
        "--part",
        choices=("train", "test", "both"),
        default="both",
        help="what to fetch (default: both)",
    )
    parser.add_argument(
        "--base",
        metavar="URL",
        help="fetch URL/Train.zip and URL/Test.zip, of a mirror for example (default: the files of "
        "Mendeley Data)",
    )
    add_yes(
        parser,
        "keep-zips",
        "leave the archives that it downloads in the folder once they are unpacked",
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> None:
    out = fetch.fetch(
        args.out,
        args.part,
        args.base,
        args.keep_zips,
        progress=not args.quiet,
        tell=functools.partial(print, flush=True),
    )
    print(out)
