from dataclasses import replace

import numpy as np
import pytest

import minisnn as ms
from minisnn import InnerLoop
from toy import toy_config
from written import edit, rewrite


@pytest.fixture
def net():
    return ms.SpikingNet(
        (6, 6, 2),
        (3,),
        4,
        3,
        "mean",
        ms.LIF(slope=7.0),
        9,
        hidden=(5,),
        detach_reset=True,
        backend="numpy",
    )


@pytest.fixture
def theta(net):
    return net.init(np.random.default_rng(1))


@pytest.mark.parametrize("flat", [False, True])
def test_all_parts_come_back(net, theta, tmp_path, flat, rng):
    step_size = np.linspace(0.1, 3, net.size, dtype=np.float32) if flat else 2.5
    inner = InnerLoop(step_size, 3, ("conv1", "readout"), threshold_fraction=0.05)
    adam = ms.Adam(net.size)
    adam.step(theta, theta, 0.1)
    parts = dict(
        config=toy_config(lr=0.5),
        curve={"loss": np.arange(90.0), "validation": np.full(90, np.nan)},
        optimiser={"outer": adam.state},
        progress={"update": 90},
    )
    ms.save(tmp_path / "a.h5", net, theta, inner=inner, provenance={"note": "a test"}, **parts)
    found = ms.read(tmp_path / "a.h5")
    assert found.net.configuration() == net.configuration()
    np.testing.assert_array_equal(found.inner.step_size, step_size)
    assert np.ndim(found.inner.step_size) == flat
    assert replace(found.inner, step_size=1.0) == replace(inner, step_size=1.0)
    np.testing.assert_equal({name: getattr(found, name) for name in parts}, parts)
    assert found.provenance["note"] == "a test" and found.provenance["numpy"] == np.__version__
    x = rng.integers(0, 2, (2, 12, 6, 6, 2)).astype(np.uint8)
    np.testing.assert_array_equal(net(theta, x), found.net(found.theta, x))
    (tmp_path / "a.h5").rename(tmp_path / "checkpoint.h5")  # a run folder stands for it
    np.testing.assert_array_equal(ms.read(tmp_path).theta, theta)


def test_a_damaged_byte_is_found_or_harmless_and_every_truncation_is_found(net, theta, tmp_path):
    ms.save(tmp_path / "a.h5", net, theta, provenance={"note": 99_999 * "é"})
    whole = (tmp_path / "a.h5").read_bytes()
    right = ms.read(tmp_path / "a.h5")
    damaged = tmp_path / "b.h5"
    found = 0
    places = range(0, len(whole), 499)
    for place in places:
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read = ms.read(damaged)
        except ValueError as error:
            found += 1
            assert "b.h5: " in str(error) and "\n" not in str(error)
        else:
            assert read.net.configuration() == right.net.configuration()
            assert read.provenance == right.provenance
            np.testing.assert_array_equal(read.theta, right.theta)
    assert found > len(places) / 4
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        damaged.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="b.h5: .*checkpoint"):
            ms.read(damaged)


def test_contents_that_do_not_fit_are_named(net, theta, tmp_path):
    ms.save(tmp_path / "a.h5", net, theta, inner=InnerLoop(np.ones(net.size)))

    def wrong_size(file):
        del file["theta"]
        file["theta"] = theta[:-1]

    def not_finite(file):
        file["theta"][3] = np.nan

    def wider(file):
        edit(file, "network", '"ways": 4', '"ways": 5')

    def no_layout(file):
        del file.attrs["layout"]

    for change, message in (
        (wrong_size, "flat array of"),
        (not_finite, "finite"),
        (wider, "another network"),
        (no_layout, "layout"),
    ):
        with pytest.raises(ValueError, match=rf"{change.__name__}\.h5: .*{message}"):
            ms.read(rewrite(tmp_path / "a.h5", tmp_path / f"{change.__name__}.h5", change))


def test_what_does_not_fit_is_not_saved(net, theta, tmp_path):
    with pytest.raises(ValueError, match="flat array of"):
        ms.save(tmp_path / "a.h5", net, theta[1:])
    with pytest.raises(ValueError, match="finite"):
        ms.save(tmp_path / "a.h5", net, np.where(np.arange(net.size) == 4, np.inf, theta))
    with pytest.raises(ValueError, match="step_size"):
        ms.save(tmp_path / "a.h5", net, theta, inner=InnerLoop(np.ones(3)))
    assert not list(tmp_path.iterdir())


def test_what_ships_is_opened_by_its_name(here):
    found = ms.read("double_nmnist_maml.h5")
    assert found.net.ways == 5 and found.inner.steps == 1
    assert ms.read("double_nmnist_maml.h5", dtype="float64").theta.dtype == float
    with pytest.raises(FileNotFoundError):
        ms.read("no_such_network.h5")
