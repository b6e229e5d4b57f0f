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
        threads.parallel(lambda start, stop: inside.extend((n, k) for k in range(start, stop)), 10)
        return n * n

    threads.in_order(function, range(items), found.append)
    assert found == [n * n for n in range(items)]
    assert sorted(inside) == [(n, k) for n in range(items) for k in range(10)]


@pytest.mark.parametrize("more", [0, 1, 2])
def test_threads_that_have_nothing_left_help(number, more):
    items = min(1 + more, number)
    everybody, who = threading.Barrier(items), set()

    def function(n):
        everybody.wait(5)  # every item has a thread of its own
        for _ in range(50 * (n == items - 1)):  # the last one's kernels, of which some begin after the others have ended
            threads.parallel(kernel, 12)

    def kernel(start, stop):
        who.add(threading.get_ident())
        time.sleep(1e-4)

    threads.in_order(function, range(items), lambda _: None)
    assert len(who) == number


def test_threads_that_are_busy_do_not_help(number):
    everybody, calls = threading.Barrier(number), []

    def function(n):
        everybody.wait(5)
        threads.parallel(lambda start, stop: calls.append((n, start, stop)), 12)
        everybody.wait(5)

    threads.in_order(function, range(number), lambda _: None)
    assert sorted(calls) == [(n, 0, 12) for n in range(number)]


def test_an_error_of_a_helper_is_the_owners(number):
    owner, done = [], []

    def kernel(start, stop):
        if threading.get_ident() not in owner:
            raise ValueError("helper")
        time.sleep(1e-3)

    def function(n):
        owner.append(threading.get_ident())
        time.sleep(0.02)
        threads.parallel(kernel, 100)

    if number > 1:
        with pytest.raises(ValueError, match="helper"):
            threads.in_order(function, range(1), lambda _: None)
    threads.in_order(lambda n: n, range(4), done.append)  # and the pool goes on
    assert done == [0, 1, 2, 3]


def test_within_another_they_go_one_after_the_other(number):
    found = []

    def function(n):
        inner = []
        threads.in_order(one(n), range(3), inner.append)
        return inner

    def one(n):
        def item(k):
            time.sleep(0.005)  # another thread would have come by
            return n, k, threading.get_ident()

        return item

    threads.in_order(function, range(3), found.append)
    assert [[one[:2] for one in inner] for inner in found] == [[(n, k) for k in range(3)] for n in range(3)]
    assert all(len({who for _, _, who in inner}) == 1 for inner in found)


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
