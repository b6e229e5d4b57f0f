"""Interrupted calls, over and over, in a process of their own: nothing hangs, nobody works on, and
the next call is right.

    python tests/interrupts.py                               each call, process and number of threads 21 times
    python tests/interrupts.py --process plain --threads 3 --call gradients --times 200

This process sends the signals, at random moments, every third time twice or three times within
milliseconds. The other one, a plain interpreter or a Jupyter kernel, computes (`Interrupted`); they
talk through a pipe and a folder, which no interruption touches.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
CALLS = ("gradients", "meta_gradient", "train", "evaluate")
PROCESSES = ("plain", "jupyter")
PATIENCE = 90  # seconds without a word until a call is held to hang


class Interrupted:
    """The process that is interrupted; `folder` is what it shares with the one that sends
    signals."""

    def __init__(self, folder: str):
        import faulthandler

        import numpy as np

        import minisnn as ms
        from minisnn.parallel import threads
        from toy import ToySet, toy_config, toy_data

        faulthandler.register(signal.SIGUSR1)
        self.folder = Path(folder)
        self.pipe = os.open(self.folder / "pipe", os.O_WRONLY)
        self.at_work: set[int] = set()
        self.shared = 0
        self._watch(threads)
        rng = np.random.default_rng(0)
        net = ms.SpikingNet((8, 8, 2), (8,), 3, 3, window=20)
        theta = net.init(rng)
        x = (rng.random((12, 40, 8, 8, 2)) < 0.1).astype(np.uint8)
        y = np.arange(12) % 3
        task = ms.Task(x[:3], y[:3], x[3:], y[3:])
        small = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8)
        weights = small.init(rng)
        config = toy_config(
            backend="numba", evaluate_every=0, updates=6, test_episodes=2, init_tasks=1
        )

        def train():
            with tempfile.TemporaryDirectory() as out:
                return ms.train(config, Path(out) / "run", data=toy_data(), progress=False).theta

        def gradients():
            found = net.gradients(theta, x, y)
            return np.concatenate([found.gradient, found.hvp(found.gradient)])

        def evaluate():
            inner = ms.InnerLoop(1.0)
            return np.array(
                ms.evaluate(small, weights, inner, ToySet("test"), episodes=30, progress=False)[
                    "per_episode"
                ]
            )

        self.calls = dict(
            gradients=gradients,
            meta_gradient=lambda: ms.meta_gradient(net, theta, task, steps=2).gradient,
            train=train,
            evaluate=evaluate,
        )
        self.set_threads = ms.set_threads
        self.expected = {name: call().tobytes() for name, call in self.calls.items()}
        self.tell(f"ready, {self.shared} turns of other threads")

    def _watch(self, threads) -> None:
        """Note which threads other than the main one are at work for a call of this one."""
        together = threads._together

        def watched(turn, *arguments):
            def noted():
                me = threading.get_ident()
                self.at_work.add(me)
                self.shared += me != threading.main_thread().ident
                try:
                    return turn()
                finally:
                    self.at_work.discard(me)

            return together(noted, *arguments)

        threads._together = watched

    def tell(self, word: str) -> None:
        os.write(self.pipe, f"{word}\n".encode())

    def begin(self, name: str) -> None:
        """The call, which is interrupted."""
        self.left = None
        self.tell("begun")
        try:
            self.calls[name]()
        except KeyboardInterrupt:
            self.left = set(self.at_work)
            raise

    def judge(self, name: str, number: int) -> None:
        """When no more signals come: what became of it, and whether the next call is right."""
        while not (self.folder / str(number)).exists():
            time.sleep(0.001)
        outcome = (
            "finished"
            if self.left is None
            else "interrupted, and others work on"
            if self.left
            else "interrupted"
        )
        right = self.calls[name]().tobytes() == self.expected[name]
        self.tell(f"{outcome}: the next call is {'right' if right else 'wrong'}")

    def serve(self) -> None:
        """In a plain process: what it is asked on its standard input."""
        self.phase, self.number = 0, 0
        self.through(self.answer)

    def answer(self) -> None:
        """One request after the other; where a signal ended it, it goes on with the next phase of
        the request."""
        while True:
            if self.phase == 0:
                line = sys.stdin.readline()
                if not line:
                    return
                self.name, threads = line.split()
                self.number += 1
                self.set_threads(int(threads))
                self.phase = 1
            if self.phase == 1:
                self.phase = 2
                self.begin(self.name)
            self.judge(self.name, self.number)
            self.phase = 0

    def through(self, function, depth: int = 4):
        """function(), begun again where a late signal comes; one that comes outside a `try` meets
        the `try` around it."""
        while True:
            try:
                return self.through(function, depth - 1) if depth else function()
            except KeyboardInterrupt:
                continue


class Plain:
    """A plain interpreter."""

    def __init__(self, folder: str):
        program = f"from interrupts import Interrupted; Interrupted({folder!r}).serve()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            text=True,
            cwd=HERE,
            preexec_fn=hear,
        )

    def begin(self, name: str, threads: int, number: int) -> None:
        self.process.stdin.write(f"{name} {threads}\n")
        self.process.stdin.flush()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def judge(self, name: str, number: int) -> None:
        """It goes on by itself."""

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Jupyter:
    """A Jupyter kernel, as a notebook has it."""

    def __init__(self, folder: str):
        from jupyter_client import KernelManager

        self.kernel = KernelManager(kernel_name="python3")
        # what this process ignores its children do
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.kernel.start_kernel(cwd=str(HERE))
        signal.signal(signal.SIGINT, before)
        self.client = self.kernel.client()
        self.client.start_channels()
        self.client.wait_for_ready(PATIENCE)
        self.client.execute(
            f"from interrupts import Interrupted; here = Interrupted({folder!r})",
            stop_on_error=False,
        )

    def begin(self, name: str, threads: int, number: int) -> None:
        self.client.execute(
            f"here.set_threads({threads}); here.begin({name!r})", stop_on_error=False
        )

    def interrupt(self) -> None:
        self.kernel.interrupt_kernel()

    def judge(self, name: str, number: int) -> None:
        self.client.execute(
            f"here.through(lambda: here.judge({name!r}, {number}))", stop_on_error=False
        )

    def end(self) -> None:
        self.client.stop_channels()
        self.kernel.shutdown_kernel(now=True)


def hear() -> None:
    """A process that is started in the background would be deaf."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Ear:
    """Lines of a pipe, with a limit to the patience."""

    def __init__(self, path: Path):
        os.mkfifo(path)
        self.pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.heard = b""

    def line(self, patience: float) -> str | None:
        until = time.monotonic() + patience
        while b"\n" not in self.heard:
            try:
                self.heard += os.read(self.pipe, 1000)
            except BlockingIOError:
                pass
            if time.monotonic() > until:
                return None
            time.sleep(0.0005)
        line, _, self.heard = self.heard.partition(b"\n")
        return line.decode()


