import json
import os

import h5py
import numpy as np
import pytest

import minisnn as ms
from minisnn.training import checkpoint
from minisnn.meta.inner import InnerLoop
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


def test_net_and_theta_come_back(net, theta, tmp_path):
    ms.save(tmp_path / "a.h5", net, theta)
    other, same = ms.load(tmp_path / "a.h5")
    assert other.configuration() == net.configuration() and same.dtype == theta.dtype
    np.testing.assert_array_equal(same, theta)
    x = np.random.default_rng(0).integers(0, 2, (2, 12, 6, 6, 2)).astype(np.uint8)
    np.testing.assert_array_equal(net(theta, x), other(same, x))


@pytest.mark.parametrize("step_size", [2.5, "flat"])
def test_all_parts_come_back(net, theta, tmp_path, step_size):
    if step_size == "flat":
        step_size = np.linspace(0.1, 3, net.size, dtype=np.float32)
    inner = InnerLoop(step_size, 3, ("conv1", "readout"), threshold_fraction=0.05)
    adam = ms.Adam(net.size)
    adam.step(theta, theta, 0.1)
    curve = {"loss": np.arange(90.0), "validation": np.full(90, np.nan)}
    checkpoint.save(
        tmp_path / "a.h5",
        net,
        theta,
        inner=inner,
        config=toy_config(lr=0.5),
        curve=curve,
        optimiser={"outer": adam.state},
        progress={"update": 90},
        provenance={"note": "a test"},
    )
    found = checkpoint.read(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.inner.step_size, step_size)
    assert np.ndim(found.inner.step_size) == np.ndim(step_size)
    assert (
        found.inner.steps,
        found.inner.freeze,
        found.inner.threshold,
        found.inner.threshold_fraction,
    ) == (
        3,
        ("conv1", "readout"),
        None,
        0.05,
    )
    assert found.config == toy_config(lr=0.5) and found.progress == {"update": 90}
    assert found.provenance["note"] == "a test" and found.provenance["numpy"] == np.__version__
    for name, column in curve.items():
        np.testing.assert_array_equal(found.curve[name], column)
    for name, array in adam.state.items():
        assert found.optimiser["outer"][name].shape == array.shape
        np.testing.assert_array_equal(found.optimiser["outer"][name], array)


def test_a_damaged_byte_is_found_or_harmless_and_every_truncation_is_found(net, theta, tmp_path):
    ms.save(tmp_path / "a.h5", net, theta, provenance={"note": 99_999 * "é"})
    whole = (tmp_path / "a.h5").read_bytes()
    right = checkpoint.read(tmp_path / "a.h5")
    damaged = tmp_path / "b.h5"
    found = 0
    places = range(0, len(whole), 499)
    for place in places:
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read = checkpoint.read(damaged)
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
            checkpoint.read(damaged)


def test_files_of_another_kind_are_named(tmp_path):
    (tmp_path / "text.h5").write_text("x" * 2000)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.arange(9)
    np.savez(tmp_path / "arrays.h5.npz", a=np.arange(3))
    with open(tmp_path / "large.h5", "wb") as file:
        file.truncate(3 << 30)  # of no size on the disk
    for name in ("text.h5", "other.h5", "arrays.h5.npz", "large.h5"):
        with pytest.raises(ValueError, match=f"{name}: .*expected a minisnn checkpoint"):
            checkpoint.read(tmp_path / name)
    with pytest.raises(ValueError, match="holds no checkpoint.h5"):
        checkpoint.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        checkpoint.read(tmp_path / "absent.h5")


def test_contents_that_do_not_fit_are_named(net, theta, tmp_path):
    ms.save(tmp_path / "a.h5", net, theta, inner=InnerLoop(np.ones(net.size)))

    def wrong_size(file):
        del file["theta"]
        file["theta"] = theta[:-1]

    def not_finite(file):
        file["theta"][3] = np.nan

    def wider(file):
        edit(file, "network", '"ways": 4', '"ways": 5')

    def unknown_setting(file):
        edit(file, "network", '"ways"', '"waves"')

    def unknown_network(file):
        edit(file, "network", "SpikingNet", "Perceptron")

    def too_large(file):
        wide = file["theta"][()].astype(np.float64)
        wide[3] = 1e300  # finite here, and infinite in float32
        del file["theta"]
        file["theta"] = wide

    def step_too_large(file):
        del file["step_size"]
        file["step_size"] = np.full(net.size, 1e300)

    def neuron_of_numbers(file):
        values = {**json.loads(file.attrs["network"]), "neuron": [1, 2]}
        file.attrs["network"] = json.dumps(values)

    def made_of_numbers(file):
        file.attrs["provenance"] = json.dumps({"origin": {"command": 3}})

    def made_by_others(file):
        file.attrs["provenance"] = json.dumps(
            {"origin": {"command": "rm -rf", "data": "double-nmnist"}}
        )

    def no_layout(file):
        del file.attrs["layout"]

    for change, message in (
        (wrong_size, "flat array of"),
        (not_finite, "finite"),
        (too_large, "theta must be numbers finite in float32"),
        (step_too_large, "step_size must be a finite scalar"),
        (neuron_of_numbers, "neuron|configuration"),
        (made_of_numbers, "what made it must be known"),
        (made_by_others, "what made it must be known"),
        (wider, "another network"),
        (unknown_setting, "waves"),
        (unknown_network, "Perceptron"),
        (no_layout, "layout"),
    ):
        with pytest.raises(ValueError, match=rf"{change.__name__}\.h5: .*{message}"):
            checkpoint.read(rewrite(tmp_path / "a.h5", tmp_path / f"{change.__name__}.h5", change))


def test_what_does_not_fit_is_not_saved(net, theta, tmp_path):
    with pytest.raises(ValueError, match="flat array of"):
        ms.save(tmp_path / "a.h5", net, theta[1:])
    with pytest.raises(ValueError, match="finite"):
        ms.save(tmp_path / "a.h5", net, np.where(np.arange(net.size) == 4, np.inf, theta))
    with pytest.raises(ValueError, match="step_size"):
        checkpoint.save(tmp_path / "a.h5", net, theta, inner=InnerLoop(np.ones(3)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_other(
    net, theta, tmp_path, monkeypatch, failing
):
    ms.save(tmp_path / "a.h5", net, theta)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left") as error:
        ms.save(tmp_path / "a.h5", net, theta + 1)
    monkeypatch.undo()
    assert error.value.filename == str(tmp_path / "a.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    np.testing.assert_array_equal(ms.load(tmp_path / "a.h5")[1], theta)


def test_a_run_folder_stands_for_its_checkpoint(net, theta, tmp_path):
    ms.save(tmp_path / "checkpoint.h5", net, theta)
    np.testing.assert_array_equal(ms.load(tmp_path)[1], theta)


def test_what_ships_is_opened_by_its_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = ms.read("double_nmnist_maml.h5")
    net, theta = ms.load("double_nmnist_maml.h5", dtype="float64")
    assert found.net.ways == 5 and found.inner.steps == 1 and net.size == theta.size
    with pytest.raises(FileNotFoundError):
        ms.read("no_such_network.h5")
