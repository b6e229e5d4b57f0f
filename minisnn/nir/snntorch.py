"""The first neuron as snnTorch's (Eshraghian et al. 2023, Proceedings of the IEEE 111:1016), where
it is the same: a state dictionary of a Sequential of Conv2d, Synaptic, MaxPool2d, Flatten and
Linear, there and back.

With gamma = alpha, threshold = rho (1 - alpha) and no bias, u = W p - rho r of Eq. 4 is one filter
of one sum,

    u_{t+1} = alpha u_t + (1 - alpha) W q_t - threshold s_t            q_{t+1} = beta q_t + (1 - beta) x_t

which is Synaptic(alpha=beta, beta=alpha, threshold=threshold, reset_mechanism="subtract") on
weights times (1 - alpha) (1 - beta), the gain in the first ones; Leaky(beta=alpha) is that with
beta = 0 here. Its two filters act within a step and here each takes one, so that what a layer of
Synaptic does in step t this library's does in step t + 2: the very same spikes two steps later a
layer. The logits of T steps are `mem` of the last Synaptic after the first T - 2 L frames, L
layers. snnTorch fires above a threshold and this library at it, too: there it is the next smaller
float32 number.
"""

import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..files import check_archive, write_whole
from ..layers.cuba import CubaLIF
from ..layers.lif import LIF
from ..network.spiking import SpikingNet
from ..outputs import archive
from .common import below, reached

_NEURON = ("alpha", "beta", "threshold")
_RESET = "reset_mechanism_val"
_FLOAT = np.dtype(np.float32)
MOST_BYTES = 1 << 31  # of a state dictionary
ASSUMED = (  # what a state dictionary does not say
    'every Conv2d has stride 1 and padding="same", its neurons stand before a MaxPool2d(2), and a '
    "Flatten is of (C, H, W)",
    "the threshold is subtracted in the step after a spike (reset_delay=True); with False it is "
    "another network",
    "a neuron fires above its threshold, nothing inhibits it, no state is quantised, and all "
    "states are zero at first",
    "the logits are mem of the last layer after the last frame, not a count of its spikes",
)


def to_state_dict(net: SpikingNet, theta: np.ndarray) -> dict[str, np.ndarray]:
    """What `load_state_dict(…, strict=False)` of the module of `definition` takes, images as (C, H,
    W).

    Raises ValueError where a network of snnTorch's would not be the same.
    """
    neuron = net.neuron
    if isinstance(neuron, CubaLIF):
        raise ValueError(
            "a network of CubaLIF goes to snnTorch by: minisnn nir export --for snntorch"
        )
    if heard := [b.name for b in net.blocks if b.recurrent]:
        raise ValueError(
            f"recurrent layers ({', '.join(heard)}) hear their own spikes two steps later, snnTorch's "
            "RSynaptic one step later; expected none, or a network of CubaLIF"
        )
    if net.beyond:
        raise ValueError(
            f"snnTorch's module is made of conv layers that are all alike and dense ones, whose "
            f"constants are numbers; this network has {net.beyond}"
        )
    views = net.views(net._vector(theta, "theta").astype(np.float64))
    level = neuron.rho * (1 - neuron.alpha)
    if neuron.gamma != neuron.alpha or abs(neuron.threshold - level) > 1e-6 * abs(level):
        raise ValueError(
            "snnTorch's Synaptic needs gamma = alpha and threshold = rho (1 - alpha), not "
            f"gamma {neuron.gamma:g}, alpha {neuron.alpha:g}, threshold {neuron.threshold:g}, "
            f"rho (1 - alpha) {level:g}"
        )
    if net.pool != "max":
        raise ValueError(
            'snnTorch pools spikes, so pool must be "max", the OR of spikes, not "mean", the mean '
            "of membranes"
        )
    if biased := [b.name for b in net.blocks if views[f"{b.name}.bias"].any()]:
        raise ValueError(
            f"{', '.join(biased)} has a bias, which snnTorch's Synaptic filters and this neuron "
            "does not"
        )
    place, shape = 0, net.input_shape
    found: dict[str, np.ndarray] = {}
    for n, b in enumerate(net.blocks):
        weight = (
            (1 - neuron.alpha)
            * (1 - neuron.beta)
            * (neuron.gain if n == 0 else 1)
            * views[f"{b.name}.weight"]
        )
        if b.name.startswith("conv"):
            weight = weight.transpose(3, 2, 0, 1)
            shape = b.output_shape
            step = 3
        else:
            place += len(shape) == 3  # Flatten
            h, w = shape[:2] if len(shape) == 3 else (1, 1)
            weight = (
                weight.reshape(h, w, -1, b.channels).transpose(3, 2, 0, 1).reshape(b.channels, -1)
            )
            shape, step = (b.channels,), 2
        with np.errstate(over="ignore"):
            found[f"{place}.weight"] = np.ascontiguousarray(weight, np.float32)
        if not np.isfinite(found[f"{place}.weight"]).all():
            raise ValueError(
                f"{b.name}'s weights, times the gain, are too large for float32, which snnTorch's "
                "are in"
            )
        for name, value in zip(
            _NEURON, (neuron.beta, neuron.alpha, below(neuron.threshold, _FLOAT))
        ):
            found[f"{place + 1}.{name}"] = np.array(value, np.float32)
        found[f"{place + 1}.{_RESET}"] = np.array(0)  # "subtract"
        place += step
    return found


