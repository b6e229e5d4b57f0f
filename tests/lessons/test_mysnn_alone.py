"""A student's whole library: it learns and writes its page where minisnn cannot be imported, and
agrees with it to the last digits."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import students
from differences import off

import minisnn as ms
from checks import data, mine
from checks.solutions import SOLUTIONS
from minisnn.hardware import learn
from minisnn.hardware.page import make as pages
from test_exercises import STUDENT

SOLVED = SOLUTIONS | STUDENT
LENT = ("5.2", "8.2")
FEW = {"train": ("background", 21), "test": ("evaluation", 6)}
ALONE = """
import runpy, sys
sys.path = [one for one in sys.path if "site-packages" in one or "python3" in one]
for name in ("minisnn", "checks", "scipy", "numba"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def alone(path: Path, *words: str) -> subprocess.CompletedProcess:
    """`python mysnn.py ...` without minisnn."""
    return subprocess.run(
        [sys.executable, "-I", "-c", ALONE, path, *words],
        cwd=path.parent,
        capture_output=True,
        text=True,
        env={"PATH": "", "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "2")},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A student's folder: mysnn.py, two of whose functions are lent, and few recordings."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        own = {number: answer for number, answer in SOLVED.items() if number not in LENT}
        patch.setenv("MYSNN", str(students.write(folder, own)))
        said = mine.whole()
    assert said.endswith("functions are yours; the course's own: 5.2 loss_backward, 8.2 asymmetry")
    data.write(folder / data.NAME, FEW, 6)
    return folder


@pytest.fixture(scope="module")
def mysnn(folder):
    return students.opened(folder / "mysnn.py")


def test_it_trains_and_writes_its_page_where_minisnn_cannot_be_imported(folder):
    done = alone(folder / "mysnn.py", "train", "--tasks", "12", "--second", "2", "--episodes", "4")
    assert done.returncode == 0, done.stderr
    whose, symmetry, *_, best = done.stdout.splitlines()
    lent = "functions are yours; the course's own: 5.2 loss_backward, 8.2 asymmetry"
    assert whose.endswith(lent) and float(symmetry.split()[-1]) < 1e-12
    share = r"\d+\.\d ± \d+\.\d %"
    rules = f"nearest sample {share}, class means {share}, one step of MAML {share}"
    for stage in ("the start", "12 tasks by class means", "2 more by MAML", "2 more by FOMAML"):
        assert re.search(rf"^  after {stage}: {rules}$", done.stdout, re.M)
    assert re.match(r"the best rule: (class means|one step of MAML), after ", best)
    done = alone(folder / "mysnn.py", "page", "--episodes", "2")
    assert done.returncode == 0 and "2 tasks in whole numbers: class means" in done.stdout
    text = (folder / "mysnn.html").read_text(encoding="utf-8")
    assert "@model@" not in text and len(text) < 1_000_000
    fetched = ("fetch(", "XMLHttpRequest", "http:", "https:", "src=", "@import", "url(")
    assert not [word for word in fetched if word in text]


def swap(x: np.ndarray) -> np.ndarray:
    """Samples of the library, which come first, as those of the student, whose steps do."""
    return x.transpose(1, 0, 2)


def tasks(mysnn, x, y) -> tuple:
    """The same task for the library and for the student."""
    own = mysnn.Task(swap(x[::2]), y[::2], swap(x[1::2]), y[1::2])
    return ms.Task(x[::2], y[::2], x[1::2], y[1::2]), own


def test_the_file_agrees_with_the_library(mysnn):
    rng = np.random.default_rng(3)
    theirs = ms.SpikingNet(5, (), 3, hidden=(4,), window=25, dtype=np.float64, backend="numpy")
    net = mysnn.Net((5, 4, 3), mysnn.Neuron())
    x = (rng.random((6, 25, 5)) < 0.3) * 1.0
    y = np.repeat(np.arange(3), 2)
    theta = theirs.init(rng, x=x)
    v = rng.standard_normal(theirs.size)
    task, own = tasks(mysnn, x, y)
    for found, wanted in (
        (net.loss_and_gradient(theta, swap(x), y)[1], theirs.loss_and_gradient(theta, x, y)[1]),
        (
            net.hessian_vector_product(theta, swap(x), y, v),
            theirs.hessian_vector_product(theta, x, y, v),
        ),
        (
            mysnn.meta_gradient(net, theta, own, 0.5, 3),
            ms.meta_gradient(theirs, theta, task, step_size=0.5, steps=3)[1],
        ),
    ):
        assert off(found, wanted) <= 1e-12


def test_its_two_stages_by_gradient_steps_are_of_second_and_of_first_order(mysnn):
    rng = np.random.default_rng(5)
    sizes = mysnn.INPUTS, mysnn.HIDDEN
    neuron = ms.LIF(gain=mysnn.LIF.gain)
    theirs = ms.SpikingNet(
        sizes[0], (), 3, hidden=sizes[1:], window=20, neuron=neuron, dtype=float, backend="numpy"
    )
    net = mysnn.Net((*sizes, 3), mysnn.LIF)
    hidden = students.hidden_layer(mysnn)
    x = rng.poisson(0.02, (6, 20, sizes[0])) * 1.0
    y = np.repeat(np.arange(3), 2)
    theta = mysnn.start(hidden, 3)
    (task, own) = tasks(mysnn, x, y)
    losses = set()
    for order, gradient in ((2, mysnn.maml_gradient), (1, mysnn.fomaml_gradient)):
        loss, found = gradient(net, hidden, own)
        wanted = ms.meta_gradient(theirs, theta, task, step_size=12.0, order=order)
        losses.add(loss)
        assert loss == pytest.approx(wanted[0], rel=1e-12)
        assert off(found, wanted[1][: hidden.size]) <= 1e-12 and found.any()
    assert len(losses) == 1


def test_the_gradient_by_class_means_is_the_slope_of_its_twin(mysnn, monkeypatch):
    """Differences along a random direction, each spike replaced by its tangent."""
    hidden = students.hidden_layer(mysnn)
    rng = np.random.default_rng(2)
    task = mysnn.Task(
        rng.poisson(0.02, (20, 3, mysnn.INPUTS)),
        np.arange(3),
        rng.poisson(0.02, (20, 6, mysnn.INPUTS)),
        np.repeat(np.arange(3), 2),
    )
    net = mysnn.Net((mysnn.INPUTS, mysnn.HIDDEN, 3), mysnn.LIF)
    loss, gradient = mysnn.class_mean_gradient(net, hidden, task, 2.0)
    x = np.concatenate([task.x_support, task.x_query], 1)
    _, (_, recorded) = mysnn.traces(net, hidden, x)
    first = mysnn.sigma_prime(recorded, mysnn.LIF.slope)
    twin = lambda u, at=slice(None): (recorded[at] >= 0) + first[at] * (u - recorded[at])

    def fire(p, w, b, lif):
        u = np.zeros(p.shape)
        s = np.zeros(p.shape)
        r = 0.0
        for t in range(len(p)):
            u[t] = p[t] + b - r
            s[t] = twin(u[t], t)
            r = lif.gamma * r + (1 - lif.gamma) * s[t]
        return u, s

    monkeypatch.setattr(mysnn, "fire", fire)
    monkeypatch.setattr(mysnn, "step", twin)
    way, h = rng.standard_normal(hidden.size), 1e-6
    up, down = (mysnn.class_mean_gradient(net, hidden + s * way, task, 2.0)[0] for s in (h, -h))
    assert mysnn.class_mean_gradient(net, hidden, task, 2.0)[0] == pytest.approx(loss, rel=1e-12)
    assert (up - down) / (2 * h) == pytest.approx(gradient @ way, rel=1e-6)


@pytest.mark.slow
def test_its_whole_numbers_are_the_chips_bit_for_bit(mysnn, folder):
    chip = mysnn.to_chip(students.hidden_layer(mysnn))
    theirs = data.chip(chip.W, chip.b, chip.x)
    seen = mysnn.recordings(mysnn.opened(), "test", 0)[:3, :2].reshape(6, mysnn.STEPS, -1)
    y = np.arange(3)
    p = mysnn.chip_traces(chip, seen.swapaxes(0, 1))
    wanted = theirs.traces_of(seen.reshape(6, mysnn.STEPS, 1, 1, -1))
    np.testing.assert_array_equal(p.swapaxes(0, 1), wanted)
    assert (p[-1] > 0).mean() > 0.1
    blank = theirs.with_readout(np.zeros((mysnn.HIDDEN, 3), np.int8), np.zeros(3, np.int32))
    for rule, (W, b) in (
        ("class-mean", mysnn.chip_means(p[-1, ::2], y, 3)),
        ("membrane", mysnn.chip_step(chip, p[:, ::2], y, 3)),
    ):
        learned = learn(blank, pages.learner(blank, rule), wanted[::2], y)
        np.testing.assert_array_equal(W, learned.weight)
        np.testing.assert_array_equal(b, learned.bias)
        u = mysnn.chip_scores(chip, p[:, 1::2], W, b)
        np.testing.assert_array_equal(u, blank.membranes(wanted[1::2], W, b)[:, -1])


@pytest.mark.slow
def test_in_three_minutes_of_two_cores_its_best_rule_has_75_percent(tmp_path, monkeypatch):
    monkeypatch.setenv("MYSNN", str(students.write(tmp_path, SOLVED)))
    mine.whole()
    data.provide()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = alone(tmp_path / "mysnn.py", "train")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    found = re.search(r"the best rule: class means, after .*: (\d+\.\d) %", done.stdout)
    nearest = re.search(r"nearest sample (\d+\.\d) ±", done.stdout)
    assert float(found[1]) >= 75 and float(found[1]) > float(nearest[1]), done.stdout
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert taken <= 2 * 180, taken
