"""The common style of all figures, and how they are saved."""

import io
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..files import write_whole

# Okabe and Ito (2008), distinguishable with every kind of colour vision
COLOURS = dict(
    blue="#0072B2",
    vermillion="#D55E00",
    green="#009E73",
    orange="#E69F00",
    sky="#56B4E9",
    purple="#CC79A7",
    yellow="#F0E442",
    black="#000000",
)
STYLE = {
    "figure.dpi": 110,
    "savefig.dpi": 150,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "text.usetex": False,
    "font.size": 10,
    "axes.titlesize": 11,
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
}


def drawing() -> bool:
    """Return whether matplotlib is already imported; importing it can take seconds.

    >>> figure = ms.plots.figure()
    >>> ms.plots.drawing()
    True
    """
    return "matplotlib.backends.backend_agg" in sys.modules


@contextmanager
def style():
    """Apply the common style to figures made in the block: `with style(): ...`.

    >>> with ms.plots.style():
    ...     axes = ms.plots.figure().subplots()
    >>> axes.spines["top"].get_visible()
    False
    """
    import matplotlib
    from cycler import cycler  # comes with matplotlib

    settings: dict[Any, Any] = {"axes.prop_cycle": cycler(color=list(COLOURS.values())[:-2])}
    with matplotlib.rc_context(settings | STYLE):
        yield


def plain(text: str) -> str:
    r"""Escape a text, such as the name of a class or file, so that matplotlib draws it literally: a
    dollar sign does not begin a formula.

    >>> print(ms.plots.plain("5 $ or 6 $"))
    5 \$ or 6 \$
    """
    return text.replace("$", r"\$")


def figure(width: float = 6.4, height: float = 4.0):
    """Make an empty figure, size in inches, that belongs to no window.

    A notebook shows it as the last value of a cell, with or without %matplotlib inline.

    >>> ms.plots.figure(4, 3).get_size_inches().tolist()
    [4.0, 3.0]
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Picture(Figure):
        def _repr_png_(self) -> bytes:  # shows the figure in notebooks
            return _written(self, format="png", bbox_inches="tight")

    picture = Picture(figsize=(width, height))
    FigureCanvasAgg(picture)
    return picture


def _written(fig, **how) -> bytes:
    image = io.BytesIO()
    with style():
        fig.savefig(image, **how)
    return image.getvalue()


def save(fig, path: str | Path) -> Path:
    """Write a figure atomically, in the format that the extension of `path` names (.png, .svg,
    .pdf).

    Raises matplotlib's ValueError for another extension.

    >>> ms.plots.save(ms.plots.figure(), "empty.svg").name
    'empty.svg'
    """
    path = Path(path)
    contents = _written(fig, format=path.suffix[1:].lower() or "no ending")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, contents)
    return path
