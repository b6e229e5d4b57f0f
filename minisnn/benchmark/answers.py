"""A file of answers, checked: whoever made it made it elsewhere. Nothing in it is ever executed,
and no data set is opened because it names one.

    manifest     the text of the folder's manifest.json
    SERIES       whole numbers (episodes, queries), for each series that is answered
    name, how    texts; may be left out
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..files import check_archive, size_of
from .export import FORMAT, MADE_BY
from .series import Series, from_manifest

MOST_BYTES = 1 << 30  # that a file of answers unpacks to
LONGEST = 200  # characters of a name, and of what a library says of a file
LONGEST_HOW = 2000
TEXTS = {"manifest": 1 << 22, "name": LONGEST, "how": LONGEST_HOW}
WHAT = "answers, as read.py of an exported benchmark saves them"


@dataclass(frozen=True, eq=False)
class Answered:
    """What a file answers: {series: labels (episodes, queries)}, series and hashes by the manifest
    that it carries, a name and how it was made."""

    path: Path
    labels: dict[str, np.ndarray]
    series: dict[str, Series]
    dealt: dict[str, str]
    identity: dict[str, str]
    name: str
    how: str


def read_answers(path: str | Path, seed: int = 0) -> Answered:
    """The answers in a file; seed: of series whose manifest keeps it.

    Raises ValueError, in one sentence that names the file, the series and what was expected, for
    everything that is no complete answer to the manifest; FileNotFoundError where it is missing.
    """
    path = Path(path)
    arrays = _arrays(path)
    texts = {name: _text(path, name, arrays.pop(name, None)) for name in TEXTS}
    manifest = _manifest(path, texts["manifest"])
    known: dict[str, Any] = manifest["series"]
    odd = sorted(set(arrays) - set(known))
    if odd:
        raise ValueError(f"{path}: has answers to {odd[0]!r}; expected some of {', '.join(known)}")
    if not arrays:
        raise ValueError(f"{path}: answers no series; expected one or more of {', '.join(known)}")
    try:
        series = {name: from_manifest(name, known[name], seed) for name in arrays}
        dealt = {name: str(known[name]["dealt"]) for name in arrays}
        identity = {name: str(known[name]["identity"]) for name in arrays}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: its manifest was changed ({error}); expected the text of manifest.json"
        ) from None
    for name, one in series.items():
        if one.identity(dealt[name]) != identity[name]:
            raise ValueError(
                f"{path}: its manifest was changed, {name} is not what the hash {identity[name]} "
                "stands for; expected the text of manifest.json"
            )
    labels = {name: _labels(path, series[name], found) for name, found in arrays.items()}
    name = texts["name"] or path.stem
    return Answered(path, labels, series, dealt, identity, name, texts["how"])


def _arrays(path: Path) -> dict[str, np.ndarray]:
    size_of(path, WHAT, MOST_BYTES)
    try:
        check_archive(path, "a file of answers", MOST_BYTES, densest=2000)
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except Exception as error:
        said = " ".join(str(error).split())
        if said.startswith(f"{path}: "):
            raise
        told = said if len(said) <= LONGEST else f"{said[:LONGEST]} …"
        raise ValueError(f"{path}: is not readable as .npz ({told}); expected {WHAT}") from None
    for name, one in found.items():
        if not isinstance(one, np.ndarray):  # a member that is no array is given as it is
            raise ValueError(f"{path}: {name} is no array; expected {WHAT}")
    return found


def _text(path: Path, name: str, found: np.ndarray | None) -> str:
    if found is None:
        return ""
    if found.shape != () or found.dtype.kind != "U":
        raise ValueError(f"{path}: {name} is {found.dtype} of shape {found.shape}; expected a text")
    text = str(found)
    if len(text) > TEXTS[name]:
        raise ValueError(
            f"{path}: {name} has {len(text)} characters; expected at most {TEXTS[name]}"
        )
    if name != "manifest" and not text.isprintable():
        raise ValueError(f"{path}: {name} holds characters that are not printable; expected a line")
    return text


def _manifest(path: Path, text: str) -> Mapping[str, Any]:
    if not text:
        raise ValueError(f"{path}: lacks the text of manifest.json; expected {WHAT}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    series = found.get("series") if isinstance(found, dict) else None
    if not isinstance(series, dict) or not series or found.get("made_by") != MADE_BY:
        raise ValueError(f"{path}: its manifest is none of {MADE_BY}; expected {WHAT}")
    if found.get("format") != FORMAT:
        raise ValueError(
            f"{path}: its manifest has format {found.get('format')!r}; expected {FORMAT}, or "
            "another version of minisnn to score it"
        )
    if not all(isinstance(one, dict) for one in series.values()):
        raise ValueError(f"{path}: its manifest is none of {MADE_BY}; expected {WHAT}")
    return found


def _labels(path: Path, series: Series, found: np.ndarray) -> np.ndarray:
    """The labels, int64 (episodes, queries); ValueError where one is missing or none."""
    where = f"{path}: {series.name}"
    shape = (series.episodes, series.asked)
    sizes = f"{shape[0]} episodes of {shape[1]} queries"
    if found.shape != shape:
        raise ValueError(
            f"{where} has answers of shape {found.shape}; expected {shape}, one for every query of "
            f"{sizes}"
        )
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise ValueError(
            f"{where} has {np.isnan(found).sum()} answers that are NaN, the first "
            f"{_first(np.isnan(found))}; expected a whole number for every query"
        )
    if found.dtype.kind not in "iu":
        raise ValueError(
            f"{where} has answers of type {found.dtype}; expected whole numbers, such as int64"
        )
    wrong = (found < 0) | (found >= series.ways)
    if wrong.any():
        raise ValueError(
            f"{where} has {wrong.sum()} labels out of range, the first {found[wrong][0]} "
            f"{_first(wrong)}; expected 0 to {series.ways - 1}"
        )
    return found.astype(np.int64)


def _first(wrong: np.ndarray) -> str:
    episode, query = np.argwhere(wrong)[0]
    return f"in episode {episode}, query {query}"
