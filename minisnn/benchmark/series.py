"""Which episodes the benchmark has.

A series is a number of episodes of one size over one set of tasks. Those of VERSION are drawn from
sets that ship, always the same: their identity is written down here, and a test holds them to it.
Whoever changes one counts VERSION up.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..data.sets.named import DATASETS, OPTIONS, OWN, find, open_set, runs_code

VERSION = 1
EPISODES = 600
_UNTOLD = ("name", "training", "secret")
SEED = 1  # another than that of the results, by which networks were chosen


@dataclass(frozen=True)
class Series:
    """Episodes of one size over one set of tasks.

    name      as files and tables have it
    data      the folder of its recordings, which series over one set share
    dataset   as `data.sets.named` opens it, with these `options`; `training` has others beside
              them, for the recordings to learn from
    rooted    whether it is read from a folder, which the user names
    secret    whether the seed of the episodes is left out of the manifest, as of a set that not
              everybody has: with it, whoever guesses how many recordings there are could deal again
    """

    name: str
    data: str
    dataset: str
    ways: int = 5
    shots: int = 1
    queries: int = 10
    episodes: int = EPISODES
    seed: int = SEED
    split: str = "test"
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    rooted: bool = False
    secret: bool = False

    @property
    def size(self) -> tuple[int, int, int]:
        """(ways, shots, queries) of an episode."""
        return self.ways, self.shots, self.queries

    @property
    def asked(self) -> int:
        """Queries of an episode."""
        return self.ways * self.queries

    def told(self) -> dict[str, Any]:
        """As a manifest has it."""
        values = asdict(self)
        if self.secret:
            values["seed"] = None
        return {key: value for key, value in values.items() if key not in _UNTOLD}

    def open(self, root: str | Path | None, progress: bool, split: str | None = None) -> Any:
        """Its set of tasks; split: another than that of the episodes, to learn from."""
        more = {} if split is None else self.training
        return open_set(
            self.dataset, split or self.split, root, progress, **{**self.options, **more}
        )

    def identity(self, dealt: str) -> str:
        """What names it in tables and papers: of its sizes and of what was dealt out, but not of
        where that lies."""
        known = {**self.told(), "dealt": dealt}
        del known["seed"], known["data"]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]


_FINE = {"size": [32, 32], "bin_ms": 3.0, "centred": True}
SERIES = {
    one.name: one
    for one in (
        Series(
            "double-nmnist-5way-1shot", "double-nmnist", "double-nmnist", options={"align": "none"}
        ),
        Series("double-asl-5way-1shot", "double-asl", "double-asl", training={"per_letter": 50}),
        Series(
            "omniglot-5way-1shot",
            "omniglot",
            "omniglot",
            options=_FINE,
            training={"turns": False},
        ),
        Series(
            "omniglot-20way-1shot",
            "omniglot",
            "omniglot",
            ways=20,
            queries=5,
            options=_FINE,
            training={"turns": False},
        ),
    )
}
IDENTITIES = {
    "double-nmnist-5way-1shot": "9302384e95f2",
    "double-asl-5way-1shot": "6740eeb427b7",
    "omniglot-5way-1shot": "80169411b385",
    "omniglot-20way-1shot": "209442ce0f22",
}


def own(
    dataset: str,
    split: str,
    rooted: bool,
    size: tuple[int, int, int],
    episodes: int,
    seed: int,
    options: Mapping[str, Any],
) -> Series:
    """A series over a set that the user names. ValueError where there is no such set."""
    find(dataset)
    word = re.sub(r"[^a-z0-9]+", "-", dataset.rpartition(":")[2].lower()).strip("-") or "own"
    ways, shots, queries = size
    return Series(
        name=f"{word}-{ways}way-{shots}shot",
        data=word,
        dataset=Path(dataset).name if runs_code(dataset) else dataset,
        ways=ways,
        shots=shots,
        queries=queries,
        episodes=episodes,
        seed=seed,
        split=split,
        options=dict(options),
        rooted=rooted,
        secret=rooted or dataset not in DATASETS,
    )


_KINDS = dict(data=str, dataset=str, ways=int, shots=int, queries=int, episodes=int, split=str)


def from_manifest(name: str, told: Mapping[str, Any], seed: int = 0) -> Series:
    """A series as a manifest tells of it; seed: where it keeps that. ValueError for what is
    none."""
    given: dict[str, Any] = {key: told.get(key) for key in (*_KINDS, "seed", "rooted", "options")}
    secret = given["seed"] is None
    if secret:
        given["seed"] = seed
    kinds = dict(_KINDS, seed=int, rooted=bool, options=dict)
    wrong = [key for key, kind in kinds.items() if type(given[key]) is not kind]
    if not wrong:
        wrong = [key for key in ("ways", "shots", "queries", "episodes") if given[key] < 1]
        wrong += ["seed"] * (given["seed"] < 0)
        wrong += ["options"] * (not set(given["options"]) <= {"align", *OPTIONS})
    if wrong:
        raise ValueError(f"{name} has {wrong[0]} {given[wrong[0]]!r}")
    return Series(name=name, secret=secret, **given)


def anybody_has(series: Series) -> bool:
    """Whether it can be dealt again from what ships, without a word of the user's."""
    return series.dataset in DATASETS and not series.rooted


def needs(series: Series) -> str:
    """What the user has to name to deal it again."""
    found = [] if series.dataset in DATASETS or series.dataset == OWN else [series.dataset]
    words = [f"--dataset {one}" for one in found] + ["--root DIR"] * series.rooted
    return " ".join([*words, "--seed"] if series.secret else words)
