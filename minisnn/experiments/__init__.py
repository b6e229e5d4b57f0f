"""The tables and figures of Stewart & Neftci 2022, and what the paper did not try.

What changes one number is a row of `sweeps.SWEEPS`; the others are a module each, with `TITLE` and
`run(study, found)`. A `Study` measures; `found`, which `Study.run` makes, are tables, claims with
their verdicts, and figures.

Import from here: `study`, `findings`, `drawing`, `networks`, `readout`, `report`.
It may import: stopping, terminal, files, parallel, core, network, meta, data.store,
data.camera, data.sets, plots, training.
"""

import importlib

# in the order of the report
EXPERIMENTS = tuple(
    "table-2 figure-2 figure-3 figure-4 table-3 figure-5 figure-6 relearn shots ways activity "
    "recordings shift rule onset".split()
)
BEYOND = EXPERIMENTS[8:]  # `minisnn explore`


def experiment(name: str) -> tuple:
    """Return (title, function) of an experiment."""
    sweeps = importlib.import_module(".sweeps", __package__)
    if name in sweeps.OTHERS:
        return sweeps.OTHERS[name]
    return sweeps.SWEEPS[name].title, sweeps.SWEEPS[name].run
