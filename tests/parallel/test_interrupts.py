"""KeyboardInterrupt wherever it may come: between any two steps of the main thread, and in real
processes at random."""

import contextlib
import dis
import functools
import gc
import os
import random
import signal
import sys
import threading
import time
import traceback

import numpy as np
import pytest
from numba.core.compiler_lock import global_compiler_lock

import interrupts
from minisnn import stopping
from minisnn.parallel import compilation, stand_in, threads
from slowly import slow

needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")


def deliver() -> None:
    """What Python does with Ctrl-C at this moment."""
    handler = signal.getsignal(signal.SIGINT)
    assert callable(handler)
    handler(signal.SIGINT, None)


class Tracer:
    """Lets Ctrl-C come before step `number`, counted from 0, of the frames of these modules; `came`
    tells whether it did.

    real   only where Python looks for signals: after calls, and as functions and rounds of loops
           begin
    """

    def __init__(self, number: int, *modules, real: bool = False):
        self.real = real
        self.last: dict = {}
        self.files = {module.__file__ for module in modules}
        self.number = number
        self.came = False

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename not in self.files:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and self._looks(frame):
            self.number -= 1
            if self.number == -1:
                self.came = True
                deliver()
        return self

    def _looks(self, frame) -> bool:
        before = self.last.get(frame, "")
        self.last[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
        return not self.real or before.startswith(("CALL", "RESUME", "JUMP_BACKWARD"))

    def __enter__(self):
        self.before = sys.gettrace()
        # Python 3.12 traces steps only where some frame asked for them before this
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)
        self.last.clear()


@pytest.fixture
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def three_threads():
    threads.set_threads(3)
    yield
    threads.set_threads(None)


def in_a_child(test):
    """The test in a forked process: exceptions of a trace function wear Python's count of
    recursions out."""

    @functools.wraps(test)
    def run(*arguments, **keywords):
        process = os.fork()
        if process == 0:
            code = 1
            try:
                test(*arguments, **keywords)
                code = 0
            except BaseException:
                traceback.print_exc(file=sys.__stderr__)
            finally:
                sys.__stderr__.flush()
                os._exit(code)
        assert os.waitpid(process, 0)[1] == 0

    return pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")(run)


def by_parallel(at_work: set) -> list[int]:
    done = np.zeros(6, int)

    def kernel(start, stop):
        at_work.add((start, stop))
        time.sleep(1e-4)
        done[start:stop] += 1
        at_work.discard((start, stop))

    threads.parallel(kernel, 6)
    return done.tolist()


def by_list(at_work: set) -> list[int]:
    found: list[int] = []

    def function(n):
        at_work.add(n)
        threads.parallel(lambda start, stop: time.sleep(1e-4), 6)
        at_work.discard(n)
        return 1

    threads.in_order(function, range(6), found.append)
    return found


def disturbed(call, tracer: Tracer) -> bool:
    """Whether an interruption came in a call, which then left nobody at work; the next call is
    right."""
    at_work: set = set()
    with tracer:
        try:
            assert call(at_work) == [1] * 6
        except KeyboardInterrupt:
            assert not at_work
    assert call(set()) == [1] * 6
    return tracer.came


@pytest.mark.parametrize("call", [by_parallel, by_list])
@in_a_child
def test_an_interruption_between_any_two_steps_leaves_nobody_at_work(
    call, default_handler, three_threads
):
    number = 0
    while disturbed(call, Tracer(number, threads, stand_in)):
        number += 1
    assert number > 100


def test_what_was_given_up_for_good_is_over_before_the_next_call(
    default_handler, three_threads, monkeypatch
):
    """Where something takes so long that the user insists."""
    monkeypatch.setattr(stand_in, "PATIENCE", 0.0)
    at_work, goes_on, order = threading.Event(), threading.Event(), []

    def slow(start, stop):
        at_work.set()
        goes_on.wait(10)
        order.append("slow")

    def insist():
        at_work.wait(10)
        for _ in range(2):
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=insist)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        threads.parallel(slow, 3)
    thread.join()
    assert not order
    threading.Timer(0.05, goes_on.set).start()
    threads.parallel(lambda start, stop: order.append("next"), 3)
    assert order[-3:] == ["next"] * 3 and "next" not in order[:-3] and 1 <= len(order) - 3 <= 3


