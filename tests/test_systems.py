"""Linux, macOS and Windows: what one of them lacks or refuses has another way, tried here by
pretending (`pretended`); vectors and intrinsics of other processors; names of folders that people
have."""

import ast
import io
import os
import re
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pretended
import pytest
from numba import config

import minisnn as ms
from minisnn import files, stopping
from minisnn.parallel import threads
from minisnn.vectors import llvm

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "minisnn").rglob("*.py")) + sorted((ROOT / "hardware").rglob("*.py"))
# spaces, letters of several scripts, all that a shell minds, 150 characters
AWKWARD = "my runs – Füße, 学習 & 'co' $(x) ".ljust(150, "o")
LINUX = sys.platform == "linux"


# ---- processors


@pytest.mark.parametrize(
    "machine, features, bits",
    [
        ("x86_64", {"avx512f": True}, 512),
        ("x86_64", {"avx512f": False, "avx2": True}, 256),
        ("x86_64", {}, 256),
        ("aarch64", {"neon": True, "sve": True}, 128),
        ("arm64", {}, 128),  # as macOS calls it, of which some LLVMs know no features
    ],
)
def test_vectors_are_as_long_as_the_processors(machine, features, bits):
    assert llvm._vector_bits(machine, features) == bits


# ---- what a system lacks


def without(module, **other):
    return pretended.Without(module, pretended.WINDOWS.get(module.__name__) or "", **other)


def test_threads_are_the_machines_where_no_affinity_is_told(monkeypatch):
    monkeypatch.setattr(threads, "os", without(os, environ={}))
    monkeypatch.setattr(threads, "_chosen", None)
    assert ms.get_threads() == os.cpu_count()


def test_a_processor_has_a_name_without_proc(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(threads, "open", missing, raising=False)
    assert threads.processor()


@pytest.mark.parametrize("told, name", [
    ("model\t\t: 2\nmodel name\t: AMD EPYC\n", "AMD EPYC, family 26, model 2"),
    ("model\t\t: 1\nmodel name\t: Some 7763 Processor\n", "Some 7763 Processor"),
    ("model name\t: Nameless\n", "Nameless"),
])  # fmt: skip
def test_a_processor_is_told_apart_from_others_of_its_name(told, name, monkeypatch):
    """In virtual machines two generations may have one name, and one be twice as fast."""
    text = f"processor\t: 0\ncpu family\t: 26\n{told}"
    monkeypatch.setattr(threads, "open", lambda *path, **how: io.StringIO(text), raising=False)
    assert threads.processor() == name


def test_marking_is_refused_in_a_sentence(monkeypatch):
    exam = pytest.importorskip("exam", reason="the lessons' tools need nbformat")
    monkeypatch.setattr(exam, "os", without(os))
    with pytest.raises(ValueError, match="expected Linux or macOS"):
        exam.mark(Path("answers.ipynb"))


def test_without_pthread_kill_a_signal_still_ends_what_never_looks_up(monkeypatch):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("this process was started to ignore Ctrl-C, as one in the background is")
    monkeypatch.setattr(stopping, "signal", without(signal))
    monkeypatch.setattr(stopping, "PATIENCE", 0.01)
    end = time.monotonic() + 5
    with pytest.raises(stopping.Stopped), stopping.heeded(signal.SIGINT):
        signal.raise_signal(signal.SIGINT)
        while time.monotonic() < end:
            pass
        raise AssertionError("nobody urged")


# ---- what Windows refuses


@pytest.mark.parametrize("name, tries", [("nt", 3), ("posix", 1)])
def test_a_file_that_somebody_reads_is_replaced_once_it_is_free(name, tries, tmp_path, monkeypatch):
    """Windows replaces no file that is open, and a virus scanner opens what is new."""
    (tmp_path / "new").write_text("new", encoding="utf-8")
    asked = []

    def replace(source, place):
        asked.append(place)
        if len(asked) < 3:
            raise PermissionError(13, "The file is being used by another process", str(place))
        os.replace(source, place)

    monkeypatch.setattr(files, "os", without(os, name=name, replace=replace))
    monkeypatch.setattr(files, "PAUSE", 0.001)
    if name == "nt":
        files._replace(tmp_path / "new", tmp_path / "old")
        assert (tmp_path / "old").read_text(encoding="utf-8") == "new"
    else:
        with pytest.raises(PermissionError):
            files._replace(tmp_path / "new", tmp_path / "old")
    assert len(asked) == tries


# ---- a session, in a folder of an awkward name

SESSION = """
import sys
import numpy as np
from minisnn import cli, files

if __name__ == "__main__":
    run = ["--channels", "2", "--window", "4", "--queries", "1", "--evaluate-every", "0"]
    more = ["--updates", "2", "--test-episodes", "1", "--ways", "2", "--quiet"]
    data = ["--dataset", "own data.py:noise"]
    assert cli.main(["train", *data, *run, *more, "--out", "the run"]) == 0
    assert cli.main(["train", *data, *run, *more, "--out", "the run", "--force"]) == 0
    test = ["--checkpoint", "the run", "--episodes", "2", "--queries", "1", "--workers", "2"]
    assert cli.main(["evaluate", *test, *data, "--json", "the result.json", "--quiet"]) == 0
    assert cli.main(["info", "the run"]) == 0
    files.write_whole("a", b"1")
    left = files.Path(".a.1-1.tmp")
    left.write_bytes(b"left by a process that was killed")
    files.os.utime(left, (0, 0))
    files.write_whole("a", b"2", files.Path("b"))
    assert not left.exists() and files.Path("b").read_bytes() == b"1"
    with files.whole_folder("made") as folder:
        (folder / "x").write_bytes(b"x")
    print("done")
"""
OWN = """
import numpy as np
import minisnn as ms


def noise(split):
    rng = np.random.default_rng(["train", "val", "test"].index(split))
    counts = rng.poisson(0.2, (12, 6, 4, 4, 2)).astype(np.uint8)
    return ms.Recordings(list(counts), [f"class {n % 3}" for n in range(12)])
"""


def session(tmp_path: Path, **environment: str) -> str:
    """What a session prints."""
    place = tmp_path / AWKWARD
    place.mkdir()
    (place / "own data.py").write_text(OWN, encoding="utf-8")
    (place / "session.py").write_text(SESSION, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "session.py"],
        cwd=place,
        env={**os.environ, "MPLBACKEND": "Agg", **environment},
        capture_output=True,
    )
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, said
    return done.stdout.decode(environment.get("PYTHONIOENCODING", "utf-8")) + said


