"""Labelled pictures: folders, and arrays of grey values, colours and fractions."""

import numpy as np
from matplotlib.image import imsave

from minisnn.data.readers.pictures import read_pictures

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)
LABELS = np.array([3, 1, 3, 7, 1, 3], np.uint8)


def grey_png(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, np.repeat(image[..., None], 3, axis=2))


def check(pictures):
    assert np.array_equal(pictures.images, IMAGES) and pictures.images.dtype == np.uint8
    assert pictures.labels.tolist() == [1, 0, 1, 2, 0, 1] and pictures.labels.dtype == np.int64
    assert pictures.names == ("1", "3", "7") and len(pictures) == 6


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
    np.savez(tmp_path / "e.npz", images=IMAGES / 255, labels=LABELS)
    check(read_pictures(tmp_path / "e.npz"))
