"""What is fuzzed: for every reader the files it starts from, how it reads one, and what must hold
of what it accepts."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from matplotlib.image import imsave
from scipy.io import savemat

from minisnn.data.readers.asl import SHAPE as ASL, read_asl
from minisnn.data.readers.events import check_events, event_array
from minisnn.data.readers.nmnist import read_nmnist, write_nmnist
from minisnn.data.readers.pictures import read_pictures
from minisnn.data.readers.spoken import SpokenFile
from minisnn.data.readers.torchneuromorphic import TorchNeuromorphic
from minisnn.data.written.paths import Lie, path_of
from minisnn.data.written.strokes import MEMBERS, read_strokes
import strokes
from mutations import mutate
from networks import make_networks
from recordings import make_recordings


@dataclass
class Reader:
    """name    of the file that is read, in a folder of its own       seeds   its undamaged contents
    read    reads a file and asserts what must hold of the result
    packed  (contents, pack): contents that are damaged before they are packed, so that damage
            reaches what lies inside
    beside  other files of the folder
    crafted makes a file of a generator, with damage that knows the format
    """

    name: str
    seeds: list[bytes]
    read: Callable[[Path], None]
    packed: list[tuple[list[bytes], Callable[[bytes], bytes]]] = field(default_factory=list)
    beside: dict[str, bytes] = field(default_factory=dict)
    crafted: Callable[[np.random.Generator], bytes] | None = None

    def input(self, number: int) -> bytes:
        """Damaged file number `number`."""
        rng = np.random.default_rng([number, 20220404])
        if self.crafted and rng.random() < 0.5:
            return self.crafted(rng)
        if self.packed and rng.random() < 0.5:
            contents, pack = self.packed[rng.integers(len(self.packed))]
            return pack(mutate(contents, rng))
        return mutate(self.seeds, rng)


def make_readers(folder: Path) -> dict[str, Reader]:
    """All readers; seeds are made in `folder`."""
    makers = dict(
        nmnist=_nmnist,
        matlab_5=_matlab_5,
        matlab_73=_matlab_73,
        torchneuromorphic=_torchneuromorphic,
        spoken=_spoken,
        strokes=_strokes,
        idx=_idx,
        pictures=_pictures,
        numpy=_numpy,
    )
    found = {name: make(folder, np.random.default_rng(1)) for name, make in makers.items()}
    return {
        **found,
        **make_recordings(folder, Reader, _events),
        **make_networks(folder, Reader, _saved),
    }


def _events(rng, n: int, rows: int, columns: int, last: int) -> np.ndarray:
    return event_array(
        rng.integers(0, columns, n),
        rng.integers(0, rows, n),
        np.sort(rng.integers(0, last, n)),
        rng.integers(0, 2, n),
    )


def _saved(folder: Path, write: Callable[[Path], object], name: str = "seed") -> bytes:
    write(folder / name)
    contents = (folder / name).read_bytes()
    (folder / name).unlink()
    return contents


def _nmnist(folder, rng) -> Reader:
    def read(path):
        events = read_nmnist(path)
        check_events(events, (34, 34))
        assert len(events) and (np.diff(events["t"]) >= 0).all()

    seeds = [
        _saved(folder, lambda p, n=n, last=last: write_nmnist(p, _events(rng, n, 34, 34, last)))
        for n, last in ((1, 9), (60, 310_000), (30, 9_000_000))
    ]
    return Reader("00007.bin", seeds, read)


def _read_asl(path) -> None:
    events = read_asl(path)
    check_events(events, ASL)
    assert len(events) and (np.diff(events["t"]) >= 0).all() and events["t"][0] >= 0


def _asl_columns(rng, n: int = 30, kind: str = "f8") -> dict[str, np.ndarray]:
    events = _events(rng, n, *ASL, 100_000)
    return {
        name: events[column].astype(kind)
        for name, column in (("ts", "t"), ("x", "x"), ("y", "y"), ("pol", "p"))
    }


def _matlab_5(folder, rng) -> Reader:
    def file(squeeze, **options):
        columns = {
            name: (v[:, None] if squeeze else v[None]) for name, v in _asl_columns(rng).items()
        }
        return _saved(
            folder, lambda p: savemat(p, {**columns, "note": "made by hand"}, **options), "seed.mat"
        )

    seeds = [file(True), file(False), file(True, do_compression=True)]
    plain = file(False)

    def pack(body: bytes) -> bytes:
        packed = zlib.compress(body)
        return plain[:128] + struct.pack("<II", 15, len(packed)) + packed + plain[128:]

    return Reader("a_0001.mat", seeds, _read_asl, [([plain[128:]], pack)])


def _matlab_73(folder, rng) -> Reader:
    def file(path, **options):
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, values in _asl_columns(rng).items():
                item = file.create_dataset(name, data=values[None], **options)
                item.attrs["MATLAB_class"] = np.bytes_("double")
        head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM"
        path.write_bytes(head + path.read_bytes()[len(head) :])

    options = (
        {},
        dict(compression="gzip", chunks=(1, 10)),
        dict(compression="gzip", shuffle=True, fletcher32=True),
    )
    return Reader(
        "a_0001.mat", [_saved(folder, lambda p, o=o: file(p, **o)) for o in options], _read_asl
    )


def _torchneuromorphic(folder, rng) -> Reader:
    def file(path, libver, groups, **options):
        with h5py.File(path, "w", libver=libver) as file:
            for key in range(3):
                events = _events(rng, 20, 34, 34, 9000)
                file.create_dataset(f"data/{key}/times", data=events["t"].astype("u4"), **options)
                addresses = np.stack([events[c] for c in "pxy"], 1).astype("u1")
                file.create_dataset(f"data/{key}/addrs", data=addresses, **options)
                file[f"data/{key}/labels"] = np.array([key % 2], "u1")
            file["extra/train_keys"], file["extra/test_keys"] = np.arange(2), np.array([2])
            if groups:
                file["extra/train_keys_by_label/0"], file["extra/train_keys_by_label/1"] = [0], [1]
            else:
                file["extra/train_keys_by_label"] = np.array([[0], [1]])
            file.attrs["N"] = 3

    def read(path):
        with TorchNeuromorphic(path) as file:
            for key, *_ in file.listed()[:8]:
                check_events(file.read(key), (34, 34))

    seeds = [
        _saved(folder, lambda p, a=a: file(p, *a)) for a in (("earliest", False), ("latest", True))
    ]
    seeds.append(_saved(folder, lambda p: file(p, "earliest", False, compression="gzip")))
    return Reader("n_mnist.hdf5", seeds, read)


def _spoken(folder, rng) -> Reader:
    def file(path, libver, kind, ragged):
        with h5py.File(path, "w", libver=libver) as file:
            for name, most, dtype in (("times", 1.4, kind), ("units", 700, "u2")):
                drawn = [(rng.random(20) * most).astype(dtype) for _ in range(3)]
                if ragged:
                    rows = file.create_dataset(f"spikes/{name}", (3,), h5py.vlen_dtype(dtype))
                    for number, row in enumerate(drawn):
                        rows[number] = row[: 5 * number]
                else:
                    file[f"spikes/{name}"] = np.array(drawn)
            file["labels"] = np.array([0, 1, 1], "u2")
            file["extra/keys"] = np.array([b"zero", b"one"])
            file["extra/speaker"] = np.array([4, 4, 5], "u2")

    def read(path):
        with SpokenFile(path) as file:
            assert len(file.words) > file.labels.max()
            for events in map(file.read, range(min(len(file), 4))):
                check_events(events, (1, 700))
                assert events["t"].min(initial=0) >= 0

    seeds = [
        _saved(folder, lambda p, a=a: file(p, *a))
        for a in (("earliest", "f2", True), ("latest", "f4", True), ("earliest", "f4", False))
    ]
    return Reader("shd_train.h5", seeds, read)


def _check_pictures(found) -> None:
    assert found.images.ndim == 3 and len(found.images) == len(found.labels) > 0
    assert found.images.dtype == np.uint8 or (found.images >= 0).all() and (found.images <= 1).all()
    assert 0 <= found.labels.min() and found.labels.max() < len(found.names)


def _strokes(folder, rng) -> Reader:
    made = strokes.drawings({"Latin": 2, "Ogham": 1}, 3)
    whole = {name: getattr(made, name) for name in MEMBERS}

    def archive(save, arrays) -> bytes:
        image = io.BytesIO()
        save(image, **arrays)
        return image.getvalue()

    def read(path):
        found = read_strokes(path)
        for number in range(min(len(found), 4)):
            for pace in ("even", "scaled", "written"):
                path = path_of(found.of(number), pace, 100)
                assert np.isfinite(Lie((9, 9)).place(path.xy)).all()
                assert path.t[0] == 0 and (np.diff(path.t) >= 0).all()

    def crafted(rng) -> bytes:
        arrays = {name: array.copy() for name, array in whole.items()}
        for name in rng.choice(MEMBERS, rng.integers(1, 3), replace=False):
            change = rng.integers(4)
            if change == 0:
                del arrays[name]
                break
            if change == 1:
                arrays[name] = arrays[name][: rng.integers(len(arrays[name]))]
            elif change == 2:
                kinds = ["S9", "U2"] if name == "names" else ["u1", "i4", "f4", "U9"]
                arrays[name] = arrays[name].astype(rng.choice(kinds))
            elif arrays[name].dtype.kind in "iu":
                arrays[name].reshape(-1)[rng.integers(arrays[name].size)] = rng.integers(-99, 9999)
        return archive(np.savez, arrays)

    seeds = [archive(save, whole) for save in (np.savez, np.savez_compressed)]
    return Reader("strokes.npz", seeds, read, crafted=crafted)


def _idx(folder, rng) -> Reader:
    images = b"\0\0\x08\3" + struct.pack(">3I", 6, 5, 4) + rng.bytes(120)
    labels = b"\0\0\x08\1" + struct.pack(">I", 6) + bytes([3, 1, 3, 7, 1, 3])
    return Reader(
        "t-images-idx3-ubyte",
        [images, gzip.compress(images)],
        lambda p: _check_pictures(read_pictures(p)),
        [([images], gzip.compress)],
        {"t-labels-idx1-ubyte": labels},
    )


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _pictures(folder, rng) -> Reader:
    grey, colour = rng.integers(0, 256, (9, 8), np.uint8), rng.integers(0, 256, (9, 8, 4), np.uint8)

    def npy(path):
        with open(path, "wb") as file:
            np.save(file, grey)

    from PIL import Image

    seeds = [_saved(folder, lambda p: imsave(p, colour), "a.png"), _saved(folder, npy)]
    for kind, mode in (("a.jpg", "RGB"), ("a.bmp", "RGB"), ("a.tif", "L"), ("b.png", "P")):
        seeds.append(
            _saved(
                folder, lambda p, m=mode: Image.fromarray(colour[..., :3]).convert(m).save(p), kind
            )
        )

    def read(path):
        for name in ("a.png", "a.npy"):  # the content need not be what the ending says
            place = path.with_name("set") / "label" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
            try:
                return _check_pictures(read_pictures(place.parents[1]))
            except ValueError as error:
                assert str(place) in str(error), error
                reason = str(error).replace(str(place), str(path))
            finally:
                place.unlink()
        raise ValueError(reason)

    return Reader("picture", seeds, read)


def _numpy(folder, rng) -> Reader:
    arrays = dict(
        images=rng.integers(0, 256, (6, 5, 4), np.uint8), labels=np.array([3, 1, 3, 7, 1, 3])
    )
    texts = dict(x=rng.random((6, 5, 4)).astype("f4"), y=np.array(list("abcabc")))
    seeds = [
        _saved(folder, lambda p: np.savez(p, **arrays), "a.npz"),
        _saved(folder, lambda p: np.savez_compressed(p, **texts), "a.npz"),
    ]
    member, labels = io.BytesIO(), io.BytesIO()
    np.save(member, arrays["images"])
    np.save(labels, arrays["labels"])

    def pack(contents: bytes) -> bytes:
        found = io.BytesIO()
        with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", contents)
            archive.writestr("labels.npy", labels.getvalue())
        return found.getvalue()

    return Reader(
        "a.npz", seeds, lambda p: _check_pictures(read_pictures(p)), [([member.getvalue()], pack)]
    )
