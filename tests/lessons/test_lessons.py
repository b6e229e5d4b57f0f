"""The lessons: every notebook runs, is what its source says, and every check tells right from
wrong."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
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
# of CPU time
SECONDS = {
    name: {"17": 180}.get(name[:2], 60 if name[:2] in ("11", "12", "15", "16") else 30)
    for name in NAMES
}


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
    before = time.process_time()
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
    assert time.process_time() - before < SECONDS[source.stem]


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
    words = " ".join(
        re.sub(r"\$\$.+?\$\$|\$.+?\$", " x ", cell.text, flags=re.S)
        for cell in cells
        if cell.kind == "text"
    )
    assert 600 <= len(words.split()) <= 1200, len(words.split())
    last = cells[-1].text
    assert (
        cells[0].text.startswith(f"# {number} · ") and "**Next**" in last and "**Now read**" in last
    )
    read = re.findall(r"`((?:minisnn|hardware|lessons)/[\w/.]+)`", last)
    assert read and all((ROOT / path).exists() for path in read)
    assert cells[-2].kind == "code" and "style." in cells[-2].text, "a lesson ends with a picture"


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


def _seconds_of_children() -> float:
    """Processor time of processes that have ended, kernels too: a busy machine is not the lesson's
    fault."""
    used = os.times()
    return used.children_user + used.children_system


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
    before = _seconds_of_children()
    done = make.execute(made)
    assert _seconds_of_children() - before < SECONDS[source.stem]
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
    before = time.process_time()
    for cell in with_solutions(source, less=True).cells:
        if cell.cell_type == "code":
            run(cell.source, namespace)
    assert time.process_time() - before < SECONDS[source.stem]


def test_the_minutes_are_those_of_the_rule():
    rows = re.findall(
        r"^\| (\d+) \| .* \| (\d+) \|$", (LESSONS / "README.md").read_text(encoding="utf-8"), re.M
    )
    for source, (number, allowed) in zip(SOURCES, rows, strict=True):
        found = make.minutes(make.parse(source))
        assert int(number) == int(source.stem[:2]) and int(allowed) == found and 20 < found < 150
        assert f"Allow {found} minutes." in source.read_text(encoding="utf-8")
    hours = sum(int(allowed) for _, allowed in rows) / 60
    assert f"takes about {hours:.1f} hours" in (LESSONS / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_every_lesson_and_every_wrong_answer():
    text = (LESSONS / "README.md").read_text()
    assert text == make.readme(), "run `python lessons/make.py`"
    for name in NAMES:
        assert f"({name}.ipynb)" in text


@pytest.mark.parametrize(
    "text, message",
    [
        ("```python\nx = 1\n", "line 1 is not closed"),
        ("```python sing 1.1\n```", "line 1 opens a block of no known kind"),
        ("```python wrong 1.1\n```", "no known kind"),
        ("a\n```hint\n```", None),
    ],
)
def test_a_source_that_makes_no_sense_says_where(tmp_path, text, message):
    (tmp_path / "01_a.md").write_text(text)
    if message is None:
        assert [cell.kind for cell in make.parse(tmp_path / "01_a.md")] == ["text", "code"]
        return
    with pytest.raises(ValueError, match=message):
        make.parse(tmp_path / "01_a.md")


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
        found = answer("9.9", function, x, returns=2)
        same("9.9", "y", found[0], x)
    assert message in str(error.value) and str(error.value).startswith("Exercise 9.9: ")


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
    told = tuple("cases diagnosis facts paper slips stopped surrogate tested suspects bugs".split())
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
    assert code == 2 and "mine: style.py would be replaced" in err
    assert (Path("mine") / "style.py").read_text() == "changed by the student"
    (Path("mine") / "style.py").unlink()
    code, out, _ = command("--out", "mine")
    assert (
        code == 0 and work.read_text() == "hours of work" and f"{work}: yours, left as it is" in out
    )
    assert (Path("mine") / "style.py").read_bytes() == (LESSONS / "style.py").read_bytes()
    assert (Path("mine") / f"{NAMES[3]}.ipynb").exists()
    code, out, _ = command("--out", "mine", "--only", 1, "--force")
    assert work.read_bytes() == (LESSONS / work.name).read_bytes() and "written afresh" in out
    assert not list(Path().rglob(".*"))
    Path("course").mkdir()
    for name in ("README.md", "style.py", "GLOSSARY.md"):
        (Path("course") / name).write_text("the user's")
    code, _, err = command("--out", "course")
    assert code == 2 and "course: " in err and "would be replaced" in err
    assert {path.read_text() for path in Path("course").iterdir()} == {"the user's"}


def test_the_command_says_in_a_sentence_what_is_wrong(command, monkeypatch, tmp_path):
    Path("text").write_text("")
    for arguments, message in (
        (("--out", "text"), "text: there is a file of this name"),
        (("--only", 99), "there is no lesson 99; there are 0, 1, 2, 3"),
    ):
        code, out, err = command(*arguments)
        assert code == 2 and not out and message in err and err.count("\n") == 1
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "01_a.ipynb").write_text("{}")
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "minisnn")
    code, _, err = command("--list")
    assert code == 2 and "01_a.ipynb: the file is not a notebook" in err
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "a" / "minisnn")
    assert command()[0] == 2


def test_the_command_opens_jupyterlab_where_it_is(command, monkeypatch):
    from minisnn import classroom

    seen = []
    find = importlib.util.find_spec
    of_jupyter = lambda found: (
        lambda name, *more: found if name.startswith("jupyter") else find(name, *more)
    )
    monkeypatch.setattr(classroom.importlib.util, "find_spec", of_jupyter(None))
    assert "JupyterLab is not installed" in command()[1]
    code, _, err = command("--open")
    assert code == 2 and 'pip install "minisnn[lessons]"' in err
    monkeypatch.setattr(classroom.importlib.util, "find_spec", of_jupyter("there"))
    ended = type("Ended", (), dict(wait=lambda self: 3, poll=lambda self: 3))
    monkeypatch.setattr(classroom.subprocess, "Popen", lambda line: seen.append(line) or ended())
    code, out, _ = command("--out", "a b")
    assert code == 0 and "open them with: " in out and "-m jupyterlab 'a b'" in out and not seen
    assert command("--open", "--port", 9000)[0] == 3
    assert seen == [[sys.executable, "-m", "jupyterlab", "--port=9000", "minisnn-lessons"]]


def test_the_wheel_carries_the_lessons():
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]
    assert wheel["force-include"]["lessons"] == "minisnn/_folders/lessons"


def test_an_exam_is_set_and_marked(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    import exam

    parts = make.exercises(make.parse(FIRST))
    for sealed in (False, True):
        text = exam.set_exam("1", tmp_path / "exam.ipynb", sealed, force=True).read_text()
        assert (
            "<details>" not in text
            and "Exercise 1.1: right" not in text
            and text.count("raise NotImplementedError") == len(parts)
        )
        assert ("check.trace(trace)" in text) != sealed and ("from checks" in text) != sealed
    handed_in = nbformat.read(tmp_path / "exam.ipynb", 4)
    answers = [
        parts["1.1"].wrong[0].text,
        parts["1.2"].solution,
        "def fire(p, w, b, lif):\n    1 / 0",
        parts["1.4"].solution,
    ]
    for cell in handed_in.cells:
        if "exercise" in cell.metadata.get("tags", ()):
            cell.source = answers.pop(0)
    nbformat.write(handed_in, tmp_path / "a.ipynb")
    verdicts = exam.mark(tmp_path / "a.ipynb")
    assert list(verdicts) == list(parts) and verdicts["1.2"] == verdicts["1.4"] == "right"
    assert (
        parts["1.1"].wrong[0].message in verdicts["1.1"] and "ZeroDivisionError" in verdicts["1.3"]
    )
    nbformat.write(make.notebook([]), tmp_path / "none.ipynb")
    with pytest.raises(ValueError, match="no cells tagged as exercises"):
        exam.mark(tmp_path / "none.ipynb")
    with pytest.raises(ValueError, match="there is no lesson 77"):
        exam.set_exam("77", tmp_path / "exam.ipynb")
    with pytest.raises(ValueError, match="lesson 0 has no exercise"):
        exam.set_exam("0", tmp_path / "exam.ipynb")


FRAUDS = {
    "the solution, executed": "from checks.solutions import SOLUTIONS\nexec(SOLUTIONS['1.1'])",
    "its file, read": "from pathlib import Path\ntext = Path(HERE, "
    "'checks/solutions.py').read_text()\n"
    "space = {}; exec(text, space); exec(space['SOLUTIONS']['1.1'])",
    "the lesson's source, through a link": "import os\nos.symlink(HERE, 'here')\n"
    "text = open('here/source/01_one_leaky_neuron.md').read()\nexec(text.split('solution "
    "1.1')[1].split('```')[0])",
    "another program": "import subprocess\n"
    "exec(subprocess.run(['cat', HERE + '/checks/solutions.py'], capture_output=True).stdout)",
    "checks that say nothing": "import checks\nchecks.same = lambda *_, **__: None\ndef trace(x, "
    "decay): "
    "return "
    "0 "
    "* "
    "x",
    "its own verdict": "def trace(x, decay):\n    print('Exercise 1.1: right.')\n    raise "
    "SystemExit",
    "its own verdict in a "
    "class": "class trace(BaseException):\n    def __init__(self, x, decay): raise self\n"
    "    def __str__(self): return 'Exercise 1.1: right.'",
    "a thing that equals all": "class All:\n    __eq__ = __ne__ = __le__ = __ge__ = lambda *_: "
    "True\n"
    "def trace(x, decay): return All()",
    "an array of its own kind": "import numpy as np\nclass All(np.ndarray):\n"
    "    def __array_ufunc__(self, *_, **__): return 0.0\n"
    "def trace(x, decay): return np.zeros(x.shape).view(All)",
}


def test_a_right_answer_is_right_and_frauds_are_not():
    judge = pytest.importorskip("judge")
    parts = make.exercises(make.parse(FIRST))
    student = judge.Student(1, 60)
    try:
        student.run("import numpy as np", 60)
        check = parts["1.1"].checks[0]
        assert judge.verdict(student, "1.1", parts["1.1"].solution, check) == "right"
        for what, code in FRAUDS.items():
            student.run("globals().pop('trace', None)", 60)
            said = judge.verdict(student, "1.1", f"HERE = {str(make.HERE)!r}\n{code}", check)
            assert said != "right" and "the check said nothing" not in said, (what, said)
        assert judge.verdict(student, "1.1", parts["1.1"].solution, check) == "right"
        loud = parts["1.1"].solution.replace("    y = ", "    print('x' * 10**7)\n    y = ", 1)
        assert judge.verdict(student, "1.1", loud, check) == "right"
        with pytest.raises(judge.Lost, match=r"ended Python \(exit code 3\)"):
            judge.verdict(student, "1.1", "import os\nos._exit(3)", check)
    finally:
        student.close()


ENDLESS = """
import judge
student = judge.Student(1, 600)
print(student.process.pid, student.folder.name, flush=True)
student.run("open('begun', 'w')\\nwhile True: pass", 600)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc to see processes in")
@pytest.mark.slow
def test_an_endless_answer_ends_with_the_process_that_judges(tmp_path):
    place = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(LESSONS)]),
        "TMPDIR": str(tmp_path),
    }
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS], env=place, stdout=subprocess.PIPE, text=True
    ) as judging:
        number, folder = judging.stdout.readline().split()
        wait_for(lambda: (Path(folder) / "begun").exists())
        judging.kill()
    wait_for(lambda: not (Path("/proc") / number).is_dir())


