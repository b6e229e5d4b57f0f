"""Record labelled pictures with the simulated event camera, which moves in N-MNIST's three
saccades. Without pictures it records the digits that ship with minisnn. Its output can be used at
once: a folder of digits in N-MNIST's format serves as --root of train and evaluate."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from dataclasses import replace

from ..files import whole_folder
from .. import outputs
from .options import (
    add_count,
    add_input,
    add_list,
    add_output,
    add_quiet,
    add_seed,
    add_threads,
    add_yes,
    refuse,
    use_threads,
)
from ..terminal import bar

EXAMPLES = """\
examples:
  minisnn record --out simulated                 the shipped digits
  minisnn record letters --out letters-events    letters/<label>/<name>.png
  minisnn record train-images-idx3-ubyte.gz --out mnist-events --each 100
  minisnn train --root simulated                 train on what was recorded

pictures: a folder with a folder of pictures for each label (.png, .jpg, ...), an idx file with the labels beside it (as
MNIST's, plain or .gz), or .npz with images and labels"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_input(
        parser,
        "pictures",
        nargs="?",
        type=Path,
        help="labelled pictures (default: the shipped digits)",
    )
    add_input(
        parser,
        "--labels",
        type=Path,
        metavar="FILE",
        help="labels of an idx or .npy file of pictures",
    )
    add_output(
        parser,
        "--out",
        kind=outputs.FOLDER,
        required=True,
        metavar="PATH",
        help="new folder of N-MNIST files, <split>/<label>/<number>.bin",
    )
    parser.add_argument(
        "--split",
        choices=("Train", "Test"),
        default="Train",
        help="split that the recordings are put into (default: Train)",
    )
    add_count(parser, "each", None, "only the first N pictures of each label")
    add_list(parser, "size", None, "resize all pictures to this size first", "H,W")
    add_list(
        parser,
        "sensor",
        (34, 34),
        "rows and columns of the sensor, which the picture fills as in N-MNIST (default: 34,34)",
        "H,W",
    )
    add_yes(parser, "inverted", "show bright ink dark on a bright screen, as N-MNIST was recorded")
    add_count(
        parser,
        "duration",
        310,
        "length of a recording in milliseconds; 310 covers all three saccades",
        metavar="MS",
    )
    add_seed(parser, "the noise")
    add_quiet(parser)
    add_threads(parser)


def run(args: argparse.Namespace) -> None:
    use_threads(args.threads)
    out = args.out.expanduser()
    for name in ("size", "sensor"):
        if (given := getattr(args, name)) is not None and len(given) != 2:
            raise ValueError(f"{name} must be two numbers, rows and columns, not {given}")
    if args.pictures is None:
        refuse(args, "for the shipped digits", "labels", "size")
    images, labels, numbers, names = _pictures(args)
    keep = _first(labels, args.each)
    made = [(names[int(labels[n])], int(numbers[n])) for n in keep]
    _check_no_others(args, out, made)
    events = _write(args, out, names, _record(args, images, labels, numbers, keep))
    print(
        f"{out}: {len(keep)} recordings of {len(names)} labels, "
        f"{sum(events) / len(events):.0f} events on average, on a sensor of {args.sensor[1]} x "
        f"{args.sensor[0]} pixels"
    )


def _check_no_others(args: argparse.Namespace, out: Path, made: list[tuple[str, int]]) -> None:
    """ValueError where the folder's split holds files that none of these recordings, (label,
    number), replaces: old and new ones would be read as one set."""
    new = {f"{args.split}/{label}/{_file_name(number, args.sensor)}" for label, number in made}
    splits = [one for one in out.glob("*") if one.name.lower() == args.split.lower()]
    files = (one for split in splits for one in split.rglob("*") if not one.is_dir())
    others = sorted({one.relative_to(out).as_posix() for one in files} - new)
    if others:
        raise ValueError(
            f"{out}: {', '.join(others[:3])}{', …' * (len(others) > 3)} would stay beside the new "
            f"recordings and be read as some of them; remove the old {args.split}, or give another "
            "folder"
        )


def _file_name(number: int, sensor: tuple[int, ...]) -> str:
    return f"{number:05d}{'.bin' if sensor == (34, 34) else '.npz'}"


def _pictures(args: argparse.Namespace):
    """(images, labels, numbers, names of the labels); numbers seed the noise and name the files."""
    import numpy as np

    if args.pictures is None:
        from ..data.sets.digits import load_digits

        digits = load_digits()
        return digits.images, digits.labels, digits.numbers, tuple("0123456789")
    from ..data.readers.pictures import read_pictures

    found = read_pictures(args.pictures.expanduser(), args.labels, args.size)
    for name in found.names:
        if name in ("", ".", "..") or not name.isprintable() or set(name) & set("/\\:"):
            raise ValueError(f"{args.pictures}: the label {name!r} cannot be the name of a folder")
    return found.images, found.labels, np.arange(1, len(found) + 1), found.names


def _first(labels, each: int | None) -> list[int]:
    """Places of the first `each` pictures of every label, in order."""
    seen: dict[int, int] = {}
    keep = []
    for place, label in enumerate(labels.tolist()):
        seen[label] = seen.get(label, 0) + 1
        if each is None or seen[label] <= each:
            keep.append(place)
    return keep


def _record(args: argparse.Namespace, images, labels, numbers, keep: list[int]) -> Iterator[tuple]:
    """(label, number, events) of every picture."""
    from ..data.camera.event_camera import EventCamera

    camera = EventCamera(inverted=args.inverted)
    if args.sensor != (34, 34):
        scale = min(args.sensor) / 34
        picture = camera.picture_px / 34 * min(args.sensor)
        camera = replace(camera, sensor=args.sensor, picture_px=picture, amplitude=scale)
    for place in bar(keep, None, "recording", not args.quiet):
        number = int(numbers[place])
        events = camera.record(images[place], args.seed, number, args.duration)
        if not events.size:
            raise ValueError(
                f"{args.pictures}: picture {number} of the set gives no events; is it all of one "
                "grey?"
            )
        yield int(labels[place]), number, events


def _write(
    args: argparse.Namespace, out: Path, names: tuple[str, ...], recordings: Iterator[tuple]
) -> list[int]:
    """N-MNIST's form, or .npz of another sensor, the folder whole or not at all; the number of
    events of each recording."""
    import numpy as np

    from ..data.readers.nmnist import write_nmnist

    sizes = []
    with whole_folder(out, into=args.force) as folder:
        for name in names:
            (folder / args.split / name).mkdir(parents=True)
        for label, number, events in recordings:
            place = folder / args.split / names[label] / _file_name(number, args.sensor)
            if args.sensor == (34, 34):
                write_nmnist(place, events)
            else:
                np.savez_compressed(
                    place,
                    sensor=np.array(args.sensor),
                    **{one: events[one] for one in "xytp"},
                )
            sizes.append(len(events))
    return sizes
