"""How samples of a task are drawn; sounds, (T, units), as the unit of every event against its
time."""

from typing import NamedTuple

import numpy as np

MOST_ROWS = 100  # of a small picture: units are summed, so that none is lost between its pixels


class Look(NamedTuple):
    """How samples of a task are drawn: one picture (height, width, 2) of each, its axes, the shape
    of its panel (height / width; None: of its pixels), what the colours say, and what the first and
    the last row are called (None: by their numbers)."""

    support: np.ndarray
    query: np.ndarray
    y_label: str
    x_label: str
    panel: float | None
    legend: str
    rows: tuple[int, int] | None = None

    @property
    def ratio(self) -> float:
        """Height / width of a panel."""
        height, width = self.support.shape[1:3]
        return height / width if self.panel is None else self.panel

    @property
    def aspect(self) -> str:
        """As matplotlib's `imshow` takes it."""
        return "equal" if self.panel is None else "auto"


def look_of_sounds(support: np.ndarray, query: np.ndarray) -> Look:
    """Of samples (B, T, units): low units at the bottom, time from left to right."""
    told = support.shape[2] - 1, 0
    first, second = raster_pictures(support), raster_pictures(query)
    return Look(first, second, "unit", "time (steps)", 1.0, "orange: events of a unit", told)


def raster_pictures(x: np.ndarray) -> np.ndarray:
    """Samples (B, T, units) as pictures (B, rows, T, 2), row 0 the highest units, as many summed in
    each row as are needed for MOST_ROWS."""
    samples, steps, units = x.shape
    each = -(-units // MOST_ROWS)
    rows = -(-units // each)
    padded = np.zeros((samples, steps, rows * each))
    padded[..., :units] = x
    summed = padded.reshape(samples, steps, rows, each).sum(-1)
    pictures = np.zeros((samples, rows, steps, 2))
    pictures[..., 1] = summed.transpose(0, 2, 1)[:, ::-1]
    return pictures
