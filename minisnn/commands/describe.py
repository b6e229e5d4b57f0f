"""What `minisnn info` says of a checkpoint, a run, or a folder of data: imported when it is called,
with all that it needs."""

import argparse
from pathlib import Path

import numpy as np

from ..data.readers.anything import INDEX, SETS, SUFFIXES, entries, holds_events, holds_set, nearly
from ..data.readers.columns import ORDER, order_of
from ..data.readers.nmnist import SHAPE, labelled_files, read_nmnist
from ..data.readers.pictures import IMAGE_SUFFIXES, read_pictures
from ..data.sets.statistics import recording_statistics
from ..data.written.parts import TRAINING, VALIDATION, lasting
from ..data.written.strokes import holds_strokes, read_strokes
from ..meta.rules import RULES
from ..training.checkpoint import CURRENT, PREVIOUS, holds_checkpoint, read
from ..training.evaluation import measure_of
from ..files import read_json
from ..training.folder import RunFolder
from ..training.progress import alike_since, sentence, tells_before
from .look import look_at_file, look_at_folder, short, tell_tasks
from .options import FORMS, find_checkpoint, in_a_line, refuse

MOST_COLUMNS, TALL = 8, 4  # of a table that is taken for one of events and not for a picture


def describe(args: argparse.Namespace) -> None:
    """Print what lies at `args.path`."""
    path = args.path.expanduser()
    if path.exists() and not path.is_dir() and not path.is_file():  # it might never end
        raise ValueError(f"{path}: this is a device or a pipe; expected a file or a folder")
    set_of_many = holds_set(path)
    ordered = "columns" in args.given
    if ordered:
        order_of(args.columns)  # is refused before anything is looked at
    recording = path.is_file() and not set_of_many and _is_recording(path, ordered)
    if not path.is_dir() and not set_of_many:
        refuse(
            args,
            "for anything but a folder of recordings",
            "sample",
            "sheet",
            *(() if recording else FORMS),
        )
    if path.is_file() and not path.stat().st_size:
        raise ValueError(f"{path}: this file is empty")
    run = path.is_dir() and any(
        (path / name).is_file()
        for name in ("checkpoint.h5", "checkpoint.previous.h5", "config.json")
    )
    if run or holds_strokes(path):
        refuse(args, f"for {'a run' if run else 'pen strokes'}", "sample", "sheet", *FORMS)
        (_run_folder if run else _strokes)(path)
    elif path.is_dir():
        _data_folder(path, args)
    elif set_of_many:
        look_at_folder(path, args)
    elif recording:
        look_at_file(path, args)
    elif path.suffix.lower() in (".npz", ".npy", ".gz") or "ubyte" in path.name:
        _pictures(path)
    else:
        _checkpoint(find_checkpoint(path))


def _strokes(path: Path) -> None:
    """What written characters there are, and how to train on them."""
    found = read_strokes(path)
    print(f"{path}: pen strokes of {len(found)} drawings of {len(found.names)} characters")
    print(
        f"{'alphabet':<24}{'characters':>12}{'people':>8}{'strokes':>9}{'seconds':>9}  meta-learning"
    )
    seconds = lasting(found) / 1000
    strokes = np.diff(found.drawing)
    for name in found.alphabets:
        own = found.alphabet_of[found.character] == name
        split = "trains" if name in TRAINING else "validates" if name in VALIDATION else "tests"
        print(
            f"{name[:23]:<24}{np.sum(found.alphabet_of == name):>12}"
            f"{len(np.unique(found.drawer[own])):>8}{strokes[own].mean():>9.1f}"
            f"{np.median(seconds[own]):>9.1f}  {split}"
        )
    print("strokes of a drawing are means, and seconds that it took medians")
    if lacking := sorted({*TRAINING, *VALIDATION} - set(found.alphabets)):
        print(f"a network can be tested on them, and not trained: {', '.join(lacking)} is missing")


def _run_folder(path: Path) -> None:
    folder = RunFolder(path)
    config, origin = folder.read() if (path / "config.json").is_file() else (None, folder.origin)
    if not holds_checkpoint(path):
        print(
            f"{path}: a run that was stopped before its first checkpoint; begin it with "
            f"{origin.how_to_go_on(path)}"
        )
        return
    _checkpoint(path, config)
    if (file := path / "result.json").is_file():
        result = read_json(file)
        try:
            print(f"{'result':<12}{sentence(result)}")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{file}: not the result of a run ({error!r}); `minisnn train` writes it"
            ) from None


