"""Show a task: its samples as pictures, one recording as a raster, and all of it as an animation,
each written to a file. Recordings of your own that cannot form tasks yet are shown as they are."""

import argparse
from pathlib import Path

from .. import outputs
from . import options
from .options import (
    add_checkpoint,
    add_count,
    add_data,
    add_output,
    add_seed,
    add_yes,
    find_checkpoint,
    refuse,
)

EXAMPLES = """\
examples:
  minisnn show                               the first test task, into ./task
  minisnn show --index 3 --out tasks/three   another one
  minisnn show --root ~/N-MNIST --ways 3     real recordings
  minisnn show --dataset shd --root ~/SHD    spoken words, as rasters
  minisnn show --dataset written --root strokes.npz    characters as a pen writes them
  minisnn show --checkpoint runs/quick-1     and what it answers
  minisnn show --no-animation --format svg"""

WAYS = 5  # of a task, where the set has so many
SHOWN = 6  # recordings of a class that are drawn where they form no tasks


def arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    options.add_strokes(parser)
    options.add_reading(parser)
    add_count(
        parser, "ways", None, f"classes of a task (default: those of --checkpoint, or {WAYS})"
    )
    add_count(parser, "shots", 1, "support samples of each class")
    add_count(parser, "queries", 3, "query samples of each class")
    add_seed(parser, "the tasks, as in evaluate")
    add_count(parser, "index", 0, "which task of this seed", 0, "I")
    add_output(
        parser,
        "--out",
        kind=outputs.FOLDER,
        default=Path("task"),
        metavar="DIR",
        help="folder to write to (default: task)",
    )
    add_checkpoint(parser, "also draw what a network answers before and after adaptation")
    parser.add_argument(
        "--format",
        choices=("png", "svg", "pdf"),
        default="png",
        help="of the pictures (default: png)",
    )
    add_yes(parser, "animation", "write the animation, which takes some seconds")


def run(args: argparse.Namespace) -> None:
    from ..training.checkpoint import read
    from ..data.sets.named import OWN, open_set
    from ..plots import animate_task, plot_answers, plot_raster, plot_task, save
    from ..plots.tasks import check_drawn

    found = None
    dataset = args.dataset or "double-nmnist"
    root = args.root
    if args.checkpoint is not None:
        found = read(find_checkpoint(args.checkpoint))
        dataset, root = found.to_open(args.checkpoint, args.dataset, args.root)
        outputs.check_not_read(args.out, [root], outputs.FOLDER)
    how = {} if found is None else found.origin.options(dataset)
    for name in options.given_reading(args, dataset):
        how[name] = getattr(args, name)
    how |= options.given_strokes(args, dataset)
    try:
        tasks = open_set(dataset, args.split, root, **how)
    except ValueError as error:
        if dataset != OWN or root is None or found is not None:
            raise
        return _as_they_are(args, Path(root), how, error)
    ways = args.ways or (
        min(WAYS, len(getattr(tasks, "classes", ())) or WAYS) if found is None else found.net.ways
    )
    if found is not None and ways != found.net.ways:
        raise ValueError(
            f"--ways {ways}: the network of {args.checkpoint} has {found.net.ways} classes; leave "
            "it out"
        )
    task = tasks.episode(args.seed, args.index, ways, args.shots, args.queries)
    check_drawn(task)
    names = task.classes or tuple(map(str, range(task.ways)))
    print(
        f"task {args.index} of seed {args.seed}: classes {' '.join(names)}; "
        f"{len(task.y_support)} support and {len(task.y_query)} query samples of "
        f"{task.x_support.shape[1]} time steps, "
        f"{task.x_support.sum() / len(task.x_support):.0f} events a sample"
    )
    if source := getattr(tasks, "source", None):
        print(f"from {source}")
    sounds = task.x_support.ndim == 3
    if sounds and args.animation:
        refuse(args, "with sounds, which are no pictures that move", "animation")
    name = names[int(task.y_support[0])]
    where = "which units fire" if sounds else "where its events lie"
    title = f"A recording of class {name}: {where}, step by step"
    with outputs.marked_folder(args.out, args.force) as made:
        written = [save(plot_task(task, args.queries), made / f"task.{args.format}")]
        written.append(save(plot_raster(task.x_support[0], title), made / f"raster.{args.format}"))
        if found is not None:
            before = found.net(found.theta, task.x_query)
            after = found.loop.logits(found.net, found.theta, task)
            updates = len(found.loop.batches(task.x_support, task.y_support))
            fig = plot_answers(task, before, after, updates)
            written.append(save(fig, made / f"answers.{args.format}"))
        if args.animation and not sounds:
            written.append(animate_task(task, made / "task.gif"))
    print(*(args.out / path.name for path in written), sep="\n")


def _as_they_are(args: argparse.Namespace, root: Path, how: dict, why: ValueError) -> None:
    """A contact sheet of recordings that form no tasks, and why not. ValueError where none can be
    read."""
    from ..data.readers.anything import entries, read_entry, sensor_of_all
    from ..plots import plot_sheet, save

    found = entries(root)
    sensor = how.get("sensor") or sensor_of_all(found)
    flip = sensor[0] if how.get("flip_y") and sensor else None
    shown: dict[str, list] = {one.label: [] for one in found}
    for one in found:
        some = shown[one.label]
        if len(some) == SHOWN:
            continue
        try:
            events = read_entry(one, how.get("time"), flip, how.get("sensor"), how.get("columns"))
        except ValueError as error:
            print(f"not shown: {error}")
            continue
        some.append((one.path.name if one.key is None else f"recording {one.key}", events))
    if not any(shown.values()):
        raise why
    print(f"no tasks yet: {why}")
    with outputs.marked_folder(args.out, args.force) as made:
        sheet = save(plot_sheet(shown, sensor), made / f"recordings.{args.format}")
    print(args.out / sheet.name)
