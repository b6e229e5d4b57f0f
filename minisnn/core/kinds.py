"""The neurons that have a name, as `--neuron NAME` and in files. Imports no NumPy."""

from pkgutil import resolve_name

NEURONS = {"lif": "minisnn.core.neuron:LIF", "cuba": "minisnn.core.cuba:CubaLIF"}


def neuron_class(kind: str) -> type:
    """Return the class of neurons of a `kind`."""
    return resolve_name(NEURONS[kind])
