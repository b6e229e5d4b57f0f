"""Kept kernels: whatever a kernel is made from is part of its name, and nothing else is."""

import dataclasses
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numba import config
from numba.core.dispatcher import Dispatcher

import minisnn
import minisnn as ms
from minisnn import hardware
from minisnn.kernels import records
from minisnn.vectors import choice, llvm, vector
from minisnn.kernels.neuron import loops_of
from minisnn.kernels.records import Calls
from minisnn.parallel import compilation
from minisnn.parallel.identity import Unknown, digest, reached

if config.DISABLE_JIT:
    pytest.skip("nothing is compiled", allow_module_level=True)
kept = importlib.import_module("minisnn.parallel.kept")
ROOT = Path(__file__).resolve().parents[2]
HOMES = [
    *(f"minisnn.{room}.{one.name}" for room in ("kernels", "vectors")
        for one in pkgutil.iter_modules(importlib.import_module(f"minisnn.{room}").__path__)),
    *(f"minisnn.hardware.{room}.{one}" for room, names in (("chip", "errors feedback formats kernels "
        "learner "
        "neuron "
        "traces"),
                                                   ("loihi", "network"),
                                                   ("meta", "kernels noise optimiser")) for one in names.split()),
    "minisnn.data.camera.distorted", "minisnn.data.camera.kernel",
    "minisnn.data.sets.aligned",
]  # fmt: skip
KERNELS = {
    f"{home}.{name}": value
    for home in HOMES
    for name, value in vars(importlib.import_module(home)).items()
    if isinstance(value, Dispatcher) and value.py_func.__module__ == home
}
# the loops that are compiled for a neuron, which no module holds
KERNELS |= {
    f"loops.{of}.{loop}": made.loop(loop)
    for of, made in (("LIF", loops_of(ms.LIF())), ("CubaLIF", loops_of(ms.CubaLIF())))
    for loop in Calls._fields
}
CONSTANT = 3


@pytest.fixture(autouse=True)
def a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))


