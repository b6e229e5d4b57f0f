"""Relative differences of arrays."""

import numpy as np


def off(found, expected) -> float:
    """max |found - expected| / max |expected|."""
    found = np.asarray(found)
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    difference = np.abs(found - expected).max()
    scale = np.abs(expected).max()
    return float(difference / scale) if scale else float(difference)


def arrays_off(net, found, expected) -> float:
    """The largest `off` of the parameter arrays; where one is all zero both must be, to rounding of
    the whole."""
    scale = np.abs(expected).max()
    return max(
        off(found[p.slice], expected[p.slice])
        if np.abs(expected[p.slice]).max() > 1e-14 * scale
        else float(np.abs(found[p.slice]).max() / scale if scale else np.abs(found[p.slice]).max())
        for p in net.layout
    )
