"""Whether numba takes a step: its functions are compiled by themselves, so that what fails is named
by the user's own line."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import config, typeof, types
from numba.core.errors import NumbaError

from .made import Untranslatable, place
from .step import NeuronStep, step_of


class SiteAt(NamedTuple):
    """A step where its derivatives are taken, as `core.neuron.At`, of one site."""

    I: float
    z: tuple
    u: float
    constants: tuple
    spike: float
    slope: float
    curvature: float


class SiteDot(NamedTuple):
    """Directional derivatives, as `core.neuron.Dot`, of one site."""

    I: float
    z: tuple
    u: float
    constants: tuple


def refused(
    neuron: Any, replaced: dict[Any, Any], dtype: np.dtype, compiled: Callable[[], Any]
) -> str:
    """What keeps a neuron from being `compiled`, and where; '' for nothing."""
    try:
        if not getattr(config, "DISABLE_JIT", False):
            _check(step_of(neuron, replaced), dtype)
        compiled()
    except Untranslatable as error:
        return str(error)
    except NumbaError as error:
        where = getattr(error, "loc", None)
        line = place(where.filename, where.line) if where else type(neuron).__name__
        return f"numba cannot compile {line}: {_why(str(error))}"
    return ""


def _check(step: NeuronStep, dtype: np.dtype) -> None:
    """The functions of a step by themselves, so that what fails is the user's own line."""
    one = typeof(dtype.type(0))
    k = types.UniTuple(one, len(step.translation.constants))
    carried = step.states + step.learnable
    z = _some(one, carried)
    constants = _some(one, step.learnable)
    kept = _some(one, step.states * step.past.z)
    kept_dot = _some(one, step.states * step.past_dot.z)
    at = types.NamedTuple((one, kept, one, constants, one, one, one), SiteAt)
    dot = types.NamedTuple((one, kept_dot, one, constants), SiteDot)
    taken = {
        step.forward: (k, one, z),
        step.backward: (k, at, one, z),
        step.forward_tangent: (k, at, one, z),
        step.backward_tangent: (k, at, dot, one, z, one, z),
    }
    for function, arguments in taken.items():
        function.compile(arguments)
        returned = function.overloads[arguments].signature.return_type
        pair = isinstance(returned, types.BaseTuple) and len(returned) == 2
        after = returned[1] if pair else None
        if not isinstance(after, types.BaseTuple) or len(after) != carried:
            raise Untranslatable(
                f"{function.__name__} does not return (a number, a tuple of {carried} states)"
            )


def _some(one: Any, count: int) -> Any:
    """The type of so many numbers."""
    return types.UniTuple(one, count) if count else types.Tuple(())


def _why(error: str) -> str:
    """The first line of numba's error that says something."""
    lines = (line.strip() for line in error.splitlines())
    return next((one for one in lines if one and "nopython mode" not in one), "it does not say why")
