"""Warnings about what NIR leaves open, shown each time a graph is read from or written for another
tool. Graphs written by minisnn leave nothing open when minisnn reads them, because of their
metadata."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from ..network.spiking import SpikingNet


def warn(sentences: list[str], where: str) -> None:
    """Show the sentences, if any, as one warning, every time."""
    if not sentences:
        return
    frame: Any = sys._getframe(2)  # the caller of import_nir or from_nir
    text = "\n  ".join([f"{where} does not say everything; assumed:", *sentences])
    warnings.warn_explicit(text, UserWarning, frame.f_code.co_filename, frame.f_lineno)


def of_import(net: SpikingNet, reader: Any, whence: str, reset: str | None) -> list[str]:
    """List the assumptions about a chain from another tool. whence: the time step and where it
    comes from, in words; reset: the reset that was requested, or None."""
    late = net.neuron.delay * len(net.blocks)
    chosen = "as requested" if reset else "by default; reset subtract is the alternative"
    names = ", ".join(map(repr, reader.unfiltered))
    logits = f"the logits: the membrane of {reader.layers[-1].name!r} at the last step"
    silenced = f"; its threshold of {reader.silenced or 0:g} is left out, it never fires"
    sentences = {
        f"a step of {whence}, forward Euler (decay 1 - dt / tau), all layers within the same "
        "step": True,
        "the reset: the threshold is subtracted in the step after a spike (snnTorch's default, "
        "reset_delay=True); with reset_delay=False it is another network": late,
        f"a delay: each layer answers two steps later than snnTorch's, so an input needs {late} "
        "silent steps behind it": late,
        f"the reset: to zero in the step of the spike, {chosen}; snnTorch writes its default, "
        'reset_mechanism="subtract", and Synaptic\'s reset_delay=True in the same way, and these '
        "are other networks": not late and len(net.blocks) > 1,
        f"the input of {names}, whose w_in is 1: scaled by dt / tau_syn, as NIR says. Norse's "
        "LIFCell is written so, and does not scale it: of one, this is another network until w_in "
        "= tau_syn / dt in the file": names,
        "a spike where the membrane is above the threshold, none at the threshold": True,
        f"{logits}, not a count of its spikes{silenced * (reader.silenced is not None)}": True,
    }
    return [sentence for sentence, holds in sentences.items() if holds] + _common(net)


def of_export(net: SpikingNet, dt: float, membrane: str, reaches: bool) -> list[str]:
    """List what users of a written graph must know, and what only minisnn reads, from the
    metadata."""
    above = "above the threshold, which is the number below the network's"
    return [
        f"time goes in steps of {dt:g} s, forward Euler (decay 1 - dt / tau), all layers within "
        "the same step",
        "the reset is to zero, in the step of the spike; to subtract, or to reset a step later, is "
        "another network",
        f"a neuron fires {'at the threshold, too' if reaches else above}",
        f"the logits are {membrane} at the last step, which never fires, not a count of spikes",
        *_common(net),
    ]


def _common(net: SpikingNet) -> list[str]:
    recurrent = ", ".join(b.name for b in net.blocks if b.recurrent)
    loops = f"recurrent layers ({recurrent}) hear their own spikes of the step before"
    shape = "images as (C, H, W)" if len(net.input_shape) == 3 else "one number a feature"
    slopes = {b.name: f"{b.neuron.spike.slope:g}" for b in net.blocks if b.neuron.fires}
    usual = f"{net.neuron.spike.slope:g}"
    own = "".join(f", slope {s} in {name}" for name, s in slopes.items() if s != usual)
    return [loops] * bool(recurrent) + [
        "all states are zero before the first step",
        f"the input: event counts a step, {shape}; a gain of {net.neuron.gain:g} is in the first "
        "weights",
        f"for training: the surrogate is 1 / ({usual} |u - threshold| + 1)^2{own}, the last "
        f"{net.window} steps are differentiated, the reset has "
        f"{'none' if net.detach_reset else 'its gradient'}, the loss is {net.loss_name}; other "
        "tools have others",
    ]
