"""What a benchmark found, as the file that a record of results is made from: figures by name, and the table
of them that a page shows.

It imports nothing of minisnn, so that a benchmark may measure another tree.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any


def option(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument(
        "--json",
        type=Path,
        metavar="OUT",
        help="write the figures, as records of results have them",
    )


def slug(*words: Any) -> str:
    """A name of a figure: lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(map(str, words)).lower()).strip("-")


class Findings:
    """Figures, the rows of their table under `heads`, and anything else, `more`."""

    def __init__(self, *heads: str):
        self.figures: dict[str, dict] = {}
        self.more: dict[str, Any] = {}
        self.heads = heads
        self.cells: list[list[str]] = []

    def add(self, name: str, value: float, unit: str, half: float | None = None) -> str:
        """A figure; its name. ValueError where the name is taken."""
        if name in self.figures:
            raise ValueError(f"the figure {name!r} is there already")
        self.figures[name] = {"value": float(value), "unit": unit}
        if half is not None:
            self.figures[name]["half"] = float(half)
        return name

    def row(self, label: str, *names: str) -> None:
        """A row of the table: its label and the names of its figures; a cell without a figure stays
        empty."""
        self.cells.append([label, *names])

    def contents(self) -> dict[str, dict]:
        """What the file holds."""
        table = {"rows": {"heads": list(self.heads), "cells": self.cells}} if self.cells else {}
        return {"figures": self.figures, "more": {**table, **self.more}}

    def write(self, path: Path | None) -> None:
        """Write the file, if there is a path."""
        if path is not None:
            path.write_text(
                json.dumps(self.contents(), indent=1, allow_nan=False), encoding="utf-8"
            )