def _checkpoint(path: Path, config=None) -> None:
    found = read(path)
    net = found.net
    config = config or found.config
    path = next(place for place in (path, path / CURRENT, path / PREVIOUS) if place.is_file())
    print(
        f"{path}: checkpoint of {found.provenance.get('made', 'unknown time')}, "
        f"{path.stat().st_size / 1e3:,.0f} kB"
    )
    spiking = (
        f", window {net.window} steps{', reset detached' if net.detach_reset else ''}"
        if hasattr(net, "neuron")
        else ""
    )
    print(f"{'network':<12}{in_a_line(net)} in {net.dtype.name}{spiking}")
    constants = net.constants(found.theta) if hasattr(net, "constants") else {}
    for b in net.blocks:
        out = "logits" if b.readout else " x ".join(map(str, b.output_shape))
        more = f", stride {b.stride}" if b.stride > 1 else ""
        more += "" if b.pool == "none" else f", {b.pool} pooling"
        more += ", recurrent" * b.recurrent
        values = [f"{one} {constants[f'{b.name}.{one}']:.4g}" for one in b.learn]
        more += f", learned {' '.join(values)}" if values else ""
        size = net.slice_of(b.name)
        shape = " x ".join(map(str, b.parameters()["weight"]))
        print(f"  {b.name:<10}{shape}{more} -> {out}; {size.stop - size.start:,} parameters")
    if hasattr(net, "neuron"):
        print(
            f"{'neuron':<12}"
            + ", ".join(
                f"{name} {value:g}" for name, value in vars(net.neuron).items() if value is not None
            )
        )
    if found.inner is not None:
        _inner_loop(net, found.inner)
    if config is not None:
        _training(found, config)
    versions = {
        name: found.provenance.get(name) for name in ("minisnn", "python", "numpy", "numba")
    }
    by = f"{found.origin.command}; " if config is not None else ""
    print(
        f"{'made with':<12}{by}"
        + ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    )


def _inner_loop(net, inner) -> None:
    readings, looks = (getattr(inner, name, 1) for name in ("readings", "looks"))
    axes = getattr(inner, "axes", None)
    notes = {
        "frozen {}": " ".join(inner.freeze) or None,
        "updates above {:g}": inner.threshold,
        "updates above {:g} of their range": inner.threshold_fraction,
        "errors above {:g}": inner.error_threshold,
        "one sample at a time": inner.online or None,
        "pulled to their start by {:g} (lambda)": getattr(inner, "proximal", None),
        "features read {} times": readings if readings > 1 else None,
        "{} looks at a recording": looks if looks > 1 else None,
        "along {} axes": None if axes is None else axes.shape[1],
    }
    steps = f"{inner.steps} step{'s' * (inner.steps != 1)}"
    sizes = ""
    if not inner.steps and hasattr(inner, "readings"):
        steps = "none, nearest class mean"
    elif np.ndim(inner.step_size) == 0:
        steps += f" of size {inner.step_size:g}"
    else:
        parts = [_range(p.name, inner.step_size[p.slice]) for p in net.layout]
        sizes = f", learned sizes: {', '.join(parts)}"
    known = [words.format(value) for words, value in notes.items() if value is not None]
    print(f"{'inner loop':<12}{', '.join([steps, *known])}{sizes}")


def _range(name: str, sizes: np.ndarray) -> str:
    least, most = sizes.min(), sizes.max()
    return f"{name} {least:.3g}" + (f"-{most:.3g}" if most > least else "")


def _training(found, config) -> None:
    done = found.progress.get("update", 0)
    rule = RULES[config.rule]
    many = config.tasks != 1
    task = f"task{'s' * many}, {config.ways}-way {config.shots}-shot"
    if rule.whole_set:
        task = f"batch{'es' * many} of {config.queries} samples"
    words = rule.words(config.order)
    if config.first_order_updates:
        words += f", of first order for {config.first_order_updates} updates"
    if config.zero_readout:
        words += ", every task from a readout of zero"
    print(
        f"{'training':<12}{words}, {done} of {config.updates} updates of {config.tasks} {task}, "
        f"{found.origin.words()}, seed {config.seed}"
    )
    curve = found.curve
    measure = measure_of(curve)
    names = ["loss", f"{measure}_before", f"{measure}_after"]
    if not {*names, "seconds", "validation"} <= curve.keys() or not len(curve["loss"]) == done > 0:
        return
    number = min(100, done - alike_since(config, done))
    loss, before, after = (float(np.mean(curve[name][-number:])) for name in names)
    form = ".1%" if measure == "accuracy" else ".4g"
    way = f"{after:{form}}"
    if tells_before(config) and np.isfinite(before):
        way = f"{before:{form}} before, {way} after adaptation"
    print(
        f"{'':<12}last {number} updates: query loss {loss:.3f}, {measure} {way}; "
        f"{curve['seconds'][-1]:,.0f} s in all"
    )
    seen = np.flatnonzero(np.isfinite(curve["validation"]))
    if len(seen):
        last = seen[-1]
        what = "activity" if config.model == "snn" else "mean outputs"
        rates = ", ".join(
            f"{name.removeprefix('activity_')} {column[last]:.1%}"
            for name, column in curve.items()
            if name.startswith("activity_")
        )
        print(
            f"{'':<12}validation {measure} {curve['validation'][last]:{form}} after update "
            f"{last + 1}; {what} {rates}"
        )


