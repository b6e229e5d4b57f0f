"""Checkpoints: one HDF5 file that describes itself and cannot run code.

    user block   512 bytes of text before the HDF5 part: format, version, length and SHA-256 of that part
    attributes   as JSON: network (its configuration), layout (name and shape of every array in theta), inner_loop,
                 training (settings), progress, random, provenance
    data sets    theta; step_size (scalar or flat like theta); optimiser/<of what>/<array>; curve/<column>

A file is written beside its place and renamed into it: killed at any moment, the place holds the old or the new one.
HDF5 may crash on damaged files, so nothing is opened before its checksum holds.
"""
import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from . import __version__
from .convnet import ConvNet
from .maml import InnerLoop
from .network import SpikingNet
from .settings import TrainingConfig

FORMAT, VERSION, HEADER = "minisnn checkpoint", 1, 512
NETWORKS = {"SpikingNet": SpikingNet, "ConvNet": ConvNet}
_TEXTS = ("network", "layout", "inner_loop", "training", "progress", "random", "provenance")


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint:
    """What a file holds; parts that were not saved are None or empty.

    net, theta   the network and its flat parameters
    inner        how it adapts to a task, with learned step sizes
    config       settings of the training
    curve        {column: float64 array}, a row an update
    optimiser    {what it optimises: {array name: array}}
    random       state of a bit generator, see `generator`
    progress     counters and notes in plain JSON types
    provenance   versions and time of making
    """

    net: SpikingNet | ConvNet
    theta: np.ndarray
    inner: InnerLoop | None = None
    config: TrainingConfig | None = None
    curve: dict[str, np.ndarray] = field(default_factory=dict)
    optimiser: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    random: dict | None = None
    progress: dict = field(default_factory=dict)
    provenance: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Checkpoint({self.net!r}, progress={self.progress}, provenance={self.provenance})"

    def generator(self) -> np.random.Generator:
        """The random generator that was saved, in the state it was in."""
        kinds = {name: getattr(np.random, name) for name in ("PCG64", "PCG64DXSM", "Philox", "SFC64", "MT19937")}
        name = (self.random or {}).get("bit_generator")
        if name not in kinds:
            raise ValueError(f"the checkpoint holds no random state of {', '.join(kinds)}, but {name!r}")
        bits = kinds[name]()
        bits.state = _arrays_from_lists(self.random)
        return np.random.Generator(bits)


def save(path: str | Path, net, theta: np.ndarray, *, inner: InnerLoop | None = None,
         config: TrainingConfig | None = None, curve: Mapping | None = None, optimiser: Mapping | None = None,
         rng: np.random.Generator | None = None, progress: Mapping | None = None,
         provenance: Mapping | None = None) -> None:
    """Write a checkpoint, whole or not at all. Parts as in `Checkpoint`; `provenance` adds to what is noted anyway.

    Raises ValueError where theta does not fit the network or is not finite, OSError where the file cannot be written.
    """
    path = Path(path)
    _check_theta(net, theta)
    if inner is not None:
        inner.check(net)
    texts = dict(network=dict(type=type(net).__name__, **net.configuration()),
                 layout=[[p.name, list(p.shape)] for p in net.layout],
                 inner_loop=None if inner is None else {k: v for k, v in vars(inner).items() if k != "step_size"},
                 training=None if config is None else asdict(config), progress=dict(progress or {}),
                 random=None if rng is None else _lists_from_arrays(rng.bit_generator.state),
                 provenance={**_provenance(), **(provenance or {})})
    arrays = {"theta": theta}
    if inner is not None:
        arrays["step_size"] = np.asarray(inner.step_size)
    arrays.update({f"optimiser/{of}/{name}": array for of, state in (optimiser or {}).items()
                   for name, array in state.items()})
    arrays.update({f"curve/{name}": np.asarray(column, np.float64) for name, column in (curve or {}).items()})
    write_whole(path, _image({k: json.dumps(v, sort_keys=True) for k, v in texts.items()},
                             arrays))


def load(path: str | Path, **changes) -> tuple[SpikingNet | ConvNet, np.ndarray]:
    """(network, theta) of a checkpoint; `changes` replace parts of the network's configuration, such as dtype."""
    checkpoint = read(path, **changes)
    return checkpoint.net, checkpoint.theta


def read(path: str | Path, **changes) -> Checkpoint:
    """The whole checkpoint, verified. For a run folder its checkpoint.h5 is read; changes as in `load`.

    Raises FileNotFoundError, or ValueError naming the file and what was expected of it.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / "checkpoint.h5").is_file():
            raise ValueError(f"{path}: the folder holds no checkpoint.h5; expected a checkpoint or a run folder")
        path = path / "checkpoint.h5"
    try:
        return _assembled(*_contents(_verified(path)), changes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: the checkpoint lacks what it should hold, or holds it in another form "
                         f"({error})") from None


def write_whole(path: Path, contents: bytes) -> None:
    """Write a file beside its place, then rename it into it; what was there before stays until then."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise


