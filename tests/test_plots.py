import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from minisnn import plots
from minisnn.meta.tasks import Task


def make_task(ways=3, shots=1, queries=2, classes=("02", "17", "25"), shape=(20, 16, 32, 2)):
    rng = np.random.default_rng(0)
    y_support, y_query = np.repeat(np.arange(ways), shots), np.repeat(np.arange(ways), queries)
    x_support, x_query = (
        rng.poisson(0.05, (len(y), *shape)).astype(np.uint8) for y in (y_support, y_query)
    )
    return Task(x_support, y_support, x_query, y_query, classes)


def pixels(fig) -> np.ndarray:
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())


@pytest.mark.parametrize("shots, queries", [(1, 2), (2, 1)])
def test_plot_task_shows_every_sample_under_its_class(shots, queries):
    task = make_task(shots=shots, queries=queries)
    fig = plots.plot_task(task)
    grid = np.array(fig.axes).reshape(shots + queries, 3)
    assert [axes.get_title() for axes in grid[0]] == ["class 02", "class 17", "class 25"]
    assert [axes.get_ylabel().split("\n")[0] for axes in grid[:, 0]] == [
        f"support {i + 1}" for i in range(shots)
    ] + [f"query {i + 1}" for i in range(queries)]
    assert all(axes.get_xlabel() == "x (px)" for axes in grid[-1])
    shown = [[axes.images[0].get_array() for axes in row] for row in grid]
    totals = np.concatenate([task.x_support, task.x_query]).sum(axis=1, dtype=float)
    most = np.quantile(np.append(totals[totals > 0], 1.0), 0.98)
    for way in range(3):
        for sample in range(shots):
            expected = plots.event_picture(task.x_support[way * shots + sample].sum(axis=0), most)
            assert np.allclose(shown[sample][way], expected, atol=1e-6)
        for sample in range(queries):
            expected = plots.event_picture(task.x_query[way * queries + sample].sum(axis=0), most)
            assert np.allclose(shown[shots + sample][way], expected, atol=1e-6)


def test_plot_raster_puts_every_event_at_its_time_and_pixel():
    from matplotlib.colors import to_rgb

    x = np.zeros((50, 16, 32, 2), np.uint8)
    x[7, 3, 20, 1] = 2
    x[30, 12, 4, 0] = 1
    fig = plots.plot_raster(x, "two events")
    above, below, rate = fig.axes
    for axes, on, off in ((above, (7, 3), (30, 12)), (below, (7, 20), (30, 4))):
        points = [points.get_offsets().data for points in axes.collections]
        assert np.allclose(points[0], [on], atol=0.3) and np.allclose(points[1], [off], atol=0.3)
        assert [p.get_facecolor()[0][:3].tolist() for p in axes.collections] == [
            pytest.approx(to_rgb(colour)) for colour in (plots.ON, plots.OFF)
        ]
    assert [text.get_text() for text in above.get_legend().get_texts()] == [
        "ON (2 events)",
        "OFF (1 events)",
    ]
    assert above.get_ylim()[0] > above.get_ylim()[1]  # row 0 on top, as in the pictures
    assert [axes.get_ylabel() for axes in (above, below)] == ["row y (px)", "column x (px)"]
    assert rate.get_xlabel() == "time (steps)" and rate.get_ylabel() == "events\na step"
    assert [line.get_ydata().sum() for line in rate.lines] == [2, 1]
    assert fig.get_suptitle() == "two events"
    with pytest.raises(ValueError, match="expected one recording"):
        plots.plot_raster(x[None])


def test_animation_shows_the_events_window_by_window(tmp_path):
    from PIL import Image

    task = make_task()
    quiet = np.zeros_like(task.x_support)
    quiet[:, 10:15] = 3  # events from 10 to 15 ms only
    task = Task(quiet, task.y_support, np.zeros_like(task.x_query), task.y_query, task.classes)
    path = plots.animate_task(task, tmp_path / "new" / "task.gif", window=5, milliseconds=80)
    with Image.open(path) as movie:
        assert movie.format == "GIF" and movie.n_frames == 4 and movie.info["duration"] == 80
        light = []
        for frame in range(4):
            movie.seek(frame)
            light.append(np.asarray(movie.convert("L"), float).mean())
    assert light[2] < min(light[0], light[1], light[3]) - 10
    assert np.ptp([light[0], light[1], light[3]]) < 1
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(ValueError, match="gif"):
        plots.animate_task(task, tmp_path / "task.mp4")


def rows(count=100):
    rng = np.random.default_rng(0)
    return [
        dict(
            tasks=4 * i,
            loss=2 - 0.01 * i + rng.normal(0, 0.1),
            accuracy_before=0.2,
            accuracy_after=0.3 + 0.005 * i,
            validation=None if i % 20 else 0.25 + 0.005 * i,
        )
        for i in range(count)
    ]


