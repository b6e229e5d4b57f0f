"""Networks on disk, for the fuzzer: checkpoints, NIR files, settings and run folders, with damage
that knows their form."""

import contextlib
import copy
import io
import json
import os
from dataclasses import asdict
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

import minisnn as ms
from minisnn import nir
from minisnn.commands import describe
from minisnn.meta.inner import InnerLoop
from minisnn.training import checkpoint
from minisnn.files import read_json
from minisnn.training.folder import RunFolder
from minisnn.training.origin import PYTHON, Origin
from minisnn.training.settings import TrainingConfig
from mutations import mutate

ODD_VALUES = [
    *(
        None,
        True,
        False,
        0,
        -1,
        3,
        10**30,
        10**400,
        -(10**400),
        0.5,
        -0.0,
        1e-320,
        1e308,
        -1e308,
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        "x",
        "nan",
        "1",
        "\x1b[31mred",
        "a\nb",
        "../x",
        "\ud800",
        "x" * 5000,
        "conv1",
        "maml",
        "float64",
        "mean",
    ),
    *(
        [],
        [1],
        [1, 2],
        [[]],
        [None],
        ["x"],
        [10**30],
        [2] * 300,
        {},
        {"a": 1},
        {"": {}},
        [[1, 2], [3]],
    ),
]
ODD_TEXTS = [
    "[" * 100_000,
    '{"a":' * 50_000,
    "",
    "null",
    "[]",
    "{}",
    "1" * 5000,
    "\x00",
    "NaN",
    '{"version": 1}',
    '{"version": {}}',
]
ODD_NAMES = [
    "a",
    "0",
    "é",
    "\x1b[31m",
    "n" * 300,
    "edges",
    "nodes",
    "metadata",
    "type",
    "deep/er",
    "input",
    "\\",
    " ",
    "a\nb",
]


def one(rng, values):
    """One of a list."""
    return values[int(rng.integers(len(values)))]


def changed_json(text: str, rng) -> str:
    """A JSON text with one to three values, at any depth, replaced, taken away, or put in under
    another name."""
    if rng.random() < 0.05:
        return one(rng, ODD_TEXTS)
    root = {"": json.loads(text)}
    for _ in range(one(rng, [1, 1, 2, 3])):
        place, key = root, ""
        while isinstance(place[key], (dict, list)) and place[key] and rng.random() < 0.85:
            place = place[key]
            key = one(rng, list(place) if isinstance(place, dict) else list(range(len(place))))
        what = rng.random()
        if what < 0.75 or place is root:
            place[key] = copy.deepcopy(one(rng, ODD_VALUES))
        elif what < 0.9:
            del place[key]
        elif isinstance(place, dict):
            place[one(rng, ODD_NAMES)] = place.pop(key)
        if not place and place is root:
            break
        if key not in (place if isinstance(place, dict) else range(len(place))):
            root.setdefault("", None)
    return json.dumps(root[""])


def odd_data(group, name: str, rng) -> None:
    """Put a data set, a group or a link of an unusual kind under a name of an HDF5 file."""
    kinds = [
        "f2",
        "f4",
        "f8",
        ">f8",
        "c8",
        "c16",
        "b1",
        "i1",
        "u8",
        ">i4",
        "S3",
        "S0",
        "V5",
        [("a", "f4"), ("b", "i2")],
    ]
    shape, kind = (
        one(rng, [(), (1,), (2,), (0,), (3, 4), (2, 2, 2, 2), (1, 1, 1, 1, 1), (7,)]),
        int(rng.integers(16)),
    )
    if kind == 0:
        group.create_dataset(name, data=h5py.Empty(one(rng, ["f4", "S4"])))
    elif kind == 1:
        group.create_dataset(
            name,
            data=one(rng, ODD_TEXTS[2:] + ["CubaLI", "Affine", "NIRGraph", "Input", "\x1b[31m"]),
        )
    elif kind == 2:
        group.create_dataset(
            name,
            data=np.array(["a", "b", "input"][: int(rng.integers(1, 4))], object),
            dtype=h5py.string_dtype(),
        )
    elif kind == 3:
        group.create_dataset(name, (1 << 40,), "f4", chunks=(1 << 10,))
    elif kind == 4:
        group[name] = h5py.SoftLink(one(rng, ["/", "/node", "/nowhere", "."]))
    elif kind == 5:
        group[name] = h5py.ExternalLink("other.nir", "/node")
    elif kind == 6:
        deep = group.create_group(name)
        for _ in range(int(rng.integers(1, 30))):
            deep = deep.create_group("g")
    elif kind == 7:  # a floating-point type that no NumPy type can hold
        odd = h5py.h5t.IEEE_F64LE.copy()
        odd.set_size(16)
        odd.set_precision(128)
        odd.set_fields(127, 64, 63, 0, 63)
        odd.set_ebias((1 << 62) - 1)
        h5py.h5d.create(group.id, name.encode(errors="replace"), odd, h5py.h5s.create_simple((2,)))
    elif kind == 8:
        group.create_dataset(name, (1,), dtype=h5py.enum_dtype({"a": 1, "b": 2}))
    elif kind == 9:
        group.create_dataset(name, (2,), dtype=h5py.vlen_dtype("f4"))
    elif kind == 10:
        group.create_dataset(name, (1,), dtype=h5py.ref_dtype)
    elif kind in (11, 12):
        group.create_dataset(
            name, data=np.full(shape, one(rng, [np.nan, np.inf, 1e300, -1.0, 0.0, 5e-324, 0.5]))
        )
    else:
        group.create_dataset(name, data=np.zeros(shape, np.dtype(one(rng, kinds))))


