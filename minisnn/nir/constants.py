"""What a neuron of a NIR graph says of itself: decays, factors and threshold, checked, each error
naming the node."""

import math
from collections.abc import Iterable
from dataclasses import fields
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from .chain import NEVER
from .common import decay_of, simple

_PAIRS = (("tau_mem", "r"), ("tau", "r"), ("tau_syn", "w_in"))


class Neuron(NamedTuple):
    """Constants of a node that integrates: decays, effective weight and threshold as the graph has
    them, one number or one for every neuron; `given` are all its arrays, to be held against the
    shape of its layer."""

    alpha: float
    beta: float
    scale: np.ndarray
    threshold: np.ndarray
    given: dict[str, np.ndarray]


def plain(node: Any) -> SimpleNamespace:
    """A node with its `kind`, its arrays NumPy's, whatever tool made it."""
    names = dict.fromkeys(
        [*(field.name for field in fields(node) if hasattr(node, field.name)), *vars(node)]
    )
    values = {name: getattr(node, name) for name in names}
    arrays = {
        name: np.asarray(value) if hasattr(value, "__array__") else value
        for name, value in values.items()
    }
    return SimpleNamespace(kind=type(node).__name__, **arrays)


def numbers(place: str, what: str, array: Any) -> np.ndarray:
    """An array of finite numbers, or ValueError."""
    try:
        array = np.asarray(array)
    except ValueError:  # rows of unequal lengths
        array = np.asarray(None)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"{place}: {what} is NaN, infinity or no numbers; expected finite numbers")
    if array.size == 0:
        raise ValueError(f"{place}: {what} is empty; expected numbers")
    return array


def neuron_of(
    place: str, node: SimpleNamespace, synapse: SimpleNamespace | None, dt: float
) -> Neuron:
    """The constants of a CubaLIF, LIF, CubaLI or LI, behind an LI that is its synapse."""
    given = {
        name: numbers(place, name, getattr(node, name))
        for name in ("tau_mem", "tau", "tau_syn", "r", "w_in", "v_leak", "v_reset")
        if getattr(node, name, None) is not None
    }
    if synapse is not None:
        given["tau_syn"], given["w_in"] = (
            numbers(f"{place} and the LI before it", of, vars(synapse)[of]) for of in ("tau", "r")
        )
        given["v_leak of the LI before it"] = numbers(
            place, "v_leak of the LI before it", synapse.v_leak
        )
    for name, array in given.items():
        if name.startswith("v_") and np.any(array):
            raise ValueError(
                f"{place}: v_leak or v_reset is "
                f"{abs(array.ravel()[np.abs(array).argmax()]):g}; expected 0"
            )
    for name in ("r", "w_in"):
        if not np.all(given.get(name, 1)):
            raise ValueError(
                f"{place}: {name} is 0, so that nothing reaches its membrane; expected another "
                "number"
            )
    decays = [
        _decay(place, name, given[name], dt) if name in given else 0.0
        for name in ("tau_mem" if "tau_mem" in given else "tau", "tau_syn")
    ]
    given["v_threshold"] = threshold = np.asarray(getattr(node, "v_threshold", NEVER))
    if threshold.size == 0 or threshold.dtype.kind not in "iuf" or np.isnan(threshold).any():
        raise ValueError(f"{place}: v_threshold is NaN or no number; expected numbers")
    scale = np.asarray(given.get("w_in", 1.0), float), np.asarray(given["r"], float)
    try:
        factor = scale[0] * scale[1]
    except ValueError:
        raise ValueError(
            f"{place}: w_in and r have the shapes {scale[0].shape} and {scale[1].shape}; "
            "expected one for every neuron"
        ) from None
    return Neuron(decays[0], decays[1], factor, threshold.astype(float), given)


def _decay(place: str, name: str, tau: np.ndarray, dt: float) -> float:
    """The decay a step of dt of a time constant that all neurons have."""
    first = float(tau.ravel()[0])
    if not np.allclose(tau, first, rtol=1e-6, atol=0):
        raise ValueError(f"{place}: {name} is not the same everywhere; expected one time constant")
    if not first > 0:
        raise ValueError(f"{place}: {name} is {first:g} s; expected a positive number of seconds")
    decay = simple(decay_of(first, dt, "euler"), tau)
    if decay < -1e-6:
        raise ValueError(
            f"{place}: {name} is {first:g} s; expected at least the step of {dt:g} s; give dt"
        )
    if decay >= 1:
        raise ValueError(
            f"{place}: {name} is {first:g} s, which never fades in steps of {dt:g} s; expected a "
            "decay below 1"
        )
    return decay if decay > 1e-6 else 0.0


def per_channel(place: str, what: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(C,) of a constant: one number, or one for every channel or neuron of a layer of `shape` (C,
    …)."""
    while array.ndim > len(shape) and array.shape[0] == 1:  # a batch
        array = array[0]
    found = array.shape
    if array.size == math.prod(shape):
        array = array.reshape(shape)
    elif array.ndim < len(shape):
        array = array.reshape(found + (1,) * (len(shape) - array.ndim)) if array.ndim else array
    try:
        flat = np.broadcast_to(array if array.size > 1 else array.ravel()[0], shape).reshape(
            shape[0], -1
        )
    except ValueError:
        raise ValueError(
            f"{place}: {what} has shape {found}; expected one number, or {shape}"
        ) from None
    if not np.allclose(flat, flat[:, :1], rtol=1e-6, atol=0):
        raise ValueError(
            f"{place}: {what} is not the same in a channel; expected one for each of {shape[0]}"
        )
    return flat[:, 0]


def implied_step(nodes: Iterable[SimpleNamespace]) -> float | None:
    """Seconds of the steps for which every r = tau / dt and w_in = tau_syn / dt, as snnTorch and
    SpikingJelly write them, or None where they are not so, or are all 1."""
    ratios, fades, digits = [], False, 12
    for node in nodes:
        for names in _PAIRS:
            pair = [np.asarray(getattr(node, name, None)) for name in names]
            if any(a.dtype.kind not in "iuf" for a in pair):
                continue
            tau, factor = pair
            if (
                1 not in (tau.size, factor.size)
                and tau.shape != factor.shape
                or not np.all(factor > 0)
                or not np.all(tau > 0)
            ):
                return None
            with np.errstate(all="ignore"):
                ratios.append(np.ravel(tau / factor).astype(float))
            fades |= bool(np.any(factor != 1))
            digits = 6 if tau.dtype == np.float32 or factor.dtype == np.float32 else digits
    found = np.concatenate(ratios) if fades else np.zeros(0)
    if (
        not found.size
        or not np.isfinite(found).all()
        or not np.allclose(found, found[0], rtol=1e-5, atol=0)
    ):
        return None
    return float(f"{found[0]:.{digits}g}")
