"""Options and types of options that several commands share, and what is refused."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import outputs
from ..data.written.words import options_of
from ..data.store.shipped import find_checkpoint as find_checkpoint
from ..training.settings import AS_GIVEN, READ_BY, READING
from .layout import Help as Help, only_given as only_given
from ..parallel.cluster import Cluster
from ..parallel.threads import set_threads
from ..parallel.executor import Executor
from ..parallel.workers import Workers
from ..meta.rules import RULES

# what is tested on a set of tasks where no network is named: the best that ships for it
NETWORKS = {
    "double-nmnist": "double_nmnist_fast.h5",
    "double-asl": "double_asl_maml.h5",
    "double-asl-same-take": "double_asl_same_take_prototypes.h5",
    "omniglot": "omniglot_background_wide.h5",
    "omniglot-background": "omniglot_background_wide.h5",
    "omniglot-random": "omniglot_random_cuba.h5",
    "written": "written_pen.h5",
}
OF_ORDERS = "written_order.h5"  # where --strokes asks for order


def refuse(args: argparse.Namespace, why: str, *names: str) -> None:
    """ValueError where options were given (`args.given`) that do nothing here."""
    given = [f"--{name.replace('_', '-')}" for name in names if name in args.given]
    if given:
        raise ValueError(
            f"{' and '.join(given)} would do nothing {why}; leave "
            f"{'it' if len(given) == 1 else 'them'} out"
        )


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


def add_count(
    parser, name: str, default: int | None, text: str, least: int = 1, metavar: str = "N"
) -> None:
    """A whole number from `least` on; its default is told, where the text does not."""
    text = text if default is None else f"{text} (default: {default})"
    parser.add_argument(f"--{name}", type=count(least), default=default, metavar=metavar, help=text)


def add_list(parser, name: str, default: tuple | None, text: str, metavar: str = "A,B,…") -> None:
    """Whole numbers between commas."""
    parser.add_argument(
        f"--{name}", type=whole_numbers, default=default, metavar=metavar, help=text
    )


def add_seed(parser, of: str) -> None:
    add_count(parser, "seed", 0, f"seed of {of}", 0, "S")


def add_yes(parser, name: str, text: str) -> None:
    """A pair of flags, yes by default."""
    parser.add_argument(
        f"--{name}", action=argparse.BooleanOptionalAction, help=f"{text} (default: yes)"
    ).default = True


def add_quiet(parser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print the result only, no progress")


def add_threads(parser) -> None:
    add_count(
        parser,
        "threads",
        None,
        "threads of the kernels; the results are the same for any number (default: all)",
    )


use_threads = set_threads  # carries out what `add_threads` asks for


def add_workers(parser) -> None:
    """--workers and --scheduler, for work that falls into independent tasks; `executor_of` carries
    them out."""
    group = parser.add_argument_group(
        "where the work is done (default: in this process)",
        "Episodes, and the tasks of an update (--tasks of minisnn train), are independent, so "
        "workers can do them, with one thread each. Results are the same to the last bit; but "
        "where --tasks is not given, minisnn train gives each worker one, in fewer updates. "
        "Workers may die, and a stopped run may continue with more or fewer of them.",
    )
    choice = group.add_mutually_exclusive_group()
    add_count(choice, "workers", None, "in N processes of this machine, for example one per core")
    choice.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="on a Dask cluster, such as tcp://10.0.0.1:8786 (extra dask); start it with: dask "
        "scheduler, and on each machine: " + "dask worker ADDRESS --nthreads 1 --nworkers N",
    )


def executor_of(args: argparse.Namespace):
    """What `add_workers` asked for, a context manager that ends all workers."""
    if args.scheduler is not None:
        return Cluster(args.scheduler)

    return Executor() if args.workers is None else Workers(args.workers)


def add_checkpoint(parser, text: str, **more) -> None:
    text = f"{text}: checkpoint, run folder, or name of a shipped checkpoint"
    add_input(parser, "--checkpoint", metavar="FILE", help=text, **more)


def add_data(parser) -> None:
    """--dataset, --root and --split; of a network's data by default."""
    parser.add_argument(
        "--dataset",
        metavar="NAME",
        help="as in train (default: that of --checkpoint, or double-nmnist)",
    )
    add_input(
        parser,
        "--root",
        metavar="DIR",
        help="folder of real N-MNIST recordings, with Train, Test or both; without it, and with "
        "--dataset, simulated recordings of the shipped digits",
    )
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        default="test",
        help="classes and recordings of meta-training, validation or test (default: test)",
    )


FORMS = ("sensor", "time", "flip_y", "columns")  # of READING what a look at recordings needs


def add_forms(group) -> None:
    """What files of recordings do not say."""
    add_list(
        group,
        "sensor",
        None,
        "rows and columns of the sensor, or the number of units, where the files do not state them",
        "H,W",
    )
    group.add_argument(
        "--time",
        choices=("ns", "us", "ms", "s"),
        help="unit of times in files that do not state it",
    )
    group.add_argument("--flip-y", action="store_true", help="y grows upwards in the recordings")
    group.add_argument(
        "--columns",
        metavar="T,X,Y,P",
        help="order of the columns in arrays and text without names, such as t,x,y,p; t_ms also gives "
        "the unit, - skips a column",
    )


