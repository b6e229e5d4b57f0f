"""Checkpoints: one self-describing HDF5 file that cannot run code.

    attributes   as JSON, long ones packed: network (its configuration), layout (name and shape of
                 every array in theta), inner_loop, training (settings), progress, provenance
    data sets theta; step_size (scalar or flat like theta); axes, if class means have some;
                 optimiser/<of what>/<array>; curve/<column>

A file is written under another name and then renamed: whenever the process is killed, the old or
the new file remains. HDF5's own checksums find damage.
"""

import base64
import io
import json
import math
import platform
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, arguments as given
from ..data.readers.hdf5 import naming
from ..data.store.shipped import find_checkpoint, if_shipped
from ..files import size_of, write_whole
from ..meta.inner import InnerLoop
from ..meta.kept import arrays_of, kept_of, loop_of
from ..network.convolutional import ConvNet
from ..network.spiking import SpikingNet
from .origin import CHIP, TRAIN, Origin
from .settings import TrainingConfig

CURRENT = "checkpoint.h5"  # name of a run folder's checkpoint
Kept = SpikingNet | ConvNet  # networks that a checkpoint can hold
NETWORKS: dict[str, Any] = {"SpikingNet": SpikingNet, "ConvNet": ConvNet}
WHAT = "a minisnn checkpoint"
LONG = 4096  # texts of at least this length are packed; HDF5 stores long texts without a checksum
MOST_ROWS = 1 << 22  # most rows of a curve
PACKED = "zlib:"
TEXTS = ("network", "layout", "inner_loop", "training", "progress", "provenance")


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint:
    """The contents of a checkpoint; parts that were not saved are None or empty.

    net, theta   the network and its flat parameters
    inner        how it adapts to a task, with learned step sizes
    config       settings of the run
    curve        {column: float64 array}, one row for each update
    optimiser    {optimised quantity: {array name: array}}
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
    progress: dict = field(default_factory=dict)
    provenance: dict = field(default_factory=dict)
    origin: Origin = Origin()

    def __repr__(self) -> str:
        return f"Checkpoint({self.net!r}, progress={self.progress}, provenance={self.provenance})"

    @property
    def loop(self) -> InnerLoop:
        """Return how the network adapts: the saved inner loop, or else one plain gradient step.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> ms.save("mine.h5", net, net.init(np.random.default_rng(0)))
        >>> found = ms.read("mine.h5")
        >>> found.inner is None, found.loop.steps
        (True, 1)
        """
        return self.inner or InnerLoop()

    def check_usable(self, path: str | Path) -> None:
        """Raise ValueError for the float weights of a run on the Loihi-style fixed-point model:
        they are only for resuming it.

        Checkpoints of such runs contain them.
        """
        if self.origin.command == CHIP and "chip" not in self.provenance:
            place = (Path(path) if Path(path).is_dir() else Path(path).parent) / "network.h5"
            raise ValueError(
                f"{path}: the run was made by `{CHIP}`, and its checkpoint is only for "
                f"resuming it; give the model's own network, {place}"
            )

    def to_open(
        self, path: str | Path, dataset: str | None, root: str | None
    ) -> tuple[str, str | None]:
        """Return the (data set, root) that a command opens for this network (`Origin.to_open`),
        after checking that the network is usable."""
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
    progress: Mapping | None = None,
    provenance: Mapping | None = None,
) -> None:
    """Write a checkpoint atomically. The parts are those of `Checkpoint`; `provenance` adds to the
    versions and the time, which are always recorded.

    Raises ValueError if theta does not fit the network or is not finite, OSError if the file
    cannot be written.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.save("mine.h5", net, theta, inner=ms.InnerLoop(steps=2))
    >>> ms.read("mine.h5").net.ways
    3
    """
    given.array("theta", theta)  # rejects masked arrays
    _checked(net, theta)
    if inner is not None:
        inner.check(net)
    versions = {"minisnn": __version__, "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("numpy", "numba")}
    versions["system"] = f"{platform.system()} {platform.machine()}"
    versions["made"] = datetime.now(UTC).isoformat(timespec="seconds")
    texts: dict[str, Any] = dict(
        network=dict(type=type(net).__name__, **net.configuration()),
        layout=_layout(net),
        inner_loop=None if inner is None else kept_of(inner),
        training=config and asdict(config),
        progress=dict(progress or {}),
        provenance={**versions, **(provenance or {})},
    )
    arrays = {"theta": theta} | ({} if inner is None else arrays_of(inner))
    for of, state in (optimiser or {}).items():
        arrays |= {f"optimiser/{of}/{name}": array for name, array in state.items()}
    for name, column in (curve or {}).items():
        arrays[f"curve/{name}"] = np.asarray(column, np.float64)
    write_whole(path, _image(texts, arrays))


def _image(texts: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Return the bytes of an HDF5 file with a checksum for each of its parts."""
    import h5py

    image = io.BytesIO()
    with h5py.File(image, "w", libver=("v110", "v110")) as file:
        for name, value in texts.items():
            text = json.dumps(value, sort_keys=True, default=lambda array: array.tolist())
            if len(text) >= LONG:
                text = PACKED + base64.b64encode(zlib.compress(text.encode())).decode()
            file.attrs[name] = np.bytes_(text)
        for name, array in arrays.items():
            whole = dict(chunks=array.shape, compression=4, shuffle=True, fletcher32=True)
            file.create_dataset(name, data=array, **(whole if array.ndim and array.size else {}))
    return image.getvalue()


