"""Fetch N-MNIST (Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience 9:437) into a
folder, ready for use.

The data set lies in two archives in Mendeley Data (10.17632/468j46mzdv, CC BY-SA 4.0). Each is
downloaded by pooch, used only where its md5 is the expected one, and unpacked next to its place and
renamed into it, so that no half of a part is ever there:

    N-MNIST/Train.zip    N-MNIST/Train/<digit>/<number>.bin    60,000 recordings
    N-MNIST/Test.zip     N-MNIST/Test/<digit>/<number>.bin     10,000 recordings
"""

import hashlib
import re
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
# some hosts of data turn Python's own names away
AGENT = f"Mozilla/5.0 (compatible; minisnn/{__version__})"
TIMEOUT = (20, 60)  # seconds: to connect, and without a byte
_FILES = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"


class Part(NamedTuple):
    """A part of the data set: `recordings` files name/<digit>/<number>.bin, in the archive name.zip
    at `url`."""

    name: str
    url: str
    md5: str
    recordings: int

    @property
    def archive(self) -> str:
        """Name of the archive it comes in."""
        return f"{self.name}.zip"


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
    keep_zips: bool = True,
    files: Sequence[Part] = FILES,
    progress: bool = True,
    tell: Callable[[str], None] = print,
) -> Path:
    """The folder `out`, holding Train, Test or both; what is missing is downloaded and unpacked.

    part        "train", "test" or "both"
    base        address of a folder that has Train.zip and Test.zip, to fetch from there; None:
                Mendeley Data
    keep_zips   leave the archives in the folder, where they can be used again; one that was there
                already stays in any case
    files       the parts that there are
    tell        called with lines of text: what is fetched, from where, how large, under which
                licence

    A part that is there is left as it is; an archive that is there (train.zip too) is used if its
    md5 is right. Raises ValueError where something in the folder is not what its name says, where
    the md5 of a download is wrong, or where pooch is needed and missing; ConnectionError where the
    server cannot be reached or does not have the file, OSError where the disk is full.
    """
    out = Path(out).expanduser()
    chosen = [one for one in files if part in ("both", one.name.lower())]
    need("part", repr(part), chosen, "'train', 'test' or 'both'")
    good = base is None or re.match(r"https?://[^/]", base)
    need("base", repr(base), good, "an address that begins with http:// or https://")
    with held(out):
        for one in chosen:
            folder = _named(out, one.name)
            if folder.is_dir() and any(folder.iterdir()):
                found = sum(path.stat().st_size > 0 for path in folder.glob("[0-9]/*.bin"))
                _check_number(folder, found, one, "; move it away to have all of them fetched")
                tell(f"{folder}: complete already, {found:,} recordings")
                continue
            archive = _named(out, one.archive)
            brought = archive.exists()
            if not brought:
                url = one.url if base is None else f"{base.rstrip('/')}/{one.archive}"
                _download(url, archive, one, progress, tell)
            unpack(archive, out, one, progress)
            kept = f"; {archive.name} is kept, and can be deleted"
            if not brought and not keep_zips:  # what the user brought is not ours to delete
                archive.unlink()
                kept = ""
            tell(f"{out / one.name}: {one.recordings:,} recordings{kept}")
    return out


def _named(out: Path, name: str) -> Path:
    """What has this name in `out`, in upper or lower case, or would have it."""
    entries = sorted(out.iterdir()) if out.is_dir() else []
    return next((entry for entry in entries if entry.name.lower() == name.lower()), out / name)


def _check_number(place: Path, found: int, part: Part, way: str = "") -> None:
    if found != part.recordings:
        expected = f"expected {part.recordings:,}{way}"
        raise ValueError(f"{place}: found {found:,} recordings, {expected}")


def unpack(archive: Path, out: Path, part: Part, progress: bool = True) -> None:
    """Unpack the recordings of an archive into out/<name>, all of them or none. ValueError where it
    has not the md5 of the part, or not its recordings."""
    with open(archive, "rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if md5 != part.md5:
        raise ValueError(
            f"{archive}: the md5 is {md5}, expected {part.md5}; the file is damaged or another one; "
            "move it away to have it fetched again"
        )
    place = re.compile(rf"{part.name}/([0-9])/([0-9]+\.bin)", re.ASCII)
    with whole_folder(out / part.name) as folder, called(folder), zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if place.fullmatch(name)]
        _check_number(archive, len(names), part)
        for name in terminal.bar(names, None, f"unpacking {archive.name}", progress):
            path = folder / name.removeprefix(f"{part.name}/")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(file.read(name))


def _download(
    url: str, path: Path, part: Part, progress: bool, tell: Callable[[str], None]
) -> None:
    """Fetch `url` into `path`; nothing is left of a download that fails."""
    try:
        import pooch
        import requests
    except ImportError as error:
        install = 'install it with: pip install "minisnn[fetch]"'
        raise ValueError(f"downloading needs the library pooch; {install}") from error

    tell(f"N-MNIST: {CITATION}\n{PAGE}, licence {LICENCE}")
    tell(f"fetching {part.archive}, {part.recordings:,} recordings, from {url}")
    shown = progress and sys.stderr.isatty()
    fetcher = pooch.HTTPDownloader(shown, headers={"User-Agent": AGENT}, timeout=TIMEOUT)
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(url, f"md5:{part.md5}", path.name, path.parent, downloader=fetcher)
    except requests.RequestException as error:
        answer = error.response
        found = "cannot be reached" if answer is None else f"answered with {answer.status_code}"
        raise ConnectionError(
            f"{url}: the server {found} ({type(error).__name__}); fetch {path.name} with a browser "
            f"into {path.parent}, and run the same command again"
        ) from error
    except ValueError as error:
        message = f"what {url} sent has not the md5 {part.md5}; it was removed"
        raise ValueError(f"{path}: {message}") from error
