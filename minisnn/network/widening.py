"""A network's weights in a network of more channels, which at first answers alike.

New channels stand behind the old ones of their layer, with weights as they were drawn. Where an old
channel or the readout would read a new one, the weight is zero; training goes on from there.

Chen, Goodfellow & Shlens 2016 (Net2Net, ICLR) keep the answers, too, by copies of old channels that
share what is read of them. Copies get the same gradient until noise parts them; drawn channels
differ at once.
"""

from collections.abc import Iterator

import numpy as np

from .layout import Array, Layout

WIDTHS = ("channels", "hidden")


def widens(old: Layout, net: Layout) -> bool:
    """Whether `net` is `old` with more channels or hidden units, and nothing else of it differs.

    >>> old = ms.SpikingNet((8, 8, 2), (4, 6), ways=3)
    >>> ms.network.widening.widens(old, old.like(channels=(4, 9)))
    True
    """
    before, after = old.configuration(), net.configuration()
    pairs = [(before.pop(name), after.pop(name)) for name in WIDTHS]
    return (
        before == after
        and not before.get("layers")
        and all(len(a) == len(b) and all(m <= n for m, n in zip(a, b)) for a, b in pairs)
        and any(a != b for a, b in pairs)
    )


def widened(old: Layout, theta: Array, net: Layout, drawn: Array) -> Array:
    """theta of `old` in `net`, which `widens` it; `drawn` is a theta of `net` that gives what reads
    and shifts new channels.

    Answers and old channels are those of `old` but for rounding: more terms are added, which are
    zero.
    """
    found = drawn.copy()
    for new, was in _arrays(old, theta, net, found):
        inputs, outputs = was.shape[1:]
        new[:, inputs:, :outputs] = 0
        new[:, :inputs, :outputs] = was
    return found


def widened_steps(old: Layout, steps: Array, net: Layout) -> Array:
    """Step sizes of each parameter of `old`, flat like its theta, for `net`: new parameters have
    the geometric mean of the old ones of their array."""
    found = np.ones(net.size, steps.dtype)
    for new, was in _arrays(old, steps, net, found):
        new[...] = np.exp(np.log(was).mean())
        new[:, : was.shape[1], : was.shape[2]] = was
    return found


def _arrays(old: Layout, flat: Array, net: Layout, found: Array) -> Iterator[tuple[Array, Array]]:
    """Every array of `net` in `found`, and that of `old` in `flat`: (places, inputs, outputs), where
    places are a filter's cells, or those of a picture that a dense layer reads."""
    before, after = old.views(flat), net.views(found)
    inputs = [one.input_shape[-1] for one in (old, net)]
    for a, b in zip(old.blocks, net.blocks):
        outputs = [a.channels, b.channels]
        for name in before:
            layer, _, part = name.partition(".")
            if layer != a.name:
                continue
            shapes = [(-1, 1, 1)] * 2
            if part in ("weight", "recurrent"):
                read = inputs if part == "weight" else outputs
                shapes = [(-1, *one) for one in zip(read, outputs)]
            elif part == "bias":
                shapes = [(-1, 1, n) for n in outputs]
            was, new = before[name].reshape(shapes[0]), after[name].reshape(shapes[1])
            yield new, was
        inputs = outputs
