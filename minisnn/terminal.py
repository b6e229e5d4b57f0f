"""Terminal output: streams that may be closed or lack ±, texts that may come from files, and
progress bars."""

import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

# control characters but tab and line feed, which steer a terminal, and those that turn the
# direction of writing
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return the text with control characters, which could steer a terminal, written out: ESC as
    \\x1b."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class Clean:
    """A text stream that writes out control characters, so that no text steers the terminal.

    stream   where the text goes; if it is a terminal that was closed, the text is dropped
    steers   write control characters as they are, as a progress bar needs them
    remarks  ignore all errors of the stream, such as a full disk
    """

    def __init__(self, stream: Any, steers: bool = False, remarks: bool = True):
        self.stream = stream
        self.steers = steers
        self.remarks = remarks

    def write(self, text: str) -> None:
        with self._tolerant():
            self.stream.write(text if self.steers else clean(text))

    def flush(self) -> None:
        with self._tolerant():
            self.stream.flush()

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self.remarks and error.errno != errno.EIO:  # that of a closed terminal
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def streams() -> Iterator[None]:
    """Make sys.stdout and sys.stderr `Clean` within the block, even if they were closed or lack
    characters. Errors of sys.stderr are ignored, for it has remarks only."""
    before = sys.stdout, sys.stderr
    found = [stream or open(os.devnull, "w", encoding="utf-8") for stream in before]
    for stream in found:
        if hasattr(stream, "reconfigure"):  # a terminal that lacks ± or → shows a question mark
            stream.reconfigure(errors="replace")
    sys.stdout = Clean(found[0], remarks=False)
    sys.stderr = Clean(found[1])
    try:
        yield
    finally:
        for stream in found:
            try:
                stream.flush()
            except OSError:  # drop the rest, or Python would try again when it exits
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.stdout, sys.stderr = before


def bar(
    items: Iterable | None = None,
    total: int | None = None,
    text: str = "",
    show: bool = True,
    line: bool = True,
    **options: Any,
) -> Any:
    """Return a tqdm bar on stderr in a terminal or a notebook, removed when done. Elsewhere, as in
    a log, print its text as a line, unless `line` is False. The text is cleaned."""
    from tqdm.auto import tqdm

    class Bar(tqdm):
        monitor_interval = 0  # tqdm's thread would wait for a lock that an interruption left taken

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    out = Clean(getattr(sys.stderr, "stream", sys.stderr), steers=True)
    hidden = not show or (False if hasattr(shell, "kernel") else None)
    style = dict(total=total, desc=clean(text), unit="", leave=False, file=out, disable=hidden)
    progress = Bar(items, **style | options)
    if show and line and progress.disable:
        print(f"{text} …", file=sys.stderr, flush=True)
    return progress
