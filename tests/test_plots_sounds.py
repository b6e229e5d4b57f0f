"""Pictures of sounds: every event is in them, low units at the bottom, axes say units and steps."""

import numpy as np
import pytest

import minisnn as ms
from minisnn.plots.sounds import MOST_ROWS, raster_pictures


def task(units=250, steps=20):
    x = np.random.default_rng(0).poisson(0.05, (4, steps, units)).astype(np.uint8)
    return ms.Task(x[:2], [0, 1], x[2:], [0, 1], classes=("do", "re"))


@pytest.mark.parametrize("units", [1, 7, 100, 101, 250, 700])
def test_no_event_is_lost_between_the_rows(units):
    x = np.random.default_rng(0).poisson(0.05, (3, 20, units))
    pictures = raster_pictures(x)
    assert pictures.shape[1] <= MOST_ROWS and pictures.shape[2:] == (20, 2)
    assert not pictures[..., 0].any()
    assert np.array_equal(pictures[..., 1].sum(1), x.sum(2))
    each = -(-units // MOST_ROWS)
    assert np.array_equal(pictures[:, -1, :, 1], x[..., :each].sum(-1))


def test_axes_say_units_and_steps():
    shown = task()
    figure = ms.plots.plot_task(shown)
    assert len(figure.axes) == 4
    corner = figure.axes[2]
    assert "unit" in corner.get_ylabel() and corner.get_xlabel() == "time (steps)"
    assert [one.get_text() for one in corner.get_yticklabels()] == ["249", "0"]
    raster = ms.plots.plot_raster(shown.x_support[0], "do, 5 $ or 6 $")
    events = raster.axes[0].collections[0].get_offsets()
    assert np.array_equal(events, np.argwhere(shown.x_support[0]))
    assert raster.axes[0].get_ylabel() == "unit" and "5 \\$" in raster._suptitle.get_text()
    answers = ms.plots.plot_answers(shown, np.zeros((2, 2)), np.eye(2))
    assert len(answers.axes) == 6


def test_a_sheet_of_sounds_has_every_event():
    events = np.zeros(30, [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i1")])
    events["x"] = np.arange(30)
    events["t"] = 1000 * np.arange(30) + 7000
    figure = ms.plots.plot_sheet({"do": [("first", events)], "re": []}, (40,))
    [axes] = figure.axes
    assert np.array_equal(axes.collections[0].get_offsets()[:, 1], np.arange(30))
    assert axes.get_xlabel() == "time (ms)" and "40 units; 1 classes" in figure._suptitle.get_text()
