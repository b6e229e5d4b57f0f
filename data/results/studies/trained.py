"""Networks that studies train from random weights."""

from typing import Any

from minisnn.experiments.study import Study
from minisnn.training.run import train
from minisnn.training.settings import TrainingConfig


def trained(study: Study, name: str, dataset: str, config: TrainingConfig, **own: Any):
    """Train random weights by these settings, in a run folder of the study, which can be resumed."""
    short = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
    out = study.out / f"{study.name}-networks" / short
    return train(
        config,
        out,
        (out / "config.json").exists(),
        study.progress,
        data={"train": study.tasks(dataset, "train")},
        executor=study.executor,
        **own,
    )
