"""Meta-training for the chip: what it holds, derivatives straight through, rounding by the
membrane, and whole runs."""

import numpy as np
import pytest
from differences import off
from integers import events, small
from toy import assert_same, interrupt, toy_config, toy_data

import minisnn as ms
from minisnn.hardware.chip import calibrate
from minisnn.hardware.training import run as training, straight
from minisnn.hardware import IntegerNet, Words
from minisnn import InnerLoop, Task

WORDS = {"conv1": (3, -1), "conv2": (2, -3), "readout": (3, -3)}


def exact(pool="max", **options):
    """A small network in float64, a theta beyond the ends of WORDS here and there, and a task."""
    net = ms.SpikingNet(
        (6, 7, 2), (3, 4), 3, 3, pool, window=8, dtype=np.float64, backend="numpy", **options
    )
    theta = small(pool, scale=1.0)[1].astype(np.float64)
    x = events(net, 9, 20)
    y = np.array([0, 1, 2] * 3)
    return net, theta, Task(x[:3], y[:3], x[3:], y[3:])


def through(held, theta, task, *arguments, **options):
    """(loss, meta-gradient) of a task that the chip learns from Q(theta) on, as a run takes it."""
    phi, slope = held.grid(theta)
    loss, meta = ms.meta_gradient(held, phi, task, *arguments, **options)
    return loss, slope * meta


def test_the_grid_holds_the_integers_of_the_chip():
    net, theta, _ = small()
    words = {name: (3, exponent) for name, (_, exponent) in WORDS.items()}
    phi, slope = straight.Grid(net, words)(theta)
    exponents = {name: exponent for name, (_, exponent) in words.items()}
    chip = IntegerNet(net, theta, Words(3, 3), exponents=exponents)
    for n, (layer, p) in enumerate(zip(chip.layers, net.layout[::2])):
        gain = np.float32(10 if n == 0 else 1)
        whole = np.round(phi[p.slice] * gain / 2.0**layer.exponent)
        np.testing.assert_array_equal(layer.weight.ravel(), whole)
    for p in net.layout[1::2]:
        np.testing.assert_array_equal(phi[p.slice], theta[p.slice])
    again, inside = straight.Grid(net, words)(phi)
    np.testing.assert_array_equal(again, phi)
    assert inside.all() and 0 < slope.mean() < 1


@pytest.mark.parametrize("steps, freeze", [(2, ()), (1, ("conv1", "conv2"))])
def test_the_meta_gradient_is_the_composition_that_straight_through_says(steps, freeze):
    net, theta, task = exact()
    grid, a = straight.Grid(net, WORDS), 0.5
    gate = InnerLoop(a, steps, freeze).gate(net, np.ones(net.size))
    at, S = grid(theta)
    path = []
    for _ in range(steps):
        phi, s = grid(at)
        g = net.loss_and_gradient(phi, task.x_support, task.y_support)[1]
        path.append((phi, s))
        at = at - a * gate * s * g
    phi, s = grid(at)
    loss, lam = net.loss_and_gradient(phi, task.x_query, task.y_query)
    lam = s * lam
    for phi, s in reversed(path):
        lam = lam - s * net.hessian_vector_product(
            phi, task.x_support, task.y_support, s * a * gate * lam
        )
    found = through(straight.HeldNet(net, grid), theta, task, a, steps, freeze=freeze)
    assert found[0] == loss
    assert off(found[1], S * lam) <= 1e-12
    plain = ms.meta_gradient(net, theta, task, a, steps, freeze=freeze)[1]
    assert off(found[1], plain) > 0.1  # the rounding is felt
    assert (S == 0).any() and not found[1][S == 0].any()


def test_an_update_of_a_run_is_the_meta_gradient_from_what_the_chip_holds(tmp_path):
    """A power of two in the readout, resets detached."""
    words = {"conv1": (2, -1), "readout": (3, -4)}
    theta = small("mean", channels=(4,), shape=(6, 6, 2), scale=1.0)[1].astype(float)
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, "mean", window=8, dtype=np.float64, backend="numpy")
    ms.save(tmp_path / "start.h5", net, theta)
    how = dict(start=str(tmp_path / "start.h5"), updates=1, tasks=1, clip=None, evaluate_every=0)
    how |= dict(rule="anil", dtype="float64", backend="numpy", test_episodes=0)
    held = straight.OnChip(words, 3)
    data = toy_data()
    run = ms.train(toy_config(**how), tmp_path / "run", data=data, progress=False, held=held)
    key = np.random.SeedSequence(0, spawn_key=(2, 0, 0))
    task = data["train"].sample_task(np.random.default_rng(key), 3, 1, 2)
    still = net.like(detach_reset=True)
    held = straight.HeldNet(still, straight.Grid(still, words))
    # of three samples, 5 / 3 is nearest to 2
    loss, meta = through(held, theta, task, 3 * 2.0, freeze=("conv1",))
    assert run.curve["loss"][0] == pytest.approx(loss, rel=1e-12)
    assert run.curve["gradient_norm"][0] == pytest.approx(np.linalg.norm(meta), rel=1e-12)
    after = ms.Adam(net.size, dtype=np.float64).step(theta, meta, 2e-3)
    np.testing.assert_allclose(run.theta, after, rtol=1e-9)
    plain = ms.meta_gradient(net, theta, task, 5.0, freeze=("conv1",))[1]
    assert off(meta, plain) > 1e-3


