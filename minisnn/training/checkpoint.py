"""Checkpoints: one HDF5 file that describes itself and cannot run code.

    attributes   as JSON, long ones packed: network (its configuration), layout (name and shape of
                 every array in theta), inner_loop, training (settings), progress, random,
                 provenance
    data sets    theta; step_size (scalar or flat like theta); axes, where class means have some;
                 optimiser/<of what>/<array>; curve/<column>

A file is written under another name and then renamed: whenever the process is killed, the old file
or the new one is there. A run also keeps the one before. HDF5's own checksums find what is damaged.
"""

import base64
import io
import json
import math
import warnings
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
import platform
from datetime import UTC, datetime

import numpy as np

from .. import __version__
from ..data.store import shipped
from ..network.convolutional import ConvNet
from ..data.readers.hdf5 import Hdf5, naming
from ..files import write_whole
from ..meta.inner import InnerLoop
from ..meta.kept import arrays_of, kept_of, loop_of
from ..network.spiking import SpikingNet
from .. import arguments as given
from .origin import CHIP, TRAIN, Origin
from .settings import TrainingConfig

CURRENT = "checkpoint.h5"  # in a run folder, and the one before it
PREVIOUS = "checkpoint.previous.h5"
Kept = SpikingNet | ConvNet  # networks that a checkpoint can hold
NETWORKS: dict[str, Any] = {"SpikingNet": SpikingNet, "ConvNet": ConvNet}
ANY = object()  # a rule that need not be known
WHAT = "a minisnn checkpoint"
LONG = 4096  # characters from which a text is packed
MOST_ROWS = 1 << 22  # of a curve
_PACKED = "zlib:"
_TEXTS = ("network", "layout", "inner_loop", "training", "progress", "random", "provenance")


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint:
    """The contents of a checkpoint; parts that were not saved are None or empty.

    net, theta   the network and its flat parameters
    inner        how it adapts to a task, with learned step sizes
    config       settings of the training
    curve        {column: float64 array}, one row for each update
    optimiser    {what it optimises: {array name: array}}
    random       state of a bit generator; to restore it in one of the same kind:
                 rng.bit_generator.state = checkpoint.random
    progress     counters and notes in plain JSON types
    provenance   versions and time of making
    origin       the command that made it, and its data

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.save("mine.h5", net, theta, inner=ms.InnerLoop(steps=2))
    >>> found = ms.read("mine.h5")
    >>> isinstance(found, ms.Checkpoint), found.inner.steps, found.config
    (True, 2, None)
    """

    net: Kept
    theta: np.ndarray
    inner: InnerLoop | None = None
    config: TrainingConfig | None = None
    curve: dict[str, np.ndarray] = field(default_factory=dict)
    optimiser: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    random: dict | None = None
    progress: dict = field(default_factory=dict)
    provenance: dict = field(default_factory=dict)
    origin: Origin = Origin()

    def __repr__(self) -> str:
        return f"Checkpoint({self.net!r}, progress={self.progress}, provenance={self.provenance})"

    @property
    def loop(self) -> InnerLoop:
        """How the network adapts, by the plain rule where nothing else was saved.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> ms.save("mine.h5", net, net.init(np.random.default_rng(0)))
        >>> found = ms.read("mine.h5")
        >>> found.inner is None, found.loop.steps
        (True, 1)
        """
        return self.inner or InnerLoop()

    def check_usable(self, path: str | Path) -> None:
        """Raise ValueError for float weights that only stand behind those of the Loihi-style
        fixed-point model.

        These are in the checkpoints of runs that train on that model.
        """
        if self.origin.command == CHIP and "chip" not in self.provenance:
            place = (Path(path) if Path(path).is_dir() else Path(path).parent) / "network.h5"
            raise ValueError(
                f"{path}: the run was made by `{CHIP}`, and its checkpoint is only there to "
                f"continue from; give the model's own network, {place}"
            )

    def to_open(
        self, path: str | Path, dataset: str | None, root: str | None
    ) -> tuple[str, str | None]:
        """(data set, root) that a command opens to test, show or export this network, as
        `Origin.to_open`; it is usable."""
        self.check_usable(path)
        return self.origin.to_open(path, dataset, root)


