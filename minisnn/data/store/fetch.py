"""Fetch N-MNIST (Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience 9:437) into a
folder, ready for use.

The data set lies in two archives in Mendeley Data (10.17632/468j46mzdv, CC BY-SA 4.0). Each is
downloaded (see download.py), known by its md5, and unpacked beside its place and renamed into it,
so that no half of a part is ever there:

    N-MNIST/Train.zip    N-MNIST/Train/<digit>/<number>.bin    60,000 recordings
    N-MNIST/Test.zip     N-MNIST/Test/<digit>/<number>.bin     10,000 recordings

Of an archive nothing is unpacked but such recordings, whatever else its names say.
"""

import errno
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ... import terminal
from ...files import held, whole_folder
from ...arguments import need
from .download import check_room, disk_full, download, is_full, md5_of, need_pooch

CITATION = "Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience 9:437"
LICENCE = "CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0"
PAGE = "https://doi.org/10.17632/468j46mzdv.1"
LARGEST = 1_000_000  # bytes of a recording: 200,000 events, tens of times what any has
BLOCK = 4096  # a file takes up whole blocks of the disk
_FILES = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"


@dataclass(frozen=True)
class Part:
    """A part of the data set: `recordings` files name/<digit>/<number>.bin, in the archive name.zip
    that lies at `url`."""

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

    A part that is there is left alone; an archive that is there (train.zip too) is used if its md5
    is right. Raises ValueError where something in the folder is not what its name says, where the
    md5 of a download is wrong, or where pooch is needed and missing; ConnectionError and OSError as
    `download` does.
    """
    out = Path(out).expanduser()
    chosen = [one for one in files if part in ("both", one.name.lower())]
    need("part", repr(part), chosen, "'train', 'test' or 'both'")
    good = base is None or re.match(r"https?://[^/]", base)
    need("base", repr(base), good, "an address that begins with http:// or https://")
    if out.exists() and not out.is_dir():
        raise ValueError(
            f"{out}: there is a file of this name; expected a folder to put N-MNIST into"
        )
    missing = [one for one in chosen if not _is_complete(out, one, tell)]
    archives = {one: _archive(out, one, tell) for one in missing}
    wanted = [one for one in missing if archives[one] is None]
    sources = {
        one: one.url if base is None else f"{base.rstrip('/')}/{one.archive}" for one in wanted
    }
    if sources:
        need_pooch()
        tell(f"N-MNIST: {CITATION}\n{PAGE}, licence {LICENCE}")
        for one, source in sources.items():
            tell(f"to be fetched: {one.archive}, {one.recordings:,} recordings, from {source}")
    with held(out):
        if missing and not os.access(out, os.W_OK):
            raise PermissionError(errno.EACCES, "permission denied", str(out))
        for one in missing:
            archive = archives[one] or out / one.archive
            if one in sources:
                download(sources[one], archive, one.md5, tell, progress)
            unpack(archive, out, one, progress)
            kept = f"; {archive.name} is kept, and can be deleted"
            if not keep_zips and one in sources:  # what the user brought is not ours to delete
                archive.unlink()
                kept = ""
            tell(f"{out / one.name}: {one.recordings:,} recordings{kept}")
    return out


def _named(out: Path, name: str) -> Path | None:
    """What has this name in `out`, in upper or lower case."""
    found = (
        sorted(entry for entry in out.iterdir() if entry.name.lower() == name.lower())
        if out.is_dir()
        else []
    )
    return found[0] if found else None


def _is_complete(out: Path, part: Part, tell: Callable[[str], None]) -> bool:
    """Whether the part is there; ValueError where something else has its place."""
    folder = _named(out, part.name)
    if folder is None:
        return False
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        return False
    found = 0
    for digit in range(10):
        if (folder / str(digit)).is_dir():
            with os.scandir(folder / str(digit)) as entries:
                found += sum(
                    entry.name.endswith(".bin") and entry.stat().st_size > 0 for entry in entries
                )
    if found != part.recordings:
        raise ValueError(
            f"{folder}: found {found:,} recordings, expected {part.recordings:,}; move it away "
            "to have all of them fetched, or give another folder"
        )
    tell(f"{folder}: complete already, {found:,} recordings")
    return True


def _archive(out: Path, part: Part, tell: Callable[[str], None]) -> Path | None:
    """The part's archive, where it is there already; ValueError where it is another file."""
    path = _named(out, part.archive)
    if path is None:
        return None
    found = md5_of(path) if path.is_file() else "that of no file"
    if found != part.md5:
        raise ValueError(
            f"{path}: the md5 is {found}, expected {part.md5}; the file is damaged or another "
            "one; move it away to have it fetched again"
        )
    tell(f"{path}: here already, the md5 is right")
    return path


def unpack(archive: Path, out: Path, part: Part, progress: bool = True) -> None:
    """Unpack the part's recordings into out/<name>, which does not exist, all of them or none.

    Raises ValueError, naming the archive, where it is damaged, holds another number of recordings,
    a recording of more than LARGEST bytes, a link, or a name that leads out of the folder; OSError
    where the disk has no room.
    """
    try:
        with whole_folder(out / part.name) as folder, zipfile.ZipFile(archive) as file:
            members = _members(archive, file.infolist(), part)
            size = sum(-(-info.file_size // BLOCK) * BLOCK for info in members.values())
            check_room(out / part.name, size, f"{archive.name} is kept")
            try:
                for digit in sorted({digit for digit, _ in members}):
                    (folder / digit).mkdir()
                for (digit, name), info in terminal.bar(
                    members.items(), None, f"unpacking {archive.name}", progress
                ):
                    with file.open(
                        info
                    ) as member:  # no more than its size in memory, whatever it unpacks to
                        (folder / digit / name).write_bytes(member.read(info.file_size))
            except OSError as error:
                if is_full(error):
                    raise disk_full(out / part.name, f"{archive.name} is kept") from error
                raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
    ) as error:  # RuntimeError: encrypted
        raise ValueError(
            f"{archive}: cannot be unpacked ({error}); expected the archive of N-MNIST's "
            f"{part.name}"
        ) from error


def _members(
    archive: Path, infos: list[zipfile.ZipInfo], part: Part
) -> dict[tuple[str, str], zipfile.ZipInfo]:
    """The recordings among the members: {(digit, file name): member}."""
    members = {}
    for info in infos:
        name = info.filename
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.startswith("/") or set(name) & set("\\:") or ".." in name.split("/"):
            raise ValueError(
                f"{archive}: the member {name!r} would lie outside of the folder; expected "
                f"names such as {part.name}/0/00002.bin"
            )
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ValueError(
                f"{archive}: the member {name!r} is a link or a device; expected ordinary files"
            )
        place = re.fullmatch(rf"{part.name}/([0-9])/([0-9]+\.bin)", name, re.ASCII)
        if place is None:
            continue
        if info.file_size > LARGEST:
            raise ValueError(
                f"{archive}: the member {name!r} has {info.file_size:,} bytes; expected a "
                f"recording of at most {LARGEST:,}"
            )
        members[place[1], place[2]] = info
    if len(members) != part.recordings:
        raise ValueError(
            f"{archive}: found {len(members):,} recordings {part.name}/<digit>/<number>.bin, "
            f"expected {part.recordings:,}"
        )
    return members
