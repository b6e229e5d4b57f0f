"""Pictures of records."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.files import write_whole
from minisnn.plots.canvas import COLOURS, figure, save, style

GROUPS = {  # panels of accuracies: each has an axis of its own
    "nothing learned": {
        "random": ("random network, class means", "v", "orange"),
        "frames": ("summed frames, class means", "^", "sky"),
    },
    "trained": {
        "pretrained": ("ordinary classifier, class means", "D", "green"),
        "own": ("this network, class means", "s", "vermillion"),
        "accuracy": ("this network, its own rule", "o", "blue"),
    },
}


def keep(path: Path, fig: Any) -> None:
    """Write a picture, a sixth smaller than it was saved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save(fig, path)
    text = re.sub(r"\n\s+", "\n", path.read_text(encoding="utf-8"))
    write_whole(path, re.sub(r"(\d\.\d{2})\d+(?=[^<>]*>)", r"\1", text).encode())


def dots(title: str, labels: Sequence[str], rows: Sequence[Mapping[str, Mapping]]) -> Any:
    """Accuracies as dots with their intervals, a line for each record: on the left the baselines,
    on the right, with an axis of its own, the trained networks."""
    with style():
        fig = figure(8.6, 1.5 + 0.5 * len(rows))
        panels = fig.subplots(1, 2, sharey=True, width_ratios=(1, 2))
        for axes, (name, kinds) in zip(panels, GROUPS.items()):
            for step, (kind, (label, marker, colour)) in enumerate(kinds.items()):
                figures = [row[kind] for row in rows]
                axes.errorbar(
                    [100 * each["value"] for each in figures],
                    np.arange(len(rows)) + 0.22 * (step - (len(kinds) - 1) / 2),
                    xerr=[100 * each["half"] for each in figures],
                    fmt=marker,
                    color=COLOURS[colour],
                    markersize=5,
                    capsize=2,
                    label=label,
                )
            axes.set(xlabel="accuracy (%)", title=name)
            axes.set_yticks(range(len(rows)), labels)
            axes.grid(axis="x", color="0.9")
        panels[0].invert_yaxis()
        panels[1].set_xlim(right=100.5)
        fig.suptitle(title)
        fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    return fig


def curves(title: str, found: Mapping[str, Mapping[str, Any]]) -> Any:
    """Time and added memory relative to the smallest case, a panel for each quantity.

    found   {name: {"label": of the axis, "x": [number, …], "seconds": [number, …], "MB": [number,
            …]}}
    """
    with style():
        fig = figure(9.0, 4.6)
        panels = fig.subplots(2, -(-(len(found) + 1) // 2)).flat
        for axes, each in zip(panels, found.values()):
            for key, label, line in (("seconds", "time", "o-"), ("MB", "memory", "s--")):
                colour = COLOURS["blue" if key == "seconds" else "vermillion"]
                ratios = np.divide(each[key], each[key][0])
                axes.plot(each["x"], ratios, line, color=colour, markersize=4, label=label)
            axes.set(xlabel=each["label"], ylim=(0, None))
            axes.grid(color="0.9")
        *_, last = panels = fig.axes
        last.axis("off")
        last.legend(*panels[0].get_legend_handles_labels(), loc="center")
        fig.supylabel("times the smallest case")
        fig.suptitle(title)
    return fig


def differences(title: str, header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Any:
    """A map of a table of differences: names, then cells such as "+1.20 ± 0.80*", with a star where
    the interval excludes zero: blue above zero, red below."""
    cells = [[cell or "" for cell in row[1:]] for row in rows]
    values = np.array(
        [[float(cell.split()[0]) if cell else np.nan for cell in row] for row in cells]
    )
    least, largest = np.nanmin(values), np.nanmax(values)
    reach = max(1.0, -least, largest)
    with style():
        fig = figure(1.55 + 1.05 * len(header), 1.2 + 0.34 * len(rows))
        axes = fig.subplots()
        image = axes.imshow(values, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
        for row, column in np.argwhere(np.isfinite(values)):
            text = f"{values[row, column]:+.1f}" + "*" * cells[row][column].endswith("*")
            colour = "white" if abs(values[row, column]) > 0.6 * reach else COLOURS["black"]
            axes.text(column, row, text, color=colour, ha="center", va="center")
        axes.set_xticks(range(len(header) - 1), [name.replace(", ", ",\n") for name in header[1:]])
        axes.set_yticks(range(len(rows)), [str(row[0]) for row in rows])
        axes.set_title(title)
        if any(cell.endswith("*") for row in cells for cell in row):
            axes.set_xlabel("*: the interval excludes zero")
        bar = fig.colorbar(image, ax=axes, label="points")
        bar.ax.set_ylim(least, max(largest, 0))  # no colours that no cell has
    return fig


def bars(title: str, pairs: Mapping[str, Sequence[float]]) -> Any:
    """Milliseconds of minisnn and PyTorch, a pair of bars for each case, from seconds."""
    with style():
        fig = figure(5.6, 0.9 + 0.75 * len(pairs))
        axes = fig.subplots()
        for line, (ours, theirs) in enumerate(1000 * np.array(list(pairs.values()))):
            axes.barh(
                [line - 0.2, line + 0.2], [ours, theirs], 0.36, color=[COLOURS["blue"], "0.75"]
            )
            axes.text(ours + 10, line - 0.2, f"minisnn {ours:.0f} ms", va="center")
            text = f"PyTorch {theirs:.0f} ms, {theirs / ours:.1f} times as long"
            axes.text(theirs - 10, line + 0.2, text, va="center", ha="right")
        axes.set(xlabel="milliseconds", title=title)
        axes.set_yticks(range(len(pairs)), list(pairs))
        axes.invert_yaxis()
    return fig