# ---- rounding by the membrane


def covariance(rng, inputs):
    p = rng.standard_normal((400, inputs)) @ rng.standard_normal((inputs, inputs))
    return np.cov(p, rowvar=False)


def test_rounding_makes_good_what_it_did_wrong_as_direct_least_squares_does(rng):
    w = rng.standard_normal((7, 3))
    H = covariance(rng, 7)
    exponent = -1
    bits = 3
    order = np.argsort(-np.diag(H))
    free = list(range(7))
    want = w.copy()
    for i in order:
        want[i] = 2.0**exponent * np.clip(np.floor(want[i] / 2.0**exponent + 0.5), -4, 3)
        free.remove(i)
        fixed = [j for j in range(7) if j not in free]
        # the free weights of least D^T H D where the fixed ones are as they are: H_ff d_f = -H_fc
        # d_c
        if free:
            want[free] = w[free] - np.linalg.solve(
                H[np.ix_(free, free)], H[np.ix_(free, fixed)] @ (want[fixed] - w[fixed])
            )
    np.testing.assert_allclose(calibrate.rounded(w, H, exponent, bits), want, atol=1e-9)
    still = calibrate.rounded(w, np.diag(np.diag(H)), exponent, bits)
    np.testing.assert_array_equal(
        still, 2.0**exponent * np.clip(np.floor(w / 2.0**exponent + 0.5), -4, 3)
    )


# ---- runs


@pytest.mark.parametrize("name", ["omniglot_fine.h5", "written_order.h5"])
def test_recordings_are_those_that_the_network_learned_from(name):
    """Centred, or of certain strokes; and of the length that they had."""
    config = training.settings(start=name)
    how = ms.read(name).origin.options(config.dataset)
    size = {"size": tuple(how["size"])} if "size" in how else {}
    assert config.recordings("train") == {**how, **size} != {}


def started(tmp_path, **changes):
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, "mean", window=8, backend="numba")
    theta = net.init(np.random.default_rng(0), toy_data()["train"].episode(0, 0).x_query)
    sizes = np.ones(net.size, np.float32)
    sizes[net.layout[-1].slice] = 0.05
    ms.save(tmp_path / "float.h5", net, theta, inner=InnerLoop(sizes))
    return toy_config(start=str(tmp_path / "float.h5"), rule="anil", **changes)


def test_a_run_that_was_stopped_ends_with_the_same_arrays_and_the_chip_is_tested(tmp_path):
    config = started(tmp_path)
    chip = training.ChipConfig(2, 4)
    whole = training.train(config, chip, tmp_path / "whole", progress=False, data=toy_data())
    calls = 2 * training.CALIBRATION + 2 * 7
    two = tmp_path / "two"
    stopping = toy_data({calls - 8: interrupt})
    with pytest.raises(KeyboardInterrupt):
        training.train(config, chip, two, progress=False, data=stopping)
    with pytest.raises(ValueError):
        training.train(config, training.ChipConfig(3, 4), two, True, False, data=toy_data())
    stopped = training.RunFolder(two).read()[0]
    again = training.train(stopped, chip, two, True, False, data=toy_data())
    assert_same(tmp_path / "whole", two)
    assert again == whole and 0 <= whole["accuracy"] <= 1
    assert len(whole["per_episode"]) == config.test_episodes
    assert whole["interval"]["population"] == "more episodes of the same kind"
    names = "checkpoint.h5", "network.h5", "start.h5"
    latent, network, start = (ms.read(two / name) for name in names)
    words = {"conv1": (2, whole["exponents"]["conv1"])}
    phi = straight.Grid(network.net, words)(latent.theta)[0]
    np.testing.assert_array_equal(network.theta, phi)
    assert (latent.theta != start.theta).mean() > 0.3 and len(
        np.unique(phi[network.net.layout[0].slice])
    ) <= 4
    assert network.provenance["chip"]["bits"] == 2 and not network.optimiser
    # of the network's own step size, 1, over three samples: a quarter
    assert whole["exponents"]["readout"] == -2 - 2 - 3