def _image(texts: dict[str, str], arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of the file, made in memory."""
    import h5py
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=HEADER) as file:
        for name, text in texts.items():
            file.attrs[name] = text
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip" if array.size > 64 else None)
    body = buffer.getvalue()[HEADER:]
    header = json.dumps(dict(format=FORMAT, version=VERSION, length=len(body), sha256=hashlib.sha256(body).hexdigest()))
    return f"{header}\n".encode().ljust(HEADER) + body


def _verified(path: Path) -> bytes:
    """The bytes of the file, its header and checksum found right."""
    with open(path, "rb") as file:
        start = file.read(HEADER)
        try:
            header = json.loads(start) if len(start) == HEADER else None
            if header["format"] != FORMAT:
                raise ValueError
        except (ValueError, TypeError, KeyError):
            found = "is empty" if not start else "is of another kind, or its beginning is damaged"
            raise ValueError(f"the file {found}; expected a minisnn checkpoint") from None
        if header.get("version") != VERSION:
            raise ValueError(f"the checkpoint is of version {header.get('version')}; "
                             f"this minisnn ({__version__}) reads version {VERSION}")
        body = file.read()
    if len(body) != header.get("length"):
        raise ValueError(f"the checkpoint is truncated; found {len(body)} bytes after its header, "
                         f"expected {header.get('length')}")
    if hashlib.sha256(body).hexdigest() != header.get("sha256"):
        raise ValueError("the checkpoint is damaged; its contents do not match their checksum")
    return start + body


def _contents(image: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """(texts parsed, arrays) of a verified file."""
    import h5py
    arrays: dict[str, np.ndarray] = {}
    try:
        with h5py.File(io.BytesIO(image), "r") as file:
            texts = {name: json.loads(file.attrs[name]) for name in _TEXTS}
            file.visititems(lambda name, item: arrays.update({name: np.asarray(item[()])})
                            if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" else None)
    except Exception as error:          # h5py raises OSError, KeyError, RuntimeError, TypeError, ValueError
        raise ValueError(f"the checkpoint lacks what it should hold ({str(error).strip()})") from None
    return texts, arrays


def _assembled(texts: dict, arrays: dict[str, np.ndarray], changes: dict) -> Checkpoint:
    settings = dict(texts["network"])
    kind = settings.pop("type", None)
    if kind not in NETWORKS:
        raise ValueError(f"the checkpoint is of a {kind}; this minisnn knows {', '.join(NETWORKS)}")
    try:
        net = NETWORKS[kind].from_configuration(settings, **changes)
    except TypeError as error:
        raise ValueError(f"the network's configuration is of another version of minisnn ({error})") from None
    layout = [[p.name, list(p.shape)] for p in net.layout]
    if layout != texts["layout"]:
        raise ValueError(f"the checkpoint's arrays are those of another network: found {texts['layout']}, "
                         f"expected {layout}")
    theta = arrays.get("theta", np.zeros(0))
    _check_theta(net, theta)
    inner = None
    if texts["inner_loop"] is not None:
        step = arrays["step_size"]
        inner = InnerLoop(**{**texts["inner_loop"], "freeze": tuple(texts["inner_loop"]["freeze"])},
                          step_size=step.astype(net.dtype) if step.ndim else float(step))
        inner.check(net)
    optimiser: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        if name.startswith("optimiser/"):
            _, of, part = name.split("/")
            optimiser.setdefault(of, {})[part] = array
    curve = {name.removeprefix("curve/"): array for name, array in arrays.items() if name.startswith("curve/")}
    config = None if texts["training"] is None else TrainingConfig.from_mapping(texts["training"], "training settings")
    return Checkpoint(net, theta.astype(net.dtype, copy=False), inner, config, curve, optimiser, texts["random"],
                      texts["progress"], texts["provenance"])


def _check_theta(net, theta: np.ndarray) -> None:
    if not isinstance(theta, np.ndarray) or theta.shape != (net.size,):
        raise ValueError(f"theta must be a flat array of {net.size} parameters, not "
                         f"{getattr(theta, 'shape', type(theta).__name__)}")
    if theta.dtype.kind != "f" or not np.isfinite(theta).all():
        raise ValueError("theta must hold finite numbers; it holds NaN, infinite or other values")


def _provenance() -> dict[str, str]:
    import datetime
    import platform
    from importlib import metadata

    versions = {"minisnn": __version__, "python": platform.python_version(), "numpy": np.__version__}
    try:
        versions["numba"] = metadata.version("numba")
    except metadata.PackageNotFoundError:
        pass
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {**versions, "system": f"{platform.system()} {platform.machine()}", "made": now}


def _lists_from_arrays(state):
    """A bit generator's state in JSON's types; `_arrays_from_lists` takes it back."""
    if isinstance(state, dict):
        return {key: _lists_from_arrays(value) for key, value in state.items()}
    if isinstance(state, np.ndarray):
        return {"array": state.tolist(), "dtype": state.dtype.name}
    return state.item() if isinstance(state, np.generic) else state


def _arrays_from_lists(state):
    if isinstance(state, dict):
        if set(state) == {"array", "dtype"}:
            return np.array(state["array"], state["dtype"])
        return {key: _arrays_from_lists(value) for key, value in state.items()}
    return state
