"""KeyboardInterrupt wherever it may come: in a process at random, and while a kernel is compiled."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numba
import pytest
from numba.core.compiler_lock import global_compiler_lock

import minisnn as ms
from minisnn import stopping
from minisnn.parallel import compilation, shares

needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")


@pytest.fixture
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def three_threads(threads):
    threads(3)


@needs_signals
@pytest.mark.parametrize("heeded", [False, True])
def test_ctrl_c_begins_nothing_more_and_leaves_nobody_at_work(
    heeded, default_handler, three_threads
):
    """In an item of the main thread or of another one, whose kernels are shared, too."""
    begun = []
    at_work = set()

    def kernel(start, stop):
        at_work.add(start)
        time.sleep(1e-3)
        at_work.discard(start)

    def function(n):
        begun.append(n)
        if n == 5:
            os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10):
            shares.parallel(kernel, 6)

    noted = stopping.heeded(signal.SIGINT) if heeded else contextlib.nullcontext()
    with pytest.raises(KeyboardInterrupt), noted:
        ms.Executor().in_order(function, range(1000), lambda _: None)
    assert len(begun) < 30 and not at_work
    found: list = []
    ms.Executor().in_order(lambda n: n, range(6), found.append)
    assert found == list(range(6))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@needs_signals
def test_who_insists_is_heard_at_once(default_handler, three_threads):
    everybody = threading.Barrier(3)
    over = threading.Event()

    def wait(n):
        everybody.wait(5)
        over.wait(20)

    def insist():
        for _ in range(2):
            time.sleep(stopping.AGAIN + 0.2)
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=insist).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ms.Executor().in_order(wait, range(3), lambda _: None)
    assert time.monotonic() - began < 10
    over.set()


def fourfold(x):
    return 4 * x


@pytest.fixture
def slow_kernel(kept_apart):
    """One whose compilation takes a fifth of a second and tells when it has begun."""
    kernel = compilation.njit(cache=True)(fourfold)
    if not hasattr(kernel, "py_func"):
        pytest.skip("nothing is compiled")
    compile_it = kernel._compiler.compile
    kernel.begun = threading.Event()

    def slowly(*types):
        kernel.begun.set()
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            time.sleep(0.01)
        return compile_it(*types)

    kernel._compiler.compile = slowly
    return kernel


@needs_signals
def test_an_interruption_breaks_no_compilation_off(slow_kernel, default_handler, tmp_path):
    """numba's lock is free, and what was compiled is there."""

    def interrupt():
        slow_kernel.begun.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        slow_kernel(1)
    thread = threading.Thread(target=lambda: global_compiler_lock(int)(), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert list((tmp_path / "cache").rglob("*.nbc"))
    again = compilation.njit(cache=True)(fourfold)
    assert slow_kernel(2) == again(2) == 8 and sum(again.stats.cache_hits.values()) == 1


def test_a_kernel_is_compiled_within_a_plain_one_of_numba(slow_kernel):
    """The thread that compiles has numba's lock already."""
    assert numba.njit(lambda x: slow_kernel(x) + 1)(2) == 9


PROGRAM = """
import signal
import numpy as np
import minisnn as ms

signal.signal(signal.SIGINT, signal.default_int_handler)
ms.set_threads(3)
rng = np.random.default_rng(0)
net = ms.SpikingNet((8, 8, 2), (8,), 3, 3, window=20)
theta = net.init(rng)
x, y = (rng.random((24, 40, 8, 8, 2)) < 0.1).astype(np.uint8), np.arange(24) % 3

def called():
    found = net.gradients(theta, x, y)
    return found.hvp(found.gradient).tobytes()

expected = called()
while True:
    try:
        print("begun", flush=True)
        while True:
            called()
    except KeyboardInterrupt:
        pass
    print(called() == expected, flush=True)
"""


@needs_signals
def test_after_an_interrupt_at_any_moment_the_next_call_is_right():
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        end = threading.Timer(300, process.kill)  # of one that hangs
        end.start()
        for moment in random.Random(0).sample(range(200), 25):
            assert process.stdout.readline() == "begun\n"
            time.sleep(moment / 1000)
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "True\n"
        process.kill()
        end.cancel()
