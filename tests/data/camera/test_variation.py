"""A scene and a camera of its own for every recording: ranges, draws, and what each of them does to
the events."""

from dataclasses import fields, replace

import numpy as np
import pytest

from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.camera.variation import Variation, margin_of
from minisnn.data.readers.events import bin_events
from minisnn.data.sets.digits import load_digits

# ranges of a single point
NONE = Variation(
    **{f.name: (0.0, 0.0) if f.default[0] <= 0 else (1.0, 1.0) for f in fields(Variation)}
)


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def events_of(digits, which=7, seed=3, **ranges):
    camera = EventCamera(variation=replace(NONE, **ranges))
    return camera.record(digits.images[which], seed, int(digits.numbers[which]), 100)


def test_kernel_equals_twin_and_counts_equal_events(digits):
    camera = EventCamera(variation=Variation())
    some = [7, 1203, 4444]
    counts = camera.record_counts(digits.images[some], digits.numbers[some], 3)
    for one, which in zip(counts, some):
        arguments = digits.images[which], 3, int(digits.numbers[which])
        events = camera.record(*arguments)
        np.testing.assert_array_equal(events, camera.record(*arguments, backend="numpy"))
        np.testing.assert_array_equal(bin_events(events, crop=(32, 32), scale=2), one)


def test_a_draw_depends_on_seed_number_and_draw_alone(digits):
    camera = EventCamera(variation=Variation())
    whole = camera.record_counts(digits.images[:4], [1, 2, 1, 3], 0)
    np.testing.assert_array_equal(whole[1:2], camera.record_counts(digits.images[1:2], [2], 0))
    for other in (
        dict(numbers=[9], seed=0),
        dict(numbers=[2], seed=1),
        dict(numbers=[2], seed=0, draw=1),
    ):
        assert not np.array_equal(whole[1:2], camera.record_counts(digits.images[1:2], **other))


def test_nothing_varied_is_the_same_picture(digits):
    """With ranges of one point the picture goes through the splines unchanged, and only the noise
    is another."""
    picture = digits.images[7] / 255.0
    m = margin_of(picture.shape)
    camera, found = NONE.draw(EventCamera(), picture, (0, 1))
    np.testing.assert_allclose(found[m:-m, m:-m], picture, atol=1e-12)
    assert (
        replace(camera, trajectory=None, picture_px=28.5, sensor_seed=1, hot_hz=100.0)
        == EventCamera()
    )
    assert camera.picture_px / len(found) == pytest.approx(28.5 / 28)
    plain = EventCamera().record(digits.images[7], 3, int(digits.numbers[7]), 100)
    assert abs(len(events_of(digits)) / len(plain) - 1) < 0.05


def test_scale_rotation_and_shear_of_a_picture():
    """A dot right of the middle is moved as the equations say: (y, x) = A (0, 10) about the
    middle."""
    picture = np.zeros((41, 41))
    picture[20, 30] = 1.0
    m = margin_of(picture.shape)
    for ranges, expected in (
        (dict(scale=(1.2, 1.2)), (0, 12)),
        (dict(rotation_deg=(90.0, 90.0)), (-10, 0)),
        (dict(shear=(0.5, 0.5)), (0, 10)),
        (dict(offset_px=(3.0, 3.0)), (6, 16)),  # half a sensor pixel a picture pixel
    ):
        found = replace(NONE, **ranges).draw(EventCamera(picture_px=20.5), picture, (0, 1))[1]
        found = np.unravel_index(found.argmax(), (41 + 2 * m, 41 + 2 * m))
        assert tuple(np.subtract(found, 20 + m)) == expected, ranges