def save(
    path: str | Path,
    net: Kept,
    theta: np.ndarray,
    *,
    inner: InnerLoop | None = None,
    config: TrainingConfig | None = None,
    curve: Mapping | None = None,
    optimiser: Mapping | None = None,
    rng: np.random.Generator | None = None,
    progress: Mapping | None = None,
    provenance: Mapping | None = None,
    previous: Path | None = None,
) -> None:
    """Write a checkpoint, whole or not at all. The parts are those of `Checkpoint`; `provenance`
    adds to what is noted anyway.

    previous   where the overwritten checkpoint goes if it is undamaged: the last good one is never
               given up

    Raises ValueError where theta does not fit the network or is not finite, OSError where the file
    cannot be written.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.save("mine.h5", net, theta, inner=ms.InnerLoop(steps=2))
    >>> ms.load("mine.h5")[0].ways
    3
    """
    path = Path(path)
    given.array("theta", theta)  # nothing masked
    _checked_theta(net, theta)
    if inner is not None:
        inner.check(net)
    texts: dict[str, Any] = dict(
        network=dict(type=type(net).__name__, **net.configuration()),
        layout=_layout(net),
        inner_loop=None,
        training=config and asdict(config),
        random=rng and rng.bit_generator.state,
        progress=dict(progress or {}),
        provenance={**_provenance(), **(provenance or {})},
    )
    arrays = {"theta": theta}
    if inner is not None:
        texts["inner_loop"] = kept_of(inner)
        arrays.update(arrays_of(inner))
    for of, state in (optimiser or {}).items():
        arrays.update({f"optimiser/{of}/{name}": array for name, array in state.items()})
    for name, column in (curve or {}).items():
        arrays[f"curve/{name}"] = np.asarray(column, np.float64)
    said = {
        name: json.dumps(value, sort_keys=True, default=lambda array: array.tolist())
        for name, value in texts.items()
    }
    kept = previous if previous is not None and _is_whole(path) else None
    write_whole(path, _image(said, arrays), kept)


