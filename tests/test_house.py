"""The house rules: imports go down only, what ships is small, and importing costs nothing that is not needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "minisnn"
# Floors from the ground up: a module imports from its own floor or below.
FLOORS = [
    {"surrogate", "loss", "neuron", "threads", "compilation", "files", "data.shipped", "kernels.llvm"},
    {"kernels.vector", "kernels.choice", "kernels.events", "kernels.linear", "kernels.neuron", "kernels.winograd"},
    {
        "layers",
        "layers.synapse",
        "layers.membrane",
        "layers.pool",
        "layers.block",
        "kernels",
        "kernels.passes",
        "kernels.block",
        "kernels.frames",
    },
    {"flat"},
    {"network", "convnet", "optim", "initialisation"},
    {"tasks", "data"},
    {"maml", "plots"},
    {"checkpoint", "gradcheck", "settings", "presets", "held"},
    {"nir"},
    {"executor", "cluster"},
    {"evaluation", "health", "metabatch", "progress", "runs", "stepsizes", "classroom"},
    {"runstate"},
    {"training"},
    {"experiments"},
    {"commands"},
    {"cli", "__main__"},
]


def _floor(module: str) -> int | None:
    parts = module.split(".")
    for n, floor in enumerate(FLOORS):
        if module in floor:
            return n
    for n, floor in enumerate(FLOORS):
        if parts[0] in floor:
            return n
    return None


def _modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            yield name, path


def _imports(module: str, path: Path):
    """Modules of minisnn that a file imports, lazily or not."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name.removeprefix("minisnn.") for a in node.names if a.name.startswith("minisnn"))
            assert not any(a.name.split(".")[0] in ("hardware", "lessons") for a in node.names), path
        elif isinstance(node, ast.ImportFrom) and (node.level or node.module.split(".")[0] == "minisnn"):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + node.module.removeprefix("minisnn").strip(".").split(".") if node.module else base
            yield from (".".join(base + [a.name]) if _is_module(base + [a.name]) else ".".join(base) for a in node.names)


def _is_module(parts) -> bool:
    place = PACKAGE.joinpath(*parts)
    return place.with_suffix(".py").exists() or place.is_dir()


@pytest.mark.parametrize("module, path", list(_modules()), ids=lambda v: v if isinstance(v, str) else "")
def test_imports_go_down_only(module, path):
    here = _floor(module)
    assert here is not None, f"{module} stands on no floor; add it to FLOORS"
    for other in _imports(module, path):
        if other and other != "minisnn":
            there = _floor(other)
            assert there is not None and there <= here, f"{module} imports {other}, which lies above it"


def test_no_forbidden_calls():
    for module, path in _modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not any(n.split(".")[0] in ("pickle", "marshal", "shelve", "torch") for n in names), module
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), module


def test_help_imports_nothing_heavy():
    code = (
        "import sys, minisnn.cli\n"
        "try: minisnn.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'numba', 'scipy', 'matplotlib', 'h5py', 'tqdm'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert out.strip().endswith("[]"), out[-300:]


def test_minisnn_stands_without_the_packages_beside_it():
    """hardware uses minisnn. Only the command line knows its name, offers what is there, and misses nothing."""
    for module, path in _modules():
        names = [n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)]
        assert module == "cli" or "hardware" not in names, module
    code = (
        "import importlib.util, minisnn.cli\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'hardware' else find(name, *more)\n"
        "print(minisnn.cli.parser().format_help())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert "train" in out and "hardware" not in out


def test_public_names_load():
    import minisnn

    for name in minisnn.__all__:
        assert getattr(minisnn, name) is not None


def test_files_stay_small():
    sizes = {p: p.stat().st_size for p in ROOT.rglob("*") if p.is_file() and not _ignored(p)}
    assert not {str(p.relative_to(ROOT)): s for p, s in sizes.items() if s > 5_000_000}
    assert sum(sizes.values()) < 20_000_000


def _ignored(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(
        p.startswith(".") or p in ("runs", "__pycache__", "venv", "build", "dist") or p.endswith(".egg-info") for p in parts
    )
