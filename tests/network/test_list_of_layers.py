"""Lists of layers: strides, kernels and pooling of a layer's own, recurrence, learned constants."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import minisnn as ms
from minisnn import gradcheck
from minisnn.core.linear import conv
from minisnn.kernels import layer as folds
from minisnn.meta.stepsizes import StepSizes
from slowly import all_but, slow

GOLDEN = Path(__file__).parents[1] / "golden"
BACKENDS = ("numpy", "numba")
CASES = ("recurrent", "mixed", "cuba")


def off(found, wanted) -> float:
    return float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-300))


def arrays_off(net, found, wanted) -> float:
    views = net.views(np.ascontiguousarray(wanted))
    mine = net.views(np.ascontiguousarray(found))
    return max(off(mine[name], array) for name, array in views.items())


# ---- values of an independent automatic-differentiation program


@pytest.fixture(scope="module", params=CASES)
def golden(request):
    with np.load(GOLDEN / f"layers_{request.param}.npz", allow_pickle=False) as file:
        return dict(file)


def layer_of(said: dict):
    kinds = {"conv": ms.Conv, "dense": ms.Dense}
    return kinds[said["kind"]](**{name: a for name, a in said.items() if name != "kind"})


def network(g, backend):
    said = json.loads(str(g["net"]))
    kind = {"lif": ms.LIF, "cuba": ms.CubaLIF}[said["neuron"]]
    names = kind.__dataclass_fields__
    neuron = kind(**{name: a for name, a in said["constants"].items() if name in names})
    return ms.SpikingNet(
        tuple(int(n) for n in g["input_shape"]),
        layers=[layer_of(one) for one in said["layers"]],
        ways=said["ways"],
        neuron=neuron,
        learn=said["learn"],
        window=int(g["window"]),
        dtype=np.float64,
        backend=backend,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_golden_logits_loss_gradient_and_hessian_vector_product(golden, backend):
    net, g = network(golden, backend), golden
    loss, gradient, logits, hvp = net.gradients(g["theta"], g["x_support"], g["y_support"])
    assert loss == pytest.approx(float(g["loss"]), rel=1e-12)
    assert off(logits, g["logits"]) < 1e-12
    assert arrays_off(net, gradient, g["gradient"]) < 1e-11
    assert arrays_off(net, hvp(g["v"]), g["hvp"]) < 1e-11
    rates = list(net.activity(g["theta"], g["x_support"]).values())
    assert rates == pytest.approx(g["rates"], rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("steps, order, name", [(3, 2, "maml"), (1, 1, "fomaml")])
def test_golden_meta_gradient(golden, backend, order, name, steps):
    net, g = network(golden, backend), golden
    task = ms.Task(g["x_support"], g["y_support"], g["x_query"], g["y_query"])
    found = ms.meta_gradient(
        net,
        g["theta"],
        task,
        step_size=float(g["step_size"]),
        steps=steps,
        order=order,
        adapt_constants=bool(net.learned),
    )
    assert found.loss == pytest.approx(float(g[f"{name}_{steps}_loss"]), rel=1e-12)
    assert arrays_off(net, found.gradient, g[f"{name}_{steps}_gradient"]) < 1e-11


# ---- random architectures


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.slow
def test_kernels_and_numpy_agree(seed):
    case = gradcheck.random_case(np.random.default_rng(seed))
    net, theta, task = case.net, case.theta, case.task
    twin = net.like(backend="numpy")
    rng = np.random.default_rng(seed)
    v = rng.standard_normal(net.size)
    for counts in (task.x_support, (rng.random(task.x_support.shape) < 0.08).astype(np.uint8)):
        fast = net.gradients(theta, counts, task.y_support)
        plain = twin.gradients(theta, counts, task.y_support)
        assert off(fast.logits, plain.logits) < 1e-11
        assert off(fast.gradient, plain.gradient) < 1e-10
        assert off(fast.hvp(v), plain.hvp(v)) < 1e-10
        first = net.gradients(theta, counts, task.y_support, False)
        assert np.array_equal(first.gradient, fast.gradient) or (
            off(first.gradient, fast.gradient) < 1e-12
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_parts_of_a_batch_are_summed(backend):
    """Samples that are several parts: weights, biases, recurrent weights and learned constants get
    the mean of what each sample gives alone."""
    net = recurrent(dtype=np.float64, backend=backend)
    rng = np.random.default_rng(0)
    x = rng.poisson(0.5, (19, 14, 9, 8, 2)).astype(np.uint8)
    y = rng.integers(0, 3, len(x))
    theta, v = net.init(rng, x), rng.standard_normal(net.size)
    assert len(net._parts(x, True)) > 2
    found = net.gradients(theta, x, y)
    each = [net.gradients(theta, x[n : n + 1], y[n : n + 1]) for n in range(len(x))]
    assert arrays_off(net, found.gradient, np.mean([one.gradient for one in each], 0)) < 1e-12
    assert arrays_off(net, found.hvp(v), np.mean([one.hvp(v) for one in each], 0)) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", all_but((1,), range(3)))
def test_every_derivative_is_proven(seed, backend):
    case = gradcheck.random_case(np.random.default_rng(seed), backend)
    report = gradcheck.check(case.net, case.theta, inner_steps=(1,))
    assert report.ok, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 203))
def test_every_derivative_of_two_hundred_architectures_is_proven(seed):
    case = gradcheck.random_case(np.random.default_rng(seed))
    report = gradcheck.check(case.net, case.theta, inner_steps=(1,))
    assert report.ok, str(report)


@pytest.mark.parametrize("delay", [2, 0])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_layer_hears_itself_from_the_delay_on(delay, steps):
    """Before it, V has no part in what the layer does."""
    neuron = ms.LIF(threshold=-1.0) if delay else ms.CubaLIF(threshold=-1.0)
    settings = dict(layers=[ms.Dense(3, recurrent=True)], ways=2, neuron=neuron)
    net = ms.SpikingNet((4,), dtype=np.float64, backend="numpy", **settings)
    rng = np.random.default_rng(0)
    theta = gradcheck.random_theta(net, rng)
    other = theta.copy()
    net.views(other)["dense1.recurrent"][...] += 5.0
    x = np.ones((1, steps, 4), np.uint8)
    same = np.array_equal(net.record(theta, x)[0]["u"], net.record(other, x)[0]["u"])
    assert same == (steps <= (2 if delay else 1))
    assert np.array_equal(net.spikes(theta, x)[:, :1], net.spikes(other, x)[:, :1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_layer_without_spikes_and_a_window_longer_than_the_recording(backend):
    silent = ms.CubaLIF(threshold=1e3)
    for layers in ([ms.Dense(4, recurrent=True)], [ms.Conv(2, kernel=3, stride=2, pool="none")]):
        net = ms.SpikingNet(
            (5, 4, 1),
            layers=layers,
            ways=2,
            neuron=silent,
            learn=("alpha", "beta"),
            window=12,
            dtype=np.float64,
            backend=backend,
        )
        rng = np.random.default_rng(1)
        theta = gradcheck.random_theta(net, rng)
        x, y = gradcheck.random_data(net, rng, 2, 7)
        _, gradient, _, hvp = net.gradients(theta, x, y)
        assert np.isfinite(gradient).all() and np.isfinite(hvp(gradient)).all()
        assert not net.spikes(theta, x).any()


# ---- strides are folds


@pytest.mark.parametrize("k", [1, 3, 5, 7])
@pytest.mark.parametrize("s", [2, 3])
def test_a_stride_is_every_so_many_th_site_of_a_convolution(k, s):
    rng = np.random.default_rng(k * s)
    x = rng.standard_normal((2, 7, 6, 3))
    weight = rng.standard_normal((k, k, 3, 4))
    wanted = conv(x, weight)[:, ::s, ::s]
    folded = conv(folds.fold(x, s), folds.fold_weight(weight, s))
    assert off(folded, wanted) < 1e-14
    assert np.array_equal(folds.unfold(folds.fold(x, s), s, (7, 6, 3)), x)
    assert np.array_equal(folds.unfold_weight(folds.fold_weight(weight, s), s, k), weight)


# ---- theta, settings and files


def recurrent(**changes):
    settings: dict[str, Any] = dict(
        layers=[ms.Conv(3, kernel=3, stride=2, pool="mean"), ms.Dense(5, recurrent=True)],
        ways=3,
        learn=("beta", "alpha"),
        window=9,
    )
    return ms.SpikingNet((9, 8, 2), **{**settings, **changes})


def test_theta_holds_weight_bias_recurrent_weights_and_constants_of_each_layer():
    net = recurrent()
    assert [(p.name, p.shape) for p in net.layout] == [
        ("conv1.weight", (3, 3, 2, 3)),
        ("conv1.bias", (3,)),
        ("conv1.beta", ()),
        ("conv1.alpha", ()),
        ("dense1.weight", (2 * 2 * 3, 5)),
        ("dense1.bias", (5,)),
        ("dense1.recurrent", (5, 5)),
        ("dense1.beta", ()),
        ("dense1.alpha", ()),
        ("readout.weight", (5, 3)),
        ("readout.bias", (3,)),
    ]
    theta = net.init(np.random.default_rng(0))
    held = net.views(theta)["conv1.alpha"]
    assert 1 / (1 + np.exp(-held)) == pytest.approx(net.neuron.alpha)


def test_a_network_is_made_again_of_its_configuration_and_its_file(tmp_path):
    net = recurrent(neuron=ms.CubaLIF(alpha=0.8), backend="numpy")
    again = ms.SpikingNet.from_configuration(json.loads(json.dumps(net.configuration())))
    assert again.configuration() == net.configuration() and again.layout == net.layout
    theta = net.init(np.random.default_rng(0))
    ms.save(tmp_path / "net.h5", net, theta)
    loaded, kept = ms.load(tmp_path / "net.h5")
    assert loaded.configuration() == net.configuration() and np.array_equal(kept, theta)
    own = recurrent(layers=[ms.Dense(4, neuron=ms.LIF(alpha=0.5))], learn=())
    assert own.from_configuration(own.configuration()).blocks[0].neuron.alpha == 0.5


def test_what_is_not_said_is_left_out_of_a_configuration():
    assert {"layers", "learn"}.isdisjoint(ms.SpikingNet((6,), (), ways=3).configuration())


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(channels=(3,)), "channels"),
        (dict(hidden=(3,)), "hidden"),
        (dict(kernel=3), "kernel"),
        (dict(pool="mean"), "pool"),
        (dict(layers=ms.Dense(3)), "layers must be a list of Conv and Dense"),
        (dict(layers=[3]), "layers\\[0\\] must be a Conv or a Dense, not 3"),
        (dict(layers=[ms.Dense(3), ms.Conv(3)]), "layers\\[1\\] is a Conv behind a Dense"),
        (dict(layers=[ms.Conv(3, stride=9), ms.Conv(3)]), "conv1 would pool an image of 1 x 1"),
        (dict(learn=("gama",)), "gama"),
        (dict(learn=("gamma",), neuron=ms.CubaLIF()), "gamma"),
        (dict(learn=("gamma",), neuron=ms.LIF(gamma=0.0)), "cannot learn gamma from 0 on"),
    ],
)
def test_a_network_that_cannot_be_gets_a_sentence(changes, said):
    with pytest.raises(ValueError, match=said):
        recurrent(**changes)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: ms.Conv(0), "Conv channels must be"),
        (lambda: ms.Conv(3, kernel=4), "Conv kernel must be odd and positive, not 4"),
        (lambda: ms.Conv(3, stride=0), "Conv stride must be"),
        (lambda: ms.Conv(3, pool="min"), "Conv pool must be one of max, mean, none, not 'min'"),
        (lambda: ms.Dense(3, recurrent="yes"), "Dense recurrent must be True or False"),
        (lambda: ms.Dense(3, neuron="lif"), "Dense neuron must be an LIF, a CubaLIF"),
    ],
)
def test_a_layer_that_cannot_be_gets_a_sentence(make, said):
    with pytest.raises(ValueError, match=said):
        make()


# ---- the inner loop


def test_inner_steps_leave_constants_alone_unless_asked_to_move_them():
    net = recurrent(dtype=np.float64)
    rng = np.random.default_rng(0)
    theta = gradcheck.random_theta(net, rng)
    x, y = gradcheck.random_data(net, rng)
    still, moved = (
        net.views(ms.adapt(net, theta, x, y, 0.1, adapt_constants=asked)) for asked in (False, True)
    )
    for p in net.learned:
        assert still[p.name] == net.views(theta)[p.name]
        assert moved[p.name] != net.views(theta)[p.name]
    with pytest.raises(ValueError, match="adapt_constants has no effect"):
        ms.adapt(recurrent(learn=()), np.zeros(10), x, y, adapt_constants=True)


def test_step_sizes_of_layers_and_arrays_reach_recurrence_and_constants():
    net = recurrent()
    by_layer = StepSizes(net, "layer", 0.1)
    assert len(by_layer.starts) == 3 and by_layer.sizes.sum() == net.size
    assert len(StepSizes(net, "array", 0.1).starts) == len(net.layout)
    frozen = ms.InnerLoop(freeze=("dense1",)).gate(net, np.ones(net.size, np.float32))
    assert not net.views(frozen)["dense1.recurrent"].any()
    assert net.views(frozen)["conv1.weight"].all() and net.views(frozen)["conv1.alpha"] == 0


# ---- a neuron of one's own whose constants learn


@dataclass(frozen=True, repr=False)
class Adaptive(ms.Neuron):
    """A threshold that rises with every spike, by a strength that may be learned.

    u = I - strength a      a' = fading a + (1 - fading) s
    """

    fading: float = 0.8
    strength: float = 0.7
    states: ClassVar[tuple[str, ...]] = ("a",)
    learnable: ClassVar[tuple[str, ...]] = ("strength",)

    def forward(self, I, z, spike):
        a, strength = z
        u = I - strength * a
        return u, (self.fading * a + (1 - self.fading) * spike(u), strength)

    def backward(self, at, du, dz):
        (a,) = at.z
        (strength,) = at.constants
        da, dstrength = dz
        du = du + (1 - self.fading) * da * at.slope
        return du, (self.fading * da - strength * du, dstrength - a * du)

    def forward_tangent(self, at, I_dot, z_dot):
        (a,) = at.z
        (strength,) = at.constants
        a_dot, strength_dot = z_dot
        u_dot = I_dot - strength * a_dot - strength_dot * a
        a_dot = self.fading * a_dot + (1 - self.fading) * at.slope * u_dot
        return u_dot, (a_dot, strength_dot)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        (a,), (strength,) = at.z, at.constants
        (a_dot,), (strength_dot,) = dot.z, dot.constants
        da, _ = dz
        da_dot, dstrength_dot = dz_dot
        du = du + (1 - self.fading) * da * at.slope
        du_dot = du_dot + (1 - self.fading) * (da_dot * at.slope + da * at.curvature * dot.u)
        dstrength_dot = dstrength_dot - a_dot * du - a * du_dot
        return du_dot, (
            self.fading * da_dot - strength * du_dot - strength_dot * du,
            dstrength_dot,
        )


def test_a_learned_constant_has_the_name_of_no_array():
    @dataclass(frozen=True)
    class Weighing(Adaptive):
        weight: float = 0.5
        learnable = ("weight",)

    with pytest.raises(ValueError, match="weight"):
        ms.SpikingNet((4,), layers=[ms.Dense(2)], ways=2, neuron=Weighing(), learn=("weight",))


@pytest.mark.parametrize("backend", ["numpy", slow("numba")])
@pytest.mark.parametrize(
    "learn", [slow(((),)), slow((("strength",),)), ("alpha", "strength", "beta")]
)
def test_a_neuron_of_ones_own_learns_its_constants(learn, backend):
    net = ms.SpikingNet(
        (6, 5, 1),
        layers=[ms.Conv(2, kernel=3), ms.Dense(4, recurrent=True)],
        ways=2,
        neuron=Adaptive(),
        learn=learn,
        window=9,
        dtype=np.float64,
        backend=backend,
    )
    report = gradcheck.check(net, inner_steps=(1,))
    assert report.ok, str(report)
    if "strength" in learn:
        theta = net.init(np.random.default_rng(0))
        assert net.views(theta)["conv1.strength"] == pytest.approx(0.7)  # as it is, no logit


def test_a_neuron_of_ones_own_adds_to_what_decays():
    class Fades(Adaptive):
        decaying: ClassVar[tuple[str, ...]] = ("fading",)

    assert Fades.decaying == ("alpha", "beta", "fading")
    assert type("Of", (ms.LIF,), {"decaying": ("x",)}).decaying == ("alpha", "beta", "gamma", "x")
    with pytest.raises(ValueError, match="fading"):
        Fades(fading=1.0)
    net = ms.SpikingNet(
        (6,), layers=[ms.Dense(5)], ways=2, neuron=Fades(), learn=("alpha",), backend="numpy"
    )
    theta = net.init(np.random.default_rng(0))
    assert net.views(theta)["dense1.alpha"] == pytest.approx(np.log(0.95 / 0.05))
    assert net.constants(theta) == {"dense1.alpha": pytest.approx(0.95)}


def test_constants_are_told_as_the_neurons_have_them():
    net = ms.SpikingNet(
        (6,),
        layers=[ms.Dense(5)],
        ways=2,
        learn=("beta", "gamma"),
        neuron=ms.LIF(),
        backend="numpy",
    )
    theta = net.init(np.random.default_rng(0))
    net.views(theta)["dense1.gamma"][...] = 0
    assert net.constants(theta) == {
        "dense1.beta": pytest.approx(ms.LIF().beta),
        "dense1.gamma": 0.5,
    }
    assert net.like(learn=()).constants(np.zeros(net.like(learn=()).size)) == {}
    with pytest.raises(ValueError, match="alpha,beta"):
        net.like(learn=("alpha,beta",))


def test_a_run_takes_layers_as_a_network_does():
    layers = [ms.Conv(4, kernel=3, stride=2), "dense8", ms.Dense(64, recurrent=True)]
    config = ms.TrainingConfig(layers=layers)
    assert config.layers == ("conv4-k3-s2", "dense8", "dense64-recurrent")
    with pytest.raises(ValueError, match="no neuron of a layer's own"):
        ms.TrainingConfig(layers=[ms.Dense(5, neuron=ms.CubaLIF())])


# ---- what other programs cannot take


def test_chips_refuse_what_they_cannot_do():
    from minisnn.hardware.chip.network import IntegerNet
    from minisnn.hardware.loihi.cuba import CubaNet

    net = ms.SpikingNet((8, 8, 2), (3,), ways=3, learn=("alpha",))
    theta = net.init(np.random.default_rng(0))
    with pytest.raises(ValueError, match="this network has learned constants \\(alpha\\)"):
        IntegerNet(net, theta)
    cuba = recurrent(neuron=ms.CubaLIF(), learn=())
    with pytest.raises(ValueError, match="this network has layers given as a list"):
        CubaNet(cuba, cuba.init(np.random.default_rng(0)))
