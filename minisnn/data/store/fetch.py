"""Fetch N-MNIST (Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience 9:437) into a
folder, ready for use.

The data set is in two archives in Mendeley Data (10.17632/468j46mzdv, CC BY-SA 4.0). Each is
downloaded by pooch, used only if its md5 is the expected one, and unpacked under another name, then
renamed, so that no part is ever incomplete:

    N-MNIST/Train.zip    N-MNIST/Train/<digit>/<number>.bin    60,000 recordings
    N-MNIST/Test.zip     N-MNIST/Test/<digit>/<number>.bin     10,000 recordings
"""

import hashlib
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ... import __version__, terminal
from ...arguments import need
from ...files import called, held, whole_folder

CITATION = "Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience 9:437"
LICENCE = "CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0"
PAGE = "https://doi.org/10.17632/468j46mzdv.1"
# some hosts reject Python's default user agents
AGENT = f"Mozilla/5.0 (compatible; minisnn/{__version__})"
TIMEOUT = (20, 60)  # seconds: to connect, and without receiving a byte
_FILES = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"


class Part(NamedTuple):
    """A part of the data set: `recordings` files name/<digit>/<number>.bin, in the archive name.zip
    at `url`."""

    name: str
    url: str
    md5: str
    recordings: int


FILES = (
    Part(
        "Train",
        f"{_FILES}/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
        "20959b8e626244a1b502305a9e6e2031",
        60000,
    ),
    Part(
        "Test",
        f"{_FILES}/05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
        "69ca8762b2fe404d9b9bad1103e97832",
        10000,
    ),
)


def fetch(
    out: str | Path = "N-MNIST",
    part: str = "both",
    base: str | None = None,
    files: Sequence[Part] = FILES,
    progress: bool = True,
    tell: Callable[[str], None] = print,
) -> Path:
    """Download and unpack what is missing in the folder `out`, and return `out`, which then
    contains Train, Test or both.

    part        "train", "test" or "both"
    base        address of a folder from which to fetch Train.zip and Test.zip; None: they are
                fetched from Mendeley Data
    files       all parts of the data set
    tell        called with lines of text about what is fetched, from where, and its licence

    An existing part is kept; an existing archive is used if its md5 is right. Raises ValueError if
    something in the folder does not match its name, the md5 of a download is wrong, or pooch
    is needed and missing; ConnectionError if the server cannot be reached or does not have the
    file; OSError if the disk is full.
    """
    out = Path(out).expanduser()
    chosen = [archive for archive in files if part in ("both", archive.name.lower())]
    need("part", repr(part), chosen, "'train', 'test' or 'both'")
    with held(out):
        for one in chosen:
            folder = out / one.name
            archive = out / f"{one.name}.zip"
            if folder.is_dir() and any(folder.iterdir()):
                found = sum(path.stat().st_size > 0 for path in folder.glob("[0-9]/*.bin"))
                expected = f"{one.recordings}; move it away to fetch all of them"
                need(f"{folder}: recordings", found, found == one.recordings, expected)
                tell(f"{folder}: already complete, {found:,} recordings")
                continue
            if not archive.exists():
                url = one.url if base is None else f"{base.rstrip('/')}/{archive.name}"
                _download(url, archive, one, progress, tell)
            _unpack(archive, out, one, progress)
            tell(f"{folder}: {one.recordings:,} recordings; {archive.name} can be deleted")
    return out


def _unpack(archive: Path, out: Path, part: Part, progress: bool) -> None:
    """Unpack the recordings in an archive into out/<name>, either all or none. Raises ValueError
    unless the archive has the md5 of the part."""
    with open(archive, "rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    expected = f"{part.md5}; the file is damaged or another one: move it away to fetch it"
    need(f"{archive}: the md5", md5, md5 == part.md5, expected)
    with whole_folder(out) as folder, called(folder), zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if name.endswith(".bin")]
        for name in terminal.bar(names, None, f"unpacking {archive.name}", progress):
            file.extract(name, folder)


def _download(
    url: str, path: Path, part: Part, progress: bool, tell: Callable[[str], None]
) -> None:
    """Download `url` to `path`; a failed download leaves no file."""
    try:
        import pooch
        import requests
    except ImportError as error:
        install = 'install it with: pip install "minisnn[fetch]"'
        raise ValueError(f"downloading needs the library pooch; {install}") from error

    tell(f"N-MNIST: {CITATION}\n{PAGE}, licence {LICENCE}")
    tell(f"fetching {path.name}, {part.recordings:,} recordings, from {url}")
    shown = progress and sys.stderr.isatty()
    fetcher = pooch.HTTPDownloader(shown, headers={"User-Agent": AGENT}, timeout=TIMEOUT)
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(url, f"md5:{part.md5}", path.name, path.parent, downloader=fetcher)
    except requests.RequestException as error:
        raise ConnectionError(
            f"{url}: {error}; fetch {path.name} with a browser into {path.parent}, and run the "
            "same command again"
        ) from error
