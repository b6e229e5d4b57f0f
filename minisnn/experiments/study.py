"""A study: the folder of one experiment, what it measures on, and its memory.

    <name>/findings.json, *.csv, *.png, *.svg    what was found           records/<key>.jsonl    every item that was measured

An item is an episode, as a rule. Each is written down as soon as it is there, in order, so that a
study that was stopped continues with the next, and experiments that need the same numbers share
them. Records made with other settings, networks, recordings (all bytes of their files count) or
code are put aside (records/<key>.before.jsonl), and begun again.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
import platform

import numpy as np

from .. import terminal
from ..data.store.cache import folder_identity, identity
from ..data.store.code import code_identity, is_module
from ..data.store.shipped import shipped
from ..stopping import check
from ..training.baselines import Adapted, Answers, Row, Rule, answers, baselines, rows_of
from ..training.checkpoint import Checkpoint
from ..data.sets.named import open_set
from ..training.intervals import Drawn
from ..training.run import train
from ..training.settings import TrainingConfig
from ..parallel.executor import Executor
from ..meta.inner import InnerLoop
from .. import __version__
from . import experiment
from .findings import Findings
from ..parallel.threads import get_threads, processor

TITLES = {"double-nmnist": "Double N-MNIST", "double-asl": "Double ASL-DVS"}  # in tables
# that simulated recordings are made of
PICTURES = (
    "mnist_digits_5k.npz",
    "omniglot_28x28.npz",
    "camera_trajectory.csv",
)


@dataclass(frozen=True)
class Settings:
    """What the numbers of a study depend on, apart from the networks.

    episodes, queries   test episodes, and query samples of each class in one
    seed                of the episodes: the same ones for every method
    root, asl_root      folders of real recordings (or of photographs of hands); None: simulated
                        recordings
    """

    episodes: int = 600
    queries: int = 5
    seed: int = 0
    root: str | None = None
    asl_root: str | None = None

    def root_of(self, dataset: str) -> str | None:
        return self.asl_root if dataset.startswith("double-asl") else self.root


class Study:
    """One experiment's folder `out/name`, settings, networks, and the records in `out` that
    experiments share."""

    def __init__(
        self,
        name: str,
        out: Path,
        settings: Settings,
        networks,
        progress: bool = True,
        executor=None,
    ):
        self.name = name
        self.out = Path(out)
        self.settings = settings
        self.networks = networks
        self.progress = progress
        self.executor = executor or Executor()
        self.used: dict[str, str] = {}

    @property
    def folder(self) -> Path:
        return self.out / self.name

    def describe(self) -> dict:
        """What the numbers depend on, and where they were measured."""
        return dict(
            **vars(self.settings),
            networks=dict(self.used),
            minisnn=__version__,
            python=platform.python_version(),
            numpy=np.__version__,
            machine=f"{processor()}, {os.cpu_count()} cores",
            threads=get_threads(),
            time=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def run(self) -> Findings:
        """What its experiment finds."""
        module = experiment(self.name)
        found = Findings(self.name, module.TITLE)
        module.run(self, found)
        return found

    # ---- what it measures on

    @cache
    def tasks(self, dataset: str, split: str = "test", **how: Any):
        """Set of tasks, `how` as `open_set` takes it; "known" has training classes in test
        recordings (the paper's "train")."""
        options = how | (dict(classes="train", recordings="test") if split == "known" else {})
        split = "test" if split == "known" else split
        return open_set(dataset, split, self.settings.root_of(dataset), self.progress, **options)

    @cache
    def recordings(self, dataset: str) -> str:
        """A hash of all that the recordings of a data set, or the pictures that they are made of,
        hold."""
        root = self.settings.root_of(dataset)
        if root is not None:
            return folder_identity(Path(root).expanduser())
        return identity([folder_identity(shipped(name)) for name in PICTURES])

    def network(self, role: str) -> Checkpoint | None:
        """The network of a role ("double-nmnist/maml-snn"), or None where there is none."""
        found = self.networks.find(role)
        if found is not None:
            self.used[role] = self.networks.describe(role)
        return found

    def trained(self, name: str, dataset: str, config: TrainingConfig, **own: Any):
        """What `train` makes of random weights by these settings, in a run folder of this study's,
        which can be resumed."""
        short = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
        made_from = identity([self.recordings(dataset), code_identity(__name__)])
        out = self.out / f"{self.name}-networks" / f"{short}-{made_from[:8]}"
        return train(
            config,
            out,
            (out / "config.json").exists(),
            self.progress,
            data={"train": self.tasks(dataset, "train")},
            executor=self.executor,
            **own,
        )

    def meta_trained(self, found) -> Iterator[tuple[str, str, str]]:
        """(data set, its name, role) of each spiking network meta-trained by MAML; findings say
        which are missing."""
        for dataset, name in TITLES.items():
            role = f"{dataset}/maml-snn"
            if self.network(role) is None:
                found.missing.append(f"{name}: no network meta-trained by MAML")
            else:
                yield dataset, name, role

    # ---- what it remembers

    def each(
        self,
        key: str,
        dataset: str,
        count: int,
        one: Callable,
        made_from: tuple = (),
        label: str = "",
        together: bool = True,
    ) -> list:
        """[one(0), ..., one(count - 1)], from the records where they are there; items run side by
        side, each on its own.

        key        names the records
        dataset    that the items are made of
        one(i)     of numbers or lists of numbers; depends on i, on the data set, the seed, the
                   queries and `made_from` alone; a `partial` of a function of a module, which may
                   go to another process
        made_from  configurations, arrays, inner loops, plain values
        together   False: one after the other, where an item measures time
        """
        path = self.out / "records" / f"{key}.jsonl"
        s = self.settings
        on = self.recordings(dataset), code_identity(*dict.fromkeys([__name__, *_module_of(one)]))
        head = json.dumps({"made from": identity((dataset, *on, s.seed, s.queries, *made_from))})
        path.parent.mkdir(parents=True, exist_ok=True)
        found = _records(path, head)
        if len(found) < count:
            self._go_on(path, head, found, count, one, label or key, together)
        return found[:count]

    def _go_on(
        self, path: Path, head: str, found: list, count: int, one, label: str, together: bool
    ) -> None:
        """Add the items that are left to `found` and to the records."""
        bar = terminal.bar(None, count, label, self.progress, initial=len(found))
        with open(path, "a", encoding="utf-8") as file, bar:
            if not found:
                file.truncate(0)
                file.write(head + "\n")

            def add(value):
                line = json.dumps(value, default=lambda array: array.tolist())
                found.append(json.loads(line))
                file.write(line + "\n")
                file.flush()
                bar.update()

            left = range(len(found), count)
            if together:
                self.executor.in_order(one, left, add)
            else:
                for index in left:
                    check()
                    add(one(index))

    def items(
        self,
        key: str,
        dataset: str,
        function: Callable,
        *arguments,
        count: int | None = None,
        split="test",
    ) -> list:
        """[function(tasks, settings, *arguments, i) for i in range(count)] by `each`; count is that
        of the episodes."""
        one = partial(function, self.tasks(dataset, split), self.settings, *arguments)
        made_from = [
            given.configuration() if hasattr(given, "configuration") else given
            for given in arguments
        ]
        return self.each(key, dataset, count or self.settings.episodes, one, (split, *made_from))

    def rows(
        self,
        key: str,
        dataset: str,
        rules: dict[str, Rule],
        split: str = "test",
        ways: int = 5,
        shots: int = 1,
        **how: Any,
    ) -> dict[str, Row]:
        """What each rule answers to the same episodes, with its intervals; how: `episodes`, `names`
        where a rule answers several times, and the options of `tasks`."""
        count = how.pop("episodes", None) or self.settings.episodes
        names = how.pop("names", list(rules))
        one = partial(
            one_answer,
            self.tasks(dataset, split, **how),
            self.settings,
            list(rules.values()),
            ways,
            shots,
        )
        found = self.each(
            key,
            dataset,
            count,
            one,
            ("answers", split, ways, shots, how, [_told(rule) for rule in rules.values()]),
        )
        return rows_of(names, [recalled(*one) for one in found])

    def accuracies(
        self,
        role: str,
        dataset: str,
        split: str = "test",
        *,
        inner: Callable[[InnerLoop], InnerLoop] = lambda loop: loop,
        key: str = "",
        shots: int = 1,
        episodes: int | None = None,
    ) -> Row:
        """Query accuracy after adaptation of the network of a role; `inner` changes the
        checkpoint's inner loop, and `key` names the change."""
        found = self.network(role)
        name = "-".join(filter(None, (role.replace("/", "-"), split, key)))
        rule = Adapted(found.net, found.theta, inner(found.loop))
        return self.rows(
            name, dataset, {"adapted": rule}, split, found.net.ways, shots, episodes=episodes
        )["adapted"]

    def baselines(self, role: str, split: str = "test", **how: Any) -> dict[str, Row]:
        """What the network of a role must beat (`training.baselines`), on the same episodes; how:
        as `rows` takes it."""
        dataset = role.split("/")[0]
        found = self.network(role)
        rules = baselines(
            found.net,
            found.theta,
            self.tasks(dataset),
            self.network(f"{dataset}/pretrained-snn"),
            found.loop,
        )
        return self.rows(
            f"{role.replace('/', '-')}-{split}-baselines",
            dataset,
            rules,
            split,
            found.net.ways,
            **how,
        )


def one_answer(
    tasks, settings: Settings, rules: list[Rule], ways: int, shots: int, index: int
) -> list:
    """What the rules answer to episode `index`: which answers are right, the recordings each rests
    on, and their number."""
    return recorded(answers(tasks, rules, settings.seed, ways, shots, settings.queries, index))


def recorded(found: Answers) -> list:
    """Answers as records hold them, right or not and what they rest on; `recalled(*...)` of it are
    the same again."""
    query, of, support, learned, classes = found.drawn
    arrays = [query.ravel(), of, support.ravel(), learned]
    return [
        found.right.astype(int).tolist(),
        [*(one.tolist() for one in arrays), list(classes)],
        query.shape[1],
    ]


def recalled(right: list, drawn: list, sides: int) -> Answers:
    query, of, support, learned = (np.array(one, np.int64) for one in drawn[:4])
    query = query.reshape(len(of), sides)
    support = support.reshape(len(learned), sides)
    return Answers(np.array(right, bool), Drawn(query, of, support, learned, tuple(drawn[4])))


def _told(one):
    """A rule, by what its answers depend on: networks by their configuration, functions by their
    name."""
    if is_dataclass(one):
        return {"": type(one).__name__, **{name: _told(value) for name, value in vars(one).items()}}
    if hasattr(one, "configuration"):
        return one.configuration()
    return f"{one.__module__}.{one.__qualname__}" if hasattr(one, "__qualname__") else one


def _module_of(one: Callable) -> list[str]:
    """The module that a function is of, if it is of a file."""
    while isinstance(one, partial):
        one = one.func
    name = getattr(one, "__module__", None) or ""
    return [name] if "." in name and is_module(name) else []


def _records(path: Path, head: str) -> list:
    """The whole lines of a file of records with this head; a last line that was cut short is taken
    off, and a file of another head put aside. ValueError where it is not a file of records."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    if lines[0] != head:
        if not lines[0].startswith('{"made from": "') and lines != [""]:
            raise ValueError(
                f"{path}: this is not a file of records; expected a folder of the studies, or a "
                "new one"
            )
        aside = path.with_suffix(".before.jsonl")
        os.replace(path, aside)
        if len(lines) > 2:
            print(
                f"{path} was made of other recordings, networks, settings or code: it is "
                f"{aside.name} now, and its {len(lines) - 2} items are measured again",
                file=sys.stderr,
            )
        return []
    if lines[-1]:
        path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    return [json.loads(line) for line in lines[1:-1]]
