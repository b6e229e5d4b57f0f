"""Meta-train a spiking network to learn classes from one recording each, then test it on
classes and recordings it has never seen. A task has a support set, from which the network
learns, and a query set, which it must name: --shots and --queries recordings of each of
--ways classes. Without options, a small network trains on simulated recordings. The run
folder holds settings, log, learning curve, checkpoint and result. Ctrl-C saves the run, and
--resume DIR continues it as if nothing had happened."""

import argparse
import sys
import warnings
from dataclasses import fields
from pathlib import Path

from ..meta.rules import RULES
from ..training.presets import DEFAULT, chosen, named, shared
from ..training.settings import PRESETS, TrainingConfig, in_words
from .. import outputs
from .options import (
    add_input,
    add_output,
    add_quiet,
    add_threads,
    add_workers,
    executor_of,
    names,
    or_none,
    reads,
)
from .options import use_threads, whole_numbers

EXAMPLES = """\
examples:
  minisnn train                              a first run, into runs/quick-1
  minisnn train --preset maml                MAML alone, as the paper does it
  minisnn train --preset paper-fast          Table 1's width, longer, by many cameras
  minisnn train --preset paper --out runs/t1 the paper's network and constants
  minisnn train --root ~/N-MNIST --seed 3    real recordings, another seed
  minisnn train --order 1 --inner-steps 3    first order, three steps
  minisnn train --rule anil --first-order-updates 300
  minisnn train --rule imaml                 many inner steps, of which only the end counts
  minisnn train --rule reptile --inner-steps 5 --learn-step-size no
  minisnn train --channels 8,16              any setting can be given
  minisnn train --tasks 4 --workers 4        tasks side by side
  minisnn train --resume runs/quick-1        resume a run that was stopped"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [--preset NAME] [--out DIR] [settings] | --resume DIR"
    run = parser.add_argument_group("the run")
    run.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        help=f"settings to start from (default: {DEFAULT}; maml with another rule, order or model, or "
        "with updates of first order)",
    )
    run.add_argument("--force", action="store_true", help="overwrite the run in --out")
    add_output(
        run,
        "--out",
        kind=outputs.RUN,
        metavar="DIR",
        help="run folder (default: runs/<preset>-<number>)",
    )
    add_input(
        run, "--resume", metavar="DIR", help="resume the run in this folder, with its own settings"
    )
    add_quiet(run)
    add_threads(run)
    add_workers(parser)
    for title, settings in TrainingConfig.groups().items():
        group = parser.add_argument_group(title)
        for f in settings:
            _add_setting(group, f)


def _add_setting(group, f) -> None:
    limits, kind = f.metadata, f.metadata["kind"]
    options: dict = dict(
        dest=f.name, default=argparse.SUPPRESS, help=f"{limits['help']} ({_defaults(f)})"
    )
    if kind is bool:
        options["action"] = argparse.BooleanOptionalAction
    elif isinstance(f.default, tuple):
        options.update(type=names if f.metadata["kind"] is str else whole_numbers, metavar="A,B,…")
    else:
        options["type"] = or_none(kind) if limits.get("optional") else kind
        if "choices" in limits:
            options["choices"] = limits["choices"]
        else:
            options["metavar"] = {int: "N", float: "X", str: "DIR" if f.name == "root" else "NAME"}[
                kind
            ]
    action = group.add_argument(f"--{f.name.replace('_', '-')}", **options)
    if f.name in ("root", "start"):
        reads(action)


def _defaults(f) -> str:
    """The defaults of the presets, in words."""
    values: dict[str, list[str]] = {}
    for name in (DEFAULT, *PRESETS):
        values.setdefault(in_words(getattr(PRESETS[name], f.name)), []).append(name)
    if f.default is None and (f.metadata["kind"] is bool or f.metadata.get("asked")):
        return "default: as the data set asks"
    if len(values) == 1:
        return f"default: {next(iter(values))}"
    return "; ".join(
        f"{', '.join(dict.fromkeys(names))}: {value}" for value, names in values.items()
    )


def _told(workers: int, config: TrainingConfig) -> str:
    """What is said where the number of workers has changed the settings."""
    given = f"--tasks {config.tasks} --updates {config.updates}"
    return f"{config.tasks} of {workers} workers share an update: {given} (--tasks 1: none do)"


def run(args: argparse.Namespace) -> None:
    use_threads(args.threads)
    changes = {
        f.name: getattr(args, f.name) for f in fields(TrainingConfig) if hasattr(args, f.name)
    }
    from ..data.sets.named import runs_code
    from ..training.folder import RunFolder, free_folder

    if args.resume is not None:
        out = Path(args.resume)
        config = RunFolder(Path(args.resume)).config()
        code = changes.pop("dataset", None)
        if code is not None and (code != config.dataset or not runs_code(code)):
            raise ValueError(
                f"--resume keeps the data of {args.resume}, {config.dataset}; leave out --dataset"
            )
        given = [
            f"--{name.replace('_', '-')}"
            for name in (*changes, "preset", "out", "force")
            if name in args.given
        ]
        if given:
            raise ValueError(
                f"--resume keeps the settings of {args.resume}; leave out {' '.join(given)}"
            )
    else:
        alone, changes = changes, shared(args.preset, changes, args.workers or 1)
        config = chosen(args.preset, changes)
        if changes != alone and not args.quiet:
            print(_told(args.workers, config), file=sys.stderr)
        for name, why in config.idle().items():
            if name in args.given:
                warnings.warn(f"--{name.replace('_', '-')} does nothing {why}", stacklevel=2)
        out = Path(args.out) if args.out else free_folder(named(args.preset, changes))
    from ..training.evaluation import open_sets
    from ..training.progress import sentence, table
    from ..training.run import train

    resume = args.resume is not None
    data = open_sets(config, not args.quiet) if resume and code is not None else None
    with executor_of(args) as executor:
        result = train(
            config,
            out,
            resume=resume,
            progress=not args.quiet,
            force=args.force,
            data=data,
            executor=executor,
        )
    print(f"run folder {out}: checkpoint.h5, result.json, log.csv, curve.png", file=sys.stderr)
    if result.test is None:
        print(f"trained, not tested: {out / 'checkpoint.h5'}")
    else:
        print(
            sentence(result.test),
            *table(
                result.test,
                f"{RULES[config.rule].words(config.order)}, meta-trained",
                result.inner,
            ),
            sep="\n",
        )
