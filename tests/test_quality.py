"""The public API says its types and is checked, the style is kept, and every public name is
explained."""

import ast
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minisnn
from minisnn.layers.neuron import PASSES as STEP

ROOT = Path(__file__).resolve().parents[1]
# of one signature, which layers explains once
PASSES = "block convolution frames linear membrane pool synapse together".split()
ROOMS = (
    "data",
    "layers",
    "meta",
    "network",
    "nir",
    "parallel",
    "training",
)  # what scripts import from
PUBLIC = ["minisnn.files", "minisnn.outputs"] + sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for room in ROOMS
    for path in (ROOT / "minisnn" / room).rglob("[a-z]*.py")
    if path.stem not in ("kernel", "reference", *PASSES, "held", "progress", "update")
)


def need(tool):
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f'{tool} is not installed; pip install "minisnn[test]"')


def carried_out(*command):
    found = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    return found.returncode, found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a clone")
def test_types_are_right():
    need("mypy")
    code, said = carried_out("mypy", "--no-error-summary")
    assert code == 0, said


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a clone")
def test_style_is_kept():
    need("ruff")
    tree = [
        name
        for name in ("minisnn", "hardware", "lessons", "data", "tests")
        if (ROOT / name).is_dir()
    ]
    code, said = carried_out("ruff", "check", "--quiet", "--output-format", "concise", *tree)
    assert code == 0, said
    code, said = carried_out("ruff", "format", "--check", "--quiet", "--diff", *tree)
    assert code == 0, said


def public(tree, within="", known=()):
    """(name, node) of the functions, classes and methods whose names, and whose classes' names, do
    not begin with _.

    A method that a base class of the same module explains (`known`) goes without saying.
    """
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (
            not node.name.startswith("_") or node.name == "__init__"
        ):
            if within and node.name in STEP:  # of a neuron: `layers.neuron` explains them
                continue
            if node.name not in known:
                yield f"{within}{node.name}", node
            if isinstance(node, ast.ClassDef):
                bases = [
                    classes[base.id]
                    for base in node.bases
                    if isinstance(base, ast.Name) and base.id in classes
                ]
                inherited = {
                    one.name
                    for base in bases
                    for one in base.body
                    if isinstance(one, ast.FunctionDef)
                }
                yield from public(node, f"{node.name}.", inherited - {"__init__"})


def lacking(node) -> list[str]:
    """What a public function or class does not say."""
    missing = [] if ast.get_docstring(node) or node.name == "__init__" else ["docstring"]
    if isinstance(node, ast.ClassDef):
        return missing
    given = node.args
    names = [
        *given.posonlyargs,
        *given.args,
        *given.kwonlyargs,
        *filter(None, (given.vararg, given.kwarg)),
    ]
    missing += [
        f"type of {one.arg}"
        for one in names
        if one.annotation is None and one.arg not in ("self", "cls", "_")
    ]
    return missing + ["type of what it returns"] * (
        node.returns is None and node.name != "__init__"
    )


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_explained_and_typed(module):
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    assert ast.get_docstring(tree)
    assert not {name: lacks for name, node in public(tree) if (lacks := lacking(node))}


def test_every_public_name_lives_in_a_module_that_is_looked_at():
    names = [getattr(minisnn, name) for name in minisnn.__all__ if name != "__version__"]
    homes = {found.__module__ for found in names if not inspect.ismodule(found)}
    assert homes <= set(PUBLIC), homes - set(PUBLIC)
    assert (ROOT / "minisnn" / "py.typed").is_file()


def test_a_name_without_words_or_types_is_found():
    tree = ast.parse(
        "def f(a, *, b: int = 1, **c): pass\nclass A:\n  def g(self, x: int) -> int:\n    "
        "'Words.'\n  def _h(self): pass"
    )
    assert {name: lacking(node) for name, node in public(tree)} == {
        "f": ["docstring", "type of a", "type of c", "type of what it returns"],
        "A": ["docstring"],
        "A.g": [],
    }


def test_changelog_and_citation_know_the_version():
    version = minisnn.__version__
    citation = (ROOT / "CITATION.cff").read_text()
    assert (
        f"\nversion: {version}\n" in citation
        and f"version = {{{version}}}" in (ROOT / "lessons" / "guides" / "questions.md").read_text()
    )
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"\n## {version}" in changes
    for line in re.findall(r"^\|.*\|(.*)\|$", changes, re.M):  # where things went: it is there
        for name in re.findall(r"`((?:minisnn|hardware)(?:\.\w+)+)`", line):
            pkgutil.resolve_name(name)


PLAIN = {  # words of texts and docstrings, and the field's words for them
    r"by the clock": "wall-clock time",
    r"[Pp]rocessor (minutes?|seconds?|time)": "CPU time",
    r"\b(is|are|was|were|be|sets?|setting) (it |them |its membrane |the membrane )?back (to zero|at once)": "reset",
    r"(non-spiking|convolutional) peer": "CNN baseline",
    r"not (to be )?told apart|cannot be told apart": "no significant difference",
    r"\banew\b": "again",
    r"\bone's own\b": "your own",
}


def words_of(tree) -> str:
    """All texts and docstrings of a module."""
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return re.sub(r"\s+", " ", "\n".join(text for text in texts if " " in text))


def test_words_are_those_of_the_field():
    found = set()
    for path in [
        path for package in ("minisnn", "hardware") for path in (ROOT / package).rglob("*.py")
    ]:
        said = words_of(ast.parse(path.read_text()))
        found |= {
            f"{path.relative_to(ROOT)}: {hit[0]!r} is {word}"
            for bad, word in PLAIN.items()
            for hit in re.finditer(bad, said)
        }
    assert not found
    for bad in (
        "by the clock",
        "processor minutes",
        "is set back to zero",
        "drawn anew",
        "one's own",
        "cannot be told apart",
    ):
        assert any(re.search(pattern, bad) for pattern in PLAIN), bad
