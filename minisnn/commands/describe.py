"""`minisnn info` of a checkpoint or a run."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..data.readers.hdf5 import naming
from ..files import read_json
from ..meta.rules import RULES
from ..training.checkpoint import CURRENT, read
from ..training.folder import RunFolder
from ..training.progress import alike_since, sentence, size_of
from .options import in_a_line


def is_run(path: Path) -> bool:
    """Return whether this is a run folder."""
    return (path / CURRENT).is_file() or (path / "config.json").is_file()


def run(path: Path) -> None:
    """Print a run's network, settings and result."""
    folder = RunFolder(path)
    config, origin = folder.read() if (path / "config.json").is_file() else (None, folder.origin)
    if not (path / CURRENT).is_file():
        words = "a run that was stopped before its first checkpoint; restart it with"
        print(f"{path}: {words} {origin.how_to_resume(path)}")
        return
    checkpoint(path, config)
    if (file := path / "result.json").is_file():
        result = read_json(file)
        with naming(file, "the result of a run, as `minisnn train` writes it"):
            print(f"{'result':<12}{sentence(result)}")


def checkpoint(path: Path, config: Any = None) -> None:
    """Print a network: its layers, how it adapts, how it was trained."""
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
    """Describe how a network learns a task: its steps, and every field that differs from its
    default."""
    words = [type(inner).__name__]
    for one in fields(inner):
        value = getattr(inner, one.name)
        if isinstance(value, np.ndarray):
            value = f"{value.min():.3g}-{value.max():.3g}"
        elif one.name != "steps" and value == one.default:
            continue
        words.append(f"{one.name} {value}")
    return ", ".join(words)


def _training(found: Any, config: Any) -> None:
    """Print how a network was trained, and the last values of its curve."""
    done = found.progress.get("update", 0)
    rule = RULES[config.rule]
    task = f"{config.tasks} x {size_of(config, 'error_after' in found.curve)}"
    task = f"{config.queries} samples" if rule.whole_set else task
    words = f"{rule.words(config.order)}, {done} of {config.updates} updates of {task}"
    print(f"{'training':<12}{words}, {found.origin.words()}, seed {config.seed}")
    alike = max(alike_since(config, done), done - 100)
    for name, column in found.curve.items():
        last = name == "seconds" or name.startswith(("activity", "validation"))
        known = column if last else column[alike:]
        known = known[np.isfinite(known)]
        if known.size:
            value = known[-1] if last else np.mean(known)
            print(f"{'':<12}{name.replace('_', ' '):<26}{value:.4g}")
