"""`minisnn` in a process of its own, to which a signal comes at a chosen moment: python moments.py
SIGNAL KIND NUMBER ARGUMENTS

KIND is "import" (before the NUMBER-th import of a module), "write" (before the NUMBER-th opening of
a file for writing, or renaming), "draw" (NUMBER milliseconds after the first figure was begun) or
"none". The process says "begun" on the file descriptor that FUZZ_TELL names when the command line
starts, and "signal" when it sends one to itself.
"""

import os
import sys
from itertools import count
from threading import Timer

TELL = int(os.environ.get("FUZZ_TELL", "2"))


def tell(word: str) -> None:
    os.write(TELL, f"{word}\n".encode())


def at_event(number: int, signal: int, wanted) -> None:
    """Send the signal at the audit event number `number` among those that are wanted."""
    counted = count()

    def hook(event: str, arguments: tuple) -> None:
        if wanted(event, arguments) and next(counted) == number:
            tell("signal")
            os.kill(os.getpid(), signal)

    sys.addaudithook(hook)


def writes(event: str, arguments: tuple) -> bool:
    if event == "open":
        mode = arguments[1]
        return isinstance(mode, str) and mode[:1] in ("w", "a", "x")
    return event == "os.rename"


def at_drawing(milliseconds: int, signal: int) -> None:
    from minisnn.plots import canvas

    def figure(*size, made=canvas._import_matplotlib):
        if not started:
            started.append(
                Timer(milliseconds / 1000, lambda: (tell("signal"), os.kill(os.getpid(), signal)))
            )
            started[0].daemon = True
            started[0].start()
        return made(*size)

    started: list = []
    canvas._import_matplotlib = figure


if __name__ == "__main__":
    signal, kind, number = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    sys.argv = ["minisnn", *sys.argv[4:]]
    from minisnn import cli

    if kind == "import":
        at_event(number, signal, lambda event, _: event == "import")
    elif kind == "write":
        at_event(number, signal, writes)
    elif kind == "draw":
        at_drawing(number, signal)
    tell("begun")
    sys.exit(cli.main())