def definition(net: SpikingNet) -> str:
    """Python code that makes the module which the state dictionary is of."""
    n = net.neuron
    level = float(below(n.threshold, _FLOAT))
    spiking = (
        f"Synaptic(alpha={n.beta!r}, beta={n.alpha!r}, threshold={level!r}, "
        'reset_mechanism="subtract", init_hidden=True)'
    )
    lines, shape = [], net.input_shape
    for b in net.blocks:
        if b.name.startswith("conv"):
            lines.append(
                f'Conv2d({shape[-1]}, {b.channels}, {b.kernel}, padding="same", bias=False), '
                f"{spiking}, MaxPool2d(2)"
            )
            shape = b.output_shape
        else:
            flatten = "Flatten(), " * (len(shape) == 3)
            lines.append(
                f"{flatten}Linear({math.prod(shape)}, {b.channels}, bias=False), {spiking}"
            )
            shape = (b.channels,)
    return "Sequential(\n" + "".join(f"    {line},\n" for line in lines) + ")"


def from_state_dict(
    arrays: Mapping[str, np.ndarray], input_shape: tuple[int, ...], **settings: Any
) -> tuple[SpikingNet, np.ndarray]:
    """(network, theta) of a state dictionary whose layers come in order, every conv layer pooled by
    MaxPool2d(2), as the module's docstring says; `settings` of `SpikingNet`, such as window, that a
    state dictionary does not know. What else it does not know stands in `ASSUMED`.

    input_shape   (H, W, C), or (C,) of layers that are all dense

    Raises ValueError naming what does not fit.
    """
    for name, array in arrays.items():
        found = np.asarray(array)
        if found.dtype.kind not in "fiub" or not np.isfinite(found).all():
            raise ValueError(f"{name} ({found.dtype}) holds a value that is not a finite number")
    layers = {
        name.removesuffix("weight"): np.asarray(w, float)
        for name, w in arrays.items()
        if name.endswith("weight")
    }
    neurons = [name.removesuffix("threshold") for name in arrays if name.endswith("threshold")]
    if not layers or len(layers) != len(neurons):
        raise ValueError(
            "expected a weight and a Synaptic (alpha, beta, threshold) a layer, found "
            f"{len(layers)} weights and {len(neurons)} thresholds"
        )
    for at in layers:
        if np.any(arrays.get(f"{at}bias", 0)):
            raise ValueError(
                f"{at}bias is not zero; snnTorch's Synaptic filters a bias and this neuron does not"
            )
    for at in neurons:
        if np.any(arrays.get(f"{at}{_RESET}", 0)):
            raise ValueError(f'{at[:-1]} has another reset than reset_mechanism="subtract"')
        if np.any(np.asarray(arrays.get(f"{at}graded_spikes_factor", 1)) != 1):
            raise ValueError(
                f"{at}graded_spikes_factor is not 1, and spikes here are; expected a factor of 1"
            )
    leaky = not any(at + "alpha" in arrays for at in neurons)
    beta = 0.0 if leaky else _one(arrays, neurons, "alpha")
    alpha, threshold = (_one(arrays, neurons, name) for name in ("beta", "threshold"))
    for name, decay in (("alpha", beta), ("beta", alpha)):
        if not 0 <= decay < 1:
            fades = ", which never fades" if decay >= 1 else ""
            raise ValueError(
                f"{neurons[0]}{name} is {decay:g}{fades}; expected a decay of at least 0 and below "
                "1"
            )
    if not 0 < threshold:
        raise ValueError(f"a threshold must be positive, not {threshold:g}")
    level = reached(threshold, np.dtype(settings.get("dtype", _FLOAT)))
    neuron = LIF(alpha, beta, alpha, threshold / (1 - alpha), level, gain=1.0)
    convs = [w for w in layers.values() if w.ndim == 4]
    kernels = {w.shape[2:] for w in convs}
    if len(kernels) > 1 or any(h != w for h, w in kernels):
        raise ValueError(f"expected square kernels of one size, found {sorted(kernels)}")
    dense = [w.shape[0] for w in layers.values() if w.ndim == 2]
    if [w.ndim for w in layers.values()] != [4] * len(convs) + [2] * len(dense) or not dense:
        raise ValueError("expected conv layers and then dense ones, the readout the last of them")
    kernel: dict[str, Any] = {"kernel": next(iter(kernels))[0]} if convs else {}
    channels = tuple(w.shape[0] for w in convs)
    net = SpikingNet(
        input_shape,
        channels,
        dense[-1],
        neuron=neuron,
        hidden=tuple(dense[:-1]),
        **kernel,
        **settings,
    )
    theta = np.zeros(net.size, net.dtype)
    views = net.views(theta)
    scale = (1 - alpha) * (1 - beta)
    shape = net.input_shape
    for b, (at, w) in zip(net.blocks, layers.items()):
        conv = b.name.startswith("conv")
        wanted = (
            (b.channels, shape[-1], b.kernel, b.kernel) if conv else (b.channels, math.prod(shape))
        )
        if w.shape != wanted:
            raise ValueError(
                f"{at}weight has shape {w.shape}; after an input of {net.input_shape} expected "
                f"{wanted}"
            )
        if not conv and len(shape) == 3:  # (C, H, W) are flattened there, (H, W, C) here
            w = w.reshape(b.channels, shape[2], *shape[:2]).transpose(2, 3, 1, 0)
        weight = (
            w.transpose(2, 3, 1, 0) if conv else w.reshape(-1, b.channels) if w.ndim == 4 else w.T
        )
        with np.errstate(over="ignore"):
            views[f"{b.name}.weight"][...] = weight / scale
        shape = b.output_shape if conv else (b.channels,)
    if not np.isfinite(theta).all():
        raise ValueError(
            f"weights divided by (1 - alpha) (1 - beta) = {scale:g} are too large for {net.dtype}"
        )
    return net, theta


def _one(arrays: Mapping[str, np.ndarray], neurons: list[str], name: str) -> float:
    """The value that all neurons have."""
    if missing := [at for at in neurons if at + name not in arrays]:
        raise ValueError(
            f"expected {missing[0]}{name} beside its threshold, as snntorch.Synaptic has it"
        )
    found = {float(v) for at in neurons for v in np.unique(arrays[at + name])}
    if len(found) != 1:
        raise ValueError(f"expected one {name} in all layers, found {sorted(found)}")
    return found.pop()


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file in its order. Raises OSError, or ValueError naming the file where
    it holds anything else, or unpacks to more than MOST_BYTES, or than weights would."""
    try:
        check_archive(path, "a state dictionary", MOST_BYTES)
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except (
        ValueError,
        EOFError,
        KeyError,
        AttributeError,
        NotImplementedError,
        BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{path} is no .npz file of arrays ({str(error).removeprefix(f'{path}: ')}); "
            "expected what np.savez wrote"
        ) from error
    for name, array in found.items():
        if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise ValueError(
                f"{path}: {name} ({array.dtype}) holds a value that is not a finite number"
            )
    return found


def write_state_dict(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz file, whole or not at all."""
    write_whole(path, archive("a state dictionary", arrays))
