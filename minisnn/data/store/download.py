"""Download a file so that no byte is fetched twice, and use it only where its md5 is the expected
one.

pooch checks a download and puts it into its place, but begins again after every break. So it is
given a downloader that goes on: Train.zip.part, beside the place, holds the bytes that have come so
far, and the request asks for the rest (HTTP Range, RFC 9110). A server that does not resume sends
the whole file; where what was put together has another md5, the file having changed meanwhile, it
is fetched once more, from its beginning.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ... import __version__, terminal

# some hosts of data turn Python's own names away
AGENT = f"Mozilla/5.0 (compatible; minisnn/{__version__})"
TIMEOUT = (20, 60)  # seconds: to connect, and without a byte
CHUNK = 1 << 14  # bytes; so many are lost where a connection breaks
AGAIN = "run the same command again to continue"


def need_pooch() -> Any:
    """The library pooch. Raises ValueError, saying how to install it, where it is missing."""
    try:
        import pooch
    except ImportError as error:
        raise ValueError(
            'downloading needs the library pooch; install it with: pip install "minisnn[fetch]"'
        ) from error
    return pooch


def download(
    url: str, path: Path, md5: str, tell: Callable[[str], None] = print, progress: bool = True
) -> None:
    """Fetch `url` into `path`, which does not exist, in a folder that does; go on from what an
    earlier call has left.

    tell        is called with a line of text before the first byte is fetched: how large the file
                is
    Raises ValueError where the md5 of what came is another one (it is removed), ConnectionError
    without network, where the server has no such file, and where the connection breaks; OSError
    where the disk is full; KeyboardInterrupt that says how to continue. After all but the first,
    what has come is kept.
    """
    pooch = need_pooch()
    part = part_of(path)
    resumed = part.exists()
    logger = pooch.get_logger()

    def downloader(url: str, output: str, pooch: object = None) -> None:
        _receive(url, part, tell, progress)
        os.unlink(output)
        try:
            # pooch removes its file where the check fails or is stopped; .part stays
            os.link(part, output)
        except OSError:  # a file system without hard links
            os.replace(part, output)

    level = logger.level
    logger.setLevel("WARNING")
    try:
        pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=downloader)
    except ValueError as error:
        found = md5_of(part) if part.exists() else "another one"
        discard(path)
        if resumed:
            tell(
                f"{path.name}: what was here does not go with the rest; it is fetched from its "
                "beginning"
            )
            return download(url, path, md5, tell, progress)
        raise ValueError(
            f"{path}: the md5 of what {url} sent is {found}, expected {md5}; the download is "
            "damaged or another file and was removed; run the same command to fetch it again"
        ) from error
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(
            f"stopped; {part} keeps {amount(_length(part))}, {AGAIN}"
        ) from error
    finally:
        logger.setLevel(level)
    discard(path)


def _receive(url: str, part: Path, tell: Callable[[str], None], progress: bool) -> None:
    """Bring the file `part` to its full length."""
    import requests

    name = part.name.removesuffix(".part")
    response, have, total = _ask(url, part, _length(part), tell)
    with response:
        if have == total:
            return
        tell(f"{name}: {amount(total)}" + (f", going on after {amount(have)}" if have else ""))
        check_room(part, (total or 0) - have, f"{amount(have)} are kept")
        try:
            bar = terminal.bar(None, total, name, progress, initial=have, unit="B", unit_scale=True)
            with open(part, "ab" if have else "wb") as file, bar:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    have += len(chunk)
                    bar.update(len(chunk))
        except requests.RequestException as error:
            raise _broken(part, total, _reason(error) or "closed by the server") from error
        except OSError as error:
            if is_full(error):
                raise disk_full(part, f"{amount(_length(part))} are kept") from error
            raise
    if total is not None and have != total:
        raise _broken(part, total, "closed by the server")


def _ask(
    url: str, part: Path, have: int, tell: Callable[[str], None]
) -> tuple[Any, int, int | None]:
    """(response, first byte that it holds, bytes of the whole file or None); nothing is read but
    the headers."""
    import requests

    name = part.name.removesuffix(".part")
    headers = {
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",
        **({"Range": f"bytes={have}-"} if have else {}),
    }
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except (
        requests.RequestException,
        ValueError,
    ) as error:  # ValueError: a host that cannot be spelt
        raise ConnectionError(
            f"{urlsplit(url).netloc}: cannot be reached ({_reason(error) or error}); expected "
            f"a connection to fetch {name} from {url}"
        ) from error
    status = response.status_code
    (start, total) = _content_range(response)
    if have and status == 416:  # there is no more; the md5 tells whether it is too much
        return response, have, have
    if have and status == 206 and start == have:
        return response, have, total
    if have and status == 206:
        response.close()
        tell(f"{name}: the server cannot continue what is here; it is fetched from its beginning")
        return _ask(url, part, 0, tell)
    if status != 200 or response.headers.get("Content-Type", "").startswith("text/html"):
        response.close()
        found = f"{status} {response.reason}".strip() if status != 200 else "a web page"
        raise ConnectionError(
            f"{url}: the server answered with {found}, expected the file {name}; bring it into "
            f"{part.parent} with a browser, and {AGAIN}"
        )
    if have:
        tell(f"{name}: the server does not resume; it is fetched from its beginning")
    length = response.headers.get("Content-Length", "")
    return response, 0, int(length) if length.isdecimal() else None


def _broken(part: Path, total: int | None, reason: str) -> ConnectionError:
    return ConnectionError(
        f"{part}: the connection broke after {amount(_length(part))} of {amount(total)} "
        f"({reason}); what has come is kept, {AGAIN}"
    )


def part_of(path: Path) -> Path:
    """Where the bytes of `path` are gathered."""
    return path.with_name(f"{path.name}.part")


def discard(path: Path) -> None:
    """Remove what a download of `path` has gathered."""
    part_of(path).unlink(missing_ok=True)


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
    return OSError(
        errno.ENOSPC, f"no space left on device; {kept}, make room and {AGAIN}", str(path)
    )


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _content_range(response) -> tuple[int | None, int | None]:
    """(first byte, bytes of the whole file) of "bytes 5-9/10" or "bytes 5-9/*"; None for what it
    does not say."""
    found = re.fullmatch(
        r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
    )
    return (int(found[1]), int(found[2]) if found[2] != "*" else None) if found else (None, None)


def _reason(error: BaseException | None) -> str:
    """The system's word for what is wrong, from the depth of the chain of errors; empty where it
    has none."""
    reason = ""
    while error is not None:
        if isinstance(error, TimeoutError):
            reason = "timed out"
        elif isinstance(error, OSError) and error.strerror:
            reason = error.strerror[0].lower() + error.strerror[1:]
        error = error.__cause__ or error.__context__
    return reason