def _is_recording(path: Path, ordered: bool) -> bool:
    """A file of events, and no pictures in .npy or .npz; ordered: its columns are said."""
    kind = path.suffix.lower()
    return kind in SUFFIXES and (kind not in (".npy", ".npz", *SETS) or holds_events(path, ordered))


def _holds_recordings(path: Path) -> bool:
    splits = [
        folder
        for folder in path.iterdir()
        if folder.is_dir() and folder.name.lower() in ("train", "test")
    ]
    return any(next(folder.glob("*/*.bin"), None) for folder in splits)


def _data_folder(path: Path, args: argparse.Namespace) -> None:
    if _holds_recordings(path) and not {"sheet", *FORMS} & set(args.given):
        return _recordings(path, args)

    some = [*path.glob("*/*"), *path.glob("*/*/*")]
    known = (one for one in some if one.suffix.lower() in SUFFIXES)
    ordered = args.columns is not None
    events = (one for one in known if one.suffix.lower() != ".npy" or holds_events(one, ordered))
    if (path / INDEX).is_file() or next(events, None):
        return look_at_folder(path, args)
    _no_columns(some)
    if any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.glob("*/*")):
        refuse(args, "for anything but a folder of recordings", "sample", "sheet", *FORMS)
        return _pictures(path)
    raise ValueError(
        f"{path}: no run (with checkpoint.h5 or config.json), no N-MNIST recordings "
        f"(Train/<digit>/*.bin), no recordings (<class>/<recording>, or {INDEX}) and no "
        f"pictures (<label>/*.png) lie in this folder{nearly(path)}"
    )


def _no_columns(files: list[Path]) -> None:
    """ValueError where arrays are tables of many rows and few columns, which are neither pictures
    nor events as they are."""
    for file in sorted(one for one in files if one.suffix.lower() == ".npy"):
        try:
            shape = np.load(file, mmap_mode="r", allow_pickle=False).shape
        except (ValueError, OSError):
            return  # whoever reads it says why
        table = len(shape) == 2 and min(shape) <= MOST_COLUMNS and max(shape) > TALL * min(shape)
        if table and shape[1] > shape[0]:
            raise ValueError(
                f"{file}: holds an array of shape {shape}; expected one row for each event: should "
                "it be transposed?"
            )
        if table and shape[1] > 4:
            raise ValueError(
                f"{file}: an array of shape {shape} has columns without names; say {ORDER}"
            )
        if table:
            raise ValueError(
                f"{file}: holds an array of shape {shape}; expected a column each of x, y, t and p "
                "(p is 1 where all events are alike), or of times and units in an order that is said, "
                "--columns t,unit"
            )
        return


def _pictures(path: Path) -> None:
    found = read_pictures(path)
    rows, columns = found.images.shape[1:]
    print(f"{path}: {len(found)} pictures of {columns} x {rows} pixels, {len(found.names)} labels")
    for name, number in zip(found.names, np.bincount(found.labels, minlength=len(found.names))):
        print(f"  {name:<10}{number:>7}")


def _recordings(root: Path, args: argparse.Namespace) -> None:
    splits = {}
    for split in ("train", "test"):
        try:
            splits[split] = labelled_files(root, split)
        except ValueError as error:
            missing = error
    if not splits:
        raise missing
    labels = sorted(set().union(*splits.values()))
    digits = set(labels) <= set("0123456789")
    labels = list("0123456789") if digits else labels
    print(f"{root}: recordings in N-MNIST's form")
    for first in range(0, len(labels), 10):
        some = labels[first : first + 10]
        print(f"{'label':<12}" + "".join(f" {label[:8]:>6}" for label in some))
        for split, files in splits.items():
            print(f"{split:<12}" + "".join(f" {len(files.get(label, [])):>6}" for label in some))
    print(
        "in all: "
        + ", ".join(f"{split} {sum(map(len, files.values()))}" for split, files in splits.items())
    )
    if not digits:
        _statistics(splits, args.sample)
        print("these are not digits, which Double N-MNIST needs; they are your own recordings")
        return tell_tasks(root, entries(root), SHAPE, SHAPE)
    train = "Train without every fifth picture" if "train" in splits else "nothing; it needs Train"
    test = "Test" if "test" in splits else "every fifth picture of Train"
    print(f"for meta-training: {train}; for validation and test: {test}")
    _statistics(splits, args.sample)


def _statistics(splits: dict, sample: int) -> None:
    """A table of statistics, a column a split, made of `sample` recordings evenly spaced over
    digits and numbers."""
    columns = {}
    for split, files in splits.items():
        paths = [path for label in sorted(files) for _, path in files[label]]
        chosen = [
            paths[i]
            for i in np.unique(np.linspace(0, len(paths) - 1, min(sample, len(paths))).astype(int))
        ]
        columns[f"{split} ({len(chosen)})"] = recording_statistics(
            [read_nmnist(path) for path in chosen]
        )
    print(f"\n{'statistics of (recordings)':<32}" + "".join(f"{name:>16}" for name in columns))
    for name in next(iter(columns.values())):
        print(f"{name:<32}" + "".join(f"{short(column[name]):>16}" for column in columns.values()))
