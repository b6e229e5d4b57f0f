"""What `minisnn info` says of a checkpoint, a run, pen strokes and labelled pictures."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..data.readers.anything import INDEX, SUFFIXES
from ..data.readers.arrays import SETS, holds_events, holds_set
from ..data.readers.columns import ORDER
from ..data.readers.hdf5 import naming
from ..data.readers.pictures import IMAGE_SUFFIXES, read_pictures
from ..data.written.orders import TRAINING, VALIDATION, lasting
from ..data.written.strokes import holds_strokes, read_strokes
from ..files import read_json
from ..meta.rules import RULES
from ..training.checkpoint import CURRENT, PREVIOUS, holds_checkpoint, read
from ..training.folder import RunFolder
from ..training.progress import alike_since, sentence
from . import look
from .options import in_a_line

FEW, TALL = 8, 4  # columns, and rows a column, of a table of events that is no picture


def kind_of(path: Path, ordered: bool) -> Callable:
    """What describes a path; ordered: the columns of its recordings are given."""

    def holds(file: Path) -> bool:
        kind = file.suffix.lower()
        arrays = (".npy", ".npz", *SETS) if file == path else (".npy",)
        known = kind in SUFFIXES and file.is_file()
        return known and (kind not in arrays or holds_events(file, ordered))

    if path.exists() and not path.is_dir() and not path.is_file():  # it might never end
        raise ValueError(f"{path}: this is a device or a pipe; expected a file or a folder")
    if any((path / name).is_file() for name in (CURRENT, PREVIOUS, "config.json")):
        return run
    if holds_strokes(path):
        return strokes
    inside = (one for depth in ("*/*", "*/*/*") for one in path.glob(depth))
    if holds_set(path) or (path / INDEX).is_file() or any(holds(one) for one in inside):
        return look.folder
    pictured = path.is_dir() or path.suffix in (".npz", ".npy", ".gz") or "ubyte" in path.name
    return look.file if holds(path) else pictures if pictured else checkpoint


def strokes(path: Path) -> None:
    """What written characters there are, and which of them train."""
    found = read_strokes(path)
    print(f"{path}: pen strokes of {len(found)} drawings of {len(found.names)} characters")
    seconds = lasting(found) / 1000
    for name in found.alphabets:
        own = found.alphabet_of[found.character] == name
        split = "trains" if name in TRAINING else "validates" if name in VALIDATION else "tests"
        many = f"{own.sum():>6} drawings, {np.median(seconds[own]):.1f} seconds each"
        print(f"  {name[:23]:<24}{split:<10}{many}")


def run(path: Path) -> None:
    """A run's network, settings and result."""
    folder = RunFolder(path)
    config, origin = folder.read() if (path / "config.json").is_file() else (None, folder.origin)
    if not holds_checkpoint(path):
        words = "a run that was stopped before its first checkpoint; begin it with"
        print(f"{path}: {words} {origin.how_to_go_on(path)}")
        return
    checkpoint(path, config)
    if (file := path / "result.json").is_file():
        result = read_json(file)
        with naming(file, "the result of a run, as `minisnn train` writes it"):
            print(f"{'result':<12}{sentence(result)}")


def checkpoint(path: Path, config: Any = None) -> None:
    """A network: its layers, how it adapts, how it was trained."""
    found = read(path)
    net: Any = found.net
    config = config or found.config
    spiking = hasattr(net, "neuron")
    print(f"{path}: checkpoint of {found.provenance.get('made', 'unknown time')}")
    print(f"{'network':<12}{in_a_line(net)} in {net.dtype.name}")
    constants = net.constants(found.theta) if spiking else {}
    for b in net.blocks:
        learned = [f"{name} {constants[f'{b.name}.{name}']:.4g}" for name in b.learn]
        parts = [
            " x ".join(map(str, b.parameters()["weight"])),
            f"stride {b.stride}" * (b.stride > 1),
            f"{b.pool} pooling" * (b.pool != "none"),
            "recurrent" * b.recurrent,
            f"learned {' '.join(learned)}" * bool(learned),
        ]
        out = "logits" if b.readout else " x ".join(map(str, b.output_shape))
        size = len(range(*net.slice_of(b.name).indices(net.size)))
        print(f"  {b.name:<10}{', '.join(filter(None, parts))} -> {out}; {size:,} parameters")
    if spiking:
        print(f"{'neuron':<12}{net.neuron}, window {net.window} steps")
    if found.inner is not None:
        print(f"{'inner loop':<12}{_inner_loop(net, found.inner)}")
    if config is not None:
        _training(found, config)
    versions = (f"{name} {found.provenance.get(name)}" for name in ("minisnn", "python", "numpy"))
    print(f"{'made with':<12}{found.origin.command}; {', '.join(versions)}")


def _inner_loop(net: Any, inner: Any) -> str:
    """How a network learns a task: its steps, and every field that is not the usual one."""
    values = {one.name: getattr(inner, one.name) for one in fields(inner)}
    values = {
        one.name: values[one.name]
        for one in fields(inner)
        if one.name == "steps" or values[one.name] is not one.default
    }
    for name, sizes in values.items():
        if isinstance(sizes, np.ndarray):
            ranges = ((p.name, sizes[p.slice]) for p in net.layout if sizes.ndim == 1)
            values[name] = ", ".join(
                f"{of} {some.min():.3g}-{some.max():.3g}" for of, some in ranges
            )
    return ", ".join([type(inner).__name__, *(f"{name} {value}" for name, value in values.items())])


def _training(found: Any, config: Any) -> None:
    """How a network was trained, and what it reached last."""
    done = found.progress.get("update", 0)
    task = f"{config.tasks} x {config.ways}-way {config.shots}-shot"
    if RULES[config.rule].whole_set:
        task = f"{config.queries} samples"
    words = (
        f"{RULES[config.rule].words(config.order)}, {done} of {config.updates} updates of {task}"
    )
    print(f"{'training':<12}{words}, {found.origin.words()}, seed {config.seed}")
    alike = max(alike_since(config, done), done - 100)
    for name, column in found.curve.items():
        last = name in ("seconds", "validation") or name.startswith("activity")
        known = column[0 if last else alike :]
        known = known[np.isfinite(known)]
        if known.size:
            value = known[-1] if last else known.mean()
            print(f"{'':<12}{name.replace('_', ' '):<26}{value:.4g}")


def pictures(path: Path) -> None:
    """How many pictures of which labels. ValueError where a folder holds none, or its first array
    is a table of many rows and few columns, which is neither a picture nor events as it is."""
    some = [one for one in path.rglob("*") if one.suffix.lower() in IMAGE_SUFFIXES]
    if path.is_dir() and not some:
        expected = f"expected a run, {INDEX}, <class>/<recording> or <label>/*.png"
        raise ValueError(f"{path}: no run, recordings or pictures; {expected}")
    if some and (first := min(some)).suffix.lower() == ".npy":
        shape = np.load(first, mmap_mode="r", allow_pickle=False).shape
        if len(shape) == 2 and min(shape) <= FEW and max(shape) > TALL * min(shape):
            raise ValueError(f"{first}: holds an array of shape {shape}; say {ORDER}, or turn it")
    found = read_pictures(path)
    rows, columns = found.images.shape[1:]
    print(f"{path}: {len(found)} pictures of {columns} x {rows} pixels, {len(found.names)} labels")
    for name, number in zip(found.names, np.bincount(found.labels, minlength=len(found.names))):
        print(f"  {name:<10}{number:>7}")
