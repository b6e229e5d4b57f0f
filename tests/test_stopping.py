"""Signals: noted, answered at a safe point, and not lost where Python swallows what is raised."""

import os
import signal
import threading
import time

import pytest
from processes import python

from minisnn import stopping
from minisnn.stopping import Stopped, check, exit_code, heeded

TERM = signal.SIGTERM


@pytest.fixture(autouse=True)
def own_answers():
    """Whoever runs the tests may be deaf to these signals, or have handlers."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in stopping.SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    assert not stopping.asked()


def send(number=TERM):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (TERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_answered_at_the_next_safe_point_and_all_is_as_before(number, code):
    before = signal.getsignal(number)
    passed = []
    with pytest.raises(Stopped) as caught:
        with heeded(*stopping.SIGNALS):
            check()
            send(number)
            passed.append(stopping.asked())
            check()
    assert (
        passed == [True] and exit_code(caught.value) == code and signal.getsignal(number) is before
    )
    check()
    raised = KeyboardInterrupt("saved")
    raised.__cause__ = caught.value
    assert exit_code(raised) == code and exit_code(KeyboardInterrupt()) == 130


def test_what_c_code_makes_of_it_is_an_interruption(monkeypatch):
    monkeypatch.setattr(stopping, "AGAIN", 0.0)
    with pytest.raises(Stopped) as caught:
        with heeded(TERM):
            send()
            try:
                time.sleep(0.001)
                send()
            except Stopped:
                raise ValueError("Invalid affine transformation matrix") from None
    assert caught.value.number == TERM and isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(ValueError, match="of its own"), heeded(TERM):
        raise ValueError("an error of its own")


@pytest.mark.parametrize("again, wait", [(0.0, False), (60.0, True)])
def test_a_second_signal_does_not_wait_unless_it_comes_with_the_first(monkeypatch, again, wait):
    monkeypatch.setattr(stopping, "AGAIN", again)
    reached = []
    with pytest.raises(Stopped):
        with heeded(TERM):
            send()
            time.sleep(0.001)
            send()
            reached.append(1)
    assert bool(reached) == wait


def test_ignored_signals_and_handlers_of_others_stay():
    heard = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    signal.signal(TERM, lambda *_: heard.append(1))
    with heeded(*stopping.SIGNALS):
        send(signal.SIGHUP)
        send()
        check()
    assert heard == [1]
    found = []

    def elsewhere():
        with heeded(*stopping.SIGNALS):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_a_command_says_so_and_ends_with_its_code(number):
    """At an import, in the midst of what commands start with."""
    program = (
        "import os, sys\nfrom minisnn.cli import main\nnumber, sent = int(sys.argv.pop()), []\n"
        "def hook(event, _):\n    if event == 'import' and not sent:\n        sent.append(event)\n"
        "        os.kill(os.getpid(), number)\nsys.addaudithook(hook)\nsys.exit(main())\n"
    )
    done = python(
        *("-c", program, "lessons", "--list", int(number)),
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in stopping.SIGNALS],
    )
    assert done.returncode == 128 + number and done.stderr.endswith("stopped\n"), done.stderr
