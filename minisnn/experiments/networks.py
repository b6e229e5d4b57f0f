"""Find the networks of the experiments.

A role is "<data set>/<rule>-<model>". Its network comes from the user's folder, or from those that
ship with the package, which `data/make_networks.py` trains.
"""

from functools import cache
from pathlib import Path
from typing import Any

from ..data.store.shipped import if_shipped
from ..training.checkpoint import Checkpoint, read
from ..training.origin import PYTHON

LABELS = {"maml-snn": "MAML (SNN)", "fomaml-snn": "FOMAML (SNN)", "maml-cnn": "MAML (CNN)"}
ROLES = (
    *(f"{dataset}/{model}" for dataset in ("double-nmnist", "double-asl") for model in LABELS),
    "double-nmnist/pretrained-snn",
    "double-nmnist/moved-snn",
)


def file_name(role: str) -> str:
    """Return the file of a role: double_nmnist_maml.h5 for double-nmnist/maml-snn; models other
    than SNNs are named."""
    return role.replace("/", "_").replace("-", "_").removesuffix("_snn") + ".h5"


class Networks:
    """A finder of networks by their roles.

    folder   the user's folder of checkpoints or run folders, with the shipped names; shipped
             networks replace missing ones
    ways     outputs of every network, except plain classifiers; None: any number
    """

    def __init__(self, folder: str | Path | None = None, ways: int | None = None):
        self.folder = None if folder is None else Path(folder).expanduser()
        self.ways = ways
        names = [file_name(role) for role in ROLES]
        if self.folder is not None and not any(map(self._own, names)):
            raise ValueError(
                f"{self.folder}: no network of the experiments is in this folder; expected "
                f"checkpoints or run folders named {', '.join(names)}"
            )

    @cache
    def find(self, role: str) -> Checkpoint | None:
        """Return the checkpoint of a role; None where there is none."""
        place = self.place(role)
        if place is None:
            return None
        network = read(place)
        dataset = role.split("/")[0]
        if network.origin.data not in (None, PYTHON, dataset):
            raise ValueError(
                f"{place}: the network learned from {network.origin.words()}; expected one of "
                f"{dataset}"
            )
        # a plain classifier has an output for each training class
        if not role.endswith("/pretrained-snn") and self.ways not in (None, network.net.ways):
            raise ValueError(
                f"{place}: the network has {network.net.ways} classes; expected one of "
                f"{self.ways}, as the others that it is compared with"
            )
        return network

    def place(self, role: str) -> Path | None:
        """Return the file or run folder of a role's network."""
        return self._own(file_name(role)) or if_shipped(file_name(role))

    def describe(self, role: str) -> str:
        """Describe where a network comes from, and how long it was trained."""
        network: Any = self.find(role)
        progress = network.progress
        begun = network.config and network.config.start
        done, planned = (progress.get(name) for name in ("update", "updates"))
        parts = {
            f", {progress.get('tasks', 0):,} tasks": "tasks" in progress,
            f" from {Path(begun or '').name} on": begun,
            f", of {network.origin.words()}": network.origin.data == PYTHON,
            f" (training is not done: {done or 0:,} of {planned or 0:,} updates)": done != planned,
        }
        place: Any = self.place(role)
        return place.name + "".join(words for words, holds in parts.items() if holds)

    def _own(self, name: str) -> Path | None:
        """Return the user's checkpoint or run folder of a name."""
        if self.folder is None:
            return None
        places = (self.folder / name, self.folder / name.removesuffix(".h5"))
        return next((place for place in places if place.exists()), None)
