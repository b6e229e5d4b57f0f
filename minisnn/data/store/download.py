"""Download a file so that no byte is fetched twice, and use it only where its md5 is the expected one.

pooch checks a download and puts it into its place, but begins anew after every break. So it is given a downloader that
goes on, from what lies beside the place:

    Train.zip.part         the bytes that have come so far
    Train.zip.part.json    where they came from: the address, the size of the whole, the server's mark of this version

The request asks for the rest, of that version only (HTTP Range and If-Range, RFC 9110). A server that does not resume, or
that has another version by now, sends the whole file or something that does not fit, and it is fetched from its beginning.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ... import __version__, terminal

AGENT = f"Mozilla/5.0 (compatible; minisnn/{__version__})"  # some hosts of data turn Python's own names away
TIMEOUT = (20, 60)  # seconds: to connect, and without a byte
CHUNK = 1 << 14  # bytes; so many are lost where a connection breaks
AGAIN = "run the same command again to continue"


def need_pooch() -> Any:
    """The library pooch. Raises ValueError, saying how to install it, where it is missing."""
    try:
        import pooch
    except ImportError as error:
        raise ValueError('downloading needs the library pooch; install it with: pip install "minisnn[fetch]"') from error
    return pooch


def download(url: str, path: Path, md5: str, tell: Callable[[str], None] = print, progress: bool = True) -> None:
    """Fetch `url` into `path`, which does not exist, in a folder that does; go on from what an earlier call has left.

    tell        is called with a line of text before the first byte is fetched: how large the file is
    Raises ValueError where the md5 of what came is another one (it is removed), ConnectionError without network, where
    the server has no such file, and where the connection breaks; OSError where the disk is full; KeyboardInterrupt that
    says how to go on. After all but the first, what has come is kept.
    """
    pooch = need_pooch()
    part = part_of(path)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=Resuming(part, tell, progress))
    except ValueError as error:
        found = md5_of(part) if part.exists() else "another one"
        discard(path)
        raise ValueError(
            f"{path}: the md5 of what {url} sent is {found}, expected {md5}; the download is damaged or "
            "another file and was removed, run the same command again to fetch it anew"
        ) from error
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"stopped; {part} keeps {amount(_length(part))}, {AGAIN}") from error
    finally:
        logger.setLevel(level)
    discard(path)


class Resuming:
    """A downloader for pooch: what is missing of `url` is appended to the file `part`, and the whole is handed over."""

    def __init__(self, part: Path, tell: Callable[[str], None] = print, progress: bool = True):
        self.part, self.tell, self.progress = part, tell, progress
        self.record = part.with_name(f"{part.name}.json")
        self.name = part.name.removesuffix(".part")

    def __call__(self, url: str, output: str, pooch=None) -> None:
        self.receive(url)
        os.unlink(output)
        try:
            os.link(self.part, output)  # pooch removes its file where the check fails or is stopped; .part stays
        except OSError:  # a file system without hard links
            os.replace(self.part, output)

    def receive(self, url: str) -> None:
        """Bring `part` to its full length."""
        import requests

        have, known = _length(self.part), self._known()
        if have and have == known.get("size"):  # stopped between the last byte and the check
            return
        response, have, total = self._ask(url, have, known)
        with response:
            if have == total:
                return
            self.tell(f"{self.name}: {amount(total)}" + (f", going on after {amount(have)}" if have else ""))
            check_room(self.part, (total or 0) - have, f"{amount(have)} are kept")
            try:
                with (
                    open(self.part, "ab" if have else "wb") as file,
                    terminal.bar(None, total, self.name, self.progress, initial=have, unit="B", unit_scale=True) as bar,
                ):
                    self._note(url, total, _mark(response))
                    for chunk in response.iter_content(CHUNK):
                        file.write(chunk)
                        have += len(chunk)
                        bar.update(len(chunk))
            except requests.RequestException as error:
                raise self._broken(total, _reason(error) or "closed by the server") from error
            except OSError as error:
                if is_full(error):
                    raise disk_full(self.part, f"{amount(_length(self.part))} are kept") from error
                raise
        if total is not None and have != total:
            raise self._broken(total, "closed by the server")

    def _ask(self, url: str, have: int, known: dict):
        """(response, first byte that it holds, bytes of the whole file or None); nothing is read but the headers."""
        mark = known.get("mark") if known.get("url") == url else None
        headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if mark:
                headers["If-Range"] = mark
        response = self._get(url, headers)
        status, (start, total) = response.status_code, _content_range(response)
        same = _mark(response) in (None, mark) if mark else True
        same = same and (None in (total, known.get("size")) or total == known["size"])
        if have and (status == 206 and start == have and same or status == 416 and total == have):
            return response, have, total
        if have and status in (206, 416):
            response.close()
            self.tell(f"{self.name}: the server cannot continue what is here; it is fetched from its beginning")
            return self._ask(url, 0, {})
        kind = response.headers.get("Content-Type", "")
        if status != 200 or kind.startswith("text/html"):
            response.close()
            found = f"{status} {response.reason}".strip() if status != 200 else "a web page"
            raise ConnectionError(
                f"{url}: the server answered with {found}, expected the file {self.name}; bring it into "
                f"{self.part.parent} with a browser, and {AGAIN}"
            )
        if have:
            self.tell(
                f"{self.name}: the server does not resume, or has another version by now; it is fetched from its beginning"
            )
        length = response.headers.get("Content-Length", "")
        return response, 0, int(length) if length.isdecimal() else None

    def _get(self, url: str, headers: dict[str, str]):
        import requests

        try:
            return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
        except (requests.RequestException, ValueError) as error:  # ValueError: a host that cannot be spelt
            raise ConnectionError(
                f"{urlsplit(url).netloc}: cannot be reached ({_reason(error) or error}); expected a "
                f"connection to fetch {self.name} from {url}"
            ) from error

    def _broken(self, total: int | None, reason: str) -> ConnectionError:
        return ConnectionError(
            f"{self.part}: the connection broke after {amount(_length(self.part))} of {amount(total)} "
            f"({reason}); what has come is kept, {AGAIN}"
        )

    def _known(self) -> dict:
        try:
            known = json.loads(self.record.read_text())
            return known if isinstance(known, dict) else {}
        except (OSError, ValueError, RecursionError):
            return {}

    def _note(self, url: str, total: int | None, mark: str | None) -> None:
        self.record.write_text(json.dumps({"url": url, "size": total, "mark": mark}))


def part_of(path: Path) -> Path:
    """Where a download of `path` gathers."""
    return path.with_name(f"{path.name}.part")


def discard(path: Path) -> None:
    """Remove what a download of `path` has gathered."""
    for suffix in (".part", ".part.json"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def md5_of(path: Path) -> str:
    """The md5 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def amount(size: int | None) -> str:
    """A number of bytes in words."""
    if size is None:
        return "an unknown number of bytes"
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"


