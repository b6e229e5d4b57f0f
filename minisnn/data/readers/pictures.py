"""Read a user's labelled pictures, for the event camera to record.

Three forms: a folder tree <label>/<picture>.png, an idx pair as MNIST's (plain or .gz), and NumPy
files. All become grey values (N, H, W) and labels 0, 1, ... in the order of their names; names that
are numbers come first, by value.
"""

import gzip
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...arguments import need
from ...files import read_whole
from .arrays import MOST_BYTES, load
from .columns import columns_of
from .hdf5 import naming

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")  # other readers of Pillow start external programs (EPS)
WHAT = "grey or colour pictures with labels"


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures: images, uint8, or float32 in [0, 1], (N, H, W); labels, int64 (N,), indices
    of names; names of the classes."""

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def read_pictures(
    path: str | Path, labels: str | Path | None = None, size: tuple[int, int] | None = None
) -> Pictures:
    """Read labelled pictures from a folder, an idx pair or a NumPy file.

    path     a folder with one folder per label, holding pictures (.png, .jpg, ... or .npy); an idx
             file of pictures, plain or .gz; an .npz file with the arrays `images` (or `x`) and
             `labels` (or `y`); or an .npy file of pictures
    labels   the idx or .npy file of labels; None: the file named like MNIST's, with "labels-idx1"
             in place of "images-idx3"
    size     rows and columns to which every picture is resized by averaging areas, keeping its
             proportions; the rest is filled with the nearest border. None: all pictures must have
             the same size

    Colour becomes luminance; transparent pixels count as white. Raises ValueError, naming the file,
    for anything else.
    """
    path = Path(path)
    with naming(path, WHAT):
        if path.is_dir():
            files = [file for file in sorted(path.glob("[!.]*/[!.]*")) if _is_picture(file)]
            found = map(_picture, files)
            keys = [file.parent.name for file in files]
        else:
            held, keys = _file(path, labels)
            found = map(np.asarray, _grey(np.asarray(held)))
        images = [image if size is None else resize(image, size) for image in found]
        shapes = sorted({image.shape for image in images})
        if len(images) != len(keys) or not keys or len(shapes) > 1:
            raise ValueError(
                f"found {len(images)} pictures of {shapes[:5]} pixels and {len(keys)} labels; "
                "expected pictures of one size (or give one), each with a label"
            )
        if len({image.dtype for image in images}) > 1:
            images = [
                image / np.float32(255) if image.dtype == np.uint8 else image for image in images
            ]
    names = sorted(set(keys), key=by_value)
    place = {name: k for k, name in enumerate(names)}
    return Pictures(np.stack(images), np.array([place[key] for key in keys], np.int64), (*names,))


def by_value(name: str) -> tuple:
    """Return a sort key that puts numbers first, by value, with any number of digits."""
    number = name.lstrip("0") if name.isascii() and name.isdecimal() else None
    return number is None, len(number or ""), name if number is None else number, name


def holds_pictures(path: Path) -> bool:
    """Return whether `path` is a file, or a folder of folders with a picture."""
    return path.is_file() or any(map(_is_picture, path.glob("*/*")))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a picture (H, W) by averaging areas, keeping its proportions; its border fills the
    rest."""
    from PIL import Image

    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    inner = [min(max(round(side * scale), 1), most) for side, most in zip(image.shape, size)]
    drawn = Image.fromarray(image.astype(np.float32)).resize(inner[::-1], Image.Resampling.BOX)
    before = [(most - side) // 2 for side, most in zip(inner, size)]
    border = [(b, most - side - b) for b, side, most in zip(before, inner, size)]
    padded = np.pad(np.asarray(drawn), border, mode="edge")
    return np.rint(padded).astype(np.uint8) if image.dtype == np.uint8 else padded


def enlarged(images: np.ndarray, side: float) -> np.ndarray:
    """Enlarge pictures (N, H, W), uint8 or floats in [0, 1], whose longer side is below `side`, by
    cubic splines.

    Otherwise a camera with a finer resolution than the pictures would see the edges of their
    pixels. Larger pictures are not changed.
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


def _picture(file: Path) -> np.ndarray:
    """Read the grey values (H, W) of a file."""
    from PIL import Image

    with naming(file, "a picture"), warnings.catch_warnings():
        # catches damage that Pillow ignores
        warnings.simplefilter("ignore")
        if file.suffix.lower() == ".npy":
            return _grey(load(file)[None])[0]
        with Image.open(file, formats=_FORMATS) as opened:
            if opened.mode.startswith("I"):  # 16 bits
                return np.asarray(opened).astype(np.float32) / np.float32(65535)
            plain = opened.mode in ("1", "L", "RGB", "RGBA")
            return _grey(np.asarray(opened if plain else opened.convert("RGBA"))[None])[0]


def _file(path: Path, labels: str | Path | None) -> tuple[Any, list[str]]:
    """Read pictures and labels from one file, or from two."""
    if path.suffix.lower() == ".npz":
        arrays = load(path)
        images = arrays.get("images", arrays.get("x"))
        keys = arrays.get("labels", arrays.get("y"))
        good = images is not None and keys is not None and not columns_of(arrays)
        need("its arrays", sorted(arrays)[:30], good, "images and labels")
    else:
        read = load if path.suffix.lower() == ".npy" else read_idx
        if labels is None:
            labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        if Path(labels) == path:
            raise ValueError("has pictures but no labels; also name the file of labels")
        images = read(path)
        keys = read(Path(labels))
    good = keys.ndim == 1 and keys.dtype.kind in "iuU"
    need("the array of labels", f"{keys.dtype} of shape {keys.shape}", good, "texts or (N,)")
    return images, [str(key) for key in keys]


def read_idx(path: str | Path) -> np.ndarray:
    """Read the uint8 array of an idx file (the format of MNIST's files: big-endian magic, sizes,
    bytes), plain or .gz.

    Raises ValueError, naming the file, if it is truncated, too long or not such a file.
    """
    with naming(path, "an idx file of bytes, 00 00 08 and its dimensions"):
        held = read_whole(path, "an idx file", MOST_BYTES)
        if held[:2] == b"\x1f\x8b":
            held = gzip.decompress(held)
        if held[:3] != b"\0\0\x08":
            raise ValueError(f"starts with the bytes {held[:4].hex(' ')}")
        start = 4 + 4 * held[3]
        sizes = np.frombuffer(held[4:start], ">u4")
        return np.frombuffer(held[start:], np.uint8).reshape(sizes)


def _grey(images: Any) -> np.ndarray:
    """Return (N, H, W) uint8, or float32 in [0, 1], from grey or colour pictures. Raises ValueError
    for others."""
    kind = images.dtype.kind
    colours = images.shape[3:] or (1,)
    good = images.ndim in (3, 4) and colours[0] in (1, 3, 4) and kind in "biuf" and images.size
    need("the array", f"{images.dtype} of shape {images.shape}", good, "grey pixels")
    if kind == "b":
        images = images * np.uint8(255)
    most = 1 if kind == "f" else 255
    low = images.min()
    high = images.max()
    expected = "fractions from 0 to 1, or bytes"
    need("the reach of grey values", f"{low} to {high}", 0 <= low and high <= most, expected)
    images = images.astype(np.float32 if kind == "f" else np.uint8, copy=False)
    images = images.reshape(*images.shape[:3], colours[0])
    if colours[0] == 1:
        return images[..., 0]
    grey = images[..., :3] @ _GREY
    if colours[0] == 4:
        opacity = images[..., 3] / most
        grey = grey * opacity + most * (1 - opacity)
    return np.rint(grey).astype(np.uint8) if most == 255 else grey.clip(0, 1).astype(np.float32)
