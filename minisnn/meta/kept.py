"""Inner loops as plain values, as checkpoints and NIR files keep them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from .implicit import ImplicitLoop
from .inner import InnerLoop
from .online import OnlineReadout
from .prototypes import ClassMeans

LOOPS = (InnerLoop, ClassMeans, OnlineReadout, ImplicitLoop)
KINDS = {"online": OnlineReadout, "implicit": ImplicitLoop}  # as files name them
ARRAYS = ("step_size", "axes")  # which files keep apart


def kept_of(inner: InnerLoop) -> dict[str, Any]:
    """All fields but `ARRAYS`; of an inner loop of your own those of `InnerLoop`, and its name
    as "own"."""
    ours = type(inner) in LOOPS
    kept = {
        f.name: getattr(inner, f.name)
        for f in fields(inner if ours else InnerLoop)
        if f.name not in ARRAYS
    }
    if not ours:
        kept["own"] = type(inner).__name__
    kinds = [kind for kind, loop in KINDS.items() if type(inner) is loop]
    return kept | ({"kind": kinds[0]} if kinds else {})


def arrays_of(inner: InnerLoop) -> dict[str, Any]:
    """`ARRAYS`, as far as there are any."""
    found = {name: getattr(inner, name, None) for name in ARRAYS}
    return {name: np.asarray(array) for name, array in found.items() if array is not None}


def loop_of(kept: dict[str, Any], step_size: Any, axes: Any = None) -> InnerLoop:
    """`kept_of` backwards, but for "own", which the caller knows. Raises TypeError for fields of
    another version."""
    kept = {**kept, "freeze": tuple(kept["freeze"])}
    if axes is not None:
        kept["axes"] = axes
    plain = ClassMeans if "scale" in kept else InnerLoop
    return KINDS.get(kept.pop("kind", None), plain)(**kept, step_size=step_size)
