"""A study: an experiment's folder, settings, data and networks, and how it measures on them."""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, terminal
from ..data.sets.named import open_set
from ..parallel.executor import Executor
from ..parallel.sources import processor
from ..parallel.threads import get_threads
from ..training.baselines import Adapted, Row, Rule, answers, baselines, rows_of
from ..training.checkpoint import Checkpoint
from . import experiment
from .findings import Findings
from .networks import Networks

TITLES = {"double-nmnist": "Double N-MNIST", "double-asl": "Double ASL-DVS"}  # in tables


@dataclass(frozen=True)
class Settings:
    """The settings that a study's numbers depend on, apart from the networks.

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


@dataclass(eq=False)
class Study:
    """An experiment's folder `out/name`, settings and networks; `used` lists the networks that it has
    needed."""

    name: str
    out: Path
    settings: Settings
    networks: Networks
    progress: bool = True
    executor: Any = field(default_factory=Executor)
    used: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return Path(self.out) / self.name

    def describe(self) -> dict:
        """Return everything that the numbers depend on, and the machine."""
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
        """Run the experiment, and return its findings."""
        title, run = experiment(self.name)
        found = Findings(self.name, title)
        run(self, found)
        return found

    # ---- data and networks

    @cache
    def tasks(self, dataset: str, split: str = "test", **how: Any):
        """Open a set of tasks, with options `how` of `open_set`; "known" has training classes in
        test recordings (the paper's "train")."""
        if split == "known":
            how |= dict(classes="train", recordings="test")
            split = "test"
        return open_set(dataset, split, self.settings.root_of(dataset), self.progress, **how)

    def network(self, role: str, found: Findings | None = None) -> Checkpoint | None:
        """Return the network of a role ("double-nmnist/maml-snn"); None, with a note in the
        findings, if there is none."""
        network = self.networks.find(role)
        if network is not None:
            self.used[role] = self.networks.describe(role)
        elif found is not None:
            found.missing.append(f"no network {role}")
        return network

    def meta_trained(self, found: Findings) -> Iterator[tuple[str, str, Checkpoint]]:
        """Yield (data set, its name, network) for each spiking network meta-trained by MAML."""
        for dataset, name in TITLES.items():
            if (network := self.network(f"{dataset}/maml-snn", found)) is not None:
                yield dataset, name, network

    # ---- what it measures

    def each(self, label: str, count: int, measure: Callable) -> list:
        """Return [measure(0), ..., measure(count - 1)], computed in parallel, independently.

        label       of the progress bar
        measure(i)  depends on i only; a `partial` of a function of a module, which may go to
                    another process
        """
        found: list = []
        with terminal.bar(None, count, label, self.progress) as bar:

            def add(value: Any) -> None:
                found.append(value)
                bar.update()

            self.executor.in_order(measure, range(count), add)
        return found

    def items(self, dataset: str, function: Callable, *arguments, count: int | None = None) -> list:
        """Return [function(tasks, settings, *arguments, i) for i in range(count)] by `each`, of the
        test tasks; count defaults to the number of episodes."""
        measure = partial(function, self.tasks(dataset), self.settings, *arguments)
        return self.each(f"{self.name}, {dataset}", count or self.settings.episodes, measure)

    def rows(
        self,
        label: str,
        dataset: str,
        rules: dict[Any, Rule],
        split: str = "test",
        ways: int = 5,
        shots: int = 1,
        episodes: int | None = None,
        **how: Any,
    ) -> dict[Any, Row]:
        """Return each rule's answers to the same episodes, with their intervals. how: options of
        `tasks`."""
        s = self.settings
        of = self.tasks(dataset, split, **how), [*rules.values()], s.seed, ways, shots, s.queries
        found = self.each(label, episodes or s.episodes, partial(answers, *of))
        return rows_of(list(rules), found)

    @cache
    def accuracies(self, role: str, split: str = "test") -> Row:
        """Return the query accuracy after adaptation of the network of a role."""
        return self._of_role(role, split, {"adapted": Adapted.of(self.network(role))})["adapted"]

    def baselines(self, role: str, split: str = "test") -> dict[str, Row]:
        """Return the baselines of a role's network (`training.baselines`) on the same episodes."""
        dataset = role.split("/")[0]
        network = self.network(role)
        pretrained = self.network(f"{dataset}/pretrained-snn")
        tasks = self.tasks(dataset)
        rules = baselines(network.net, network.theta, tasks, pretrained, network.loop)
        return self._of_role(role, split, rules)

    def _of_role(self, role: str, split: str, rules: dict) -> dict:
        ways = self.network(role).net.ways
        return self.rows(f"{role}, {split}", role.split("/")[0], rules, split, ways)
