"""A training run in a process of its own, to be killed: python faulty.py FOLDER [MOMENT].

MOMENT is "write 3 0.5": SIGKILL when half of the third checkpoint is written to its temporary file;
or "link 3", "replace 3", "sync 3": before that step of writing it. Without one the run prints a
line when its first task is drawn.
"""

import os
import signal
import sys

from minisnn import files, train
from minisnn.training.folder import RunFolder
from toy import toy_config, toy_data

CONFIG = dict(checkpoint_every=2, evaluate_every=0, test_episodes=2, tasks=1)


def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def kill_when(moment: str, number: str, share: str = "1") -> None:
    """Arrange for the end of this process at a step of writing checkpoint `number`, counted from
    1."""
    seen = []

    class Killing:
        """A file of which a part reaches the disk."""

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def fileno(self):
            return self.file.fileno()

        def write(self, contents):
            self.file.write(contents[: int(float(share) * len(contents))])
            self.file.flush()
            kill()

    def opened(path, *mode):
        seen.append(".checkpoint.h5." in str(path))  # the temporary file
        return (
            Killing(open(path, *mode))
            if moment == "write" and sum(seen) == int(number)
            else open(path, *mode)
        )

    files.open = opened
    for name, step in (("sync", "fsync"), ("link", "link"), ("replace", "replace")):
        if moment == name:
            real = getattr(os, step)
            setattr(
                os, step, lambda *a, real=real: kill() if sum(seen) >= int(number) else real(*a)
            )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        kill_when(*sys.argv[2].split())
        at_call = {}
    else:
        at_call = {1: lambda: print("drawn", flush=True)}
    RunFolder.draw = lambda *_: None
    train(
        toy_config(**CONFIG),
        sys.argv[1],
        resume="again" in sys.argv,
        data=toy_data(at_call),
        progress=False,
    )
