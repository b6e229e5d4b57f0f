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

import numpy as np

from .arrays import ARRAYS
from .hdf5 import naming
from ...files import check_archive, read_whole, size_of

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
# of pictures; other readers of Pillow start programs (EPS)
_FORMATS = (
    "PNG",
    "JPEG",
    "BMP",
    "TIFF",
)
_LARGEST = 1 << 31  # bytes of a file, and of pictures that it may announce
_MOST_PIXELS = 1 << 24  # of one picture
_DENSEST = 200  # times that pictures may be packed, beyond _SMALL bytes
_SMALL = 1 << 24
_IMAGES, _LABELS = ("images", "x"), ("labels", "y")  # names of arrays


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
    if size is not None and not (
        len(size) == 2 and all(side == int(side) and side >= 1 for side in size)
    ):
        raise ValueError(f"size is {size}; expected rows and columns from 1 on")
    if path.is_dir():
        images, keys = _folder(path, size)
    elif not path.exists():
        raise ValueError(f"{path}: no such file or folder")
    else:
        images, keys = _file(path, None if labels is None else Path(labels))
        images = _grey(images, path)
        if size is not None:
            images = np.stack([resize(image, size) for image in images])
    if len(images) != len(keys):
        raise ValueError(
            f"{path}: found {len(images)} pictures and {len(keys)} labels; expected one label for "
            "each picture"
        )
    if not len(images):
        raise ValueError(f"{path}: found no pictures")
    names = sorted(set(keys), key=by_value)
    place = {name: k for k, name in enumerate(names)}
    return Pictures(images, np.array([place[key] for key in keys], np.int64), tuple(names))


def by_value(name: str) -> tuple:
    """Numbers first, by value, however long they are."""
    number = name.isascii() and name.isdecimal()
    return (
        not number,
        len(name.lstrip("0")) if number else 0,
        name.lstrip("0") if number else name,
        name,
    )