def read(path: str | Path, **changes: Any) -> Checkpoint:
    """Read and verify a checkpoint.

    path      a file, the name of a network that ships, or a run folder
    changes   replace settings of the network, such as dtype, and supply custom parts, which
              files cannot store: neuron, loss, rule

    Raises FileNotFoundError, or ValueError with the file's name and what is wrong with it.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.save("mine.h5", net, theta, inner=ms.InnerLoop(steps=2))
    >>> found = ms.read("mine.h5")
    >>> found.net.ways, found.inner.steps, np.array_equal(found.theta, theta)
    (3, 2, True)
    >>> ms.read("mine.h5", dtype="float64").theta.dtype
    dtype('float64')
    """
    path = find_checkpoint(str(path))
    if path.is_dir():
        if not (path / CURRENT).is_file():
            raise ValueError(
                f"{path}: the folder holds no {CURRENT}; expected a checkpoint or a run folder"
            )
        path = path / CURRENT
    with naming(path, WHAT):
        return _assembled(*_contents(path), **changes)


def _contents(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read (texts, arrays) from a file."""
    import h5py

    size_of(path, WHAT)
    with h5py.File(path, "r") as file:
        texts = {name: _unpacked(file.attrs[name]) for name in TEXTS}
        most = MOST_ROWS + sum(math.prod(shape) for _, shape in texts["layout"])
        return texts, dict(_arrays(file, most))


def _unpacked(text: str | bytes) -> Any:
    text = text.decode() if isinstance(text, bytes) else text
    packed = text.startswith(PACKED)
    return json.loads(zlib.decompress(base64.b64decode(text[len(PACKED) :])) if packed else text)


def _arrays(group: Any, most: int, above: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, array) for everything in a group. Raises ValueError for links out of the file
    and for oversized arrays, before they are read."""
    import h5py

    for key in group:
        name = above + key
        link = group.get(key, getlink=True)
        given.must(name, isinstance(link, h5py.HardLink), "in the file itself", link)
        item = group[key]
        if isinstance(item, h5py.Group):
            yield from _arrays(item, most, f"{name}/")
            continue
        layout = item.id.get_create_plist()
        inside = layout.get_layout() != h5py.h5d.VIRTUAL and not layout.get_external_count()
        good = inside and item.dtype.kind in "biuf" and math.prod(item.shape) <= most
        given.must(name, good, f"at most {most} numbers in the file itself", item)
        yield name, item[()]


def _assembled(
    texts: dict, arrays: dict[str, np.ndarray], rule: Any = None, **changes
) -> Checkpoint:
    changes = {name: value for name, value in changes.items() if value is not None}
    settings = dict(texts["network"])
    net = NETWORKS[settings.pop("type")].from_configuration(settings, **changes)
    net.configuration()  # checks the kinds of its parts
    if (layout := _layout(net)) != texts["layout"]:
        raise ValueError(
            f"the checkpoint's arrays belong to another network: found {texts['layout']}, "
            f"expected {layout}"
        )
    parts: dict[str, dict] = {"curve": {}}  # arrays by their group
    for name, array in arrays.items():
        of, _, column = name.rpartition("/")
        parts.setdefault(of, {})[column] = array
        finite = of == "curve" or np.isfinite(array).all()
        given.must(name, finite, "finite numbers", array)
    optimiser = {
        of.removeprefix("optimiser/"): part
        for of, part in parts.items()
        if of.startswith("optimiser/")
    }
    training = texts["training"]
    provenance = dict(texts["provenance"])
    config = training and TrainingConfig.from_mapping(training, "training settings")
    origin = Origin()
    if "origin" in provenance:
        origin = Origin.read(provenance["origin"], "origin")
    elif config is not None:
        # saved by a script, or by 0.1, like some that ship: taken from the settings
        origin = Origin(CHIP if "chip" in provenance else TRAIN, config.dataset, config.root)
    theta = _checked(net, arrays["theta"])
    inner = _inner_of(net, texts["inner_loop"], arrays, rule, config)
    known = config, parts["curve"], optimiser, dict(texts["progress"]), provenance, origin
    return Checkpoint(net, theta, inner, *known)


def _inner_of(net: Kept, kept: dict | None, arrays: dict, rule: Any, config: Any) -> Any:
    """Return the inner loop of a file, with the caller's rule if the file names a custom one."""
    if kept is None:
        return None
    own = kept.pop("own", None)  # the caller's rule, which files cannot store
    if own is not None and rule is None:
        words = f"the network learns by {own}, an object of your own"
        raise ValueError(f"{words}; in Python: read(path, rule=...)")
    step = arrays["step_size"]
    inner = loop_of(kept, step.astype(net.dtype) if step.ndim else float(step), arrays.get("axes"))
    inner = inner if own is None else rule.loop(net, inner, config)
    inner.check(net)
    return inner


def _layout(net: Kept) -> list:
    return [[p.name, list(p.shape)] for p in net.layout]


def _checked(net: Kept, theta: np.ndarray) -> np.ndarray:
    """Return theta in the network's dtype. Raises ValueError if it does not fit or is not
    finite."""
    if np.shape(theta) != (net.size,):
        raise ValueError(
            f"theta must be a flat array of {net.size} parameters, not of shape {np.shape(theta)}"
        )
    with np.errstate(over="ignore"):  # numbers that are too large become infinite
        found = np.asarray(theta).astype(net.dtype, copy=False)
    finite = found.dtype == net.dtype and np.isfinite(found).all()
    given.must("theta", finite, f"numbers finite in {net.dtype.name}", theta)
    return found


def classifier() -> Checkpoint | None:
    """Return the shipped checkpoint of an ordinary classifier of pairs of digits; None if this
    installation lacks it."""
    path = if_shipped("double_nmnist_pretrained.h5")
    return None if path is None else read(path)
