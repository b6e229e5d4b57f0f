"""How a network was trained to be used, and how it is tested: both as plain values by name, compared
name by name, so that a result says whatever differs.

A value stands here if it changes what a test finds: which data, how they are read, the size of a
task, and every field of the inner loop.
"""

import inspect
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..data.sets.named import DATASETS, OPTIONS, find
from ..meta.inner import InnerLoop
from ..meta.kept import kept_of

LEARNED = "as learned"


def reading(dataset: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """How the recordings of a data set are read: `options`, and the defaults of what is not given."""
    values: dict[str, Any] = {}
    with suppress(TypeError, ValueError):  # a callable of C does not say
        values = {
            one.name: one.default
            for one in inspect.signature(find(dataset)).parameters.values()
            if one.name in OPTIONS - {"classes"} and one.default is not one.empty
        }
    values |= DATASETS[dataset].options if dataset in DATASETS else {}
    return {name: plain(value) for name, value in (values | dict(options)).items()}


def learning(inner: InnerLoop) -> dict[str, Any]:
    """How an inner loop learns a task: all its fields."""
    fields = {name: plain(value) for name, value in kept_of(inner).items()}
    fields["inner_steps"] = fields.pop("steps")
    learned = np.ndim(inner.step_size) > 0
    return fields | {"step_size": LEARNED if learned else float(inner.step_size)}


def plain(value: Any) -> Any:
    """A value in JSON's types."""
    return json.loads(json.dumps(value, default=lambda scalar: scalar.item()))


def same(root: str | Path | None, other: str | Path | None) -> bool:
    """Whether two spellings name one folder."""
    places = [None if one is None else Path(one).expanduser().resolve() for one in (root, other)]
    return places[0] == places[1]
