"""Experiments that change one number and test again.

A `Curve` is one network with a rule for each value of that number. A `Sweep` defines the curves,
and how they are shown: a table, and accuracy against the number. `sweeps` has all sweeps.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from ..training.baselines import Row, Rule
from ..training.intervals import Estimate
from ..training.progress import RULE_NAMES
from .drawing import curves_of
from .findings import Findings
from .study import TITLES, Study

BEFORE = "the value before"


def some_of(episodes: int) -> int:
    """Return the number of episodes of a side experiment: half of the main ones, 2 to 200."""
    return min(max(episodes // 2, 2), 200)


class Case(NamedTuple):
    """A value of the number, its rule, and the episodes."""

    value: Any
    rule: Rule
    how: dict = {}  # ways, shots, and options of `Study.tasks`, as for `Study.rows`


@dataclass
class Curve:
    """The cases of one network and their answers, by value.

    labels     texts of the table's first columns
    rows       accuracies
    compared   differences between them
    more       texts of further columns
    estimates  numbers to show, computed from the rows
    """

    labels: list[str]
    study: Study
    dataset: str
    cases: list[Case] = field(default_factory=list)
    network: Any = None
    rows: dict[Any, Row] = field(default_factory=dict)
    compared: dict[Any, Estimate] = field(default_factory=dict)
    more: dict[Any, list] = field(default_factory=dict)
    estimates: dict[Any, Estimate] = field(default_factory=dict)

    def measure(self, label: str, episodes: int) -> None:
        """Answer this number of episodes, which are drawn once for cases with the same ones."""
        for how, cases in groupby(self.cases, attrgetter("how")):
            rules = {case.value: case.rule for case in cases}
            self.rows |= self.study.rows(label, self.dataset, rules, episodes=episodes, **how)

    def compare(self, against: Any, loss: bool) -> None:
        """Return each case's accuracy minus that of the value `against`, or of the case before it,
        on the same episodes; with `loss`, the opposite sign."""
        values = list(self.rows)
        for value, before in zip(values, [None, *values]):
            other = before if against == BEFORE else against
            if other in self.rows and other != value:
                more, less = (other, value) if loss else (value, other)
                self.compared[value] = self.rows[more].less(self.rows[less])


def of_meta_trained(cases: Callable[[Any], Iterable[Case]]):
    """Make curves of the networks that were meta-trained by MAML; `cases` makes the cases of a
    checkpoint."""

    def curves(study: Study, found: Findings) -> Iterable[Curve]:
        for dataset, name, network in study.meta_trained(found):
            yield Curve([name], study, dataset, list(cases(network)), network)

    return curves


def first_and_last(curves: list[Curve]) -> str:
    """Return the answers at the first and the last value of each curve."""
    parts = []
    for curve in curves:
        words = [f"{e.percent()} % at {value}" for value, e in curve.estimates.items()]
        parts.append(f"{', '.join(curve.labels)}: {words[0]}, {words[-1]}")
    return "; ".join(parts)


@dataclass(frozen=True)
class Sweep:
    """An experiment that changes one number.

    title, heading   titles of the experiment and of its table
    labels           columns of the table before the accuracy, separated by bars
    curves           function that makes the curves
    against, loss    value with which each accuracy is compared, and whether to show the loss
                     instead of the gain
    estimate, shown  number shown for each, if not its accuracy, and its name
    last             columns after the accuracy: the difference, and those of `more`
    note             of the table
    some             whether half of the episodes are enough (`some_of`)
    more             fills `Curve.more`
    claims           function that judges the paper's claims
    baselines        splits for which a table of baselines is added
    summary          of all curves
    axes, caption    settings of the figure's axes, and its caption; without it there is no figure
    draw             function that draws the figure of all curves
    """

    title: str
    heading: str
    labels: str
    curves: Callable[[Study, Findings], Iterable[Curve]]
    against: Any = None
    loss: bool = False
    estimate: Callable[[Row], Estimate] | None = None
    shown: str = "accuracy"
    last: str = ""
    note: str = ""
    some: bool = True
    more: Callable[[Curve, int], None] | None = None
    claims: Callable[[Findings, list[Curve]], None] | None = None
    baselines: tuple[str, ...] = ()
    summary: Callable[[list[Curve]], str] = first_and_last
    axes: dict | None = None
    caption: str = ""
    draw: Callable[..., Any] = curves_of

    def run(self, study: Study, found: Findings) -> None:
        episodes = study.settings.episodes
        episodes = some_of(episodes) if self.some else episodes
        curves = list(self.curves(study, found))
        rows = []
        for curve in curves:
            curve.measure(f"{found.name}, {curve.dataset}", episodes)
            curve.compare(self.against, self.loss)
            shows = self.estimate or (lambda row: row)
            curve.estimates = {value: shows(row) for value, row in curve.rows.items()}
            if self.more is not None:
                self.more(curve, episodes)
            rows += self._rows(curve)
        note = f"{episodes} episodes; {self.note}" if self.some else self.note
        shown = f"{self.shown} ± 95 % CI | over episodes"
        columns = " | ".join(filter(None, (self.labels, shown, self.last)))
        found.table(found.name, self.heading, columns, rows, note)
        if self.claims is not None:
            self.claims(found, curves)
        if self.baselines:
            add_baselines(study, found, self.baselines)
        found.summary = self.summary(curves)
        if curves and self.axes is not None:
            found.figures[found.name] = self.draw(curves, **self.axes), self.caption

    def _rows(self, curve: Curve) -> list[list]:
        rows = []
        for value, e in curve.estimates.items():
            cells = [*curve.labels, value, *e.columns()]
            if self.against is not None:
                other = curve.compared.get(value)
                cells.append(other and other.points())
            rows.append(cells + curve.more.get(value, []))
        return rows


HEADER = (
    "data | classes | learns by | accuracy ± 95 % CI | over episodes | MAML less it, paired "
    "(points)"
)
CLASSES = {"known": "train", "test": "test"}


def add_baselines(
    study: Study, found: Findings, splits: Iterable[str] = ("test",), datasets=tuple(TITLES)
) -> None:
    """Add a table of baselines of the networks meta-trained by MAML."""
    rows = []
    for dataset in datasets:
        role = f"{dataset}/maml-snn"
        if study.network(role) is None:
            continue
        for split in splits:
            adapted = study.accuracies(role, split)
            where = [TITLES[dataset], CLASSES[split]]
            rows.append([*where, "MAML, meta-trained", *adapted.columns(), None])
            for name, row in study.baselines(role, split).items():
                less = adapted.less(row).points()
                rows.append([*where, RULE_NAMES[name], *row.columns(), less])
    if rows:
        found.table(
            f"{found.name}-baselines",
            "What MAML must beat, on the same episodes (%)",
            HEADER,
            rows,
            "± holds for new recordings of the same digits or letters; over episodes: for these "
            "recordings alone. Where the "
            "nearest mean of the network's own features does as well, it is features that were "
            "learned, and not how to learn.",
        )
