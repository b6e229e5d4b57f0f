"""Options that several commands share, and warnings about options without effect."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from ..data.written.words import options_of
from ..parallel.cluster import Cluster
from ..parallel.executor import Executor
from ..parallel.threads import set_threads
from ..parallel.workers import Workers

# the best shipped network for each data set, tested if none is named
NETWORKS = {
    "double-nmnist": "double_nmnist_fast.h5",
    "double-asl": "double_asl_maml.h5",
    "double-asl-same-take": "double_asl_same_take_prototypes.h5",
    "omniglot": "omniglot_background_wide.h5",
    "omniglot-background": "omniglot_background_wide.h5",
    "omniglot-random": "omniglot_random_cuba.h5",
    "written": "written_pen.h5",
}
OF_ORDERS = "written_order.h5"  # network for --strokes order

CHECKPOINT = "checkpoint, run folder, or name of a shipped checkpoint"
DATASET = "as in train (default: that of --checkpoint, or double-nmnist)"
ROOT = "folder of real recordings (default: simulated ones of the shipped digits)"
STROKES = "of dataset written, words as in train: such as order, shuffled, or alphabets that test"

Force = Annotated[bool, "replace what is there"]
Quiet = Annotated[bool, "print the result only, no progress"]
Split = Annotated[
    Literal["train", "val", "test"],
    "classes and recordings of meta-training, validation or test",
]
Threads = Annotated[
    int | None, "threads of the kernels; the results are the same for any number (default: all)"
]


@dataclass
class Work:
    """where the work is done (default: in this process)

    Episodes, and the tasks of an update (--tasks of minisnn train), are
    independent, so workers can share them, with one thread each. Results are the
    same to the last bit. A stopped run may continue with more or fewer workers.
    """

    workers: Annotated[int | None, "in N processes of this machine, such as one per core"] = None
    scheduler: Annotated[
        str | None, "ADDRESS", "on a Dask cluster, such as tcp://10.0.0.1:8786 (extra dask)"
    ] = None
    threads: Threads = None

    def executor(self) -> Any:
        """Return the executor that does the work, as a context manager that ends all workers."""
        set_threads(self.threads)
        if self.workers and self.scheduler:
            raise ValueError("--scheduler is not allowed with --workers; give one of them")
        if self.scheduler:
            return Cluster(self.scheduler)
        return Workers(self.workers) if self.workers else Executor()


@dataclass
class Forms:
    """what your own files do not state"""

    sensor: Annotated[
        tuple[int, ...] | None,
        "H,W",
        "rows and columns of the sensor, or its number of units, where files do not state them",
    ] = None
    time: Annotated[
        Literal["ns", "us", "ms", "s"] | None, "unit of times in files that do not state it"
    ] = None
    flip_y: Annotated[bool, "y grows upwards in the recordings"] = False
    columns: Annotated[
        str | None,
        "T,X,Y,P",
        "order of the columns in arrays and text without names, such as t,x,y,p; t_ms also gives "
        "the unit, - skips a column",
    ] = None


def flags(**given: Any) -> list[str]:
    """List the given options, as flags."""
    names = [name for name, value in given.items() if value not in (None, False, ())]
    return [f"--{name.rstrip('_').replace('_', '-')}" for name in names]


def idle(why: str, **given: Any) -> None:
    """Warn about given options that have no effect."""
    for flag in flags(**given):
        warnings.warn(f"{flag} does nothing {why}", stacklevel=3)


def network_for(dataset: str | None, strokes: tuple[str, ...]) -> Path:
    """Return the shipped network for a data set."""
    if dataset not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise ValueError(
            f"no network for this dataset ships; expected --checkpoint, or --dataset with one of {known}"
        )
    orders = dataset == "written" and options_of(strokes).get("over") == "order"
    return Path(OF_ORDERS if orders else NETWORKS[dataset])


def reading_of(dataset: str, strokes: tuple[str, ...]) -> dict[str, Any]:
    """Return the data set's options for the words of --strokes."""
    idle(f"for {dataset}", strokes=strokes if dataset != "written" else ())
    return options_of(strokes) if dataset == "written" else {}


def in_a_line(net: Any) -> str:
    """Describe a network's kind and size in one line."""
    kind = f"{type(net).__name__} for inputs {' x '.join(map(str, net.input_shape))}"
    answers = "outputs" if net.criterion.one_hot else "classes"
    return f"{kind}, {net.ways} {answers[: -1 if net.ways == 1 else None]}, {net.size:,} parameters"
