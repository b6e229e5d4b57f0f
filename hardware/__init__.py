"""The edge learner in integers: inference, one-shot learning, float twins, export to C. Formats: README.md beside this file.

`IntegerNet` holds a quantised network, `Learner` says how its readout learns, `learn` carries that out:

    net = ms.load(path); chip = IntegerNet(*net, Words(weight_bits=4, readout_bits=4), readout_exponent=-3)
    p = chip.traces(chip.spikes(x_support))
    new = learn(chip, Learner(), p, y_support)
    logits = chip.membranes(chip.traces(chip.spikes(x_query)), new.weight, new.bias)[:, -1]

May use minisnn for data and float references; minisnn never imports it.
"""

import importlib

_HOME = {
    "IntegerNet": "chip.network",
    "Words": "chip.network",
    "Learner": "chip.learner",
    "learn": "chip.learner",
    "Feedback": "chip.feedback",
    "learn_all": "chip.feedback",
    "LoihiConfig": "loihi.network",
    "LoihiNet": "loihi.network",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    """Public names are imported when they are asked for, so that the command's help comes at once."""
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
