"""What the commands of tables, figures and the report share: their options, and how an experiment
is carried out."""

import argparse
from contextlib import contextmanager
from pathlib import Path

from .. import outputs
from ..files import held
from ..experiments import UNUSED
from . import options
from ..parallel.compilation import announce

OUT = Path("runs/paper")
WAYS = 5  # classes of the tasks that the tables compare networks by


def add_study(
    parser: argparse.ArgumentParser,
    episodes: int = 600,
    asl: bool = True,
    counted: str = "test episodes",
) -> None:
    """`asl`: whether the data set of letters is measured, too; `counted`: what so many episodes
    are, in words."""
    data = parser.add_argument_group("what is measured")
    options.add_count(data, "episodes", episodes, counted, 2)
    options.add_count(data, "queries", 5, "query samples of each class")
    options.add_seed(data, "the episodes")
    options.add_input(
        data,
        "--root",
        metavar="DIR",
        help="folder of real N-MNIST recordings (default: simulated ones)",
    )
    if asl:
        options.add_input(
            data,
            "--asl-root",
            metavar="PATH",
            help="folder of ASL-DVS, or photographs of the 24 letters (default: drawn hands, simulated)",
        )
    networks = parser.add_argument_group("networks (default: those that ship with minisnn)")
    options.add_input(
        networks,
        "--networks",
        metavar="DIR",
        help="folder of checkpoints or run folders that have the names of the shipped ones",
    )
    networks.add_argument(
        "--retrain",
        action="store_true",
        help="train them again first, into OUT/networks; this takes hours, and can be stopped and "
        "resumed",
    )
    options.add_output(
        parser,
        "--out",
        kind=outputs.STUDIES,
        default=OUT,
        metavar="DIR",
        help="folder for numbers, figures and records, from which the same command continues "
        f"(default: {OUT})",
    )
    options.add_quiet(parser)
    options.add_threads(parser)
    options.add_workers(parser)


@contextmanager
def study_maker(args: argparse.Namespace, *names: str):
    """A function that makes the study of an experiment's name; networks, their data and the workers
    are shared.

    names   of the experiments that will be carried out: what none of them uses must not be given,
            and their networks must have the ways of the tables
    """
    idle = [set(UNUSED.get(name, ())) for name in names]
    options.refuse(
        args, f"for {' and '.join(names)}", *sorted(set.intersection(*idle) if idle else ())
    )
    options.use_threads(args.threads)
    from ..experiments.networks import Networks
    from ..experiments.study import Settings, Study

    asl_root = getattr(args, "asl_root", None)
    settings = Settings(args.episodes, args.queries, args.seed, args.root, asl_root)
    roots = (args.root, asl_root)
    with held(args.out), options.executor_of(args) as executor:
        retrain = args.out / "networks" if args.retrain else None
        roots = dict(zip(("double-nmnist", "double-asl"), roots))
        ways = WAYS if names else None
        networks = Networks(args.networks, retrain, roots, not args.quiet, executor, ways)
        try:
            yield lambda name: Study(name, args.out, settings, networks, not args.quiet, executor)
        except KeyboardInterrupt as signal:
            raise KeyboardInterrupt(
                f"stopped; what was measured is kept in {args.out / 'records'}; run the same "
                "command again to continue"
            ) from signal


def carry_out(study, force: bool = False):
    """Run an experiment and write what it found."""
    found = study.run()
    found.settings = study.describe()
    write(found, study, force)
    return found


def write(found, study, force: bool) -> None:
    """Write what an experiment found, all of it or nothing, but over nobody else's files."""
    with outputs.marked_folder(study.folder, force) as made:
        found.write(made)


def check_place(study, force: bool) -> None:
    """Before any work: ValueError where another's files lie in the place of what an experiment will
    find."""
    outputs.check(study.folder, outputs.FOLDER, force=force)


def study_command(
    name: str,
    what: tuple = (),
    text: str = "",
    episodes: int = 600,
    counted: str = "test episodes",
):
    """(arguments, run) of a command that carries out the experiment `name`, of which {} is one of
    `what`, in words `text`; `counted` as `add_study` takes it."""

    def arguments(parser: argparse.ArgumentParser) -> None:
        if what:
            many = dict(metavar="WHAT") if len(what) > 7 else {}  # they stand above, a line each
            parser.add_argument("what", type=type(what[0]), choices=what, help=text, **many)
        add_study(parser, episodes, counted=counted)

    return arguments, lambda args: run_and_print(name.format(*what and [args.what]), args)


def run_and_print(name: str, args: argparse.Namespace) -> None:
    if not args.quiet:
        announce()
    with study_maker(args, name) as make:
        study = make(name)
        check_place(study, args.force)
        found = carry_out(study, args.force)
    print(found.text())
    print(f"\nnumbers and figures: {study.folder}")
