"""Download a file by pooch, and use it only where its md5 is the expected one."""

import errno
import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ... import __version__

# some hosts of data turn Python's own names away
AGENT = f"Mozilla/5.0 (compatible; minisnn/{__version__})"
TIMEOUT = (20, 60)  # seconds: to connect, and without a byte


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
    """Fetch `url` into `path`, in a folder that exists; nothing is left of a download that fails.

    tell   is called with a line of text before the file comes

    Raises ValueError where the md5 of what came is another one, ConnectionError where the server
    cannot be reached, does not have the file or breaks off, OSError where the disk is full.
    """
    pooch = need_pooch()
    import requests

    fetch = pooch.HTTPDownloader(
        progressbar=progress and sys.stderr.isatty(),
        chunk_size=1 << 16,
        headers={"User-Agent": AGENT},
        timeout=TIMEOUT,
    )
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    tell(f"{path.name}: fetching it")
    try:
        pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=fetch)
    except requests.RequestException as error:
        response = error.response
        found = (
            f"cannot be reached ({type(error).__name__})"
            if response is None
            else f"answered with {response.status_code} {response.reason}"
        )
        raise ConnectionError(
            f"{urlsplit(url).netloc}: {found}; expected to fetch {path.name} from {url}, or bring "
            f"it into {path.parent} with a browser and run the same command again"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{path}: the md5 of what {url} sent is not {md5}; the download is damaged or another "
            "file, and was removed"
        ) from error
    finally:
        logger.setLevel(level)


def md5_of(path: Path) -> str:
    """The md5 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_room(path: Path, size: int, kept: str) -> None:
    """Raise OSError where the disk of `path` has no room for `size` bytes."""
    free = shutil.disk_usage(path.parent).free
    if size > free:
        raise disk_full(
            path, f"{size / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free, {kept}"
        )


def disk_full(path: Path, kept: str) -> OSError:
    """The error of a full disk, saying what becomes of the work so far."""
    return OSError(
        errno.ENOSPC,
        f"no space left on device; {kept}, make room and run the same command again",
        str(path),
    )


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
