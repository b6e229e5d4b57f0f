"""The lessons: each is whole, runs with its solutions, and its notebook is what its source says."""

import re
from pathlib import Path

import pytest

import make
from checks import foreseen
from slowly import all_but

ROOT = Path(__file__).resolve().parents[2]
SOURCES = make.sources()
NAMES = [source.stem for source in SOURCES]


@pytest.fixture(params=SOURCES, ids=NAMES)
def source(request):
    return request.param


def test_a_lesson_is_whole(source):
    cells, number = make.parse(source), int(source.stem[:2])
    parts = make.exercises(cells)
    functions = [one for one in parts if not one.endswith("t")]
    assert functions == [f"{number}.{n + 1}" for n in range(len(functions))] != []
    for name, one in parts.items():
        assert one.solution and len(one.checks) == 1 and len(one.wrong) >= 2, name
        following = [cell.kind for cell in cells[one.at + 1 :] if cell.kind != "wrong"]
        assert following[0] == "check" and f"**Exercise {name}.**" in cells[one.at - 1].text
        head = one.solution.split("(")[0].splitlines()[-1]
        assert head in cells[one.at].text, "the stub has another name than the solution"
        assert not name.endswith("t") or one.at > parts[name[:-1]].at
    assert f"# {number} · " in cells[0].text and "Allow {minutes} minutes." in cells[0].text
    last = cells[-1].text
    assert "**Next**" in last or "**Now read**" in last
    read = re.findall(r"`((?:minisnn|hardware|lessons)/[\w/.]+)`", last)
    assert read and all((ROOT / path).exists() for path in read)
    pages = re.findall(r"\]\((?!http)([\w./]+)[)#]", "\n".join(cell.text for cell in cells))
    assert all((make.HERE / page).exists() for page in pages)
    guesses = sum("foreseen(guess" in cell.text for cell in cells if cell.kind == "code")
    assert len(make.answering(cells)) >= guesses > 0


def test_play_comes_first_and_each_break_leads_to_a_lesson():
    text = "\n".join(cell.text for cell in make.parse(SOURCES[0]) if cell.kind == "text")
    broken = text.split("## Break it")[1:]
    assert "$" not in text and len(broken) == 4
    assert all(re.search(r"\]\(\d\d_\w+\.ipynb\)", one) for one in broken)


def test_what_answers_a_prediction_is_folded_up_to_the_next_heading():
    cells = [
        make.Cell("code", "print(0)"),
        make.Cell("text", "**Predict.** How many?"),
        make.Cell("code", "guess = None\nforeseen(guess, 2)"),
        make.Cell("code", "print(1)"),
        make.Cell("text", "## Another question"),
        make.Cell("code", "print(2)"),
    ]
    made = [cell.metadata.get("jupyter", {}) for cell in make.notebook(cells).cells]
    hidden = {"outputs_hidden": True}
    assert made == [{}, {}, hidden, hidden, {}, {}]


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
        ('"--tasks", "600", "--second", "100"', '"--tasks", "8", "--second", "2"'),
    ],
}


def test_cells_run_one_after_another_with_the_solutions(source, tmp_path, monkeypatch):
    """Without a kernel, whose start takes as long as some of them."""
    pytest.importorskip("nbformat")
    monkeypatch.chdir(make.HERE)
    monkeypatch.setenv("MYSNN", str(tmp_path / "mysnn.py"))
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


SLIDER = """import style
def draw(value):
    with style.picture(f"value {value}") as axes:
        axes.plot([0, value])
style.slider(draw, (1, 2, 5), 2, "value (ms)")"""
MOVE = """import ipywidgets
[stops] = [w for w in ipywidgets.widgets.widget._instances.values() if isinstance(w, ipywidgets.SelectionSlider)]
stops.value = 5"""


def test_a_slider_draws_the_value_that_it_is_moved_to(monkeypatch):
    v4, nbclient = pytest.importorskip("nbformat.v4"), pytest.importorskip("nbclient")
    pytest.importorskip("ipywidgets")
    started = nbclient.NotebookClient.async_start_new_kernel_client

    async def watched(self):
        client = await started(self)
        client.allow_stdin = True  # as JupyterLab, for somebody who can type
        return client

    monkeypatch.setattr(nbclient.NotebookClient, "async_start_new_kernel_client", watched)
    made = v4.new_notebook(cells=[v4.new_code_cell(text) for text in (SLIDER, MOVE)])
    stops, picture = make.execute(made).cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in stops.data
    assert picture.metadata["image/png"]["alt"] == "value 5"


def test_a_slider_needs_no_notebook():
    import style

    drawn = []
    style.slider(drawn.append, (1, 2, 5), 2, "value")  # as where the cells are run without a kernel
    with pytest.raises(ValueError, match="start is 3, expected one of values: 1, 2, 5"):
        style.slider(drawn.append, (1, 2, 5), 3, "value")
    assert drawn == [2]
