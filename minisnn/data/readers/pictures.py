"""Labelled pictures that users have on disk, for the event camera to record.

Three forms: a folder tree <label>/<picture>.png, an idx pair as MNIST's (plain or .gz), and NumPy
files. All become grey values (N, H, W) and labels 0, 1, ... in the order of their names; names that
are numbers come first, by value.
"""

import math
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...files import read_whole, size_of
from .arrays import load
from .hdf5 import naming

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")  # other readers of Pillow start programs (EPS)
_LARGEST = 1 << 31  # bytes of a file, and of pictures that it may announce
_MOST_PIXELS = 1 << 24  # of one picture
_DENSEST = 200  # times that pictures may be packed, beyond _SMALL bytes
_SMALL = 1 << 24
WHAT = "grey or colour pictures with labels"


@dataclass(frozen=True)
class Pictures:
    """images: uint8, or float32 in [0, 1], (N, H, W).  labels: int64 (N,), places in names.  names:
    of the classes."""

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def read_pictures(
    path: str | Path, labels: str | Path | None = None, size: tuple[int, int] | None = None
) -> Pictures:
    """Read labelled pictures from a folder, an idx pair or a NumPy file.

    path: a folder with one folder a label, holding pictures (.png, .jpg, ... or .npy); an idx file
    of pictures, plain
        or .gz; an .npz file with the arrays `images` (or `x`) and `labels` (or `y`); or an .npy
        file of pictures.
    labels: the idx or .npy file of labels. For an idx file it is found where it has MNIST's name
    ("labels-idx1" in
        place of "images-idx3").
    size: rows and columns to which every picture is brought, its proportions kept, by averaging
    areas; the rest is
        filled with the nearest border. Without it all pictures must have the same size.
    Colour becomes luminance; what is transparent counts as white. Raises ValueError, naming the
    file, where it is anything else.
    """
    path = Path(path)
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"size is {size}; expected rows and columns from 1 on")
    with naming(path, WHAT):
        if path.is_dir():
            images, keys = _folder(path, size)
        else:
            size_of(path, WHAT, _LARGEST)
            held, keys = _file(path, labels)
            images = [
                image if size is None else resize(image, size) for image in _grey(np.asarray(held))
            ]
        if len(images) != len(keys) or not keys or len({image.shape for image in images}) > 1:
            shapes = {f"{image.shape[0]} x {image.shape[1]}" for image in images}
            raise ValueError(
                f"found {len(images)} pictures of {', '.join(sorted(shapes)[:5])} pixels and "
                f"{len(keys)} labels; expected pictures of one size (or give one), each with a label"
            )
        if len({image.dtype for image in images}) > 1:
            bright = [255 if image.dtype == np.uint8 else 1 for image in images]
            images = [image / np.float32(most) for image, most in zip(images, bright)]
        names = sorted(set(keys), key=by_value)
    place = {name: k for k, name in enumerate(names)}
    return Pictures(np.stack(images), np.array([place[key] for key in keys], np.int64), (*names,))


def by_value(name: str) -> tuple:
    """Numbers first, by value, however long they are."""
    number = name.lstrip("0") if name.isascii() and name.isdecimal() else None
    return number is None, len(number or ""), name if number is None else number, name