def wait_for(holds, seconds=60):
    """Until it holds; AssertionError where it never does."""
    last = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.1)


REACH = {  # what an answer may not do, but for what it does in its own folder
    "a library's open": "import ctypes\nctypes.CDLL(None).open(b'{solutions}', 0)",
    "Python's own open": "import ctypes\nctypes.pythonapi.open(b'{solutions}', 0)",
    "another program, by a library": "import ctypes\nctypes.CDLL(None).system(b'rm {victim}')",
    "another program, past subprocess": "import _posixsubprocess\n_posixsubprocess.fork_exec()",
    "the solutions, from a "
    "folder": "import os\nos.open('{name}', os.O_RDONLY, dir_fd=os.open('{folder}', os.O_RDONLY))",
    "the judge's memory": "import os\nopen(f'/proc/{{os.getppid()}}/mem', 'rb')",
    "the network": "import socket\nsocket.create_connection(('127.0.0.1', 9))",
    "a file written": "open('{victim}', 'w')",
    "a file written by its number": "import os\nos.open('{victim}', os.O_WRONLY | os.O_TRUNC)",
    "a file removed": "import os\nos.remove('{victim}')",
    "a folder removed": "import shutil\nshutil.rmtree('{place}')",
    "a file renamed": "import os\nos.rename('{victim}', 'mine')",
    "a file emptied": "import os\nos.truncate('{victim}', 0)",
    "a file hidden": "import os\nos.chmod('{victim}', 0)",
    "a file hidden by its number": "import os\nos.fchmod(os.open('{victim}', os.O_RDONLY), 0)",
    "a folder made": "import os\nos.mkdir('{place}/new')",
    "a link made": "import os\nos.symlink('{victim}', '{place}/new')",
    "a database": "import sqlite3\nsqlite3.connect('{place}/new').execute('create table a(b)')",
    "another root": "import os\nos.chroot('{folder}')",
    "answers of other years": "open('{folder}/../tests/lessons/student.txt')",
}


