"""The tables and figures of Stewart & Neftci 2022, and what the paper did not try: one module each.

Every module has `TITLE`, and `run(study) -> Findings`. A `Study` keeps what has been measured, episode by episode, so
that a run can be stopped and goes on; `Findings` are tables, claims with their verdicts, and figures.

Import from here: `study`, `findings`, `drawing`, `networks`, `readout`, `report`, `statistics`.
It may import: stopping, terminal, files, parallel, layers, kernels, network, meta, data.store, data.sets, plots, training.
"""

import importlib

# name -> module
EXPERIMENTS = {
    "table-2": "table2",
    "figure-2": "figure2",
    "figure-3": "figure3",
    "figure-4": "figure4",
    "table-3": "table3",
    "figure-5": "figure5",
    "figure-6": "figure6",
    "relearn": "relearn",
    "shots": "shots",
    "ways": "ways",
    "activity": "activity",
    "curvature": "curvature",
    "cost": "cost",
    "recordings": "recordings",
}


def experiment(name: str):
    """The module of an experiment, with TITLE and run."""
    return importlib.import_module(f".{EXPERIMENTS[name]}", __package__)
