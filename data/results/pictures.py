"""Pictures of records."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.files import write_whole
from minisnn.plots.canvas import COLOURS, figure, save, style

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
    the interval leaves zero out: blue above zero, red below."""
    cells = [[cell or "" for cell in row[1:]] for row in rows]
    values = np.array(
        [[float(cell.split()[0]) if cell else np.nan for cell in row] for row in cells]
    )
    largest = max(1.0, float(np.nanmax(np.abs(values), initial=0)))
    with style():
        fig = figure(1.55 + 1.05 * len(header), 1.2 + 0.34 * len(rows))
        axes = fig.subplots()
        how = dict(cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
        shown = axes.imshow(values, **how)
        for row, column in np.argwhere(np.isfinite(values)):
            text = f"{values[row, column]:+.1f}" + "*" * cells[row][column].endswith("*")
            colour = "white" if abs(values[row, column]) > 0.6 * largest else COLOURS["black"]
            place = dict(ha="center", va="center", fontsize="small")
            axes.text(column, row, text, color=colour, **place)
        axes.set_xticks(range(len(header) - 1), [name.replace(", ", ",\n") for name in header[1:]])
        axes.set_yticks(range(len(rows)), [str(row[0]) for row in rows])
        axes.set_title(title)
        if any(cell.endswith("*") for row in cells for cell in row):
            axes.set_xlabel("*: its interval leaves zero out")
        fig.colorbar(shown, ax=axes, label="points")
    return fig
