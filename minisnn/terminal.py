"""What is printed: streams that may be closed or know no ±, texts that may come from a file, and
progress bars."""

import errno
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import RLock
from time import monotonic
from typing import Any

# control characters but tab and line feed, which steer a terminal, and those that turn the
# direction of writing
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)  # of a disk, a file, a user's share


def clean(text: str) -> str:
    """The text with whatever could steer a terminal written out: ESC as \\x1b."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Clean:
    """A text stream to which only what is `clean` is written, nothing once its terminal has gone.
    `steers`: all is. `beside`: no work ends because its remarks find no room."""

    def __init__(self, stream: Any, steers: bool = False, beside: bool = False):
        self.stream, self.steers, self.beside = stream, steers, beside

    def write(self, text: str) -> int:
        return self._while_there(self.stream.write, text if self.steers else clean(text))

    def flush(self) -> None:
        self._while_there(self.stream.flush)

    def _while_there(self, do: Callable, *arguments: str) -> Any:
        try:
            return do(*arguments)
        except OSError as error:
            if error.errno != errno.EIO and not (self.beside and error.errno in FULL):
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def streams() -> Iterator[None]:
    """In here sys.stdout and sys.stderr can be written to, whatever is closed or cannot be shown,
    and are `Clean`."""
    before = sys.stdout, sys.stderr
    while (
        descriptor := os.open(os.devnull, os.O_RDWR)
    ) <= 2:  # else the next file that is opened would be the output
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")
        if hasattr(stream, "reconfigure"):  # a terminal that lacks ± or → shows a question mark
            stream.reconfigure(errors="replace")
        setattr(sys, name, Clean(stream, beside=name == "stderr"))
    try:
        yield
    finally:
        for shown in (sys.stdout, sys.stderr):
            # a `Clean` does not tell what it could not write
            stream = getattr(shown, "stream", shown)
            try:
                stream.flush()
            except OSError:  # what is left goes nowhere, else Python would try again at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.stdout, sys.stderr = before


@cache
def _bar_class(widget: bool) -> Any:
    """tqdm's bar, a widget or a line of text, whose own lock, and way to take it, an interruption
    leaves locked; other threads would wait for ever."""
    if widget:
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm

    class Bar(tqdm):
        @property
        def _time(self) -> Callable[[], float]:
            # tqdm's own clock is the day's: set back, it tells times below 0 and holds the bar up
            return monotonic

        @_time.setter
        def _time(self, clock: Callable[[], float]) -> None:
            pass

        def refresh(self, nolock: bool = False, lock_args: tuple | None = None) -> None:
            if not self.disable:
                with self.get_lock():
                    self.display()

    Bar.set_lock(RLock())
    return Bar


def bar(
    items: Iterable | None = None,
    total: int | None = None,
    text: str = "",
    show: bool = True,
    line: bool = True,
    **options: Any,
) -> Any:
    """A tqdm bar on stderr where that is a terminal, or in a notebook, gone when it is done; its
    text is cleaned. Elsewhere, in a log, the text is a line of its own, unless `line` is False."""
    out = Clean(
        sys.stderr.stream if isinstance(sys.stderr, Clean) else sys.stderr, steers=True, beside=True
    )
    style = {"unit": "", "leave": False, "disable": None if show else True, "file": out}
    if in_notebook() and show:
        style["disable"] = False
    made = _tqdm(show)(items, desc=clean(text), total=total, **{**style, **options})
    if show and line and made.disable:
        print(f"{text} …", file=sys.stderr, flush=True)
    return made


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, whose cells show bars although no terminal
    is there."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def _tqdm(show: bool) -> Any:
    """The class of bars: a widget in a notebook that has ipywidgets, else a line of text."""
    if show and in_notebook() and importlib.util.find_spec("ipywidgets") is not None:
        with suppress(ImportError):  # ipywidgets is there and cannot be used
            return _bar_class(True)
    return _bar_class(False)
