"""Inner loops as plain values, for checkpoints and NIR files."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from .implicit import ImplicitLoop
from .inner import InnerLoop
from .online import OnlineReadout
from .prototypes import ClassMeans
from .ridge import Ridge

LOOPS = {
    InnerLoop: "",
    ClassMeans: "",
    OnlineReadout: "online",
    ImplicitLoop: "implicit",
    Ridge: "ridge",
}
ARRAYS = ("step_size", "axes")  # fields that files store separately


def kept_of(inner: InnerLoop) -> dict[str, Any]:
    """Return all fields except those in `ARRAYS`, together with the kind of loop. For a custom
    inner loop, return the fields of `InnerLoop`, with the name of the custom class as "own"."""
    kind = type(inner)
    names = [f.name for f in fields(kind if kind in LOOPS else InnerLoop) if f.name not in ARRAYS]
    more = {"kind": LOOPS[kind]} if kind in LOOPS else {"own": kind.__name__}
    return {name: getattr(inner, name) for name in names} | {k: v for k, v in more.items() if v}


def arrays_of(inner: InnerLoop) -> dict[str, Any]:
    """Return those fields in `ARRAYS` that the loop has."""
    found = {name: getattr(inner, name, None) for name in ARRAYS}
    return {name: np.asarray(array) for name, array in found.items() if array is not None}


def loop_of(kept: dict[str, Any], step_size: Any, axes: Any = None) -> InnerLoop:
    """Build the loop that `kept_of` describes; if that has an "own" class, build an `InnerLoop`.
    Raises TypeError for fields that another version wrote."""
    kept = {**kept, "freeze": tuple(kept["freeze"]), "step_size": step_size}
    if axes is not None:
        kept["axes"] = axes
    word = kept.pop("kind", None)
    kept.pop("error_threshold", None)  # a field of early files of 0.2, which was never set
    plain = ClassMeans if "scale" in kept else InnerLoop
    return next((loop for loop, kind in LOOPS.items() if kind == word), plain)(**kept)
