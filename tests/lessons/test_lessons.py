"""The lessons: each is whole, runs with its solutions, and its notebook is what its source says."""

from pathlib import Path

import pytest

import make
from checks import foreseen, mine
from slowly import all_but

ROOT = Path(__file__).resolve().parents[2]
SOURCES = make.sources()
NAMES = [source.stem for source in SOURCES]


@pytest.fixture(params=SOURCES, ids=NAMES)
def source(request):
    return request.param


def test_no_answer_without_a_guess(capsys):
    foreseen(None, 3.14159)
    said = capsys.readouterr().out
    assert said.startswith("Your guess first") and "3.14" not in said


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
    checks = [cell for cell in code if "check" in cell.metadata.get("tags", ())]
    assert not any(cell.outputs for cell in checks), "as shipped nothing is right"
    assert any("image/png" in o.get("data", {}) for o in code[-1].outputs), "no closing picture"
    assert make.notebook_of(source).stat().st_size < 400_000


def test_the_solutions_file_is_what_the_sources_say():
    text = (make.HERE / "checks" / "solutions.py").read_text(encoding="utf-8")
    assert text == make.solutions(), "run `python lessons/make.py`"


# what long cells do fewer times: text, and what stands there
FEW = (dict(train=("background", 60), test=("evaluation", 20)), 6)  # characters, drawings
LESS = {
    "06": [(", 61)", ", 13)"), ("(0.001, 0.01, 0.1, 0.3, 1, 2, 4, 10)", "(0.1, 10)")],
    "11": [("for seed in range(3):", "for seed in range(1):"), ("range(400)", "range(20)")],
    "12": [
        ("for n in range(12)]", "for n in range(2)]"),
        ("linspace(0, 1, 15)", "linspace(0, 1, 4)"),
        ("range(0, 15, 2), 14", "range(4), 3"),
    ],
    "15": [("for n in range(12)]", "for n in range(2)]")],
    "16": [
        ("progress=False), 6", "progress=False), 2"),
        ("in (5, 10, 20):", "in (5,):"),
        (', "class means": "moved", "Proto-MAML": "fast"}', "}"),
        ("repeat=3", "repeat=1"),
    ],
    "17": [
        ("check.whole()", f"check.data.write.__defaults__ = {FEW}; check.whole()"),
        (
            '"--tasks", "600", "--second", "100"',
            '"--tasks", "8", "--second", "2", "--episodes", "20"',
        ),
    ],
}


def test_cells_run_one_after_another_with_the_solutions(source, tmp_path, monkeypatch):
    """Without a kernel, whose start takes as long as some of them."""
    pytest.importorskip("nbformat")
    monkeypatch.chdir(make.HERE)
    monkeypatch.setenv("MYSNN", str(tmp_path / "mysnn.py"))
    mine.prepare(source.stem[:2])  # its checks may have been imported before
    made = make.notebook(make.parse(source), solved=True)
    for text, instead in LESS.get(source.stem[:2], []):
        assert any(text in cell.source for cell in made.cells), text
        for cell in made.cells:
            cell.source = cell.source.replace(text, instead)
    space: dict = {}
    for cell in made.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "<cell>", "exec"), space)


@pytest.mark.parametrize("source", all_but(SOURCES[1:2], SOURCES), ids=NAMES)
def test_the_notebook_runs_in_a_kernel(source):
    pytest.importorskip("nbclient")
    done = make.execute(make.notebook(make.parse(source), solved=True))
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    assert any("image/png" in o.get("data", {}) for o in code[-1].outputs)


def test_a_slider_needs_no_notebook():
    import style

    drawn = []
    style.slider(drawn.append, (1, 2, 5), 2, "value")  # as where the cells are run without a kernel
    with pytest.raises(ValueError):
        style.slider(drawn.append, (1, 2, 5), 3, "value")
    assert drawn == [2]
