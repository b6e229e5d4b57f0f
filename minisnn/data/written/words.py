"""How written characters are seen, and what is asked of them, in words, as the command line has
them; NumPy is not needed here."""

from collections.abc import Iterable
from typing import Any

KINDS = {
    "pace": ("even", "scaled", "written"),
    "over": ("characters", "new-drawers", "drawers", "order"),
    "control": ("none", "shuffled", "summed"),
}


def options_of(words: Iterable[str]) -> dict[str, Any]:
    """Options of `characters.Written`: what each word chooses; those that choose nothing are names
    of alphabets. ValueError where two choose the same.

    >>> from minisnn.data.written.words import options_of
    >>> options_of(["scaled", "order", "Korean"])
    {'pace': 'scaled', 'over': 'order', 'alphabets': ('Korean',)}
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
    """Options of the set of a split of a run: alphabets are those that test, `draws` are for
    training, and `fitted` None is as usual."""
    found = options_of(words)
    if split != "test":
        found.pop("alphabets", None)
    if fitted is not None:
        found["fitted"] = fitted
    return found | dict(draws=draws) if split == "train" and draws else found
