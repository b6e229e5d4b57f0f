"""The event camera: what single pixels do by hand, kernel against twin, counts against events,
seeds and pictures."""

import numpy as np
import pytest

from minisnn.data.camera import kernel as camera_kernel
from minisnn.data.camera import reference as camera_reference
from minisnn.data.camera.event_camera import FINE, NEVER, EventCamera
from minisnn.data.camera.reference import Pixels, Scene
from minisnn.data.readers.events import bin_events
from minisnn.data.sets.digits import load_digits
from minisnn.parallel.threads import set_threads

KERNELS = pytest.mark.parametrize(
    "module", [camera_kernel, camera_reference], ids=["numba", "numpy"]
)


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def one_pixel(
    module,
    light,
    refractory=0.5,
    keep=1.0,
    leak=0.0,
    residual=0.0,
    stop_after=NEVER,
    on=0.5,
    off=0.25,
):
    """Events [(us, polarity)] of a pixel that sees the given light at every ms: the map is a ramp
    that glides by."""
    light = np.asarray(light, float)
    view = np.tile(np.arange(200.0) - 100, (3, 1))
    places = np.stack([np.zeros(light.size), light + 100], axis=1)
    time, address = np.empty(100, np.int64), np.empty(100, np.int64)
    scene = Scene(view[:, :0], view[:, :0], 1.0, FINE, places, (1, 1))
    pixels = Pixels(np.array([on]), np.array([off]), np.array([leak]), refractory, keep)
    count = module.pixel_events(
        view, scene, pixels, np.array([residual]), stop_after, time, address
    )
    return list(zip(time[:count].tolist(), address[:count].tolist()))


@KERNELS
def test_a_pixel_by_hand(module):
    # a rise of 1 a ms: +0.5 at 0.5 ms; blind to 1.0 ms, reference 1; +0.5 at 1.5 ms; blind to 2 ms,
    # reference 2 then a fall of 0.5 a ms: -0.25 at 2.5 ms; blind to 3 ms, reference 1.5; -0.25 at
    # 3.5 ms
    assert one_pixel(module, [0, 1, 2, 1.5, 1, 1]) == [(500, 1), (1500, 1), (2500, 0), (3500, 0)]
    # what changes while the pixel is blind is lost
    assert one_pixel(module, [0, 1, 5, 5.4, 5.4], refractory=1.5) == [(500, 1)]
    # several events in one millisecond
    assert one_pixel(module, [0, 4, 4], refractory=0.125) == [
        (125, 1),
        (375, 1),
        (625, 1),
        (875, 1),
    ]


@KERNELS
def test_the_signal_follows_the_light_with_a_finite_bandwidth(module):
    # a step to 1: the signal is 0.5, 0.75, 0.875 ... so +0.625 is reached half way through the
    # second ms
    assert one_pixel(module, [0, 1, 1, 1], keep=0.5, on=0.625, refractory=5) == [(1500, 1)]


@KERNELS
def test_leak_makes_on_events_of_still_light(module):
    # the difference grows by 0.125 a ms from the residual on: 0.5 after 3 ms, and again 4 ms after
    # the blind time
    assert one_pixel(module, [1.0] * 12, leak=0.125, residual=0.125, refractory=0.5) == [
        (3000, 1),
        (7500, 1),
    ]
    assert one_pixel(module, [1.0] * 12, leak=0.0) == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        dict(refractory_ms=1.7, moving=True),
        dict(threshold_on=0.01, threshold_off=0.02, refractory_ms=0.01, time_constant_ms=0.0),
        dict(leak_hz=0.0, amplitude=0.0),
        dict(leak_hz=900.0, hot=0.1, dead=0.2),
    ],
    ids=["default", "blind", "busy", "still", "leaky"],
)
def test_events_are_those_of_the_twin_to_the_last_bit(settings, digits):
    """Of one map; 399 pixels, no multiple of 8."""
    camera = EventCamera(sensor=(19, 21), picture_px=18.0, **settings)
    scene, pixels = camera._scene((28, 28), 60), camera._pixels()
    picture = camera._luminance(digits.images[700] / 255)
    view = camera_kernel.log_luminance(picture, scene.rows, scene.columns, scene.floor)
    found = []
    for module in (camera_kernel, camera_reference):
        time, address = np.empty((2, 40_000), np.int64)
        count = module.pixel_events(
            view, scene, pixels, camera._residuals(pixels, 0, [1])[0], NEVER, time, address
        )
        found.append(sorted(zip(time[:count].tolist(), address[:count].tolist())))
    assert found[0] == found[1] and (len(found[0]) > 40 or settings.get("amplitude") == 0)


