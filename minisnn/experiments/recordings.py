"""Beyond the paper: networks meta-trained on simulated recordings, met with real ones and with
photographs of hands."""

from dataclasses import replace

from .findings import Findings
from .networks import LABELS
from .statistics import estimate
from .study import TITLES, Study
from .table2 import NEAREST, nearest_neighbour

TITLE = "Simulated recordings against real ones"
OPTION = {
    "double-nmnist": "--root with N-MNIST",
    "double-asl": "--asl-root with ASL-DVS or photographs of hands",
}


def run(study: Study, found: Findings) -> None:
    rows = []
    s = study.settings
    for dataset, name in TITLES.items():
        places = {"simulated": study}
        if s.root_of(dataset) is None:
            found.missing.append(f"{name}, real recordings: give {OPTION[dataset]}")
        else:
            settings = replace(s, root=None, asl_root=None)
            simulated = Study(
                study.name,
                study.out / "simulated",
                settings,
                study.networks,
                study.progress,
                study.executor,
            )
            places = {"simulated": simulated, "of the folder given": study}
        for place, where in places.items():
            rules = {"nearest": nearest_neighbour}
            floor = where.rows(f"{dataset}-nearest-test", dataset, rules)["nearest"]
            rows.append([name, place, NEAREST, *estimate(floor).columns()])
            for method, label in LABELS.items():
                role = f"{dataset}/{method}"
                if where.network(role) is not None:
                    e = estimate(where.accuracies(role, dataset))
                    rows.append([name, place, label, *e.columns()])
    found.table(
        "recordings",
        "5-way 1-shot accuracy on unseen classes (%)",
        "data | recordings | method | accuracy ± 95 % CI | over episodes",
        rows,
        "The networks that ship with the package, meta-trained on simulated recordings alone.",
    )
