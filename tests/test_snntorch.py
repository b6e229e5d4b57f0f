"""The first neuron as snnTorch's Synaptic, against that neuron's own recursion;
tests/other_tools.py asks snnTorch itself."""

import re

import numpy as np
import pytest

import minisnn as ms
from minisnn import cli
from minisnn.nir import snntorch

NEURON = ms.LIF(alpha=0.8, beta=0.7, gamma=0.8, rho=1.5, threshold=1.5 * (1 - 0.8), gain=2.0)
SHAPES = {
    "conv": dict(input_shape=(6, 9, 2), channels=(3, 4), hidden=(5,)),
    "dense": dict(input_shape=(3, 4, 2), channels=(), hidden=(7,)),
    "flat": dict(input_shape=(8,), channels=(), hidden=()),
}


def network(**changes):
    settings = dict(
        SHAPES["conv"], ways=3, kernel=3, window=9, neuron=NEURON, dtype=np.float64, backend="numpy"
    )
    net = ms.SpikingNet(**{**settings, **changes})
    theta = np.random.default_rng(1).uniform(-1, 2, net.size) * 2
    for name, view in net.views(theta).items():
        view[...] = 0 if name.endswith("bias") else view.astype(np.float32)
    return net, theta


def synaptic(arrays, x):
    """[spikes of every layer (T, …) after pooling], mem of the last at every step: snnTorch's
    recursion on x (T, C, H, W)."""
    a = {name: np.asarray(v, float) for name, v in arrays.items()}
    found, mems = [], []
    for at in [name.removesuffix("weight") for name in a if name.endswith("weight")]:
        n, w = f"{int(at[:-1]) + 1}.", a[f"{at}weight"]
        syn = mem = 0.0
        spikes, mems = [], []
        for image in x:
            if w.ndim == 4:
                pad = np.pad(image, ((0, 0), (w.shape[2] // 2,) * 2, (w.shape[3] // 2,) * 2))
                current = np.einsum(
                    "ocij,chwij->ohw",
                    w,
                    np.lib.stride_tricks.sliding_window_view(pad, w.shape[2:], (1, 2)),
                )
            else:
                current = w @ image.ravel()
            reset = mem > a[n + "threshold"]
            syn = a[n + "alpha"] * syn + current
            mem = a[n + "beta"] * mem + syn - reset * a[n + "threshold"]
            out = (mem > a[n + "threshold"]).astype(float)
            if w.ndim == 4:
                c, h, width = out.shape
                out = (
                    out[:, : h // 2 * 2, : width // 2 * 2]
                    .reshape(c, h // 2, 2, width // 2, 2)
                    .max((2, 4))
                )
            spikes.append(out)
            mems.append(mem)
        x = np.array(spikes)
        found.append(x)
    return found, np.array(mems)


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_spikes_two_steps_later_a_layer(name):
    net, theta = network(**SHAPES[name])
    x = np.random.default_rng(2).poisson(0.4, (1, 30, *net.input_shape))
    images = x[0].transpose(0, 3, 1, 2) if x.ndim == 5 else x[0]
    arrays = {k: v.astype(float) for k, v in snntorch.to_state_dict(net, theta).items()}
    spikes, mem = synaptic(arrays, images)
    fired = 0
    for n, b in enumerate(net.blocks[:-1]):
        own = net.spikes(theta, x, b.name)[0]
        own = own.transpose(0, 3, 1, 2) if own.ndim == 4 else own
        late = 2 * (n + 1)
        fired += own.sum()
        assert np.array_equal(own[late:], spikes[n][:-late].astype(bool)) and not own[:late].any()
    assert fired > 20 or name == "flat"
    logits = net(theta, x)[0]
    assert (
        np.allclose(mem[30 - 2 * len(net.blocks) - 1], logits, rtol=1e-5, atol=1e-6)
        and abs(logits).max() > 0.1
    )


@pytest.mark.parametrize("name", SHAPES)
def test_there_and_back(name):
    net, theta = network(**SHAPES[name])
    back, found = snntorch.from_state_dict(
        snntorch.to_state_dict(net, theta), net.input_shape, window=9, dtype=np.float64
    )
    x = np.random.default_rng(3).poisson(0.4, (2, 20, *net.input_shape))
    assert back.channels == net.channels and back.hidden == net.hidden and back.neuron.gain == 1
    assert np.allclose(back(found, x), net(theta, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(neuron=ms.LIF()), "gamma = alpha and threshold = rho"),
        (dict(neuron=ms.CubaLIF()), "minisnn nir export --for snntorch"),
        (dict(pool="mean"), 'pool must be "max"'),
    ],
)
def test_what_snntorch_cannot_be(changes, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        snntorch.to_state_dict(*network(**changes))
    net, theta = network()
    net.views(theta)["conv2.bias"][1] = 0.1
    with pytest.raises(ValueError, match="conv2 has a bias"):
        snntorch.to_state_dict(net, theta)


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda a: a.pop("1.threshold"), "4 weights and 3 thresholds"),
        (lambda a: a.pop("1.beta"), "expected 1.beta"),
        (lambda a: a.update({"1.alpha": np.array(0.3)}), "one alpha in all layers"),
        (lambda a: a.update({"0.bias": np.ones(3)}), "0.bias is not zero"),
        (lambda a: a.update({"1.reset_mechanism_val": np.array(1)}), "reset_mechanism"),
        (
            lambda a: a.update({"0.weight": np.ones((3, 1, 3, 3))}),
            "0.weight has shape (3, 1, 3, 3)",
        ),
        (lambda a: a.update({"0.weight": np.ones((3, 2, 5, 5))}), "square kernels of one size"),
        (
            lambda a: a.update({"1.threshold": np.array(-1.0), "4.threshold": np.array(-1.0)}),
            "one threshold",
        ),
        (lambda a: a.clear(), "0 weights"),
        (
            lambda a: every(a, "beta", 1.0),
            "1.beta is 1, which never fades; expected a decay of at least 0 and below 1",
        ),
        (lambda a: every(a, "alpha", 1.0), "1.alpha is 1, which never fades; expected a decay"),
        (lambda a: every(a, "beta", 1.5), "1.beta is 1.5, which never fades"),
        (lambda a: every(a, "alpha", -0.1), "1.alpha is -0.1; expected a decay of at least 0"),
        (
            lambda a: every(a, "beta", np.nan),
            "1.beta (float64) holds a value that is not a finite number",
        ),
        (lambda a: every(a, "threshold", 0.0), "a threshold must be positive"),
        (lambda a: every(a, "graded_spikes_factor", 2.0), "1.graded_spikes_factor is not 1"),
        (
            lambda a: a.update({"0.weight": np.full((3, 2, 3, 3), np.inf)}),
            "0.weight (float64) holds a value that is not a finite",
        ),
        (
            lambda a: a.update({"0.weight": np.full((3, 2, 3, 3), 3e38)}),
            "are too large for float32",
        ),
        (
            lambda a: a.update({"0.weight": np.array("words")}),
            "0.weight (<U5) holds a value that is not a finite number",
        ),
    ],
)
def test_state_dictionaries_that_do_not_fit(change, said):
    net, theta = network()
    arrays = snntorch.to_state_dict(net, theta)
    change(arrays)
    with pytest.raises(ValueError, match=re.escape(said)):
        snntorch.from_state_dict(arrays, net.input_shape)


def every(arrays, name, value):
    """The value in all neurons."""
    for at in ("1", "4", "8", "10"):
        arrays[f"{at}.{name}"] = np.array(value)


def test_decays_of_zero_and_a_leaky():
    """No memory at all is a decay of 0; a Leaky has no alpha."""
    net, theta = network()
    arrays = snntorch.to_state_dict(net, theta)
    every(arrays, "alpha", 0.0)
    with_alpha, found = snntorch.from_state_dict(arrays, net.input_shape)
    leaky = {name: array for name, array in arrays.items() if not name.endswith("alpha")}
    without, again = snntorch.from_state_dict(leaky, net.input_shape)
    assert (
        with_alpha.neuron == without.neuron and without.neuron.beta == 0 and (found == again).all()
    )
    every(arrays, "beta", 0.0)
    assert snntorch.from_state_dict(arrays, net.input_shape)[0].neuron.alpha == 0


def test_a_threshold_that_is_just_reached():
    """snnTorch fires above it, this library at it, too: mem = 1 at a threshold of 1 is no spike
    there, and none here."""
    arrays = {
        "0.weight": np.eye(2, dtype=np.float32),
        "1.threshold": np.float32(1),
        "1.beta": np.float32(0),
        "2.weight": np.eye(2, dtype=np.float32),
        "3.threshold": np.float32(1),
        "3.beta": np.float32(0),
    }
    net, theta = snntorch.from_state_dict(arrays, (2,), backend="numpy")
    x = np.zeros((1, 6, 2))
    x[0, 0] = 1, 2
    assert net.spikes(theta, x, "hidden1")[0].any(0).tolist() == [False, True]
    again = snntorch.to_state_dict(net, theta)
    assert (
        again["1.threshold"] == 1
        and again["1.reset_mechanism_val"] == 0
        and (again["0.weight"] == np.eye(2)).all()
    )


def test_weights_that_float32_does_not_hold():
    net, theta = network()
    with pytest.raises(
        ValueError, match="conv1's weights, times the gain, are too large for float32"
    ):
        snntorch.to_state_dict(net, theta * 1e39)
    with pytest.raises(ValueError, match="theta must be finite"):
        snntorch.to_state_dict(net, theta * np.nan)


def test_by_command(tmp_path, capsys):
    net, theta = network(dtype=np.float32)
    ms.save(tmp_path / "a.h5", net, theta.astype(np.float32))
    assert cli.main(["convert", "snntorch", str(tmp_path / "a.h5"), str(tmp_path / "a.npz")]) == 0
    shown = capsys.readouterr().out
    assert (
        "Linear(8, 5, bias=False), Synaptic(alpha=0.7, beta=0.8" in shown
        and "after T - 8 frames" in shown
    )
    assert "does not say everything; meant are" in shown and "the surrogate is 1 / (10" in shown
    line = [
        "convert",
        "snntorch",
        str(tmp_path / "a.npz"),
        str(tmp_path / "b.h5"),
        "--input",
        "6,9,2",
        "--window",
        "9",
    ]
    assert cli.main(line) == 0
    shown = capsys.readouterr().out
    assert f"minisnn train --start {tmp_path / 'b.h5'} --channels 3,4 --hidden 5 --ways 3" in shown
    assert (
        "does not say everything; taken were" in shown
        and "reset_delay=True" in shown
        and "--size 6,9" in shown
    )
    x = np.random.default_rng(3).poisson(0.4, (2, 20, 6, 9, 2))
    back, found = ms.load(tmp_path / "b.h5")
    assert (
        np.allclose(back(found, x), net(theta.astype(np.float32), x), rtol=1e-4, atol=1e-4)
        and back.window == 9
    )
    for wrong, said in (
        (["a.npz", "c.npz", "--input", "6,9,2"], "one .npz file"),
        (["a.npz", "c.h5"], "expected --input"),
        (["a.h5", "c.npz", "--window", "9"], "--window would do nothing"),
        (["text.npz", "c.h5", "--input", "6,9,2"], "is no .npz file"),
    ):
        (tmp_path / "text.npz").write_text("no archive")
        where = [str(tmp_path / word) if "." in word else word for word in wrong]
        assert cli.main(["convert", "snntorch", *where]) == 2 and said in capsys.readouterr().err
