"""Kept kernels: whatever a kernel is made from is part of its name, and nothing else is."""

import linecache
import os
import time
import types
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numba import config

import minisnn as ms
from minisnn.parallel import compilation

if config.DISABLE_JIT:
    pytest.skip("nothing is compiled", allow_module_level=True)
pytestmark = pytest.mark.usefixtures("kept_apart")


def files(tmp_path) -> list[Path]:
    return sorted((tmp_path / "cache").rglob("*.nbc"))


def kernel_of(source: str):
    """The kernel of the source of a module of its own."""
    module = types.ModuleType("own")
    vars(module).update(njit=compilation.njit, np=np)
    exec(compile(source, __file__, "exec"), vars(module))
    return vars(module)["kernel"]


HELPED = """
FACTOR = 2.0
TABLE = (1.0, (1.0, 2.0))
def plain(x, by=1): return x * by
inner = njit()(plain)
def make(c):
    def closed(x): return inner(x) + c
    return njit()(closed)
outer = make(5)
@njit(cache=True, fastmath={"contract", "nnan"})
def kernel(x):
    return outer(x) * FACTOR + TABLE[0] + TABLE[1][1]  # and more words
"""


@pytest.mark.parametrize("old, new", [
    ("FACTOR = 2.0", "FACTOR = 3.0"), ("(1.0, (", "(-1.0, ("), (", 2.0))", ", 2.5))"),
    ("x * by", "x + by"), ("by=1", "by=2"), ("+ c", "- c"), ("make(5)", "make(6)"),
])  # fmt: skip
def test_one_change_of_whatever_is_read_is_noticed(old, new):
    assert HELPED.count(old) == 1
    before = kernel_of(HELPED)
    assert before(3.0) == 19.0
    assert kernel_of(HELPED.replace(old, new))(3.0) != 19.0
    again = kernel_of(HELPED.replace("more words", "less"))
    assert again(3.0) == 19.0 and hits(again) == 1


def hits(kernel) -> int:
    return sum(kernel.stats.cache_hits.values())


CELL = """
RATE = 0.5
def decay(r): return RATE * r
class Own(ms.LIF):
    def forward(self, I, z):
        (r,) = z
        u = I - decay(r)
        return u, (self.gamma * r + (1 - self.gamma) * self.spike(u),)
"""
_cells = count()


def run_cell(source: str, names: dict) -> None:
    """As a notebook does: no file, but lines that a traceback finds."""
    name = f"<ipython-input-{next(_cells)}-kept>"
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec"), names)


def test_what_a_cell_redefines_or_changes_in_place_is_never_answered_by_an_old_kernel():
    """A constant, a helper and a class, on the compiled engine and the readable one."""
    rng = np.random.default_rng(0)
    x = (rng.random((4, 12, 6)) < 0.5).astype(np.uint8)
    y = np.arange(4) % 2
    names = {"ms": ms, "__name__": "__main__"}
    changes = [
        CELL,
        "RATE = 0.9",
        "def decay(r): return RATE * r * r",
        CELL.replace("I - decay", "I + decay"),
        CELL,
    ]
    found = []
    for cell in changes:
        run_cell(cell, names)
        logits = []
        for backend in ("numpy", "numba"):
            net = ms.SpikingNet(
                (6,), (), hidden=(5,), ways=2, window=12, neuron=names["Own"](), backend=backend,
                dtype=np.float64,
            )  # fmt: skip
            theta = 3 * net.init(np.random.default_rng(1), x)
            logits.append(net.loss_and_gradient(theta, x, y)[1])
        np.testing.assert_allclose(logits[1], logits[0], rtol=1e-9, atol=1e-12)
        found.append(logits[0])
    assert not any(np.allclose(one, two) for one, two in zip(found, found[1:]))
    assert np.array_equal(found[0], found[-1])


def scaled(x):
    return x * 3


@pytest.mark.parametrize("setting, value", [("OPT", 0), ("BOUNDSCHECK", 1)])
def test_settings_of_numba_that_change_the_code_count(setting, value, monkeypatch):
    assert compilation.njit(cache=True)(scaled)(2) == 6
    monkeypatch.setattr(config, setting, value)
    other = compilation.njit(cache=True)(scaled)
    assert other(2) == 6 and not hits(other)
    monkeypatch.undo()


def test_what_nobody_uses_goes(tmp_path):
    """A file that was read is used; one of somebody else's is left alone."""
    kernel = compilation.njit(cache=True)(scaled)
    kernel(2)
    kernel(2.0)
    (tmp_path / "cache").mkdir(exist_ok=True)
    other = files(tmp_path)[0].with_name("other.f-1.py311.1.nbc")
    other.touch()
    for path in files(tmp_path):
        os.utime(path, (time.time() - 8 * 86400,) * 2)
    again = compilation.njit(cache=True)(scaled)
    assert again(2) == 6 and hits(again) == 1
    again(2j)
    assert len(files(tmp_path)) == 3 and other.exists()


@pytest.mark.parametrize("damage", [b"", b"\x80\x05rubbish", None])
def test_a_damaged_file_is_made_again(damage, tmp_path):
    assert compilation.njit(cache=True)(scaled)(2) == 6
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    again = compilation.njit(cache=True)(scaled)
    assert again(2) == 6 and not hits(again)
    third = compilation.njit(cache=True)(scaled)
    assert third(2) == 6 and hits(third) == 1
