"""What `minisnn info` says of a checkpoint, a run, or a folder of data: imported when it is called,
with all that it needs."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..data.readers.anything import INDEX, SUFFIXES, nearly
from ..data.readers.arrays import SETS, holds_events, holds_set
from ..data.readers.columns import ORDER, order_of
from ..data.readers.hdf5 import naming
from ..data.readers.pictures import IMAGE_SUFFIXES, read_pictures
from ..data.written.parts import TRAINING, VALIDATION, lasting
from ..data.written.strokes import holds_strokes, read_strokes
from ..files import read_json
from ..meta.rules import RULES
from ..training.checkpoint import CURRENT, PREVIOUS, Checkpoint, holds_checkpoint, read
from ..training.evaluation import measure_of
from ..training.folder import RunFolder
from ..training.progress import alike_since, sentence, tells_before
from .look import look_at_file, look_at_folder
from .options import FORMS, find_checkpoint, in_a_line, refuse

MOST_COLUMNS, TALL = 8, 4  # of a table that is taken for one of events and not for a picture


def describe(args: argparse.Namespace) -> None:
    """Print what lies at `args.path`."""
    path = args.path.expanduser()
    if path.exists() and not path.is_dir() and not path.is_file():  # it might never end
        raise ValueError(f"{path}: this is a device or a pipe; expected a file or a folder")
    ordered = "columns" in args.given
    if ordered:
        order_of(args.columns)  # is refused before anything is looked at
    if path.is_dir() and any(
        (path / name).is_file() for name in (CURRENT, PREVIOUS, "config.json")
    ):
        _without_forms(args, "a run")
        _run_folder(path)
    elif holds_strokes(path):
        _without_forms(args, "pen strokes")
        _strokes(path)
    elif holds_set(path) or path.is_dir() and _holds_recordings(path, ordered):
        look_at_folder(path, args)
    elif path.is_file() and _is_recording(path, ordered):
        refuse(args, "for a recording", "sample", "sheet")
        look_at_file(path, args)
    else:
        if path.is_dir():
            _check_pictures(path)
        _without_forms(args, "anything but recordings")
        if path.is_file() and not path.stat().st_size:
            raise ValueError(f"{path}: this file is empty")
        if path.is_dir() or path.suffix in (".npz", ".npy", ".gz") or "ubyte" in path.name:
            _pictures(path)
        else:
            _checkpoint(find_checkpoint(path))


def _without_forms(args: argparse.Namespace, what: str) -> None:
    refuse(args, f"for {what}", "sample", "sheet", *FORMS)


def _is_recording(path: Path, ordered: bool) -> bool:
    """A file of events, and no pictures in .npy or .npz; ordered: its columns are given."""
    kind = path.suffix.lower()
    return kind in SUFFIXES and (kind not in (".npy", ".npz", *SETS) or holds_events(path, ordered))


def _holds_recordings(path: Path, ordered: bool) -> bool:
    """A folder of recordings, sound or damaged."""
    if (path / INDEX).is_file():
        return True
    some = (one for depth in ("*/*", "*/*/*") for one in path.glob(depth))
    known = (one for one in some if one.suffix.lower() in SUFFIXES and one.is_file())
    return any(one.suffix.lower() != ".npy" or holds_events(one, ordered) for one in known)


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
        with naming(file, "the result of a run, as `minisnn train` writes it"):
            print(f"{'result':<12}{sentence(result)}")


def _checkpoint(path: Path, config: Any = None) -> None:
    found = read(path)
    net = found.net
    config = config or found.config
    path = next(place for place in (path, path / CURRENT, path / PREVIOUS) if place.is_file())
    made = found.provenance.get("made", "unknown time")
    print(f"{path}: checkpoint of {made}, {path.stat().st_size / 1e3:,.0f} kB")
    neuron = asdict(net.neuron) if hasattr(net, "neuron") else {}
    window = f", window {net.window} steps" if neuron else ""
    detached = ", reset detached" if neuron and net.detach_reset else ""
    print(f"{'network':<12}{in_a_line(net)} in {net.dtype.name}{window}{detached}")
    constants = net.constants(found.theta) if neuron else {}
    for b in net.blocks:
        parts = [
            " x ".join(map(str, b.parameters()["weight"])),
            f"stride {b.stride}" * (b.stride > 1),
            f"{b.pool} pooling" * (b.pool != "none"),
            "recurrent" * b.recurrent,
            " ".join(["learned", *(f"{c} {constants[f'{b.name}.{c}']:.4g}" for c in b.learn)])
            * bool(b.learn),
        ]
        out = "logits" if b.readout else " x ".join(map(str, b.output_shape))
        size = net.slice_of(b.name)
        number = size.stop - size.start
        print(f"  {b.name:<10}{', '.join(filter(None, parts))} -> {out}; {number:,} parameters")
    if neuron:
        values = (f"{name} {value:g}" for name, value in neuron.items() if value is not None)
        print(f"{'neuron':<12}{', '.join(values)}")
    if found.inner is not None:
        print(f"{'inner loop':<12}{_inner_loop(net, found.inner)}")
    if config is not None:
        _training(found, config)
    names = ("minisnn", "python", "numpy", "numba")
    versions = [f"{one} {found.provenance[one]}" for one in names if one in found.provenance]
    by = f"{found.origin.command}; " if config is not None else ""
    print(f"{'made with':<12}{by}{', '.join(versions)}")


def _inner_loop(net: Any, inner: Any) -> str:
    """How a network learns a task, in words."""
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
    how = f"{inner.steps} step{'s' * (inner.steps != 1)}"
    sizes = ""
    if not inner.steps and hasattr(inner, "readings"):
        how = "none, nearest class mean"
    elif np.ndim(inner.step_size) == 0:
        how += f" of size {inner.step_size:g}"
    else:
        learned = {p.name: inner.step_size[p.slice] for p in net.layout}
        ranges = (f"{name} {some.min():.3g}-{some.max():.3g}" for name, some in learned.items())
        sizes = f", learned sizes: {', '.join(ranges)}"
    known = [words.format(value) for words, value in notes.items() if value is not None]
    return ", ".join([how, *known]) + sizes


def _training(found: Checkpoint, config: Any) -> None:
    done = found.progress.get("update", 0)
    rule = RULES[config.rule]
    words = rule.words(config.order)
    if config.first_order_updates:
        words += f", of first order for {config.first_order_updates} updates"
    if config.zero_readout:
        words += ", every task from a readout of zero"
    task = f"task{'s' * (config.tasks != 1)}, {config.ways}-way {config.shots}-shot"
    if rule.whole_set:
        task = f"batches of {config.queries} samples"
    print(
        f"{'training':<12}{words}, {done} of {config.updates} updates of {config.tasks} {task}, "
        f"{found.origin.words()}, seed {config.seed}"
    )
    curve = found.curve
    measure = measure_of(curve)
    if len(curve.get("loss", ())) != done or not done:
        return
    number = min(100, done - alike_since(config, done))
    last = {name: float(np.mean(column[-number:])) for name, column in curve.items()}
    before, after = last[f"{measure}_before"], last[f"{measure}_after"]
    form = ".1%" if measure == "accuracy" else ".4g"
    adapted = tells_before(config) and np.isfinite(before)
    way = (
        f"{before:{form}} before, {after:{form}} after adaptation" if adapted else f"{after:{form}}"
    )
    print(
        f"{'':<12}last {number} updates: query loss {last['loss']:.3f}, {measure} {way}; "
        f"{curve['seconds'][-1]:,.0f} s in all"
    )
    for update in np.flatnonzero(np.isfinite(curve["validation"]))[-1:]:
        what = "activity" if config.model == "snn" else "mean outputs"
        rates = ", ".join(
            f"{name.removeprefix('activity_')} {column[update]:.1%}"
            for name, column in curve.items()
            if name.startswith("activity_")
        )
        print(
            f"{'':<12}validation {measure} {curve['validation'][update]:{form}} after update "
            f"{update + 1}; {what} {rates}"
        )


def _pictures(path: Path) -> None:
    found = read_pictures(path)
    rows, columns = found.images.shape[1:]
    print(f"{path}: {len(found)} pictures of {columns} x {rows} pixels, {len(found.names)} labels")
    for name, number in zip(found.names, np.bincount(found.labels, minlength=len(found.names))):
        print(f"  {name:<10}{number:>7}")


def _check_pictures(path: Path) -> None:
    """ValueError where a folder holds no pictures, or its first array is a table of many rows and
    few columns, which is neither a picture nor events as it is."""
    some = sorted([*path.glob("*/*"), *path.glob("*/*/*")])
    if not any(file.suffix.lower() in IMAGE_SUFFIXES for file in some):
        raise ValueError(
            f"{path}: no run (with checkpoint.h5 or config.json), no recordings "
            f"(<class>/<recording>, or {INDEX}) and no pictures (<label>/*.png) lie in this "
            f"folder{nearly(path)}"
        )
    for file in [one for one in some if one.suffix.lower() == ".npy"][:1]:
        with naming(file, "an array"):
            shape = np.load(file, mmap_mode="r", allow_pickle=False).shape
            if len(shape) == 2 and min(shape) <= MOST_COLUMNS and max(shape) > TALL * min(shape):
                turned = "; should it be transposed?" * (shape[1] > shape[0])
                raise ValueError(
                    f"holds an array of shape {shape}; expected a column each of x, y, t and p (p is "
                    f"1 where all events are alike), or of times and units; say {ORDER}{turned}"
                )
