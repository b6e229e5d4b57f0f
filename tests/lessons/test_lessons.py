"""The lessons: every notebook runs, is what its source says, and every check tells right from
wrong."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import make
import numpy as np
import pytest
from checks import Wrong, answer, same

from minisnn import cli
from minisnn.data.store import shipped
from slowly import all_but

ROOT = Path(__file__).resolve().parents[2]
LESSONS = ROOT / "lessons"

SOURCES = make.sources()
NAMES = [source.stem for source in SOURCES]
PLAY, FIRST = SOURCES[:2]  # lesson 0 has no exercise


@pytest.fixture(params=SOURCES, ids=NAMES)
def source(request):
    return request.param


# the others take long; their notebooks run in any case
LONG = ("00", "06", "11", "12", "15", "16", "17")
QUICK = [source for source in SOURCES if source.stem[:2] not in LONG]


# 256 times a byte has 16 bits there
RIGHT_BEFORE_NUMPY_2 = ["256 does not fit into a byte"]
NUMPY_1 = np.__version__.startswith("1.")


def run(text: str, namespace: dict):
    exec(compile(text, "<cell>", "exec"), namespace)


def test_there_are_lessons_and_each_has_its_notebook_and_its_checks():
    assert [name[:2] for name in NAMES] == [f"{n:02d}" for n in range(18)]
    assert sorted(path.stem for path in LESSONS.glob("*.ipynb")) == NAMES
    assert sorted(path.stem for path in (LESSONS / "checks").glob("lesson*.py")) == [
        f"lesson{n[:2]}" for n in NAMES[1:]
    ]


@pytest.mark.parametrize("source", all_but(QUICK, SOURCES), ids=NAMES)
def test_every_check_passes_the_stub_on_and_tells_the_solution_from_wrong_answers(source):
    cells, namespace = make.parse(source), {}
    parts = make.exercises(cells)
    for cell in cells:
        if cell.kind in ("code", "check"):
            run(cell.text, namespace)  # the solution before it: a check that fails raises
        elif cell.kind == "exercise":
            one = parts[cell.exercise]
            stubbed = dict(namespace)
            run(cell.text, stubbed)
            with pytest.raises(NotImplementedError, match=f"Exercise {cell.exercise}: ") as hint:
                run(one.checks[0], stubbed)
            assert len(str(hint.value)) > 40
            for wrong in one.wrong:
                if NUMPY_1 and wrong.message in RIGHT_BEFORE_NUMPY_2:
                    continue
                mistaken = dict(namespace)
                run(wrong.text, mistaken)
                with pytest.raises(Wrong, match=f"^Exercise {cell.exercise}: ") as error:
                    run(one.checks[0], mistaken)
                assert wrong.message in str(error.value), f"{wrong.name}: {error.value}"
            run(one.solution, namespace)


def test_a_lesson_is_whole(source):
    cells = make.parse(source)
    parts = make.exercises(cells)
    number = int(source.stem[:2])
    functions = [one for one in parts if not one.endswith("t")]
    asked = [one for one in functions if not parts[one].optional]
    assert 2 * (source != PLAY) <= len(functions) <= 5 * (source != PLAY) and len(asked) <= 4
    assert functions == [f"{number}.{n + 1}" for n in range(len(functions))]
    for tested in set(parts) - set(functions):
        assert parts[tested].at > parts[tested[:-1]].at, "a function is tested after it was written"
    for one in parts.values():
        assert one.solution and len(one.checks) == 1 and len(one.wrong) >= 2, one.number
        following = [cell.kind for cell in cells[one.at + 1 :] if cell.kind != "wrong"]
        assert following[0] == "check", f"the check of {one.number} must follow its stub"
        assert f"**Exercise {one.number}.**" in cells[one.at - 1].text
        # the same function
        assert one.solution.split("(")[0].splitlines()[-1] in cells[one.at].text
    code = [cell.text.splitlines() for cell in cells if cell.kind in ("code", "exercise", "check")]
    assert sum(map(len, code)) <= 200
    solved = [one.solution.splitlines() for one in parts.values()]
    for text in (*code, *solved):
        assert len(text) <= 12 + 2 * (text in solved) and max(map(len, text)) <= 100, text
    last = cells[-1].text
    assert (
        cells[0].text.startswith(f"# {number} · ") and "**Next**" in last and "**Now read**" in last
    )
    read = re.findall(r"`((?:minisnn|hardware|lessons)/[\w/.]+)`", last)
    assert read and all((ROOT / path).exists() for path in read)
    drawn = [cell for cell in cells if cell.kind not in (make.WHY, "text")][-1]
    assert drawn.kind == "code" and "style." in drawn.text, "a lesson ends with a picture"


def test_the_notebook_is_what_its_source_says_and_was_executed_in_order(source):
    nbformat = pytest.importorskip("nbformat")
    found = nbformat.read(make.notebook_of(source), 4)
    nbformat.validate(found)
    expected = make.notebook(make.parse(source))
    again = f"run `python lessons/make.py {source.stem[:2]}` after a change of the source"
    assert [(c.cell_type, c.source, c.metadata) for c in found.cells] == [
        (c.cell_type, c.source, c.metadata) for c in expected.cells
    ], again
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), again
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    for cell in code:
        if "check" in cell.metadata.get("tags", ()):
            assert not cell.outputs, "as shipped nothing is solved, and nothing is right"
    assert any("image/png" in o.get("data", {}) for o in code[-1].outputs), (
        "the closing picture is missing"
    )
    assert make.notebook_of(source).stat().st_size < 400_000


# what long cells do fewer times where the notebook need not be what the student sees: text, and
# what stands there
FEW = (dict(train=("background", 60), test=("evaluation", 20)), 6)  # characters, drawings
LESS = {
    "06": [(", 61)", ", 13)"), ("(0.001, 0.01, 0.1, 0.3, 1, 2, 4, 10)", "(0.1, 10)")],
    "11": [("for seed in range(3):", "for seed in range(1):")],
    "12": [
        ("for n in range(12)]", "for n in range(2)]"),
        ("linspace(0, 1, 15)", "linspace(0, 1, 4)"),
        ("range(0, 15, 2), 14", "range(4), 3"),
        (', "class means": "moved", "Proto-MAML": "fast"}', "}"),
        ("repeat=3", "repeat=1"),
    ],
    "15": [("for n in range(12)]", "for n in range(2)]")],
    "16": [
        ("progress=False), 6", "progress=False), 2"),
        ("in (5, 10, 20):", "in (5,):"),
    ],
    "17": [
        ("check.whole()", f"check.data.write.__defaults__ = {FEW}; check.whole()"),
        ('"--tasks", "600", "--second", "100"', '"--tasks", "8", "--second", "2"'),
    ],
}


BY_A_KERNEL = [FIRST]
HERE = [source for source in SOURCES if source not in QUICK]


def with_solutions(source: Path, less: bool):
    """The notebook of a source; what takes long is done fewer times where `less`."""
    made = make.notebook(make.parse(source), solved=True)
    for text, instead in LESS.get(source.stem[:2], []) if less else []:
        found = [cell for cell in made.cells if text in cell.source]
        assert found, f"lesson {source.stem} has no {text!r} any more"
        for cell in found:
            cell.source = cell.source.replace(text, instead)
    return made


# the cells of the others are run above and below
@pytest.mark.parametrize("source", all_but(BY_A_KERNEL, SOURCES), ids=NAMES)
@pytest.mark.parametrize(
    "whole", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["less", "whole"]
)
def test_the_notebook_runs_top_to_bottom_with_the_solutions(source, whole):
    pytest.importorskip("nbclient")
    made = with_solutions(source, not whole)
    done = make.execute(made)
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("image/png" in o.get("data", {}) for o in code[-1].outputs)


@pytest.mark.parametrize("source", HERE, ids=[source.stem for source in HERE])
def test_cells_run_one_after_another_with_the_solutions(source, tmp_path, monkeypatch):
    """Without a kernel, whose start takes as long as some of them."""
    pytest.importorskip("nbformat")
    monkeypatch.chdir(LESSONS)
    monkeypatch.setenv("MYSNN", str(tmp_path / "mysnn.py"))
    namespace: dict = {}
    for cell in with_solutions(source, less=True).cells:
        if cell.cell_type == "code":
            run(cell.source, namespace)


def test_the_minutes_are_those_of_the_rule():
    rows = re.findall(
        r"^\| (\d+) \| .* \| (\d+) \|$", (LESSONS / "README.md").read_text(encoding="utf-8"), re.M
    )
    for source, (number, allowed) in zip(SOURCES, rows, strict=True):
        found = make.minutes(make.parse(source))
        assert int(number) == int(source.stem[:2]) and int(allowed) == found
        assert f"Allow {found} minutes." in source.read_text(encoding="utf-8")
    assert all(f"({name}.ipynb)" in (LESSONS / "README.md").read_text() for name in NAMES)
    hours = sum(int(allowed) for _, allowed in rows) / 60
    assert f"takes about {hours:.1f} hours" in (LESSONS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda x: None, "returned nothing"),
        (lambda x: x + "a", "stopped with"),
        (lambda x: (x, x, x), "must return 2 things"),
        (lambda x: (x.__setitem__(0, 9), x)[1:] * 2, "changed one of its arguments"),
        (lambda x: (x[1:], x), "has shape (2,)"),
        (lambda x: (x * float("nan"), x), "y[0] is nan, expected 0"),
        (lambda x: (x + [0, 0, 1], x), "y[2] is 3, expected 2"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(function, message):
    import numpy as np

    x = np.arange(3.0)
    with pytest.raises(Wrong) as error:
        found = answer("1.3", function, x, returns=2)
        same("1.3", "y", found[0], x)
    assert message in str(error.value) and str(error.value).startswith("Exercise 1.3: ")


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Exit code, standard output and standard error of `minisnn lessons ...`, in an empty
    folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = cli.main(["lessons", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


def test_the_command_copies_what_a_student_needs(command):
    code, out, _ = command()
    copied = sorted(
        str(path.relative_to("minisnn-lessons"))
        for path in Path("minisnn-lessons").rglob("*")
        if path.is_file()
    )
    expected = [
        f"{name}.ipynb" for name in NAMES
    ] + "README.md GLOSSARY.md style.py interactive.py play.py".split()
    told = tuple("diagnosis facts paper slips stopped surrogate tested suspects bugs".split())
    own = ("mine", "parts", "given", "data", "solutions")
    expected += [f"checks/{name}.py" for name in ("__init__", *own, *told)]
    expected += ["checks/slips.txt", "checks/suspects.txt"]
    expected += [
        f"{folder}/{path.name}"
        for folder in ("pictures", "guides")
        for path in (LESSONS / folder).iterdir()
    ]
    assert code == 0 and copied == sorted(
        expected + [f"checks/lesson{name[:2]}.py" for name in NAMES[1:]]
    )
    for name in NAMES:
        assert (Path("minisnn-lessons") / f"{name}.ipynb").read_bytes() == (
            LESSONS / f"{name}.ipynb"
        ).read_bytes()
    code, out, _ = command("--list")
    assert (
        code == 0
        and out.splitlines()[:2] == ["  0  Forty-five minutes of play", "  1  One leaky neuron"]
        and len(out.splitlines()) == len(NAMES)
    )


def test_the_command_leaves_a_students_work_alone(command):
    command("--out", "mine", "--only", "1,2")
    work, other = (Path("mine") / f"{name}.ipynb" for name in NAMES[1:3])
    assert not (Path("mine") / f"{NAMES[3]}.ipynb").exists()
    work.write_text("hours of work")
    (Path("mine") / "style.py").write_text("changed by the student")
    code, _, err = command("--out", "mine")
    assert code == 2 and "style.py: this would be replaced" in err
    assert (Path("mine") / "style.py").read_text() == "changed by the student"
    (Path("mine") / "style.py").unlink()
    code, out, _ = command("--out", "mine")
    assert (
        code == 0 and work.read_text() == "hours of work" and f"{work}: yours, left as it is" in out
    )
    assert (Path("mine") / "style.py").read_bytes() == (LESSONS / "style.py").read_bytes()
    assert (Path("mine") / f"{NAMES[3]}.ipynb").exists()
    code, out, _ = command("--out", "mine", "--only", 1, "--force")
    assert work.read_bytes() == (LESSONS / work.name).read_bytes() and "written" in out
    assert not list(Path().rglob(".*"))
    Path("course").mkdir()
    for name in ("README.md", "style.py", "GLOSSARY.md"):
        (Path("course") / name).write_text("the user's")
    code, _, err = command("--out", "course")
    assert code == 2 and "would be replaced" in err
    assert {path.read_text() for path in Path("course").iterdir()} == {"the user's"}


def test_the_command_says_in_a_sentence_what_is_wrong(command, monkeypatch, tmp_path):
    Path("text").write_text("")
    for arguments, message in (
        (("--out", "text"), "of this name"),
        (("--only", 99), "there is no lesson 99; there are 0, 1, 2, 3"),
    ):
        code, out, err = command(*arguments)
        assert code == 2 and not out and message in err and err.count("\n") == 1
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "a" / "minisnn")
    assert command()[0] == 2


def test_the_command_opens_jupyterlab_where_it_is(command, monkeypatch):
    seen = []
    find = importlib.util.find_spec
    there = []
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: (there or None) if name == "jupyterlab" else find(name, *more),
    )
    assert "JupyterLab is not installed" in command()[1]
    code, _, err = command("--open")
    assert code == 2 and 'pip install "minisnn[lessons]"' in err
    there.append("a spec")
    code, out, _ = command("--out", "a b")
    assert code == 0 and "-m jupyterlab 'a b'" in out
    ended = subprocess.CompletedProcess([], 3)
    monkeypatch.setattr(subprocess, "run", lambda words: seen.append(words) or ended)
    assert command("--open")[0] == 3
    assert seen == [[sys.executable, "-m", "jupyterlab", "minisnn-lessons"]]


def test_the_wheel_carries_the_lessons():
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]
    assert wheel["force-include"]["lessons"] == "minisnn/_folders/lessons"


SLIDER = """import style
def draw(value):
    with style.picture(f"value {value}") as axes:
        axes.plot([0, value])
