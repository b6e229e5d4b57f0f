"""What show draws of a network's answers, what record leaves and proposes, and what info refuses."""

from pathlib import Path

import numpy as np
import pytest
from test_cli import pictures, run, toy_sets  # noqa: F401

import minisnn as ms
from minisnn import plots
from minisnn.data.camera.event_camera import EventCamera

ALL = "0123456789"


@pytest.fixture
def quick(monkeypatch):
    """A camera that sees three events in each picture."""
    events = np.ones(3, [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i1")])
    monkeypatch.setattr(EventCamera, "record", lambda *_: events)


@pytest.mark.parametrize(
    "rule, shots, title",
    [
        (ms.ClassMeans(steps=0, readings=3, looks=5), 2, "2 recordings of each class, no weight"),
        (ms.InnerLoop(0.1, steps=3), 1, "One recording of each class, 3 weight updates: "),
        (ms.InnerLoop(0.1, online=True), 2, "2 recordings of each class, 6 weight updates: "),
    ],
)
def test_show_draws_what_the_network_answers(run, monkeypatch, rule, shots, title):  # noqa: F811
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8, backend="numpy")
    theta = net.init(np.random.default_rng(0), np.ones((1, 14, 6, 6, 2), np.uint8))
    ms.save("net.h5", net, theta, inner=rule)
    drawn, draw = [], plots.plot_answers

    def kept(task, before, after, *more):
        drawn.append((task, before, after, draw(task, before, after, *more)))
        return drawn[0][-1]

    monkeypatch.setattr(plots, "plot_answers", kept)
    monkeypatch.setattr(plots, "save", lambda fig, path: path)
    line = ("--no-animation", "--checkpoint", "net.h5", "--shots", shots)
    code, out, err = run("show", *line)
    assert code == 0 and "answers.png" in out, err
    [(task, before, after, fig)] = drawn
    assert np.array_equal(before, net(theta, task.x_query))
    assert np.array_equal(after, rule.logits(net, theta, task))
    assert fig.get_suptitle().startswith(title)


def test_record_mixes_no_old_recordings_with_new_ones(run, quick):  # noqa: F811
    folder = pictures(Path("pictures"), "ab", 3)
    line = ("record", folder, "--out", "made", "--quiet")
    assert run(*line)[0] == 0
    before = sorted(Path("made").rglob("*"))
    code, _, err = run(*line, "--each", 2)
    assert code == 2 and "mixed" in err and sorted(Path("made").rglob("*")) == before
    assert run(*line, "--split", "Test", "--each", 2)[0] == 0  # next to Train
    assert len(list(Path("made/Test").rglob("*.bin"))) == 4
