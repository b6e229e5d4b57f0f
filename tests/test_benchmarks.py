"""The benchmarks still run: they are no tests, and nothing else calls them. What they write fills
the records of the pages."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kinds import KINDS
from record import Record, read_all
from tables import makers


HERE = Path(__file__).parent / "benchmarks"
RECORDS = read_all()
ROOT = HERE.parents[1]
PEERS = {"torch_peer.py": "torch", "torch_layers.py": "torch", "jax_peer.py": "jax"}
PEERS["torch_entry.py"] = "torch"


NAMES = sorted(path.name for path in HERE.glob("*.py"))


def import_all(names):
    lines = [f"runpy.run_path({str(HERE / name)!r}, run_name='benchmark')" for name in names]
    code = "\n".join([f"import runpy, sys; sys.path.insert(0, {str(HERE)!r})", *lines])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_benchmarks_are_importable():
    import_all([name for name in NAMES if name not in PEERS])


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_importable(name):
    pytest.importorskip(
        PEERS[name],
        reason=f"{PEERS[name]}, which minisnn is timed beside, is an extra: pip install -e "
        "'.[peer]'",
    )
    import_all([name])


@pytest.fixture
def benchmark(monkeypatch):
    """A benchmark's module, by name."""
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module


def filled(name: str, path: Path) -> Record:
    """The record as it is after a benchmark wrote its file, in whose table all names are known."""
    figures, more = KINDS["figures"]([path])
    one = RECORDS[name]
    made = Record(one.title, one.kind, one.commands, figures=figures, more=more)
    assert figures and all(np.isfinite(figure["value"]) for figure in figures.values())
    cells = more.get("rows", {}).get("cells", [])
    assert {key for _, *keys in cells for key in keys if key} <= set(figures)
    if cells:
        page = ROOT / "data" / "results" / "speed.md"
        table = makers({**RECORDS, name: made}, page)["rows"](name)
        assert len(table.splitlines()) == 2 + len(cells)
    return made


@pytest.mark.parametrize(
    "name", sorted(name for name in RECORDS if name.startswith(("speed-", "interval-")))
)
def test_a_benchmark_knows_the_options_of_its_records(name, benchmark, capsys):
    for command in RECORDS[name].commands:
        _, script, *words = shlex.split(command)
        module = benchmark(Path(script).stem)
        with pytest.raises(SystemExit) as ended:
            module.main([*words, "--help"])
        assert ended.value.code == 0, capsys.readouterr().err
        said = capsys.readouterr().out
        assert {word for word in words if word.startswith("--")} <= set(
            re.findall(r"--[\w-]+", said)
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, words",
    [
        ("speed-memory", "memory.py --activity 0.07 --input 8 16"),
        ("speed-scaling", "scaling.py --only inner_steps --repeat 1"),
        ("speed-workers", "workers.py --tasks 2 --repeat 1"),
        ("speed-first-task", "first_task.py"),
        ("speed-camera", "camera.py --repeat 1"),
        (
            "speed-accuracy",
            "time_to_accuracy.py --presets maml --seeds 1 --every 2 --updates 2 --out OUT",
        ),
        ("speed-peers", "peers.py --width 0.25 --input 8 8 --repeat 1"),
        ("speed-7", "meta_gradient.py --input 8 16 --repeat 1"),
    ],
)
def test_a_benchmark_writes_its_figures(name, words, tmp_path):
    """As it is measured, in a process of its own."""
    if "meta_gradient" in words:
        pytest.importorskip(
            "torch",
            reason="torch, which minisnn is timed beside, is an extra: pip install -e '.[peer]'",
        )
    script, *rest = words.replace("OUT", str(tmp_path / "runs")).split()
    out = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, HERE / script, *rest, "--json", out],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    made = filled(name, out)
    if name == "speed-7":
        assert {"second-order", "inference-ratio", "memory-torch"} <= set(made.figures)
