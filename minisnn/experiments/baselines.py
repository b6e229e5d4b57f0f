"""What a meta-learner must beat, as a table next to those of the experiments: the same episodes,
learned without meta-learning or by the class means of the network's own features."""

from collections.abc import Iterable

from ..training.progress import RULE_NAMES
from .findings import Findings
from .statistics import difference, estimate
from .study import TITLES, Study

HEADER = (
    "data | classes | learns by | accuracy ± 95 % CI | over episodes | MAML less it, paired "
    "(points)"
)
CLASSES = {"known": "train", "test": "test"}


def add_baselines(
    study: Study, found: Findings, splits: Iterable[str] = ("test",), datasets=tuple(TITLES)
) -> None:
    """Add the table to what was found, for the networks meta-trained by MAML."""
    rows = []
    for dataset in datasets:
        role = f"{dataset}/maml-snn"
        if study.network(role) is None:
            continue
        for split in splits:
            adapted = study.accuracies(role, split)
            where = [TITLES[dataset], CLASSES[split]]
            rows.append([*where, "MAML, meta-trained", *estimate(adapted).columns(), None])
            for name, row in study.baselines(role, split).items():
                less = difference(adapted, row).points()
                rows.append([*where, RULE_NAMES[name], *estimate(row).columns(), less])
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
