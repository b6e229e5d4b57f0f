"""Pictures of the lessons in the house style of `minisnn.plots`, shown where they are drawn."""

import importlib.util
import io
from base64 import b64decode
from contextlib import contextmanager

import numpy as np

from minisnn import plots
from minisnn.plots import COLOURS

BLUE, VERMILLION, GREEN, SKY, BLACK = (
    COLOURS[name] for name in ("blue", "vermillion", "green", "sky", "black")
)
GREY = "0.6"


@contextmanager
def picture(
    title: str,
    rows: int = 1,
    columns: int = 1,
    width: float = 7.0,
    height: float = 2.2,
    outside: bool = False,
    **options,
):
    """Make axes to draw on, one or an array (rows, columns squeezed); the figure is shown when the
    block ends.

    title     what to see in it; also the picture's text for those who cannot see it
    height    of a row, in inches; options go to `Figure.subplots`
    outside   legends stand beside the axes; where something is labelled there is always one
    """
    with plots.style():
        figure = plots.figure(width, 0.6 + height * rows)
        yield figure.subplots(rows, columns, **options)
        place = {"loc": "center left", "bbox_to_anchor": (1, 0.5)} if outside else {"loc": "best"}
        for axes in figure.axes:
            if axes.get_legend_handles_labels()[0] and axes.get_legend() is None:
                axes.legend(fontsize=9, **place)
        figure.align_ylabels()
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        _show(figure, title)


def slider(draw, values, start, label: str) -> None:
    """Show the picture of draw(start) and, where somebody is there to move it, a slider above it
    that draws the other values.

    draw      a function of one value that draws one `picture`
    values    where the slider stops, in order; start is one of them
    label     stands beside the slider, with the unit

    Without a kernel, without ipywidgets or in a notebook that is run by a program the picture of
    draw(start) stands alone.
    """
    values = list(values)
    if start not in values:
        raise ValueError(
            f"start is {start!r}, expected one of values: {', '.join(map(str, values))}"
        )
    if not _watched():
        draw(start)
        return
    from IPython.display import display
    from IPython.utils.capture import capture_output
    import ipywidgets

    def drawn(value):
        with capture_output() as held:
            draw(value)
        return held.outputs[-1]

    stops = ipywidgets.SelectionSlider(
        options=[(f"{value:g}", value) for value in values],
        value=start,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "480px"},
    )
    display(stops)
    shown = display(drawn(start), display_id=True)
    stops.observe(lambda change: shown.update(drawn(change["new"])), "value")


def _watched() -> bool:
    """Return whether a cell was run by somebody who could move a slider; what runs notebooks by
    program takes no input."""
    shell = _shell()
    if importlib.util.find_spec("ipywidgets") is None or not hasattr(shell, "kernel"):
        return False
    return bool(shell.kernel.get_parent().get("content", {}).get("allow_stdin"))


def _shell():
    """Return IPython's shell, or None."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def moving(draw, values, still, title: str, milliseconds: int, colours: int = 64) -> None:
    """Show the pictures of draw(value) one after the other, over and over, as one PNG that moves;
    where none can move, or on paper, that of `still`.

    draw      a function of one value that draws one `picture`, of the same size for all
    values    in order; still is one of them
    """
    values = list(values)
    if still not in values:
        raise ValueError(
            f"still is {still!r}, expected one of values: {', '.join(map(str, values))}"
        )
    if _shell() is None:
        draw(still)
        return
    from IPython.utils.capture import capture_output
    from PIL import Image as Picture

    pictures = []
    for value in values:
        with capture_output() as held:
            draw(value)
        large = Picture.open(io.BytesIO(b64decode(held.outputs[-1].data["image/png"]))).convert(
            "RGB"
        )
        pictures.append(
            large.resize((large.width // 2, large.height // 2), Picture.Resampling.LANCZOS)
        )
    # one for all
    first = pictures[values.index(still)].quantize(colours, Picture.Quantize.MAXCOVERAGE)
    pictures = [one.quantize(palette=first, dither=Picture.Dither.NONE) for one in pictures]
    png = io.BytesIO()
    first.save(
        png,
        "png",
        save_all=True,
        default_image=True,
        append_images=pictures,
        duration=milliseconds,
        loop=0,
        optimize=True,
    )
    _display(png.getvalue(), first.width, title)


def _show(figure, title: str, scale: int = 2) -> None:
    """Show the figure as a PNG of twice the resolution it is shown in; nothing where no notebook is
    there to show it."""
    from PIL import Image as Picture  # comes with matplotlib

    if _shell() is None:
        return
    figure.set_dpi(80 * scale)
    figure.canvas.draw()
    pixels = Picture.fromarray(np.array(figure.canvas.buffer_rgba())[..., :3])
    held = io.BytesIO()
    pixels.quantize(128).save(held, "png", optimize=True)  # a quarter of the size
    _display(held.getvalue(), pixels.width // scale, title)


def _display(png: bytes, width: int, title: str) -> None:
    """Show a PNG."""
    from IPython.display import Image, display

    display(Image(png, width=width, alt=title))


def spikes(axes, s, colour: str = BLACK, label: str | None = None, row: float = 0) -> None:
    """Mark the steps where s (T,) is not zero by vertical strokes around `row`."""
    axes.eventplot(
        [t for t, one in enumerate(s) if one],
        lineoffsets=row,
        linelengths=0.8,
        linewidths=1.6,
        colors=colour,
        label=label,
    )
