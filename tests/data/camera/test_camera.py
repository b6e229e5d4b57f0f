"""The event camera: what single pixels do by hand, kernels against the readable twin, counts against
events, and what settings and pictures cannot be."""

from dataclasses import fields, replace

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.camera import kernel, reference
from minisnn.data.camera.reference import Pixels, Scene
from minisnn.data.camera.variation import Variation

TWINS = pytest.mark.parametrize("module", [kernel, reference], ids=["numba", "numpy"])
# ranges of a single point
NONE = Variation(
    **{f.name: (0.0, 0.0) if f.default[0] <= 0 else (1.0, 1.0) for f in fields(Variation)}
)


@pytest.fixture(scope="module")
def digits():
    return ms.load_digits()


def one_pixel(module, light, refractory=0.5, keep=1.0, leak=0.0, residual=0.0, on=0.5):
    """Events [(us, polarity)] of a pixel that sees the given light at every ms: the map is a ramp
    that glides by."""
    light = np.asarray(light, float)
    view = np.tile(np.arange(200.0) - 100, (3, 1))
    places = np.stack([np.zeros(light.size), light + 100], axis=1)
    scene = Scene(view[:, :0], view[:, :0], 1.0, 4, places, (1, 1))
    pixels = Pixels(np.array([on]), np.array([0.25]), np.array([leak]), refractory, keep)
    found = module.pixel_events(view, scene, pixels, np.array([residual]), 1 << 60)
    return [divmod(one, 2) for one in np.sort(found).tolist()]


@TWINS
def test_a_pixel_by_hand(module):
    # a rise of 1 a ms: +0.5 at 0.5 ms; blind to 1.0 ms, reference 1; +0.5 at 1.5 ms; blind to 2 ms,
    # reference 2 then a fall of 0.5 a ms: -0.25 at 2.5 ms; blind to 3 ms, reference 1.5; -0.25 at
    # 3.5 ms
    assert one_pixel(module, [0, 1, 2, 1.5, 1, 1]) == [(500, 1), (1500, 1), (2500, 0), (3500, 0)]
    # what changes while the pixel is blind is lost
    assert one_pixel(module, [0, 1, 5, 5.4, 5.4], refractory=1.5) == [(500, 1)]
    # several events in one millisecond
    several = [(125, 1), (375, 1), (625, 1), (875, 1)]
    assert one_pixel(module, [0, 4, 4], refractory=0.125) == several
    # a step to 1: the signal is 0.5, 0.75 ... so +0.625 is reached half way through the second ms
    assert one_pixel(module, [0, 1, 1, 1], keep=0.5, on=0.625, refractory=5) == [(1500, 1)]
    # the difference grows by the leak from the residual on: 0.5 after 3 ms, and again 4 ms after
    # the blind time
    leaky = dict(leak=0.125, residual=0.125)
    assert one_pixel(module, [1.0] * 12, **leaky) == [(3000, 1), (7500, 1)]
    assert one_pixel(module, [1.0] * 12) == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        dict(refractory_ms=1.7, moving=True),
        dict(threshold_on=0.01, threshold_off=0.02, refractory_ms=0.01, time_constant_ms=0.0),
        dict(leak_hz=900.0, hot=0.1, dead=0.2),
        dict(variation=Variation()),
    ],
    ids=["default", "blind", "busy", "leaky", "varied"],
)
def test_events_are_those_of_the_twin_to_the_last_bit(settings, digits):
    """399 pixels, no multiple of 8."""
    camera = ms.EventCamera(sensor=(19, 21), picture_px=18.0, **settings)
    how = dict(picture=digits.images[700], seed=0, number=1, duration_ms=60)
    events = camera.record(**how)
    np.testing.assert_array_equal(events, camera.record(**how, backend="numpy"))
    assert len(events) > 40


@pytest.mark.parametrize("variation", [None, Variation()])
@pytest.mark.parametrize("duration, crop, scale", [(100, (32, 32), 2), (300, (34, 17), 17)])
def test_counts_are_binned_events_in_any_batch(digits, duration, crop, scale, variation):
    camera = ms.EventCamera(variation=variation)
    chosen = np.array([5, 1200, 4999])
    images = digits.images[chosen]
    numbers = digits.numbers[chosen]
    counts = camera.record_counts(images, numbers, 7, duration, crop, scale)
    for count, image, number in zip(counts, images, numbers):
        events = camera.record(image, 7, int(number))
        expected = ms.bin_events(events, duration, crop=crop, scale=scale)
        np.testing.assert_array_equal(count, expected)
    ms.set_threads(1)
    try:
        again = camera.record_counts(images[::-1], numbers[::-1], 7, duration, crop, scale)
    finally:
        ms.set_threads(None)
    np.testing.assert_array_equal(again[::-1], counts)
    for other in (dict(seed=8), dict(seed=7, draw=1))[: 1 + (variation is not None)]:
        found = camera.record_counts(images, numbers, duration_ms=duration, crop=None, **other)
        assert not np.array_equal(found, camera.record_counts(images, numbers, 7, duration, None))


def test_a_varied_picture_is_moved_as_the_equations_say(digits):
    """A dot right of the middle: (y, x) = A (0, 10) about the middle; and nothing varied is the same
    picture."""
    picture = np.zeros((41, 41))
    picture[20, 30] = 1.0
    for ranges, expected in (
        (dict(scale=(1.2, 1.2)), (0, 12)),
        (dict(rotation_deg=(90.0, 90.0)), (-10, 0)),
        (dict(shear=(0.5, 0.5)), (0, 10)),
        (dict(offset_px=(3.0, 3.0)), (6, 16)),  # half a sensor pixel a picture pixel
    ):
        found = replace(NONE, **ranges).draw(ms.EventCamera(picture_px=20.5), picture, (0, 1))[1]
        dot = np.unravel_index(found.argmax(), found.shape)
        assert tuple(np.subtract(dot, len(found) // 2)) == expected, ranges
    picture = digits.images[7] / 255.0
    camera, found = NONE.draw(ms.EventCamera(), picture, (0, 1))
    m = (len(found) - len(picture)) // 2
    np.testing.assert_allclose(found[m:-m, m:-m], picture, atol=1e-12)
    same = replace(camera, trajectory=None, picture_px=28.5, sensor_seed=1, hot_hz=100.0)
    assert same == ms.EventCamera() and camera.picture_px == pytest.approx(28.5 / 28 * len(found))


@pytest.mark.parametrize(
    "picture, words",
    [
        (np.zeros((28, 28, 3)), "shape of pictures"),
        (np.full((28, 28), -0.5), "from -0.5"),
        (np.full((28, 28), np.nan), "nan"),
        (np.zeros((28, 28), int), "dtype of pictures"),
    ],
)
def test_pictures_are_checked(picture, words):
    with pytest.raises(ValueError, match=words):
        ms.EventCamera().record(picture, 0)


@pytest.mark.parametrize(
    "name, value",
    [
        ("blur", 0.1),
        ("floor", 0.0),
        ("threshold_on", -1.0),
        ("threshold_off", np.nan),
        ("refractory_ms", 0.0),
        ("leak_hz", -1.0),
        ("hot", 3.0),
        ("sensor", (34,)),
        ("trajectory", ((0.0, 1.0, 1.0), (0.0, 2.0, 1.0))),
        ("offset_px", (1.0,)),
        ("amplitude", np.inf),
    ],
)
def test_settings_are_checked(name, value):
    with pytest.raises(ValueError, match=name):
        ms.EventCamera(**{name: value})