style.slider(draw, (1, 2, 5), 2, "value (ms)")"""
MOVE = """import ipywidgets
[stops] = [w for w in ipywidgets.widgets.widget._instances.values() if isinstance(w, ipywidgets.SelectionSlider)]
stops.value = 5"""


def _slider_outputs(watched: bool, monkeypatch):
    """Outputs of a cell with a slider, after a second one has moved it, where there is one."""
    v4, nbclient = pytest.importorskip("nbformat.v4"), pytest.importorskip("nbclient")
    started = nbclient.NotebookClient.async_start_new_kernel_client

    async def asks(self):
        client = await started(self)
        client.allow_stdin = watched  # as JupyterLab, for somebody who can type
        return client

    monkeypatch.setattr(nbclient.NotebookClient, "async_start_new_kernel_client", asks)
    made = v4.new_notebook(
        cells=[v4.new_code_cell(text) for text in ([SLIDER, MOVE] if watched else [SLIDER])]
    )
    return make.execute(made).cells[0].outputs


@pytest.mark.slow
def test_a_picture_stands_where_nobody_moves_a_slider(monkeypatch):
    [picture] = _slider_outputs(False, monkeypatch)
    assert "image/png" in picture.data and picture.metadata["image/png"]["alt"] == "value 2"


def test_a_slider_draws_the_value_that_it_is_moved_to(monkeypatch):
    pytest.importorskip("ipywidgets")
    stops, picture = _slider_outputs(True, monkeypatch)
    assert "application/vnd.jupyter.widget-view+json" in stops.data
    assert picture.metadata["image/png"]["alt"] == "value 5"


def test_a_slider_needs_no_notebook_and_no_ipywidgets(monkeypatch):
    import style

    drawn = []
    style.slider(drawn.append, (1, 2, 5), 2, "value")  # as where the cells are run without a kernel
    with pytest.raises(ValueError, match="start is 3, expected one of values: 1, 2, 5"):
        style.slider(drawn.append, (1, 2, 5), 3, "value")
    asked = type("Kernel", (), {"get_parent": lambda self: {"content": {"allow_stdin": True}}})
    monkeypatch.setattr(style, "_shell", lambda: type("Shell", (), {"kernel": asked()}))
    assert style._watched() == (style.importlib.util.find_spec("ipywidgets") is not None)
    monkeypatch.setattr(style.importlib.util, "find_spec", lambda name: None)
    style.slider(drawn.append, (1, 2, 5), 5, "value")
    assert drawn == [2, 5]
