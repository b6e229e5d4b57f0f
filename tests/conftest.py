"""Shared by the tests of the network: both backends, and faults put into one line of the source."""

import __future__
import gc
import inspect
import os
import sys
import tempfile
import textwrap
import time
from collections import Counter
from pathlib import Path

# Before NumPy is there: tests run side by side, and threads of matrix products that wait for each
# other take ten times as long.
for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(name, "1")
if os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") != "1":
    os.environ.setdefault("MINISNN_THREADS", "1")  # a core for each worker
os.environ["LANGUAGE"] = "C"  # argparse speaks the user's, and looks for it at every word

import numpy as np  # noqa: E402
import pytest  # noqa: E402

# where checks of lessons keep what passes
os.environ["MYSNN"] = str(Path(tempfile.mkdtemp(prefix="mysnn-")) / "mysnn.py")
BACKENDS = ("numpy", "numba")


def worker(config: pytest.Config) -> int | None:
    """The number of this process among those that share the tests; None where it has them all."""
    told = getattr(config, "workerinput", None)
    return int(told["workerid"].removeprefix("gw")) if told else None


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """A worker ends when all is told. Python would first take down each kernel and each test, which
    takes four seconds."""
    if worker(config) is not None:
        os._exit(0)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Half of the workers begin at the last folder, so that in a fresh clone each rewrites the
    assertions of half of the files, and not all of them those of all."""
    report = yield
    odd = (worker(collector.config) or 0) % 2
    if odd and isinstance(collector, (pytest.Directory, pytest.Session)):
        report.result = report.result[::-1]
    return report


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


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Six thousand tests lie in memory to the end, so Python need not look through them for cycles,
    neither while they are found nor again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(100_000, 20, 20)
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def compiled(request, pytestconfig, tmp_path_factory):
    """Kernels compiled beforehand: no test waits for it by surprise, and no command speaks of it.
    Of several workers one compiles those of float32 and another those of float64, which all then
    read; that of float32 goes on with the camera's."""
    number = worker(pytestconfig) or 0
    mine = ("float32", "float64")[number : number + 1]
    workers = pytestconfig.workerinput["workercount"] if worker(pytestconfig) is not None else 1
    alone = workers == 1 or len(request.session.items) < workers  # one has no test, and never comes
    place = tmp_path_factory.getbasetemp().parent
    for dtype in mine:
        compile_kernels(dtype)
        if not alone:
            (place / f"compiled-{dtype}").touch()
    if number == 0:
        compile_camera()
    gc.freeze()
    end = time.monotonic() + 300
    while not alone and len(list(place.glob("compiled-*"))) < 2 and time.monotonic() < end:
        time.sleep(0.1)


def compile_kernels(dtype: str) -> None:
    """All that networks of this dtype run."""
    import minisnn as ms

    x, y = np.ones((2, 8, 4, 8, 2), np.uint8), np.arange(2)
    for made in (dict(channels=(2,)), dict(channels=(2,), hidden=(3,)), dict(channels=(16,))):
        net = ms.SpikingNet((4, 8, 2), ways=2, window=5, dtype=dtype, **made)
        net.hessian_vector_product(
            net.init(np.random.default_rng(0)), x, y, np.ones(net.size, dtype)
        )


def compile_camera() -> None:
    from minisnn.data.camera.event_camera import EventCamera

    EventCamera().record_counts(np.zeros((1, 28, 28), np.uint8), [1], 0)


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Every test that asks for it runs on the readable reference and on the event-driven
    kernels."""
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


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


@pytest.fixture(scope="session")
def three_symbols():
    """Pairs of three symbols, a bright row each, with noise; twelve recordings of every symbol."""
    from minisnn.data.sets.pool import Pool
    from minisnn.data.sets.recordings import Recordings

    rng = np.random.default_rng(0)
    counts = (rng.random((36, 40, 4, 4, 2)) < 0.02).astype(np.uint8)
    labels = np.repeat(np.arange(3), 12)
    for one, label in zip(counts, labels):
        one[5:30, label] |= rng.random((25, 4, 2)) < 0.07
    pool = Pool.collect((40, 4, 4, 2), [(counts, labels, np.arange(36))])
    pairs = [(a, b) for a in range(3) for b in range(3)]
    return Recordings(pool, made_of={f"{a}{b}": (a, b) for a, b in pairs})


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The folder of the run of `faulty.CONFIG`, left alone."""
    import faulty
    from minisnn.training.run import train
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


def off(found, expected) -> float:
    """max |found - expected| / max |expected|."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    difference, scale = np.abs(found - expected).max(), np.abs(expected).max()
    return float(difference / scale) if scale else float(difference)


def arrays_off(net, found, expected) -> float:
    """The largest `off` of the parameter arrays; where one is all zero both must be, to rounding of
    the whole."""
    scale = np.abs(expected).max()
    return max(
        off(found[p.slice], expected[p.slice])
        if np.abs(expected[p.slice]).max() > 1e-14 * scale
        else float(np.abs(found[p.slice]).max() / scale if scale else np.abs(found[p.slice]).max())
        for p in net.layout
    )