@pytest.mark.parametrize(
    "duration, crop, scale", [(100, (32, 32), 2), (40, None, 1), (300, (34, 17), 17)]
)
def test_counts_are_binned_events(digits, duration, crop, scale):
    camera, chosen = EventCamera(), [5, 1200, 4999]
    counts = camera.record_counts(
        digits.images[chosen], digits.numbers[chosen], 7, duration, crop, scale
    )
    for count, n in zip(counts, chosen):
        events = camera.record(digits.images[n], 7, int(digits.numbers[n]))
        assert np.array_equal(count, bin_events(events, duration, crop=crop, scale=scale))


def test_neither_batch_nor_order_nor_threads_matter(digits):
    camera, chosen = EventCamera(), np.array([0, 777, 1500, 3000])
    whole = camera.record_counts(digits.images[chosen], digits.numbers[chosen], 1)
    turned = camera.record_counts(digits.images[chosen[::-1]], digits.numbers[chosen[::-1]], 1)
    assert np.array_equal(whole, turned[::-1])
    assert np.array_equal(
        whole[2:3], camera.record_counts(digits.images[chosen[2:3]], digits.numbers[chosen[2:3]], 1)
    )
    set_threads(1)
    try:
        assert np.array_equal(
            whole, camera.record_counts(digits.images[chosen], digits.numbers[chosen], 1)
        )
    finally:
        set_threads(None)


def test_the_picture_moves_as_the_trajectory_says():
    """A dark dot on white that steps to the right: pixels darken (OFF) where it goes, brighten (ON)
    where it was."""
    dot = np.zeros((28, 28))
    dot[13:15, 13:15] = 1.0
    path = tuple((float(t), -4.0 + 8.0 * t / 100, 0.0) for t in range(0, 101, 20))
    camera = EventCamera(
        trajectory=path, leak_hz=0.0, picture_px=28, offset_px=(0, 0), mismatch=0.0
    )
    events = camera.record(dot, 0, duration_ms=100)
    early, late = events[events["t"] < 20_000], events[events["t"] > 80_000]
    # centre 16.5, moved by -4 and +4
    assert 12 < early["x"].mean() < 16 and 19 < late["x"].mean() < 22
    middle = events[(events["t"] > 40_000) & (events["t"] < 60_000)]
    assert middle["x"][middle["p"] == 0].mean() > middle["x"][middle["p"] == 1].mean() + 1
    assert abs(events["y"].mean() - 16.5) < 0.6
    bright = EventCamera(**{**vars(camera), "inverted": False}).record(dot, 0, duration_ms=100)
    middle = bright[(bright["t"] > 40_000) & (bright["t"] < 60_000)]
    assert middle["x"][middle["p"] == 1].mean() > middle["x"][middle["p"] == 0].mean() + 1


@pytest.mark.parametrize(
    "picture, words",
    [
        (np.zeros((28, 28, 3)), "shape of pictures"),
        (np.zeros((0, 28)), "shape of pictures"),
        (np.full((28, 28), -0.5), "from -0.5"),
        (np.full((28, 28), 2.0), "to 2.0; expected values in"),
        (np.full((28, 28), np.nan), "nan"),
        (np.zeros((28, 28), int), "dtype of pictures"),
        (np.array([["a"]]), "dtype of pictures"),
    ],
)
def test_pictures_are_checked(picture, words):
    with pytest.raises(ValueError, match=words):
        EventCamera().record(picture, 0)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"blur": 0.0}, "blur is 0.0"),
        ({"blur": 0.1}, "blur is 0.1"),
        ({"floor": 0.0}, "floor is 0.0"),
        ({"threshold_on": -1.0}, "threshold_on"),
        ({"threshold_off": np.nan}, "threshold_off"),
        ({"refractory_ms": 0.0}, "refractory_ms"),
        ({"leak_hz": -1.0}, "leak_hz"),
        ({"hot": 3.0}, "hot is 3.0"),
        ({"dead": 1.5}, "dead is 1.5"),
        ({"sensor": (34,)}, "sensor"),
        ({"sensor": (0, 34)}, "sensor"),
        ({"gamma": 0}, "gamma"),
        ({"trajectory": ((0.0, 1.0, 1.0),)}, "trajectory"),
        ({"trajectory": ((0.0, 1.0, 1.0), (0.0, 2.0, 1.0))}, "trajectory"),
        ({"offset_px": (1.0,)}, "offset_px"),
        ({"amplitude": np.inf}, "amplitude"),
        ({"mismatch": -0.1}, "mismatch"),
    ],
)
def test_settings_are_checked(settings, words):
    with pytest.raises(ValueError, match=words):
        EventCamera(**settings)
