"""Differences of accuracies by case and rule, as a map."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .canvas import COLOURS, figure, style

ROW, COLUMN = 0.34, 1.05  # inches of a cell


def plot_differences(
    values: np.ndarray,
    sure: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str = "",
) -> Any:
    """A map of differences in points: blue where they are above zero, red where below; a figure.

    values   points (rows, columns); NaN where there is none
    sure     bool (rows, columns): whether its interval leaves zero out; it gets a star, which is explained below
    Raises ValueError where shapes and names do not agree.

    >>> values = np.array([[1.5, -3.0], [0.2, np.nan]])
    >>> figure = ms.plots.plot_differences(values, values > 1, ["turned", "late"], ["MAML", "FOMAML"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['+1.5*', '-3.0', '+0.2']
    """
    values = np.asarray(values, float)
    shape = len(rows), len(columns)
    if values.shape != shape or np.shape(sure) != shape:
        raise ValueError(
            f"values have shape {values.shape} and sure {np.shape(sure)}, expected {shape} by the "
            "names of rows and columns"
        )
    largest = max(1.0, float(np.nanmax(np.abs(values), initial=0)))
    with style():
        fig = figure(2.6 + COLUMN * len(columns), 1.2 + ROW * len(rows))
        axes = fig.subplots()
        shown = axes.imshow(values, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
        for row, column in np.argwhere(np.isfinite(values)):
            one = values[row, column]
            axes.text(
                column,
                row,
                f"{one:+.1f}" + "*" * bool(sure[row][column]),
                ha="center",
                va="center",
                fontsize="small",
                color="white" if abs(one) > 0.6 * largest else COLOURS["black"],
            )
        axes.set_xticks(range(len(columns)), [name.replace(", ", ",\n") for name in columns])
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_title(title)
        if np.any(sure):
            axes.set_xlabel("*: its interval leaves zero out")
        fig.colorbar(shown, ax=axes, label="points")
    return fig
