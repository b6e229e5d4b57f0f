"""Pictures of records."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.files import write_whole
from minisnn.plots.canvas import COLOURS, figure, save, style
from minisnn.plots.differences import plot_differences

PANELS = {"seconds": COLOURS["blue"], "MB": COLOURS["vermillion"]}


def keep(path: Path, fig: Any) -> None:
    """Write a picture, a sixth smaller than it was saved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save(fig, path)
    text = re.sub(r"\n\s+", "\n", path.read_text(encoding="utf-8"))
    write_whole(path, re.sub(r"(\d\.\d{2})\d+", r"\1", text).encode())


def curves(title: str, found: Mapping[str, Mapping[str, Any]]) -> Any:
    """Seconds, and megabytes below, against one quantity after the other.

    found   {name: {"label": of the axis, "x": [number, …], "seconds": [number, …], "MB": [number,
            …]}}
    """
    with style():
        fig = figure(2.1 * len(found) + 0.4, 4.4)
        axes = fig.subplots(len(PANELS), len(found), sharex="col", squeeze=False)
        for column, one in zip(axes.T, found.values()):
            for axis, (unit, colour) in zip(column, PANELS.items()):
                axis.plot(one["x"], one[unit], "o-", color=colour, markersize=4)
                axis.set_ylim(0, 1.05 * max(one[unit]))
                axis.grid(color="0.9")
            column[-1].set_xlabel(one["label"])
        for axis, unit in zip(axes[:, 0], PANELS):
            axis.set_ylabel(unit)
        fig.suptitle(title)
    return fig


def differences(title: str, header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Any:
    """A map of a table of differences: names, then cells such as "+1.20 ± 0.80*", with a star where
    the interval leaves zero out."""
    cells = [[cell or "" for cell in row[1:]] for row in rows]
    values = [[float(cell.split()[0]) if cell else np.nan for cell in row] for row in cells]
    sure = [[cell.endswith("*") for cell in row] for row in cells]
    names = [str(row[0]) for row in rows]
    return plot_differences(np.array(values), np.array(sure), names, list(header[1:]), title)
