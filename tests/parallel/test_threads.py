"""Threads of the kernels: every item once, results in order, errors raised, the same bits for any
number of threads, and forks."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import minisnn as ms
from minisnn.parallel import shares


@pytest.fixture(params=[1, 2, 3])
def number(request, threads):
    threads(request.param)
    return request.param


@pytest.mark.parametrize("items", [0, 1, 2, 7, 100])
def test_every_item_is_done_once(number, items):
    done = np.zeros(items, int)
    who = set()

    def kernel(start, stop, scale):
        who.add(threading.get_ident())
        for n in range(start, stop):
            done[n] += scale
        time.sleep(0.001)

    shares.parallel(kernel, items, 3)
    assert (done == 3).all() and len(who) <= number
    if items == 100:
        assert len(who) == number


@pytest.mark.parametrize("items", [0, 1, 2, 5, 9])
def test_results_are_collected_in_order(number, items):
    found = []
    inside = []

    def function(n):
        time.sleep(0.002 * ((n * 7) % 3))
        shares.parallel(lambda start, stop: inside.extend((n, k) for k in range(start, stop)), 10)
        return n * n

    ms.Executor().in_order(function, range(items), found.append)
    assert found == [n * n for n in range(items)]
    assert sorted(inside) == [(n, k) for n in range(items) for k in range(10)]


def test_an_error_in_a_thread_is_raised(number):
    def kernel(start, stop):
        time.sleep(0.001)
        if start <= 7 < stop:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shares.parallel(kernel, 20)
    begun = []
    with pytest.raises(ZeroDivisionError):
        ms.Executor().in_order(lambda n: begun.append(n) or kernel(n, n + 1), range(999), [].append)
    assert len(begun) < 20
    done = []
    ms.Executor().in_order(lambda n: n, range(4), done.append)  # and the pool goes on
    assert done == [0, 1, 2, 3]


@pytest.mark.parametrize("wrong", [0, -1, 10**30, 1.5, "2", True, np.float64(2), [2]])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(ValueError):
        ms.set_threads(wrong)


@pytest.mark.parametrize("given", ["3", "0", "many", "1.5"])
def test_numbers_of_numpy_and_of_the_environment_are_taken(given, monkeypatch, threads):
    threads(np.int64(2))
    assert ms.get_threads() == 2
    threads(None)
    monkeypatch.setenv("MINISNN_THREADS", given)
    if given == "3":
        assert ms.get_threads() == 3
    else:
        with pytest.raises(ValueError):
            ms.get_threads()


def in_python_threads(call, callers=4):
    """What call(0), call(1), … return, each in a Python thread of its own, all at once; None of one
    that hangs."""
    found: dict = {}
    started = [
        threading.Thread(target=lambda n=n: found.update({n: call(n)}), daemon=True)
        for n in range(callers)
    ]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(20)
    return [found.get(n) for n in range(callers)]


def test_several_python_threads_at_once(number):
    """Lists of items whose kernels are shared: more callers than threads of the pool, while their
    number changes."""

    def call(caller):
        found = []
        done = np.zeros(12, int)

        def function(n):
            def kernel(start, stop):
                time.sleep(1e-4)
                if n == 3:
                    done[start:stop] += 1

            ms.set_threads(1 + (n + caller + number) % 3)
            shares.parallel(kernel, 12)
            return n * n

        for _ in range(20):
            ms.Executor().in_order(function, range(5), found.append)
        return found, done.tolist()

    assert in_python_threads(call) == [([n * n for n in range(5)] * 20, [20] * 12)] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("where", ["beside", "within"])
def test_a_fork_during_a_computation(number, where):
    """In an item of it, or in the main thread beside another that computes: the child's own calls
    are right."""
    codes = []
    over = threading.Event()

    def forked():
        process = os.fork()
        if process == 0:
            done: list = []
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a child that hangs is killed
            signal.alarm(10)
            ms.Executor().in_order(
                lambda n: shares.parallel(lambda *_: None, 4), range(4), done.append
            )
            os._exit(0 if len(done) == 4 else 1)
        codes.append(os.waitpid(process, 0)[1])

    def function(n):
        shares.parallel(lambda start, stop: time.sleep(1e-3), 6)
        if where == "within" and n % 2:
            forked()
        return n

    def compute():
        while not over.is_set():
            ms.Executor().in_order(function, range(4), lambda _: None)

    if where == "within":
        ms.Executor().in_order(function, range(6), lambda _: None)
    else:
        thread = threading.Thread(target=compute, daemon=True)
        thread.start()
        for _ in range(5):
            forked()
        over.set()
        thread.join(20)
    assert len(codes) >= 3 and not any(codes)


PRODUCTS_AT_A_FORK = """
import linecache, os, sys, threading

def look():  # after the library's own part of a fork, since it is registered before
    for frame in sys._current_frames().values():
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno or 0)
        products.extend([line] * (" @ " in line or "matmul" in line))

products = []
os.register_at_fork(before=look)
import numpy as np
import minisnn as ms

over = threading.Event()
net = ms.SpikingNet((16, 16, 2), (4,), 3, 3, window=8, backend="numpy")
x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
theta = net.init(np.random.default_rng(0), x)

def compute():
    while not over.is_set():
        net.loss_and_gradient(theta, x, y)

computing = [threading.Thread(target=compute) for _ in range(2)]
for thread in computing:
    thread.start()
for _ in range(50):
    process = os.fork()
    if not process:
        os._exit(0)
    os.waitpid(process, 0)
over.set()
sys.exit(len(products))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_no_product_of_matrices_is_under_way_at_a_fork():
    """Of the NumPy engine; a child would wait for ever for a lock that OpenBLAS holds in them."""
    assert subprocess.run([sys.executable, "-c", PRODUCTS_AT_A_FORK], timeout=120).returncode == 0


def test_settings_of_numpy_hold_wherever_an_item_is_computed(number):
    def function(n):
        time.sleep(1e-3)
        return float(np.float64(1) / np.float64(0) if n else 0)

    found: list = []
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        ms.Executor().in_order(function, range(8), found.append)
    with np.errstate(divide="ignore"):
        ms.Executor().in_order(function, range(8), found.append)
