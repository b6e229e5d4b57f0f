"""A setting as a field of a dataclass: what the command line says of it, its check, and its value
in words."""

import math
from collections.abc import Mapping
from dataclasses import Field, field
from operator import ge, gt, le
from typing import Any

from ..parallel.arguments import shown

TYPES = {int: "a whole number", float: "a finite number", str: "a text", bool: "true or false"}
LIMITS = (("above", "above", gt), ("least", "at least", ge), ("most", "at most", le))


def setting(group: str, default: Any, help: str, **limits: Any) -> Any:
    """A field with what the command line says of it. limits: choices, least (allowed), above (not
    allowed), most; where None is the default it is allowed, and `kind` is the type of other values.
    """
    kind = limits.pop("kind", type(default))
    return field(
        default=default,
        metadata=dict(group=group, help=help, kind=kind, optional=default is None, **limits),
    )


def in_words(value: object) -> str:
    """A setting as the command line takes it: 8,16 or none."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return str(value)


def checked(f: Field, value: Any) -> Any:
    """The value in the field's own type, or ValueError."""
    limits, kind = f.metadata, f.metadata["kind"]
    if value is None and limits["optional"]:
        return None
    if isinstance(f.default, tuple):
        kind = str if f.name == "freeze" else int
        if not isinstance(value, (list, tuple)) or not all(type(one) is kind for one in value):
            raise ValueError(
                f"{f.name} must be a list of {'names' if kind is str else 'whole numbers'}, not "
                f"{shown(value)}"
            )
        return tuple(_within(f.name, one, limits) for one in value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise ValueError(f"{f.name} must be {TYPES[kind]}, not {shown(value)}")
    return _within(f.name, value, limits)


def _within(name: str, value: Any, limits: Mapping[str, Any]) -> Any:
    choices = limits.get("choices")
    if choices and value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(str, choices))}, not {shown(value)}"
        )
    for limit, words, holds in LIMITS:
        if limit in limits and not holds(value, limits[limit]):
            raise ValueError(f"{name} must be {words} {limits[limit]}, not {value}")
    return value
