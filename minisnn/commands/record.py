"""`minisnn record`: turn labelled pictures into event recordings."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from .. import outputs
from ..files import whole_folder
from ..parallel.threads import set_threads
from ..terminal import bar
from .options import Quiet, Threads, idle


def record(
    pictures: Annotated[Path | None, "labelled pictures (default: the shipped digits)"] = None,
    /,
    *,
    out: Annotated[Path, "DIR", "folder of files <split>/<label>/<number>.bin", outputs.SHARED],
    split: Annotated[Literal["Train", "Test"], "what the recordings are for"] = "Train",
    each: Annotated[int | None, "only the first N pictures of each label"] = None,
    size: Annotated[tuple[int, ...] | None, "H,W", "resize all pictures to this size first"] = None,
    inverted: Annotated[
        bool, "show bright ink dark on a bright screen, as N-MNIST was recorded"
    ] = True,
    duration: Annotated[
        int, "MS", "length of a recording in milliseconds; 310 covers all three saccades"
    ] = 310,
    seed: Annotated[int, "seed of the noise"] = 0,
    quiet: Quiet = False,
    threads: Threads = None,
) -> None:
    """Record labelled pictures with the simulated event camera, which moves in
    N-MNIST's three saccades. Without pictures it records the digits that ship with
    minisnn. Its output can be used directly: a folder of digits in N-MNIST's
    format is a --root for train and evaluate.

    examples:
      minisnn record --out simulated                 the shipped digits
      minisnn record letters --out letters-events    letters/<label>/<name>.png
      minisnn train --root simulated                 train on these recordings

    pictures: a folder with a folder of pictures for each label (.png, .jpg, ...),
    or .npz with images and labels
    """
    set_threads(threads)
    import numpy as np

    from ..data.camera.event_camera import EventCamera
    from ..data.readers.nmnist import write_nmnist
    from ..data.readers.pictures import read_pictures
    from ..data.sets.digits import load_digits

    if size is not None and len(size) != 2:
        raise ValueError(f"size must be two numbers, rows and columns, not {size}")
    found: Any
    if pictures is None:
        idle("for the shipped digits", size=size)
        found = load_digits()
        names = tuple("0123456789")
        numbers = found.numbers
    else:
        found = read_pictures(pictures, size)
        names = found.names
        numbers = np.arange(1, len(found) + 1)
    for name in names:
        if name in ("", ".", "..") or not name.isprintable() or set(name) & set("/\\:"):
            raise ValueError(f"{pictures}: the label {name!r} cannot be the name of a folder")
    if existing := [folder for folder in out.glob("*") if folder.name.lower() == split.lower()]:
        raise ValueError(f"{existing[0]}: there are recordings, which would be mixed with new ones")
    recorded: Counter[int] = Counter()
    total = 0
    with whole_folder(out) as folder:
        camera = EventCamera(inverted=inverted)
        for index in bar(range(len(found.labels)), None, "recording", not quiet):
            label = int(found.labels[index])
            number = int(numbers[index])
            if each is not None and recorded[label] >= each:
                continue
            recorded[label] += 1
            events = camera.record(found.images[index], seed, number, duration)
            if not events.size:
                what = f"picture {number} of the set gives no events; is it all of one grey?"
                raise ValueError(f"{pictures}: {what}")
            (folder / split / names[label]).mkdir(parents=True, exist_ok=True)
            write_nmnist(folder / split / names[label] / f"{number:05d}.bin", events)
            total += len(events)
    many = f"{recorded.total()} recordings of {len(names)} labels"
    print(f"{out}: {many}, {total / recorded.total():.0f} events on average")