def _image(texts: dict[str, str], arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a file, in which HDF5 has a checksum for each of its parts."""
    import h5py

    image = io.BytesIO()
    with h5py.File(image, "w", libver=("v110", "v110")) as file:
        for name, text in texts.items():
            file.attrs[name] = np.bytes_(_packed(text))
        for name, array in arrays.items():
            whole = dict(chunks=array.shape, compression=4, shuffle=True, fletcher32=True)
            file.create_dataset(name, data=array, **(whole if array.ndim and array.size else {}))
    return image.getvalue()


def _packed(text: str) -> str:
    if len(text) < LONG:
        return text
    return _PACKED + base64.b64encode(zlib.compress(text.encode())).decode()


def _unpacked(text: str | bytes) -> Any:
    text = text.decode() if isinstance(text, bytes) else text
    if text.startswith(_PACKED):
        text = zlib.decompress(base64.b64decode(text[len(_PACKED) :])).decode()
    return json.loads(text)


def _is_whole(path: Path) -> bool:
    """Whether the file at `path` is a checkpoint without damage."""
    try:
        _read(path, {"rule": ANY})
    except (ValueError, OSError):
        return False
    return True


def load(path: str | Path, **changes: Any) -> tuple[Kept, np.ndarray]:
    """(network, theta) of a checkpoint.

    changes   replace settings of the network, such as dtype, and supply parts of your own, which no
              file holds: neuron, loss

    Raises FileNotFoundError, or ValueError naming the file and what was expected of it.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.save("mine.h5", net, theta, inner=ms.InnerLoop(steps=2))
    >>> net, again = ms.load("mine.h5", dtype="float64")
    >>> again.dtype, np.array_equal(theta, again)
    (dtype('float64'), True)
    """
    checkpoint = read(path, **{"rule": ANY, **changes})
    return checkpoint.net, checkpoint.theta


def read(path: str | Path, **changes: Any) -> Checkpoint:
    """The whole checkpoint, verified; `changes` as in `load`, and also a rule of your own.

    In a run folder it is the newest checkpoint, or where that is damaged the one before it, with a
    warning. Raises FileNotFoundError, or ValueError naming the file and what was expected of it.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.save("mine.h5", net, theta, inner=ms.InnerLoop(steps=2))
    >>> found = ms.read("mine.h5")
    >>> found.net.ways, found.inner.steps, np.array_equal(found.theta, theta)
    (3, 2, True)
    """
    path = shipped.find_checkpoint(path)
    changes = {name: value for name, value in changes.items() if value is not None}
    if not path.is_dir():
        return _read(path, changes)
    newest = path / CURRENT
    previous = path / PREVIOUS
    if not holds_checkpoint(path):
        raise ValueError(
            f"{path}: the folder holds no {CURRENT}; expected a checkpoint or a run folder"
        )
    try:
        return _read(newest, changes)
    except (ValueError, FileNotFoundError) as error:
        if not previous.is_file():
            raise
        reason = f"{newest} is missing" if isinstance(error, FileNotFoundError) else str(error)
    try:
        found = _read(previous, changes)
    except ValueError as error:
        raise ValueError(f"{reason}; {error}") from None
    update = found.progress.get("update")
    made = found.provenance.get("made", "at an unknown time")
    which = "" if update is None else f"of update {update}, "
    warnings.warn(f"{reason}; in its place {PREVIOUS} is used, {which}made {made}", stacklevel=2)
    return found


def holds_checkpoint(folder: Path) -> bool:
    """Whether a run folder has a checkpoint, be it only the one before the last."""
    return any((folder / name).is_file() for name in (CURRENT, PREVIOUS))


def _read(path: Path, changes: dict) -> Checkpoint:
    with naming(path, WHAT):
        return _assembled(*_contents(path), changes)


def _contents(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """(texts parsed, arrays); an array that is larger than the network's parameters or a curve is
    refused before it is read."""
    with Hdf5(path, WHAT) as file:
        texts = {name: _unpacked(file.file.attrs[name]) for name in _TEXTS}
        most = MOST_ROWS + sum(math.prod(shape) for _, shape in texts["layout"])
        names: list[str] = []
        file.file.visit(names.append)
        found = [name for name in names if file.has(name)]
        return texts, {name: file.array(name, most) for name in found}


def _assembled(texts: dict, arrays: dict[str, np.ndarray], changes: dict) -> Checkpoint:
    changes = dict(changes)
    rule = changes.pop("rule", None)
    settings = dict(texts["network"])
    net = NETWORKS[settings.pop("type")].from_configuration(settings, **changes)
    net.configuration()  # it has parts of the right kinds
    if (layout := _layout(net)) != texts["layout"]:
        raise ValueError(
            f"the checkpoint's arrays are those of another network: found {texts['layout']}, "
            f"expected {layout}"
        )
    theta = _checked_theta(net, arrays["theta"])
    trained = texts["training"]
    config = None if trained is None else TrainingConfig.from_mapping(trained, "training settings")
    inner = _inner(texts["inner_loop"], arrays, net, rule, config)
    parts: dict[str, dict[str, np.ndarray]] = {"curve": {}}
    for name, array in arrays.items():
        kind, _, part = name.partition("/")
        if kind == "curve":
            parts["curve"][part] = array
            continue
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must hold finite numbers; it holds NaN or infinite ones")
        if kind == "optimiser":
            of, part = part.split("/")
            parts.setdefault(of, {})[part] = array
    curve = parts.pop("curve")
    if len({array.shape for array in curve.values()}) > 1:
        raise ValueError("the columns of the curve differ in length")
    random, progress, provenance = (texts[name] for name in ("random", "progress", "provenance"))
    for name in ("update", "updates", "tasks"):
        if type(progress.get(name, 0)) is not int:
            raise ValueError(f"progress must hold whole numbers; its {name} is {progress[name]!r}")
    origin = Origin()
    if (made := dict(provenance).get("origin")) is not None:
        origin = Origin.read(made, "origin")
    elif config is not None:
        # saved by a script, or by 0.1, as some that ship: the settings say it
        origin = Origin(CHIP if "chip" in provenance else TRAIN, config.dataset, config.root)
    return Checkpoint(
        net, theta, inner, config, curve, parts, random, dict(progress), provenance, origin
    )


def _inner(
    kept: dict | None, arrays: dict[str, np.ndarray], net: Kept, rule: Any, config: Any
) -> InnerLoop | None:
    """How the network adapts; rule: one of your own, which no file holds, or ANY."""
    if kept is None:
        return None
    given = dict(kept)
    own = given.pop("own", None)
    if own is not None and rule is None:
        raise ValueError(
            f"the network learns by {own}, an object of your own; in Python: read(path, rule=...)"
        )
    step = arrays["step_size"]
    size = _cast(step, net.dtype) if step.ndim else float(step)
    inner = loop_of(given, size, arrays.get("axes"))
    if own is not None and rule is not ANY:
        inner = rule.loop(net, inner, config)
    inner.check(net)
    return inner


def _layout(net: Kept) -> list:
    return [[p.name, list(p.shape)] for p in net.layout]


def _checked_theta(net, theta: np.ndarray) -> np.ndarray:
    """Theta as the network takes it; ValueError where it does not fit or is not finite there."""
    if not isinstance(theta, np.ndarray) or theta.shape != (net.size,):
        raise ValueError(
            f"theta must be a flat array of {net.size} parameters, not "
            f"{getattr(theta, 'shape', type(theta).__name__)}"
        )
    if theta.dtype.kind != "f" or not np.isfinite(found := _cast(theta, net.dtype)).all():
        raise ValueError(
            f"theta must hold numbers finite in {net.dtype.name}; it holds NaN, infinite, too "
            "large or other values"
        )
    return found


def _cast(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The array in another type, too large numbers as infinity: to be looked for there, not
    before."""
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)


def _provenance() -> dict[str, str]:
    from importlib import metadata

    versions = {
        "minisnn": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    with suppress(metadata.PackageNotFoundError):
        versions["numba"] = metadata.version("numba")
    return {
        **versions,
        "system": f"{platform.system()} {platform.machine()}",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def classifier() -> Checkpoint | None:
    """The checkpoint of the ordinary classifier of digits in pairs that ships; None where it does
    not."""
    path = shipped.if_shipped("double_nmnist_pretrained.h5")
    return None if path is None else read(path)
