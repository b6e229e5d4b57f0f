"""What `minisnn info` says of a dozen kinds of recordings, which train then opens with the same
flags, and of what is wrong with them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from minisnn import cli
from minisnn.data.readers.nmnist import write_nmnist
from minisnn.training.evaluation import check_sets, open_sets
from minisnn.training.presets import chosen
from sweeps import SENSOR, in_unit, sweep

QUICK = (
    "--channels 2 --kernel 3 --updates 1 --evaluate-every 0 --test-episodes 1 --queries 1 "
    "--init-tasks 1 --init-rounds 1"
)
CLASSES = 7


def array(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k), "us"))


def milliseconds(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k), "ms"))


def named_unit(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k), "ms", "t_ms"))


def bare(path: Path, k: int) -> None:
    np.save(
        path.with_suffix(".npy"), np.stack([sweep(k)[name].astype(np.int64) for name in "txyp"], 1)
    )


def archive(path: Path, k: int) -> None:
    np.savez(path.with_suffix(".npz"), events=in_unit(sweep(k), "us"), sensor=np.array(SENSOR))


def text(path: Path, k: int) -> None:
    np.savetxt(
        path.with_suffix(".txt"),
        np.stack([sweep(k)[name] / (1e6 if name == "t" else 1) for name in "xytp"], 1),
        "%.6f",
    )


def table(path: Path, k: int) -> None:
    events = sweep(k)
    np.savetxt(
        path.with_suffix(".csv"),
        np.stack([events[n] for n in "xytp"], 1),
        "%d",
        ",",
        header="x,y,t,p",
        comments="",
    )


def group(path: Path, k: int) -> None:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file.update({f"events/{name}": sweep(k)[name] for name in "xytp"})


def bytes_34(path: Path, k: int) -> None:
    write_nmnist(path.with_suffix(".bin"), sweep(k, (34, 34)))


def bytes_of_another(path: Path, k: int) -> None:
    write_nmnist(path.with_suffix(".bin"), sweep(k))
    path.with_suffix(".bin").rename(path.with_suffix(".bs2"))


def matlab(path: Path, k: int) -> None:
    events = sweep(k, (18, 24))
    savemat(
        path.with_suffix(".mat"),
        dict(ts=events["t"], x=events["x"], y=events["y"], pol=events["p"]),
    )


def stream(path: Path, k: int) -> None:
    out = bytearray(b"Event Stream\2\0\0\1" + bytes([SENSOR[1], 0, SENSOR[0], 0]))
    before = 0
    for one in sweep(k):
        passed, before = int(one["t"]) - before, int(one["t"])
        out += b"\xff" * (passed // 127) + bytes(
            [passed % 127 << 1 | int(one["p"]), one["x"], 0, SENSOR[0] - 1 - one["y"], 0]
        )
    path.with_suffix(".es").write_bytes(bytes(out))


def large(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k, (100, 120), burst=2), "us"))


KINDS = {  # what writes them, and what `info` must be told
    "array": (array, "--sensor 12,16"),
    "array of no sensor": (array, ""),
    "milliseconds": (milliseconds, "--sensor 12,16 --time ms"),
    "named unit": (named_unit, "--sensor 12,16"),
    "bare": (bare, "--sensor 12,16 --columns t,x,y,p"),
    "archive": (archive, ""),
    "text in seconds": (text, "--sensor 12,16 --columns x,y,t_s,p"),
    "turned over": (table, "--sensor 12,16 --flip-y"),
    "group": (group, "--sensor 12,16"),
    "bin": (bytes_34, ""),
    "bs2": (bytes_of_another, "--sensor 12,16"),
    "matlab": (matlab, "--sensor 18,24"),
    "es": (stream, ""),
    "large": (large, "--sensor 100,120"),
    "name with 'quotes' and $": (archive, ""),
}


def made(root: Path, write, classes: int = CLASSES, each: int = 2) -> Path:
    for k in range(classes * each):
        (root / f"class {k // each}").mkdir(parents=True, exist_ok=True)
        write(root / f"class {k // each}" / f"{k}", k)
    return root


def said_of(root: Path, flags: str, capsys) -> str:
    """What `info` prints for recordings in which nothing looks wrong."""
    assert cli.main(["info", str(root), *flags.split()]) == 0
    said = capsys.readouterr().out
    assert "looks wrong" not in said and "guides/recordings.md" in said, said
    return said


def on(root: Path, flags: str = "") -> list[str]:
    return ["train", "--dataset", "recordings", "--root", str(root), *flags.split()]


def opens(command: list[str]) -> None:
    """All that the command does before it learns: its sets are opened, and give tasks of so many
    classes."""
    given = vars(cli.parser("train").parse_args(command))
    del given["run"]
    config = chosen(None, {**given, "root": str(given["root"])})
    assert not config.idle().keys() & given.keys()
    sets = open_sets(config, progress=False)
    check_sets(config, sets)
    for tasks in sets.values():
        assert tasks.episode(0, 0, config.ways, 1, 1).x_query.any()


@pytest.mark.parametrize("kind", KINDS)
def test_what_info_describes_train_opens_with_the_same_flags(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    write, flags = KINDS[kind]
    root = made(tmp_path / kind, write)
    said = said_of(root, flags, capsys)
    assert "classes by split: train 3, val 2, test 2; tasks have 2 ways at most" in said
    unknown = kind == "array of no sensor"
    assert ("(12, 16): give --sensor" in said) == unknown
    opens(on(root, f"{flags}{' --sensor 12,16' * unknown} --ways 2 --channels none"))


def test_a_set_of_torchneuromorphic_is_described_and_opened(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    with h5py.File("n_mnist.hdf5", "w") as file:
        for k in range(14):
            events = sweep(k, (34, 34))
            file[f"data/{k}/times"] = events["t"].astype(np.uint32)
            file[f"data/{k}/addrs"] = np.stack([events[name] for name in "pxy"], 1).astype(np.uint8)
            file[f"data/{k}/labels"] = np.array([k // 2])
        file["extra/train_keys"], file["extra/test_keys"] = np.arange(14), np.zeros(0, int)
    said_of(Path("n_mnist.hdf5"), "", capsys)
    opens(on(Path("n_mnist.hdf5"), "--ways 2"))
    (tmp_path / "around").mkdir()
    Path("n_mnist.hdf5").rename("around/n_mnist.hdf5")
    assert cli.main(["info", "around"]) == 2
    assert "around: no recordings" in capsys.readouterr().err


def in_folders(root: Path, classes: int, **each: int) -> Path:
    """So many recordings of each class in each of the folders that are named."""
    for place, (split, number) in enumerate(each.items()):
        made(
            root / split,
            lambda path, k, first=100 * place: archive(path, first + k),
            classes,
            number,
        )
    return root


def said_wrong(capsys, *words: str) -> str:
    """What `info` prints of recordings that are not as they should be."""
    assert cli.main(["info", *words]) == 0
    return capsys.readouterr().out


def test_what_looks_wrong_is_told(tmp_path, capsys):
    root = made(tmp_path / "lone", archive, 7, 1)
    assert "class 0: has one recording" in said_wrong(capsys, str(root))
    root = made(tmp_path / "bare", bare)
    assert "--columns t,x,y,p" in said_wrong(capsys, str(root), "--sensor", "12,16")
    root = made(tmp_path / "twins", lambda path, k: archive(path, k // 2))
    assert "has the same events as" in said_wrong(capsys, str(root))


def test_splits_that_do_not_choose_the_classes_are_told(tmp_path, capsys):
    root = in_folders(tmp_path / "same", 6, train=2, test=2)
    assert cli.main(["info", str(root)]) == 0
    found = capsys.readouterr()
    assert "these splits are not used" in found.err and "classes by split" in found.out
    made(root / "train", lambda path, k: archive(path, 500 + k), 7)
    said = said_wrong(capsys, str(root))
    assert "class 6 not in all" in said and "classes by split" not in said


def test_what_cannot_be_read_is_told(tmp_path, capsys):
    def from_one(path: Path, k: int) -> None:
        events = in_unit(sweep(k), "us")
        events["x"] += 1
        np.save(path.with_suffix(".npy"), events)

    said = said_wrong(capsys, str(made(tmp_path / "one", from_one)), "--sensor", "12,16")
    assert "x reaches from 1 to 16; expected 0 to 15" in said
    root = made(tmp_path / "damaged", archive)
    (root / "class 3" / "6.npz").write_bytes(b"damaged")
    assert "6.npz: it is no NumPy file" in said_wrong(capsys, str(root))
    (tmp_path / "loose").mkdir()
    archive(tmp_path / "loose" / "a", 0)
    assert cli.main(["info", str(tmp_path / "loose"), "--sample", "3"]) == 2
    assert "a.npz is there, put it into a folder" in capsys.readouterr().err