def test_an_answer_reaches_nothing_but_its_own_folder(tmp_path):
    judge = pytest.importorskip("judge")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    solutions = make.HERE / "checks" / "solutions.py"
    names = dict(
        victim=victim,
        place=tmp_path,
        solutions=solutions,
        folder=make.HERE,
        name="checks/solutions.py",
    )
    student = judge.Student(1, 60)
    try:
        for what, code in REACH.items():
            with pytest.raises(PermissionError, match="is not for an exam"):
                student.run(code.format(**names), 60)
                pytest.fail(what)
        assert [one.name for one in tmp_path.iterdir()] == [
            "victim"
        ] and victim.read_text() == "mine"
        assert victim.stat().st_mode & 0o777
        student.run(
            "import os, shutil, tempfile\nopen('a', 'w').write('b')\nos.rename('a', "
            "'c')\nos.remove('c')",
            60,
        )
        student.run(
            "with tempfile.TemporaryDirectory() as d: open(d + '/a', 'w')\nassert not "
            "os.path.exists(d)",
            60,
        )
        student.run("import numba\nassert numba.njit(lambda a: a * 2)(2) == 4", 60)
    finally:
        student.close()


@pytest.mark.parametrize("endless", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_notebook_has_its_rows_whatever_is_in_it(endless, tmp_path, monkeypatch, capsys):
    nbformat = pytest.importorskip("nbformat")
    import exam

    monkeypatch.setattr(exam, "SECONDS", 5)
    monkeypatch.setattr(exam, "mark", partial(exam.mark, seconds=3))
    parts = make.exercises(make.parse(FIRST))
    text = exam.set_exam("1", tmp_path / "exam.ipynb").read_text()
    with pytest.raises(ValueError, match="a file of this name"):
        exam.set_exam("1", Path(shutil.copy(FIRST, tmp_path / "mine.md")))
    book = json.loads(text)
    slots = [cell for cell in book["cells"] if "exercise" in cell["metadata"].get("tags", ())]
    told, ends = ("never stops", "while True: pass") if endless else ("ZeroDivisionError", "1 / 0")
    answers = [
        ends,
        "import os\nos._exit(0)",
        f"def fire(p, w, b, lif):\n    {ends}",
        parts["1.4"].solution,
    ]
    for slot, code in zip(slots, answers, strict=True):
        slot["source"] = code
    bad = {
        "a.ipynb": json.dumps(book),
        "b.ipynb": "not a notebook",
        "c.ipynb": json.dumps(
            {"cells": [dict(cell_type="code", metadata=dict(tags=None), source="1")]}
        ),
        "d.ipynb": json.dumps(
            {
                "cells": [
                    dict(
                        cell_type="code",
                        metadata=dict(tags=[["exercise"]], exercise=[]),
                        source="1",
                    )
                ]
            }
        ),
        "e.ipynb": json.dumps(
            {
                "cells": [
                    dict(
                        cell_type="code",
                        metadata=dict(tags=["exercise"], exercise="99.1"),
                        source="1",
                    )
                ]
            }
        ),
        "f.ipynb": json.dumps([1, None]),
        "g.ipynb": "[" * 100_000,
    }
    for name, content in bad.items():
        (tmp_path / name).write_text(content)
    exam.main(["mark", *(str(tmp_path / name) for name in [*bad, "absent.ipynb"])])
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    names = [Path(path).name for path, _, _ in rows]
    assert names == ["a.ipynb"] * 4 + [*list(bad)[1:], "absent.ipynb"]
    verdicts = [row[2] for row in rows[:4]]
    assert told in verdicts[0] and "ended Python" in verdicts[1] and told in verdicts[2]
    assert verdicts[3] == "right" and nbformat is not None


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES[1:], ids=lambda path: path.stem[:2])
def test_all_solutions_are_right_in_an_exam(source, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    import exam

    book = make.notebook(make.parse(source), solved=True)
    nbformat.write(book, tmp_path / "a.ipynb")
    assert set(exam.mark(tmp_path / "a.ipynb", 120).values()) == {"right"}


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


def test_drawn_pictures_move_and_print_as_the_still():
    import base64
    import io

    import numpy as np
    import style
    from PIL import Image

    v4 = pytest.importorskip("nbformat.v4")
    pytest.importorskip("nbclient")
    cell = SLIDER.replace(
        'slider(draw, (1, 2, 5), 2, "value (ms)")', 'moving(draw, (1, 2, 5), 2, "what to see", 70)'
    )
    [shown] = make.execute(v4.new_notebook(cells=[v4.new_code_cell(cell)])).cells[0].outputs
    assert shown.metadata["image/png"]["alt"] == "what to see"
    with Image.open(io.BytesIO(base64.b64decode(shown.data["image/png"]))) as film:
        # the still, then the three
        assert film.n_frames == 4 and film.width == shown.metadata["image/png"]["width"]
        seen = []
        for n in range(4):
            film.seek(n)
            seen.append(np.asarray(film.convert("RGB")).astype(int))
            assert n == 0 or film.info["duration"] == 70
    assert [np.array_equal(seen[0], other) for other in seen[1:]] == [False, True, False]
    assert not np.array_equal(seen[1], seen[3])
    drawn = []
    # as where the cells are run without a kernel
    style.moving(drawn.append, (1, 2, 5), 2, "what to see", 70)
    with pytest.raises(ValueError, match="still is 3, expected one of values: 1, 2, 5"):
        style.moving(drawn.append, (1, 2, 5), 3, "what to see", 70)
    assert drawn == [2]


def test_a_film_moves_and_prints_as_its_still(monkeypatch):
    import io

    import numpy as np
    import style
    from PIL import Image

    shown = []
    monkeypatch.setattr(style, "_display", lambda *what: shown.append(what))
    frames = np.arange(12).reshape(3, 2, 2) % len(style.SHADES)
    style.film(frames, "what to see", milliseconds=70, still=1, scale=3)
    [(png, width, title, keeps_its_greys)] = shown
    assert keeps_its_greys
    with Image.open(io.BytesIO(png)) as film:
        # the still, then the three
        assert (film.n_frames, film.size[0], width, title) == (
            4,
            6,
            6,
            "what to see",
        )
        for n, frame in enumerate((1, 0, 1, 2)):
            film.seek(n)
            pixels = np.asarray(film.convert("RGB"))
            wanted = [
                [round(255 * part) for part in style.to_rgb(style.SHADES[k])]
                for k in frames[frame].ravel()
            ]
            # the middles of the pixels
            assert pixels[[1, 1, 4, 4], [1, 4, 1, 4]].tolist() == wanted
            assert (pixels[-1] == 0).all(1).sum() == 2 * (frame + 1)  # the bar of time
            assert n == 0 or film.info["duration"] == 70


def test_the_first_use_of_a_word_is_linked_to_the_glossary_and_no_other():
    texts = [
        "# A trace in a heading",
        "`trace` and $trace$ in code; [a trace](x) in a link; Traces fade, a trace fades",
        "a trace",
    ]
    assert make.linked(texts) == [
        texts[0],
        texts[1].replace("Traces", "[Traces](GLOSSARY.md#trace)"),
        texts[2],
    ]
    for source in SOURCES:
        text = "\n".join(
            cell.source
            for cell in make.notebook(make.parse(source)).cells
            if cell.cell_type == "markdown"
        )
        found = re.findall(r"\]\(GLOSSARY\.md#([^)]*)\)", text)
        assert len(found) >= 2 and len(set(found)) == len(found)
        assert set(found) <= {word.replace(" ", "-") for word in make.words()}


def test_texts_are_brought_up_to_date_without_running_anything(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    source = tmp_path / "01_a.md"
    source.write_text("# 1 · A\n\nOld.\n\n```python\nprint(1)\n```\n")
    monkeypatch.setattr(make, "notebook_of", lambda _: tmp_path / "01_a.ipynb")
    made = make.notebook(make.parse(source))
    made.cells[1].outputs, made.cells[1].execution_count = (
        [nbformat.v4.new_output("stream", text="1\n")],
        1,
    )
    nbformat.write(made, tmp_path / "01_a.ipynb")
    source.write_text(source.read_text().replace("Old", "New"))
    text, code = nbformat.read(make.retold(source), 4).cells
    assert "New." in text.source and code.outputs[0].text == "1\n"
    source.write_text(source.read_text().replace("print(1)", "print(2)"))
    with pytest.raises(ValueError, match="its code has changed"):
        make.retold(source)
