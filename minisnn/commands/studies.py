"""What the commands of tables, figures and the report share: their options, and how an experiment is carried out."""

import argparse
from contextlib import contextmanager
from pathlib import Path

from ..files import held
from .options import add_threads, add_workers, count, executor_of, use_threads

OUT = Path("runs/paper")


def add_study(parser: argparse.ArgumentParser, episodes: int = 600, asl: bool = True) -> None:
    """Options of a study, of so many episodes by default; asl: it measures on Double ASL, too."""
    data = parser.add_argument_group("what is measured")
    data.add_argument("--episodes", type=count(2), default=episodes, metavar="N", help=f"test episodes (default: {episodes})")
    data.add_argument("--queries", type=count(1), default=5, metavar="N", help="query samples of each class (default: 5)")
    data.add_argument("--seed", type=count(0), default=0, metavar="S", help="of the episodes (default: 0)")
    data.add_argument("--root", metavar="DIR", help="folder of real N-MNIST recordings (default: simulated ones)")
    if asl:
        data.add_argument(
            "--asl-root",
            metavar="PATH",
            help="folder of ASL-DVS, or photographs of the 24 letters (default: hands that are drawn and simulated)",
        )
    networks = parser.add_argument_group("networks (default: those that travel with minisnn)")
    networks.add_argument("--networks", metavar="DIR", help="folder of checkpoints or run folders with the shipped ones' names")
    networks.add_argument(
        "--retrain",
        action="store_true",
        help="train them anew first, into OUT/networks; takes hours, and can be stopped and resumed",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=OUT,
        metavar="DIR",
        help=f"folder of numbers, figures and records; the same command goes on with them (default: {OUT})",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_threads(parser)
    add_workers(parser)


@contextmanager
def study_maker(args: argparse.Namespace):
    """A function that makes the study of an experiment's name; networks, their data and the workers are shared."""
    use_threads(args.threads)
    if args.out.exists() and not args.out.is_dir():
        raise ValueError(f"{args.out}: there is a file of this name; expected a folder to write to")
    from ..experiments.networks import Networks
    from ..experiments.study import Settings, Study

    asl_root = getattr(args, "asl_root", None)
    settings = Settings(args.episodes, args.queries, args.seed, args.root, asl_root)
    with held(args.out), executor_of(args) as executor:
        networks = Networks(
            args.networks,
            args.out / "networks" if args.retrain else None,
            {"double-nmnist": args.root, "double-asl": asl_root},
            not args.quiet,
            executor,
        )
        yield lambda name: Study(name, args.out, settings, networks, not args.quiet, executor)


def carry_out(study):
    """Run an experiment and write what it found."""
    from ..experiments import experiment

    found = experiment(study.name).run(study)
    found.settings = study.describe()
    found.write(study.folder)
    return found


def run_and_print(name: str, args: argparse.Namespace) -> None:
    if not args.quiet:
        from ..parallel.compilation import announce

        announce()
    with study_maker(args) as make:
        study = make(name)
        try:
            found = carry_out(study)
        except KeyboardInterrupt as signal:
            raise KeyboardInterrupt(
                f"stopped; what was measured is kept in {study.out / 'records'}, the same command goes on"
            ) from signal
    print(found.text())
    print(f"\nnumbers and figures: {study.folder}")
