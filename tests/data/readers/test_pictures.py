"""Labelled pictures: every form by hand, resizing, and files that are damaged or foreign."""

import gzip
import struct

import numpy as np
import pytest
from matplotlib.image import imsave
from PIL import Image

from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.readers.pictures import enlarged, read_idx, read_pictures, resize

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)
LABELS = np.array([3, 1, 3, 7, 1, 3], np.uint8)


def idx(array):
    return (
        b"\0\0\x08"
        + bytes([array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def grey_png(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, np.repeat(image[..., None], 3, axis=2))


def check(pictures):
    assert np.array_equal(pictures.images, IMAGES) and pictures.images.dtype == np.uint8
    assert pictures.labels.tolist() == [1, 0, 1, 2, 0, 1] and pictures.labels.dtype == np.int64
    assert pictures.names == ("1", "3", "7") and len(pictures) == 6


@pytest.mark.parametrize("pack, suffix", [(bytes, ""), (gzip.compress, ".gz")])
def test_idx_pair(tmp_path, pack, suffix):
    images, labels = (
        tmp_path / f"train-images-idx3-ubyte{suffix}",
        tmp_path / f"train-labels-idx1-ubyte{suffix}",
    )
    images.write_bytes(pack(idx(IMAGES)))
    with pytest.raises(FileNotFoundError, match="labels-idx1"):
        read_pictures(images)
    labels.write_bytes(pack(idx(LABELS)))
    check(read_pictures(images))
    check(read_pictures(images, labels))


def test_numpy_files(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    check(read_pictures(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", x=IMAGES.astype(np.int64), y=LABELS)
    check(read_pictures(tmp_path / "b.npz"))
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", LABELS)
    check(read_pictures(tmp_path / "x.npy", tmp_path / "y.npy"))
    with pytest.raises(ValueError, match="x.npy: holds pictures only"):
        read_pictures(tmp_path / "x.npy")
    np.savez(tmp_path / "f.npz", images=IMAGES / 255.0, labels=np.array(list("CABACB")))
    found = read_pictures(tmp_path / "f.npz")
    assert found.names == ("A", "B", "C") and found.labels.tolist() == [2, 0, 1, 0, 2, 1]
    assert found.images.dtype == np.float32 and np.allclose(found.images, IMAGES / 255.0, atol=1e-7)


def test_labels_that_are_numbers_come_first_by_value(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=np.array(["a", "10", "٣", "007", "9", "7"]))
    assert read_pictures(tmp_path / "a.npz").names == ("007", "7", "9", "10", "a", "٣")


def test_sixteen_bits(tmp_path):
    grey = RNG.integers(0, 1 << 16, (5, 4)).astype(np.uint16)
    (tmp_path / "set" / "a").mkdir(parents=True)
    Image.fromarray(grey).save(tmp_path / "set" / "a" / "p.png")
    found = read_pictures(tmp_path / "set").images
    assert (
        found.dtype == np.float32
        and np.allclose(found[0], grey / 65535, atol=1e-6)
        and np.ptp(found) > 0.5
    )


def test_a_picture_that_is_large_enough_is_not_enlarged():
    assert (
        enlarged(IMAGES, 5) is IMAGES
        and enlarged(IMAGES, 3) is IMAGES
        and enlarged(IMAGES, 10).shape == (6, 10, 8)
    )


def test_folder_of_pictures(tmp_path):
    for k, (image, label) in enumerate(zip(IMAGES, LABELS)):
        grey_png(tmp_path / f"{label}" / f"{k}.png", image)
    (tmp_path / "3" / "notes.txt").write_text("not a picture")
    (tmp_path / "3" / "._0.png").write_text("a Mac was here")
    found = read_pictures(tmp_path)
    order = np.argsort(LABELS, kind="stable")
    assert np.array_equal(found.images, IMAGES[order]) and found.labels.tolist() == [
        0,
        0,
        1,
        1,
        1,
        2,
    ]
    assert found.names == ("1", "3", "7")


def test_numbers_are_ordered_as_numbers_before_texts(tmp_path):
    for name in ("10", "9", "b", "a"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "p.npy", IMAGES[0])
    found = read_pictures(tmp_path)
    assert found.names == ("9", "10", "a", "b") and sorted(found.labels.tolist()) == [0, 1, 2, 3]


def test_bytes_and_fractions_in_one_folder(tmp_path):
    (tmp_path / "a").mkdir()
    np.save(tmp_path / "a" / "0.npy", IMAGES[0])
    np.save(tmp_path / "a" / "1.npy", IMAGES[0] / 255.0)
    found = read_pictures(tmp_path).images
    assert found.dtype == np.float32 and np.allclose(found[0], found[1], atol=1e-6)


def test_colour_and_transparency(tmp_path):
    colour = np.zeros((2, 3, 4), np.uint8)
    colour[0] = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]
    colour[1] = [[255, 255, 255, 255], [0, 0, 0, 0], [0, 0, 0, 51]]
    (tmp_path / "a").mkdir()
    imsave(tmp_path / "a" / "0.png", colour)
    assert read_pictures(tmp_path).images[0].tolist() == [[76, 150, 29], [255, 255, 204]]
    np.savez(tmp_path / "c.npz", images=colour[None, ..., :3], labels=[0])
    assert read_pictures(tmp_path / "c.npz").images[0, 0].tolist() == [76, 150, 29]
    np.savez(tmp_path / "d.npz", images=IMAGES[..., None], labels=LABELS)
    check(read_pictures(tmp_path / "d.npz"))


def test_sizes_that_differ(tmp_path):
    for name, side in (("a", 8), ("b", 16)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "p.npy", np.full((side, side), 40, np.uint8))
    with pytest.raises(ValueError, match="16 x 16, 8 x 8"):
        read_pictures(tmp_path)
    found = read_pictures(tmp_path, size=(6, 9)).images
    assert found.shape == (2, 6, 9) and np.all(found == 40)


def test_resize_averages_areas_and_keeps_proportions():
    image = np.array([[0, 100], [200, 100]], np.uint8)
    assert resize(image, (1, 1)).tolist() == [[100]]
    assert resize(image, (4, 4)).tolist() == [[0, 0, 100, 100]] * 2 + [[200, 200, 100, 100]] * 2
    wide = resize(image, (2, 5))  # one column left over before, two after
    assert wide.tolist() == [[0, 0, 100, 100, 100], [200, 200, 100, 100, 100]]
    assert np.array_equal(resize(IMAGES[0], (5, 4)), IMAGES[0])
    large = RNG.random((31, 17)).astype(np.float32)
    assert abs(resize(large, (31, 17)).mean() - large.mean()) < 1e-6
    assert abs(resize(RNG.random((60, 60)), (7, 7)).mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x0d\x03" + bytes(12),
        idx(IMAGES)[:9],
        idx(IMAGES)[:-1],
        idx(IMAGES) + b"\0",
        gzip.compress(idx(IMAGES), mtime=0)[:-20],
        gzip.compress(idx(IMAGES), mtime=0)[:-8],
        gzip.compress(idx(IMAGES), mtime=0)[:-8] + bytes(8),
        b"\0\0\x08\x03" + b"\xff" * 12,
        b"\x89PNG",
    ],
)
def test_damaged_idx_files_are_named(tmp_path, content):
    path = tmp_path / "images-idx3"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="images-idx3: .*expected an idx file") as error:
        read_idx(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"images": IMAGES, "labels": LABELS[:5]}, "6 pictures .* 5 labels"),
        ({"images": IMAGES[0], "labels": LABELS}, "of shape"),
        ({"images": IMAGES * 2.0, "labels": LABELS}, "grey values reach"),
        ({"images": IMAGES.astype(int) - 300, "labels": LABELS}, "grey values reach from -"),
        ({"images": np.full((6, 5, 4), np.nan), "labels": LABELS}, "nan"),
        ({"images": IMAGES, "labels": LABELS / 2}, "labels have shape"),
        ({"images": IMAGES, "labels": LABELS[:, None]}, "labels have shape"),
        ({"images": IMAGES[:, :0], "labels": LABELS}, "of shape"),
        ({"images": IMAGES.astype(str), "labels": LABELS}, "<U3"),
        ({"pictures": IMAGES}, "expected images and labels"),
        ({"images": np.array([{}], object), "labels": LABELS}, "objects"),
    ],
)
def test_foreign_archives_are_named(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match="a.npz: .*" + words):
        read_pictures(tmp_path / "a.npz")


def test_foreign_folders_are_named(tmp_path):
    with pytest.raises(ValueError, match="0 pictures"):
        read_pictures(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_pictures(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="size is"):
        read_pictures(tmp_path, size=(0, 3))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "p.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="p.png: .*expected a picture"):
        read_pictures(tmp_path)
    (tmp_path / "a" / "p.png").unlink()
    np.save(tmp_path / "a" / "many.npy", IMAGES[:, :, :2])
    with pytest.raises(ValueError, match="many.npy: .*shape"):
        read_pictures(tmp_path)
    (tmp_path / "a.npz").write_bytes(b"PK no archive")
    with pytest.raises(ValueError, match="a.npz"):
        read_pictures(tmp_path / "a.npz")


def test_the_camera_records_what_was_read(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    pictures = read_pictures(tmp_path / "a.npz")
    counts = EventCamera(inverted=False).record_counts(pictures.images, np.arange(6), 0)
    assert counts.shape == (6, 100, 16, 16, 2) and counts.reshape(6, -1).any(axis=1).all()
