"""Data sets by name: recordings in a folder, and functions of a file, a module or an installed
package."""

import os
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import minisnn as ms
from minisnn import TrainingConfig, train
from minisnn.data.sets import named

SMALL = dict(ways=2, queries=2, channels=(2,), kernel=3, window=9, updates=2, init_tasks=1)

CODE = """
import numpy as np
import minisnn as ms
from pathlib import Path

Path("ran").write_text("")

def moves(split, root=None):
    rng, rows = np.random.default_rng(0), []
    for label in range(9):
        for number in range(4):
            events = np.zeros(60, [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "?")])
            events["t"], events["x"], events["y"] = np.sort(rng.integers(0, 20_000, 60)), rng.integers(0, 12, 60), label
            rows.append((events, label))
    data = ms.Recordings(rows, sensor=(10, 12), duration_ms=20)
    return data.split(train=0.4, val=0.3, test=0.3)[split]

def nothing(split):
    return 3

def wants(a, b):
    return 3
"""


@pytest.fixture(autouse=True)
def mine(here):
    Path("mine.py").write_text(CODE)


def folder(root: Path, classes: int = 9, each: int = 4) -> Path:
    """Recordings that tell their label: the row of their events."""
    rng = np.random.default_rng(0)
    for label in range(classes):
        (root / f"c{label}").mkdir(parents=True)
        for number in range(each):
            x = rng.integers(0, 12, 60)
            t = np.sort(rng.integers(0, 100_000, 60))
            np.save(
                root / f"c{label}" / f"{number}.npy",
                ms.event_array(x, np.full(60, label), t, rng.integers(0, 2, 60)),
            )
    return root


def test_a_folder_of_recordings():
    root = folder(Path("a"))
    sets = {
        split: ms.open_set("recordings", split, root, False, sensor=[10, 12])
        for split in ("train", "val", "test")
    }
    train = sets["train"]
    assert len(train.classes) == 5 and not set(train.classes) & set(sets["val"].classes)
    task = train.episode(0, 0, ways=5, shots=1, queries=3)
    for x, y in zip(task.x_query, task.y_query):
        assert set(np.nonzero(x.sum((0, 2, 3)))[0]) == {int(task.classes[y][1:])} and x.sum() == 60
    path = root / train.classes[0] / "0.npy"
    dates = path.stat()
    events = np.load(path)
    events["x"] = events["x"][::-1]
    np.save(path, events)
    os.utime(
        path, ns=(dates.st_atime_ns, dates.st_mtime_ns)
    )  # as long, and as old: it is read again
    other = ms.open_set("recordings", "train", root, False, sensor=[10, 12])
    assert not np.array_equal(train.pool.cells, other.pool.cells)
    path.rename(path.with_name("9.npy"))  # now the last of its class
    moved = ms.open_set("recordings", "train", root, False, sensor=[10, 12])
    assert not np.array_equal(moved.pool.cells, other.pool.cells)


def test_functions_of_files_modules_and_packages(monkeypatch, tmp_path):
    one = ms.open_set("mine.py:moves", "train", None, False)
    assert len(one.classes) == 4
    monkeypatch.syspath_prepend(tmp_path)
    Path("mine_as_module.py").write_text(CODE)
    other = ms.open_set("mine_as_module:moves", "train", None, False)
    monkeypatch.setattr(
        named, "entry_points", lambda group: [EntryPoint("moves", "mine_as_module:moves", group)]
    )
    third = ms.open_set("moves", "train", None, False)
    assert (
        np.array_equal(one.episode(0, 0, 2).x_query, other.episode(0, 0, 2).x_query)
        and third.classes == one.classes
    )


@pytest.mark.parametrize(
    "name, message",
    [
        ("double-mnist", "no data set 'double-mnist'; expected double-nmnist, .* recordings with"),
        ("absent.py:moves", "absent.py"),
        ("mine.py:absent", "mine.py:absent: absent in mine.py"),
        ("no_such_module_xyz:moves", "No module named .no_such_module_xyz"),
        ("mine.py:nothing", "mine.py:nothing: .* int without input_shape"),
        ("mine.py:wants", "mine.py:wants: .* unexpected keyword argument 'split'"),
    ],
)
def test_names_that_lead_nowhere(name, message):
    with pytest.raises((ValueError, OSError), match=message):
        ms.open_set(name, "train", None, False)


