"""Imports go down only and never in a circle, and help loads nothing heavy."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("minisnn", "hardware")
# From the ground up. A room or a lone module imports from what stands before it, and from its own
# room.
ORDER = (
    "arguments stopping terminal files outputs parallel core vectors fast kernels network meta "
    "data.readers data.store data.camera data.sets data.written data.sounds "
    "plots training gradcheck nir experiments classroom commands cli "
    "__main__ hardware.chip hardware.c hardware.page hardware.loihi hardware.study "
    "hardware.training hardware.meta "
    "hardware.options hardware.work hardware.command hardware.__main__"
).split()
WHOLE = ("minisnn.data", "minisnn.hardware")  # rooms of rooms
STUB = ROOT / "minisnn" / "hardware" / "__init__.py"  # leads to the folder hardware


def _files(root: Path) -> list[Path]:
    """What git tracks; in a copy without git, the packages. An environment inside the clone, of any
    name, is neither."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [
            path for name in listed.stdout.split("\0") if name and (path := root / name).is_file()
        ]
    return sorted(
        path
        for name in PACKAGES
        for path in (root / name).rglob("*")
        if "__pycache__" not in path.parts
    )


FILES = _files(ROOT)


def _name(path: Path) -> str:
    """minisnn.hardware.chip.words of hardware/chip/words.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    whole = parts if parts[0] == "minisnn" else ("minisnn", *parts)
    return ".".join(whole).removesuffix(".__init__")


MODULES_OF = {
    _name(path): path
    for path in FILES
    if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES and path != STUB
}


def _room(module: str) -> str:
    """'data.sets' of minisnn.data.sets.pairs, '' of the packages themselves."""
    if module in ("minisnn", *WHOLE):
        return ""
    parts = module.split(".")[1:]
    return ".".join(parts[:2]) if f"minisnn.{parts[0]}" in WHOLE else parts[0]


@cache
def nodes_of(module: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(MODULES_OF[module].read_text())))


@cache
def imports_of(module: str) -> set[str]:
    """Modules of the project that a module imports: at its top, in functions, and for type checkers
    only."""
    package = module.split(".")[: None if MODULES_OF[module].name == "__init__.py" else -1]
    found = set()
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                name = ".".join([*base, alias.name])
                # a public name loads its module
                hidden = base == ["minisnn"] and alias.name != "__version__"
                found.add(name if name in MODULES_OF or hidden else ".".join(base))
    return {name for name in found if name.split(".")[0] == "minisnn"}


@pytest.mark.parametrize("module", sorted(MODULES_OF))
def test_imports_go_down_only(module):
    here = _room(module)
    for other in imports_of(module):
        assert other in MODULES_OF, (
            f"{module} imports {other}, which is no module: name its home, not the front door"
        )
        there = _room(other)
        if there and here and there != here:
            assert ORDER.index(there) < ORDER.index(here), (
                f"{module} imports {other}, which lies above it"
            )


def _circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules that reach each other (and modules that import themselves)."""
    reached = {}
    for start in imports:
        seen, todo = set(), [start]
        while todo:
            new = imports.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        reached[start] = seen
    return [
        {other for other in reached[m] if m in reached.get(other, ())}
        for m in imports
        if m in reached[m]
    ]


def test_no_circle():
    assert not [
        sorted(circle) for circle in _circles({module: imports_of(module) for module in MODULES_OF})
    ]


def test_circles_are_found():
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}] * 3
    assert _circles({"a": {"b"}, "b": set()}) == []


def test_no_forbidden_calls():
    for module in MODULES_OF:
        for node in nodes_of(module):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not any(
                    n.split(".")[0] in ("pickle", "marshal", "shelve", "torch") for n in names
                ), module
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), module


def test_help_imports_nothing_heavy():
    code = (
        "import sys, minisnn.cli\n"
        "try: minisnn.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'numba', 'scipy', 'matplotlib', 'h5py', 'tqdm'} & "
        "set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    assert out.strip().endswith("[]"), out[-300:]


def test_minisnn_stands_without_hardware(tmp_path):
    """hardware uses minisnn. Only the command line knows its name, offers what is there, and misses
    nothing; and no import is of a name that a user's own file may have."""
    for module in MODULES_OF:
        tree = nodes_of(module)
        taken = {a.name for n in tree if isinstance(n, ast.Import) for a in n.names}
        taken |= {n.module or "" for n in tree if isinstance(n, ast.ImportFrom) and not n.level}
        assert not {name.split(".")[0] for name in taken} & {"hardware", "lessons"}, module
        if not module.startswith("minisnn.hardware"):
            assert not [one for one in imports_of(module) if "minisnn.hardware" in one], module
            said = [node.value for node in tree if isinstance(node, ast.Constant)]
            assert module == "minisnn.cli" or "hardware" not in said, module
    (tmp_path / "minisnn").mkdir()
    for path in (ROOT / "minisnn").iterdir():
        if path.name != "hardware":
            (tmp_path / "minisnn" / path.name).symlink_to(path)
    code = "import minisnn.cli; print(minisnn.__file__, minisnn.cli.parser().format_help())"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    ).stdout
    assert str(tmp_path) in out and "train" in out and "hardware" not in out


def test_an_environment_inside_the_clone_is_not_looked_at(tmp_path):
    for name in ("minisnn/a.py", "v/lib/b.py", "minisnn/__pycache__/a.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    without = [path.relative_to(tmp_path).as_posix() for path in _files(tmp_path)]
    git = subprocess.run(["git", "init", "-q"], cwd=tmp_path, capture_output=True)
    if git.returncode == 0:
        subprocess.run(["git", "add", "minisnn/a.py"], cwd=tmp_path, check=True)
        assert _files(tmp_path) == [tmp_path / "minisnn" / "a.py"]
    assert without == ["minisnn/a.py"]
