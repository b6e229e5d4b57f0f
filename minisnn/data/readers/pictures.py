"""Read a user's labelled pictures, for the event camera to record.

They come as a folder tree <label>/<picture>.png, or as an .npz file. Both become grey values (N, H,
W) and labels 0, 1, ..., in the order of the labels' names; names that are numbers come first, by
value.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...arguments import need
from .arrays import load
from .hdf5 import naming

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")  # other readers of Pillow start external programs (EPS)
WHAT = "grey or colour pictures with labels"


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures: `images`, uint8 (N, H, W); `labels`, int64 (N,), which are indices into
    `names`; and `names`, the names of the classes."""

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def read_pictures(path: str | Path, size: tuple[int, int] | None = None) -> Pictures:
    """Read labelled pictures from a folder or an .npz file.

    path     a folder with one folder a label, holding pictures (.png, .jpg, …); or an .npz file with
             the arrays `images` and `labels`
    size     rows and columns to which every picture is brought, its proportions kept, by averaging
             areas; the rest is filled with the nearest border. None: all must have the same size

    Colour becomes luminance; transparent pixels count as white. Raises ValueError, naming the file,
    for anything else.
    """
    path = Path(path)
    with naming(path, WHAT):
        if path.is_dir():
            files = [file for file in sorted(path.glob("[!.]*/[!.]*")) if is_picture(file)]
            images = [_picture(file) for file in files]
            keys = [file.parent.name for file in files]
        else:
            held = load(path, "images", "labels")
            images = list(_grey(held["images"]))
            keys = list(map(str, held["labels"].tolist()))
        if size is not None:
            images = [resize(image, size) for image in images]
        shapes = sorted({image.shape for image in images})
        found = f"{len(images)} pictures of {shapes[:5]} pixels, {len(keys)} labels"
        good = len(images) == len(keys) > 0 and len(shapes) == 1
        need("what it holds", found, good, "pictures of one size (or give one), each with a label")
    names = sorted(set(keys), key=by_value)
    return Pictures(np.stack(images), np.array([names.index(key) for key in keys]), (*names,))


def by_value(name: str) -> tuple:
    """Return a sort key that puts numbers first, by value, with any number of digits."""
    number = name.lstrip("0") if name.isascii() and name.isdecimal() else None
    return number is None, len(number or ""), name if number is None else number, name


def is_picture(file: Path) -> bool:
    """Return whether a file has the ending of a picture."""
    return file.suffix.lower() in IMAGE_SUFFIXES


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a picture (H, W) by averaging areas, keeping its proportions; its border fills the
    rest."""
    from PIL import Image

    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    inner = [min(max(round(side * scale), 1), most) for side, most in zip(image.shape, size)]
    drawn = Image.fromarray(image).resize(inner[::-1], Image.Resampling.BOX)
    before = [(most - side) // 2 for side, most in zip(inner, size)]
    border = [(b, most - side - b) for b, side, most in zip(before, inner, size)]
    return np.pad(np.asarray(drawn), border, mode="edge")


def enlarged(images: np.ndarray, side: float) -> np.ndarray:
    """Enlarge pictures (N, H, W), uint8, whose longer side is below `side`, by cubic splines.

    Without this, a camera with a finer resolution than the pictures would see the edges of their
    pixels. Larger pictures are not changed.
    """
    from scipy.ndimage import zoom

    factor = side / max(images.shape[1:])
    if factor <= 1:
        return images
    shown = images.astype(np.float32)
    large = zoom(shown, (1, factor, factor), order=3, mode="nearest", grid_mode=True)
    return np.rint(large.clip(0, 255)).astype(np.uint8)


def _picture(file: Path) -> np.ndarray:
    """Read the grey values (H, W) of a file."""
    from PIL import Image

    with naming(file, "a picture"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damage that Pillow ignores
        with Image.open(file, formats=_FORMATS) as opened:
            if opened.mode.startswith("I"):  # 16 bits
                return _grey(np.asarray(opened)[None] / 65535)[0]
            return _grey(np.asarray(opened.convert("RGBA"))[None])[0]


def _grey(images: np.ndarray) -> np.ndarray:
    """Return grey bytes (N, H, W) from grey or colour pictures, given as bytes or as fractions from
    0 to 1. Raises ValueError for others."""
    number = images.shape[3:] or (1,)  # of colours, and of the opacity
    kind = images.dtype.kind
    good = images.ndim in (3, 4) and number[0] in (1, 3, 4) and kind in "biuf" and images.size
    need("the array", f"{images.dtype} of shape {images.shape}", good, "grey pixels")
    values = images.reshape(*images.shape[:3], -1) * (255.0 if kind in "bf" else 1.0)
    reach = f"{values.min()} to {values.max()}"
    good = 0 <= values.min() and values.max() <= 255
    need("the reach of grey values", reach, good, "bytes, or fractions from 0 to 1")
    grey = values[..., 0] if number[0] == 1 else values[..., :3] @ _GREY
    if number[0] == 4:
        opacity = values[..., 3] / 255
        grey = grey * opacity + 255 * (1 - opacity)
    return np.rint(grey).astype(np.uint8)
