"""Pictures of tasks and of learning. matplotlib is imported when the first figure is made, and no
window is opened.

Import from here: all public names of `canvas`, `tasks` and `curve`, from the package itself.
It may import: files, outputs, core, meta, data.readers.
"""

from .curve import plot_learning_curve, running_mean
from .canvas import COLOURS, drawing, figure, plain, save, style
from .tasks import (
    LEGEND,
    OFF,
    ON,
    animate_task,
    event_picture,
    plot_answers,
    plot_raster,
    plot_sheet,
    plot_task,
)

__all__ = [
    "COLOURS", "LEGEND", "OFF", "ON", "animate_task", "drawing", "event_picture", "figure", "plain", "plot_answers",
    "plot_learning_curve", "plot_raster", "plot_sheet", "plot_task", "running_mean", "save", "style",
]  # fmt: skip
