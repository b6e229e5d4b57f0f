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


def centre(events):
    """Mean (x, y) of the pixels, noise left out."""
    cells, n = np.unique(np.stack([events["x"], events["y"]]), axis=1, return_counts=True)
    return (cells[:, n > 3] * n[n > 3]).sum(1) / n[n > 3].sum()


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


def test_where_the_picture_lies(digits):
    x, y = centre(events_of(digits))
    moved = centre(events_of(digits, offset_px=(2.0, 2.0)))
    np.testing.assert_allclose(moved, [x + 2, y + 2], atol=0.4)


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


@pytest.mark.parametrize(
    "ranges, least, most",
    [
        (dict(threshold=(0.5, 0.5)), 1.3, 4.0),
        (dict(threshold=(2.0, 2.0)), 0.1, 0.7),
        (dict(leak=(8.0, 8.0)), 1.05, 3.0),
        (dict(hot=(0.05, 0.05), hot_hz=(1000.0, 1000.0)), 1.5, 10.0),
        (dict(dead=(1.0, 1.0)), 0.0, 0.0),
        (dict(refractory=(400.0, 400.0)), 0.2, 0.9),
        (dict(stroke=(1.0, 1.0)), 1.05, 3.0),
        (dict(stroke=(-1.0, -1.0)), 0.0, 0.9),
        (dict(amplitude=(0.2, 0.2)), 0.05, 0.8),
    ],
    ids=lambda value: "" if not isinstance(value, dict) else next(iter(value)),
)
def test_more_events_or_fewer(digits, ranges, least, most):
    share = len(events_of(digits, **ranges)) / len(events_of(digits))
    assert least <= share <= most


def test_balance_turns_the_share_of_on_events(digits):
    on = [np.mean(events_of(digits, balance=(factor, factor))["p"]) for factor in (0.7, 1.0, 1.4)]
    assert on[0] > on[1] + 0.05 and on[1] > on[2] + 0.05


def test_speed_and_latency_shift_the_events_in_time(digits):
    early, plain, late = (
        np.median(events_of(digits, latency_ms=(ms, ms))["t"]) for ms in (15.0, 0.0, -15.0)
    )
    assert late - plain > 8000 and plain - early > 8000
    assert np.median(events_of(digits, speed=(1.5, 1.5))["t"]) < plain - 5000


def test_time_constant_delays(digits):
    plain, slow = (np.median(events_of(digits, time_constant=(f, f))["t"]) for f in (1.0, 8.0))
    assert slow > plain + 1000


def test_direction_turns_the_path(digits):
    """A quarter turn sends the first saccade, mostly downwards, to the side: more events from an
    upright bar."""
    bar = np.zeros((28, 28))
    bar[2:26, 13:15] = 1
    plain, turned = (
        len(
            EventCamera(variation=replace(NONE, direction_deg=(angle, angle))).record(
                bar, 0, 0, 100
            )
        )
        for angle in (0.0, 90.0)
    )
    assert turned > 1.3 * plain


@pytest.mark.parametrize(
    "ranges, words",
    [
        (dict(scale=(0.0, 1.0)), "scale is .*above 0"),
        (dict(scale=(2.0, 1.0)), "scale is .*lower one first"),
        (dict(offset_px=3.0), "offset_px is 3.0"),
        (dict(hot=(0.0, 1.5)), "hot is .* up to 1"),
        (dict(stroke=(-2.0, 0.0)), "stroke is .* from -1 on"),
        (dict(leak=(0.1, float("nan"))), "leak is"),
    ],
)
def test_ranges_that_cannot_be(ranges, words):
    with pytest.raises(ValueError, match=words):
        Variation(**ranges)
