"""Options and types of options that several commands share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from ..data.store.shipped import find_checkpoint
from ..parallel.threads import set_threads

__all__ = [
    "add_data",
    "add_task",
    "add_threads",
    "add_workers",
    "check_folder_of",
    "count",
    "executor_of",
    "find_checkpoint",
    "names",
    "or_none",
    "use_threads",
    "whole_numbers",
]


def whole_numbers(text: str) -> tuple[int, ...]:
    """ "16,32,64" or "16-32-64"; "none" for no number."""
    return () if text == "none" else tuple(int(part) for part in text.replace("-", ",").split(","))


whole_numbers.__name__ = "list of whole numbers"


def names(text: str) -> tuple[str, ...]:
    """ "conv1,conv2"; "none" for no name."""
    return () if text == "none" else tuple(text.split(","))


def or_none(kind: Callable) -> Callable:
    """A type that takes "none" too."""

    def parse(text: str):
        return None if text == "none" else kind(text)

    parse.__name__ = kind.__name__
    return parse


def count(least: int) -> Callable[[str], int]:
    """Whole numbers from `least` on."""

    def parse(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too small; expected at least {least}")
        return value

    parse.__name__ = "whole number"
    return parse


def add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threads",
        type=count(1),
        metavar="N",
        help="threads of the kernels; the results are the same for any number (default: all)",
    )


def use_threads(number: int | None) -> None:
    """Carry out what `add_threads` asked for."""
    set_threads(number)


def add_workers(parser) -> None:
    """--workers and --scheduler, for work that falls into independent tasks; `executor_of` carries them out."""
    group = parser.add_argument_group(
        "where the work is done (default: in this process)",
        "Episodes, and the tasks of an update (--tasks of minisnn train), are independent and go "
        "to the workers, one thread each; the results are the same to the last bit. Workers may "
        "die, and another number may go on with a run that was stopped.",
    )
    choice = group.add_mutually_exclusive_group()
    choice.add_argument("--workers", type=count(1), metavar="N", help="in N processes of this machine, such as one a core")
    choice.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="by a Dask cluster, such as tcp://10.0.0.1:8786 (extra dask); "
        "start it with: dask scheduler, and on each machine "
        "dask worker ADDRESS --nthreads 1 --nworkers N",
    )


def executor_of(args: argparse.Namespace):
    """What `add_workers` asked for, a context manager that ends all workers."""
    if args.scheduler is not None:
        from ..parallel.cluster import Cluster

        return Cluster(args.scheduler)
    from ..parallel.executor import Executor
    from ..parallel.workers import Workers

    return Executor() if args.workers is None else Workers(args.workers)


def add_data(parser: argparse.ArgumentParser, split: str | None = "test") -> None:
    """--dataset, --root and --split."""
    parser.add_argument("--dataset", default="double-nmnist", metavar="NAME", help="double-nmnist (default) or double-asl")
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="folder of real N-MNIST recordings, with Train, Test or both; "
        "without it the event camera records the shipped digits",
    )
    if split is not None:
        parser.add_argument(
            "--split",
            choices=("train", "val", "test"),
            default=split,
            help=f"classes and recordings of meta-training, validation or test (default: {split})",
        )


def add_task(parser: argparse.ArgumentParser, ways: int, shots: int, queries: int) -> None:
    """--ways, --shots and --queries."""
    for name, default, text in (
        ("ways", ways, "classes of a task"),
        ("shots", shots, "support samples of each class"),
        ("queries", queries, "query samples of each class"),
    ):
        parser.add_argument(f"--{name}", type=count(1), default=default, metavar="N", help=f"{text} (default: {default})")


def check_folder_of(path: Path) -> None:
    """Before long work: ValueError where a file at `path` could not be written."""
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.absolute().parent} to write it to")
    if path.is_dir():
        raise ValueError(f"{path}: there is a folder of this name; expected the name of a file")
