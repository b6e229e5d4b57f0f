"""The learning curve, and lines and marks in panels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .canvas import COLOURS, figure, save, style


def plot_learning_curve(
    rows: Sequence[Mapping[str, float]] | Mapping[str, Sequence[float] | np.ndarray],
    path: str | Path | None = None,
    chance: float | Sequence[float] | None = None,
    span: int | None = None,
):
    """Plot loss and accuracy against the number of tasks seen: raw values in pale colours, and
    their running means.

    rows     one mapping a row with `tasks` (seen so far) and any of `loss`, `accuracy_before`,
             `accuracy_after` (of the query set, before and after adaptation, 0 to 1; or
             `error_before`, `error_after`) and `validation` (after adaptation, unseen classes);
             missing values, None and NaN are skipped; or the same as columns by name, like the
             `curve` of a finished run or a checkpoint
    path     where to save the figure as well
    chance   accuracy of guessing, drawn as a dotted line (0.2 for five ways); or one per row, if
             the number of classes changes. Raises ValueError for another number of values
    span     rows in a running mean; default: a twentieth of them

    >>> columns = {"tasks": [5, 10, 15], "loss": [1.6, 1.2, 0.9], "accuracy_after": [0.2, 0.4, 0.5]}
    >>> figure = ms.plots.plot_learning_curve(columns, chance=0.2)
    >>> len(figure.axes)
    2
    """
    if isinstance(rows, Mapping):
        rows = [dict(zip(rows, values)) for values in zip(*rows.values())]
    if not rows:
        raise ValueError("rows is empty, expected at least one row of a training record")
    span = span or max(1, len(rows) // 20)
    error = "error_after" in rows[0]
    measure, factor = ("error", 1.0) if error else ("accuracy", 100.0)
    curves = (
        (f"{measure}_before", "before adaptation", "blue", span, "-"),
        (f"{measure}_after", "after adaptation", "vermillion", span, "-"),
        ("validation", "validation" + ": unseen classes" * (not error), "green", 1, "o-"),
    )
    with style():
        fig = figure(7.5, 6.0)
        top, bottom = fig.subplots(2, 1, sharex=True)
        _curve(top, rows, "loss", "query loss after adaptation", "black", span, "-", 1.0)
        adapts = [_curve(bottom, rows, *curve, factor) for curve in curves][0]
        if chance is not None:
            _chance(bottom, rows, chance)
        between = f"One adaptation {'lowers' if error else 'lifts'} before to after"
        title = between if adapts else "Training and validation tasks"
        top.set(ylabel="loss" if error else "loss (nats)", title=title, ylim=(0, None))
        label = "mean squared error" if error else "query accuracy (%)"
        limits = (0, None if error else 102)
        bottom.set(xlabel="meta-training tasks seen", ylabel=label, ylim=limits)
        if span > 1:
            _annotate(top, f"pale: each record; line: mean of {span}", 1, "axes fraction")
        if bottom.get_legend_handles_labels()[0]:
            # above the axes, which the raw values fill
            place = dict(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.3)
            bottom.legend(ncols=3, fontsize=9, **place)
    if path is not None:
        save(fig, path)
    return fig


def _chance(axes, rows, chance):
    """Draw the chance level as a dotted line, which follows the tasks' number of classes."""
    each = np.broadcast_to(chance, len(rows))
    line = dict(color="0.4", linestyle=":", linewidth=1.2)
    levels = each[np.r_[True, each[1:] != each[:-1]]]
    if len(levels) == 1:
        axes.axhline(100 * each[0], **line)
    else:
        axes.plot([row["tasks"] for row in rows], 100 * each, drawstyle="steps-pre", **line)
    text = ", then ".join(f"{100 * level:.3g} %" for level in levels)
    of = "" if len(levels) == 1 else " in training tasks"
    _annotate(axes, f"chance{of}, {text}", 100 * each[-1], ("axes fraction", "data"))


def _annotate(axes, text, y, coordinates):
    """Write a remark at the right end of the axes, just below y."""
    axes.annotate(
        text,
        (1, y),
        (0, -3),
        xycoords=coordinates,
        textcoords="offset points",
        fontsize=8,
        ha="right",
        va="top",
        color="0.3",
    )


def running_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Return running means over the last `span` values, or over fewer at the beginning.

    >>> ms.plots.running_mean(np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist()
    [1.0, 1.5, 2.5, 3.5]
    """
    total = np.concatenate([[0.0], np.cumsum(values, dtype=float)])
    end = np.arange(1, len(total))
    first = np.maximum(end - span, 0)
    return (total[end] - total[first]) / (end - first)


def _curve(axes, rows, key, label, colour, span, line, factor):
    """Draw a column against the tasks seen; return whether there was anything to draw."""
    some = [row for row in rows if row.get(key) is not None and np.isfinite(row[key])]
    tasks = [row["tasks"] for row in some]
    values = factor * np.array([row[key] for row in some], float)
    if some and span > 1:
        axes.plot(tasks, values, color=COLOURS[colour], alpha=0.25, linewidth=0.8)
    if some:
        mean = running_mean(values, span)
        axes.plot(tasks, mean, line, color=COLOURS[colour], label=label, markersize=4)
    return bool(some)


def plot_lines(title: str, panels: Sequence[Mapping[str, Any]]) -> Any:
    """Draw lines and marks, in panels side by side.

    panels   {"title", "xlabel", "ylabel", "log": whether x is, "series": [{"label", "x", "y", and
             "half", half of each interval, if known}, …]}; a single point is drawn as a mark, and a
             legend only where the labels differ from those of the panel before
    """
    named: list[str] = []
    with style():
        fig = figure(4.2 * len(panels), 3.6)
        for axis, panel in zip(fig.subplots(1, len(panels), squeeze=False)[0], panels):
            for one in panel["series"]:
                alone = len(one["x"]) == 1
                how = dict(fmt="*", markersize=10) if alone else dict(fmt="o-", markersize=3)
                axis.errorbar(
                    one["x"], one["y"], yerr=one.get("half"), label=one["label"], capsize=2, **how
                )
            axis.set(**{name: panel[name] for name in ("title", "xlabel", "ylabel")})
            if panel.get("log"):
                ticks = sorted({x for one in panel["series"] for x in one["x"]})
                axis.set_xscale("log")
                axis.set_xticks(ticks, list(map(str, ticks)))
                axis.minorticks_off()
            axis.grid(color="0.9")
            if named != (named := [one["label"] for one in panel["series"]]):
                axis.legend(fontsize=8)
        fig.suptitle(title)
    return fig
