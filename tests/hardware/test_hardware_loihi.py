"""The Loihi-style neuron against integers of Lava's bit-accurate model, and by hand at the edges of
its words."""

from pathlib import Path

import numpy as np
import pytest

from minisnn.hardware.loihi import neuron as loihi

GOLDEN = Path(__file__).parents[1] / "golden" / "lava_lif.npz"
FIELDS = (
    "spikes",
    "W",
    "weight_exp",
    "num_weight_bits",
    "sign_mode",
    "du",
    "dv",
    "vth",
    "bias_mant",
    "bias_exp",
)


CASES: dict[str, dict] = {}
with np.load(GOLDEN, allow_pickle=False) as file:
    for key, array in file.items():
        name, field = key.split("/")
        CASES.setdefault(name, {})[field] = array


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_case_of_lava_exactly(case):
    np.testing.assert_array_equal(
        loihi.used_weights(case["W"], int(case["num_weight_bits"]), int(case["sign_mode"])),
        case["W_used"],
    )
    found = loihi.run(**{name: case[name] for name in FIELDS})
    for name, array in zip(("a_buff", "u", "v", "s"), found):
        assert array.dtype == np.int64
        np.testing.assert_array_equal(array, case[name], err_msg=name)


def test_the_current_wraps_at_its_word_and_the_membrane_stays_in_its_own():
    spikes = np.ones((3, 1), int)
    a, u, v, _ = loihi.run(spikes, [[128]], weight_exp=10, du=4095, dv=4096, vth=200_000)
    assert a[:, 0].tolist() == [1 << 17] * 3
    assert u[:, 0].tolist() == [0, 1 << 23, 1 << 23]  # 2^23 stays, as in Lava
    assert v[:, 0].tolist() == [0, (1 << 23) - 1, (1 << 23) - 1]
    u = loihi.run(spikes, [[129]], weight_exp=10, du=4095, dv=4096, vth=200_000, num_weight_bits=9)[
        1
    ]
    assert u[1, 0] == (129 << 16) - (1 << 24)


def test_by_default_only_the_current_decays_and_by_one_in_4096():
    _, u, v, _ = loihi.run([[1], [0], [0], [0]], [[254]], vth=1 << 16)
    assert u[:, 0].tolist() == [0, 16256, 16252, 16248]  # Lava adds 1 to du
    assert v[:, 0].tolist() == [0, 16256, 32508, 48756]


def test_decay_truncates_toward_zero_on_both_sides():
    spikes = np.array([[1, 0], [0, 1], [0, 0], [0, 0]])
    u = loihi.run(spikes, [[1, 0], [0, -1]], num_weight_bits=9, du=2047, dv=0, vth=1 << 16)[1]
    assert u.T.tolist() == [[0, 64, 32, 16], [0, 0, -64, -32]]
    assert (
        loihi.run(spikes, [[1, 0]], num_weight_bits=9, du=4095 - 33, dv=0, vth=1 << 16)[1][2, 0]
        == 64 * 33 >> 12
    )


@pytest.mark.parametrize(
    "spikes, options",
    [
        (np.ones((2, 3)), {}),
        (np.ones((2, 3), int), {"du": [1, 2, 3]}),
        (np.ones((2, 3), int), {"vth": 1.5}),
        (np.full((2, 3), 1 << 40), {}),
    ],
)
def test_what_would_be_other_numbers_is_refused(spikes, options):
    with pytest.raises(ValueError):
        loihi.run(spikes, np.ones((2, 3), int), **options)