def add_reading(parser) -> None:
    """How recordings of --dataset recordings are read, where no checkpoint says it."""
    group = parser.add_argument_group(
        "how --dataset recordings is read, unless --checkpoint says it"
    )
    add_forms(group)
    text = "rows and columns of cells, or a number of units, to downscale to, by area"
    add_list(group, "size", None, text, "H,W")
    for name, text in (
        ("bin", "length of a time step"),
        ("duration", "length of a recording"),
        ("hop", "distance between the starts of parts of a continuous recording"),
    ):
        group.add_argument(f"--{name}-ms", type=float, metavar="MS", help=text)


def add_strokes(parser) -> None:
    """How dataset written is made of pen strokes; `given_strokes` takes it."""
    parser.add_argument(
        "--strokes",
        type=names,
        metavar="A,B,…",
        help="of dataset written, words as in train, which replace those of --checkpoint: such as "
        "order, shuffled, summed, or alphabets that test",
    )


def known_network(args: argparse.Namespace) -> Path:
    """--checkpoint, or where it was left out the network that ships for --dataset."""
    if args.checkpoint is not None:
        return args.checkpoint
    name = args.dataset
    if name not in NETWORKS:
        what = f"no network ships for --dataset {name}" if name else "no network was named"
        known = ", ".join(NETWORKS)
        args.whole().error(f"{what}; expected --checkpoint FILE, or --dataset with one of {known}")
    orders = name == "written" and options_of(args.strokes or ()).get("over") == "order"
    return Path(OF_ORDERS if orders else NETWORKS[name])


def check_learns(name: str, found: Any) -> None:
    """ValueError where a checkpoint is a classifier of its own classes and learns no new ones."""
    if found.config is not None and RULES[found.config.rule].whole_set:
        raise ValueError(
            f"{name}: a classifier, whose readout knows its own classes; expected a network that "
            "learns new ones"
        )


def given_strokes(args: argparse.Namespace, dataset: str) -> dict:
    """What `add_strokes` asks for; ValueError for another data set."""
    if dataset != "written":
        refuse(args, f"for {dataset}", "strokes")
    return options_of(args.strokes or ())


def given_reading(args: argparse.Namespace, dataset: str) -> list[str]:
    """Which of `add_reading`'s were given; ValueError for a data set that does not take them."""
    takes = READ_BY[dataset] if dataset in ("recordings", *AS_GIVEN) else []
    refuse(args, f"for {dataset}", *(name for name in READING if name not in takes))
    return [name for name in READING if name in args.given]


def in_a_line(net) -> str:
    """A network's kind and size."""
    return (
        f"{type(net).__name__} for inputs {' x '.join(map(str, net.input_shape))}, {net.ways} "
        f"classes, {net.size:,} parameters"
    )


def place(text: str) -> Path:
    """A path to write to; ~ is one's home."""
    return Path(text).expanduser()


def add_output(parser, *flags: str, kind: outputs.Kind | Callable, **options) -> argparse.Action:
    """An argument that names a file or folder to write: before the command runs, nothing of another
    kind is found there, or --force is given, which this adds. `kind` may be a function of the
    namespace (None: nothing is written)."""
    if flags[0].startswith("-"):
        options.setdefault("default", None)
    # which would be taken for a text, and so for a path
    if options.get("default") is not argparse.SUPPRESS:
        options["type"] = place
    action = parser.add_argument(*flags, **options)
    action.output = kind
    forced = kind not in (outputs.RUN, outputs.DATA)  # which say themselves what is replaced
    if "--force" not in parser._option_string_actions and forced:
        parser.add_argument(
            "--force",
            action="store_true",
            help="replace what is there",
        )
    return action


def add_input(parser, *flags: str, **options) -> argparse.Action:
    """An argument that names what is read: nothing is written in its place, not even by --force."""
    return reads(parser.add_argument(*flags, **options))


def reads(action: argparse.Action) -> argparse.Action:
    """Mark an argument as one of `add_input`."""
    action.input = True  # type: ignore[attr-defined]
    return action


def check_outputs(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Before any work: ValueError where a file or folder that the command would write must not be
    written."""
    chosen = {action.dest: action for one in _chosen(parser, args) for action in one._actions}
    values = {
        **getattr(args, "defaults", {}).get(getattr(args, "what", None) or "compare", {}),
        **vars(args),
    }
    read = [values.get(name) for name, action in chosen.items() if getattr(action, "input", False)]
    lists = [one if isinstance(one, list) else [one] for one in read if one is not None]
    there = [one for several in lists for one in several]
    written = []
    for name, action in chosen.items():
        kind = getattr(action, "output", None)
        kind = kind(argparse.Namespace(**values)) if callable(kind) else kind
        if kind is not None and values.get(name) is not None:
            outputs.check(values[name], kind, there, values.get("force", False))
            written.append(values[name])
    outputs.check_distinct(written)


def _chosen(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> list[argparse.ArgumentParser]:
    """The parser and those of the sub-commands that were named."""
    for action in parser._actions:
        if (
            isinstance(action, argparse._SubParsersAction)
            and getattr(args, action.dest, None) is not None
        ):
            return [parser, *_chosen(action.choices[getattr(args, action.dest)], args)]
    return [parser]
