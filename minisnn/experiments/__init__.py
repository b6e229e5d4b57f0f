"""The tables and figures of Stewart & Neftci 2022, and what the paper did not try: one module each.

Every module has `TITLE`, and `run(study, found)`. A `Study` keeps what has been measured, episode
by episode, so that a run can be stopped and continued; `found`, which `Study.run` makes, are
tables, claims with their verdicts, and figures.

Import from here: `study`, `findings`, `drawing`, `networks`, `readout`, `report`, `statistics`.
It may import: stopping, terminal, files, parallel, layers, network, meta, data.store,
data.camera, data.sets, plots, training.
"""

import importlib

# name -> module
_OF_THE_PAPER = ("table-2", "figure-2", "figure-3", "figure-4", "table-3", "figure-5", "figure-6")
BEYOND = ("shots", "ways", "activity", "recordings", "shift", "rule", "onset")  # `minisnn explore`
EXPERIMENTS = {name: name.replace("-", "") for name in (*_OF_THE_PAPER, "relearn", *BEYOND)}
# name -> options of the commands that change nothing in it
UNUSED = {
    "figure-2": ("episodes", "queries", "workers", "scheduler", "networks", "retrain"),
    "table-3": ("queries", "asl_root"),
    "figure-5": ("asl_root",),
    "figure-6": ("asl_root",),
    "shift": ("asl_root",),
}


def experiment(name: str):
    """The module of an experiment, with TITLE and run."""
    return importlib.import_module(f".{EXPERIMENTS[name]}", __package__)