def fourfold(x):
    return 4 * x


@pytest.fixture
def slow_kernel(monkeypatch, tmp_path):
    """One whose compilation takes a fifth of a second and tells when it has begun."""
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "cache"))
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
def test_an_interruption_breaks_no_compilation_off(slow_kernel, default_handler, capsys, tmp_path):
    """It is said; numba's lock is free, and what was compiled is there."""

    def interrupt():
        slow_kernel.begun.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        slow_kernel(1)
    assert capsys.readouterr().err.count("kernel") == 1
    thread = threading.Thread(target=lambda: global_compiler_lock(int)(), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert list((tmp_path / "cache").rglob("*.nbc"))
    again = compilation.njit(cache=True)(fourfold)
    assert slow_kernel(2) == again(2) == 8 and sum(again.stats.cache_hits.values()) == 1


@needs_signals
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_that_is_forked_during_a_compilation_can_compile(slow_kernel):
    with beside(slow_kernel.begun, slow_kernel, 1):
        assert compiles_in_a_child() == 0


@needs_signals
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_that_is_forked_while_llvm_is_asked_can_compile():
    """As when Python takes down what it was given, which numba's lock does not cover."""
    from llvmlite.binding import ffi

    asked = threading.Event()

    def ask():
        with ffi.lib._lock:
            asked.set()
            time.sleep(0.2)

    with beside(asked, ask):
        assert compiles_in_a_child() == 0


def test_python_collects_no_cycles_while_a_kernel_is_compiled(slow_kernel):
    with beside(slow_kernel.begun, slow_kernel, 1):
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        slow_kernel(1.0)
        assert not gc.isenabled()
    finally:
        gc.enable()


@contextlib.contextmanager
def beside(begun, function, *arguments):
    """A thread that calls it, from when that has begun."""
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    assert begun.wait(5)
    yield
    thread.join()


def compiles_in_a_child() -> int:
    """The status of a process that is forked, collects cycles and compiles a kernel; 0 where it
    does."""
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a child that hangs is killed
        signal.alarm(10)
        for _ in range(3):  # else the next thread may be taken for the one that had the lock
            threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        works = gc.isenabled() and compilation.njit()(lambda x: 5 * x)(2) == 10
        os._exit(0 if works else 1)
    return os.waitpid(process, 0)[1]


@needs_signals
def test_a_command_stops_before_the_next_kernel(slow_kernel, default_handler):
    with pytest.raises(stopping.Stopped):
        with stopping.heeded(signal.SIGINT):
            os.kill(os.getpid(), signal.SIGINT)
            slow_kernel(1)
    assert not slow_kernel.begun.is_set()
    assert slow_kernel(1) == 4


@needs_signals
@pytest.mark.parametrize(
    "process, call", [slow(("plain", "evaluate")), slow(("jupyter", "gradients"))]
)
def test_calls_that_are_interrupted_in_a_process_of_their_own(process, call):
    assert_right(process, (call,), (3,), 4)


@needs_signals
@pytest.mark.slow
@pytest.mark.parametrize("call", interrupts.CALLS)
@pytest.mark.parametrize("process", interrupts.PROCESSES)
def test_all_calls_and_numbers_of_threads(process, call):
    assert_right(process, (call,), (2, 3, 8), 21)


def assert_right(process: str, calls, numbers, times: int) -> None:
    if process == "jupyter":
        pytest.importorskip("jupyter_client")
        pytest.importorskip("ipykernel")
    found = interrupts.run(process, calls, numbers, times, random.Random(), lambda *_: None)
    outcomes = {outcome for *_, outcome in found}
    assert outcomes <= {
        "interrupted: the next call is right",
        "finished: the next call is right",
    }, found
    for call in calls:
        for number in numbers:
            assert found[call, process, number, "interrupted: the next call is right"] >= times
