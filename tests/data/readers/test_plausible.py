"""The unit of times is judged by what sensors and scenes can do, in files and in Python alike, and
asked where it is wrong."""

import numpy as np
import pytest
from sweeps import SENSOR, sweep

import minisnn as ms


def given(recordings, **how):
    return ms.Recordings(recordings, [0, 0, 1, 1], sensor=SENSOR, **how)


def test_a_hot_pixel_is_left_out():
    events = sweep()
    hot = ms.event_array(np.full(300, 3), np.full(300, 3), np.arange(300), np.arange(300) % 2)
    joined = np.concatenate([hot, events])
    given([np.sort(joined[k:], order="t") for k in range(4)])
    with pytest.raises(ValueError, match="recording 0: .* its times make"):
        given([hot[k:] for k in range(4)])
