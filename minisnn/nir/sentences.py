"""What NIR does not say, in sentences that are shown each time a graph is read from elsewhere, or
written for elsewhere. A graph that this library wrote says everything in its metadata."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from ..network.spiking import SpikingNet


def warn(sentences: list[str], where: str) -> None:
    """Show one warning, each time and not only the first; none where there are no sentences."""
    if not sentences:
        return
    frame: Any = sys._getframe(2)  # of who called import_nir or from_nir
    text = "\n  ".join([f"{where} does not say everything; taken were:", *sentences])
    warnings.warn_explicit(text, UserWarning, frame.f_code.co_filename, frame.f_lineno)


def of_import(net: SpikingNet, reader: Any, whence: str, reset: str | None) -> list[str]:
    """Of a chain from elsewhere. `reader` is what read it, `whence` where the step comes from,
    `reset` what was given."""
    last = reader.layers[-1].name
    late = net.neuron.delay * len(net.blocks)
    sentences = [
        f"a step of {whence}, forward Euler (decay 1 - dt / tau), all layers within the same step"
    ]
    if late:
        sentences.append(
            "the reset: the threshold is subtracted in the step after a spike (snnTorch's default, "
            "reset_delay=True); with reset_delay=False it is another network"
        )
        sentences.append(
            f"a delay: each layer answers two steps later than snnTorch's, so an input needs {late} "
            "silent steps behind it"
        )
    elif len(net.blocks) > 1:
        given = (
            "as you say" if reset else "as nobody says otherwise; reset subtract takes the other"
        )
        sentences.append(
            f"the reset: to zero in the step of the spike, {given}; snnTorch writes its default, "
            'reset_mechanism="subtract", and Synaptic\'s reset_delay=True in the same way, and '
            "these are other networks"
        )
    if reader.unfiltered:
        sentences.append(
            f"the input of {', '.join(map(repr, reader.unfiltered))}, whose w_in is 1: scaled by "
            "dt / tau_syn, as NIR says. Norse's LIFCell is written so, and does not scale it: of "
            "one, this is another network until w_in = tau_syn / dt in the file"
        )
    sentences.append("a spike where the membrane is above the threshold, none at the threshold")
    logits = f"the logits: the membrane of {last!r} at the last step, not a count of its spikes"
    if reader.silenced is not None:
        logits += f"; its threshold of {reader.silenced:g} is left out, it never fires"
    return [*sentences, *_recurrence(net), logits, *_common(net)]


def of_export(net: SpikingNet, dt: float, membrane: str, reaches: bool) -> list[str]:
    """What whoever runs a written graph must know, and what this library alone reads, from the
    metadata."""
    at = "at the threshold, too"
    if not reaches:
        at = "above the threshold, which is the number below the network's"
    return [
        f"time goes in steps of {dt:g} s, forward Euler (decay 1 - dt / tau), all layers within "
        "the same step",
        "the reset is to zero, in the step of the spike; to subtract, or to reset a step later, is "
        "another network",
        *_recurrence(net),
        f"a neuron fires {at}",
        f"the logits are {membrane} at the last step, which never fires, not a count of spikes",
        *_common(net),
    ]


def _recurrence(net: SpikingNet) -> list[str]:
    names = ", ".join(b.name for b in net.blocks if b.recurrent)
    return [f"recurrent layers ({names}) hear their own spikes of the step before"] if names else []


def _common(net: SpikingNet) -> list[str]:
    shape = "images as (C, H, W)" if len(net.input_shape) == 3 else "one number a feature"
    usual = _surrogate(net.neuron)
    found = {b.name: _surrogate(b.neuron) for b in net.blocks if b.neuron.fires}
    own = "".join(f" (of {name} {text})" for name, text in found.items() if text != usual)
    return [
        "all states are zero before the first step",
        f"the input: event counts a step, {shape}; a gain of {net.neuron.gain:g} is in the first "
        "weights",
        f"for training: the surrogate is {usual}{own}, the last {net.window} steps "
        f"are differentiated, the reset has {'none' if net.detach_reset else 'its gradient'}, the "
        f"loss is {net.loss_name}; other tools have others",
    ]


def _surrogate(neuron: Any) -> str:
    return f"1 / ({neuron.spike.slope:g} |u - threshold| + 1)^2"
