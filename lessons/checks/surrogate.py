"""The library's spike as the lessons write it: functions of a = u - threshold and of the constant
`slope`."""

from minisnn.core.neuron import FastSigmoid, Spike, step as step


def sigma(a, slope):
    """The primitive of its slope."""
    return FastSigmoid(slope).sigma(a)


def sigma_prime(a, slope):
    """Its slope, on loan."""
    return FastSigmoid(slope).prime(a)


def sigma_second(a, slope):
    """Its curvature, on loan."""
    return FastSigmoid(slope).second(a)


def jet(a, a0, slope):
    """The parabola that touches a spike recorded at a0."""
    return Spike(FastSigmoid(slope), 0.0, "jet", a0).value(a)
