"""The neurons that files can name, by their kind."""

from typing import Any

from .cuba import CubaLIF
from .lif import LIF
from .neuron import FIRST, OWN

NEURONS = {"lif": LIF, "cuba": CubaLIF}


def neuron_of(configuration: dict[str, Any]) -> LIF | CubaLIF:
    """The neuron of a `configuration()`; without a "kind" it is an LIF, as in checkpoints of
    version 0.1."""
    constants = dict(configuration)
    kind = constants.pop("kind", FIRST)
    if kind == OWN or "surrogate" in constants:
        what = (
            f"neuron is {constants.get('words')}"
            if kind == OWN
            else f"neuron has the surrogate {constants['surrogate']}"
        )
        raise ValueError(
            f"the network's {what}, an object of your own; in Python: load(path, neuron=...)"
        )
    if kind not in NEURONS:
        raise ValueError(f"the neuron's kind must be one of {', '.join(NEURONS)}, not {kind!r}")
    return NEURONS[kind](**constants)
