"""Kernels are kept where there is a place and room for them, and work where there is not."""

import pytest
from numba.core import caching

from minisnn.parallel import compilation

pytestmark = pytest.mark.usefixtures("kept_apart")


def double(x):
    return 2 * x


def test_another_kernel_can_call_one_that_was_kept():
    assert compilation.njit(cache=True)(double)(4) == 8
    kept = compilation.njit(cache=True)(double)
    assert kept(5) == 10 and sum(kept.stats.cache_hits.values()) == 1
    assert [compilation.njit()(lambda x, n=n: kept(x) + n)(4) for n in (1, 2)] == [9, 10]


def test_compiling_is_announced_when_it_happens_and_then_only(announce, capsys):
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
    assert [("NUMBA_CACHE_DIR" in str(one.message)) for one in recwarn] == [True]


def test_a_full_disk_is_said_once(monkeypatch, recwarn):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert [compilation.njit(cache=True)(double)(4) for _ in range(2)] == [8, 8]
    assert ["No space left on device" in str(one.message) for one in recwarn] == [True]