def holds_pictures(path: Path) -> bool:
    """Whether `path` is a file, or a folder of folders one of which holds pictures."""
    return path.is_file() or any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.glob("*/*"))


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a picture (H, W) to `size`, its proportions kept, by averaging areas; its border fills
    the rest."""
    from PIL import Image

    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    inner = [min(max(round(side * scale), 1), most) for side, most in zip(image.shape, size)]
    drawn = Image.fromarray(image.astype(np.float32)).resize(inner[::-1], Image.Resampling.BOX)
    before = [(most - side) // 2 for side, most in zip(inner, size)]
    border = [(b, most - side - b) for b, side, most in zip(before, inner, size)]
    padded = np.pad(np.asarray(drawn), border, mode="edge")
    return np.rint(padded).astype(np.uint8) if image.dtype == np.uint8 else padded


def enlarged(images: np.ndarray, side: float) -> np.ndarray:
    """Pictures (N, H, W), uint8 or floats in [0, 1], whose longer side is below `side`, brought to
    it by cubic splines.

    For a camera that is finer than the pictures: it would see the edges of their pixels. Larger
    pictures stay as they are.
    """
    from scipy.ndimage import zoom

    factor = side / max(images.shape[1:])
    if factor <= 1:
        return images
    top = 255.0 if images.dtype == np.uint8 else 1.0
    large = zoom(
        images.astype(np.float32), (1, factor, factor), order=3, mode="nearest", grid_mode=True
    ).clip(0, top)
    return np.rint(large).astype(np.uint8) if top == 255.0 else large


def _folder(path: Path, size: tuple[int, int] | None) -> tuple[list[np.ndarray], list[str]]:
    files = [
        file
        for file in sorted(path.glob("*/*"))
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not (file.name.startswith(".") or file.parent.name.startswith("."))
    ]
    images = []
    for file in files:
        with naming(file, "a picture"):
            (image,) = _grey(_picture(file))
        images.append(image if size is None else resize(image, size))
    return images, [file.parent.name for file in files]


def _picture(file: Path) -> np.ndarray:
    """A picture (1, H, W) or (1, H, W, colours)."""
    if file.suffix.lower() == ".npy":
        return load(file)[None]
    from PIL import Image

    size_of(file, "a picture", _LARGEST)
    with warnings.catch_warnings():
        # of damage that Pillow reads over, and of sizes, which are looked at here
        warnings.simplefilter("ignore")
        with Image.open(file, formats=_FORMATS) as opened:
            if math.prod(opened.size) > _MOST_PIXELS:
                raise ValueError(f"has {opened.size} pixels; expected at most {_MOST_PIXELS}")
            if opened.mode.startswith("I"):  # 16 bits
                return np.asarray(opened).astype(np.float32)[None] / np.float32(65535)
            plain = opened.mode in ("1", "L", "RGB", "RGBA")
            return np.asarray(opened if plain else opened.convert("RGBA"))[None]


def _file(path: Path, labels: str | Path | None) -> tuple[Any, list[str]]:
    kind = path.suffix.lower()
    if kind == ".npz":
        arrays = load(path)
        if {"x", "y", "t", "p"} <= arrays.keys():
            raise ValueError("holds events (x, y, t, p) and no pictures")
        images, keys = (
            next((arrays[name] for name in names if name in arrays), None)
            for names in (("images", "x"), ("labels", "y"))
        )
        if images is None or keys is None:
            raise ValueError(f"holds {sorted(arrays)[:30]}; expected images and labels")
    else:
        read = load if kind == ".npy" else read_idx
        if labels is None and kind != ".npy":
            labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        if labels is None or Path(labels) == path:
            raise ValueError("holds pictures only; name the file of their labels, too")
        images, keys = read(path), read(Path(labels))
    if keys.ndim != 1 or keys.dtype.kind not in "iuU":
        raise ValueError(
            f"labels have shape {keys.shape} and dtype {keys.dtype}; expected whole numbers or "
            "texts, (N,)"
        )
    return images, [str(key) for key in keys]


def read_idx(path: str | Path) -> np.ndarray:
    """The uint8 array of an idx file (the format of MNIST's files: big-endian magic, sizes, bytes),
    plain or .gz.

    Raises ValueError, naming the file, where it is truncated, too long or no such file.
    """
    content = read_whole(path, "an idx file", _LARGEST)
    with naming(path, "an idx file of bytes, 00 00 08 and its dimensions"):
        whole = True
        if content[:2] == b"\x1f\x8b":
            unpacking = zlib.decompressobj(31)
            content = unpacking.decompress(content, max(len(content) * _DENSEST, _SMALL))
            whole = unpacking.eof
        if content[:3] != b"\0\0\x08" or len(content) < 4:
            raise ValueError(f"starts with the bytes {content[:4].hex(' ')}")
        start = 4 + 4 * content[3]
        sizes = np.frombuffer(content[4:start], ">u4").tolist()
        if not whole or math.prod(sizes) != len(content) - start:
            raise ValueError(f"holds {len(content) - start} bytes or more for the sizes {sizes}")
        return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)


def _grey(images: np.ndarray) -> np.ndarray:
    """(N, H, W) uint8, or float32 in [0, 1], of grey or colour pictures; ValueError for others."""
    colours = images.shape[3:] or (1,)
    numbers = images.dtype.kind in "biuf"
    if images.ndim not in (3, 4) or colours[0] not in (1, 3, 4) or not (numbers and images.size):
        raise ValueError(f"holds {images.dtype} of shape {images.shape}; expected grey pixels")
    if images.dtype == bool:
        images = images * np.uint8(255)
    most, kind = (1, np.float32) if images.dtype.kind == "f" else (255, np.uint8)
    if not (images.min() >= 0 and images.max() <= most):
        raise ValueError(
            f"grey values reach from {images.min()} to {images.max()}; expected fractions from 0 to "
            "1, or bytes"
        )
    images = images.astype(kind, copy=False).reshape(*images.shape[:3], colours[0])
    if colours[0] == 1:
        return images[..., 0]
    grey = images[..., :3] @ _GREY
    if colours[0] == 4:
        opacity = images[..., 3] / most
        grey = grey * opacity + most * (1 - opacity)
    return np.rint(grey).astype(np.uint8) if most == 255 else grey.clip(0, 1).astype(np.float32)
