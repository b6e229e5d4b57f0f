"""Kernels are kept where there is a place and room for them, and work where there is not."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import announce
from numba.core import caching

from minisnn.parallel import compilation, missing

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def double(x):
    return 2 * x


@pytest.fixture(autouse=True)
def unsaid(monkeypatch, tmp_path):
    missing.cannot_keep.cache_clear()
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "cache"))


def test_another_kernel_can_call_one_that_was_kept():
    assert compilation.njit(cache=True)(double)(4) == 8
    kept = compilation.njit(cache=True)(double)
    assert kept(5) == 10 and sum(kept.stats.cache_hits.values()) == 1
    assert [compilation.njit()(lambda x, n=n: kept(x) + n)(4) for n in (1, 2)] == [9, 10]


def test_compiling_is_announced_when_it_happens_and_then_only(capsys):
    announce()
    kernel = compilation.njit(cache=True)(double)
    assert not capsys.readouterr().err
    assert kernel(4) == 8 and "compiled first" in capsys.readouterr().err
    announce()
    # it was kept
    assert compilation.njit(cache=True)(double)(4) == 8 and not capsys.readouterr().err
    # for other types it was not
    assert kernel(4.0) == 8 and "compiled first" in capsys.readouterr().err
    assert kernel(4j) == 8j and not capsys.readouterr().err


def test_without_a_place_they_are_compiled_and_it_is_said_once(monkeypatch, recwarn):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert [compilation.njit(cache=True)(double)(4) for _ in range(2)] == [8, 8]
    assert [("NUMBA_CACHE_DIR=DIR" in str(one.message)) for one in recwarn] == [True]


def test_a_full_disk_is_said_once(monkeypatch, recwarn):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert [compilation.njit(cache=True)(double)(4) for _ in range(2)] == [8, 8]
    assert ["No space left on device" in str(one.message) for one in recwarn] == [True]


def interpreter_for_others() -> str | None:
    """A Python of this version that another user may start; None where there is none, or no right
    to become another."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (sys.executable, f"/usr/local/bin/{name}", f"/usr/bin/{name}"):
        with suppress(OSError, AttributeError, subprocess.CalledProcessError):
            subprocess.run(
                [place, "-c", ""], user=NOBODY, group=NOBODY, extra_groups=[], check=True
            )
            return place
    return None


@pytest.mark.slow
def test_another_user_trains_with_a_read_only_installation_and_no_home():
    """As in a container: the package belongs to somebody else, HOME names what is not there."""
    python = interpreter_for_others()
    if python is None:
        pytest.skip("needs the right to become another user, and a Python that one can start")
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are for one user
        os.chmod(place, 0o755)
        train_as_nobody(python, Path(place))


def train_as_nobody(python: str, place: Path) -> None:
    tree, work = place / "tree", place / "work"
    work.mkdir()
    for name in ("minisnn", "hardware", "data", "lessons"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    os.chown(work, NOBODY, NOBODY)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "PYTHONPATH": os.pathsep.join([str(tree), *packages]),
    }
    done = subprocess.run(
        [python, "-m", "minisnn", *"train --updates 2 --channels 2 --queries 1 --test-episodes 1 "
            "--draws "
            "0".split()],
        user=NOBODY, group=NOBODY, extra_groups=[], cwd=work, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "test accuracy" in done.stdout, done.stderr
    for folder in ("NUMBA_CACHE_DIR", "MINISNN_CACHE"):
        assert done.stderr.count(folder) == 1, done.stderr
    assert (work / "runs" / "quick-1" / "curve.png").is_file()