def check_room(path: Path, size: int, kept: str) -> None:
    """Raise OSError where the disk of `path` has no room for `size` bytes."""
    free = shutil.disk_usage(path.parent).free
    if size > free:
        raise disk_full(path, f"{amount(size)} are needed and {amount(free)} are free, {kept}")


def disk_full(path: Path, kept: str) -> OSError:
    """The error of a full disk, saying what becomes of the work so far."""
    return OSError(errno.ENOSPC, f"no space left on device; {kept}, make room and {AGAIN}", str(path))


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _mark(response) -> str | None:
    """What names this version of the file: a strong ETag, else its date (a weak ETag says nothing about the bytes)."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _content_range(response) -> tuple[int | None, int | None]:
    """(first byte, bytes of the whole file) of "bytes 5-9/10" or "bytes */10"; None for what it does not say."""
    found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", "").strip())
    start, total = found.groups() if found else (None, None)
    return (None if start is None else int(start)), (None if total is None else int(total))


def _reason(error: BaseException | None) -> str:
    """The system's word for what is wrong, from the depth of the chain of errors; empty where it has none."""
    reason = ""
    while error is not None:
        if isinstance(error, TimeoutError):
            reason = "timed out"
        elif isinstance(error, OSError) and error.strerror:
            reason = error.strerror[0].lower() + error.strerror[1:]
        error = error.__cause__ or error.__context__
    return reason
