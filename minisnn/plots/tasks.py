"""Pictures of a task: its recordings, a raster, an animation, what one adaptation changes."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..data.readers.events import event_map
from ..files import write_whole
from ..core.loss import softmax
from ..meta.tasks import Task
from .canvas import COLOURS, figure, plain, style
from .sounds import Look, look_of_sounds, plot_rasters, plot_units

ON, OFF = COLOURS["vermillion"], COLOURS["blue"]
MOST_ROWS = 20  # of a contact sheet
SHORT_NAME = 3  # characters of a class's name that stands level below its bars
LEGEND = "orange ON, blue OFF, dark both"


def event_picture(counts: np.ndarray, most: float | None = None) -> np.ndarray:
    """Counts (H, W, 2) as a picture (H, W, 3): white without events, vermillion ON, blue OFF, dark
    where both.

    Each polarity takes light away in proportion to the square root of its count; `most` is the
    count of full colour.

    >>> picture = ms.plots.event_picture(np.zeros((8, 8, 2)))
    >>> picture.shape, float(picture.min())
    ((8, 8, 3), 1.0)
    """
    counts = np.asarray(counts, float)
    most = most or max(counts.max(), 1.0)
    shade = np.sqrt(np.clip(counts / most, 0, 1))[..., None]
    rgb = [np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255 for colour in (OFF, ON)]
    off, on = (1 - shade[..., channel, :] * (1 - rgb[channel]) for channel in (0, 1))
    return off * on


def plot_task(task: Task, queries: int = 5):
    """The samples of a task as pictures, ON and OFF events summed over time: support on top, query
    below (Fig. 2); of sounds (T, units) as rasters, unit over time.

    queries   at most so many query samples of each class are shown

    >>> x = np.random.default_rng(0).poisson(0.1, (2, 20, 8, 8, 2)).astype(np.uint8)
    >>> task = ms.Task(x, [0, 1], x, [0, 1])
    >>> figure = ms.plots.plot_task(task)
    >>> len(figure.axes)
    4
    """
    look = _look(task)
    total_support = look.support
    total_query = look.query
    columns = [
        (total_support[task.y_support == way], total_query[task.y_query == way][:queries])
        for way in range(task.ways)
    ]
    shots = max(len(support) for support, _ in columns)
    shown = max(len(query) for _, query in columns)
    most = np.quantile(
        np.concatenate([total_support[total_support > 0], total_query[total_query > 0], [1.0]]),
        0.98,
    )
    steps = task.x_support.shape[1]
    with style():
        parts = [f"support {k + 1}" for k in range(shots)] + [
            f"query {k + 1}" for k in range(shown)
        ]
        fig, grid = _grid(task, parts, 1.1 + len(parts) * (0.25 + 1.75 * look.ratio), look)
        for way, (support, query) in enumerate(columns):
            for row, axes in enumerate(grid[:, way]):
                pictures, place = (support, row) if row < shots else (query, row - shots)
                if place >= len(pictures):
                    axes.set_axis_off()
                    continue
                axes.imshow(event_picture(pictures[place], most), aspect=look.aspect)
                _frame(axes, COLOURS["black"] if row < shots else "0.7", look.rows)
        fig.suptitle(
            f"Learn {task.ways} classes from {shots} recording{'s' * (shots > 1)} of each, "
            f"name the rest\n(events of {steps} time steps; {look.legend})"
        )
    return fig


def plot_sheet(
    shown: Mapping[str, list[tuple[str, np.ndarray]]], sensor: tuple[int, ...] | None = None
):
    """Contact sheet of recordings, one row for each class, pixels as they were recorded, row 0 on
    top.

    shown    for every class, (name, events) of some recordings; at most MOST_ROWS classes are drawn
    sensor   its rows and columns, or (n,) of a row of units, which is drawn as rasters; None: as far
             as events reach. Events beyond it are left out, and the title says so

    >>> events = ms.EventCamera(sensor=(16, 16), picture_px=14).record(np.eye(14), seed=0, duration_ms=50)
    >>> figure = ms.plots.plot_sheet({"a diagonal": [("first", events)]})
    >>> len(figure.axes)
    1
    """
    rows = {name: some for name, some in list(shown.items())[:MOST_ROWS] if some}
    if not rows:
        raise ValueError("there is no recording to draw; expected one that can be read")
    more = f"; {len(shown) - len(rows)} classes are not shown" if len(shown) > len(rows) else ""
    if sensor is not None and len(sensor) == 1:
        return plot_rasters(rows, sensor[0], more)
    reach = [
        (int(events["y"].max()) + 1, int(events["x"].max()) + 1)
        for some in rows.values()
        for _, events in some
    ]
    height, width = sensor or (int(max(r for r, _ in reach)), int(max(c for _, c in reach)))
    columns = max(map(len, rows.values()))
    with style():
        fig = figure(1.0 + 1.9 * columns, 1.0 + len(rows) * (0.5 + 1.75 * height / width))
        grid = fig.subplots(len(rows), columns, squeeze=False)
        for line, (label, some) in zip(grid, rows.items()):
            line[0].set_ylabel(f"{plain(label[:20])}\ny (px)")
            for axes in line[len(some) :]:
                axes.set_axis_off()
            for axes, (name, events) in zip(line, some):
                inside = (
                    (events["x"] >= 0)
                    & (events["y"] >= 0)
                    & (events["x"] < width)
                    & (events["y"] < height)
                )
                counts = event_map(events[inside], (height, width))
                axes.imshow(
                    event_picture(
                        counts, max(np.quantile(counts[counts > 0], 0.98), 1) if inside.any() else 1
                    )
                )
                _frame(axes, "0.7")
                seconds = (events["t"].max() - events["t"].min()) / 1e6
                left = f", {np.sum(~inside):,} outside" if not inside.all() else ""
                axes.set_title(
                    f"{plain(name[-24:])}\n{len(events):,} in {seconds:.3g} s{left}", fontsize=6
                )
        for axes in grid[-1]:
            axes.set_xlabel("x (px)")
        fig.suptitle(
            "All events of a recording, row 0 on top: upright, whole and alike within a "
            f"class?\n({LEGEND}{more})"
        )
    return fig


def _grid(task: Task, parts: list[str], height: float, look: Look):
    """(figure, axes) of a row a part and a column a class, named at the rims; height in inches."""
    fig = figure(1.0 + 1.9 * task.ways, height)
    grid = fig.subplots(len(parts), task.ways, squeeze=False, sharex=True, sharey=True)
    for line, part in zip(grid, parts):
        line[0].set_ylabel(f"{part}\n{look.y_label}")
    for way in range(task.ways):
        grid[0, way].set_title(f"class {_name(task, way)}", fontweight="bold")
        grid[-1, way].set_xlabel(look.x_label)
    return fig, grid


def plot_answers(task: Task, before: np.ndarray, after: np.ndarray, updates: int = 1):
    """What one adaptation changes: a support and a query sample of each class, and the network's
    belief in every class.

    before, after   logits (queries, ways) of the query samples before and after learning the support
    updates         weight updates that led from one to the other; 0: class means alone, say

    >>> x = np.random.default_rng(0).poisson(0.1, (2, 20, 8, 8, 2)).astype(np.uint8)
    >>> task = ms.Task(x, [0, 1], x, [0, 1])
    >>> figure = ms.plots.plot_answers(task, np.zeros((2, 2)), np.eye(2))
    >>> len(figure.axes)
    6
    """
    look = _look(task)
    x_support, x_query = look.support, look.query
    if np.shape(before) != (len(x_query), task.ways) or np.shape(after) != np.shape(before):
        raise ValueError(
            f"before and after must be logits of shape ({len(x_query)}, {task.ways}), not "
            f"{np.shape(before)} and {np.shape(after)}"
        )
    most = np.quantile(
        np.concatenate([x_support[x_support > 0], x_query[x_query > 0], [1.0]]), 0.98
    )
    names = [_name(task, way) for way in range(task.ways)]
    right = [100 * np.mean(np.argmax(logits, 1) == task.y_query) for logits in (before, after)]
    then = {0: "after", 1: "after one step"}.get(updates, f"after {updates} steps")
    with style():
        fig = figure(1.0 + 1.9 * task.ways, 3.0 + 2 * (0.25 + 1.75 * look.ratio))
        grid = fig.subplots(3, task.ways, squeeze=False, height_ratios=(1, 1, 1.4))
        for way in range(task.ways):
            query = int(np.flatnonzero(task.y_query == way)[0])
            pictures = x_support[task.y_support == way][0], x_query[query]
            for axes, picture, colour in zip(grid[:, way], pictures, (COLOURS["black"], "0.7")):
                axes.imshow(event_picture(picture, most), aspect=look.aspect)
                _frame(axes, colour)
                axes.set(xticks=(), yticks=())
            grid[0, way].set_title(f"class {names[way]}", fontweight="bold")
            bars = grid[2, way]
            place = np.arange(task.ways)
            belief = [100 * softmax(logits[query : query + 1])[0] for logits in (before, after)]
            bars.bar(place - 0.2, belief[0], 0.4, color="0.7", label="before")
            bars.bar(place + 0.2, belief[1], 0.4, color=COLOURS["vermillion"], label=then)
            bars.set(xticks=place, xticklabels=names, ylim=(0, 105), yticks=(0, 50, 100))
            bars.get_xticklabels()[way].set_fontweight("bold")
            if max(map(len, names)) > SHORT_NAME:
                bars.tick_params(axis="x", rotation=60)
            if way:
                bars.set_yticklabels(())
        for row, text in enumerate(
            ("learned from\nthis one", "asked to name\nthis one", "belief (%)")
        ):
            grid[row, 0].set_ylabel(text)
        fig.supxlabel("class; the true one in bold", fontsize=10)
        grid[2, -1].legend(fontsize=8, loc="best")
        fig.suptitle(
            f"{_lesson(task, updates)}: {right[0]:.0f} % right before, "
            f"{right[1]:.0f} % after, of {len(task.y_query)} query recordings\n(events of "
            f"{task.x_query.shape[1]} time steps; {look.legend})"
        )
    return fig


def _lesson(task: Task, updates: int) -> str:
    """What is learned from, and in how many weight updates."""
    shots = int(np.bincount(task.y_support).max())
    support = "One recording" if shots == 1 else f"{shots} recordings"
    steps = {0: "no weight update", 1: "one weight update"}.get(
        updates, f"{updates} weight updates"
    )
    return f"{support} of each class, {steps}"


def plot_raster(x: np.ndarray, title: str | None = None):
    """Rasters of one recording (T, H, W, 2): the time of every event against its pixel row, and
    against its pixel column; of one of sounds (T, units) against its unit.

    >>> x = np.random.default_rng(0).poisson(0.1, (20, 8, 8, 2))
    >>> figure = ms.plots.plot_raster(x)
    >>> len(figure.axes)
    3
    """
    x = np.asarray(x)
    if x.ndim == 2:
        return plot_units(x, title)
    if x.ndim != 4 or x.shape[-1] != 2:
        raise ValueError(
            f"x has shape {x.shape}, expected one recording (T, H, W, 2) or (T, units)"
        )
    steps, height, width, _ = x.shape
    counts = [int(x[..., channel].sum()) for channel in (0, 1)]
    with style():
        fig = figure(7.5, 5.6)
        above, below, rate = fig.subplots(
            3, 1, sharex=True, height_ratios=(height + 6, width + 6, 14)
        )
        for channel, name, colour, shift in ((1, "ON", ON, -0.15), (0, "OFF", OFF, 0.15)):
            step, row, column = np.nonzero(x[..., channel])
            many = np.minimum(x[step, row, column, channel], 4)
            above.scatter(
                step,
                row + shift,
                s=2.5 * many,
                color=colour,
                linewidths=0,
                label=f"{name} ({counts[channel]} events)",
            )
            below.scatter(step, column + shift, s=2.5 * many, color=colour, linewidths=0)
            rate.step(
                np.arange(steps),
                x[..., channel].sum(axis=(1, 2)),
                where="mid",
                color=colour,
                linewidth=1.2,
            )
        above.set(ylabel="row y (px)", ylim=(height - 0.5, -0.5))
        fig.suptitle(
            plain(title or "A recording: where its events lie, step by step"), x=0.02, ha="left"
        )
        below.set(ylabel="column x (px)", ylim=(-0.5, width - 0.5))
        rate.set(ylabel="events\na step", xlabel="time (steps)", xlim=(-1, steps))
        above.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=2,
            markerscale=3,
            borderaxespad=0,
            fontsize=9,
        )
        fig.align_ylabels()
    return fig


def animate_task(task: Task, path: str | Path, window: int = 5, milliseconds: int = 80) -> Path:
    """Write a GIF of the task's support and of the first query sample of each class, slowed down.
    Returns its path.

    window         time steps whose events one picture shows
    milliseconds   for which one picture stays

    >>> x = np.random.default_rng(0).poisson(0.1, (2, 20, 8, 8, 2)).astype(np.uint8)
    >>> task = ms.Task(x, [0, 1], x, [0, 1])
    >>> ms.plots.animate_task(task, "task.gif", window=10).name
    'task.gif'
    """
    from PIL import Image  # comes with matplotlib

    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(
            f"{path}: an animation cannot be written as "
            f"{path.suffix or 'a file without ending'!r}, expected .gif"
        )
    if task.x_support.ndim == 3:
        raise ValueError(
            "a sound is no picture that moves; draw its raster (plot_raster) in place of an animation"
        )
    look = _look(task)
    x_support, x_query = task.x_support, task.x_query
    steps, height, width = x_support.shape[1:4]
    with style():
        fig, grid = _grid(task, ["support", "query"], 1.1 + 2 * (0.3 + 1.75 * look.ratio), look)
        fig.set_dpi(80)
        images = []
        for line, x, y, colour in zip(
            grid, (x_support, x_query), (task.y_support, task.y_query), (COLOURS["black"], "0.7")
        ):
            for way, axes in enumerate(line):
                if not (y == way).any():
                    axes.set_axis_off()
                    continue
                images.append(
                    (axes, axes.imshow(np.ones((height, width, 3)), animated=True), x[y == way][0])
                )
                _frame(axes, colour)
        headline = fig.suptitle(" \n ", animated=True)
        fig.canvas.draw()
        # all that stays: drawing it takes most of the time
        ground = fig.canvas.copy_from_bbox(fig.bbox)
        pictures = []
        for first in range(0, steps, window):
            fig.canvas.restore_region(ground)
            headline.set_text(f"steps {first:3d} to {min(first + window, steps):3d}\n({LEGEND})")
            fig.draw_artist(headline)
            for axes, image, sample in images:
                image.set_data(event_picture(sample[first : first + window].sum(axis=0), 2))
                for artist in (image, *axes.spines.values()):
                    axes.draw_artist(artist)
            pictures.append(Image.fromarray(np.array(fig.canvas.buffer_rgba())[..., :3]))
    image = io.BytesIO()
    pictures[0].save(
        image,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        loop=0,
        duration=milliseconds,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, image.getvalue())
    return path


def _look(task: Task) -> Look:
    """How the samples of a task are drawn."""
    check_drawn(task)
    if task.x_support.ndim == 3:
        return look_of_sounds(task.x_support, task.x_query)
    if task.x_support.ndim != 5 or task.x_support.shape[-1] != 2:
        raise ValueError(
            f"the task's samples have shape {task.x_support.shape[1:]}, expected event counts (T, "
            "H, W, 2) or (T, units)"
        )
    support, query = (x.sum(axis=1, dtype=float) for x in (task.x_support, task.x_query))
    return Look(support, query, "y (px)", "x (px)", None, LEGEND)


def check_drawn(task: Task) -> None:
    """ValueError for a task that is drawn class by class and has none."""
    if task.real:
        raise ValueError(
            f"the task has real targets of {task.ways} outputs; expected labels, since samples are "
            "drawn by class"
        )


def _name(task: Task, way: int) -> str:
    return plain(task.classes[way]) if task.classes else str(way)


def _frame(axes, colour, told: tuple[int, int] | None = None):
    """A frame, and ticks of whole pixels; told: what the first and the last row are called."""
    rows, columns = axes.images[0].get_size()
    axes.set(xticks=(0, columns // 2, columns - 1), yticks=(0, rows - 1))
    if told is not None:
        axes.set_yticklabels(told)
    axes.tick_params(labelsize=7, length=2)
    for spine in axes.spines.values():
        spine.set(visible=True, color=colour, linewidth=1.2)