THEIRS = """
def calls(split, root=None):
    inner(1)

def inner(a):
    return [][a]

def key(split):
    return {"train": 1}["val"]

def argument(split):
    return "a".split(1, 2, 3)

def absent(split):
    import nothere_xyz

def told(split):
    raise ValueError("mine is told as it is")
"""


@pytest.mark.parametrize(
    "code, function, message",
    [
        (THEIRS, "calls", "line 6: IndexError: list index out of range"),
        (THEIRS, "absent", "line 15: ModuleNotFoundError: No module named 'nothere_xyz'"),
        ("import json\n\njson.loads(3)", "any", "line 3: TypeError: the JSON object must be"),
        ("\ndef f(:\n", "f", "line 2: SyntaxError: invalid syntax"),
    ],
)
@pytest.mark.parametrize("place", ["theirs.py", "theirs_of_a_module"])
def test_a_bug_in_own_code_is_told_by_its_line(
    code, function, message, place, monkeypatch, command
):
    monkeypatch.syspath_prepend(".")
    monkeypatch.delitem(sys.modules, place, raising=False)
    Path(f"{place.removesuffix('.py')}.py").write_text(code)
    name = f"{place}:{function}"
    told = rf"^{name}: its own code fails in .*{place.removesuffix('.py')}\.py, {message}"
    with pytest.raises(ValueError, match=told) as found:
        ms.open_set(name, "train", None, False)
    assert found.value.__cause__ is not None  # the whole traceback, for who asks for it
    sys.modules.pop(place, None)
    code, _, err = command(f"show --dataset {name}")
    assert code == 2 and "its own code fails" in err and "defect" not in err
    sys.modules.pop(place, None)


PLAIN = """

class Plain:
    def __init__(self, tasks):
        self.input_shape, self.classes = tasks.input_shape, tasks.classes
        self.sample_task, self.episode = tasks.sample_task, tasks.episode

def plain(split):
    return Plain(moves(split))
"""


@pytest.mark.parametrize("function", ["moves", "plain"])
def test_other_data_of_one_name_is_noticed(function, command):
    name = f"mine.py:{function}"
    Path("mine.py").write_text(CODE + PLAIN)
    train(TrainingConfig(dataset=name, test_episodes=2, **SMALL), "run", progress=False)
    Path("mine.py").write_text((CODE + PLAIN).replace("default_rng(0)", "default_rng(1)"))
    code, _, err = command(f"train --resume run --dataset {name} --quiet")
    assert code == 2 and "recordings differ" in err


@pytest.mark.slow
def test_a_look_at_recordings_says_what_is_wrong_and_draws_a_sheet(command, rng):
    root = folder(Path("a"), 3, 4)
    look = f"info {root} --sensor 10,12 --sheet"
    code, text, _ = command(f"{look} sheet.png")
    assert code == 0 and "12 recordings of 3 classes, of 12 x 10 pixels" in text
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG") and "looks wrong" not in text, text
    n = np.arange(300)
    t = np.sort(rng.integers(0, 200_000, 300))
    x = rng.integers(0, 10, 300)
    y = rng.integers(0, 12, 300)
    p = rng.integers(0, 2, 300)
    hot = np.where(n % 3, x, 4)
    late = np.where(n > 150, t + 400_000, t)
    wrong = {
        "c0/9.npy": ((x, y, t, p), "x and y look swapped"),  # y is the long side
        "c1/8.npy": ((hot, np.where(n % 3, y % 10, 2), t, p), "the pixel at x 4, y 2 makes"),
        "c1/9.npy": ((x, x * 0, late, p), "its clock jumps, or nothing moved"),
        "c2/9.npy": ((x, x * 0, t, p * 0), "all its events are OFF"),
    }
    for name, (events, _) in wrong.items():
        np.save(root / name, ms.event_array(*events))
    Path(root, "c2", "7.csv").write_text("x,y,t,p\n")
    code, text, _ = command(f"{look} sheet.svg")
    assert code == 0 and Path("sheet.svg").is_file()
    for name, (_, what) in {**wrong, "c2/7.csv": (None, "no events")}.items():
        assert any(name in line and what in line for line in text.splitlines()), (what, text)
