"""The house rules: imports go down only and never in a circle, rooms and files are small, and
importing costs nothing.

What a room is for, what others take from it and what it takes from them stand in its docstring;
here they are held to it.
"""

import ast
import re
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
    "stopping terminal files outputs parallel core vectors layers translation plain kernels network meta "
    "data.foreign data.readers data.store data.camera data.sets data.written data.filmed data.sounds "
    "plots training gradcheck nir experiments results benchmark classroom site commands cli "
    "__main__ hardware.chip hardware.c hardware.page hardware.loihi hardware.study "
    "hardware.training hardware.meta "
    "hardware.options hardware.work hardware.command hardware.__main__ hardware.former"
).split()
WHOLE = ("minisnn.data", "minisnn.hardware")  # rooms of rooms
STUB = ROOT / "minisnn" / "hardware" / "__init__.py"  # leads to the folder hardware
LINES, MODULES, LONE = 400, 14, 8
CROWDED = {"commands", "experiments"}  # a module a command, a module an experiment
# What is not so yet; these lists only ever shrink.
STILL_LONG: set[str] = set()
STILL_UP: set[tuple[str, str]] = set()
STILL_IN_CIRCLES: set[str] = set()
# Imports in functions: of libraries that take long or may be missing; and, so that help and an
# import appear at once, in what the command line reads first and in these.
SLOW = set(
    "matplotlib h5py scipy tqdm lazy_loader PIL faery pooch requests dask distributed numba llvmlite "
    "numpy nir latex2mathml docutils multiprocessing resource importlib".split()
)
FIRST = {"commands", "cli", "hardware.command"}
STILL_LATE = set(
    "data.camera.event_camera data.sets.double_asl gradcheck.curve layers.neuron meta.rules "
    "network.convolutional network.spiking parallel.compilation parallel.threads results.record".split()
)


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


ROOMS = sorted(
    {
        module
        for module, path in MODULES_OF.items()
        if path.name == "__init__.py" and module not in ("minisnn", "minisnn.hardware")
    }
)


def _said(room: str, line: str) -> str:
    doc = ast.get_docstring(nodes_of(room)[0]) or ""
    found = re.search(rf"^{line}: (.+?)\.$", doc, re.M | re.S)
    assert found and doc.split("\n\n")[0].endswith((".", ":")), f'{room} does not say "{line}: …."'
    return found[1]


@pytest.mark.parametrize("module", sorted(MODULES_OF))
def test_imports_go_down_only(module):
    here = _room(module)
    for other in imports_of(module):
        assert other in MODULES_OF, (
            f"{module} imports {other}, which is no module: name its home, not the front door"
        )
        there = _room(other)
        if there and here and there != here and (module, there) not in STILL_UP:
            assert ORDER.index(there) < ORDER.index(here), (
                f"{module} imports {other}, which lies above it"
            )


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_keep_to_what_they_say(room):
    """Three lines: what lives here, what may be imported from it, what it may import."""
    said = _said(room, "It may import")
    may = ORDER if said == "whatever lies below it" else re.findall(r"[a-z_.]+", said)
    offered = _said(room, "Import from here")
    here = _room(room)
    assert may == ["nothing"] or set(may) <= {*ORDER, "minisnn"}, may
    named = re.findall(r"`(\w+)`", offered)
    tree = MODULES_OF[room].read_text()
    assert all(
        f"{room}.{name}" in MODULES_OF or re.search(rf"\b{name}\b", tree.split('"""')[2])
        for name in named
        if here
    )
    for module, others in ((module, imports_of(module)) for module in MODULES_OF):
        for other in others:
            if (
                here
                and _room(module) == here
                and _room(other) not in ("", here)
                and (module, _room(other)) not in STILL_UP
            ):
                there = _room(other)
                known = there in may or ("minisnn" in may and not there.startswith("hardware."))
                assert known, f"{module} imports {other}; {room} does not say that it may"
            if (
                here
                and _room(other) == here != _room(module)
                and other != room
                and offered != "any module"
            ):
                assert other.rsplit(".", 1)[1] in named, (
                    f"{module} imports {other}, which {room} does not offer"
                )


def _late(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """The imports in functions."""
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    inside = [node for function in functions for node in ast.walk(function)]
    return [node for node in inside if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize("module", sorted(MODULES_OF))
def test_imports_that_need_not_wait_stand_at_the_top(module):
    for node in _late(nodes_of(module)[0]):
        ours = isinstance(node, ast.ImportFrom) and (
            node.level > 0 or node.module.startswith("minisnn")
        )
        if ours:
            late = module.removeprefix("minisnn.") in STILL_LATE or _room(module) in FIRST
            assert late, f"{module}, line {node.lineno}: nothing keeps this import from the top"
            continue
        names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        slow = {name.split(".")[0] for name in names} <= SLOW
        known = slow or _room(module) == "cli" or module.removeprefix("minisnn.") in STILL_LATE
        known = known or module in ("minisnn", "minisnn.hardware")
        assert known, (
            f"{module}, line {node.lineno}: {names[0]} loads at once; import it at the top"
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
        sorted(circle)
        for circle in _circles({module: imports_of(module) for module in MODULES_OF})
        if not circle <= STILL_IN_CIRCLES
    ]


def test_circles_are_found():
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}] * 3
    assert _circles({"a": {"b"}, "b": set()}) == []


def test_files_and_rooms_are_small():
    long = {
        str(path.relative_to(ROOT)): n
        for path in MODULES_OF.values()
        if (n := len(path.read_text().splitlines())) > LINES
    }
    assert set(long) <= STILL_LONG, long
    rooms = {}
    for module, path in MODULES_OF.items():
        if path.name != "__init__.py":
            rooms.setdefault(str(path.parent.relative_to(ROOT)).replace("/", "."), []).append(
                module
            )
    sizes = {room: len(modules) for room, modules in rooms.items()}
    assert sizes["minisnn"] + 1 <= LONE, rooms["minisnn"]
    assert not {
        room: n for room, n in sizes.items() if n > MODULES and room.split(".")[-1] not in CROWDED
    }


def _packed(node: ast.AST) -> bool:
    """Whether a tuple with a call or an operation is assigned to a tuple."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple | ast.List):
        return False
    work = (ast.Call, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.ListComp, ast.DictComp)
    computed = any(isinstance(one, work) for one in ast.walk(node.value))
    return computed and isinstance(node.targets[0], ast.Tuple | ast.List)


@pytest.mark.parametrize("part", ["", "minisnn.kernels"])
def test_one_statement_a_line(part):
    """As in numpy.lib: few assignments hold several computed values, and few lines are long."""
    modules = [module for module in MODULES_OF if module.startswith(part)]
    nodes = [node for module in modules for node in nodes_of(module)]
    assigned = sum(isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) for node in nodes)
    assert sum(map(_packed, nodes)) <= 0.02 * assigned
    lines = [line for module in modules for line in MODULES_OF[module].read_text().splitlines()]
    assert sum(len(line) > 100 for line in lines) <= 0.01 * len(lines)


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


def test_nothing_lies_about_at_the_top():
    top = {path.relative_to(ROOT).parts[0] for path in FILES}
    names = {"README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "pyproject.toml"}
    names |= {"minisnn", "hardware", "lessons", "tests", "data"}
    assert {name for name in top if not name.startswith(".")} <= names


def test_what_is_kept_stays_small():
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in FILES}
    assert not {name: size for name, size in sizes.items() if size > 5_000_000}
    blocks = [-(-size // 4096) * 4 for size in sizes.values()]  # as they lie on a disk, kB
    assert sum(blocks) <= 24 * 1024


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
