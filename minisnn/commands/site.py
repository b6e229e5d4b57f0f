"""The site of the project as static pages with a menu and a search: guides, lessons, results, and
the reference of every public module, class and function. It opens from the file system and asks for
no network."""

import argparse
import sys
from pathlib import Path

from .. import outputs
from ..site import build
from .options import add_output

EXAMPLES = """\
examples:
  minisnn site              into ./site; begin with its index.html
  minisnn site ~/pages

Takes a minute or two. Needs Sphinx and what goes with it: pip install "minisnn[docs]"."""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_output(
        parser,
        "out",
        nargs="?",
        kind=outputs.FOLDER,
        default=Path("site"),
        metavar="DIR",
        help="folder to write to (default: site)",
    )


def run(args: argparse.Namespace) -> None:
    print("Sphinx makes the pages, which takes a minute or two", file=sys.stderr, flush=True)
    with build.built() as (pages, warned):
        found = sorted(path for path in pages.rglob("*") if path.is_file())
        with outputs.marked_folder(args.out, args.force) as folder:
            for path in found:
                place = folder / path.relative_to(pages)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(path.read_bytes())
    for line in warned:
        print(f"minisnn: note: {line}", file=sys.stderr)
    print(f"{args.out / 'index.html'}: {sum(path.suffix == '.html' for path in found)} pages")
