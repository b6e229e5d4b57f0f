"""Few-shot accuracy of a checkpoint on seeded tasks, before and after adaptation, with its
95 % confidence interval. The same seed gives the same tasks, so that networks can be
compared on equal terms."""

import argparse
from pathlib import Path

from .options import (
    add_data,
    add_threads,
    add_workers,
    check_folder_of,
    count,
    executor_of,
    find_checkpoint,
    names,
    use_threads,
)

SUMMARY = "few-shot accuracy of a checkpoint"
EXAMPLES = """\
examples:
  minisnn evaluate --checkpoint runs/quick-1/checkpoint.h5
  minisnn evaluate --checkpoint runs/quick-1 --episodes 600 --seed 1 --json accuracy.json
  minisnn evaluate --checkpoint runs/quick-1 --root ~/N-MNIST      on real recordings
  minisnn evaluate --checkpoint runs/quick-1 --inner-steps 3       with more inner steps
  minisnn evaluate --checkpoint runs/quick-1 --freeze conv1        adapting less
  minisnn evaluate --checkpoint runs/quick-1 --workers 4           in four processes"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", required=True, metavar="FILE", help="checkpoint, run folder, or name of a shipped checkpoint"
    )
    add_data(parser)
    parser.add_argument("--episodes", type=count(1), default=100, metavar="N", help="number of tasks (default: 100)")
    parser.add_argument("--seed", type=count(0), default=0, metavar="S", help="of the tasks (default: 0)")
    for name, text in (("shots", "support samples of each class"), ("queries", "query samples of each class")):
        parser.add_argument(f"--{name}", type=count(1), metavar="N", help=f"{text} (default: as in training)")
    parser.add_argument("--inner-steps", type=count(0), metavar="N", help="gradient steps (default: as in training)")
    parser.add_argument("--step-size", type=float, metavar="X", help="of the inner loop (default: that of the checkpoint)")
    parser.add_argument("--freeze", type=names, metavar="A,B,…", help="layers that do not adapt (default: as in training)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the numbers, every episode's too, to this file")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the last line")
    add_threads(parser)
    add_workers(parser)


def run(args: argparse.Namespace) -> None:
    use_threads(args.threads)
    if args.json is not None:
        check_folder_of(args.json)
    from dataclasses import replace

    from ..training.checkpoint import read
    from ..parallel.compilation import announce
    from ..training.evaluation import evaluate, sentence
    from ..meta.inner import InnerLoop
    from ..training.folder import write_json

    found = read(find_checkpoint(args.checkpoint))
    given = {"steps": args.inner_steps, "step_size": args.step_size, "freeze": args.freeze}
    inner = replace(found.inner or InnerLoop(), **{name: value for name, value in given.items() if value is not None})
    shots = args.shots or (found.config.shots if found.config else 1)
    queries = args.queries or (found.config.queries if found.config else 10)
    if not args.quiet:
        announce()
    with executor_of(args) as executor:
        result = evaluate(
            found.net,
            found.theta,
            inner,
            args.dataset,
            args.split,
            args.episodes,
            args.seed,
            None,
            shots,
            queries,
            root=args.root,
            progress=not args.quiet,
            executor=executor,
        )
    result.update(checkpoint=str(args.checkpoint), inner_steps=inner.steps, freeze=list(inner.freeze))
    if args.json is not None:
        write_json(args.json, result)
    print(sentence(result))