@pytest.mark.skipif(not LINUX, reason="another system is pretended on Linux only")
@pytest.mark.parametrize("system", ["windows", pytest.param("macos", marks=pytest.mark.slow)])
def test_a_session_on_another_system(system, tmp_path):
    """Training, testing with workers, and files written whole, where what that system lacks is
    hidden and what it refuses is refused; no text is read or written in the system's own encoding,
    and the console knows 220 letters."""
    strict = {"PYTHONWARNDEFAULTENCODING": "1"}
    around = pretended.surroundings(system, tmp_path / "start", **strict)
    assert "done" in session(tmp_path, **around)


@pytest.mark.slow
def test_a_session_in_a_folder_of_an_awkward_name(tmp_path):
    assert "done" in session(tmp_path, PYTHONPATH=str(ROOT))


@pytest.mark.skipif(not LINUX, reason="another system is pretended on Linux only")
def test_what_is_pretended_is_pretended(tmp_path):
    """Each of these must fail there: the session above passes for what the library does."""
    (tmp_path / "hardware.py").write_text(TRIES, encoding="utf-8")
    around = pretended.surroundings("windows", tmp_path / "start")
    line = [sys.executable, "-c", "import hardware; print(len(hardware.refused))"]
    done = subprocess.run(line, cwd=tmp_path, env=around, capture_output=True, encoding="cp1252")
    assert done.stdout.strip() == "11", done.stdout + done.stderr