def holds_pictures(path: Path) -> bool:
    """Whether `path` is a file, or a folder of folders one of which holds pictures."""
    return path.is_file() or any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.glob("*/*"))


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a picture (H, W) to `size`, its proportions kept, by averaging areas; its border fills
    the rest."""
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    inner = [min(max(round(side * scale), 1), most) for side, most in zip(image.shape, size)]
    small = (
        _areas(image.shape[0], inner[0])
        @ image.astype(np.float64)
        @ _areas(image.shape[1], inner[1]).T
    )
    before = [(most - side) // 2 for side, most in zip(inner, size)]
    padded = np.pad(
        small, [(b, most - side - b) for b, side, most in zip(before, inner, size)], mode="edge"
    )
    if image.dtype == np.uint8:
        return np.clip(np.rint(padded), 0, 255).astype(np.uint8)
    return np.clip(padded, 0, 1).astype(image.dtype)


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


def _areas(source: int, target: int) -> np.ndarray:
    """(target, source): the share of every source pixel in each target pixel's area; rows sum to
    1."""
    edge = np.arange(target + 1) * source / target
    pixel = np.arange(source)
    overlap = np.minimum(edge[1:, None], pixel + 1) - np.maximum(edge[:-1, None], pixel)
    return np.maximum(overlap, 0) * target / source


def _folder(path: Path, size: tuple[int, int] | None) -> tuple[np.ndarray, list[str]]:
    images, keys, first = [], [], None
    for folder in sorted(
        entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    ):
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() not in IMAGE_SUFFIXES or file.name.startswith("."):
                continue
            image = _picture(file)
            if size is not None:
                image = resize(image, size)
            first = first or (file, image.shape)
            if image.shape != first[1]:
                here, other = (f"{rows} x {columns}" for rows, columns in (image.shape, first[1]))
                raise ValueError(
                    f"{file}: has {here} pixels, but {first[0].name} has {other}; expected one "
                    "size, or size=(rows, columns)"
                )
            images.append(image)
            keys.append(folder.name)
    if not images:
        raise ValueError(
            f"{path}: found no pictures; expected <label>/<picture>, {', '.join(IMAGE_SUFFIXES)}"
        )
    if len({image.dtype for image in images}) > 1:
        images = [image / np.float32(255) if image.dtype == np.uint8 else image for image in images]
    return np.stack(images), keys


def _picture(file: Path) -> np.ndarray:
    size_of(file, "a picture", _LARGEST)
    if file.suffix.lower() == ".npy":
        image = _load(file)
        if isinstance(image, dict):
            raise ValueError(f"{file}: holds several arrays; expected one picture, (H, W)")
        image = (
            image[None]
            if image.ndim == 2 or image.ndim == 3 and image.shape[2] in (1, 3, 4)
            else image
        )
        if len(image) != 1:
            raise ValueError(
                f"{file}: holds an array of shape {image.shape}; expected one picture, (H, W)"
            )
        return _grey(image, file)[0]
    from PIL import Image

    with naming(file, "a picture"), warnings.catch_warnings():
        # of damage that Pillow reads over, and of sizes, which are looked at here
        warnings.simplefilter("ignore")
        with Image.open(file, formats=_FORMATS) as opened:
            if math.prod(opened.size) > _MOST_PIXELS:
                raise ValueError(
                    f"it has {opened.width} x {opened.height} pixels; expected at most "
                    f"{_MOST_PIXELS}"
                )
            if opened.mode.startswith("I"):  # 16 bits
                image = np.asarray(opened).astype(np.float32) / np.float32(65535)
            else:
                plain = opened.mode in ("1", "L", "RGB", "RGBA")
                image = np.asarray(opened if plain else opened.convert("RGBA"))
    return _grey(image[None], file)[0]


def _file(path: Path, labels: Path | None) -> tuple[np.ndarray, list[str]]:
    if path.suffix.lower() == ".npz":
        arrays = _load(path)
        if not isinstance(arrays, dict):
            raise ValueError(f"{path}: holds one array without a name; expected images and labels")
        if {"x", "y", "t", "p"} <= arrays.keys():
            raise ValueError(
                f"{path}: holds events (x, y, t, p) and no pictures; expected images and labels"
            )
        images, keys = (
            next((arrays[name] for name in names if arrays.get(name) is not None), None)
            for names in (_IMAGES, _LABELS)
        )
        if images is None or keys is None:
            raise ValueError(
                f"{path}: holds the arrays {sorted(arrays)[:30]}; expected images and labels"
            )
        return images, _names(keys, path)
    if path.suffix.lower() == ".npy":
        if labels is None:
            raise ValueError(f"{path}: holds pictures only; name the file of their labels too")
        return _load(path), _names(_load(labels), labels)
    images = read_idx(path)
    if labels is None:
        labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        if labels == path or not labels.exists():
            raise ValueError(f"{path}: found no file of labels beside it; name it")
    return images, _names(read_idx(labels), labels)


def read_idx(path: str | Path) -> np.ndarray:
    """The uint8 array of an idx file (the format of MNIST's files: big-endian magic, sizes, bytes),
    plain or .gz.

    Raises ValueError, naming the file, where it is truncated, too long or no such file.
    """
    content = read_whole(path, "an idx file", _LARGEST)
    most = len(content)
    whole = True
    if content[:2] == b"\x1f\x8b":
        most = max(most * _DENSEST, _SMALL)
        with naming(path, "an idx file"):
            unpacking = zlib.decompressobj(31)
            content = unpacking.decompress(content, most)
            whole = unpacking.eof
    magic = content[:4]
    if len(magic) != 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise ValueError(
            f"{path}: starts with the bytes {magic.hex(' ') or 'of an empty file'}; expected "
            "an idx file of bytes, 00 00 08 and its dimensions"
        )
    start = 4 + 4 * magic[3]
    sizes = [int.from_bytes(content[k : k + 4], "big") for k in range(4, start, 4)]
    held = len(content) - start
    expected = math.prod(sizes)
    if held < 0 or expected > most:
        raise ValueError(
            f"{path}: its head is truncated or announces {expected} bytes, more than such a file "
            "holds"
        )
    if not whole:
        raise ValueError(
            f"{path}: the compressed file is truncated or holds more than it announces"
        )
    if held != expected:
        raise ValueError(
            f"{path}: holds {held} bytes after its head, expected {expected} for the sizes {sizes}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)


def _load(path: Path):
    """The array of an .npy file, or the arrays of an .npz file by name; objects are refused, so
    nothing is executed."""
    size_of(path, "a NumPy file", _LARGEST)
    with naming(path, ARRAYS):
        check_archive(path, "pictures", _LARGEST, _DENSEST, _SMALL)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:  # of the others the names are enough
            arrays = {
                name: loaded[name] if name in _IMAGES + _LABELS else None for name in loaded.files
            }
        for name, array in arrays.items():  # what does not begin as an array comes as bytes
            if array is not None and not isinstance(array, np.ndarray):
                raise ValueError(f"{name} is not an array")
        return arrays


def _names(labels: np.ndarray, path: Path) -> list[str]:
    if isinstance(labels, dict):
        raise ValueError(f"{path}: holds several arrays; expected the labels alone")
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        raise ValueError(
            f"{path}: labels have shape {labels.shape} and dtype {labels.dtype}; expected whole "
            "numbers or texts, (N,)"
        )
    return [str(label) for label in labels]


def _grey(images: np.ndarray, path: Path) -> np.ndarray:
    """(N, H, W) uint8, or float32 in [0, 1], of grey or colour pictures; ValueError, naming the
    file, for others."""
    if (
        isinstance(images, dict)
        or images.ndim not in (3, 4)
        or images.ndim == 4
        and images.shape[3] not in (1, 3, 4)
    ):
        found = (
            "several arrays" if isinstance(images, dict) else f"an array of shape {images.shape}"
        )
        raise ValueError(f"{path}: holds {found}; expected grey or colour pictures")
    if not all(images.shape[1:3]) or images.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: holds {images.dtype} of shape {images.shape[1:]}; expected grey values of "
            "pixels"
        )
    most, kind = (1, np.float32) if images.dtype.kind == "f" else (255, np.uint8)
    if images.dtype == bool:
        images = images.astype(np.uint8) * np.uint8(255)
    if images.size and not (images.min() >= 0 and images.max() <= most):
        raise ValueError(
            f"{path}: grey values reach from {images.min()} to {images.max()}; expected fractions "
            "from 0 to 1, or bytes"
        )
    images = images.astype(kind, copy=False)
    if images.ndim == 3:
        return images
    if images.shape[3] == 1:
        return images[..., 0]
    top = 255.0 if images.dtype == np.uint8 else 1.0
    grey = sum(weight * images[..., channel] for channel, weight in enumerate(_GREY))
    if images.shape[3] == 4:
        opacity = images[..., 3] / top
        grey = grey * opacity + top * (1 - opacity)
    return (
        np.rint(grey).astype(np.uint8) if top == 255.0 else np.clip(grey, 0, 1).astype(np.float32)
    )