def changed_tree(image: bytes, rng) -> bytes:
    """An HDF5 file with one to three of its data sets and groups replaced, taken away, doubled or
    renamed."""
    buffer = io.BytesIO(image)
    with h5py.File(buffer, "r+") as file:
        for _ in range(one(rng, [1, 1, 2, 3])):
            names: list[str] = []
            file.visit(names.append)
            if not names:
                break
            name = one(rng, names)
            parent, what = file[name].parent, int(rng.integers(6))
            # a name that is taken or cannot be
            with contextlib.suppress(ValueError, KeyError, OSError, TypeError, RuntimeError):
                if what == 0:
                    del file[name]
                elif what == 1:
                    file.move(name, f"{parent.name}/{one(rng, ODD_NAMES)}")
                elif what == 2:
                    file.copy(name, f"{parent.name}/{one(rng, ODD_NAMES)}")
                elif (
                    what == 3
                    and isinstance(file[name], h5py.Dataset)
                    and file[name].dtype.kind == "O"
                    and not file[name].shape
                ):
                    text = file[name].asstr()[()]
                    del file[name]
                    file[name] = (
                        changed_json(text, rng)
                        if text.startswith("{")
                        else one(rng, ODD_TEXTS + ODD_NAMES)
                    )
                else:
                    del file[name]
                    odd_data(file, name, rng)
    return buffer.getvalue()


def changed_checkpoint(contents: bytes, rng) -> bytes:
    """A checkpoint with another tree or other texts."""
    if rng.random() < 0.3:
        return changed_tree(contents, rng)
    buffer = io.BytesIO(contents)
    with h5py.File(buffer, "r+") as file:
        name = one(rng, list(file.attrs))
        text = changed_json(file.attrs[name].decode(), rng)
        del file.attrs[name]
        # a null byte
        with contextlib.suppress(ValueError, OSError, RuntimeError):
            file.attrs[name] = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return buffer.getvalue()


def saved_checkpoint(path: Path, net, rng, config: TrainingConfig) -> None:
    theta = net.init(rng)
    checkpoint.save(
        path,
        net,
        theta,
        inner=InnerLoop(np.full(net.size, 2, np.float32)),
        config=config,
        rng=rng,
        curve={
            name: np.arange(3.0)
            for name in ("loss", "accuracy_before", "accuracy_after", "seconds", "validation")
        },
        optimiser={"outer": ms.Adam(net.size).state},
        progress={"update": 3},
    )


def networks() -> list:
    return [
        ms.SpikingNet((4, 4, 2), (2,), 2, 3, backend="numpy"),
        ms.ConvNet((4, 4, 2), (2,), 2, 3, backend="numpy"),
    ]


