"""Figures show what they are given: every sample under its class, every event at its time and place,
the answers that are right."""

import numpy as np
import pytest

import minisnn as ms
from minisnn import plots


def make_task(shots=1, queries=2, shape=(20, 16, 32, 2), classes=("02", "17", "25")):
    rng = np.random.default_rng(0)
    ways = np.arange(len(classes))
    y_support = np.repeat(ways, shots)
    y_query = np.repeat(ways, queries)
    x = [rng.poisson(0.05, (len(y), *shape)).astype(np.uint8) for y in (y_support, y_query)]
    return ms.Task(x[0], y_support, x[1], y_query, classes)


@pytest.mark.parametrize("shots, queries", [(1, 2), (2, 1)])
def test_plot_task_shows_every_sample_under_its_class(shots, queries):
    task = make_task(shots, queries)
    fig = plots.plot_task(task)
    grid = np.array(fig.axes).reshape(shots + queries, 3)
    assert [axes.get_title() for axes in grid[0]] == ["class 02", "class 17", "class 25"]
    totals = np.concatenate([task.x_support, task.x_query]).sum(axis=1, dtype=float)
    most = np.quantile(np.append(totals[totals > 0], 1.0), 0.98)
    for way in range(3):
        own = [*task.x_support[task.y_support == way], *task.x_query[task.y_query == way]]
        for axes, sample in zip(grid[:, way], own, strict=True):
            expected = plots.event_picture(sample.sum(axis=0), most)
            assert np.allclose(axes.images[0].get_array(), expected, atol=1e-6)


def test_plot_raster_puts_every_event_at_its_time_and_pixel():
    x = np.zeros((50, 16, 32, 2), np.uint8)
    x[7, 3, 20, 1] = 2
    x[30, 12, 4, 0] = 1
    fig = plots.plot_raster(x, "two events")
    above, below, rate = fig.axes
    for axes, on, off in ((above, (7, 3), (30, 12)), (below, (7, 20), (30, 4))):
        points = [points.get_offsets().data for points in axes.collections]
        assert np.allclose(points[0], [on], atol=0.3) and np.allclose(points[1], [off], atol=0.3)
    assert above.get_ylim()[0] > above.get_ylim()[1]  # row 0 on top, as in the pictures
    assert [line.get_ydata().sum() for line in rate.lines] == [2, 1]
    with pytest.raises(ValueError):
        plots.plot_raster(x[None])


def test_animation_shows_the_events_window_by_window(tmp_path):
    from PIL import Image

    task = make_task()
    quiet = np.zeros_like(task.x_support)
    quiet[:, 10:15] = 3  # events from 10 to 15 ms only
    task = ms.Task(quiet, task.y_support, np.zeros_like(task.x_query), task.y_query, task.classes)
    path = plots.animate_task(task, tmp_path / "new" / "task.gif", window=5, milliseconds=80)
    light = []
    with Image.open(path) as movie:
        assert movie.n_frames == 4 and movie.info["duration"] == 80
        for frame in range(4):
            movie.seek(frame)
            light.append(np.asarray(movie.convert("L"), float).mean())
    assert light[2] < min(light[0], light[1], light[3]) - 10
    assert np.ptp([light[0], light[1], light[3]]) < 8  # of the line that grows


def test_learning_curve_shows_raw_values_behind_running_means(tmp_path, rng):
    record = [
        dict(
            tasks=4 * i,
            loss=2 - 0.01 * i + rng.normal(0, 0.1),
            accuracy_after=0.3 + 0.005 * i,
            validation=None if i % 20 else 0.25 + 0.005 * i,
        )
        for i in range(100)
    ]
    fig = plots.plot_learning_curve(record, tmp_path / "curve.png", chance=0.2)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    loss, accuracy = fig.axes
    raw, smooth = loss.lines
    assert np.allclose(raw.get_ydata(), [row["loss"] for row in record])
    # 100 / 20 rows
    assert np.allclose(smooth.get_ydata()[50], np.mean([row["loss"] for row in record[46:51]]))
    drawn = {line.get_label(): line for line in accuracy.lines}
    last = 100 * np.mean([row["accuracy_after"] for row in record[-5:]])
    assert np.allclose(drawn["after adaptation"].get_ydata()[-1], last)
    validation = drawn["validation: unseen classes"]
    assert np.allclose(validation.get_ydata(), [25, 35, 45, 55, 65])
    assert validation.get_xdata()[1] == 80
    assert {text.get_text(): text.xy[1] for text in accuracy.texts}["chance, 20 %"] == 20
    # a mean squared error of 2 is not drawn on a scale of percent
    record = [dict(tasks=n, loss=1.0, error_after=2.0 - n / 4) for n in range(1, 5)]
    assert plots.plot_learning_curve(record).axes[1].get_ylim()[1] < 3


def test_plot_answers_shows_probabilities_and_counts_what_is_right():
    task = make_task()
    before = np.zeros((6, 3))
    after = 9.0 * np.eye(3)[task.y_query]
    after[-1] = after[-1, ::-1]  # one wrong answer of six
    fig = plots.plot_answers(task, before, after)
    assert "33 % right before, 83 % after, of 6 query recordings" in fig.get_suptitle()
    bars = [axes for axes in fig.axes if axes.patches]
    for way, axes in enumerate(bars):
        heights = [bar.get_height() for bar in axes.patches]
        assert np.allclose(heights[:3], 100 / 3)
        assert np.argmax(heights[3:]) == way and heights[3 + way] > 99
        assert axes.get_xticklabels()[way].get_fontweight() == "bold"
    assert len(bars) == 3
    with pytest.raises(ValueError):
        plots.plot_answers(task, np.zeros((6, 4)), after)


def test_a_picture_is_never_worth_a_run(tmp_path, monkeypatch):
    from minisnn.training import folder

    def broken(*_, **__):
        raise KeyError("PolyCollection:kwdoc")

    monkeypatch.setattr(folder, "plot_learning_curve", broken)
    with pytest.warns(UserWarning, match="curve.png"):
        folder.RunFolder(tmp_path).draw([dict(tasks=1, loss=1.0)], lambda number: [0.2] * number)