def test_learning_curve_shows_raw_values_behind_running_means(tmp_path):
    record = rows()
    fig = plots.plot_learning_curve(record, tmp_path / "curve.png", chance=0.2)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    loss, accuracy = fig.axes
    raw, smooth = loss.lines
    assert np.allclose(raw.get_ydata(), [row["loss"] for row in record])
    # 100 / 20 rows
    assert np.allclose(smooth.get_ydata()[50], np.mean([row["loss"] for row in record[46:51]]))
    assert raw.get_alpha() < 0.5 and raw.get_xdata()[-1] == 4 * 99
    after = next(line for line in accuracy.lines if line.get_label() == "after adaptation")
    assert np.allclose(
        after.get_ydata()[-1], 100 * np.mean([row["accuracy_after"] for row in record[-5:]])
    )
    validation = next(line for line in accuracy.lines if "unseen" in line.get_label())
    assert (
        np.allclose(validation.get_ydata(), [25, 35, 45, 55, 65])
        and validation.get_xdata()[1] == 80
    )
    assert (
        accuracy.get_xlabel()
        and accuracy.get_ylabel().endswith("(%)")
        and loss.get_ylabel().endswith("(nats)")
    )
    assert "chance, 20 %" in [text.get_text() for text in accuracy.texts]


def test_errors_fill_their_axes():
    """A mean squared error of 2 was drawn on a scale of percent."""
    record = [dict(tasks=n, loss=1.0, error_after=2.0 - n / 4) for n in range(1, 5)]
    assert plots.plot_learning_curve(record).axes[1].get_ylim()[1] < 3


def test_save_writes_whole_files_of_known_kinds(tmp_path, monkeypatch):
    fig = plots.figure()
    assert plots.save(fig, str(tmp_path / "a" / "b.svg")) == tmp_path / "a" / "b.svg"
    assert ElementTree.parse(tmp_path / "a" / "b.svg").getroot().tag.endswith("svg")
    for name in ("c.xyz", "c"):
        with pytest.raises(ValueError, match="png"):
            plots.save(fig, tmp_path / name)

    def stops(part, **options):
        part.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fig, "savefig", stops)
    with pytest.raises(KeyboardInterrupt):
        plots.save(fig, tmp_path / "d.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_plot_answers_shows_beliefs_and_counts_what_is_right():
    task = make_task()
    before, after = np.zeros((6, 3)), 9.0 * np.eye(3)[task.y_query]
    after[-1] = after[-1, ::-1]  # one wrong answer of six
    fig = plots.plot_answers(task, before, after)
    assert "33 % right before, 83 % after, of 6 query recordings" in fig.get_suptitle()
    bars = [axes for axes in fig.axes if axes.patches]
    assert len(bars) == 3
    for shots, updates, title, legend in (
        (1, 1, "One recording of each class, one weight update: 33 %", "after one step"),
        (1, 0, "One recording of each class, no weight update: 33 %", "after"),
        (3, 5, "3 recordings of each class, 5 weight updates: 33 %", "after 5 steps"),
    ):
        other = plots.plot_answers(make_task(shots=shots), before, after, updates)
        assert other.get_suptitle().startswith(title)
        assert other.axes[-1].get_legend().get_texts()[1].get_text() == legend
    for way, axes in enumerate(bars):
        heights = [bar.get_height() for bar in axes.patches]
        assert (
            np.allclose(heights[:3], 100 / 3)
            and np.argmax(heights[3:]) == way
            and heights[3 + way] > 99
        )
        assert axes.get_xticklabels()[way].get_fontweight() == "bold"
    with pytest.raises(ValueError, match="logits"):
        plots.plot_answers(task, np.zeros((6, 4)), after)


def test_a_picture_is_never_worth_a_run(tmp_path, monkeypatch):
    from minisnn import stopping
    from minisnn.training import folder

    def broken(*_, **__):
        drawn.append(1)
        raise KeyError("PolyCollection:kwdoc")

    drawn = []
    monkeypatch.setattr(folder, "plot_learning_curve", broken)
    with pytest.warns(UserWarning, match="curve.png"):
        folder.RunFolder(tmp_path).draw(rows(3), lambda number: [0.2] * number)
    monkeypatch.setattr(stopping, "asked", lambda: True)  # no time to import what draws
    monkeypatch.setattr(folder, "drawing", lambda: False)
    folder.RunFolder(tmp_path).draw(rows(3), lambda number: [0.2] * number)
    assert drawn == [1]


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "%matplotlib inline\n"])
def test_a_notebook_shows_a_task_once(before, monkeypatch):
    v4 = pytest.importorskip("nbformat.v4")
    pytest.importorskip("nbclient")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    cell = before + "import numpy as np, minisnn as ms\nfrom minisnn import plots\n"
    cell += (
        "x = np.ones((2, 4, 6, 6, 2), np.uint8)\nplots.plot_task(ms.Task(x, np.arange(2), x, "
        "np.arange(2)))"
    )
    import nbclient

    book = v4.new_notebook(cells=[v4.new_code_cell(cell)])
    nbclient.NotebookClient(book, timeout=60).execute()
    pictures = [one for one in book.cells[0].outputs if "image/png" in one.get("data", {})]
    assert len(pictures) == 1, book.cells[0].outputs
