"""What NIR does not say: sentences that are told each time a graph is read from elsewhere, or
written for elsewhere.

A graph that this library wrote says everything in its metadata. One from elsewhere leaves open what
stands in `of_chain` and `of_loops`; where an argument answers it, the sentence says so, and where
nothing does, it names what was taken in its place.
"""

import sys
import warnings
from typing import Any

from ..layers.cuba import CubaLIF
from ..layers.lif import LIF
from ..network.spiking import SpikingNet

RESETS = ("zero", "subtract")
READOUTS = ("membrane",)
_TRAINING = (
    "for training: the surrogate is {surrogate}, the last {window} steps are differentiated, the "
    "reset has "
    "{gradient}, the loss is {loss}; other tools have others"
)


def warn(sentences: list[str], where: str) -> None:
    """One warning, shown each time and not only the first; nothing where there is nothing to
    tell."""
    if not sentences:
        return
    frame: Any = sys._getframe(2)  # of who called import_nir or from_nir
    text = f"{where} does not say everything; taken were:" + "".join(
        f"\n  {one}" for one in sentences
    )
    warnings.warn_explicit(text, UserWarning, frame.f_code.co_filename, frame.f_lineno)


def of_chain(net: SpikingNet, found: Any, dt: str, reset: str | None) -> list[str]:
    """Of a chain from elsewhere. `found` is its reader, `dt` where the step comes from, `reset`
    what was given."""
    sentences = [
        f"a step of {dt}, forward Euler (decay 1 - dt / tau), all layers within the same step"
    ]
    if found.firing:
        sentences.append(_reset(net, reset))
        sentences.append(
            "a spike where the membrane is above the threshold, none at the threshold itself"
        )
    late = net.neuron.delay * len(net.blocks)
    last = f"the logits: the membrane of {found.last!r} at the last step, not a count of its spikes"
    if late:
        last = (
            f"the logits: the membrane of {found.last!r} {late} steps before the last, not a count "
            "of its spikes"
        )
    if found.silenced is not None:
        last += f"; its threshold of {found.silenced:g} is left out, it never fires"
    return [*sentences, last, *_common(net)]


def _reset(net: SpikingNet, reset: str | None) -> str:
    if isinstance(net.neuron, LIF):
        return (
            "the reset: the threshold is subtracted in the step after a spike (snnTorch's default, "
            "reset_delay=True); with "
            "reset_delay=False it is another network. Spikes come two steps later a layer"
        )
    alike = (
        'snnTorch writes its default, reset_mechanism="subtract", and Synaptic\'s reset_delay=True '
        "in the same way"
    )
    given = "as you say" if reset else "as nobody says otherwise; reset subtract takes the other"
    return (
        f"the reset: to zero in the step of the spike, {given}; {alike}, and these are other "
        "networks"
    )


def of_loops(net: SpikingNet, dt: str, steps: str) -> list[str]:
    """Of a graph of CubaLI, Threshold and LI from elsewhere."""
    return [
        f"a step of {dt}, {steps} steps, all states at once from the old ones",
        "the logits: what comes out at the last step",
        *_common(net),
    ]


def _common(net: SpikingNet) -> list[str]:
    return [
        "all states are zero before the first step",
        f"the input: event counts a step, taken as they are (a gain of {net.neuron.gain:g}), "
        + ("images as (C, H, W)" if len(net.input_shape) == 3 else "one number a feature"),
        training(net),
    ]


def training(net: SpikingNet) -> str:
    """What matters to training alone."""
    gradient = "none" if net.detach_reset else "its gradient"
    return _TRAINING.format(
        surrogate=f"1 / ({net.neuron.spike.slope:g} |u - threshold| + 1)^2",
        window=net.window,
        gradient=gradient,
        loss=net.loss_name,
    )


def of_export(net: SpikingNet, dt: float, steps: str, tool: str | None, membrane: str) -> list[str]:
    """What whoever runs a written graph must know, and what this library alone reads, from the
    metadata."""
    chain = isinstance(net.neuron, CubaLIF)
    when = "all layers within the same step" if chain else "all states at once from the old ones"
    decay = "decay 1 - dt / tau" if steps == "euler" else "decay exp(-dt / tau)"
    sentences = [f"time goes in steps of {dt:g} s, {steps} ({decay}), {when}"]
    if chain:
        sentences.append(
            "the reset is to zero, in the step of the spike; to subtract, or to reset a step "
            "later, is another network"
        )
    at = (
        "at the threshold, too"
        if tool == "spikingjelly"
        else "above the threshold, which is the number below the network's"
    )
    return [
        *sentences,
        f"a neuron fires {at}",
        "all states are zero before the first step",
        f"the logits are {membrane} at the last step, which never fires, not a count of spikes"
        if chain
        else "the logits are what comes out at the last step, not a count of spikes",
        f"the input is event counts a step, images as (C, H, W); the gain of {net.neuron.gain:g} "
        "is in the first " + ("weights" if chain else "node's w_in"),
        training(net),
    ]
