"""`minisnn show`: draw a task as pictures, a raster and an animation."""

from pathlib import Path
from typing import Annotated, Any, Literal

from .. import outputs
from ..files import whole_folder
from ..training.settings import AS_GIVEN, READ_BY, READING
from .options import (
    CHECKPOINT,
    DATASET,
    ROOT,
    STROKES,
    Force,
    Forms,
    Split,
    idle,
    reading_of,
)

WAYS = 5  # classes of a task, if the set has them


def show(
    *,
    dataset: Annotated[str | None, DATASET] = None,
    root: Annotated[Path | None, ROOT] = None,
    split: Split = "test",
    strokes: Annotated[tuple[str, ...], STROKES] = (),
    ways: Annotated[
        int | None, f"classes of a task, or outputs (default: those of --checkpoint, or {WAYS})"
    ] = None,
    shots: Annotated[
        int | None, int, "support samples of each class (default: 1; in regression 10)"
    ] = None,
    queries: Annotated[
        int | None, int, "query samples of each class (default: 3; in regression 10)"
    ] = None,
    seed: Annotated[int, "seed of the tasks, as in evaluate"] = 0,
    index: Annotated[int, "which task of this seed"] = 0,
    checkpoint: Annotated[
        Path | None,
        "FILE",
        f"also draw what a network answers before and after adaptation: {CHECKPOINT}",
    ] = None,
    out: Annotated[Path, "DIR", "folder to write to", outputs.FOLDER] = Path("task"),
    format: Annotated[Literal["png", "svg", "pdf"], "file format of the pictures"] = "png",
    animation: Annotated[bool, "write the animation, which takes some seconds"] = True,
    force: Force = False,
    forms: Forms,
    size: Annotated[
        tuple[int, ...] | None,
        "H,W",
        "rows and columns of cells, or a number of units, to downscale recordings to, by area",
    ] = None,
    bin_ms: Annotated[float | None, "length of a time step of recordings"] = None,
    duration_ms: Annotated[float | None, "length of a recording"] = None,
    hop_ms: Annotated[
        float | None, "distance between the starts of parts of a continuous recording"
    ] = None,
) -> None:
    """Show a task: its samples as pictures, one recording as a raster, and all of it
    as an animation, each written to a file. Of a task of regression, the targets
    are drawn in place of the samples, and nothing is animated.

    examples:
      minisnn show                            the first test task, into ./task
      minisnn show --index 3 --out tasks/three             another one
      minisnn show --root ~/N-MNIST --ways 3               real recordings
      minisnn show --dataset shd --root ~/SHD              spoken words, as rasters
      minisnn show --dataset written --root strokes.npz    characters, by the pen
      minisnn show --checkpoint runs/quick-1               and a network's answers
      minisnn show --no-animation --format svg
    """
    from ..data.sets.named import open_set
    from ..plots import animate_task, plot_answers, plot_raster, plot_task, save
    from ..training.checkpoint import read

    found = None if checkpoint is None else read(checkpoint)
    name = dataset or "double-nmnist"
    place = None if root is None else str(root)
    how: dict[str, Any] = {}
    if found is not None and checkpoint is not None:
        name, place = found.to_open(checkpoint, dataset, place)
        outputs.check_not_read(out, [place], outputs.FOLDER)
        how = found.origin.options(name)
    given = dict(vars(forms), size=size, bin_ms=bin_ms, duration_ms=duration_ms, hop_ms=hop_ms)
    takes = READ_BY[name] if name in ("recordings", *AS_GIVEN) else []
    idle(f"for {name}", **{one: given[one] for one in READING if one not in takes})
    how |= {option: given[option] for option in takes if given[option] not in (None, False)}
    how |= reading_of(name, strokes)
    tasks = open_set(name, split, place, **how)
    most = min(WAYS, len(getattr(tasks, "classes", ())) or WAYS)
    usual = getattr(tasks, "outputs", most) if found is None else found.net.ways
    if found is not None and ways not in (None, usual):
        raise ValueError(f"--ways {ways}: the network has {usual}; leave it out")
    ways = ways or usual
    few = (10, 10) if hasattr(tasks, "outputs") else (1, 3)
    shots, queries = (
        default if number is None else number for number, default in zip((shots, queries), few)
    )
    task = tasks.episode(seed, index, ways, shots, queries)
    names = task.classes or tuple(map(str, range(task.ways)))
    what = f"real targets, outputs {task.ways}" if task.real else f"classes {' '.join(names)}"
    print(
        f"task {index} of seed {seed}: {what}; {len(task.y_support)} support and "
        f"{len(task.y_query)} query samples of {task.x_support.shape[1]} time steps, "
        f"{task.x_support.sum() / len(task.x_support):.0f} events per sample"
    )
    if source := getattr(tasks, "source", None):
        print(f"from {source}")
    sounds = task.x_support.ndim == 3
    where = "which units fire" if sounds else "where its events are"
    of = "" if task.real else f" of class {names[int(task.y_support[0])]}"
    title = f"A recording{of}: {where}, step by step"
    with whole_folder(out) as folder:
        written = [
            save(plot_task(task, queries), folder / f"task.{format}"),
            save(plot_raster(task.x_support[0], title), folder / f"raster.{format}"),
        ]
        if found is not None:
            before = found.net(found.theta, task.x_query)
            after = found.loop.logits(found.net, found.theta, task)
            updates = len(found.loop.batches(task.x_support, task.y_support))
            fig = plot_answers(task, before, after, updates)
            written.append(save(fig, folder / f"answers.{format}"))
        if animation and not sounds and not task.real:
            written.append(animate_task(task, folder / "task.gif"))
    print(*(out / path.name for path in written), sep="\n")
