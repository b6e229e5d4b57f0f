"""Figure 2: example tasks of both data sets, events summed over 100 ms."""

from ..plots import plot_task
from .findings import Findings, Table
from .study import DATASETS, Study

TITLE = "Figure 2: tasks of Double N-MNIST and Double ASL-DVS"


def run(study: Study) -> Findings:
    found, rows = Findings(study.name, TITLE), []
    for dataset, name in DATASETS.items():
        task = study.tasks(dataset).episode(study.settings.seed, 0, 5, 1, 2)
        found.figures[f"figure-2-{dataset}"] = (
            plot_task(task, 2),
            f"{name}: the first test task of seed {study.settings.seed}.",
        )
        events = task.x_query.sum(axis=(1, 2, 3, 4), dtype=int)
        rows.append(
            [
                name,
                study.tasks(dataset).source,
                " ".join(task.classes),
                "×".join(map(str, task.x_query.shape[1:])),
                int(events.mean()),
            ]
        )
    found.tables.append(
        Table("figure-2", "The tasks shown", ["data", "recordings", "classes", "sample (T×H×W×C)", "events a sample"], rows)
    )
    found.summary = "A class is an ordered pair of symbols; a sample is two recordings side by side."
    return found
