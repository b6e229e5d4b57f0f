"""Pictures of the lessons in the house style of `minisnn.plots`, shown where they are drawn."""
import io
from contextlib import contextmanager

import numpy as np

from minisnn import plots
from minisnn.plots import COLOURS

BLUE, VERMILLION, GREEN, SKY, BLACK = (COLOURS[name] for name in ("blue", "vermillion", "green", "sky", "black"))
GREY = "0.6"


@contextmanager
def picture(title: str, rows: int = 1, columns: int = 1, width: float = 7.0, height: float = 2.2, outside: bool = False,
            **options):
    """Axes to draw on, one or an array (rows, columns squeezed); the figure is shown when the block ends.

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


def _show(figure, title: str, scale: int = 2) -> None:
    """The figure as a PNG of twice the resolution it is shown in; nothing where no notebook is there to show it."""
    from PIL import Image as Picture                            # comes with matplotlib
    try:
        from IPython import get_ipython
        from IPython.display import Image, display
    except ImportError:
        return
    if get_ipython() is None:
        return
    figure.set_dpi(80 * scale)
    figure.canvas.draw()
    pixels, held = Picture.fromarray(np.array(figure.canvas.buffer_rgba())[..., :3]), io.BytesIO()
    pixels.quantize(128).save(held, "png", optimize=True)       # a quarter of the size
    display(Image(held.getvalue(), width=pixels.width // scale, alt=title))


def spikes(axes, s, colour: str = BLACK, label: str | None = None, row: float = 0) -> None:
    """Mark the steps where s (T,) is not zero by vertical strokes around `row`."""
    axes.eventplot([t for t, one in enumerate(s) if one], lineoffsets=row, linelengths=0.8, linewidths=1.6, colors=colour,
                   label=label)
