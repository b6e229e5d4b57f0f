"""Pictures of a task: its recordings, a raster, an animation, and what one adaptation changes; for
regression, its targets and the answers to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import need
from ..data.readers.events import event_map
from ..files import whole_file
from ..core.loss import softmax
from ..meta.tasks import Task
from .canvas import COLOURS, figure, plain, style

ON = COLOURS["vermillion"]
OFF = COLOURS["blue"]
MOST_ROWS = 20  # in a contact sheet
MOST_LINES = 100  # in a small picture: units are summed, so that none is lost between its pixels
WIDTH = 128  # pixels of a recording in an animation
SHORT_NAME = 3  # characters of a class's name that stands level below its bars
LEGEND = "orange ON, blue OFF, dark both"


class Look(NamedTuple):
    """How a task's samples are drawn: a picture (height, width, 2) of each, its axes, the panel's
    height / width (None: that of the pixels), the meaning of the colours, and the names of the
    first and last row (None: their numbers)."""

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
        """The aspect for matplotlib's `imshow`."""
        return "equal" if self.panel is None else "auto"


def raster_pictures(x: np.ndarray) -> np.ndarray:
    """Convert samples (B, T, units) to pictures (B, rows, T, 2), the highest units in row 0; units
    are summed so that there are at most MOST_LINES rows."""
    samples, steps, units = x.shape
    each = -(-units // MOST_LINES)
    rows = -(-units // each)
    padded = np.zeros((samples, steps, rows * each))
    padded[..., :units] = x
    summed = padded.reshape(samples, steps, rows, each).sum(-1)
    pictures = np.zeros((samples, rows, steps, 2))
    pictures[..., 1] = summed.transpose(0, 2, 1)[:, ::-1]
    return pictures


def event_picture(counts: np.ndarray, most: float | None = None) -> np.ndarray:
    """Convert counts (H, W, 2) to a picture (H, W, 3): white without events, vermillion ON, blue
    OFF, dark where both.

    Each polarity absorbs light in proportion to the square root of its count; `most` is the count
    of full colour.

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
    """Draw the samples of a task as pictures of ON and OFF events summed over time, support on top,
    query below (Fig. 2); sounds (T, units) as rasters, unit over time. For regression, draw the
    targets: over time, or else over the mean unit that fires, or sample by sample for a camera.

    queries   largest number of query samples shown of each class, or of targets over time

    >>> x = np.random.default_rng(0).poisson(0.1, (2, 20, 8, 8, 2)).astype(np.uint8)
    >>> task = ms.Task(x, [0, 1], x, [0, 1])
    >>> figure = ms.plots.plot_task(task)
    >>> len(figure.axes)
    4
    """
    if task.real:
        words = f"Targets; support samples to learn from: {len(task.y_support)}"
        return _plot_targets(task, {}, words, queries)
    look = _look(task)
    columns = [
        (look.support[task.y_support == way], look.query[task.y_query == way][:queries])
        for way in range(task.ways)
    ]
    shots, shown = (max(map(len, several)) for several in zip(*columns))
    most = _most(look.support, look.query)
    parts = [f"support {k + 1}" for k in range(shots)] + [f"query {k + 1}" for k in range(shown)]
    with style():
        fig = figure(1.0 + 1.9 * task.ways, 1.1 + len(parts) * (0.25 + 1.75 * look.ratio))
        grid = fig.subplots(len(parts), task.ways, squeeze=False, sharex=True, sharey=True)
        for line, part in zip(grid, parts):
            line[0].set_ylabel(f"{part}\n{look.y_label}")
        for way, (support, query) in enumerate(columns):
            grid[0, way].set_title(f"class {_name(task, way)}", fontweight="bold")
            grid[-1, way].set_xlabel(look.x_label)
            _draw(grid[:shots, way], support, COLOURS["black"], most, look)
            _draw(grid[shots:, way], query, "0.7", most, look)
        fig.suptitle(
            f"Learn {task.ways} classes from {shots} recording{'s' * (shots > 1)} of each, "
            f"name the rest\n(events of {task.x_support.shape[1]} time steps; {look.legend})"
        )
    return fig


def _most(*pictures: np.ndarray) -> float:
    """Return the count drawn in full colour: the 98th percentile."""
    lit = [picture[picture > 0] for picture in pictures]
    return float(np.quantile(np.concatenate([*lit, [1.0]]), 0.98))


def _draw(line, pictures: np.ndarray, colour: str, most: float, look: Look) -> None:
    """Draw a picture on each of the axes, and hide unused axes."""
    for axes in line[len(pictures) :]:
        axes.set_axis_off()
    for axes, picture in zip(line, pictures):
        axes.imshow(event_picture(picture, most), aspect=look.aspect)
        _frame(axes, colour, look.rows)


def plot_sheet(
    shown: Mapping[str, list[tuple[str, np.ndarray]]], sensor: tuple[int, ...] | None = None
):
    """Draw a contact sheet of recordings, one row for each class, in the sensor's pixels with row 0
    on top.

    shown    for every class, (name, events) of some recordings; at most MOST_ROWS classes are drawn
    sensor   (rows, columns), or (n,) for a row of units, which is drawn as rasters; None: as far
             as events reach. Events outside are left out, and the title says so

    >>> events = ms.EventCamera(sensor=(16, 16), picture_px=14).record(np.eye(14), seed=0, duration_ms=50)
    >>> figure = ms.plots.plot_sheet({"a diagonal": [("first", events)]})
    >>> len(figure.axes)
    1
    """
    rows = {name: some for name, some in list(shown.items())[:MOST_ROWS] if some}
    need("recordings", "nothing to draw", rows, "one or more that can be read")
    more = f"; {len(shown) - len(rows)} classes are not shown" if len(shown) > len(rows) else ""
    every = [events for some in rows.values() for _, events in some]
    units = sensor[0] if sensor is not None and len(sensor) == 1 else 0
    reach = (max(int(events[axis].max()) + 1 for events in every) for axis in "yx")
    height, width = (1, 1) if units else sensor or reach
    longest = max(np.ptp(events["t"]) for events in every) / 1000
    columns = max(map(len, rows.values()))
    tall = 2.1 if units else 0.5 + 1.75 * height / width
    with style():
        fig = figure(1.0 + 1.9 * columns, 1.0 + len(rows) * tall)
        share = dict(sharex=bool(units), sharey=bool(units))
        grid = fig.subplots(len(rows), columns, squeeze=False, **share)
        for line, (label, some) in zip(grid, rows.items()):
            line[0].set_ylabel(f"{plain(label[:20])}\n{'unit' if units else 'y (px)'}")
            for axes in line[len(some) :]:
                axes.set_axis_off()
            for axes, (name, events) in zip(line, some):
                time = (events["t"] - events["t"].min()) / 1000
                words = f"{plain(name[-24:])}\n{len(events):,} in {time.max() / 1000:.3g} s"
                if units:
                    axes.scatter(time, events["x"], s=1, color=ON, linewidths=0)
                    axes.set(xlim=(0, max(longest, 1)), ylim=(-0.5, units - 0.5))
                else:
                    inside = (events["y"] < height) & (events["x"] < width)
                    inside &= (events["y"] >= 0) & (events["x"] >= 0)
                    counts = event_map(events[inside], (height, width))
                    axes.imshow(event_picture(counts, _most(counts)))
                    _frame(axes, "0.7")
                    left = int(np.sum(~inside))
                    words += f", {left:,} outside" * bool(left)
                axes.set_title(words, fontsize=6)
        for axes in grid[-1]:
            axes.set_xlabel("time (ms)" if units else "x (px)")
        fig.suptitle(
            f"All events of a recording: whole, and alike within a class?\n({units} units{more})"
            if units
            else "All events of a recording, row 0 on top: upright, whole and alike within a "
            f"class?\n({LEGEND}{more})"
        )
    return fig


def plot_answers(task: Task, before: np.ndarray, after: np.ndarray, updates: int = 1):
    """Draw what one adaptation changes: a support and a query sample of each class, and the
    network's probability of every class; for regression, the targets and the answers.

    before, after   logits (queries, ways) of the query samples before and after learning the support
    updates         weight updates between the two; 0, for example, with class means

    >>> x = np.random.default_rng(0).poisson(0.1, (2, 20, 8, 8, 2)).astype(np.uint8)
    >>> task = ms.Task(x, [0, 1], x, [0, 1])
    >>> figure = ms.plots.plot_answers(task, np.zeros((2, 2)), np.eye(2))
    >>> len(figure.axes)
    6
    """
    expected = task.y_query.shape if task.real else (len(task.y_query), task.ways)
    shapes = (np.shape(before), np.shape(after))
    need("the shapes of logits", shapes, set(shapes) == {expected}, f"{expected}, twice")
    then = {0: "after", 1: "after one step"}.get(updates, f"after {updates} steps")
    if task.real:
        answers = {"before": np.asarray(before), then: np.asarray(after)}
        error = [np.mean((a - task.y_query) ** 2) for a in answers.values()]
        words = (
            f"Mean squared error: {error[0]:.3g} before, {error[1]:.3g} {then}; support samples: "
        )
        return _plot_targets(task, answers, f"{words}{len(task.y_support)}")
    look = _look(task)
    most = _most(look.support, look.query)
    names = [_name(task, way) for way in range(task.ways)]
    right = [100 * np.mean(np.argmax(logits, 1) == task.y_query) for logits in (before, after)]
    shots = int(np.bincount(task.y_support).max())
    lesson = f"{'One recording' if shots == 1 else f'{shots} recordings'} of each class"
    lesson += f", {updates or 'no'} weight update{'s' * (updates > 1)}"
    place = np.arange(task.ways)
    with style():
        fig = figure(1.0 + 1.9 * task.ways, 3.0 + 2 * (0.25 + 1.75 * look.ratio))
        grid = fig.subplots(3, task.ways, squeeze=False, height_ratios=(1, 1, 1.4))
        for way, (above, below, bars) in enumerate(grid.T):
            query = int(np.flatnonzero(task.y_query == way)[0])
            _draw([above], look.support[task.y_support == way][:1], COLOURS["black"], most, look)
            _draw([below], look.query[query : query + 1], "0.7", most, look)
            for axes in (above, below):
                axes.set(xticks=(), yticks=())
            above.set_title(f"class {names[way]}", fontweight="bold")
            shown = [100 * softmax(logits[query : query + 1])[0] for logits in (before, after)]
            bars.bar(place - 0.2, shown[0], 0.4, color="0.7", label="before")
            bars.bar(place + 0.2, shown[1], 0.4, color=ON, label=then)
            bars.set(xticks=place, xticklabels=names, ylim=(0, 105), yticks=(0, 50, 100))
            bars.get_xticklabels()[way].set_fontweight("bold")
            if max(map(len, names)) > SHORT_NAME:
                bars.tick_params(axis="x", rotation=60)
            if way:
                bars.set_yticklabels(())
        texts = ("learned from\nthis one", "asked to name\nthis one", "probability (%)")
        for axes, text in zip(grid[:, 0], texts):
            axes.set_ylabel(text)
        fig.supxlabel("class; the true one in bold", fontsize=10)
        bars.legend(fontsize=8, loc="best")
        fig.suptitle(
            f"{lesson}: {right[0]:.0f} % right before, "
            f"{right[1]:.0f} % after, of {len(task.y_query)} query recordings\n(events of "
            f"{task.x_query.shape[1]} time steps; {look.legend})"
        )
    return fig


def _plot_targets(task: Task, answers: Mapping[str, np.ndarray], title: str, queries: int = 5):
    """Draw targets of regression and named answers to the query samples: one row per output; over
    time also one column per sample, at most `queries`."""
    colours = dict(zip(answers, ("0.6", ON)))
    over_time = task.y_query.ndim == 3
    if over_time:
        some = (
            [] if answers else [(f"support {k + 1}", y) for k, y in enumerate(task.y_support[:3])]
        )
        several = [*some, *((f"query {k + 1}", y) for k, y in enumerate(task.y_query[:queries]))]
    with style():
        columns = len(several) if over_time else 1
        fig = figure(max(1.0 + 2.0 * columns, 6.4), 1.3 + 2.0 * task.ways)
        grid = fig.subplots(task.ways, columns, squeeze=False, sharex=True, sharey=over_time)
        for output, line in enumerate(grid):
            line[0].set_ylabel(f"output {output + 1}")
            if not over_time:
                _scatter(line[0], task, answers, colours, output)
                continue
            for n, (axes, (name, y)) in enumerate(zip(line, several)):
                axes.plot(y[:, output], color=COLOURS["black"], label="target")
                for answer, a in answers.items():
                    axes.plot(a[n, :, output], color=colours[answer], label=answer)
                axes.set_title(name * (output == 0), fontsize=9)
        words = "time (steps)" if over_time else _positions(task.x_query)[1]
        for axes in grid[-1]:
            axes.set_xlabel(words)
        grid[0, -1].legend(fontsize=8, loc="best")
        fig.suptitle(title)
    return fig


def _scatter(axes, task: Task, answers: Mapping[str, np.ndarray], colours, output: int) -> None:
    """Draw one output's targets and answers over the positions of the samples."""
    support, query = (_positions(x)[0] for x in (task.x_support, task.x_query))
    if task.x_query.ndim > 3:  # positions are numbers: query after support
        query = query + len(support)
    black = COLOURS["black"]
    axes.scatter(support, task.y_support[:, output], s=30, color=black, label="support")
    how = dict(s=30, facecolors="none", edgecolors=black)
    axes.scatter(query, task.y_query[:, output], label="query: target", **how)
    for name, a in answers.items():
        axes.scatter(query, a[:, output], s=22, color=colours[name], marker="x", label=name)


def _positions(x: np.ndarray) -> tuple[np.ndarray, str]:
    """Return positions of samples and the axis's name: the mean index of the units that fire, or,
    for a camera, the sample's number."""
    if x.ndim > 3:
        return np.arange(1, len(x) + 1), "sample"
    each = x.sum(1, dtype=float)
    units = np.arange(x.shape[2])
    return each @ units / np.maximum(each.sum(1), 1), "mean unit that fires"


def plot_raster(x: np.ndarray, title: str | None = None):
    """Draw rasters of one recording (T, H, W, 2): the time of every event against its pixel row,
    and against its pixel column; for sounds (T, units) against its unit.

    >>> x = np.random.default_rng(0).poisson(0.1, (20, 8, 8, 2))
    >>> figure = ms.plots.plot_raster(x)
    >>> len(figure.axes)
    3
    """
    x = np.asarray(x)
    sound = x.ndim == 2
    good = sound or x.ndim == 4 and x.shape[-1] == 2
    need("the shape of x", x.shape, good, "one recording (T, H, W, 2) or (T, units)")
    labels = ["unit"] if sound else ["row y (px)", "column x (px)"]
    sides = x.shape[1 : 1 + len(labels)]
    ratios = (4, 1) if sound else (*(side + 6 for side in sides), 14)
    kinds = [("", x, ON, 0)] if sound else [("ON", x[..., 1], ON, -1), ("OFF", x[..., 0], OFF, 1)]
    with style():
        fig = figure(7.5, 5.6)
        *panels, rate = fig.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
        for name, counts, colour, shift in kinds:
            at = np.nonzero(counts)
            dots = dict(s=2.5 * np.minimum(counts[at], 4), color=colour, linewidths=0)
            for axes, place in zip(panels, at[1:]):
                label = f"{name} ({int(counts.sum())} events)"
                axes.scatter(at[0], place + 0.15 * shift, label=label, **dots)
            total = counts.reshape(len(x), -1).sum(1)
            rate.step(np.arange(len(x)), total, where="mid", color=colour, linewidth=1.2)
        for axes, label, side in zip(panels, labels, sides):
            axes.set(ylabel=label, ylim=(-0.5, side - 0.5))
        rate.set(ylabel="events\na step", xlabel="time (steps)", xlim=(-1, len(x)))
        words = title or "A recording: where its events are, step by step"
        if sound:
            rate.set_ylim(bottom=0)
            words = title or "A recording: which units fire, step by step"
            words += f"; {int(x.sum())} events"
        else:
            panels[0].invert_yaxis()
            corner: dict = dict(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
            panels[0].legend(ncols=2, markerscale=3, fontsize=9, **corner)
        fig.suptitle(plain(words), x=0.02, ha="left")
        fig.align_ylabels()
    return fig


def animate_task(task: Task, path: str | Path, window: int = 5, milliseconds: int = 80) -> Path:
    """Write a GIF of each class's first support sample, above its first query sample, slowed down,
    with a line below that grows with the time; return its path.

    window         time steps whose events one picture shows
    milliseconds   duration of a picture

    >>> x = np.random.default_rng(0).poisson(0.1, (2, 20, 8, 8, 2)).astype(np.uint8)
    >>> task = ms.Task(x, [0, 1], x, [0, 1])
    >>> ms.plots.animate_task(task, "task.gif", window=10).name
    'task.gif'
    """
    from PIL import Image  # comes with matplotlib

    path = Path(path)
    good = path.suffix.lower() == ".gif" and task.x_support.ndim != 3
    need("path", path, good, "a name that ends in .gif, of a task of pictures (not of sounds)")
    _look(task)  # refuses other samples
    halves = (task.x_support, task.y_support, 0.0), (task.x_query, task.y_query, 0.7)
    steps, *size = task.x_support.shape[1:4]
    zoom = max(1, WIDTH // max(size))
    edge = ((1, 1), (1, 1), (0, 0))
    pictures = []
    for first in range(0, steps, window):
        lines = []
        for x, y, shade in halves:
            some = (x[y == way][0, first : first + window].sum(0) for way in range(task.ways))
            framed = (np.pad(event_picture(n, 2), edge, constant_values=shade) for n in some)
            lines.append(np.concatenate([np.pad(p, edge, constant_values=1) for p in framed], 1))
        whole = np.concatenate(lines)
        whole[-1, : whole.shape[1] * (first + window) // steps] = 0
        pixels = (255 * whole.repeat(zoom, 0).repeat(zoom, 1)).astype(np.uint8)
        pictures.append(Image.fromarray(pixels))
    path.parent.mkdir(parents=True, exist_ok=True)
    how = dict(save_all=True, append_images=pictures[1:], loop=0, duration=milliseconds)
    with whole_file(path) as file:
        pictures[0].save(file, "GIF", **how)
    return path


def _look(task: Task) -> Look:
    """Choose how the samples of a task are drawn, class by class."""
    need("the task", "of real targets", not task.real, "labels, for samples are drawn by class")
    if task.x_support.ndim == 3:
        # low units at the bottom, time from left to right
        first = raster_pictures(task.x_support)
        second = raster_pictures(task.x_query)
        rows = task.x_support.shape[2] - 1, 0
        return Look(first, second, "unit", "time (steps)", 1.0, "orange: events of a unit", rows)
    support, query = (x.sum(axis=1, dtype=float) for x in (task.x_support, task.x_query))
    good = support.ndim == 4 and support.shape[-1] == 2
    need("the shape of samples", task.x_support.shape[1:], good, "(T, H, W, 2) or (T, units)")
    return Look(support, query, "y (px)", "x (px)", None, LEGEND)


def _name(task: Task, way: int) -> str:
    return plain(task.classes[way]) if task.classes else str(way)


def _frame(axes, colour, names: tuple[int, int] | None = None):
    """Draw a frame, and ticks of whole pixels. names: those of the first and the last row."""
    rows, columns = axes.images[0].get_size()
    axes.set(xticks=(0, columns // 2, columns - 1), yticks=(0, rows - 1))
    if names is not None:
        axes.set_yticklabels(names)
    axes.tick_params(labelsize=7, length=2)
    for spine in axes.spines.values():
        spine.set(visible=True, color=colour, linewidth=1.2)
