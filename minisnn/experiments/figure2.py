"""Figure 2: example tasks of both data sets, events summed over 100 ms."""

from ..plots import plot_task
from .findings import Findings
from .study import TITLES, Study

TITLE = "Figure 2: tasks of Double N-MNIST and Double ASL-DVS"


def run(study: Study, found: Findings) -> None:
    rows = []
    seed = study.settings.seed
    for dataset, name in TITLES.items():
        tasks = study.tasks(dataset)
        task = tasks.episode(seed, 0, 5, 1, 2)
        found.figures[f"figure-2-{dataset}"] = (
            plot_task(task, 2),
            f"{name}: the first test task of seed {seed}.",
        )
        sample = "×".join(map(str, task.x_query.shape[1:]))
        events = task.x_query.sum(axis=(1, 2, 3, 4), dtype=int).mean()
        rows.append([name, tasks.source, " ".join(task.classes), sample, int(events)])
    found.table(
        "figure-2",
        "The tasks shown",
        "data | recordings | classes | sample (T×H×W×C) | events per sample",
        rows,
    )
    found.summary = (
        "A class is an ordered pair of symbols; a sample is two recordings side by side."
    )
