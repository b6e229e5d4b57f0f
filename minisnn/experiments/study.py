"""A study: the folder of one experiment, its data and networks, and its records.

    <name>/findings.json, *.csv, *.png, *.svg    the findings
    records/<key>-<hash>.jsonl                   measured items, one per line

An item is usually an episode. Each is written as soon as it is measured, in order, so that a
stopped study continues with the next. The hash in a file's name covers everything that its items
depend on: settings, networks, recordings (all bytes of their files) and code. If any of these
changes, the items are measured again, into another file.
"""

import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, is_dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, terminal
from ..data.sets.named import open_set
from ..data.store.cache import code_identity, folder_identity, identity
from ..data.store.shipped import shipped
from ..parallel.executor import Executor
from ..parallel.threads import get_threads, processor
from ..training.baselines import Adapted, Answers, Row, Rule, answers, baselines, rows_of
from ..training.checkpoint import Checkpoint
from ..training.intervals import Drawn
from . import experiment
from .findings import Findings
from .networks import Networks

# names of data sets in tables
TITLES = {"double-nmnist": "Double N-MNIST", "double-asl": "Double ASL-DVS"}
# files behind simulated recordings
PICTURES = ("mnist_digits_5k.npz", "omniglot_28x28.npz", "camera_trajectory.csv")


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
    """An experiment's folder `out/name`, settings, networks, and the records in `out`; `used` lists
    the networks that it used."""

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

    @cache
    def recordings(self, dataset: str) -> str:
        """Return a hash of a data set's recordings, or of the pictures behind them."""
        root = self.settings.root_of(dataset)
        places = map(shipped, PICTURES) if root is None else [Path(root).expanduser()]
        return identity([folder_identity(place) for place in places])

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

    # ---- records

    def each(
        self,
        key: str,
        dataset: str,
        count: int,
        measure: Callable,
        made_from: tuple = (),
        label: str = "",
        together: bool = True,
    ) -> list:
        """Return [measure(0), ..., measure(count - 1)], from the records if possible; the others
        are computed in parallel.

        key         names the records
        dataset     that the items are made of
        measure(i)  of numbers or lists of numbers; depends on i, on the data set, the seed, the
                    queries and `made_from` only; a `partial` of a function of a module, which may
                    go to another process
        made_from   configurations, arrays, inner loops, plain values
        together    False: one after the other, because items measure time
        """
        s = self.settings
        module = getattr(measure, "func", measure).__module__
        code = code_identity(__name__, *[module] * ("." in module))
        digest = identity((dataset, self.recordings(dataset), code, s.seed, s.queries, *made_from))
        path = Path(self.out) / "records" / f"{key}-{digest[:12]}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        items = _whole_lines(path)
        if len(items) >= count:
            return items[:count]
        bar = terminal.bar(None, count, label or key, self.progress, initial=len(items))
        with open(path, "a", encoding="utf-8") as file, bar:

            def add(value):
                line = json.dumps(value, default=lambda array: array.tolist())
                items.append(json.loads(line))
                file.write(line + "\n")
                file.flush()
                bar.update()

            executor = self.executor if together else Executor()
            executor.in_order(measure, range(len(items), count), add, large=not together)
        return items

    def items(
        self,
        key: str,
        dataset: str,
        function: Callable,
        *arguments,
        count: int | None = None,
        split="test",
    ) -> list:
        """Return [function(tasks, settings, *arguments, i) for i in range(count)] by `each`; count
        defaults to the number of episodes."""
        measure = partial(function, self.tasks(dataset, split), self.settings, *arguments)
        made_from = (split, *map(_identified, arguments))
        return self.each(key, dataset, count or self.settings.episodes, measure, made_from)

    def rows(
        self,
        key: str,
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
        chosen = list(rules.values())
        tasks = self.tasks(dataset, split, **how)
        measure = partial(one_answer, tasks, self.settings, chosen, ways, shots)
        made_from = ("answers", split, ways, shots, how, [_identified(rule) for rule in chosen])
        count = episodes or self.settings.episodes
        answered = self.each(key, dataset, count, measure, made_from)
        return rows_of(list(rules), [recalled(*answer) for answer in answered])

    def accuracies(self, role: str, split: str = "test") -> Row:
        """Return the query accuracy after adaptation of the network of a role."""
        network = self.network(role)
        rules = {"adapted": Adapted.of(network)}
        return self._of_role(role, split, rules, network.net.ways)["adapted"]

    def baselines(self, role: str, split: str = "test") -> dict[str, Row]:
        """Return the baselines of a role's network (`training.baselines`) on the same episodes."""
        dataset = role.split("/")[0]
        network = self.network(role)
        pretrained = self.network(f"{dataset}/pretrained-snn")
        tasks = self.tasks(dataset)
        rules = baselines(network.net, network.theta, tasks, pretrained, network.loop)
        return self._of_role(role, split, rules, network.net.ways, "-baselines")

    def _of_role(self, role: str, split: str, rules: dict, ways: int, ending: str = "") -> dict:
        name = f"{role.replace('/', '-')}-{split}{ending}"
        return self.rows(name, role.split("/")[0], rules, split, ways)


def one_answer(
    tasks, settings: Settings, rules: list[Rule], ways: int, shots: int, index: int
) -> list:
    """Return the rules' answers to episode `index`: which are right, the recordings behind each,
    and their number."""
    return recorded(answers(tasks, rules, settings.seed, ways, shots, settings.queries, index))


def recorded(answered: Answers) -> list:
    """Convert answers to a record: which are right, and the recordings behind them;
    `recalled(*...)` restores them."""
    query, of, support, learned, classes = answered.drawn
    arrays = [array.tolist() for array in (query.ravel(), of, support.ravel(), learned)]
    return [answered.right.astype(int).tolist(), [*arrays, list(classes)], query.shape[1]]


def recalled(right: list, drawn: list, sides: int) -> Answers:
    query, of, support, learned = (np.array(numbers, np.int64) for numbers in drawn[:4])
    pairs = query.reshape(len(of), sides), of, support.reshape(len(learned), sides), learned
    return Answers(np.array(right, bool), Drawn(*pairs, tuple(drawn[4])))


def _identified(value):
    """Return an identity for a rule or an argument: the configuration of a network, the name of a
    function."""
    if is_dataclass(value):
        parts = {name: _identified(part) for name, part in vars(value).items()}
        return {"": type(value).__name__, **parts}
    if hasattr(value, "configuration"):
        return value.configuration()
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else value


def _whole_lines(path: Path) -> list:
    """Read the items of a file of records, removing a last line that was cut short."""
    path.touch()
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]
