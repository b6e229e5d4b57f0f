"""Shared by all tests: both backends, small runs and recordings, and faults put into one line of the
source."""

import __future__
import inspect
import os
import sys
import tempfile
import textwrap
from collections import Counter
from pathlib import Path

# Before NumPy is there: tests run side by side, and threads of matrix products that wait for each
# other take ten times as long.
for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(name, "1")
if os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") != "1":
    os.environ.setdefault("MINISNN_THREADS", "1")  # a core for each worker
os.environ["LANGUAGE"] = "C"  # argparse speaks the user's, and looks for it at every word
os.environ.pop("MINISNN_DEBUG", None)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

import minisnn  # noqa: E402
from minisnn.parallel import missing  # noqa: E402

# where checks of lessons keep what passes
os.environ["MYSNN"] = str(Path(tempfile.mkdtemp(prefix="mysnn-")) / "mysnn.py")
BACKENDS = ("numpy", "numba")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of a test marked `every(n)`, the first case and each n-th after it run by default, the others
    with `pytest -m slow`."""
    items.sort(key=lambda item: item.location[0])
    seen = Counter()
    for item in items:
        if mark := item.get_closest_marker("every"):
            test = item.nodeid.partition("[")[0]
            if seen[test] % mark.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[test] += 1
    # the longest first, so that workers end together
    items.sort(key=lambda item: "/lessons/" not in item.nodeid)


announced = missing.announce
missing.announce = lambda: None  # no test but its own waits for "the kernels are compiled first"


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Every test that asks for it runs on the readable reference and on the event-driven
    kernels."""
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The test works in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cached_here(here, monkeypatch):
    """What is cached lies in that folder, too."""
    monkeypatch.setenv("MINISNN_CACHE", str(here / "cache"))
    return here


@pytest.fixture
def command(capsys):
    """Exit code, standard output and standard error of a command line."""
    from minisnn import cli

    def call(line: str):
        capsys.readouterr()
        try:
            code = cli.main(line.split())
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


@pytest.fixture(autouse=True)
def empty_curves(monkeypatch):
    """A run in a test writes an empty file for its learning curve, which takes as long to draw as
    all else of a small run; those of fixtures for many tests, and of other processes, draw it."""
    drawn = "minisnn.training.folder.plot_learning_curve"
    monkeypatch.setattr(drawn, lambda rows, path, chance: path.write_bytes(b""))


@pytest.fixture(autouse=True)
def unsynced(monkeypatch):
    """No power fails during a test: what is written need not reach the disk, which is a twentieth of
    all that tests do."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.fixture
def threads():
    """`set_threads`, for the test only."""
    yield minisnn.set_threads
    minisnn.set_threads(None)


@pytest.fixture
def announce():
    """The real one."""
    return announced


@pytest.fixture
def kept_apart(monkeypatch, tmp_path):
    """Kernels of the test are kept in a folder of its own."""
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def three_symbols():
    """Pairs of three symbols, a bright row each, with noise; twelve recordings of every symbol."""
    from minisnn import Recordings

    rng = np.random.default_rng(0)
    counts = (rng.random((36, 40, 4, 4, 2)) < 0.02).astype(np.uint8)
    labels = np.repeat(np.arange(3), 12)
    for one, label in zip(counts, labels):
        one[5:30, label] |= rng.random((25, 4, 2)) < 0.07
    pairs = [(a, b) for a in range(3) for b in range(3)]
    return Recordings(counts, labels, duration_ms=40, made_of={f"{a}{b}": (a, b) for a, b in pairs})


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The folder of the run of `faulty.CONFIG`, left alone."""
    import faulty
    from minisnn import train
    from toy import toy_config, toy_data

    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    train(toy_config(**faulty.CONFIG), out, data=toy_data(), progress=False)
    return out


@pytest.fixture
def mutate(monkeypatch):
    """mutate(module, "function", old, new): the function with one piece of its source replaced,
    until the test ends; of a class that is given as `owner` its method."""

    def put(module, name, old, new, owner=None):
        if isinstance(module, type):
            owner, module = module, sys.modules[module.__module__]
        source = textwrap.dedent(inspect.getsource(getattr(owner or module, name)))
        assert source.count(old) >= 1, f"{name} no longer has the line {old!r}"
        found = {}
        code = compile(
            source.replace(old, new),
            f"<{name} with a fault>",
            "exec",
            __future__.annotations.compiler_flag,
        )
        exec(code, vars(module), found)
        monkeypatch.setattr(owner or module, name, found[name])
        return found[name]

    return put
