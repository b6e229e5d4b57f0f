"""A training run in a process of its own, to be killed: python faulty.py FOLDER [MOMENT].

MOMENT is "write 3 0.5": SIGKILL when half of the third checkpoint is written to its temporary file;
"replace 3", "sync 3": before that step of writing it; or "clock 1.5": after so many seconds.
"""

import os
import signal
import sys
import threading

from minisnn import files, train
from minisnn.training.folder import RunFolder
from toy import toy_config, toy_data

CONFIG = dict(checkpoint_every=2, evaluate_every=6, evaluate_episodes=2, test_episodes=2, tasks=1)


def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def kill_when(moment: str, number: str, share: str = "1") -> None:
    """Arrange for the end of this process at a step of writing checkpoint `number`, counted from
    1."""
    seen = []

    def opened(path, *mode):
        seen.append(".checkpoint.h5." in str(path))  # the temporary file
        file = open(path, *mode)
        if moment == "write" and sum(seen) == int(number):
            real = file

            class Killing:
                """Of what is written a part reaches the disk."""

                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    real.close()

                def fileno(self):
                    return real.fileno()

                def write(self, contents):
                    real.write(contents[: int(float(share) * len(contents))])
                    real.flush()
                    kill()

            return Killing()
        return file

    files.open = opened
    for name, step in (("sync", "fsync"), ("replace", "replace")):
        if moment == name:
            real = getattr(os, step)
            late = lambda *a, real=real: kill() if sum(seen) >= int(number) else real(*a)
            setattr(os, step, late)


if __name__ == "__main__":
    moment = sys.argv[2].split() if len(sys.argv) > 2 else []
    if moment[:1] == ["clock"]:
        clock = threading.Timer(float(moment[1]), kill)
        clock.daemon = True
        clock.start()
    elif moment:
        kill_when(*moment)
    RunFolder.draw = lambda *_: None
    train(toy_config(**CONFIG), sys.argv[1], data=toy_data(), progress=False)