def make_networks(folder: Path, reader: Callable, saved: Callable) -> dict:
    """The readers of networks; `reader` is their class, `saved` gives the bytes of what a function
    writes."""
    rng = np.random.default_rng(1)
    seeds = [
        saved(folder, lambda p, net=net: saved_checkpoint(p, net, rng, TrainingConfig()))
        for net in networks()
    ]
    settings = _settings(TrainingConfig(root="N-MNIST", clip=3.0))
    return dict(
        checkpoint=reader(
            "checkpoint.h5",
            seeds,
            _read_checkpoint,
            crafted=lambda rng: changed_checkpoint(one(rng, seeds), rng),
        ),
        settings=reader(
            "config.json",
            [settings],
            lambda p: RunFolder(p.parent).config(),
            crafted=lambda rng: changed_json(settings.decode(), rng).encode(
                "utf-8", "surrogatepass"
            ),
        ),
        nir=_nir(folder, reader, saved),
        run=_run(folder, reader, saved),
    )


def _read_checkpoint(path: Path) -> None:
    found = checkpoint.read(path)
    assert found.theta.shape == (found.net.size,) and np.isfinite(found.theta).all()


def _nir(folder: Path, reader: Callable, saved: Callable):
    rng, seeds = np.random.default_rng(2), []
    for pool, hidden, step in (("max", (), 0.5), ("mean", (3,), None), ("max", (3,), "each")):
        net = ms.SpikingNet(
            (4, 4, 2), (2,), 2, 3, hidden=hidden, pool=pool, neuron=ms.CubaLIF(), backend="numpy"
        )
        inner = (
            None
            if step is None
            else InnerLoop(np.full(net.size, 2, np.float32) if step == "each" else step)
        )
        seeds.append(
            saved(
                folder,
                lambda p, net=net, inner=inner: nir.export_nir(p, net, net.init(rng), inner=inner),
            )
        )
    bare = io.BytesIO(seeds[0])
    with h5py.File(bare, "r+") as file:  # as another program would write it
        del file["node/metadata"]
    seeds.append(bare.getvalue())

    def read(path: Path) -> None:
        found = nir.import_nir(path)
        assert found.theta.shape == (found.net.size,) and np.isfinite(found.theta).all()

    return reader("net.nir", seeds, read, crafted=lambda rng: changed_tree(one(rng, seeds), rng))


def _settings(config: TrainingConfig) -> bytes:
    """config.json of a run."""
    made = asdict(Origin(data=PYTHON))
    return json.dumps({**asdict(config), "made": made}).encode()


def _run(folder: Path, reader: Callable, saved: Callable):
    """A run folder of which one file is damaged; the input is the number of that file and its
    contents."""
    config = TrainingConfig(channels=(2,), kernel=3, ways=2, updates=5, root="N-MNIST")
    network = saved(
        folder, lambda p: saved_checkpoint(p, networks()[0], np.random.default_rng(3), config)
    )
    result = dict(
        split="test",
        episodes=600,
        ways=5,
        shots=1,
        accuracy_after=0.9,
        accuracy_before=0.2,
        ci95=0.01,
        interval=None,
        align="none",
    )
    files = {
        "config.json": _settings(config),
        "checkpoint.h5": network,
        "checkpoint.previous.h5": network,
        "result.json": json.dumps(result).encode(),
        "log.csv": b"update,tasks,loss\n1,4,0.5\n2,8,0.4\n",
    }
    names = list(files)

    def damaged(rng) -> bytes:
        which = int(rng.integers(len(names)))
        contents = files[names[which]]
        if rng.random() < 0.5:
            contents = mutate([contents], rng)
        elif names[which].endswith(".json"):
            contents = changed_json(contents.decode(), rng).encode("utf-8", "surrogatepass")
        elif names[which].endswith(".h5"):
            contents = changed_checkpoint(contents, rng)
        return bytes([which]) + contents

    def read(path: Path) -> None:
        contents = path.read_bytes() or b"\0"
        which = contents[0] % len(names)
        run = path.with_name("set") / "run"
        run.mkdir(parents=True, exist_ok=True)
        for name, whole in files.items():
            (run / name).write_bytes(bytes(contents[1:]) if name == names[which] else whole)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                describe.run(run)
                read_json(run / "result.json")
                with RunFolder(run) as held:
                    held.resume(held.config(), given=True)
        except ValueError as error:
            assert str(run) in str(error), error
            raise ValueError(str(error).replace(str(run), str(path))) from None
        assert not [name for name in os.listdir(run) if name not in files], "left behind"

    return reader(
        "run.files",
        [bytes([n]) + contents for n, contents in enumerate(files.values())][4:],
        read,
        crafted=damaged,
    )
