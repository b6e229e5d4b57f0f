"""Command-line keywords that choose the tasks over written characters and their controls. This
module does not import NumPy."""

from collections.abc import Iterable
from typing import Any

KINDS = {
    "over": ("characters", "new-drawers", "order"),
    "control": ("none", "shuffled", "summed"),
}


def options_of(words: Iterable[str]) -> dict[str, Any]:
    """Return the options of `characters.Written` that these keywords choose; any other word is the
    name of an alphabet. Raises ValueError if two keywords choose the same option.

    >>> from minisnn.data.written.words import options_of
    >>> options_of(["shuffled", "order", "Korean"])
    {'control': 'shuffled', 'over': 'order', 'alphabets': ('Korean',)}
    """
    kind_of = {word: kind for kind, known in KINDS.items() for word in known}
    found: dict[str, Any] = {}
    for word in words:
        kind = kind_of.get(word, "alphabets")
        if kind == "alphabets":
            found[kind] = (*found.get(kind, ()), word)
        elif kind in found:
            raise ValueError(f"strokes has {found[kind]} and {word}; expected one of them")
        else:
            found[kind] = word
    return found


def of_split(split: str, words: Iterable[str], fitted: bool | None, draws: int) -> dict[str, Any]:
    """Return the options of a run's set for a split: alphabets for the test, `draws` for training,
    and `fitted` unless None."""
    found = options_of(words)
    if split != "test":
        found.pop("alphabets", None)
    if fitted is not None:
        found["fitted"] = fitted
    return found | dict(draws=draws) if split == "train" and draws else found
