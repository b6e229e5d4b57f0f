"""Beyond the paper: networks meta-trained on simulated recordings, met with real ones and with photographs of hands."""

from dataclasses import replace
from functools import partial

from .findings import Findings, Table
from .networks import LABELS
from .statistics import estimate
from .study import DATASETS, Study
from .table2 import one_nearest

TITLE = "Simulated recordings against real ones"
OPTION = {"double-nmnist": "--root with N-MNIST", "double-asl": "--asl-root with ASL-DVS or photographs of hands"}


def run(study: Study) -> Findings:
    found, rows, s = Findings(study.name, TITLE), [], study.settings
    for dataset, name in DATASETS.items():
        root = s.root_of(dataset)
        if root is None:
            found.missing.append(f"{name}, real recordings: give {OPTION[dataset]}")
            places = {"simulated": study}
        else:
            simulated = Study(
                study.name,
                study.out / "simulated",
                replace(s, root=None, asl_root=None),
                study.networks,
                study.progress,
                study.executor,
            )
            places = {"simulated": simulated, "of the folder given": study}
        for place, where in places.items():
            floor = where.each(
                f"{dataset}-nearest-test",
                dataset,
                s.episodes,
                partial(one_nearest, where.tasks(dataset), s),
                ("test",),
                f"nearest neighbour, {name}, {place}",
            )
            rows.append([name, place, "nearest neighbour, untrained", estimate(floor).percent()])
            for method, label in LABELS.items():
                role = f"{dataset}/{method}"
                if where.network(role) is not None:
                    e = estimate(where.accuracies(role, dataset))
                    rows.append([name, place, label, e.percent()])
    found.tables.append(
        Table(
            "recordings",
            "5-way 1-shot accuracy on unseen classes (%)",
            ["data", "recordings", "method", "accuracy ± 95 % CI"],
            rows,
            "Networks as they travel with the package, meta-trained on simulated recordings alone.",
        )
    )
    return found
