"""How written characters are seen, and what is asked of them, in words, as the command line has
them; NumPy is not needed here."""

from collections.abc import Iterable
from typing import Any

PACES = ("even", "scaled", "written")
OVER = ("characters", "new-drawers", "drawers", "order")
CONTROLS = ("none", "shuffled", "summed")
KINDS = {"pace": PACES, "over": OVER, "control": CONTROLS}


def options_of(words: Iterable[str]) -> dict[str, Any]:
    """Options of `characters.Written`: what each word chooses; those that choose nothing are names
    of alphabets. ValueError where two choose the same.

    >>> from minisnn.data.written.words import options_of
    >>> options_of(["scaled", "order", "Korean"])
    {'pace': 'scaled', 'over': 'order', 'alphabets': ('Korean',)}
    """
    found: dict[str, Any] = {}
    alphabets = []
    for word in words:
        kind = next((kind for kind, known in KINDS.items() if word in known), None)
        if kind is None:
            alphabets.append(word)
        elif kind in found:
            raise ValueError(f"strokes has {found[kind]} and {word}; expected one of them")
        else:
            found[kind] = word
    return {**found, "alphabets": tuple(alphabets)} if alphabets else found


def of_split(split: str, words: Iterable[str], fitted: bool | None, draws: int) -> dict[str, Any]:
    """Options of the set of a split of a run: alphabets are those that test, `draws` are for
    training, and `fitted` None is as usual."""
    found = options_of(words)
    if split != "test":
        found.pop("alphabets", None)
    if fitted is not None:
        found["fitted"] = fitted
    return {**found, "draws": draws} if split == "train" and draws else found
