"""Threads of the kernels: every item once, results in order, errors told, no trace of the number of threads."""

import threading
import time

import numpy as np
import pytest

from minisnn.parallel import threads


@pytest.fixture(params=[1, 2, 3])
def number(request):
    threads.set_threads(request.param)
    yield request.param
    threads.set_threads(None)


@pytest.mark.parametrize("items", [0, 1, 2, 7, 100])
def test_every_item_is_done_once(number, items):
    done, who = np.zeros(items, int), set()

    def kernel(start, stop, scale):
        who.add(threading.get_ident())
        for n in range(start, stop):
            done[n] += scale
        time.sleep(0.001)

    threads.parallel(kernel, items, 3)
    assert (done == 3).all() and len(who) <= number
    if items == 100:
        assert len(who) == number


def test_little_work_stays_in_one_thread(number):
    calls = []
    threads.parallel(lambda start, stop: calls.append((start, stop)), 50, work=10)
    assert calls == [(0, 50)]


@pytest.mark.parametrize("items", [0, 1, 2, 5, 9])
def test_results_are_collected_in_order(number, items):
    found, inside = [], []

    def function(n):
        time.sleep(0.002 * ((n * 7) % 3))
        threads.parallel(lambda start, stop: inside.append((n, start, stop)), 10)
        return n * n

    threads.in_order(function, range(items), found.append)
    assert found == [n * n for n in range(items)]
    together = items // min(number, items) * number if number > 1 and items > 1 else 0
    for n in range(min(together, items)):  # the others are busy: one call for all items
        assert inside.count((n, 0, 10)) == 1


def test_an_error_in_a_thread_is_raised(number):
    def kernel(start, stop):
        time.sleep(0.001)
        if start <= 7 < stop:
            raise ValueError("seven")

    with pytest.raises(ValueError, match="seven"):
        threads.parallel(kernel, 20)
    with pytest.raises(ValueError, match="seven"):
        threads.in_order(lambda n: kernel(n, n + 1), range(20), lambda _: None)
    done = []
    threads.in_order(lambda n: n, range(4), done.append)  # and the pool goes on
    assert done == [0, 1, 2, 3]


def test_after_an_error_no_more_work_is_begun(number):
    begun = []

    def function(n):
        begun.append(n)
        time.sleep(0.001)
        if n == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        threads.in_order(function, range(1000), lambda _: None)
    assert len(begun) < 20


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2"])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="whole number from 1 on"):
        threads.set_threads(wrong)


def test_the_environment_gives_the_default(monkeypatch):
    monkeypatch.setenv("MINISNN_THREADS", "3")
    assert threads.get_threads() == 3
    monkeypatch.setenv("MINISNN_THREADS", "many")
    with pytest.raises(ValueError, match="MINISNN_THREADS must be a whole number from 1 on, not 'many'"):
        threads.get_threads()
    monkeypatch.delenv("MINISNN_THREADS")
    assert threads.get_threads() >= 1