def files(tmp_path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").rglob("*.nb*"))


def test_every_module_with_kernels_is_looked_at():
    found = set()
    for package in (minisnn, hardware):
        folder = Path(package.__file__).parent
        for path in folder.rglob("*.py"):
            if "@njit" in path.read_text():
                parts = path.relative_to(folder).with_suffix("").parts
                found.add(".".join((package.__name__, *parts)))
    assert found - {"minisnn.parallel.compilation"} <= set(HOMES)


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_every_kernel_can_be_told_and_so_is_kept(name):
    assert digest(KERNELS[name]) == digest(KERNELS[name])


def changed(code: types.CodeType) -> types.CodeType:
    """The same but for one constant."""
    return code.replace(co_consts=(*code.co_consts, "changed"))


def test_a_change_of_any_helper_is_noticed_by_what_leads_to_it():
    """One constant of each function that a kernel leads to, in turn; of those that do, the two with
    the fewest helpers."""
    before = {name: digest(kernel) for name, kernel in KERNELS.items()}
    users: dict = {}
    for _, name, functions in sorted(
        (len(found := reached(kernel)), name, found) for name, kernel in KERNELS.items()
    ):
        for function in functions:
            users.setdefault(function, []).append(name)
    assert {kernel.py_func for kernel in KERNELS.values()} <= set(users)
    helpers = {one.__name__ for one in users}
    assert {
        "vector_ops",
        "each",
        "open_loop",
        "sigma_prime",
        "_lines",
        "shift",
        "map_points",
    } <= helpers
    for function, theirs in users.items():
        code = function.__code__
        try:
            function.__code__ = changed(code)
            now = {name: digest(KERNELS[name]) for name in theirs[:2]}
        finally:
            function.__code__ = code
        assert not {name for name in now if now[name] == before[name]}, function
    assert {name: digest(kernel) for name, kernel in KERNELS.items()} == before


@pytest.mark.parametrize("module, constant, value, kernel", [
    (llvm, "VECTOR_BITS", 128, "kernels.forward.forward"),
    (vector, "ALIGNMENT", 32, "kernels.backward.backward_tangent"),
    (choice, "TOGETHER", 3, "kernels.forward.forward"),
    (choice, "COMPRESSES", None, "kernels.forward.forward"),
    (records, "MAX", 7, "kernels.backward.backward"),
])  # fmt: skip
def test_a_constant_that_is_frozen_is_noticed(module, constant, value, kernel, monkeypatch):
    """Read by the kernel, by what it calls, or by what writes its code."""
    before = {name: digest(one) for name, one in KERNELS.items()}
    assert hasattr(module, constant)
    for one in [
        module
        for name, module in sys.modules.items()
        if name.startswith(("minisnn.kernels.", "minisnn.vectors."))
    ]:
        if hasattr(one, constant):
            monkeypatch.setattr(one, constant, value)
    after = {name: digest(one) for name, one in KERNELS.items()}
    assert after[f"minisnn.{kernel}"] != before[f"minisnn.{kernel}"]
    assert (
        after["minisnn.hardware.chip.kernels.conv"] == before["minisnn.hardware.chip.kernels.conv"]
    )


def compiled(source: str, path="own.py"):
    """The kernel of the source of a module of its own."""
    module = types.ModuleType("own")
    vars(module).update(njit=compilation.njit, np=np)
    exec(compile(source, path, "exec"), vars(module))
    return vars(module)["kernel"]


HELPED = """
FACTOR = 2.0
TABLE = (1.0, np.array([1.0, 2.0]), {"a": 3})
def plain(x, by=1): return x * by
inner = njit()(plain)
def make(c):
    def closed(x): return inner(x) + c
    return njit()(closed)
outer = make(5)
@njit(fastmath={"contract", "nnan"})
def kernel(x):
    '''Words.'''
    return outer(x) * FACTOR + TABLE[0]  # and more words
"""


@pytest.mark.parametrize("old, new", [
    ("FACTOR = 2.0", "FACTOR = 2"), ("(1.0, np", "(-1.0, np"), ("[1.0, 2.0]", "[1.0, 2.5]"), ('"a": 3', '"b": 3'),
    ("x * by", "x + by"), ("by=1", "by=2"), ("+ c", "- c"), ("make(5)", "make(6)"), ('"nnan"', '"ninf"'),
    ("njit()(plain)", "njit(inline='always')(plain)"), ("TABLE[0]", "TABLE[1][0]"),
])  # fmt: skip
def test_one_change_of_whatever_is_read_is_noticed(old, new):
    assert HELPED.count(old) == 1
    assert digest(compiled(HELPED)) != digest(compiled(HELPED.replace(old, new)))


@pytest.mark.parametrize("old, new", [
    ("Words.", "Other words."), ("# and more", "# or less"), ("\nFACTOR", "\n\n\nFACTOR"),
    ("FACTOR = 2.0", "FACTOR = 2.0\nUNUSED = 4"),
])  # fmt: skip
def test_what_is_not_read_recompiles_nothing(old, new):
    assert HELPED.count(old) == 1
    assert digest(compiled(HELPED)) == digest(compiled(HELPED.replace(old, new)))


TWICE = """
import importlib, pkgutil
import numpy as np
from numba.core.dispatcher import Dispatcher
import minisnn as ms
from minisnn import kernels
from minisnn.parallel.identity import digest

rooms = [importlib.import_module(f"minisnn.kernels.{one.name}") for one in pkgutil.iter_modules(kernels.__path__)]
every = [(room, name, one) for room in rooms for name, one in vars(room).items() if isinstance(one, Dispatcher)]
before = [digest(one) for *_, one in every]
x, y = np.ones((2, 8, 4, 8, 2), np.uint8), np.arange(2)
net = ms.SpikingNet((4, 8, 2), (2,), 2, window=5)
net.hessian_vector_product(net.init(np.random.default_rng(0)), x, y, np.ones(net.size, np.float32))
print([name for (_, name, one), first in zip(every, before) if digest(one) != first])
"""


@pytest.mark.slow
def test_a_kernel_is_the_same_before_and_after_it_has_run():
    """Else the next process would look for what this one kept under another name, and compile."""
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_an_own_file_and_what_it_imports_count(tmp_path, monkeypatch):
    """A kernel made here, of a function of the user's, which calls one of another file."""
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for number in (1, 2):
        (tmp_path / "own_helper.py").write_text(f"def decay(x): return x * {number}\n")
        (tmp_path / "own_neuron.py").write_text(
            "from own_helper import decay\ndef step(x): return decay(x) + 1\n"
        )
        importlib.invalidate_caches()
        for name in ("own_helper", "own_neuron"):
            sys.modules.pop(name, None)
        for path in tmp_path.rglob("*.pyc"):
            path.unlink()
        step = importlib.import_module("own_neuron").step

        def kernel(x, step=step):
            return step(x)

        found.append(digest(kernel))
    assert found[0] != found[1]


class Strange:
    __slots__ = ("a",)


def test_what_cannot_be_told_is_compiled_and_not_kept(tmp_path):
    strange = Strange()

    def reads(x):
        return x if strange is None else 2 * x

    with pytest.raises(Unknown, match="a Strange"):
        digest(reads)
    kernel = compilation.njit(cache=True)(lambda x: 2 * x)
    kernel._cache.sources = lambda: ""
    assert kernel(4) == 8 and not files(tmp_path)


def test_objects_are_told_by_their_class_and_what_they_hold():
    @dataclasses.dataclass
    class Held:
        rate: float

    def reads(held):
        return lambda x: x * held.rate

    assert digest(reads(Held(1.0))) == digest(reads(Held(1.0))) != digest(reads(Held(2.0)))


def test_fields_of_a_tuple_count(tmp_path):
    """The place of a field is frozen, too."""

    class Two(NamedTuple):
        a: float
        b: float

    class Turned(NamedTuple):
        b: float
        a: float

    Turned.__name__ = Turned.__qualname__ = "Two"

    def field(pair):
        return pair.a

    assert compilation.njit(cache=True)(field)(Two(1.0, 2.0)) == 1.0
    again = compilation.njit(cache=True)(field)
    assert again(Two(1.0, 2.0)) == 1.0 and sum(again.stats.cache_hits.values()) == 1
    assert compilation.njit(cache=True)(field)(Turned(2.0, 1.0)) == 1.0


def scaled(x):
    return x * CONSTANT


def hits(kernel) -> int:
    return sum(kernel.stats.cache_hits.values())


def test_a_constant_changed_at_run_time(monkeypatch):
    assert compilation.njit(cache=True)(scaled)(2) == 6
    monkeypatch.setattr(sys.modules[__name__], "CONSTANT", 5)
    assert compilation.njit(cache=True)(scaled)(2) == 10


@pytest.mark.parametrize(
    "setting, value",
    [("OPT", 0), ("BOUNDSCHECK", 1), ("LOOP_VECTORIZE", 0), ("DEBUGINFO_DEFAULT", 1)],
)
def test_settings_of_numba_that_change_the_code_count(setting, value, monkeypatch):
    assert compilation.njit(cache=True)(scaled)(2) == 6
    monkeypatch.setattr(config, setting, value)
    other = compilation.njit(cache=True)(scaled)
    assert other(2) == 6 and not hits(other)
    monkeypatch.undo()


@pytest.mark.parametrize("what", ["numba", "llvmlite", "np"])
def test_versions_of_libraries_count(what, monkeypatch):
    before = kept.surroundings()
    monkeypatch.setattr(getattr(kept, what), "__version__", "0.0")
    assert kept.surroundings() != before


def test_the_processor_counts_whatever_numba_is_told_to_compile_for(monkeypatch):
    before = kept.surroundings()
    monkeypatch.setattr(kept, "_processor", lambda: "another")
    assert kept.surroundings() != before


def test_nothing_piles_up(tmp_path):
    """Sources that were kept last stay, so that two branches do not compile in turn; numba's own
    files of before go."""
    source, path = (
        "def plain(x): return x + NUMBER\nkernel = njit(cache=True)(plain)",
        tmp_path / "own.py",
    )
    path.touch()
    for number in range(6):
        kernel = compiled(source.replace("NUMBER", str(number)), str(path))
        assert kernel(1) == 1 + number and kernel(1.0) == 1 + number
        for one in (tmp_path / "cache").rglob("*.nbc"):
            os.utime(one, (one.stat().st_mtime - 10,) * 2)
        if number == 2:
            folder = next((tmp_path / "cache").rglob("*.nbc")).parent
            version = f"py{sys.version_info[0]}{sys.version_info[1]}"
            old = [folder / f"own.plain-1.{version}.{end}" for end in ("nbi", "1.nbc", "12.nbc")]
            for one in (*old, folder / f"own.plainer-1.{version}.nbi"):
                one.touch()
    assert len(files(tmp_path)) == 2 * kept.KEPT + 1
    assert not any(one.exists() for one in old)
    last = compiled(source.replace("NUMBER", "5"), str(path))
    assert last(1) == 6 and hits(last) == 1


@pytest.mark.parametrize("damage", [b"", b"\x80\x05rubbish", None])
def test_a_damaged_file_is_made_again(damage, tmp_path):
    assert compilation.njit(cache=True)(scaled)(2) == 6
    path = next((tmp_path / "cache").rglob("*.nbc"))
    path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    again = compilation.njit(cache=True)(scaled)
    assert again(2) == 6 and not hits(again)
    third = compilation.njit(cache=True)(scaled)
    assert third(2) == 6 and hits(third) == 1


def test_a_file_of_another_kernel_is_not_taken(tmp_path):
    """Where names of two would ever be the same."""
    kernel = compilation.njit(cache=True)(scaled)
    assert kernel(2) == 6 and kernel(2.0) == 6.0
    one, two = sorted((tmp_path / "cache").rglob("*.nbc"))
    one.write_bytes(two.read_bytes())
    again = compilation.njit(cache=True)(scaled)
    assert again(2) == 6 and again(2.0) == 6.0 and hits(again) == 1


def test_another_numba_is_told_and_nothing_is_kept(monkeypatch, recwarn, tmp_path):
    monkeypatch.setattr(compilation, "_told", "")
    monkeypatch.setattr(
        kept.Kept, "__init__", lambda *_: (_ for _ in ()).throw(AttributeError("no _impl"))
    )
    assert compilation.njit(cache=True)(scaled)(2) == 6
    assert "this numba is not known: no _impl" in str(recwarn[0].message) and not files(tmp_path)


def test_workers_compile_here_first_where_what_is_kept_is_out_of_date(monkeypatch):
    monkeypatch.setattr(compilation, "_kernels", {kernel := compilation.njit(cache=True)(scaled)})
    assert not kernel._cache.stale()  # never kept
    kernel(2)
    assert not kernel._cache.stale()
    monkeypatch.setattr(sys.modules[__name__], "CONSTANT", 5)
    assert kernel._cache.stale() and not compilation.compiled()


PROGRAM = """
from minisnn.kernels import neuron
from minisnn.layers.lif import LIF
loop = neuron.loops_of(LIF()).loop('slope')
import numpy as np
from numba import njit
from minisnn.vectors.llvm import call_at
n, c = neuron.neuron_of(LIF(slope=2.0), np.dtype(float)), neuron.constants(LIF(), np.dtype(float))
@njit
def call(at, v, d, out, c, own):
    call_at(at, (v, d, out, c, own))
out = np.zeros(1)
call(n.calls.slope, np.array([0.5]), np.ones(1), out, c, n.own)
print(out[0], len(list(loop._cache.files.folder.glob("*slope*"))))
"""


@pytest.mark.slow
def test_a_changed_helper_in_a_copied_package(tmp_path):
    """Processes one after the other: as it is, with one character of a helper changed, and changed
    back but for its place."""
    shutil.copytree(
        ROOT / "minisnn", tmp_path / "minisnn", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "program.py").write_text(PROGRAM)
    source = tmp_path / "minisnn" / "layers" / "surrogate.py"
    text = source.read_text()
    old = "y = inverse(slope * np.abs(a) + 1)\n    return y * y\n"
    assert text.count(old) == 1

    def run() -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        environment.pop("NUMBA_CACHE_DIR", None)
        return subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert run() == "0.25 1\n"
    source.write_text(text.replace(old, old.replace("y * y", "y + y")))
    assert run() == "1.0 2\n"
    source.write_text("# moved by a line\n" + text)
    assert run() == "0.25 2\n"
