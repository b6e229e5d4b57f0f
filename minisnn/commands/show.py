"""Show a task: its samples as pictures, one recording as a raster, and all of it as an
animation, each written to a file."""

import argparse
from pathlib import Path

from .options import add_data, add_task, count, find_checkpoint

SUMMARY = "a task as pictures, a raster and an animation"
EXAMPLES = """\
examples:
  minisnn show                                  the first test task, into ./task
  minisnn show --index 3 --out tasks/three      another one
  minisnn show --root ~/N-MNIST --ways 3        real recordings
  minisnn show --checkpoint runs/quick-1        and what this network answers, before and after it learned the task
  minisnn show --no-animation --format svg"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    add_task(parser, ways=5, shots=1, queries=3)
    parser.add_argument("--seed", type=count(0), default=0, metavar="S", help="of the tasks, as in evaluate (default: 0)")
    parser.add_argument("--index", type=count(0), default=0, metavar="I", help="which task of this seed (default: 0)")
    parser.add_argument("--out", type=Path, default=Path("task"), metavar="DIR", help="folder to write to (default: task)")
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="also draw what this network answers before and after adaptation: checkpoint, run folder, or a shipped name",
    )
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="of the pictures (default: png)")
    parser.add_argument(
        "--animation",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write the animation, which takes some seconds (default: yes)",
    )


def run(args: argparse.Namespace) -> None:
    if args.out.exists() and not args.out.is_dir():
        raise ValueError(f"{args.out}: there is a file of this name; expected a folder to write to")
    from ..training.evaluation import open_set
    from ..plots import animate_task, plot_raster, plot_task, save

    tasks = open_set(args.dataset, args.split, args.root)
    task = tasks.episode(args.seed, args.index, args.ways, args.shots, args.queries)
    print(
        f"task {args.index} of seed {args.seed}: classes {' '.join(task.classes)}; {len(task.y_support)} support and "
        f"{len(task.y_query)} query samples of {task.x_support.shape[1]} ms, "
        f"{task.x_support.sum() / len(task.x_support):.0f} events a sample"
    )
    args.out.mkdir(parents=True, exist_ok=True)
    name = task.classes[int(task.y_support[0])]
    print(save(plot_task(task, args.queries), args.out / f"task.{args.format}"))
    title = f"A recording of class {name}: events sweep over the pixels as the eye moves"
    print(save(plot_raster(task.x_support[0], title), args.out / f"raster.{args.format}"))
    if args.checkpoint is not None:
        from ..training.checkpoint import read
        from ..meta.inner import InnerLoop, predict
        from ..plots import plot_answers

        found = read(find_checkpoint(args.checkpoint))
        theta = (found.inner or InnerLoop()).adapt(found.net, found.theta, task.x_support, task.y_support)
        before, after = (predict(found.net, point, task.x_query) for point in (found.theta, theta))
        print(save(plot_answers(task, before, after), args.out / f"answers.{args.format}"))
    if args.animation:
        print(animate_task(task, args.out / "task.gif"))