TRIES = """
refused = []

def attempt(do):
    try:
        do()
    except (OSError, ImportError, AttributeError, UnicodeEncodeError):
        refused.append(do)

import os, signal, sys
from pathlib import Path

def fcntl(): import fcntl
def resource(): import resource
def rename():
    with open("open", "w", encoding="utf-8"):
        os.replace("open", "other")
def remove():
    with open("open", "w", encoding="utf-8"):
        Path("open").unlink()
def case():
    Path("name").touch()
    open("NAME", "w", encoding="utf-8").close()
attempt(fcntl)
attempt(resource)
attempt(lambda: os.fork)
attempt(lambda: signal.pthread_kill)
attempt(lambda: os.open(".", os.O_RDONLY))
attempt(rename)
attempt(remove)
attempt(case)
attempt(lambda: os.mkdir("a:b"))
attempt(lambda: open("/proc/cpuinfo", encoding="utf-8"))
attempt(lambda: print("\\u2192"))
assert os.name == "nt" and sys.platform == "win32"
"""


# ---- in the source


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Calls and attributes of a file, since a walk through all takes a second."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in found if isinstance(node, (ast.Call, ast.Attribute))]


def test_no_text_is_in_the_systems_own_encoding():
    """Windows' own is cp1252, which has neither our arrows nor other people's names."""
    found = []
    for path in [*SOURCES, *(ROOT / "lessons").rglob("*.py")]:
        for call in (node for node in nodes(path) if isinstance(node, ast.Call)):
            if "encoding" in (given := {one.arg for one in call.keywords}):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            opens = isinstance(call.func, ast.Name) and name == "open"
            modes = [
                one.value
                for argument in call.args[1:2]
                for one in ast.walk(argument)
                if isinstance(one, ast.Constant)
            ]
            if (
                name in ("read_text", "write_text")
                and len(call.args) < (2 if name == "write_text" else 1)
                or opens
                and not any(isinstance(mode, str) and "b" in mode for mode in modes)
                or name in ("run", "Popen", "check_output")
                and given & {"text", "universal_newlines"}
            ):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert not found


def test_what_a_system_lacks_is_asked_for_first():
    """A use of what Windows lacks stands in a file that asks whether it is there, or that needs it
    and says so."""
    alone = {  # what needs no question
        ("workers.py", "SIG_BLOCK"),  # behind the question for pthread_sigmask
        ("workers.py", "SIG_SETMASK"),
    }
    found = set()
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for node in nodes(path):
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            module, name = node.value.id, node.attr
            if name in (pretended.WINDOWS.get(module) or "").split():
                if not re.search(rf'(hasattr|getattr)\({module}, "{name}"', text):
                    found.add((path.name, name))
        for lacking in (name for name, lacks in pretended.WINDOWS.items() if lacks is None):
            for line in re.finditer(rf"^( *)(?:import|from) {lacking}\b", text, re.MULTILINE):
                before = text[: line.start()].rstrip().splitlines()[-1]
                assert before.strip() == "try:", f"{path}: {lacking}"
    assert found == alone


def test_names_of_files_are_names_everywhere():
    """No colon, no device, no two names that differ in case, none too long for Windows' paths."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip("no clone: git lists the files of this folder")
    names = done.stdout.decode().split("\0")[:-1]
    assert len({name.casefold() for name in names}) == len(names)
    parts = {part for name in names for part in name.split("/")}
    assert not [
        one for one in parts if pretended.NAME.search(one) or pretended.DEVICE.fullmatch(one)
    ]
    assert max(map(len, names)) < 120


NARROW = """
import sys
from pathlib import Path
from minisnn.vectors import llvm

llvm.VECTOR_BITS, llvm.REGISTERS = map(int, sys.argv[1:3])
sys.path.append(sys.argv[3])
import inside

for name, one in inside.gradients(Path(sys.argv[4])).items():
    print(name, one, flush=True)
    assert max(one["meta"], one["hvp"]) < 1e-12 and one["same"]
"""


@pytest.mark.slow
@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize("bits, registers", [(128, 32), (256, 16)])
def test_shorter_vectors_give_the_golden_values(bits, registers, tmp_path):
    """Kernels with vectors of other processors, compiled for this one."""
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels"), "PYTHONPATH": str(ROOT)}
    words = [bits, registers, ROOT / "tests" / "emulated", tmp_path / "found"]
    line = [sys.executable, "-c", NARROW, *map(str, words)]
    done = subprocess.run(line, env={**os.environ, **kept}, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