def run(process: str, calls, threads, times: int, rng: random.Random, log=print) -> Counter:
    """{(call, process, threads, outcome): how often}; each call and number of threads is
    interrupted so many times."""
    found: Counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        ear = Ear(Path(folder) / "pipe")
        other = (Plain if process == "plain" else Jupyter)(folder)
        try:
            log(process, ear.line(20 * PATIENCE))
            number = 0
            for call in calls:
                for n in threads:
                    interrupted = 0
                    length = 0.05
                    while interrupted < times:
                        number += 1
                        other.begin(call, n, number)
                        if ear.line(PATIENCE) != "begun":
                            found[call, process, n, "hangs"] += 1
                            return found
                        began = time.monotonic()
                        time.sleep(rng.random() * length)
                        for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
                            other.interrupt()
                            time.sleep(rng.random() * 0.004)
                        time.sleep(0.002)
                        (Path(folder) / str(number)).touch()
                        other.judge(call, number)
                        outcome = ear.line(PATIENCE)
                        if outcome is None:
                            outcome = "hangs"
                            if process == "plain":
                                other.process.send_signal(signal.SIGUSR1)
                                time.sleep(1)
                        elif outcome.startswith("finished"):
                            length *= 0.8
                        else:
                            interrupted += 1
                            length = min(length * 1.1, 2 * (time.monotonic() - began))
                        found[call, process, n, outcome] += 1
                        if outcome == "hangs":
                            return found
                    log(
                        call,
                        process,
                        n,
                        {
                            key[3]: much
                            for key, much in found.items()
                            if key[:3] == (call, process, n)
                        },
                    )
        finally:
            other.end()
            os.close(ear.pipe)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--process", nargs="+", choices=PROCESSES, default=PROCESSES)
    options.add_argument("--call", nargs="+", choices=CALLS, default=CALLS)
    options.add_argument("--threads", nargs="+", type=int, default=(2, 3, 8))
    options.add_argument("--times", type=int, default=21)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    given = options.parse_args()
    print("seed", given.seed)
    outcomes: Counter = Counter()
    for process in given.process:
        for (*_, outcome), much in run(
            process, given.call, given.threads, given.times, random.Random(given.seed)
        ).items():
            outcomes[outcome] += much
    print(dict(outcomes))


if __name__ == "__main__":
    main()
