"""The file of a checkpoint, sealed: HDF5 behind a block of text that says its format, version,
length and SHA-256, so that nothing is opened that was damaged or cut short."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...files import called, size_of

FORMAT = "minisnn checkpoint"
VERSION = 1
HEADER = 512  # bytes before the HDF5 part
WHAT = "a minisnn checkpoint"
LARGEST = 1 << 32  # bytes


def image_of(texts: dict[str, str], arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of the file, made in memory."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=HEADER) as file:
        for name, text in texts.items():
            file.attrs[name] = text
        for name, array in arrays.items():
            large = array.size > 64  # bytes of like place together compress better
            file.create_dataset(
                name, data=array, compression="gzip" if large else None, shuffle=large
            )
    body = buffer.getvalue()[HEADER:]
    header = json.dumps(
        dict(
            format=FORMAT,
            version=VERSION,
            length=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
    )
    return f"{header}\n".encode().ljust(HEADER) + body


def verified(path: Path) -> bytes:
    """The bytes of the file, its header and checksum found right."""
    size = size_of(path, WHAT, LARGEST)
    with called(path), open(path, "rb") as file:
        start = file.read(HEADER)
        try:
            header: Any = json.loads(start) if len(start) == HEADER else None
            if header["format"] != FORMAT:
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            found = "is empty" if not start else "is of another kind, or its beginning is damaged"
            raise ValueError(f"the file {found}; expected {WHAT}") from None
        version = header.get("version")
        length = header.get("length")
        if version != VERSION:
            raise ValueError(
                f"the checkpoint has version {version}; this minisnn ({__version__}) reads version "
                f"{VERSION}"
            )
        if size - HEADER != length:
            raise ValueError(
                f"the checkpoint is truncated; found {size - HEADER} bytes after its header, "
                f"expected {length}"
            )
        file.seek(0)
        image = file.read(size)
    if hashlib.sha256(memoryview(image)[HEADER:]).hexdigest() != header.get("sha256"):
        raise ValueError("the checkpoint is damaged; its contents do not match their checksum")
    return image


def is_whole(path: Path) -> bool:
    """Whether the file at `path` is a checkpoint whose checksum holds."""
    try:
        verified(path)
    except (ValueError, OSError):
        return False
    return True
