"""Pictures of sounds, (T, units): the unit of every event against its time."""

from typing import NamedTuple

import numpy as np

from .canvas import COLOURS, figure, plain, style

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


def plot_units(x: np.ndarray, title: str | None = None):
    """Raster of one recording (T, units): the time of every event against its unit, and how many
    there are in a step."""
    steps, units = x.shape
    with style():
        fig = figure(7.5, 5.6)
        above, rate = fig.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        step, unit = np.nonzero(x)
        many = np.minimum(x[step, unit], 4)
        colour = COLOURS["vermillion"]
        above.scatter(step, unit, s=2.5 * many, color=colour, linewidths=0)
        above.set(ylabel="unit", ylim=(-0.5, units - 0.5))
        rate.step(np.arange(steps), x.sum(1), where="mid", color=colour, linewidth=1.2)
        rate.set(ylabel="events\na step", xlabel="time (steps)", xlim=(-1, steps), ylim=(0, None))
        words = title or "A recording: which units fire, step by step"
        fig.suptitle(f"{plain(words)}; {int(x.sum())} events", x=0.02, ha="left")
        fig.align_ylabels()
    return fig


def plot_rasters(rows: dict[str, list[tuple[str, np.ndarray]]], units: int, more: str = ""):
    """Contact sheet of recordings of units (events in one row, x the unit), one row for each class,
    as they were recorded."""
    columns = max(map(len, rows.values()))
    longest = max(np.ptp(events["t"]) for some in rows.values() for _, events in some) / 1000
    with style():
        fig = figure(1.0 + 1.9 * columns, 1.0 + 2.1 * len(rows))
        grid = fig.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
        for line, (label, some) in zip(grid, rows.items()):
            line[0].set_ylabel(f"{plain(label[:20])}\nunit")
            for axes in line[len(some) :]:
                axes.set_axis_off()
            for axes, (name, events) in zip(line, some):
                time = (events["t"] - events["t"].min()) / 1000
                axes.scatter(time, events["x"], s=1, color=COLOURS["vermillion"], linewidths=0)
                axes.set(xlim=(0, max(longest, 1)), ylim=(-0.5, units - 0.5))
                axes.set_title(
                    f"{plain(name[-24:])}\n{len(events):,} in {time.max() / 1000:.3g} s", fontsize=6
                )
        for axes in grid[-1]:
            axes.set_xlabel("time (ms)")
        fig.suptitle(
            f"All events of a recording: whole, and alike within a class?\n({units} units{more})"
        )
    return fig
