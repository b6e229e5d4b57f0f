"""The file of a checkpoint, sealed: HDF5 behind a block of text that says its format, version,
length and SHA-256, so that nothing is opened that was damaged or cut short.

Long texts are packed: after the word zlib: follows the text, deflated, in base 64. The names of ten
thousand characters, each turned eight ways, then take a sixth of the room.
"""

import base64
import hashlib
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...files import called, size_of

FORMAT = "minisnn checkpoint"
VERSION = 2  # 1: without packed texts, as is still written where none is long
HEADER = 512  # bytes before the HDF5 part
WHAT = "a minisnn checkpoint"
LARGEST = 1 << 32  # bytes
LONG = 4096  # characters from which a text is packed
LARGEST_TEXT = 1 << 24  # bytes of a text unpacked
IN_ONE_PIECE = 1 << 22  # numbers of an array
_PACKED = "zlib:"


def image_of(texts: dict[str, str], arrays: dict[str, np.ndarray], final: bool = True) -> bytes:
    """The bytes of the file, made in memory; where it is not final, but soon written again, in a
    third of the time and a little larger."""
    import h5py

    level = 9 if final else 4
    short = {name: packed(text) for name, text in texts.items()}
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=HEADER) as file:
        for name, text in short.items():
            file.attrs[name] = text
        for name, array in arrays.items():
            if array.size <= 64:
                file.create_dataset(name, data=array)
                continue
            # bytes of like place together compress better, and better in one piece than in many
            chunks = array.shape if array.size <= IN_ONE_PIECE else True
            how = dict(compression="gzip", compression_opts=level, shuffle=True, chunks=chunks)
            file.create_dataset(name, data=array, **how)
    body = buffer.getvalue()[HEADER:]
    header = json.dumps(
        dict(
            format=FORMAT,
            version=1 if short == texts else VERSION,
            length=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
    )
    return f"{header}\n".encode().ljust(HEADER) + body


def packed(text: str) -> str:
    """The text, as it is or packed; ValueError where `unpacked` would refuse it."""
    if len(text) < LONG:
        return text
    whole = text.encode()
    if len(whole) > LARGEST_TEXT:
        raise ValueError(
            f"a text of {len(whole):,} bytes, such as the names of classes, is too long for a "
            f"checkpoint; expected at most {LARGEST_TEXT:,} bytes"
        )
    return _PACKED + base64.b64encode(zlib.compress(whole, 9)).decode()


def unpacked(text: str) -> str:
    """The text that was given to `packed`; ValueError where it is damaged, or absurdly long."""
    if not text.startswith(_PACKED):
        return text
    inflate = zlib.decompressobj()
    try:
        found = inflate.decompress(
            base64.b64decode(text[len(_PACKED) :], validate=True), LARGEST_TEXT
        )
        if inflate.eof and not inflate.unused_data:
            return found.decode()
    except (ValueError, zlib.error):
        pass
    raise ValueError(f"a packed text is damaged, or longer than {LARGEST_TEXT:,} bytes")


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
        if version not in (1, VERSION):
            raise ValueError(
                f"the checkpoint has version {version}; this minisnn ({__version__}) reads versions "
                f"1 and {VERSION}"
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
